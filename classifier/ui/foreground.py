"""Work that somebody waits for, counted, so that other work of the process leaves it the device."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from . import metrics


class Foreground:
    """Counts work of one kind that somebody waits for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    def enter(self) -> None:
        """Count one more."""
        with self._changed:
            self._count += 1

    def leave(self) -> None:
        """Count one less."""
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def __enter__(self) -> None:
        self.enter()

    def __exit__(self, *_: object) -> None:
        self.leave()

    @property
    def busy(self) -> bool:
        """Whether such work runs now."""
        return self._count > 0

    def wait(self, seconds: float) -> bool:
        """Wait until no such work runs, at most so many seconds; return whether none does."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._count, seconds)


# One of each for the process, like the processor itself. While predictions run, what gives way rests; while a first
# step runs, predictions rest between two passes.
PREDICTIONS, FIRST_STEPS = Foreground(), Foreground()


def going_first(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Return a handler during whose work trainings rest between their batches, with the same signature."""
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
