"""Train a classifier on a project's photos, evaluate it and write a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

from .. import device as devices
from .. import distributed
from .._version import __version__
from ..config import DEFAULTS, TrainConfig
from ..data.project import Project
from ..errors import DataError, ModelError, SettingError
from ..events import Epoch, Note, Progress, Step
from ..messages import Message
from ..messages.workflows import StepCode, WorkflowCode
from ..models import backbones, model_folder
from ..models.backbones import Backbone
from ..models.checkpoint import TrainedModel
from ..models.feature_cache import FeatureCache
from ..models.features import FeatureExtractor
from ..models.pixel_ranges import with_pixel_ranges
from ..training import attempts, deep, resume
from ..training.cross_fit import FineTunedNetwork
from . import auto
from .evaluate import check_test_classes
from .photo_notes import similar_classes
from .trained_models import fine_tuned_model, train_head
from .training_data import build_training_set, training_notes, validation_set
from .training_run import Clock, Finished, TrainingRun, save_progress

__all__ = ["Finished", "estimate_seconds", "feature_backbone", "train", "unfinished"]
Event = Progress | Epoch | Note | Step
T = TypeVar("T")


def estimate_seconds(photos: int, config: TrainConfig) -> float:
    """Return a rough duration of a training on this machine, in seconds, from the number of photos alone."""
    device = devices.choose()
    # Of photos as a project keeps them, small: see ``benchmarks/overhead.py``.
    per_photo = 0.02 / device.workers if device.is_cpu else 0.004
    quick = 1.0 + photos * per_photo * backbones.relative_cost(config.backbone)
    return quick if config.mode == "quick" else quick + 60 * config.minutes


def train(
    project: Project,
    config: TrainConfig = DEFAULTS,
    out: Path | None = None,
    test: Project | None = None,
    device: str | None = None,
    stop: Callable[[], bool] | None = None,
    networks: Sequence[str] = (),
) -> Iterator[Event | Finished]:
    """Train on a project's photos, evaluate the model and write a checkpoint.

    Yields ``Progress``, in deep training and mode auto ``Epoch`` and ``Note`` too, in mode auto ``Step``, and
    ``Finished`` last. Closing the iterator ends the training: features computed so far stay cached, and no partial
    checkpoint is left. An interrupted deep training resumes from its last complete epoch when it is called again with
    the same ``out``, one in mode auto at the step it was in and with the networks that it was asked for; seconds in
    which the iterator is not asked for more do not count against ``config.minutes``.

    Args:
        project: the photos; those of the splits ``test`` and ``val`` evaluate the model, in this order of preference.
        config: settings.
        out: folder of the checkpoint, by default a new one among the project's models.
        test: labeled photos for a second report, ``Finished.test``.
        device: "cpu", "cuda", "cuda:1" or "mps", by default the fastest there is.
        stop: asked after every batch of deep training and before every step of mode auto; True ends the training with
            the best so far.
        networks: in mode auto, names of networks to try as further steps, also on a training in ``out`` that has ended.

    Raises:
        DataError: too few photos or classes, or no test photo is of one of these classes.
        ModelError: the backbone cannot be loaded, ``out`` holds other files or is another training's, or ``networks``
            are to follow steps on other photos.
        StorageError: the disk is full.

    Example::

        with Project.over(Path("photos")) as project:
            for event in train(project, TrainConfig(mode="deep", minutes=5), Path("model")):
                print(event)
    """
    distributed.check_same(lambda: _describe(project, test, config, networks))
    for name in networks:  # refused before anything is trained
        feature_backbone(replace(config, backbone=name))
    # It is named after the time.
    folder = out or project.models / distributed.decide(lambda: _new_name(project, config))
    clock = Clock()
    with model_folder.reserve(folder), closing(FeatureCache(project.features)) as cache:
        extractor = FeatureExtractor(
            feature_backbone(config), devices.choose(device), cache, project.limits, describe=project.describe,
            keeps_stages=config.mode == "auto",
        )  # fmt: skip
        clock.start()
        with closing(_train(project, config, folder, test, extractor, stop or _never, clock, networks)) as events:
            for event in events:
                clock.stop()
                yield event
                clock.start()


def _train(
    project: Project, config: TrainConfig, folder: Path, test: Project | None, extractor: FeatureExtractor,
    stop: Callable[[], bool], clock: Clock, networks: Sequence[str],
) -> Generator[Event | Finished, None, None]:  # fmt: skip
    notes: list[Message] = [*similar_classes(project)]
    yield from map(Note, notes)
    extractor = with_pixel_ranges(extractor, project)
    backbone = backbones.resolve(config.backbone)
    resume_folder, is_quick = folder / model_folder.RESUME, config.mode == "quick"
    with nullcontext(networks) if is_quick else resume.announced(resume_folder, config, networks) as asked_for:
        training_set, resize_mode = yield from build_training_set(extractor, project, backbone, config)
        if test is not None:  # it is evaluated last, which may be many minutes later
            check_test_classes(test, training_set.labels)
        warnings = training_notes(project, training_set.grouping, resize_mode)
        notes.extend(warnings)
        yield from map(Note, warnings)
        yield Progress(StepCode.TRAIN_HEAD, 0, len(training_set), None)
        model = train_head(extractor, training_set, backbone, resize_mode, config)
    run = TrainingRun(
        project, config, folder, test, extractor, training_set, backbone, resize_mode, stop, clock, notes
    )  # fmt: skip
    if config.mode == "auto" and run.is_measurable:
        yield (yield from _recorded(run, auto.improve(run, model, asked_for)))
        return
    if config.mode != "quick":
        model = yield from _recorded(run, _fine_tune(run, model))
    evaluated = yield from run.with_test((yield from run.evaluate(model)))
    yield save_progress(len(training_set))
    yield run.save(evaluated)


def _recorded(run: TrainingRun, events: Generator[Event, None, T]) -> Generator[Event, None, T]:
    """Yield events and keep what ``training.json`` tells of them; return what their generator returns."""
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            value: T = end.value
            return value
        if isinstance(event, Note):
            run.notes.append(event.message)
        elif isinstance(event, Epoch):
            run.epochs.append(event)
        yield event


class Unfinished(NamedTuple):
    """An interrupted training, by the arguments of ``train`` that resume it."""

    folder: Path
    config: TrainConfig
    networks: tuple[str, ...]


def unfinished(project: Project) -> Unfinished | None:
    """Return the newest interrupted training that is longer than a quick one."""
    found = []
    for path in project.models.glob(f"[!.]*/{model_folder.RESUME}/settings.json"):
        with suppress(ModelError, OSError):  # it is damaged, or being deleted
            config, networks = resume.read_settings(path.parent)
            found.append((path.stat().st_mtime, Unfinished(path.parent.parent, config, networks)))
    return max(found, key=lambda row: row[0])[1] if found else None


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
    if backbone.from_scratch and config.mode != "deep":
        raise SettingError(WorkflowCode.UNTRAINED_NETWORK, backbone=config.backbone)
    return backbone.feature_backbone()


def _describe(project: Project, test: Project | None, config: TrainConfig, networks: Sequence[str]) -> list[object]:
    """Return what several processes must have in common: else they would wait for one another."""
    photos = [
        [(asset.sha256, asset.label, asset.split) for asset in one.catalog.assets()]
        for one in (project, test)
        if one is not None
    ]
    return [__version__, asdict(config), project.groups_from(), list(networks), photos]


def _new_name(project: Project, config: TrainConfig) -> str:
    stem = f"{datetime.now():%Y-%m-%d-%H%M%S}-{config.mode}"
    names = (stem if count == 1 else f"{stem}-{count}" for count in range(1, 1_000_000))
    return next(name for name in names if not (project.models / name).exists())


# -- deep training


def _fine_tune(run: TrainingRun, head: TrainedModel) -> Generator[Event, None, TrainedModel]:
    """Return the fine-tuned network where it is better than the linear head, see ``deep.fine_tune``."""
    config, training_set, folder = run.config, run.training_set, run.resume_folder
    validation = yield from validation_set(run.extractor, run.project, training_set, head)
    deciding = [] if validation is None else [f"validate {row}" for row in validation.rows()]
    resume.prepare_folder(folder, config, [*training_set.rows(), *deciding])
    if not attempts.count_starts(folder):
        attempts.record_start(folder)
    extractor = replace(run.extractor, backbone=head.backbone)
    events = deep.fine_tune(
        extractor, training_set, head.preprocessing, config, folder, run.stop, validation=validation
    )  # fmt: skip
    model = head
    for event in events:
        if isinstance(event, FineTunedNetwork):
            model = fine_tuned_model(event, training_set, head)
        else:
            yield event
    if model is head and head.backbone.from_scratch:
        raise DataError(WorkflowCode.STOPPED_EARLY)
    return model


def _never() -> bool:
    return False
