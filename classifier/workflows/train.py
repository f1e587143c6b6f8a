"""Train a classifier on a project's photos, evaluate it and write a checkpoint."""

from __future__ import annotations

import platform
from collections.abc import Callable, Generator, Iterator
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
from ..config import DEFAULTS, Mode, ResizeMode, TrainConfig
from ..data import splits
from ..data.catalog import Asset
from ..data.dataset import Sample, TrainingSet, class_names, duplicate_groups, encode_labels, run_assets
from ..data.group_rule import NO_RULE
from ..data.grouping import Grouping
from ..data.image_quality import explain_sameness
from ..data.labels import natural_key
from ..data.project import Project
from ..errors import DataError, ModelError, SettingError
from ..evaluation import calibration, metrics, ood
from ..evaluation.class_balance import class_balance_warnings
from ..evaluation.report import Report, build_report
from ..evaluation.sessions import session_warnings
from ..events import Epoch, Note, Progress
from ..messages import Message
from ..messages.workflows import StepCode, WorkflowCode
from ..models import backbones, checkpoint, model_folder, networks, training_record
from ..models.asset_features import extract_asset_descriptors, extract_asset_features, group_assets
from ..models.backbones import Backbone
from ..models.checkpoint import TrainedModel
from ..models.evaluated_photos import EvaluatedPhotos, with_costs
from ..models.feature_cache import FeatureCache
from ..models.features import FeatureExtractor
from ..models.pixel_ranges import with_pixel_ranges
from ..models.surgery import fuse_batch_norm
from ..models.training_photos import KnownPhotos, describe, place
from ..training import attempts, deep, resume
from ..training.cached_head import fit_cached_head
from ..training.resize_mode import choose_resize_mode
from .evaluate import ENOUGH_TO_DECIDE, evaluate_own_splits, evaluate_test_set
from .group_summary import with_groups
from .overfit_check import CHOICE
from .photo_notes import divided_groups, no_photos, similar_classes, with_not_used

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Finished:
    """The last event of a training.

    ``report`` is the model's report, ``folder`` its checkpoint, ``seconds`` the duration. ``test`` is the report on
    separate test photos, None where there are none. ``mode`` is that of the model in the checkpoint: deep training
    returns the quick model where the fine-tuned network is not better. ``notes`` are the messages of the ``Note``
    events.

    Example::

        *_, finished = train(project, out=Path("model"))
        print(finished.report.in_words())
    """

    report: Report
    folder: Path
    seconds: float
    test: Report | None
    mode: Mode = "quick"
    notes: tuple[Message, ...] = ()


def estimate_seconds(photos: int, config: TrainConfig) -> float:
    """Return a rough duration of a training on this machine, in seconds, from the number of photos alone."""
    device = devices.choose()
    per_photo = 0.05 / device.workers if device.is_cpu else 0.004
    quick = 1.0 + photos * per_photo * backbones.relative_cost(config.backbone)
    return quick if config.mode == "quick" else quick + 60 * config.minutes


def train(
    project: Project,
    config: TrainConfig = DEFAULTS,
    out: Path | None = None,
    test: Project | None = None,
    device: str | None = None,
    stop: Callable[[], bool] | None = None,
) -> Iterator[Progress | Epoch | Note | Finished]:
    """Train on a project's photos, evaluate the model and write a checkpoint.

    Yields ``Progress``, in deep training ``Epoch`` and ``Note`` too, and ``Finished`` last. Closing the iterator ends
    the training: features computed so far stay cached, and no partial checkpoint is left. An interrupted deep
    training resumes from its last complete epoch when it is called again with the same ``out``.

    Args:
        project: the photos; those of the splits ``test`` and ``val`` evaluate the model, in this order of preference.
        config: settings.
        out: folder of the checkpoint, by default a new one among the project's models.
        test: labeled photos for a second report, ``Finished.test``.
        device: "cpu", "cuda", "cuda:1" or "mps", by default the fastest there is.
        stop: asked after every batch of deep training; True ends it with the best epoch so far.

    Raises:
        DataError: too few photos or classes.
        ModelError: the backbone cannot be loaded, or ``out`` holds other files or is another training's.
        StorageError: the disk is full.

    Example::

        with Project.over(Path("photos")) as project:
            for event in train(project, TrainConfig(mode="deep", minutes=5), Path("model")):
                print(event)
    """
    folder = out or distributed.broadcast(_new_folder(project, config))  # it is named after the time
    with model_folder.reserve(folder):
        yield from _train(project, config, folder, test, device, stop)


def _train(
    project: Project, config: TrainConfig, folder: Path, test: Project | None, device: str | None,
    stop: Callable[[], bool] | None,
) -> Iterator[Progress | Epoch | Note | Finished]:  # fmt: skip
    started = perf_counter()
    if (folder / model_folder.RESUME).is_dir():
        attempts.record_start(folder / model_folder.RESUME)  # before anything that may end the program
    notes: list[Message] = [*similar_classes(project)]
    epochs: list[Epoch] = []
    for note in notes:
        yield Note(note)
    with closing(FeatureCache(project.features)) as cache:
        extractor = FeatureExtractor(feature_backbone(config), devices.choose(device), cache, project.limits)
        extractor = with_pixel_ranges(extractor, project)
        backbone = backbones.resolve(config.backbone)
        training_set, resize_mode = yield from _build_training_set(extractor, project, backbone, config)
        for warning in _group_notes(project, training_set.grouping):
            notes.append(warning)
            yield Note(warning)
        yield Progress(StepCode.TRAIN_HEAD, 0, len(training_set), None)
        model = _train_head(extractor, project, training_set, backbone, resize_mode, config)
        if config.mode == "deep":
            validation = yield from _validation_set(extractor, project, training_set, model)
            for event in _fine_tune(extractor, training_set, model, config, folder, stop, validation):
                if isinstance(event, deep.FineTunedNetwork):
                    model = _fine_tuned_model(event, training_set, model, config)
                    continue
                if isinstance(event, Note):
                    notes.append(event.message)
                elif isinstance(event, Epoch):
                    epochs.append(event)
                yield event
            if model.mode == "quick" and backbone.from_scratch:
                raise DataError(WorkflowCode.STOPPED_EARLY)
        model = replace(model, training_photos=_remember(extractor, project, training_set, model))
        report, evaluated = yield from evaluate_own_splits(extractor, project, model)
        report = with_not_used(_with_project_costs(project, model, report), project)
        test_report = None if test is None else (yield from evaluate_test_set(extractor, test, model, report))
    yield Progress(
        StepCode.SAVE, len(training_set), len(training_set), None
    )  # whoever no longer wants the model closes the iterator here
    if distributed.is_main_process():
        record = {
            **_settings(extractor, project, training_set, model, config),
            **training_record.history(epochs, model.mode, config.mode, notes),
            "self_check": training_record.read_self_check(project.catalog.choice(CHOICE)),
            "photos": training_record.photo_uses(project.catalog.assets(), model.run_assets, evaluated),
        }
        model_folder.check_reserved(folder)
        checkpoint.save(folder, replace(model, report=report), record)
    seconds = perf_counter() - started
    if distributed.is_main_process():
        rows, details = [*model.run_assets, *evaluated], training_record.details_of(record)
        project.catalog.record_run(folder.name, model.mode, report.to_json(), rows, seconds, details)
    yield Finished(report, folder, seconds, test_report, model.mode, tuple(notes))


def unfinished(project: Project) -> tuple[Path, TrainConfig] | None:
    """Return folder and settings of the newest interrupted deep training; ``train`` with these resumes it."""
    found = []
    for path in project.models.glob(f"[!.]*/{model_folder.RESUME}/settings.json"):
        with suppress(ModelError, OSError):  # it is damaged, or being deleted
            found.append((path.stat().st_mtime, path.parent.parent, resume.read_config(path.parent)))
    return max(found, key=lambda row: row[0])[1:] if found else None


def ended_the_program(folder: Path) -> bool:
    """Return whether the interrupted training in ``folder`` ended the program as often as it may without being asked.

    Asked for again it takes less memory.
    """
    return attempts.count_starts(folder / model_folder.RESUME) >= attempts.MAX_STARTS


def feature_backbone(config: TrainConfig) -> Backbone:
    """Return the backbone whose features the linear head uses.

    Raises ``SettingError`` for randomly initialized networks in quick mode: their features say nothing.
    """
    backbone = backbones.resolve(config.backbone)
    if backbone.from_scratch and config.mode == "quick":
        raise SettingError(WorkflowCode.UNTRAINED_NETWORK, backbone=config.backbone)
    return backbone.feature_backbone()


# -- data


def _new_folder(project: Project, config: TrainConfig) -> Path:
    stem = f"{datetime.now():%Y-%m-%d-%H%M%S}-{config.mode}"
    names = (stem if count == 1 else f"{stem}-{count}" for count in range(1, 1_000_000))
    return project.models / next(name for name in names if not (project.models / name).exists())


def _build_training_set(
    extractor: FeatureExtractor, project: Project, backbone: Backbone, config: TrainConfig
) -> Generator[Progress, None, tuple[TrainingSet, ResizeMode]]:
    """Return the photos to train on with their features, and the resize mode of these features.

    Photos that cannot be read leave the project, with the reason; near duplicates are noted in the catalog.
    """
    assets = _trainable_assets(project)
    labels = class_names(assets)
    _check_classes(labels)
    yield from _fetch_network(backbone)
    samples = [
        Sample(asset.sha256, project.photo_path(asset), int(index), asset.width, asset.height)
        for asset, index in zip(assets, encode_labels(assets, labels))
    ]
    choice = yield from choose_resize_mode(extractor, samples, config.resize_modes, config.seed)
    project.leave_out({assets[index].id: reason for index, reason in choice.reasons.items()})
    assets = [assets[index] for index in choice.indices]
    _check_readable(assets, labels)
    descriptors = extract_asset_descriptors(extractor, project, assets)
    if (sameness := explain_sameness(choice.features, descriptors)) is not None:
        raise DataError(sameness.code, **dict(sameness.arguments))
    grouping = group_assets(extractor, project, assets, choice.features, descriptors)
    _store_groups(project, assets, grouping.near_duplicates)
    readable = tuple(samples[index] for index in choice.indices)
    y = encode_labels(assets, labels)
    warnings = (
        *class_balance_warnings(y, labels, grouping.groups),
        *session_warnings(y, labels, grouping.groups, [asset.taken for asset in assets], descriptors),
    )
    return TrainingSet(
        tuple(assets), readable, labels, y, grouping.groups, choice.features, grouping, warnings
    ), choice.resize_mode


def _group_notes(project: Project, grouping: Grouping | None) -> tuple[Message, ...]:
    return () if grouping is None else (*divided_groups(project, grouping), *grouping.warnings)


def _trainable_assets(project: Project) -> list[Asset]:
    """Return the photos of the training split that have one label; raises ``DataError`` where the split is empty."""
    conflicting = {asset.sha256 for group in project.conflicts() for asset in group}
    assets = project.catalog.assets(split="train")
    if not assets:
        raise no_photos(project)
    return [asset for asset in assets if asset.sha256 not in conflicting]


def _check_classes(labels: tuple[str, ...]) -> None:
    if not labels:
        raise DataError(WorkflowCode.ONLY_CONFLICTS)
    if len(labels) == 1:
        raise DataError(WorkflowCode.ONE_CLASS, label=labels[0])


def _check_readable(assets: list[Asset], labels: tuple[str, ...]) -> None:
    missing = sorted(set(labels) - {asset.label for asset in assets}, key=natural_key)
    if missing:
        raise DataError(WorkflowCode.CLASS_UNREADABLE, label=missing[0])


def _store_groups(project: Project, assets: list[Asset], groups: Ints) -> None:
    """Write the groups of near duplicates to the catalog; each is numbered by its first photo."""
    numbers: dict[int, int | None] = {asset.id: None for asset in assets}
    for group in duplicate_groups(assets, groups):
        numbers.update({asset.id: group[0].id for asset in group})
    project.catalog.set_group(numbers)


def _fetch_network(backbone: Backbone) -> Iterator[Progress]:
    """Download the backbone's weights where they are not cached."""
    for done, total in networks.fetch(backbone):
        yield Progress(StepCode.FETCH_NETWORK, done >> 20, total >> 20, None)


# -- training


def _train_head(
    extractor: FeatureExtractor,
    project: Project,
    training_set: TrainingSet,
    backbone: Backbone,
    resize_mode: ResizeMode,
    config: TrainConfig,
) -> TrainedModel:
    """Train a linear head on the features: the model of quick training, and the baseline of deep training."""
    y, groups, labels = training_set.y, training_set.groups, training_set.labels
    folds = splits.stratified_group_folds(
        y, groups, config.folds, config.seed, (row.sha256 for row in training_set.assets)
    )
    head = fit_cached_head(extractor.cache, extractor.backbone.name, training_set, folds, resize_mode, config.seed)
    ood_model, ood_score = ood.fit_ood(training_set.features, y, groups, head.probabilities)
    in_distribution = ood_score <= ood_model.limit
    report = build_report(
        head.probabilities,
        y,
        labels,
        images=len(y),
        evaluated_on="out_of_fold",
        threshold=calibration.unsure_threshold(head.probabilities, y, in_distribution=in_distribution),
        temperature=head.temperature,
        warnings=training_set.warnings,
        resize_mode=resize_mode,
        backbone=config.backbone,
        groups=groups,
        in_distribution=in_distribution,
    )
    report = with_groups(report, training_set, head, config)
    return TrainedModel(
        mode="quick",
        backbone=backbone,
        tensors={} if backbone.from_scratch else networks.backbone_tensors(backbone),
        weight=head.weight,
        bias=head.bias,
        preprocessing=replace(
            networks.preprocessing(backbone).with_resize_mode(resize_mode), pixel_ranges=extractor.pixel_ranges
        ),
        report=report,
        run_assets=tuple(run_assets(training_set.assets, head.probabilities, labels)),
        ood=ood_model,
        details={"strength": head.C},  # the key of the first version of training.json
        evaluated=EvaluatedPhotos(head.probabilities, y, in_distribution),
    )


def _remember(
    extractor: FeatureExtractor, project: Project, training_set: TrainingSet, model: TrainedModel
) -> KnownPhotos:
    """Return what the model folder remembers of the photos, by which others are found that look like them."""
    assets, y, groups = training_set.assets, training_set.y, training_set.groups
    descriptors = extract_asset_descriptors(extractor, project, assets)
    network, resize_mode = extractor.backbone.name, model.report.resize_mode
    rule = NO_RULE if training_set.grouping is None else training_set.grouping.rule
    return describe(assets, training_set.features, descriptors, y, groups, network, resize_mode, rule)


def _with_project_costs(project: Project, model: TrainedModel, report: Report) -> Report:
    """Return the report with the thresholds that follow from what the person said a mistake costs."""
    chosen = project.mistake_costs()
    if chosen is None or model.evaluated is None:
        return report
    costs = {label: weight for label, weight in chosen.costs.items() if label in report.labels}
    return with_costs(report, model.evaluated, costs, chosen.unsure_cost)


def _validation_set(
    extractor: FeatureExtractor, project: Project, training_set: TrainingSet, quick: TrainedModel
) -> Generator[Progress, None, TrainingSet | None]:
    """Return the validation photos that decide in deep training, None where they are too few.

    Those that look like a training photo are not among them.
    """
    assets = [asset for asset in project.photos(split="val") if asset.label in training_set.labels]
    if len(assets) < ENOUGH_TO_DECIDE:
        return None
    preprocessing = networks.preprocessing(extractor.backbone).with_resize_mode(quick.report.resize_mode)
    assets, features = yield from extract_asset_features(extractor, project, assets, preprocessing, StepCode.EVALUATE)
    y, groups = encode_labels(assets, training_set.labels), np.arange(len(assets))
    descriptors = extract_asset_descriptors(extractor, project, assets)
    network, resize_mode = extractor.backbone.name, quick.report.resize_mode
    training = _remember(extractor, project, training_set, quick)
    known = describe(assets, features, descriptors, y, groups, network, resize_mode, training=training)
    new = ~place(known, training).near_training
    if new.sum() < ENOUGH_TO_DECIDE:
        return None
    kept = tuple(asset for asset, is_new in zip(assets, new) if is_new)
    samples = tuple(
        Sample(asset.sha256, project.photo_path(asset), int(label), asset.width, asset.height)
        for asset, label in zip(kept, y[new])
    )
    return TrainingSet(kept, samples, training_set.labels, y[new], groups[new], features[new])


def _fine_tune(
    extractor: FeatureExtractor, training_set: TrainingSet, quick: TrainedModel, config: TrainConfig, folder: Path,
    stop: Callable[[], bool] | None, validation: TrainingSet | None,
) -> Iterator[Progress | Epoch | Note | deep.FineTunedNetwork]:  # fmt: skip
    """Begin, or resume, to fine-tune the network; see ``deep.fine_tune`` for the events."""
    resume_folder = folder / model_folder.RESUME
    deciding = [] if validation is None else [f"validate {name}" for name in validation.names()]
    resume.prepare_folder(resume_folder, config, [*training_set.names(), *deciding])
    if not distributed.broadcast(attempts.count_starts(resume_folder)):  # the main process may have written it already
        attempts.record_start(resume_folder)
    extractor = replace(extractor, backbone=quick.backbone, device=devices.for_long_work(extractor.device))
    stop = stop or _never
    preprocessing = quick.preprocessing
    return deep.fine_tune(extractor, training_set, preprocessing, config, resume_folder, stop, validation=validation)


def _never() -> bool:
    return False


def _fine_tuned_model(
    fine_tuned: deep.FineTunedNetwork, training_set: TrainingSet, quick: TrainedModel, config: TrainConfig
) -> TrainedModel:
    """Return the fine-tuned network with its report on the photos that it held back.

    Of the photos that it was trained on, the out-of-fold predictions of the quick model stay.
    """
    val_idx, labels, probs = fine_tuned.val_idx, training_set.labels, metrics.softmax(fine_tuned.logits)
    y_true = training_set.y[val_idx]
    report = build_report(
        probs,
        y_true,
        labels,
        images=len(training_set),
        evaluated_on="out_of_fold",
        threshold=calibration.unsure_threshold(probs, y_true),
        temperature=fine_tuned.temperature,
        warnings=training_set.warnings,
        resize_mode=quick.report.resize_mode,
        backbone=config.backbone,
        groups=training_set.groups[val_idx],
    )
    report = with_groups(report, training_set)
    rows = list(quick.run_assets)
    val_assets = [training_set.assets[index] for index in val_idx]
    for index, row in zip(val_idx, run_assets(val_assets, probs, labels, "held_out")):
        rows[index] = row
    return TrainedModel(
        mode="deep",
        backbone=quick.backbone,
        tensors=fine_tuned.tensors,
        weight=fine_tuned.weight,
        bias=fine_tuned.bias,
        preprocessing=fine_tuned.preprocessing,
        report=report,
        run_assets=tuple(rows),
        network=_build_network(quick.backbone, fine_tuned, len(labels)),
        details={
            "plan": asdict(fine_tuned.plan),
            "judged": len(val_idx),
            "trained_on_held_out": fine_tuned.on_all,
        },
        evaluated=EvaluatedPhotos(probs, y_true, np.ones(len(y_true), np.bool_)),
    )


def _build_network(backbone: Backbone, fine_tuned: deep.FineTunedNetwork, n_classes: int) -> nn.Module:
    """Return the whole network in float32, with its head, for evaluation."""
    network = networks.build(backbone, n_classes)
    name = networks.classifier_name(backbone)
    head = {f"{name}.weight": torch.from_numpy(fine_tuned.weight), f"{name}.bias": torch.from_numpy(fine_tuned.bias)}
    network.load_state_dict({**fine_tuned.tensors, **head})
    return fuse_batch_norm(network)


# -- checkpoint


def _settings(
    extractor: FeatureExtractor, project: Project, training_set: TrainingSet, model: TrainedModel, config: TrainConfig
) -> dict[str, Any]:
    """Return the content of ``training.json``: what it takes to train the same model again."""
    packages = ("torch", "torchvision", "timm", "numpy", "pillow", "pillow-heif")
    return {
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "program": training_record.program(),
        "packages": training_record.packages(),
        "config": asdict(config),
        "kept": model.mode,
        **model.details,
        "device": extractor.device.name,
        "precision": str(extractor.device.dtype).removeprefix("torch."),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "data": {
            "fingerprint": training_set.fingerprint(),
            "splits": {name: sum(counts.values()) for name, counts in project.catalog.balance().items()},
        },
    }
