"""Train a classifier on a project's photos, evaluate it and write a checkpoint."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import device as devices
from .. import distributed
from ..config import DEFAULTS, Mode, TrainConfig
from ..data.dataset import TrainingSet
from ..data.project import Project
from ..errors import DataError, ModelError, SettingError
from ..evaluation.report import Report
from ..events import Epoch, Note, Progress
from ..messages import Message
from ..messages.workflows import StepCode, WorkflowCode
from ..models import backbones, checkpoint, model_folder, training_record
from ..models.backbones import Backbone
from ..models.checkpoint import TrainedModel
from ..models.feature_cache import FeatureCache
from ..models.features import FeatureExtractor
from ..models.pixel_ranges import with_pixel_ranges
from ..training import attempts, deep, resume
from .evaluate import evaluate_own_splits, evaluate_test_set
from .overfit_check import CHOICE
from .photo_notes import similar_classes, with_not_used
from .trained_models import fine_tuned_model, train_head, with_project_costs
from .training_data import build_training_set, group_notes, remember, validation_set

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
        training_set, resize_mode = yield from build_training_set(extractor, project, backbone, config)
        for warning in group_notes(project, training_set.grouping):
            notes.append(warning)
            yield Note(warning)
        yield Progress(StepCode.TRAIN_HEAD, 0, len(training_set), None)
        model = train_head(extractor, training_set, backbone, resize_mode, config)
        if config.mode == "deep":
            validation = yield from validation_set(extractor, project, training_set, model)
            for event in _fine_tune(extractor, training_set, model, config, folder, stop, validation):
                if isinstance(event, deep.FineTunedNetwork):
                    model = fine_tuned_model(event, training_set, model, config)
                    continue
                if isinstance(event, Note):
                    notes.append(event.message)
                elif isinstance(event, Epoch):
                    epochs.append(event)
                yield event
            if model.mode == "quick" and backbone.from_scratch:
                raise DataError(WorkflowCode.STOPPED_EARLY)
        model = replace(model, training_photos=remember(extractor, project, training_set, model))
        report, evaluated = yield from evaluate_own_splits(extractor, project, model)
        report = with_not_used(with_project_costs(project, model, report), project)
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


def _new_folder(project: Project, config: TrainConfig) -> Path:
    stem = f"{datetime.now():%Y-%m-%d-%H%M%S}-{config.mode}"
    names = (stem if count == 1 else f"{stem}-{count}" for count in range(1, 1_000_000))
    return project.models / next(name for name in names if not (project.models / name).exists())


# -- training


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
