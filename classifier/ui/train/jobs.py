"""A visitor's training as a background job: start it, find it, and resume it after a restart."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from ...config import TrainConfig
from ...data.project import Project
from ...errors import ClassifierError, ModelError
from ...events import Progress, Step
from ...messages import sentence
from ...messages.limits import LimitCode
from ...messages.server import LogCode
from ...messages.training_page import TrainCode
from ...messages.workflows import StepsCode
from ...models.model_folder import RESUME
from ...training.resume import has_same_settings
from ...workflows.steps import list_steps
from ...workflows.train import Finished, Unfinished, ended_the_program, train, unfinished
from .. import host_log, html, metrics
from ..background import Deadline, Job, Restarted, ShouldStop, State, Work
from ..queue import Place
from ..sessions import Home, is_token
from . import waiting
from .overall import OverallProgress
from .waiting import Waiting

log = logging.getLogger(__name__)

_SETTLED = 2.0  # seconds after the last correction: several photos are corrected in a row


def get_job(home: Home, token: str) -> Job | None:
    """Return this visitor's training: the unfinished one, or else the last one."""
    return home.jobs.get(home.folder(token)) if is_token(token) else None


def is_training(home: Home, token: str) -> bool:
    """Return whether this visitor's training runs or waits in the queue."""
    job = get_job(home, token)
    return job is not None and not job.state.ended


def is_improving(home: Home, token: str) -> bool:
    """Return whether this visitor's training has a first model and goes on: corrections let it begin again."""
    job = get_job(home, token)
    return job is not None and (job.state.is_improving or (job.state.restarts > 0 and not job.state.ended))


def start(home: Home, token: str, config: TrainConfig) -> None:
    """Start a training in the background unless there is an unfinished one; it goes on when the page is closed.

    Raises ``ClassifierError`` where the host has no room for another model or in its queue.
    """
    if not is_training(home, token):
        home.check_room()
        _submit(home, token, Waiting(config, _resumable_folder(home, token, config)))


def try_network(home: Home, token: str, config: TrainConfig, network: str, run: str | None) -> None:
    """Try a network that was fetched as a further step of the training ``run``, or of a new one; not while one runs."""
    if not is_training(home, token):
        home.check_room()
        with home.open(token) as project:
            folder = None if run is None else project.models / run
        _submit(home, token, Waiting(config, folder, (network,)))


def stop(home: Home, token: str) -> None:
    """Ask this visitor's training to end; fine-tuning keeps its best model so far."""
    job = get_job(home, token)
    if job is not None:
        job.stop()
        waiting.forget(home.folder(token))


def resume(home: Home, token: str) -> None:
    """Resume the training that ended or waited when the program ended; one that failed or was stopped is left as it is.

    One that ended the program itself is resumed once, see ``ended_program``.
    """
    queued, found = _queued(home, token), _interrupted(home, token)
    with suppress(ClassifierError):  # the queue is full: the next visit resumes it
        if queued is not None and not queued.ended_the_program:
            _submit(home, token, queued)
        elif queued is None and found is not None and not ended_the_program(found.folder):
            _submit(home, token, Waiting(found.config, found.folder, found.networks))


def ended_program(home: Home, token: str) -> TrainCode | None:
    """Return what to say of this visitor's unfinished training if it ended the program as often as it may unasked."""
    queued, found = _queued(home, token), _interrupted(home, token)
    if queued is not None and queued.ended_the_program:
        return TrainCode.ENDED_PROGRAM_QUICK
    return TrainCode.ENDED_PROGRAM if found is not None and ended_the_program(found.folder) else None


def _queued(home: Home, token: str) -> Waiting | None:
    """Return the training that waited when the program ended, or that begins anew."""
    return waiting.find(home.folder(token)) if is_token(token) and get_job(home, token) is None else None


def _interrupted(home: Home, token: str) -> Unfinished | None:
    """Return the training that ended with the program."""
    project = home.find(token) if get_job(home, token) is None else None
    if project is None:
        return None
    with project:
        return unfinished(project)


class _Corrections:
    """Whether photos were added, removed, relabeled or moved to another split since a training began.

    What the training itself writes does not count.
    """

    def __init__(self, project: Project, clock: Callable[[], float]) -> None:
        self._project, self._clock = project, clock
        self._seen = project.catalog.foreign_changes()
        self._before = self._now = self._photos()
        self._last = clock()

    def _photos(self) -> int:
        return hash(frozenset((photo.sha256, photo.label, photo.split) for photo in self._project.photos()))

    def there_are(self, settled: bool) -> bool:
        """Return whether there are any; where ``settled``, only if none came for a moment."""
        seen = self._project.catalog.foreign_changes()
        if seen != self._seen:
            self._seen, now = seen, self._photos()
            if now != self._now:
                self._now, self._last = now, self._clock()
        return self._now != self._before and not (settled and self._clock() - self._last < _SETTLED)


@dataclass
class _TrainingWork:
    """A training as the work of a background job: for as long as the host allows, again where photos are corrected.

    Args:
        home, token: whose photos.
        config: the settings.
        out: folder of a training that goes on, None for a new one.
        clock: the time in seconds.
        networks: those that were fetched, to be tried as further steps of the training in ``out``.
    """

    home: Home
    token: str
    config: TrainConfig
    out: Path | None
    clock: Callable[[], float]
    networks: tuple[str, ...] = ()

    def __call__(self, should_stop: ShouldStop) -> Generator[Any, None, None]:
        folder = self.home.folder(self.token)
        if self.config.mode != "quick":  # what was done is kept
            waiting.forget(folder)
        found = self.home.find(self.token)
        if found is None:  # deleted while this waited
            return
        _count("started", LogCode.TRAINING_STARTED, mode=self.config.mode)
        started = self.clock()
        self._should_stop = should_stop
        self._end = started + 60 * self.home.limits.train_minutes
        with found as project, waiting.begun(folder):
            done = list_steps(self.out) if self.out is not None and self.config.mode == "auto" else ()
            yield from done
            while (yield from self._train(project, bool(done))):
                _abandon(project)
                self.out, done = None, ()
                yield Restarted()
        _count("finished", LogCode.TRAINING_FINISHED, mode=self.config.mode, seconds=round(self.clock() - started, 1))

    def _stop(self) -> bool:
        return self._should_stop() or self.clock() > self._end

    def _train(self, project: Project, has_model: bool) -> Generator[Any, None, bool]:
        """Train until the end, or until photos were corrected; return whether it has to begin again.

        It has, too, where photos were corrected since the steps that it was to follow. ``has_model``: whether it goes
        on after its first model.

        Time that passes while the events wait, for the work of others, counts for no limit.
        """
        corrections, minutes = _Corrections(project, self.clock), self.home.limits.train_minutes
        overall = OverallProgress(self.config, self.clock, has_model)
        deadline = self.clock() + 60 * self.config.minutes
        events = train(project, self.config, self.out, stop=self._stop, networks=self.networks)
        with closing(_until_other_photos(events)) as events:
            for event in events:
                if event is None:
                    return True
                is_last = isinstance(event, Finished)
                if self.config.mode == "auto" and not self._stop() and corrections.there_are(settled=not is_last):
                    return True
                if isinstance(event, Step) and self.config.minutes:
                    yield Deadline(deadline)
                progress = overall.follow(event) if isinstance(event, (Progress, Step)) else None
                suspended = self.clock()
                yield progress or event
                waited = self.clock() - suspended
                overall.suspend(waited)
                self._end, deadline = self._end + waited, deadline + waited
                if self.config.mode == "quick" and not is_last and self.clock() > self._end:
                    raise ClassifierError(LimitCode.TIME_IS_UP, limit=minutes)
        return False


def _until_other_photos(events: Iterator[Any]) -> Generator[Any, None, None]:
    """Yield the events of a training, and None where its steps cannot follow those before: photos were corrected."""
    try:
        yield from events
    except ModelError as error:
        if error.code is not StepsCode.OTHER_PHOTOS:
            raise
        yield None


def _count(state: str, code: LogCode, **fields: str | float) -> None:
    metrics.TRAININGS.add(state)
    host_log.tell(log, code, **fields)


def training_work(
    home: Home,
    token: str,
    config: TrainConfig,
    out: Path | None = None,
    clock: Callable[[], float] = monotonic,
    networks: tuple[str, ...] = (),
) -> Work:
    """Return the work of a background job: train on the project of ``token``, for as long as the host allows.

    What takes longer ends with the best so far, quick training with a ``ClassifierError``. In the mode ``auto`` it
    begins again where photos are corrected meanwhile. ``networks`` are tried as further steps of the training ``out``.
    """
    return _TrainingWork(home, token, config, out, clock, networks)


def progress_bar(state: State, place: Place, title: str = "") -> str:
    """Return the progress of a training, or its place in the queue, as HTML; ``title`` stands before the progress."""
    if state.held:
        return html.busy(TrainCode.HELD)
    if state.phase == "waiting" and place.before:
        code = TrainCode.QUEUED if place.seconds is None else TrainCode.QUEUED_FOR
        return html.busy(sentence(code, count=place.before, seconds=place.seconds))
    if state.phase == "stopping":
        return html.busy(title or TrainCode.STOPPING)
    if state.overall is None:
        return html.busy(title or TrainCode.STARTING)
    overall, left = state.overall, ""
    if overall.seconds_left is not None:
        code = TrainCode.FIRST_MODEL_IN if overall.until_first else TrainCode.PROGRESS_LEFT
        left = sentence(code, seconds=overall.seconds_left)
    heading = title or str(TrainCode.TRAINING)
    if overall.share is None:
        return html.busy(heading, str(overall.stage))
    return html.share_done(heading, overall.share, str(overall.stage), left)


def _submit(home: Home, token: str, training: Waiting) -> None:
    folder, config = home.folder(token), training.config
    work = training_work(home, token, config, training.folder, networks=tuple(training.networks))
    before = waiting.find(folder)
    waiting.note(folder, training)  # before it can begin
    try:
        home.jobs.start(folder, work, graceful=config.mode != "quick", long=config.mode == "deep")
    except ClassifierError:
        if before is None:
            waiting.forget(folder)
        else:
            waiting.note(folder, before)
        raise


def _resumable_folder(home: Home, token: str, config: TrainConfig) -> Path | None:
    """Return the folder of an interrupted training with the same settings, and delete what is left of others.

    Otherwise a restart would resume a training that the person has replaced.
    """
    with home.open(token) as project:
        return _abandon(project, but=config)


def _abandon(project: Project, but: TrainConfig | None = None) -> Path | None:
    """Make unfinished trainings such as cannot be resumed, up to one that goes on with ``but``; return its folder.

    The models that they have stay.
    """
    while (found := unfinished(project)) is not None:
        if but is not None and has_same_settings(found.config, but):
            return found.folder
        shutil.rmtree(found.folder / RESUME)
        with suppress(OSError):  # the folder holds a model
            found.folder.rmdir()
    return None
