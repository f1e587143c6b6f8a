"""What a workflow yields while it runs."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

from .messages import Code, Message

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """How far ``step`` is: ``done`` of ``total`` photos, and the ``seconds_left`` of it, None where they are unknown.

    Example::

        for event in train(project):
            if isinstance(event, Progress):
                print(event.step, event.done, event.total)
    """

    step: Code | Message
    done: int
    total: int
    seconds_left: float | None


@dataclass(frozen=True)
class Epoch:
    """An epoch of deep training is done: ``number`` of at most ``total``, counted from 1.

    ``loss`` and ``accuracy`` are those of the augmented training views, ``val_loss`` and ``val_accuracy`` those of the
    photos held back, after temperature scaling; ``best`` is the number of the best epoch so far.

    Example::

        for event in train(project, TrainConfig(mode="deep")):
            if isinstance(event, Epoch):
                print(event.number, event.val_accuracy)
    """

    number: int
    total: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    best: int


@dataclass(frozen=True)
class Note:
    """Something the person should know of a training; ``message`` is its code with arguments.

    Example::

        for event in train(project, TrainConfig(mode="deep")):
            if isinstance(event, Note):
                print(event.sentence)
    """

    message: Message

    @property
    def sentence(self) -> str:
        """The message in one or two plain sentences."""
        return str(self.message)


def result_of(events: Generator[Any, None, T]) -> T:
    """Run a generator to its end and return its value; its events are dropped."""
    with closing(events):
        while True:
            try:
                next(events)
            except StopIteration as end:
                value: T = end.value
                return value
