"""Who waits for whom: the trainings of all visitors in one queue, and Gradio's concurrency groups for other events."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from statistics import median
from time import monotonic
from typing import NamedTuple, TypedDict

from ..device import release_memory
from ..errors import ClassifierError
from ..events import Epoch, Step
from ..messages.limits import LimitCode
from . import metrics
from .background import Job, Work
from .foreground import PREDICTIONS, Foreground

MAX_JOBS = 200  # projects whose last training is kept in memory
_MOST_HELD = 3  # trainings that began, beside those that may run: each keeps its photos' features in memory
_POLL = 0.2  # seconds between two looks whether a training that waits may go on
_SHORTEST_REST, _LONGEST_REST = 0.1, 1.0  # seconds
_NICE = 10  # of what gives way to others
_KNOWN_WAITS = 20  # first steps, or other long work, from which the wait of the next ones is estimated


class Concurrency(TypedDict):
    """The settings of a Gradio event that say which other events it waits for."""

    concurrency_id: str
    concurrency_limit: int


# Explanations, checks and exports run one at a time: two torch processes or threads on the same cores slow each other
# down many times.
DEVICE = Concurrency(concurrency_id="device", concurrency_limit=1)
# Predictions wait for one another inside: those of one model are computed together, see ``models.shared_passes``.
PREDICT = Concurrency(concurrency_id="predict", concurrency_limit=16)
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


class Place(NamedTuple):
    """Where work is in a queue: how many go before it, and after about how many seconds it begins, None if unknown."""

    before: int
    seconds: float | None


class Jobs:
    """The trainings, or other long work, of all visitors, by the folder of the project, in the order they came.

    Somebody waits for a first step as for a prediction: it begins as soon as there is a slot for it. A training that
    gives way, which is fine-tuning and what has its first step done, has a low priority. Between two events it waits
    for the first steps that began meanwhile, rests for as long as it worked while predictions run, and lets any other
    one that waits go on after each step or epoch of fine-tuning.

    Args:
        at_once: how many run side by side, one of each project.
        first_steps: how many first steps do, if that is more.
        queue: how many may wait.
        full: what to say where no more may.
        counted: where each is counted from its begin until it gives way or ends; what gives way from its begin is not.
    """

    def __init__(
        self,
        at_once: int = 1,
        queue: int = 200,
        full: LimitCode = LimitCode.QUEUE,
        counted: Foreground | None = None,
        first_steps: int = 1,
    ) -> None:
        self._at_once, self._queue, self._full, self._counted = at_once, queue, full, counted
        self._first_steps = max(first_steps, at_once)
        self._changed = threading.Condition()
        self._latest: dict[Path, Job] = {}
        self._waiting: deque[Job] = deque()
        self._held: list[Job] = []
        self._running: list[Job] = []
        self._seconds: deque[float] = deque(maxlen=_KNOWN_WAITS)
        # A thread has the priority of the one that starts it, which may have stepped back; this one never does.
        self._starter = ThreadPoolExecutor(1)

    def start(self, folder: Path, work: Work, graceful: bool, long: bool = False) -> Job:
        """Queue a training of the project in ``folder``; return the unfinished one if there is one already.

        ``long``: whether it gives way to others from its begin, as fine-tuning does. Raises ``ClassifierError`` where
        as many wait as may.
        """
        with self._changed:
            existing = self._latest.get(folder)
            if existing is not None and not existing.state.ended:
                return existing
            job, waiting = Job(work, graceful, self._give_way, long), len(self._unstarted())
            if waiting >= self._queue and not self._may_start(job):
                metrics.REFUSED.add(self._full.id)
                raise ClassifierError(self._full, count=waiting)
            self._latest.pop(folder, None)
            self._latest[folder] = job
            self._drop_oldest()
            others = [one for one in self._waiting if one.long > long]
            self._waiting = deque([*(one for one in self._waiting if one not in others), job, *others])
            self._start_waiting()
            return job

    def get(self, folder: Path) -> Job | None:
        """Return the latest training of a project since the program started, running or ended."""
        return self._latest.get(folder)

    def position(self, job: Job) -> int:
        """Return how many trainings run before this one does."""
        with self._changed:
            waiting = self._unstarted()
            return self._slots(job) + waiting.index(job) if job in waiting else 0

    def place(self, job: Job) -> Place:
        """Return how many trainings run before this one does, and how long that takes by those before."""
        before = self.position(job)
        return Place(before, before * median(self._seconds) / self._slots(job) if self._seconds else None)

    def count_waiting(self) -> int:
        """Return how many trainings wait."""
        with self._changed:
            return len(self._unstarted())

    def count_running(self) -> int:
        """Return how many trainings run; one that gives way to others waits."""
        with self._changed:
            return len(self._running)

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
        self._waiting = deque(self._unstarted())
        while self._waiting and self._may_start(self._waiting[0]):
            job = self._waiting.popleft()
            self._running.append(job)
            # A daemon thread, so that the program can end during a training: long ones resume at the next start.
            thread = threading.Thread(target=self._run, args=(job,), name="training", daemon=True)
            with suppress(RuntimeError):  # the program is ending
                self._starter.submit(thread.start)

    def _may_start(self, job: Job) -> bool:
        """Return whether there is a slot for a training, and memory; a first step takes that of what gives way."""
        if len(self._running) + len(self._held) >= self._slots(job) + _MOST_HELD:
            return False
        return sum(job.long or not one.gives_way for one in self._running) < self._slots(job)

    def _slots(self, job: Job) -> int:
        return self._at_once if job.long else self._first_steps

    def _run(self, job: Job) -> None:
        job.resumed = monotonic()
        if job.long:
            _step_back()
        else:
            self._begin_first_step(job)
        job.run()
        release_memory()
        with self._changed:
            self._end_first_step(job)
            self._running.remove(job)
            self._start_waiting()
            self._changed.notify_all()

    def _begin_first_step(self, job: Job) -> None:
        job.begun = monotonic()
        if self._counted is not None:
            self._counted.enter()

    def _end_first_step(self, job: Job) -> None:
        """Note how long others waited for this one, once: when it gives way, or at its end."""
        if job.begun is not None:
            self._seconds.append(monotonic() - job.begun)
            job.begun = None
            if self._counted is not None:
                self._counted.leave()

    def _give_way(self, job: Job, event: object) -> None:
        """Let others go before a training between two events; called in its thread."""
        if not job.gives_way:
            return
        with self._changed:
            if job.begun is not None:
                self._end_first_step(job)
                _step_back()
            if self._must_wait(job, isinstance(event, Step) or (job.long and isinstance(event, Epoch))):
                self._hold(job)
        self._rest(job)

    def _hold(self, job: Job) -> None:
        """Let others go on until there is a slot again; called with the lock."""
        self._held.append(job)
        self._running.remove(job)
        self._start_waiting()
        self._changed.notify_all()
        while self._must_wait(job):
            job.hold(True)
            self._changed.wait(_POLL)
        self._held.remove(job)
        self._running.append(job)
        job.hold(False)
        job.resumed = monotonic()

    def _rest(self, job: Job) -> None:
        """Let predictions have the device; the training keeps its place."""
        seconds = min(_LONGEST_REST, monotonic() - job.resumed)
        if not PREDICTIONS.busy or seconds < _SHORTEST_REST:
            return
        end = monotonic() + seconds
        while not job.should_stop() and (left := end - monotonic()) > 0:
            if PREDICTIONS.wait(min(left, _POLL)):
                break
        job.resumed = monotonic()

    def _must_wait(self, job: Job, is_between_steps: bool = False) -> bool:
        """Return whether a training that gives way has to wait for others, or still does."""
        if job.should_stop():  # what is left to do takes no time
            return False
        if job in self._held:
            return len(self._running) >= self._at_once or self._held[0] is not job
        is_asked = is_between_steps and bool(self._held or self._unstarted())
        return is_asked or len(self._running) > self._at_once

    def _unstarted(self) -> list[Job]:
        return [job for job in self._waiting if not job.state.ended]

    def _drop_oldest(self) -> None:
        ended = [folder for folder, job in self._latest.items() if job.state.ended]
        for folder in ended[: max(0, len(self._latest) - MAX_JOBS)]:
            del self._latest[folder]


def _step_back() -> None:
    """Let others have the processor before the thread that calls, and those it starts."""
    if sys.platform == "linux":  # elsewhere threads of one process have one priority
        with suppress(OSError):  # it is lower already
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
