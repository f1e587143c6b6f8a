"""How far a whole training is, from the progress of its stages: a bar that never goes back, and the time left."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ...config import TrainConfig
from ...events import Progress, Step
from ...messages import Code, Message
from ...messages.workflows import StepCode
from ..background import Overall

# How long the stages of a first model take relative to each other (375 photos, no features cached), in their order.
_DURATIONS: dict[Code, float] = {
    StepCode.FETCH_NETWORK: 100.0,
    StepCode.COMPARE_RESIZE_MODES: 22.0,
    StepCode.EXTRACT_FEATURES: 70.0,
    StepCode.TRAIN_HEAD: 8.0,
    StepCode.EVALUATE: 5.0,
    StepCode.SAVE: 1.0,
}
_SMOOTH = 8.0  # seconds in which a new estimate of the time left replaces the one before
_EARLY = 0.03  # share of a training before which its duration cannot be told


@dataclass(frozen=True)
class _Stage:
    """A stage of so many photos: the share that was done at its beginning, and its own part of the whole."""

    code: Code
    total: int
    begin: float
    part: float


class OverallProgress:
    """Turns the progress of stages into that of the whole training.

    With a limit of time the share is that of the time. Without one, what follows the first model has no known end.

    Args:
        config: the settings of the training.
        clock: the time in seconds.
        has_model: whether the first model of a training in mode auto is there already.
    """

    def __init__(self, config: TrainConfig, clock: Callable[[], float], has_model: bool = False) -> None:
        self._mode, self._clock = config.mode, clock
        self._limit = 0.0 if config.mode == "quick" else 60 * config.minutes
        self._started = self._told = clock()
        self._shown = self._first = 0.0  # shares of the whole, and of the first model
        self._stage: _Stage | None = None
        self._left: float | None = None  # seconds until the first model
        self._has_model = has_model

    def follow(self, event: Progress | Step) -> Overall | None:
        """Return how far the training is after an event; None where that says nothing."""
        if isinstance(event, Step):
            self._has_model = True
            return None
        now = self._clock()
        if not self._has_model:
            self._first = max(self._first, self._share_of_first(event))
            self._left = self._seconds_left(now)
        share = self._share(now - self._started)
        if share is not None:
            self._shown = share = max(self._shown, min(share, 1.0))
        until_first = self._mode == "auto"
        left = self._limit - (now - self._started) if self._mode == "deep" and self._limit else self._left
        is_known = left is not None and left > 0 and not (self._has_model and until_first)
        return Overall(event.step, share, left if is_known else None, until_first)

    def _share(self, passed: float) -> float | None:
        """Return how much of the training is done after so many seconds, None where its end is not known."""
        if self._limit:
            return passed / self._limit
        return None if self._has_model or self._mode == "deep" else self._first

    def suspend(self, seconds: float) -> None:
        """Do not count seconds in which the training waited for others."""
        self._started += seconds
        self._told += seconds

    def _share_of_first(self, event: Progress) -> float:
        """Return how much of the first model is done; a stage divides what was left when it began.

        One that counts the same number of photos again goes on: a sample of them may have been looked at before.
        """
        code = event.step.code if isinstance(event.step, Message) else event.step
        before = self._stage
        if before is None or before.code is not code or before.total != event.total:
            begin = (
                self._first if before is None or before.code is code else max(self._first, before.begin + before.part)
            )
            part = (1.0 - begin) * _part(code)
            self._stage = before = _Stage(code, event.total, begin, part)
        return before.begin + before.part * (min(1.0, event.done / event.total) if event.total else 0.0)

    def _seconds_left(self, now: float) -> float | None:
        """Return the time left of the first model; estimates of a moment are blended into it, so that it is steady."""
        passed, self._told = now - self._told, now
        if self._first < _EARLY:
            return None
        estimate = (now - self._started) / self._first * (1.0 - self._first)
        if self._left is None:
            return estimate
        counted_down = max(0.0, self._left - passed)
        return counted_down + (estimate - counted_down) * (1.0 - math.exp(-passed / _SMOOTH))


def _part(code: Code) -> float:
    """Return how much of what is left a stage takes that begins; half where it is not known."""
    if code not in _DURATIONS:
        return 0.5
    codes = list(_DURATIONS)
    return _DURATIONS[code] / sum(_DURATIONS[later] for later in codes[codes.index(code) :])
