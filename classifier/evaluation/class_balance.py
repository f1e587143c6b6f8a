"""Warnings about the number of photos per class, and of groups that they are taken from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..messages import Message, message
from ..messages.evaluation import WarningCode

Ints = NDArray[np.int64]

FEW = 10  # photos of a class below which its recall has an interval wider than half of the range
UNEVEN = 5  # times as many photos as the smallest class from which the classes count as imbalanced


def class_balance_warnings(y: Ints, labels: Sequence[str], groups: Ints | None = None) -> tuple[Message, ...]:
    """Return what a person should know of the number of photos per class.

    ``y`` (N,) indexes ``labels`` (C); ``groups`` (N,) holds a number for each photo, equal for those that belong
    together.
    """
    counts = np.bincount(y, minlength=len(labels))
    warnings = tuple(_warnings(counts, labels))
    single = [] if groups is None else classes_of_one_group(y, groups)
    if not single:
        return warnings
    return (*warnings, message(WarningCode.ONE_GROUP, counts=tuple((labels[one], int(counts[one])) for one in single)))


def classes_of_one_group(y: Ints, groups: Ints) -> list[int]:
    """Return the classes with several photos (N,) that are all in one group, so that none can be tested by others."""
    return [
        int(label)
        for label, count in zip(*np.unique(y, return_counts=True))
        if count > 1 and len(np.unique(groups[y == label])) == 1
    ]


def is_measurable(y: Ints, groups: Ints) -> bool:
    """Return whether photos (N,) of any class can be held back while others of the same class are learned from."""
    return any(len(np.unique(groups[y == label])) > 1 for label in np.unique(y))


def _warnings(counts: Ints, labels: Sequence[str]) -> Iterator[Message]:
    if len(labels) == 1:
        yield message(WarningCode.ONE_CLASS, label=labels[0])
    single = tuple(label for label, count in zip(labels, counts) if count == 1)
    if 1 < len(labels) == len(single):
        yield message(WarningCode.ONE_EACH)
    elif single:
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
