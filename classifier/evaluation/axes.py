"""The vertical axes of learning curves, for the page's charts and the saved pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10


@dataclass(frozen=True)
class Axis:
    """The range of a vertical axis, and its grid lines with their labels."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]


def accuracy_axis(values: Sequence[float]) -> Axis:
    """Return the axis of accuracies of 0 to 1: its upper part alone where all values are there."""
    low = max(0.0, min(0.8, floor(min(values) * 5 - 1e-9) / 5))
    step = 0.1 if low >= 0.6 else 0.2
    count = round((1 - low) / step)
    return Axis(low, 1.0, [(low + step * index, f"{low + step * index:.0%}") for index in range(count + 1)])


def loss_axis(values: Sequence[float]) -> Axis:
    """Return the axis of losses, from 0."""
    highest = max(values) or 1.0
    smallest_step = highest / 4
    unit = 10.0 ** floor(log10(smallest_step))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= smallest_step - 1e-12)
    count = -int(-highest // step)
    return Axis(0.0, step * count, [(step * index, f"{step * index:.2g}") for index in range(count + 1)])
