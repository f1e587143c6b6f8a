"""Choose between two models by expected accuracy, and score the choice on photos that it did not use."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def expected_accuracy(probs: Floats, y_true: Ints) -> float:
    """Return an estimate of the accuracy (0 to 1) from out-of-fold probabilities (N, C), steadier than the count.

    It is the mean of the photos classified correctly and of the probability given to the true class. On calibrated
    probabilities both have the same expected value, and the second varies less from one draw of photos to another.
    """
    of_truth = probs[np.arange(len(y_true)), y_true]
    return float(((probs.argmax(1) == y_true).mean() + of_truth.mean()) / 2)


def choose(before: Floats, after: Floats, y_true: Ints, folds: Ints, min_gain: float = 0.0) -> tuple[bool, Floats]:
    """Return whether ``after`` is expected to be more accurate than ``before``, and probabilities that score it.

    The probabilities (N, C) of each fold are those of the model that is chosen on the other folds, so that no photo
    takes part in the choice by which it is scored (nested cross-validation; Varma and Simon, BMC Bioinformatics 7:91,
    2006). Where the choice is the same in all folds they are those of that model.

    Args:
        before: out-of-fold probabilities (N, C) of the model at hand.
        after: those of the other model, for the same photos.
        y_true: classes (N,).
        folds: number (N,) of each photo's fold; groups are never divided.
        min_gain: by how much the expected accuracy has to rise, 0 to 1.
    """
    nested = before.copy()
    for fold in np.unique(folds):
        inside = folds == fold
        if _is_better(before[~inside], after[~inside], y_true[~inside], min_gain):
            nested[inside] = after[inside]
    return _is_better(before, after, y_true, min_gain), nested


def _is_better(before: Floats, after: Floats, y_true: Ints, min_gain: float) -> bool:
    if not len(y_true):
        return False
    return expected_accuracy(after, y_true) - expected_accuracy(before, y_true) > min_gain
