"""The stories that join the rooms: ``check`` the photos, ``train`` a model with an honest report, ``evaluate`` it."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
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
from torch import Tensor, nn

from . import audit, checkpoint, deep, fits, head, metrics, models, processes, split
from . import device as devices
from .anatomy import folded
from .catalog import Asset
from .config import Fit, Mode, Preprocessing, TrainConfig
from .errors import DataError, ModelError, PhotoError, SettingError
from .features import Embedder, Progress, Views, gather, run
from .finetune import Epoch, Note
from .metrics import Report
from .names import natural_key
from .predictor import Prediction, Predictor
from .project import Project
from .store import FeatureStore

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

DEFAULTS = TrainConfig()
_FEW = 10  # photos of a class below which its score says little
_UNEVEN = 5  # times as many photos as the smallest class


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


@dataclass(frozen=True)
class Suspicion:
    """A photo whose label may be wrong, the class it looks like, and how surely (0 to 1)."""

    photo: Asset
    suggested: str
    score: float


@dataclass(frozen=True)
class Checked:
    """The end of a check: what the photos look like before training; groups hold photos of one scene."""

    classes: dict[str, int]
    look_alikes: tuple[tuple[Asset, ...], ...]
    suspects: tuple[Suspicion, ...]
    warnings: tuple[str, ...]


def estimate_seconds(photos: int, config: TrainConfig) -> float:
    """About how long training takes on this machine, in seconds, before anything is known of the photos."""
    device = devices.choose()
    per_photo = 0.05 / device.workers if device.is_cpu else 0.004
    quick = 1.0 + photos * per_photo * models.relative_cost(config.backbone)
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
    if processes.first():
        checkpoint.recover(folder)
    notes: list[str] = []
    with closing(FeatureStore(project.features)) as store:
        tools = Embedder(_eyes(config), devices.choose(device), store, project.limits)
        photos, labels = _usable(project)
        yield from _fetched(config)
        chosen, photos = yield from _embedded(tools, project, photos, labels, config)
        learnt = yield from _quick(project, photos, labels, chosen, config, project.features)
        if config.mode == "deep":
            learnt = yield from _noted(_deep(tools, project, photos, chosen, learnt, config, folder, stop), notes)
        report = yield from _on_own_split(tools, project, learnt)
        tested = None if test is None else (yield from _on_test(tools, test, learnt, report))
    if processes.first():
        settings = _settings(tools, project, photos, learnt, config)
        checkpoint.save(folder, learnt.tensors, learnt.weight, learnt.bias, learnt.preparation, report, settings)
    seconds = perf_counter() - started
    project.catalog.record_run(folder.name, learnt.mode, report.to_json(), photos, seconds)
    yield Finished(report, folder, seconds, tested, learnt.mode, tuple(notes))


def unfinished(project: Project) -> tuple[Path, TrainConfig] | None:
    """The folder and settings of a deep training that was cut off, the newest; ``train`` with these goes on."""
    found = sorted(project.models.glob(f"*/{checkpoint.RESUME}/settings.json"), key=lambda path: path.stat().st_mtime)
    for path in reversed(found):
        with suppress(ModelError):
            return path.parent.parent, deep.settings(path.parent)
    return None


def check(
    project: Project,
    config: TrainConfig = DEFAULTS,
    device: str | None = None,
) -> Iterator[Progress | Checked]:
    """Look at the photos before training: look-alikes, labels that may be wrong, what is missing.

    Yields ``Progress`` and last ``Checked``. Works with any number of classes, so that it can say what
    is still needed; raises ``DataError`` only where there is no photo at all.
    """
    photos = project.catalog.assets(split="train")
    if not photos:
        raise DataError(_NO_PHOTOS)
    preparation = models.preprocessing(config.backbone).fitted("whole")
    with closing(FeatureStore(project.features)) as store:
        tools = Embedder(config.backbone, devices.choose(device), store, project.limits)
        photos, table = yield from _looked_at(tools, project, photos, preparation, "Looking at the photos")
    labels = tuple(sorted({asset.label for asset in photos}, key=natural_key))
    truth = _numbers(photos, labels)
    groups = audit.look_alikes(table) if len(photos) else np.zeros(0, np.int64)
    found: tuple[Suspicion, ...] = ()
    if len(labels) > 1:
        fitted = head.fit(table, truth, len(labels), split.folds(truth, groups, config.folds, config.seed))
        found = tuple(
            Suspicion(photos[suspect.photo], labels[suspect.suggested], suspect.score)
            for suspect in audit.suspects(fitted.probabilities, truth)
        )
    yield Checked(project.classes(), _scenes(photos, groups), found, tuple(_warnings(truth, labels)))


def evaluate(predictor: Predictor, project: Project) -> Report:
    """Judge a finished model on labelled photos, each answered as ``Predictor`` answers it.

    Photos of classes the model does not have, and those that cannot be read, are left out and listed.
    Raises ``DataError`` when no photo remains.
    """
    photos = _test_photos(project, predictor.report)
    answers = list(predictor.outcomes([project.photo_path(asset) for asset in photos], top_k=len(predictor.labels)))
    project.leave_out(
        {asset.id: str(answer) for asset, answer in zip(photos, answers) if isinstance(answer, PhotoError)}
    )
    judged = [(asset, answer) for asset, answer in zip(photos, answers) if isinstance(answer, Prediction)]
    if not judged:
        raise DataError("None of the test photos can be read; the list of left-out files says why.")
    place = {label: index for index, label in enumerate(predictor.labels)}
    probabilities = np.zeros((len(judged), len(place)), np.float32)
    for row, (_, answer) in zip(probabilities, judged):
        for guess in answer.top:
            row[place[guess.label]] = guess.confidence
    truth = _numbers([asset for asset, _ in judged], predictor.labels)
    return metrics.rejudged(predictor.report, probabilities, truth, "test")


# -- which photos

_CHECKING = "Checking on the test photos"
_NO_PHOTOS = "There are no photos to learn from: add at least two folders, each named after what its photos show."


def _new_folder(project: Project, config: TrainConfig) -> Path:
    stem = f"{datetime.now():%Y-%m-%d-%H%M%S}-{config.mode}"
    names = (stem if count == 1 else f"{stem}-{count}" for count in range(1, 1_000_000))
    return project.models / next(name for name in names if not (project.models / name).exists())


def _usable(project: Project) -> tuple[list[Asset], tuple[str, ...]]:
    """The photos to train on and their classes; one that lies in two classes is left to the person to decide."""
    disputed = {asset.sha256 for group in project.conflicts() for asset in group}
    photos = [asset for asset in project.catalog.assets(split="train") if asset.sha256 not in disputed]
    if not photos and not disputed:
        raise DataError(_NO_PHOTOS)
    return photos, _labels(photos)


def _labels(photos: Sequence[Asset]) -> tuple[str, ...]:
    labels = tuple(sorted({asset.label for asset in photos}, key=natural_key))
    if len(labels) < 2:
        only = f"only one class, “{labels[0]}”" if labels else "no photo that lies in one class only"
        raise DataError(
            f"There is {only}: add photos of at least one other class, so that there is something to tell apart."
        )
    return labels


def _numbers(photos: Sequence[Asset], labels: Sequence[str]) -> Ints:
    number = {label: index for index, label in enumerate(labels)}
    return np.array([number[asset.label] for asset in photos], np.int64)


def _embedded(
    tools: Embedder, project: Project, photos: list[Asset], labels: tuple[str, ...], config: TrainConfig
) -> Generator[Progress, None, tuple[fits.Fitted, list[Asset]]]:
    samples = [
        fits.Sample(asset.sha256, project.photo_path(asset), int(label), asset.width, asset.height)
        for asset, label in zip(photos, _numbers(photos, labels))
    ]
    chosen = yield from fits.choose(tools, samples, config.fits, config.seed)
    project.leave_out({photos[place].id: reason for place, reason in chosen.reasons.items()})
    readable = [photos[place] for place in chosen.places]
    gone = sorted(set(labels) - {asset.label for asset in readable}, key=natural_key)
    if gone:
        raise DataError(f"No photo of “{gone[0]}” can be read; the list of left-out files says why. Add others.")
    return chosen, readable


def _looked_at(
    tools: Embedder, project: Project, photos: Sequence[Asset], preparation: Preprocessing, step: str
) -> Generator[Progress, None, tuple[list[Asset], Floats]]:
    """The photos that can be read and their features (n, D); the others go to the list of left-out files."""
    pairs = [(asset.sha256, project.photo_path(asset)) for asset in photos]
    good, table, reasons = yield from gather(tools, pairs, [preparation], step)
    project.leave_out({photos[place].id: reason for place, reason in reasons.items()})
    return [photos[place] for place in good], table[:, 0]


# -- learning and judging


def _folds(project: Project, photos: Sequence[Asset], features: Floats, truth: Ints, config: TrainConfig) -> Ints:
    """Folds in which photos of one scene stay together; the groups are written to the catalogue."""
    groups = audit.look_alikes(features)
    scenes = _scenes(photos, groups)
    alone: dict[int, int | None] = {asset.id: None for asset in photos}
    project.catalog.set_group(alone | {asset.id: scene[0].id for scene in scenes for asset in scene})
    return split.folds(truth, groups, config.folds, config.seed)


def _scenes(photos: Sequence[Asset], groups: Ints) -> tuple[tuple[Asset, ...], ...]:
    members: dict[int, list[Asset]] = {}
    for asset, group in zip(photos, groups):
        members.setdefault(int(group), []).append(asset)
    return tuple(tuple(scene) for scene in members.values() if len(scene) > 1)


@dataclass(frozen=True)
class _Learnt:
    """A finished network and what its held-out answers say of it; ``network`` is None for a head on cached features."""

    mode: Mode
    tensors: Mapping[str, Tensor]
    weight: Floats
    bias: Floats
    preparation: Preprocessing
    report: Report
    network: nn.Module | None
    details: dict[str, Any]


def _eyes(config: TrainConfig) -> str:
    """The network that looks at the photos first: a network from scratch cannot see yet."""
    if not models.from_scratch(config.backbone):
        return config.backbone
    if config.mode == "quick":
        raise SettingError(
            f"“{config.backbone}” has learnt nothing yet, so quick training has nothing to build on; choose deep "
            "training or another network."
        )
    return TrainConfig().backbone


def _fetched(config: TrainConfig) -> Iterator[Progress]:
    """Bring the network here, if it is not here yet."""
    for done, total in models.fetch(config.backbone):
        yield Progress("Fetching the network, megabytes", done >> 20, total >> 20, None)


def _quick(
    project: Project, photos: Sequence[Asset], labels: tuple[str, ...], chosen: fits.Fitted, config: TrainConfig,
    cache: Path,
) -> Generator[Progress, None, _Learnt]:  # fmt: skip
    """A linear head on the cached features."""
    truth = _numbers(photos, labels)
    folds = _folds(project, photos, chosen.features, truth, config)
    yield Progress("Learning the classes", 0, len(photos), None)
    fitted = head.fit(chosen.features, truth, len(labels), folds)
    report = _report(fitted.probabilities, truth, np.arange(len(truth)), labels, fitted.temperature, chosen.fit, config)
    preparation = models.preprocessing(config.backbone).fitted(chosen.fit)
    tensors = {} if models.from_scratch(config.backbone) else models.tensors(config.backbone, cache)
    return _Learnt(
        "quick", tensors, fitted.weight, fitted.bias, preparation, report, None, {"strength": fitted.strength}
    )


def _deep(
    tools: Embedder, project: Project, photos: Sequence[Asset], chosen: fits.Fitted, quick: _Learnt,
    config: TrainConfig, folder: Path, stop: Callable[[], bool] | None,
) -> Generator[Progress | Epoch | Note, None, _Learnt]:  # fmt: skip
    """The fine-tuned network, or the quick one where it was already as good."""
    fresh = models.from_scratch(config.backbone)
    labels = quick.report.labels
    truth = _numbers(photos, labels)
    samples = [
        fits.Sample(asset.sha256, project.photo_path(asset), int(label), asset.width, asset.height)
        for asset, label in zip(photos, truth)
    ]
    groups = audit.look_alikes(chosen.features)
    learnt_from = deep.Photos(samples, truth, groups, len(labels), None if fresh else chosen.features)
    resume = folder / checkpoint.RESUME
    deep.opened(resume, config, [f"{sample.sha256} {asset.label}" for sample, asset in zip(samples, photos)])
    here = replace(tools, backbone=config.backbone, device=devices.for_long_work(tools.device))
    tuned = yield from deep.tune(here, learnt_from, quick.preparation, config, resume, stop or _never)
    if tuned is None:
        if fresh:
            raise DataError("The training ended before anything was learnt; train again to go on.")
        return quick
    probabilities = metrics.softmax(tuned.logits)
    temperature = head.temperature(tuned.logits, truth[tuned.places])
    report = _report(probabilities, truth, tuned.places, labels, temperature, chosen.fit, config)
    details = {"plan": asdict(tuned.plan), "judged": len(tuned.places)}
    return _Learnt("deep", tuned.tensors, tuned.weight, tuned.bias, tuned.preprocessing, report,
                   _assembled(config, tuned, len(labels)), details)  # fmt: skip


def _never() -> bool:
    return False


def _assembled(config: TrainConfig, tuned: deep.Tuned, classes: int) -> nn.Module:
    """The whole network, for answers in float32."""
    network = models.build(config.backbone, classes, config.seed)
    last = models.classifier(config.backbone)
    head_tensors = {f"{last}.weight": torch.from_numpy(tuned.weight), f"{last}.bias": torch.from_numpy(tuned.bias)}
    network.load_state_dict({**tuned.tensors, **head_tensors})
    return folded(network)


def _noted(
    events: Generator[Progress | Epoch | Note, None, _Learnt], notes: list[str]
) -> Generator[Progress | Epoch | Note, None, _Learnt]:
    """The same events; what the notes say is kept for the end as well."""
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            learnt: _Learnt = end.value
            return learnt
        if isinstance(event, Note):
            notes.append(event.sentence)
        yield event


def _report(
    probabilities: Floats, truth: Ints, places: Ints, labels: tuple[str, ...], temperature: float, fit: Fit,
    config: TrainConfig,
) -> Report:  # fmt: skip
    """The report on probabilities (J, C) of the photos at ``places`` (J,), none of which the model had seen."""
    return metrics.report(
        probabilities,
        truth[places],
        labels,
        images=len(truth),
        judged_on="out_of_fold",
        threshold=metrics.unsure_threshold(probabilities, truth[places]),
        temperature=temperature,
        warnings=_warnings(truth, labels),
        fit=fit,
        backbone=config.backbone,
    )


def _warnings(truth: Ints, labels: Sequence[str]) -> list[str]:
    counts = np.bincount(truth, minlength=len(labels))
    warnings = []
    if len(labels) == 1:
        warnings.append(f"There is only one class, “{labels[0]}”: add photos of at least one other.")
    single = [f"“{label}”" for label, count in zip(labels, counts) if count == 1]
    if single:
        warnings.append(f"There is a single photo of {', '.join(single)}: it cannot be checked and counts as wrong.")
    few = [f"“{label}” ({count})" for label, count in zip(labels, counts) if count < _FEW]
    if few:
        warnings.append(f"There are few photos of {', '.join(few)}: with {_FEW} or more each, the score says more.")
    if len(labels) > 1 and counts.max() > _UNEVEN * counts.min():
        small, large = labels[int(counts.argmin())], labels[int(counts.argmax())]
        warnings.append(
            f"“{large}” has {counts.max()} photos and “{small}” only {counts.min()}: add photos of “{small}”."
        )
    return warnings


def _on_own_split(tools: Embedder, project: Project, learnt: _Learnt) -> Generator[Progress, None, Report]:
    """The report on the test or else the validation photos the person set apart; as it is if there are none."""
    for name in ("test", "val"):
        photos = _of_known_classes(project, project.catalog.assets(split=name), learnt.report)
        if photos:
            return (yield from _judged(tools, project, photos, learnt, learnt.report))
    return learnt.report


def _on_test(tools: Embedder, test: Project, learnt: _Learnt, report: Report) -> Generator[Progress, None, Report]:
    return (yield from _judged(tools, test, _test_photos(test, report), learnt, report))


def _of_known_classes(project: Project, photos: Sequence[Asset], report: Report) -> list[Asset]:
    """The photos whose class the model has; the others stay where they are and are listed as left out."""
    known = [asset for asset in photos if asset.label in report.labels]
    strange = [asset for asset in photos if asset.label not in report.labels]
    reasons = [(asset.source, f"not judged: there is no class “{asset.label}” to learn from") for asset in strange]
    project.catalog.note_left_out(reasons)
    return known


def _test_photos(test: Project, report: Report) -> list[Asset]:
    known = _of_known_classes(test, test.catalog.assets(), report)
    if not known:
        raise DataError("None of the test folders has the name of a class; name them like the training folders.")
    return known


def _judged(
    tools: Embedder, project: Project, photos: Sequence[Asset], learnt: _Learnt, report: Report
) -> Generator[Progress, None, Report]:
    """The report with its scores taken on these photos instead, or as it is if none of them can be read."""
    if learnt.network is None:
        good, table = yield from _looked_at(tools, project, photos, learnt.preparation, _CHECKING)
        logits = table @ learnt.weight.T + learnt.bias if good else table
    else:
        good, logits = yield from _answered(tools, project, photos, learnt)
    if not good:
        return report
    truth = _numbers(good, report.labels)
    return metrics.rejudged(report, metrics.softmax(logits), truth, "val" if good[0].split == "val" else "test")


def _answered(
    tools: Embedder, project: Project, photos: Sequence[Asset], learnt: _Learnt
) -> Generator[Progress, None, tuple[list[Asset], Floats]]:
    """The photos that can be read and the network's logits (n, C), as ``Predictor`` will give them."""
    assert learnt.network is not None
    device = devices.for_long_work(tools.device)
    network = learnt.network.to(device.torch_device).to(memory_format=torch.channels_last)
    paths = [project.photo_path(asset) for asset in photos]
    stream = run(network, paths, Views((learnt.preparation,)), device, torch.float32, None, tools.limits)
    good, rows, reasons = [], [], {}
    for number, (asset, outcome) in enumerate(zip(photos, stream), 1):
        if isinstance(outcome, str):
            reasons[asset.id] = outcome
        else:
            good.append(asset)
            rows.append(outcome[0].numpy())
        yield Progress(_CHECKING, number, len(photos), None)
    project.leave_out(reasons)
    return good, np.stack(rows) if rows else np.zeros((0, len(learnt.bias)), np.float32)


def _settings(
    tools: Embedder, project: Project, photos: Sequence[Asset], learnt: _Learnt, config: TrainConfig
) -> dict[str, Any]:
    """What it takes to train the same model again."""
    contents = "\n".join(sorted(f"{asset.sha256} {asset.label}" for asset in photos))
    packages = ("torch", "torchvision", "timm", "numpy", "pillow", "pillow-heif")
    return {
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "config": asdict(config),
        "kept": learnt.mode,
        **learnt.details,
        "device": tools.device.name,
        "precision": str(tools.device.dtype).removeprefix("torch."),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "data": {
            "fingerprint": hashlib.sha256(contents.encode()).hexdigest(),
            "splits": {name: sum(counts.values()) for name, counts in project.catalog.balance().items()},
        },
    }
