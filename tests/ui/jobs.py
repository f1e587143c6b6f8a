"""Trainings that a test controls step by step."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

from classifier.events import Epoch, Progress, Step
from classifier.messages.workflows import StepCode
from classifier.ui.background import Job, ShouldStop
from classifier.workflows.train import Finished

LONG = 120.0  # seconds; never reached by a test that passes


def epoch(number: int) -> Epoch:
    """An epoch of three."""
    return Epoch(number, 3, 1.0, 0.5, 1.0, 0.5, best=1)


def progress(done: int) -> Progress:
    """Progress of three photos."""
    return Progress(StepCode.EXTRACT_FEATURES, done, 3, 9.0)


def step(number: int) -> Step:
    """A step that was kept."""
    before = None if number == 1 else 0.84
    return Step(
        number, "joined" if before else "first", "tf_efficientnet_lite0", 0.88, 0.8, 0.95, before, 3.0, True, 1.0
    )


def finished(folder: Path) -> Finished:
    """The last event of a training; its report is not looked at."""
    values: dict[str, Any] = {"report": None, "folder": folder, "seconds": 1.0, "test": None}
    return Finished(**values)


def wait(job: Job) -> Job:
    """Wait for the end of a training."""
    assert job.wait(LONG), "the training did not end"
    return job


class Steps:
    """A training that yields its next event when it is allowed to; when stopped it yields ``last``."""

    def __init__(self, *events: object, last: object = None) -> None:
        self.events, self.last = events, last
        self.allowed, self.yielded = threading.Semaphore(0), threading.Semaphore(0)
        self.closed = threading.Event()

    def __call__(self, should_stop: ShouldStop) -> Generator[Any, None, None]:
        try:
            for event in self.events:
                assert self.allowed.acquire(timeout=LONG)
                if should_stop() and self.last is not None:
                    break
                yield event
                self.yielded.release()
            if self.last is not None:
                yield self.last
        finally:
            self.closed.set()

    def step(self) -> None:
        """Let one event through and wait until it was recorded."""
        self.allowed.release()
        assert self.yielded.acquire(timeout=LONG)
