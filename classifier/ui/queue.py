"""Who waits for whom: the trainings of all visitors in one queue, and Gradio's concurrency groups for other events."""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path
from typing import TypedDict

from ..device import release_memory
from ..errors import ClassifierError
from ..messages.limits import LimitCode
from .background import Job, Work

MAX_JOBS = 200  # projects whose last training is kept in memory


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


class Jobs:
    """The trainings, or other long work, of all visitors, by the folder of the project, in the order they came.

    Args:
        at_once: how many run side by side, one of each project.
        queue: how many may wait.
        full: what to say where no more may.
    """

    def __init__(self, at_once: int = 1, queue: int = 200, full: LimitCode = LimitCode.QUEUE) -> None:
        self._at_once, self._queue, self._full = at_once, queue, full
        self._lock = threading.Lock()
        self._latest: dict[Path, Job] = {}
        self._waiting: deque[Job] = deque()
        self._threads = 0

    def start(self, folder: Path, work: Work, graceful: bool) -> Job:
        """Queue a training of the project in ``folder``; return the unfinished one if there is one already.

        Raises ``ClassifierError`` where as many wait as may.
        """
        with self._lock:
            existing = self._latest.get(folder)
            if existing is not None and not existing.state.ended:
                return existing
            waiting = len(self._unstarted())
            if self._threads >= self._at_once and waiting >= self._queue:
                raise ClassifierError(self._full, count=waiting)
            job = Job(work, graceful)
            self._latest.pop(folder, None)
            self._latest[folder] = job
            self._drop_oldest()
            if self._threads < self._at_once:
                self._threads += 1
                # A daemon thread, so that the program can end during a training: deep ones resume at the next start.
                threading.Thread(target=self._run_queue, args=(job,), name="training", daemon=True).start()
            else:
                self._waiting.append(job)
            return job

    def get(self, folder: Path) -> Job | None:
        """Return the latest training of a project since the program started, running or ended."""
        return self._latest.get(folder)

    def position(self, job: Job) -> int:
        """Return how many trainings run before this one does."""
        with self._lock:
            waiting = self._unstarted()
            return self._at_once + waiting.index(job) if job in waiting else 0

    def count_waiting(self) -> int:
        """Return how many trainings wait."""
        with self._lock:
            return len(self._unstarted())

    def cancel(self, folder: Path, seconds: float = 60.0) -> None:
        """Cancel a project's training and forget it, so that its folder can be deleted; wait at most ``seconds``."""
        job = self._latest.get(folder)
        if job is not None:
            job.cancel(seconds)
        with self._lock:
            if self._latest.get(folder) is job:
                self._latest.pop(folder, None)

    def _run_queue(self, job: Job | None) -> None:
        while job is not None:
            job.run()
            release_memory()
            with self._lock:
                job = self._waiting.popleft() if self._waiting else None
                self._threads -= job is None

    def _unstarted(self) -> list[Job]:
        return [job for job in self._waiting if not job.state.ended]

    def _drop_oldest(self) -> None:
        ended = [folder for folder, job in self._latest.items() if job.state.ended]
        for folder in ended[: max(0, len(self._latest) - MAX_JOBS)]:
            del self._latest[folder]
