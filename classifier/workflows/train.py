"""The story that joins the rooms: ``train`` a model on a person's photos, with an honest report."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from .. import device as devices
from .. import distributed
from ..config import Mode, ResizeMode, TrainConfig
from ..data import dataset, splits
from ..data.catalog import Asset
from ..data.labels import natural_key
from ..data.project import Project
from ..errors import DataError, ModelError, SettingError
from ..evaluation import calibration, metrics, ood
from ..evaluation.report import Report, build_report
from ..events import Epoch, Note, Progress
from ..models import checkpoint, networks
from ..models.checkpoint import TrainedModel
from ..models.feature_cache import FeatureCache
from ..models.features import FeatureExtractor
from ..models.surgery import fuse_batch_norm
from ..training import deep, linear_head, resize_mode
from .check import DEFAULTS, NO_PHOTOS, duplicate_groups, encode_labels, group_near_duplicates, warnings
from .evaluate import on_own_split, on_test, to_run_assets

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Finished:
    """The end of training: the report, the checkpoint's folder, the seconds it took.

    ``test`` is the report on separate test photos, if such were given. ``mode`` is that of the model
    kept: deep training keeps the quick one where it was already as good. ``notes`` say so, and what else
    the person should know of the training.
    """

    report: Report
    folder: Path
    seconds: float
    test: Report | None
    mode: Mode = "quick"
    notes: tuple[str, ...] = ()


def estimate_seconds(photos: int, config: TrainConfig) -> float:
    """About how long training takes on this machine, in seconds, before anything is known of the photos."""
    device = devices.choose()
    per_photo = 0.05 / device.workers if device.is_cpu else 0.004
    quick = 1.0 + photos * per_photo * networks.relative_cost(config.backbone)
    return quick if config.mode == "quick" else quick + 60 * config.minutes


def train(
    project: Project,
    config: TrainConfig = DEFAULTS,
    out: Path | None = None,
    test: Project | None = None,
    device: str | None = None,
    stop: Callable[[], bool] | None = None,
) -> Iterator[Progress | Epoch | Note | Finished]:
    """Train on the project's photos and write a checkpoint to ``out``, by default among the project's models.

    Yields ``Progress``, with deep training ``Epoch`` and ``Note`` too, and last ``Finished``. Closing the
    iterator stops the training; features computed so far are kept, and no half-written checkpoint is left.
    Deep training also ends early, with the best so far, once ``stop`` says so; cut off in any other way it
    goes on from its last whole epoch when it is called again with the same ``out``. Raises ``DataError``
    when there are too few photos or classes, ``ModelError`` when the backbone cannot be had or ``out``
    holds something else, ``StorageError`` when the disk is full.
    """
    started = perf_counter()
    folder = out or _new_folder(project, config)
    checkpoint.check_target(folder)
    if distributed.is_main_process():
        checkpoint.recover(folder)
    notes: list[str] = []
    with closing(FeatureCache(project.features)) as cache:
        extractor = FeatureExtractor(_eyes(config), devices.choose(device), cache, project.limits)
        photos, labels = _usable(project)
        yield from _fetched(config)
        chosen, photos = yield from _embedded(extractor, project, photos, labels, config)
        learnt = yield from _quick(extractor, project, photos, labels, chosen, config)
        if config.mode == "deep":
            learnt = yield from _noted(_deep(extractor, project, photos, chosen, learnt, config, folder, stop), notes)
        report, judged = yield from on_own_split(extractor, project, learnt)
        tested = None if test is None else (yield from on_test(extractor, test, learnt, report))
    if distributed.is_main_process():
        settings = _settings(extractor, project, photos, learnt, config)
        checkpoint.save(
            folder, learnt.tensors, learnt.weight, learnt.bias, learnt.preparation, report, settings, learnt.familiar
        )
    seconds = perf_counter() - started
    project.catalog.record_run(folder.name, learnt.mode, report.to_json(), [*learnt.answers, *judged], seconds)
    yield Finished(report, folder, seconds, tested, learnt.mode, tuple(notes))


def unfinished(project: Project) -> tuple[Path, TrainConfig] | None:
    """The folder and settings of a deep training that was cut off, the newest; ``train`` with these goes on."""
    found = sorted(project.models.glob(f"*/{checkpoint.RESUME}/settings.json"), key=lambda path: path.stat().st_mtime)
    for path in reversed(found):
        with suppress(ModelError):
            return path.parent.parent, deep.read_resume_config(path.parent)
    return None


# -- which photos


def _new_folder(project: Project, config: TrainConfig) -> Path:
    stem = f"{datetime.now():%Y-%m-%d-%H%M%S}-{config.mode}"
    names = (stem if count == 1 else f"{stem}-{count}" for count in range(1, 1_000_000))
    return project.models / next(name for name in names if not (project.models / name).exists())


def _usable(project: Project) -> tuple[list[Asset], tuple[str, ...]]:
    """The photos to train on and their classes; one that lies in two classes is left to the person to decide."""
    disputed = {asset.sha256 for group in project.conflicts() for asset in group}
    photos = [asset for asset in project.catalog.assets(split="train") if asset.sha256 not in disputed]
    if not photos and not disputed:
        raise DataError(NO_PHOTOS)
    return photos, _labels(photos)


def _labels(photos: Sequence[Asset]) -> tuple[str, ...]:
    labels = tuple(sorted({asset.label for asset in photos}, key=natural_key))
    if len(labels) < 2:
        only = f"only one class, “{labels[0]}”" if labels else "no photo that lies in one class only"
        raise DataError(
            f"There is {only}: add photos of at least one other class, so that there is something to tell apart."
        )
    return labels


def _embedded(
    extractor: FeatureExtractor, project: Project, photos: list[Asset], labels: tuple[str, ...], config: TrainConfig
) -> Generator[Progress, None, tuple[resize_mode.ResizeModeChoice, list[Asset]]]:
    samples = [
        dataset.Sample(asset.sha256, project.photo_path(asset), int(label), asset.width, asset.height)
        for asset, label in zip(photos, encode_labels(photos, labels))
    ]
    chosen = yield from resize_mode.choose_resize_mode(extractor, samples, config.resize_modes, config.seed)
    project.leave_out({photos[place].id: reason for place, reason in chosen.reasons.items()})
    readable = [photos[place] for place in chosen.places]
    gone = sorted(set(labels) - {asset.label for asset in readable}, key=natural_key)
    if gone:
        raise DataError(f"No photo of “{gone[0]}” can be read; the list of left-out files says why. Add others.")
    return chosen, readable


# -- learning


def _eyes(config: TrainConfig) -> str:
    """The network that looks at the photos first: a network from scratch cannot see yet."""
    if networks.from_scratch(config.backbone) and config.mode == "quick":
        raise SettingError(
            f"“{config.backbone}” has learnt nothing yet, so quick training has nothing to build on; choose deep "
            "training or another network."
        )
    return networks.feature_backbone(config.backbone)


def _fetched(config: TrainConfig) -> Iterator[Progress]:
    """Bring the network here, if it is not here yet."""
    for done, total in networks.fetch(config.backbone):
        yield Progress("Fetching the network, megabytes", done >> 20, total >> 20, None)


def _quick(
    extractor: FeatureExtractor, project: Project, photos: Sequence[Asset], labels: tuple[str, ...], chosen: resize_mode.ResizeModeChoice,
    config: TrainConfig,
) -> Generator[Progress, None, TrainedModel]:  # fmt: skip
    """A linear head on the cached features."""
    truth = encode_labels(photos, labels)
    groups = _grouped(extractor, project, photos, chosen.features)
    folds = splits.stratified_group_folds(truth, groups, config.folds, config.seed, (asset.sha256 for asset in photos))
    yield Progress("Learning the classes", 0, len(photos), None)
    fitted = _fitted(extractor, photos, chosen, truth, folds, config)
    known, ood_score = ood.fit_ood(chosen.features, truth, groups, fitted.probabilities)
    answers = _Answers(fitted.probabilities, np.arange(len(truth)), fitted.temperature, ood_score <= known.limit)
    report = _report(answers, truth, groups, labels, chosen.resize_mode, config)
    preparation = networks.preprocessing(config.backbone).with_resize_mode(chosen.resize_mode)
    tensors = (
        {} if networks.from_scratch(config.backbone) else networks.backbone_tensors(config.backbone, project.features)
    )
    said = tuple(to_run_assets(photos, fitted.probabilities, labels))
    details = {"strength": fitted.strength}
    return TrainedModel("quick", tensors, fitted.weight, fitted.bias, preparation, report, groups, said, known,
                  network=None, details=details)  # fmt: skip


def _grouped(extractor: FeatureExtractor, project: Project, photos: Sequence[Asset], features: Floats) -> Ints:
    """Which photos are of one scene, as numbers (N,); also written to the catalogue."""
    groups = group_near_duplicates(extractor, project, photos, features)
    alone: dict[int, int | None] = {asset.id: None for asset in photos}
    project.catalog.set_group(
        alone | {asset.id: scene[0].id for scene in duplicate_groups(photos, groups) for asset in scene}
    )
    return groups


def _fitted(
    extractor: FeatureExtractor,
    photos: Sequence[Asset],
    chosen: resize_mode.ResizeModeChoice,
    truth: Ints,
    folds: Ints,
    config: TrainConfig,
) -> linear_head.LinearHead:
    """The head. Where a few photos or labels are new, what cross-validation chose before is taken again.

    The penalty too in a large set, where trying them all takes seconds. The same photos and labels give
    the same head again, however it was come by.
    """
    question = json.dumps(["head", extractor.backbone, chosen.resize_mode, config.seed])
    shas, state = [asset.sha256 for asset in photos], _fingerprint(photos)
    answer = extractor.cache.get_choice(question, shas)
    before: dict[str, Any] = json.loads(answer) if answer else {"state": state, "kept": False}
    kept = before["state"] != state or before["kept"]
    shrinkage: float | None = before["shrinkage"] if kept else None
    strengths = (before["strength"],) if kept and len(photos) >= linear_head.SMALL else None
    fitted = linear_head.fit_linear_head(chosen.features, truth, int(truth.max()) + 1, folds, strengths, shrinkage)
    if distributed.is_main_process() and (answer is None or before["state"] != state):
        note = {"state": state, "kept": kept, "shrinkage": fitted.shrinkage, "strength": fitted.strength}
        extractor.cache.put_choice(question, shas, json.dumps(note))
    return fitted


def _fingerprint(photos: Sequence[Asset]) -> str:
    contents = "\n".join(sorted(f"{asset.sha256} {asset.label}" for asset in photos))
    return hashlib.sha256(contents.encode()).hexdigest()


def _deep(
    extractor: FeatureExtractor, project: Project, photos: Sequence[Asset], chosen: resize_mode.ResizeModeChoice, quick: TrainedModel,
    config: TrainConfig, folder: Path, stop: Callable[[], bool] | None,
) -> Generator[Progress | Epoch | Note, None, TrainedModel]:  # fmt: skip
    """The fine-tuned network, or the quick one where it was already as good."""
    fresh = networks.from_scratch(config.backbone)
    labels = quick.report.labels
    truth = encode_labels(photos, labels)
    samples = [
        dataset.Sample(asset.sha256, project.photo_path(asset), int(label), asset.width, asset.height)
        for asset, label in zip(photos, truth)
    ]
    learnt_from = deep.Photos(samples, truth, quick.groups, len(labels), None if fresh else chosen.features)
    resume = folder / checkpoint.RESUME
    deep.prepare_resume_folder(
        resume, config, [f"{sample.sha256} {asset.label}" for sample, asset in zip(samples, photos)]
    )
    here = replace(extractor, backbone=config.backbone, device=devices.for_long_work(extractor.device))
    tuned = yield from deep.fine_tune(here, learnt_from, quick.preparation, config, resume, stop or _never)
    if tuned is None:
        if fresh:
            raise DataError("The training ended before anything was learnt; train again to go on.")
        return quick
    shares = metrics.softmax(tuned.logits)
    answers = _Answers(shares, tuned.places, tuned.temperature, None)
    report = _report(answers, truth, quick.groups, labels, chosen.resize_mode, config)
    details = {"plan": asdict(tuned.plan), "judged": len(tuned.places)}
    said = list(quick.answers)  # of the photos that deep training learnt from the quick model's answers stay
    kept_back = to_run_assets([photos[place] for place in tuned.places], shares, labels, "held_out")
    for place, answer in zip(tuned.places, kept_back):
        said[place] = answer
    return TrainedModel("deep", tuned.tensors, tuned.weight, tuned.bias, tuned.preprocessing, report, quick.groups,
                  tuple(said), None, _assembled(config, tuned, len(labels)), details)  # fmt: skip


def _never() -> bool:
    return False


def _assembled(config: TrainConfig, tuned: deep.FineTunedNetwork, classes: int) -> nn.Module:
    """The whole network, for answers in float32."""
    network = networks.build(config.backbone, classes, config.seed)
    last = networks.classifier(config.backbone)
    head_tensors = {f"{last}.weight": torch.from_numpy(tuned.weight), f"{last}.bias": torch.from_numpy(tuned.bias)}
    network.load_state_dict({**tuned.tensors, **head_tensors})
    return fuse_batch_norm(network)


def _noted(
    events: Generator[Progress | Epoch | Note, None, TrainedModel], notes: list[str]
) -> Generator[Progress | Epoch | Note, None, TrainedModel]:
    """The same events; what the notes say is kept for the end as well."""
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            learnt: TrainedModel = end.value
            return learnt
        if isinstance(event, Note):
            notes.append(event.sentence)
        yield event


@dataclass(frozen=True)
class _Answers:
    """Probabilities (J, C) of the photos at ``places`` (J,), none of which the model had seen, at a temperature.

    ``familiar`` (J,) is False where a photo is unlike the others, None where that is not known.
    """

    probabilities: Floats
    places: Ints
    temperature: float
    familiar: NDArray[np.bool_] | None


def _report(
    answers: _Answers, truth: Ints, groups: Ints, labels: tuple[str, ...], resize_mode: ResizeMode, config: TrainConfig
) -> Report:
    """The report on answers to some of the photos, whose classes and scenes are all given (N,)."""
    judged = truth[answers.places]
    return build_report(
        answers.probabilities,
        judged,
        labels,
        images=len(truth),
        evaluated_on="out_of_fold",
        threshold=calibration.unsure_threshold(answers.probabilities, judged, familiar=answers.familiar),
        temperature=answers.temperature,
        warnings=warnings(truth, labels),
        resize_mode=resize_mode,
        backbone=config.backbone,
        scenes=groups[answers.places],
        familiar=answers.familiar,
    )


def _settings(
    extractor: FeatureExtractor, project: Project, photos: Sequence[Asset], learnt: TrainedModel, config: TrainConfig
) -> dict[str, Any]:
    """What it takes to train the same model again."""
    packages = ("torch", "torchvision", "timm", "numpy", "pillow", "pillow-heif")
    return {
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "config": asdict(config),
        "kept": learnt.mode,
        **learnt.details,
        "device": extractor.device.name,
        "precision": str(extractor.device.dtype).removeprefix("torch."),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "data": {
            "fingerprint": _fingerprint(photos),
            "splits": {name: sum(counts.values()) for name, counts in project.catalog.balance().items()},
        },
    }
