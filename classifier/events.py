"""What a workflow yields while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from .messages import Code, Message


@dataclass(frozen=True)
class Progress:
    """How far one step, named by its code, is: ``done`` of ``total`` photos, and the seconds left of it if that can be told."""

    step: Code
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
