"""Calibration of probabilities, and the confidence below which a prediction is “not sure”."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..messages.evaluation import coverage_in_words
from .metrics import softmax

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_BINS = 15  # of equal width, as in Guo et al., arXiv 1706.04599
_THRESHOLDS = 21  # points of the coverage curve, from 0 to 1
_SMALLEST = np.float32(1e-30)  # probability, so that its logarithm is finite


@dataclass(frozen=True)
class CoveragePoint:
    """The proportion of photos with a confidence of ``threshold`` or more, and the accuracy on those."""

    threshold: float
    coverage: float
    selective_accuracy: float

    def in_words(self) -> str:
        """Return the two proportions in a sentence."""
        return coverage_in_words(self.coverage, self.selective_accuracy)


def calibration_error(probs: Floats, y_true: Ints) -> float:
    """Return the expected calibration error: the mean gap between confidence and accuracy over 15 bins."""
    if not len(y_true):
        return 0.0
    confidence, correct = probs.max(1), probs.argmax(1) == y_true
    bins = np.clip(np.ceil(confidence * _BINS).astype(np.int64) - 1, 0, _BINS - 1)
    gaps = np.bincount(bins, confidence, _BINS) - np.bincount(bins, correct, _BINS)
    return float(np.abs(gaps).sum() / len(y_true))


def apply_temperature(probs: Floats, temperature: float) -> Floats:
    """Return the probabilities (N, C) that follow when their logits are divided by ``temperature``."""
    return softmax(np.log(np.maximum(probs, _SMALLEST)) / np.float32(temperature))


def coverage_curve(probs: Floats, y_true: Ints, in_distribution: Bools | None = None) -> tuple[CoveragePoint, ...]:
    """Return coverage and selective accuracy at thresholds from 0 to 1.

    Photos that are not ``in_distribution`` (N,) are covered at no threshold.
    """
    if not len(y_true):
        return ()
    confidence, correct = probs.max(1), probs.argmax(1) == y_true
    confidence = confidence if in_distribution is None else np.where(in_distribution, confidence, -1.0)
    curve = []
    for threshold in np.linspace(0, 1, _THRESHOLDS):
        covered = confidence >= threshold
        accuracy = float(correct[covered].mean()) if covered.any() else 1.0
        curve.append(CoveragePoint(float(threshold), float(covered.mean()), accuracy))
    return tuple(curve)


def unsure_threshold(
    probs: Floats,
    y_true: Ints,
    target_accuracy: float = 0.95,
    min_coverage: float = 0.9,
    in_distribution: Bools | None = None,
    unknown: Sequence[int] = (),
) -> float:
    """Return the confidence below which a prediction is “not sure”, from out-of-fold probabilities.

    It is the lowest one above which ``target_accuracy`` is reached, and at least one half, so that the predicted
    class is more probable than all others together; but never one with less than ``min_coverage``.

    Args:
        probs: out-of-fold probabilities (N, C).
        y_true: true classes (N,).
        target_accuracy: accuracy to reach on the covered photos, 0 to 1.
        min_coverage: proportion of all photos that stay covered, 0 to 1.
        in_distribution: False for the photos (N,) that are not covered at any threshold; where all are, it is ignored.
        unknown: classes whose photos are left out: where all training photos of a class are one group, the models that
            predict them do not know it. Where no other class is left, the threshold is one half.
    """
    if len(unknown):
        known = ~np.isin(y_true, unknown)
        if not known.any():
            return 0.5
        in_distribution = None if in_distribution is None else in_distribution[known]
        return unsure_threshold(probs[known], y_true[known], target_accuracy, min_coverage, in_distribution)
    usable = np.ones(len(y_true), np.bool_) if in_distribution is None or not in_distribution.any() else in_distribution
    confidence = probs[usable].max(1)
    correct = probs[usable].argmax(1) == y_true[usable]
    order = np.argsort(-confidence, kind="stable")
    required = min(len(order), int(np.ceil(min_coverage * len(y_true))))
    accuracy = np.cumsum(correct[order]) / np.arange(1, len(order) + 1)  # of the most confident 1, 2, … photos
    reached = np.flatnonzero(accuracy >= target_accuracy)
    covered = max(int(reached[-1]) + 1 if len(reached) else 0, required)
    threshold = 0.0 if covered >= len(order) else float(confidence[order[covered - 1]])
    return max(threshold, min(0.5, float(confidence[order[required - 1]])))
