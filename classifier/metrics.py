"""Predictions -> scores a person can trust: with an interval, per class, and a point below which to say “not sure”."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .config import Fit
from .errors import ModelError

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
JudgedOn = Literal["out_of_fold", "val", "test"]


@dataclass(frozen=True)
class ClassScore:
    """One class: how many photos were judged, and precision, recall and F1, each 0 to 1."""

    label: str
    images: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Report:
    """What is known of a model. Shares are 0 to 1; ``accuracy_low`` to ``accuracy_high`` is a 95 % interval.

    ``confusion[i][j]`` counts photos of class i that were taken for class j, on the photos named by
    ``judged_on``, none of which the judging model had seen. A prediction with less confidence than
    ``threshold`` is “not sure”. ``temperature`` is what the logits were divided by; it is already
    inside the weights. ``warnings`` are plain sentences.
    """

    labels: tuple[str, ...]
    images: int
    judged_on: JudgedOn
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    balanced_accuracy: float
    per_class: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    threshold: float
    temperature: float
    warnings: tuple[str, ...]
    fit: Fit
    backbone: str

    def in_words(self) -> str:
        """The score and its interval as a person would say them."""
        if self.accuracy_high - self.accuracy_low > 0.5:
            share = "There are too few photos to tell how often it is right:"
        elif self.accuracy >= 0.995:
            share = "Right on nearly every photo."
        else:
            share = f"About {_in_words(self.accuracy)} right."
        could = f"it could be {self.accuracy_low:.0%} to {self.accuracy_high:.0%}"
        return f"{share} {'with this many photos ' if share[-1] == ':' else 'With this many photos '}{could}."

    def to_json(self) -> dict[str, Any]:
        """Plain lists, dicts and numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """The inverse of ``to_json``; raises ``ModelError`` where something is missing."""
        try:
            values = dict(data)
            values["labels"] = tuple(map(str, values["labels"]))
            values["per_class"] = tuple(ClassScore(**_numbers(row, _CLASS_SHARES)) for row in values["per_class"])
            values["confusion"] = tuple(tuple(map(int, row)) for row in values["confusion"])
            values["warnings"] = tuple(map(str, values["warnings"]))
            return cls(**_numbers(values, _SHARES))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"The model's report is incomplete or not one of this program's ({error}).") from error


_SHARES = ("accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "threshold", "temperature")
_CLASS_SHARES = ("precision", "recall", "f1")


def _in_words(share: float) -> str:
    """“9 in 10”; a share that ten cannot tell from none or all is counted in hundred."""
    tenths, hundredths = round(share * 10), round(share * 100)
    return f"{hundredths} in 100" if tenths in (0, 10) and hundredths else f"{tenths} in 10"


def _numbers(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {**values, **{name: float(values[name]) for name in names}}


def confusion_matrix(truth: Ints, predicted: Ints, classes: int) -> Ints:
    """Counts (C, C): row is the true class, column the predicted one."""
    return np.bincount(truth * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share, which stays honest for few photos (Wilson, JASA 22, 1927)."""
    if total == 0:
        return 0.0, 1.0
    z, share = 1.959964, right / total
    centre = share + z * z / (2 * total)
    spread = z * float(np.sqrt(share * (1 - share) / total + z * z / (4 * total * total)))
    width = 1 + z * z / total
    return max(0.0, (centre - spread) / width), min(1.0, (centre + spread) / width)


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


def unsure_threshold(probabilities: Floats, truth: Ints, target: float = 0.95, keep: float = 0.9) -> float:
    """The confidence below which to say “not sure”, from out-of-fold answers (N, C).

    The lowest one above which ``target`` of the answers are right, and at least one half, so that the
    answer is likelier than all others together; but never one that leaves fewer than ``keep`` of the
    photos answered: a model that hardly ever answers is of no use.
    """
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == truth
    order = np.argsort(-confidence, kind="stable")
    needed = int(np.ceil(keep * len(order)))
    share_right = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(share_right >= target)
    answered = max(int(good[-1]) + 1 if len(good) else 0, needed)
    reached = 0.0 if answered >= len(order) else float(confidence[order[answered - 1]])
    return max(reached, min(0.5, float(confidence[order[needed - 1]])))


def softmax(logits: Floats) -> Floats:
    """Probabilities (N, C) that add up to one in each row."""
    shares = np.exp(logits - logits.max(1, keepdims=True))
    result: Floats = shares / shares.sum(1, keepdims=True)
    return result


def rejudged(report: Report, probabilities: Floats, truth: Ints, judged_on: JudgedOn) -> Report:
    """The same model's report with the scores on other photos: probabilities (N, C), true classes (N,)."""
    confusion = confusion_matrix(truth, probabilities.argmax(1), len(report.labels))
    right, total = int(confusion.trace()), int(confusion.sum())
    low, high = wilson_interval(right, total)
    return replace(
        report,
        judged_on=judged_on,
        accuracy=right / max(total, 1),
        accuracy_low=low,
        accuracy_high=high,
        balanced_accuracy=balanced_accuracy(confusion),
        per_class=class_scores(confusion, report.labels),
        confusion=tuple(tuple(map(int, row)) for row in confusion),
    )


def report(
    probabilities: Floats,
    truth: Ints,
    labels: Sequence[str],
    *,
    images: int,
    judged_on: JudgedOn,
    threshold: float,
    temperature: float,
    warnings: Sequence[str],
    fit: Fit,
    backbone: str,
) -> Report:
    """Judge probabilities (N, C) against the true classes (N,)."""
    empty = Report(
        labels=tuple(labels),
        images=images,
        judged_on=judged_on,
        accuracy=0.0,
        accuracy_low=0.0,
        accuracy_high=1.0,
        balanced_accuracy=0.0,
        per_class=(),
        confusion=(),
        threshold=threshold,
        temperature=temperature,
        warnings=tuple(warnings),
        fit=fit,
        backbone=backbone,
    )
    return rejudged(empty, probabilities, truth, judged_on)
