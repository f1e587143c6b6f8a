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
    """How far one step is, named by its code or a message: ``done`` of ``total`` photos, the seconds left if known."""

    step: Code | Message
    done: int
    total: int
    seconds_left: float | None


@dataclass(frozen=True)
class Epoch:
    """One round over the photos is done: number ``number`` of at most ``total``, counted from 1.

    ``loss`` and ``accuracy`` are of the varied training views, ``val_loss`` and ``val_accuracy``
    of photos that are held out, at the temperature that suits them; ``best`` is the number of the best round so far.
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
    """Something the person should know."""

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
