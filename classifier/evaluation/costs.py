"""Thresholds per class from what each mistake costs.

A wrong answer costs the weight of the class that was missed, 1 unless the person says more; “not sure” costs the same
whatever the photo shows. The answer to a photo with the probabilities p is the class j with the largest p_j / t_j, and
“not sure” where no p_j reaches its threshold t_j. Equal thresholds give the rule of one threshold.

With known probabilities the best answer is that of least expected cost (Elkan, “The foundations of cost-sensitive
learning”, IJCAI 2001), and none where “not sure” costs less (Chow, “On optimum recognition error and reject tradeoff”,
IEEE Transactions on Information Theory 16, 1970). Own code, because scikit-learn's TunedThresholdClassifierCV is of two
classes and never unsure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

UNSURE_COST = 0.5  # of “not sure”, where a false alarm costs 1
LARGEST_WEIGHT = 1000.0
UNSURE = -1  # in place of a class
_STEPS = 40  # of the constant that is tried, from 0 to 1
_SMALLEST = 1e-3  # threshold


@dataclass(frozen=True)
class AnsweredClass:
    """What one class gets from given thresholds: photos of it and how many are found, answers and how many are right.

    A photo whose answer is “not sure” is not found.
    """

    label: str
    images: int
    found: int
    answers: int

    @property
    def recall(self) -> float:
        """The proportion of its photos that are found, 0 where there are none."""
        return self.found / self.images if self.images else 0.0

    @property
    def precision(self) -> float:
        """The proportion of its answers that are right, 0 where there are none."""
        return self.found / self.answers if self.answers else 0.0


@dataclass(frozen=True)
class Outcome:
    """What answers with given thresholds lead to on labeled photos.

    ``missed`` counts for each class the photos that got the answer of another; ``unsure`` those without an answer;
    ``cost`` is the mean of a photo.
    """

    images: int
    per_class: tuple[AnsweredClass, ...]
    missed: tuple[int, ...]
    unsure: int
    cost: float


def answer(probs: Floats, thresholds: Sequence[float], in_distribution: Bools | None = None) -> Ints:
    """Return the answered class (N,), or -1 for “not sure”.

    Args:
        probs: probabilities (N, C).
        thresholds: of each class (C,), over 0.
        in_distribution: False for photos (N,) that get no answer; by default all may get one.
    """
    ratios = np.asarray(probs, np.float64) / np.maximum(np.asarray(thresholds, np.float64), 1e-12)
    chosen = np.where(ratios.max(1) >= 1, ratios.argmax(1), UNSURE)
    return chosen if in_distribution is None else np.where(in_distribution, chosen, UNSURE)


def cost_of(answers: Ints, y_true: Ints, weights: Sequence[float], unsure_cost: float) -> Doubles:
    """Return the cost (N,) of each answer; ``weights`` (C,) are those of missing each class."""
    wrong = np.asarray(weights, np.float64)[y_true] * (answers != y_true)
    return np.where(answers == UNSURE, unsure_cost, wrong)


def outcome(
    probs: Floats,
    y_true: Ints,
    labels: Sequence[str],
    thresholds: Sequence[float],
    weights: Sequence[float],
    unsure_cost: float = UNSURE_COST,
    in_distribution: Bools | None = None,
) -> Outcome:
    """Return what the answers with these thresholds lead to; arguments as of ``answer`` and ``cost_of``."""
    answers = answer(probs, thresholds, in_distribution)
    count = len(labels)
    images, right = np.bincount(y_true, minlength=count), np.bincount(y_true[answers == y_true], minlength=count)
    given = np.bincount(answers[answers != UNSURE], minlength=count)
    unsure = np.bincount(y_true[answers == UNSURE], minlength=count)
    costs = cost_of(answers, y_true, weights, unsure_cost)
    return Outcome(
        len(y_true),
        tuple(AnsweredClass(label, *map(int, row)) for label, *row in zip(labels, images, right, given)),
        tuple(map(int, images - right - unsure)),
        int(unsure.sum()),
        float(costs.mean()) if len(costs) else 0.0,
    )


def choose_thresholds(
    probs: Floats,
    y_true: Ints,
    weights: Sequence[float],
    unsure_cost: float = UNSURE_COST,
    in_distribution: Bools | None = None,
) -> tuple[float, ...]:
    """Return the thresholds per class (C,) of the least expected cost on out-of-fold probabilities.

    Only two families with one constant each are compared, so that few photos are enough to choose. The expected cost
    is the mean of what the labels say and of what the calibrated probabilities say: the first is unbiased, the second
    varies less.
    """
    best, lowest = theoretical_thresholds(weights, unsure_cost), np.inf
    for thresholds in _candidates(probs, weights, unsure_cost):
        answers = answer(probs, thresholds, in_distribution)
        measured = cost_of(answers, y_true, weights, unsure_cost).mean()
        cost = (measured + expected_cost(probs, answers, weights, unsure_cost).mean()) / 2
        if cost < lowest - 1e-12:
            best, lowest = thresholds, cost
    return best


def expected_cost(probs: Floats, answers: Ints, weights: Sequence[float], unsure_cost: float) -> Doubles:
    """Return the cost (N,) that the probabilities let expect of each answer."""
    weighted = np.asarray(probs, np.float64) * np.asarray(weights, np.float64)
    given = np.take_along_axis(weighted, np.maximum(answers, 0)[:, None], 1)[:, 0]
    return np.where(answers == UNSURE, unsure_cost, weighted.sum(1) - given)


def theoretical_thresholds(weights: Sequence[float], unsure_cost: float = UNSURE_COST) -> tuple[float, ...]:
    """Return the thresholds (C,) without photos to choose by: those of two classes, the other one of mean weight."""
    values = np.asarray(weights, np.float64)
    others = (values.sum() - values) / max(len(values) - 1, 1)
    return _clipped(1 - unsure_cost / others)


def _candidates(probs: Floats, weights: Sequence[float], unsure_cost: float) -> Iterator[tuple[float, ...]]:
    """Yield thresholds to compare.

    First those proportional to 1 / weight, the best where “not sure” costs more than a guess. Then 1 - c / others,
    where ``others`` is the mean weight of what a photo of this answer shows if it is another class: with two classes
    and c = ``unsure_cost`` this is Chow's rule.
    """
    values = np.asarray(weights, np.float64)
    constants = np.arange(1, _STEPS + 1) / _STEPS
    for constant in constants:
        yield _clipped(constant / values)
    rest = np.asarray(probs, np.float64)
    share = rest.T @ rest  # (C, C): how often two classes are in question together
    np.fill_diagonal(share, 0)
    others = share @ values / np.maximum(share.sum(1), 1e-12)
    others = np.where(share.sum(1) > 0, others, 1.0)
    for constant in constants * min(2 * unsure_cost, 1.0):
        yield _clipped(1 - constant / np.maximum(others, 1e-12))


def _clipped(thresholds: Doubles) -> tuple[float, ...]:
    return tuple(map(float, np.clip(thresholds, _SMALLEST, 1.0)))
