"""What a workflow yields while it runs."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from .messages import Code, Message

T = TypeVar("T")
StepName = Literal["head", "stages", "joined", "tail", "deep", "network"]


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
    photos held back, after temperature scaling; ``best`` is the number of the epoch of the lowest ``val_loss`` so far.
    The weights that are kept are those of the last epoch.

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


@dataclass(frozen=True)
class Step:
    """A step of a training in mode ``auto`` has ended.

    ``number`` counts from 1. ``name`` is what was tried: ``head`` (a linear head on the backbone's features, always
    the first), ``stages`` (one that gets what earlier stages of the network found, too), ``joined`` (one on the
    features of several networks), ``tail`` and ``deep`` (the last stages of the network fine-tuned, or more of them,
    alone or averaged with the best of the others), ``network`` (another one); ``backbone`` names all networks of the
    model, joined by “+”. ``accuracy``, with its 95 % interval ``low`` to ``high``, is out of fold, ``before`` that of
    the model in use before on the same photos, as the step that brought it had it; None for the first step.
    ``seconds`` is the duration. Where it is ``kept``, checkpoint and run already are its; otherwise ``why`` tells why
    not. ``cost`` is that of an answer relative to the first step's model.

    Example::

        for event in train(project, TrainConfig(mode="auto")):
            if isinstance(event, Step):
                print(event.number, event.name, event.accuracy, event.kept)
    """

    number: int
    name: StepName
    backbone: str
    accuracy: float
    low: float
    high: float
    before: float | None
    seconds: float
    kept: bool
    cost: float
    why: Message | None = None


def result_of(events: Generator[Any, None, T]) -> T:
    """Run a generator to its end and return its value; its events are dropped."""
    with closing(events):
        while True:
            try:
                next(events)
            except StopIteration as end:
                value: T = end.value
                return value
