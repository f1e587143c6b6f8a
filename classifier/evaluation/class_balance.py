"""Warnings about the number of photos per class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..messages import Message, message
from ..messages.evaluation import WarningCode

Ints = NDArray[np.int64]

FEW = 10  # photos of a class below which its recall has an interval wider than half of the range
UNEVEN = 5  # times as many photos as the smallest class from which the classes count as imbalanced


def class_balance_warnings(y: Ints, labels: Sequence[str]) -> tuple[Message, ...]:
    """Return what a person should know of the number of photos per class; ``y`` (N,) indexes ``labels`` (C)."""
    return tuple(_warnings(np.bincount(y, minlength=len(labels)), labels))


def _warnings(counts: Ints, labels: Sequence[str]) -> Iterator[Message]:
    if len(labels) == 1:
        yield message(WarningCode.ONE_CLASS, label=labels[0])
    single = tuple(label for label, count in zip(labels, counts) if count == 1)
    if single:
        yield message(WarningCode.SINGLE_PHOTO, labels=single)
    few = tuple((label, int(count)) for label, count in zip(labels, counts) if count < FEW)
    if few:
        yield message(WarningCode.FEW_PHOTOS, counts=few, enough=FEW)
    if len(labels) > 1 and counts.max() > UNEVEN * counts.min():
        largest, smallest = int(counts.argmax()), int(counts.argmin())
        yield message(
            WarningCode.IMBALANCED,
            large=labels[largest],
            most=int(counts[largest]),
            small=labels[smallest],
            fewest=int(counts[smallest]),
        )
