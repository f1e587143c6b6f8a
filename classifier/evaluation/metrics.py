"""Predictions -> scores a person can trust: with an interval, per class, and a point below which to say “not sure”."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
_TOP = 5


def confusion_matrix(truth: Ints, predicted: Ints, classes: int) -> Ints:
    """Counts (C, C): row is the true class, column the predicted one."""
    return np.bincount(truth * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def top_accuracy(probabilities: Floats, truth: Ints) -> tuple[float, ...]:
    """The share of photos (N, C) whose class is among the first 1, 2, … 5 answers."""
    if not len(truth):
        return ()
    order = np.argsort(-probabilities, 1, kind="stable")[:, :_TOP]
    return tuple(map(float, np.cumsum((order == truth[:, None]).mean(0))))


def class_scores(confusion: Ints, labels: Sequence[str]) -> tuple[ClassScore, ...]:
    """Precision, recall and F1 of each class; 0 where nothing was predicted or nothing was there."""
    hits = confusion.diagonal()
    true, claimed = confusion.sum(1), confusion.sum(0)
    recall = hits / np.maximum(true, 1)
    precision = hits / np.maximum(claimed, 1)
    f1 = 2 * hits / np.maximum(true + claimed, 1)
    return tuple(
        ClassScore(label, int(true[i]), float(precision[i]), float(recall[i]), float(f1[i]))
        for i, label in enumerate(labels)
    )


def balanced_accuracy(confusion: Ints) -> float:
    """Mean recall over the classes that have photos."""
    there = confusion.sum(1) > 0
    return float((confusion.diagonal()[there] / confusion.sum(1)[there]).mean()) if there.any() else 0.0


def softmax(logits: Floats) -> Floats:
    """Probabilities (N, C) that add up to one in each row."""
    shares = np.exp(logits - logits.max(1, keepdims=True))
    result: Floats = shares / shares.sum(1, keepdims=True)
    return result


def percent(share: float) -> str:
    """A share in whole percent; never a flat 0 or 100 that the number does not deserve."""
    whole = round(share * 100)
    if whole == 100 and share < 1:
        return "99 %" if share < 0.995 else "over 99 %"
    return "under 1 %" if whole == 0 and share > 0 else f"{whole} %"


@dataclass(frozen=True)
class ClassScore:
    """One class: how many photos were judged, and precision, recall and F1, each 0 to 1."""

    label: str
    images: int
    precision: float
    recall: float
    f1: float
