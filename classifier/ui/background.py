"""Training in the background of the server: it outlives the tab that started it, and one at a time uses the device."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ..errors import ClassifierError
from ..events import Epoch, Note, Progress
from ..workflows.train import Finished
from .handlers import SORRY

log = logging.getLogger(__name__)

# A generator function of events; it is given the question whether it should stop and keep the best so far.
Work = Callable[[Callable[[], bool]], Iterator[Any]]
Phase = Literal["waiting", "running", "stopping", "finished", "stopped", "failed"]

_NOTES = 20  # kept of one training, the newest
_ROUNDS = 2000  # likewise
_KEPT = 200  # projects whose last training is remembered


@dataclass(frozen=True)
class State:
    """What is known of a training at one moment; ``version`` grows with every change."""

    phase: Phase = "waiting"
    version: int = 0
    progress: Progress | None = None
    epochs: tuple[Epoch, ...] = ()
    notes: tuple[str, ...] = ()
    finished: Finished | None = None
    problem: str = ""  # the sentence to show, where it failed

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.phase in ("finished", "stopped", "failed")


class Job:
    """One training. ``gentle``: when it is to stop it ends by itself, with the best so far; else it is broken off.

    It runs in the context it was made in: on a Space with ZeroGPU that says whose request needs the GPU.
    """

    def __init__(self, work: Work, gentle: bool) -> None:
        self._work = work
        self._gentle = gentle
        self._context = contextvars.copy_context()
        self._lock = threading.Lock()
        self._state = State()
        self._dropped = False
        self._over = threading.Event()

    @property
    def state(self) -> State:
        """As it is now."""
        return self._state

    def stop(self) -> None:
        """Asks it to end; the best so far is kept where the training can do that."""
        with self._lock:
            if self._state.phase == "waiting":
                self._set(phase="stopped")
            elif self._state.phase == "running":
                self._set(phase="stopping")

    def drop(self, seconds: float) -> None:
        """Asks it to end with nothing kept, and waits until it has, at most so long."""
        self._dropped = True
        self.stop()
        self.wait(seconds)

    def wait(self, seconds: float) -> bool:
        """Whether it is over within so many seconds."""
        return self._over.wait(seconds)

    def run(self) -> None:
        """Does the work, in the thread that calls."""
        with self._lock:
            if self._state.phase == "waiting":
                self._set(phase="running")
        if not self._state.over:
            self._context.run(self._go_through)
        self._over.set()

    def _go_through(self) -> None:
        phase: Phase = "failed"
        problem = ""
        try:
            with closing(self._work(self._to_stop)) as events:  # type: ignore[type-var]  # generators can be closed
                for event in events:
                    self._take(event)
                    if self._dropped or (self._to_stop() and not self._gentle):
                        break
            phase = "stopped" if self._state.finished is None else "finished"
        except ClassifierError as error:
            problem = str(error)
        except Exception:
            if threading.main_thread().is_alive():  # else the program ends, and thread pools with it: no bug
                log.exception("A bug, not a mistake of the visitor")
            problem = SORRY
        finally:
            with self._lock:
                self._set(phase=phase, problem=problem, progress=None)

    def _to_stop(self) -> bool:
        return self._dropped or self._state.phase == "stopping"

    def _take(self, event: object) -> None:
        with self._lock:
            if isinstance(event, Epoch):
                # A training that goes on after a restart tells again what it had reached.
                before = [epoch for epoch in self._state.epochs if epoch.number < event.number]
                self._set(epochs=(*before, event)[-_ROUNDS:])
            elif isinstance(event, Note):
                self._set(notes=(*self._state.notes, event.sentence)[-_NOTES:])
            elif isinstance(event, Finished):
                self._set(finished=event)
            elif isinstance(event, Progress):
                self._set(progress=event)

    def _set(self, **changes: Any) -> None:
        self._state = replace(self._state, version=self._state.version + 1, **changes)
        if self._state.over:
            self._over.set()


class Jobs:
    """The trainings of all visitors, by the folder of the project: they take turns, first come, first served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[Path, Job] = {}
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None

    def start(self, folder: Path, work: Work, gentle: bool) -> Job:
        """Begins a training when its turn comes; gives the one that is under way if there is one already."""
        with self._lock:
            known = self._last.get(folder)
            if known is not None and not known.state.over:
                return known
            job = Job(work, gentle)
            self._last.pop(folder, None)
            self._last[folder] = job
            self._forget_oldest()
            self._waiting.append(job)
            if self._running is None:
                self._running = self._waiting.popleft()
                # A daemon, so that the program can end in the middle of a training: deep ones go on at the next start.
                threading.Thread(target=self._take_turns, args=(self._running,), name="training", daemon=True).start()
            return job

    def find(self, folder: Path) -> Job | None:
        """The newest training of a project since the program started, under way or over."""
        return self._last.get(folder)

    def ahead(self, job: Job) -> int:
        """How many trainings come before this one's turn."""
        with self._lock:
            waiting = [other for other in self._waiting if not other.state.over]
            return 1 + waiting.index(job) if job in waiting else 0

    def end(self, folder: Path, seconds: float = 60.0) -> None:
        """Breaks off a project's training, so that its folder can be deleted, and forgets it."""
        job = self._last.get(folder)
        if job is not None:
            job.drop(seconds)
        with self._lock:
            if self._last.get(folder) is job:
                self._last.pop(folder, None)

    def _take_turns(self, job: Job | None) -> None:
        while job is not None:
            job.run()
            with self._lock:
                job = self._running = self._waiting.popleft() if self._waiting else None

    def _forget_oldest(self) -> None:
        over = [folder for folder, job in self._last.items() if job.state.over]
        for folder in over[: max(0, len(self._last) - _KEPT)]:
            del self._last[folder]
