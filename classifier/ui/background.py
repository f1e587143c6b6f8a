"""One training as a background job: it goes on when the tab that started it is closed."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..errors import ClassifierError
from ..events import Epoch, Note, Progress, Step
from ..messages import Code, Message, languages, message
from ..workflows.train import Finished
from .failures import explain

log = logging.getLogger(__name__)

ShouldStop = Callable[[], bool]
Work = Callable[[ShouldStop], Generator[Any, None, None]]  # yields events; stops and keeps the best so far when asked
Phase = Literal["waiting", "running", "stopping", "finished", "stopped", "failed"]

_MAX_NOTES = 20  # of one training, the newest
_MAX_EPOCHS = 2000


@dataclass(frozen=True)
class Overall:
    """How far a whole training is: the stage it is in, its ``share`` of 0 to 1, None where no end is known.

    ``seconds_left`` are those until the first model where ``until_first``, else until the end; None where unknown.
    """

    stage: Code | Message
    share: float | None
    seconds_left: float | None
    until_first: bool


@dataclass(frozen=True)
class State:
    """A training at one moment; ``version`` grows with every change, ``error`` says why it failed.

    ``held``: it waits between two events for the work of others. ``restarts`` counts how often it began again because
    photos were corrected.
    """

    phase: Phase = "waiting"
    version: int = 0
    progress: Progress | None = None
    epochs: tuple[Epoch, ...] = ()
    notes: tuple[Message, ...] = ()
    steps: tuple[Step, ...] = ()
    overall: Overall | None = None
    held: bool = False
    restarts: int = 0
    deadline: float | None = None
    finished: Finished | None = None
    error: Message | None = None

    @property
    def is_improving(self) -> bool:
        """Whether a first model is there and the training goes on."""
        return bool(self.steps) and not self.ended

    @property
    def ended(self) -> bool:
        """Whether no further event will come."""
        return self.phase in ("finished", "stopped", "failed")


@dataclass(frozen=True)
class Restarted:
    """The event of a training that begins again, with photos that were corrected meanwhile."""


@dataclass(frozen=True)
class Deadline:
    """The event that says when the time is over that the person allows, by ``time.monotonic``."""

    at: float


class Job:
    """One training in a thread of its own.

    It runs in the context it was created in: on a Space with ZeroGPU that identifies the request that needs the GPU.
    What it writes to files is English; its events are codes, which are told in the language of who looks.

    Args:
        work: generator function of the events.
        graceful: whether ``work`` ends by itself after ``stop``, with the best model so far; otherwise it is closed.
        between: called after each event, in the thread of the training; it may wait.
        long: whether it gives way to others from its begin.

    ``begun`` and ``resumed`` are of who runs it, by ``time.monotonic``: when it began, None once others no longer wait
    for it, and since when it has worked without a pause.
    """

    def __init__(self, work: Work, graceful: bool, between: Callable[[Job, object], None], long: bool = False) -> None:
        self.long = long
        self.begun: float | None = None
        self.resumed = 0.0
        self.work = work
        self._between = between
        self._graceful = graceful
        self._context = contextvars.copy_context()
        self._context.run(languages.speak, languages.ENGLISH)
        self._lock = threading.Lock()
        self._state = State()
        self._cancelled = False
        self._ended = threading.Event()

    @property
    def state(self) -> State:
        """The training as it is now."""
        return self._state

    @property
    def gives_way(self) -> bool:
        """Whether another one's first step goes before what is left to do."""
        return self.long or self._state.is_improving

    def stop(self) -> None:
        """Ask the training to end; a graceful one keeps its best model so far."""
        with self._lock:
            if self._state.phase == "waiting":
                self._update(phase="stopped")
            elif self._state.phase == "running":
                self._update(phase="stopping")

    def cancel(self, seconds: float) -> None:
        """Ask the training to end and keep nothing; wait until it has, at most ``seconds``."""
        self._cancelled = True
        self.stop()
        self.wait(seconds)

    def wait(self, seconds: float) -> bool:
        """Wait at most ``seconds`` and return whether the training has ended."""
        return self._ended.wait(seconds)

    def run(self) -> None:
        """Do the work in the calling thread."""
        with self._lock:
            if self._state.phase == "waiting":
                self._update(phase="running")
        if not self._state.ended:
            self._context.run(self._run_work)
        self._ended.set()

    def _run_work(self) -> None:
        phase: Phase = "failed"
        error: Message | None = None
        try:
            with closing(self.work(self.should_stop)) as events:
                for event in events:
                    self._record(event)
                    self._between(self, event)
                    if self._cancelled or (self.should_stop() and not self._graceful):
                        break
            phase = "stopped" if self._state.finished is None else "finished"
        except ClassifierError as expected:
            error = expected.message
        except Exception as unexpected:
            # Otherwise its project was deleted, or the program is ending, and thread pools with it.
            is_wanted = not self._cancelled and threading.main_thread().is_alive()
            error = message(explain(unexpected, log if is_wanted else None))
        finally:
            with self._lock:
                self._update(phase=phase, error=error, progress=None)

    def hold(self, held: bool) -> None:
        """Note that the training waits between two events, or no longer."""
        with self._lock:
            if held != self._state.held:
                self._update(held=held)

    def should_stop(self) -> bool:
        """Return whether the training was asked to end."""
        return self._cancelled or self._state.phase == "stopping"

    def _record(self, event: object) -> None:
        with self._lock:
            if isinstance(event, Epoch):
                # A training that resumes after a restart repeats the epochs it had done.
                before = [epoch for epoch in self._state.epochs if epoch.number < event.number]
                self._update(epochs=(*before, event)[-_MAX_EPOCHS:])
            elif isinstance(event, Note):
                self._update(notes=(*self._state.notes, event.message)[-_MAX_NOTES:])
            elif isinstance(event, Finished):
                self._update(finished=event)
            elif isinstance(event, Progress):
                self._update(progress=event)
            elif isinstance(event, Overall):
                self._update(overall=event)
            elif isinstance(event, Step):
                # A training that resumes after a restart may repeat the steps it had done.
                done = [step for step in self._state.steps if step.number < event.number]
                self._update(steps=(*done, event))
            elif isinstance(event, Restarted):
                again = self._state.restarts + 1
                self._update(overall=None, epochs=(), notes=(), steps=(), deadline=None, restarts=again)
            elif isinstance(event, Deadline):
                self._update(deadline=event.at)

    def _update(self, **changes: Any) -> None:
        self._state = replace(self._state, version=self._state.version + 1, **changes)
        if self._state.ended:
            self._ended.set()
