"""Choose among models by expected accuracy, and score the choice on photos that it did not use."""

from __future__ import annotations

import copy
import math
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Times the cost of an answer of the best model, and of the first one, up to which answers are as quick: then the
# expected accuracy decides alone. The mean of the first model and a fine-tuned network has 2.2 times the first's cost.
_MORE, _MORE_THAN_FIRST = 1.5, 2.5
# The gain in expected accuracy that is asked for above. It is half of the one point that such an answer has to bring:
# what is measured on few photos is uncertain, and over sets joining networks brings 1.0 to 1.5 points on the mean. On
# 39 divisions of 13 sets this rule reaches the accuracy of always joining, and joins in three quarters of them.
MIN_GAIN_OF_MORE = 0.005
_SPREAD = 0.04  # standard deviation, over sets, of the accuracy that a kind of models adds; see ``ModelChoice``


class Evidence(Protocol):
    """What a model is compared by: out-of-fold probabilities (J, C) of the photos ``idx`` (J,), and what it costs.

    ``prior`` is the accuracy (0 to 1) by which models of its kind are better on the mean over sets.
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


def expected_hits(probs: Floats, y_true: Ints) -> Floats:
    """Return values (N,) whose mean estimates the accuracy, by out-of-fold probabilities (N, C), steadier than a count.

    Each is the mean of 1 where the photo is classified correctly, else 0, and of the probability given to its class. On
    calibrated probabilities both have the same expected value, and the second varies less from one draw of photos to
    another.
    """
    of_truth = probs[np.arange(len(y_true)), y_true]
    found: Floats = ((probs.argmax(1) == y_true) + of_truth) / 2
    return found


class ModelChoice(Generic[T]):
    """The best of the models that are offered one after another, and for each fold the best by all other folds.

    A photo is scored by the model that is best without its fold, so that it takes no part in the choice by which it is
    scored (nested cross-validation; Varma and Simon, BMC Bioinformatics 7:91, 2006).

    What one kind of models is expected to add to another counts beside what is measured, the more the fewer photos were
    measured: as the mean of a normal posterior (Efron and Morris, JASA 70:311, 1975). The photos of a group count as
    one, however many they are: near duplicates are right or wrong together.

    A model that answers much more slowly also has to be right on more of the photos: nobody waits longer for answers
    that were right less often on their own photos.

    Args:
        first: the first model; it is evaluated on all photos.
        y_true: classes (N,).
        folds: number (N,) of each photo's fold; groups are never divided.
        groups: number (N,) of each photo's group.
    """

    def __init__(self, first: T, y_true: Ints, folds: Ints, groups: Ints) -> None:
        self.best = first
        self._quick = _MORE_THAN_FIRST * first.cost
        self._y, self._folds, self._groups = y_true, folds, groups
        self._without: dict[int, T] = dict.fromkeys(map(int, np.unique(folds)), first)

    def copy(self) -> ModelChoice[T]:
        """Return a choice that goes on by itself."""
        other = copy.copy(self)
        other._without = dict(self._without)
        return other

    def gain(self, other: T) -> float:
        """Return the accuracy that a model is expected to add to the best: by the photos of both, and by other sets."""
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

    def _is_better(self, best: T, other: T, where: Flags) -> bool:
        gain = self._gain(best, other, where)
        if other.cost <= max(self._quick, _MORE * best.cost):
            return gain > 0
        idx, probs, probs_of_best = self._compare(best, other, where)
        y = self._y[idx]
        is_right_more_often = (probs.argmax(1) == y).sum() > (probs_of_best.argmax(1) == y).sum()
        return gain > MIN_GAIN_OF_MORE and bool(is_right_more_often)

    def _gain(self, best: T, other: T, where: Flags) -> float:
        idx, probs, probs_of_best = self._compare(best, other, where)
        if not len(idx):
            return 0.0
        gains = expected_hits(probs, self._y[idx]) - expected_hits(probs_of_best, self._y[idx])
        return _posterior_mean(gains, self._groups[idx], other.prior - best.prior)

    def _compare(self, best: T, other: T, where: Flags) -> tuple[Ints, Floats, Floats]:
        """Return the photos (J,) among some (N,) that both models are evaluated on, and the probabilities of both."""
        idx, of_best, of_other = np.intersect1d(best.idx, other.idx, assume_unique=True, return_indices=True)
        chosen = where[idx]
        return idx[chosen], other.probs[of_other[chosen]], best.probs[of_best[chosen]]


def _posterior_mean(gains: Floats, groups: Ints, prior: float) -> float:
    """Return the expected gain, from those of photos (J,) and that of such models on other sets."""
    measured = float(gains.mean())
    if not prior:
        return measured
    weight = _SPREAD**2 / (_SPREAD**2 + variance_of_mean(gains, groups))
    return weight * measured + (1 - weight) * prior


def variance_of_mean(values: Floats, groups: Ints) -> float:
    """Return the variance of the mean of values of photos (J,), where those of a group are alike.

    It is infinite for a single group, which does not tell how others differ.
    """
    sizes = np.unique(groups, return_counts=True)[1]
    effective = len(values) ** 2 / (sizes**2).sum()  # photos that are worth as much (Kish, “Survey Sampling”, 1965)
    return float(values.var() / (effective - 1)) if len(sizes) > 1 else math.inf
