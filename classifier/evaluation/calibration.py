"""Calibration: how well confidence and accuracy agree, and the threshold of “not sure”."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .metrics import percent, softmax

Ints = NDArray[np.int64]

Floats = NDArray[np.float32]

_BINS = 15  # of confidence, equally wide, as in Guo et al., arXiv 1706.04599
_THRESHOLDS = 21  # points of the cost curve, from 0 to 1


@dataclass(frozen=True)
class CoveragePoint:
    """What a threshold costs: the share of photos that get an answer, and the share of those answers that are right."""

    threshold: float
    coverage: float
    selective_accuracy: float

    def in_words(self) -> str:
        """The two shares as a person would say them."""
        if self.coverage < 0.005:
            return "It answers hardly any photo."
        return f"It answers {percent(self.coverage)} of photos, and is right on {percent(self.selective_accuracy)} of those."


def calibration_error(probabilities: Floats, truth: Ints) -> float:
    """How far confidence and share right lie apart, on average over 15 equally wide bins of confidence."""
    if not len(truth):
        return 0.0
    confidence, right = probabilities.max(1), probabilities.argmax(1) == truth
    bins = np.clip(np.ceil(confidence * _BINS).astype(np.int64) - 1, 0, _BINS - 1)
    gaps = np.bincount(bins, confidence, _BINS) - np.bincount(bins, right, _BINS)
    return float(np.abs(gaps).sum() / len(truth))


def apply_temperature(probabilities: Floats, temperature: float) -> Floats:
    """The probabilities (N, C) if their logits were divided by ``temperature``."""
    return softmax(np.log(np.maximum(probabilities, np.float32(1e-30))) / np.float32(temperature))


def coverage_curve(
    probabilities: Floats, truth: Ints, familiar: NDArray[np.bool_] | None = None
) -> tuple[CoveragePoint, ...]:
    """What thresholds from 0 to 1 cost; photos (N,) that are not ``familiar`` get no answer at any."""
    if not len(truth):
        return ()
    confidence, right = probabilities.max(1), probabilities.argmax(1) == truth
    confidence = confidence if familiar is None else np.where(familiar, confidence, -1.0)
    curve = []
    for threshold in np.linspace(0, 1, _THRESHOLDS):
        answered = confidence >= threshold
        curve.append(
            CoveragePoint(
                float(threshold), float(answered.mean()), float(right[answered].mean()) if answered.any() else 1.0
            )
        )
    return tuple(curve)


def unsure_threshold(
    probabilities: Floats,
    truth: Ints,
    target: float = 0.95,
    keep: float = 0.9,
    familiar: NDArray[np.bool_] | None = None,
) -> float:
    """The confidence below which to say “not sure”, from out-of-fold answers (N, C).

    The lowest one above which ``target`` of the answers are right, and at least one half, so that the
    answer is likelier than all others together; but never one that leaves fewer than ``keep`` of the
    photos answered: a model that hardly ever answers is of no use. Photos that are not ``familiar`` (N,)
    are not answered anyway.
    """
    known = np.ones(len(truth), np.bool_) if familiar is None or not familiar.any() else familiar
    confidence = probabilities[known].max(1)
    right = probabilities[known].argmax(1) == truth[known]
    order = np.argsort(-confidence, kind="stable")
    needed = min(len(order), int(np.ceil(keep * len(truth))))
    share_right = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(share_right >= target)
    answered = max(int(good[-1]) + 1 if len(good) else 0, needed)
    reached = 0.0 if answered >= len(order) else float(confidence[order[answered - 1]])
    return max(reached, min(0.5, float(confidence[order[needed - 1]])))
