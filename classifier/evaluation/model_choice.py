"""Choose among models by expected accuracy, and score the choice on photos that it did not use."""

from __future__ import annotations

import copy
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_MORE = 1.5  # times the cost of an answer above which a model has to bring more
# The gain in expected accuracy that is asked for then. It is half of the one point that such an answer has to bring:
# what is measured on few photos is uncertain, and over sets joining networks brings 1.0 to 1.5 points on the mean. On
# 39 divisions of 13 sets this rule reaches the accuracy of always joining, and joins in three quarters of them.
_MIN_GAIN_OF_MORE = 0.005


class Evidence(Protocol):
    """What a model is compared by: out-of-fold probabilities (J, C) of the photos ``idx`` (J,), and what it costs.

    ``prior`` is the accuracy (0 to 1) by which models of its kind are better on the mean, as far as it counts.
    """

    @property
    def idx(self) -> Ints: ...
    @property
    def probs(self) -> Floats: ...
    @property
    def cost(self) -> float: ...
    @property
    def prior(self) -> float: ...


T = TypeVar("T", bound=Evidence)


def expected_accuracy(probs: Floats, y_true: Ints) -> float:
    """Return an estimate of the accuracy (0 to 1) from out-of-fold probabilities (N, C), steadier than the count.

    It is the mean of the photos classified correctly and of the probability given to the true class. On calibrated
    probabilities both have the same expected value, and the second varies less from one draw of photos to another.
    """
    of_truth = probs[np.arange(len(y_true)), y_true]
    return float(((probs.argmax(1) == y_true).mean() + of_truth.mean()) / 2)


class ModelChoice(Generic[T]):
    """The best of the models that are offered one after another, and for each fold the best by all other folds.

    A photo is scored by the model that is best without its fold, so that it takes no part in the choice by which it is
    scored (nested cross-validation; Varma and Simon, BMC Bioinformatics 7:91, 2006).

    Args:
        first: the first model; it is evaluated on all photos.
        y_true: classes (N,).
        folds: number (N,) of each photo's fold; groups are never divided.
    """

    def __init__(self, first: T, y_true: Ints, folds: Ints) -> None:
        self.best = first
        self._y, self._folds = y_true, folds
        self._without: dict[int, T] = dict.fromkeys(map(int, np.unique(folds)), first)

    def copy(self) -> ModelChoice[T]:
        """Return a choice that goes on by itself."""
        other = copy.copy(self)
        other._without = dict(self._without)
        return other

    def gain(self, other: T) -> float:
        """Return by how much a model's expected accuracy exceeds that of the best, on the photos of both."""
        return self._gain(self.best, other, np.ones(len(self._y), np.bool_))

    def offer(self, other: T) -> bool:
        """Compare a model with the best so far; return whether it is the best now."""
        for fold, best in self._without.items():
            if self._is_better(best, other, self._folds != fold):
                self._without[fold] = other
        is_better = self._is_better(self.best, other, np.ones(len(self._y), np.bool_))
        self.best = other if is_better else self.best
        return is_better

    def nested(self) -> tuple[Ints, Floats]:
        """Return the photos (J,) that the best is evaluated on, and probabilities (J, C) that score the choice."""
        found: dict[int, Floats] = {}
        for fold, model in self._without.items():
            found |= {int(i): row for i, row in zip(model.idx, model.probs) if self._folds[i] == fold}
        idx = np.array([index for index in self.best.idx if int(index) in found], np.int64)
        return idx, np.stack([found[int(index)] for index in idx])

    def _is_better(self, best: T, other: T, where: NDArray[np.bool_]) -> bool:
        return self._gain(best, other, where) > (_MIN_GAIN_OF_MORE if other.cost > _MORE * best.cost else 0.0)

    def _gain(self, best: T, other: T, where: NDArray[np.bool_]) -> float:
        idx, first, second = np.intersect1d(best.idx, other.idx, assume_unique=True, return_indices=True)
        chosen = where[idx]
        if not chosen.any():
            return 0.0
        y = self._y[idx[chosen]]
        after, before = other.probs[second[chosen]], best.probs[first[chosen]]
        return expected_accuracy(after, y) + other.prior - expected_accuracy(before, y) - best.prior
