"""Who waits for whom: the trainings of all visitors in one queue, and Gradio's concurrency groups for other events."""

from __future__ import annotations

import inspect
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import wraps
from pathlib import Path
from typing import Any, TypedDict

from ..device import release_memory
from ..errors import ClassifierError
from ..events import Step
from ..messages.limits import LimitCode
from . import metrics
from .background import Job, Work

MAX_JOBS = 200  # projects whose last training is kept in memory
_MOST_HELD = 3  # trainings that wait between two events: each keeps its photos' features in memory
_POLL = 0.2  # seconds between two looks whether a training that waits may go on


class Concurrency(TypedDict):
    """The settings of a Gradio event that say which other events it waits for."""

    concurrency_id: str
    concurrency_limit: int


# Predictions run one at a time: two torch processes or threads on the same cores slow each other down many times.
DEVICE = Concurrency(concurrency_id="device", concurrency_limit=1)
# What takes in photos may take minutes: it leaves slots to what redraws.
INTAKE = Concurrency(concurrency_id="intake", concurrency_limit=8)
# A zip of sorted photos may take minutes, too.
PACK = Concurrency(concurrency_id="pack", concurrency_limit=2)
# Setting photos apart looks at all of them, as training does; predictions do not wait for it.
APART = Concurrency(concurrency_id="apart", concurrency_limit=1)
# Redrawing and small changes may run side by side for several visitors.
FREE = Concurrency(concurrency_id="page", concurrency_limit=8)
# Reading the state of a training takes no time and must not wait for a large upload.
WATCH = Concurrency(concurrency_id="watch", concurrency_limit=16)


class Foreground:
    """Counts the work of this process that goes before the improving steps of trainings: predictions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    def __enter__(self) -> None:
        with self._lock:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._count -= 1

    @property
    def busy(self) -> bool:
        """Whether such work runs now."""
        return self._count > 0


PREDICTIONS = Foreground()  # one for the process, like the processor itself


def going_first(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Return a handler during whose work improving steps of trainings are held, with the same signature."""
    if not inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def call(*args: Any) -> Any:
            metrics.PREDICTIONS.add(handler.__name__)
            with PREDICTIONS:
                return handler(*args)

        return call

    @wraps(handler)
    def generate(*args: Any) -> Iterator[Any]:
        metrics.PREDICTIONS.add(handler.__name__)
        events = handler(*args)
        while True:
            with PREDICTIONS:  # not while it is suspended: the browser may be gone
                try:
                    event = next(events)
                except StopIteration:
                    return
            yield event

    return generate


class Jobs:
    """The trainings, or other long work, of all visitors, by the folder of the project, in the order they came.

    A training that has its first step done gives way: between two events it waits while predictions run or another
    one has not begun, and after each step while another one waits like this.

    Args:
        at_once: how many run side by side, one of each project.
        queue: how many may wait.
        full: what to say where no more may.
        first: whether they go before the improving steps of trainings, as predictions do.
    """

    def __init__(
        self, at_once: int = 1, queue: int = 200, full: LimitCode = LimitCode.QUEUE, first: bool = False
    ) -> None:
        self._at_once, self._queue, self._full, self._first = at_once, queue, full, first
        self._changed = threading.Condition()
        self._latest: dict[Path, Job] = {}
        self._waiting: deque[Job] = deque()
        self._held: list[Job] = []
        self._running = 0

    def start(self, folder: Path, work: Work, graceful: bool) -> Job:
        """Queue a training of the project in ``folder``; return the unfinished one if there is one already.

        Raises ``ClassifierError`` where as many wait as may.
        """
        with self._changed:
            existing = self._latest.get(folder)
            if existing is not None and not existing.state.ended:
                return existing
            waiting = len(self._unstarted())
            if self._running >= self._at_once and waiting >= self._queue:
                metrics.REFUSED.add(self._full.id)
                raise ClassifierError(self._full, count=waiting)
            job = Job(work, graceful, self._give_way)
            self._latest.pop(folder, None)
            self._latest[folder] = job
            self._drop_oldest()
            self._waiting.append(job)
            self._start_waiting()
            return job

    def get(self, folder: Path) -> Job | None:
        """Return the latest training of a project since the program started, running or ended."""
        return self._latest.get(folder)

    def position(self, job: Job) -> int:
        """Return how many trainings run before this one does."""
        with self._changed:
            waiting = self._unstarted()
            return self._at_once + waiting.index(job) if job in waiting else 0

    def count_waiting(self) -> int:
        """Return how many trainings wait."""
        with self._changed:
            return len(self._unstarted())

    def count_running(self) -> int:
        """Return how many trainings run; one that gives way to others waits."""
        with self._changed:
            return self._running

    def cancel(self, folder: Path, seconds: float = 60.0) -> None:
        """Cancel a project's training and forget it, so that its folder can be deleted; wait at most ``seconds``."""
        job = self._latest.get(folder)
        if job is not None:
            job.cancel(seconds)
        with self._changed:
            if self._latest.get(folder) is job:
                self._latest.pop(folder, None)

    def _start_waiting(self) -> None:
        """Start those that wait for as long as there are slots; called with the lock."""
        while self._running < self._at_once and self._waiting:
            job = self._waiting.popleft()
            if not job.state.ended:
                self._running += 1
                # A daemon thread, so that the program can end during a training: long ones resume at the next start.
                threading.Thread(target=self._run, args=(job,), name="training", daemon=True).start()

    def _run(self, job: Job) -> None:
        with PREDICTIONS if self._first else nullcontext():
            job.run()
        release_memory()
        with self._changed:
            self._running -= 1
            self._start_waiting()
            self._changed.notify_all()

    def _give_way(self, job: Job, event: object) -> None:
        """Hold a training between two events while others go before it; called in its thread."""
        with self._changed:
            if not job.state.is_improving or not self._must_wait(job, isinstance(event, Step)):
                return
            self._held.append(job)
            self._running -= 1
            self._start_waiting()
            self._changed.notify_all()
            while self._must_wait(job):
                job.hold(True)
                self._changed.wait(_POLL)
            self._held.remove(job)
            self._running += 1
            job.hold(False)

    def _must_wait(self, job: Job, is_between_steps: bool = False) -> bool:
        """Return whether an improving training gives way to another, or still does."""
        if job.should_stop():  # what is left to do takes no time
            return False
        if PREDICTIONS.busy:
            return True
        if job in self._held:
            return self._running >= self._at_once or self._held[0] is not job
        return len(self._held) < _MOST_HELD and (bool(self._unstarted()) or (is_between_steps and bool(self._held)))

    def _unstarted(self) -> list[Job]:
        return [job for job in self._waiting if not job.state.ended]

    def _drop_oldest(self) -> None:
        ended = [folder for folder, job in self._latest.items() if job.state.ended]
        for folder in ended[: max(0, len(self._latest) - MAX_JOBS)]:
            del self._latest[folder]
