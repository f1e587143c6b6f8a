"""One training: what its steps share, and how a model is evaluated, saved and recorded."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from time import perf_counter
from typing import Any

from .. import distributed
from ..config import Mode, ResizeMode, TrainConfig
from ..data.dataset import TrainingSet
from ..data.project import Project
from ..data.run_history import RunAsset
from ..evaluation.class_balance import is_measurable
from ..evaluation.report import Report
from ..evaluation.scoring import without_score
from ..events import Epoch, Progress, Step
from ..messages import Message
from ..messages.workflows import StepCode
from ..models import checkpoint, model_folder, training_record
from ..models.backbones import Backbone
from ..models.checkpoint import TrainedModel
from ..models.features import FeatureExtractor
from ..training import resume
from .candidates import CatalogEntry, step_to_json
from .evaluate import evaluate_own_splits, evaluate_test_set
from .overfit_check import CHOICE
from .photo_notes import with_not_used
from .trained_models import with_project_costs
from .training_data import remember

_RECORD_EVERY = 2.0  # seconds
_OVERTIME = 0.2  # part of the time by which a step may exceed it; its plan is an estimate


@dataclass(frozen=True)
class Finished:
    """The last event of a training.

    ``report`` is the model's report, ``folder`` its checkpoint, ``seconds`` the duration. ``test`` is the report on
    separate test photos, None where there are none. ``mode`` is that of the model in the checkpoint: deep training
    returns the quick model where the fine-tuned network is not better. ``notes`` are the messages of the ``Note``
    events, ``steps`` those that were tried in mode auto.

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
    steps: tuple[Step, ...] = ()


class Clock:
    """Seconds that a training has worked: those in which its iterator waits to be asked for more do not count."""

    def __init__(self) -> None:
        self.recorded = 0.0  # the seconds that a resumed training will go on with
        self._before = 0.0
        self._started: float | None = None

    def start(self) -> None:
        """Count from now on."""
        self._started = perf_counter()

    def stop(self) -> None:
        """Count no more until ``start``."""
        self._before, self._started = self.seconds, None

    def add(self, seconds: float) -> None:
        """Count seconds that were worked before an interruption."""
        self.recorded = seconds
        self._before += seconds

    @property
    def seconds(self) -> float:
        """The seconds so far."""
        return self._before + (0.0 if self._started is None else perf_counter() - self._started)


@dataclass(frozen=True)
class TrainingRun:
    """A training under way.

    ``backbone`` is the network of the model and ``extractor`` has that of the features, which differ only for a network
    from scratch; ``resize_mode`` is that of the features of ``training_set``. ``stop`` returns True when the person
    wants no further step. ``notes``, ``epochs`` and ``steps`` are what the training has yielded so far.
    """

    project: Project
    config: TrainConfig
    folder: Path
    test: Project | None
    extractor: FeatureExtractor
    training_set: TrainingSet
    backbone: Backbone
    resize_mode: ResizeMode
    stop: Callable[[], bool]
    clock: Clock
    notes: list[Message] = field(default_factory=list)
    epochs: list[Epoch] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    @property
    def seconds_left(self) -> float:
        """The seconds that the training may still take; infinite where it has no limit."""
        return 60 * self.config.minutes - self.clock.seconds if self.config.minutes else math.inf

    def record_seconds(self, at_once: bool = False) -> None:
        """Keep how long the training has worked, for one that goes on after an interruption; every few seconds."""
        seconds = self.clock.seconds
        if at_once or seconds - self.clock.recorded > _RECORD_EVERY:
            self.clock.recorded = seconds
            resume.record_seconds(self.resume_folder, seconds)

    def is_expired(self) -> bool:
        """Whether the time is over."""
        return self.seconds_left <= 0

    def is_over(self) -> bool:
        """Whether a step has to end: the person wants no more, or it takes far longer than was planned."""
        return self.stop() or self.seconds_left < -_OVERTIME * 60 * self.config.minutes

    @property
    def is_measurable(self) -> bool:
        """Whether training photos can be held back, to score a model and to compare it with another one."""
        return is_measurable(self.training_set.y, self.training_set.groups)

    @property
    def resume_folder(self) -> Path:
        """Where the state of what is unfinished lies."""
        return self.folder / model_folder.RESUME

    def evaluate(self, model: TrainedModel) -> Generator[Progress, None, Evaluated]:
        """Evaluate a model on the project's own test and validation photos.

        The model of one network beside a joined one is evaluated on the same photos, so that both can be compared.
        """
        extractor, project = self.extractor, self.project
        model = model if self.is_measurable else _without_score(model)
        if model.single is not None:
            model = replace(model, single=(yield from self.evaluate_single(model.single)))
        model = replace(model, training_photos=remember(extractor, project, self.training_set, model))
        report, rows = yield from evaluate_own_splits(extractor, project, model)
        report = with_not_used(with_project_costs(project, model, report), project)
        return Evaluated(replace(model, report=report), tuple(rows))

    def evaluate_single(self, single: TrainedModel) -> Generator[Progress, None, TrainedModel]:
        """Evaluate the model of one network beside a joined one on the project's own test and validation photos."""
        report, _ = yield from evaluate_own_splits(self.extractor, self.project, single)
        return replace(single, report=with_project_costs(self.project, single, report))

    def with_test(self, evaluated: Evaluated) -> Generator[Progress, None, Evaluated]:
        """Return a model with its report on the separate test photos, where there are any."""
        if self.test is None:
            return evaluated
        model = evaluated.model
        return replace(evaluated, test=(yield from evaluate_test_set(self.extractor, self.test, model, model.report)))

    def save(self, evaluated: Evaluated, unfinished: bool = False) -> Finished:
        """Write the checkpoint of a model and record it in the catalog, in mode auto in place of the model before.

        ``unfinished`` where the training goes on.
        """
        report = evaluated.model.report
        with distributed.shared_errors():
            if distributed.is_main_process():
                model_folder.check_reserved(self.folder)
                checkpoint.save(self.folder, evaluated.model, self._record(evaluated), unfinished)
                self.project.make_newest(self.folder)
                self.record(self.catalog_entry(evaluated), report)
        if not unfinished:
            model_folder.remove_unfinished(self.folder)
        mode, seconds = evaluated.model.mode, self.clock.seconds
        return Finished(report, self.folder, seconds, evaluated.test, mode, tuple(self.notes), tuple(self.steps))

    def catalog_entry(self, evaluated: Evaluated) -> CatalogEntry:
        """Return what the catalog keeps of a model of this training, beside its report."""
        mode = "auto" if self.config.mode == "auto" else evaluated.model.mode
        details = training_record.details_of(self._history(evaluated.model))
        return CatalogEntry(mode, self.clock.seconds, details, (*evaluated.model.run_assets, *evaluated.rows))

    def record(self, entry: CatalogEntry, report: Report) -> None:
        """Record a model in the catalog."""
        run = entry.mode, report.to_json(), entry.rows, entry.seconds, entry.details
        replace = bool(self.steps)
        self.project.catalog.runs.record(self.folder.name, *run, replace=replace)

    def _record(self, evaluated: Evaluated) -> dict[str, Any]:
        """Return the content of ``training.json``: what it takes to train the same model again, and what came of it."""
        model, config, project = evaluated.model, self.config, self.project
        return {
            **_settings(self.extractor, project, self.training_set, model, config),
            **self._history(model),
            "self_check": training_record.read_self_check(project.catalog.choice(CHOICE)),
            "photos": training_record.photo_uses(project.catalog.contents(), model.run_assets, evaluated.rows),
        }

    def _history(self, model: TrainedModel) -> dict[str, Any]:
        tried = {"steps": list(map(step_to_json, self.steps))} if self.steps else {}
        return {**training_record.history(self.epochs, model.mode, self.config.mode, self.notes), **tried}


@dataclass(frozen=True)
class Evaluated:
    """A model with its final report, the catalog's rows of photos of other splits, and the report on test photos.

    There is no such report before ``TrainingRun.with_test``.
    """

    model: TrainedModel
    rows: Sequence[Any]
    test: Report | None = None


def _without_score(model: TrainedModel) -> TrainedModel:
    """Return the model without what was predicted for photos whose classes it had not learned."""
    rows = tuple(RunAsset(row.sha256, row.label, row.split) for row in model.run_assets)
    return replace(model, report=without_score(model.report), run_assets=rows, evaluated=None)


def save_progress(photos: int) -> Progress:
    """Return the event before a model is saved: whoever no longer wants it closes the iterator there."""
    return Progress(StepCode.SAVE, photos, photos, None)


def _settings(
    extractor: FeatureExtractor, project: Project, training_set: TrainingSet, model: TrainedModel, config: TrainConfig
) -> dict[str, Any]:
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
        "versions": {
            "python": platform.python_version(),
            **{name: training_record.installed_version(name) for name in packages},
        },
        "data": {
            "fingerprint": training_set.fingerprint(),
            "splits": {name: sum(counts.values()) for name, counts in project.catalog.balance().items()},
        },
    }
