"""Thresholds per class from the costs of mistakes, beside brute force and scikit-learn."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from classifier.evaluation import costs


def photos(seed: int, count: int = 300, classes: int = 3) -> tuple[costs.Floats, costs.Ints]:
    """Return calibrated probabilities (N, C) and true classes (N,) that are drawn from them."""
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(classes, 0.5), count).astype(np.float32)
    y_true = np.array([rng.choice(classes, p=row / row.sum()) for row in probs.astype(np.float64)])
    return probs, y_true


def mean_cost(probs: costs.Floats, y_true: costs.Ints, thresholds: tuple[float, ...], weights: list[float]) -> float:
    """Return the cost by its definition, photo by photo."""
    total = 0.0
    for row, true in zip(probs.tolist(), y_true.tolist()):
        best = max(range(len(row)), key=lambda index: row[index] / thresholds[index])
        total += 0.5 if row[best] < thresholds[best] else weights[true] * (best != true)
    return total / len(y_true)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8])
def test_equal_thresholds_are_the_rule_of_one_threshold(threshold: float) -> None:
    probs, _ = photos(1)
    known = np.arange(len(probs)) % 7 > 0
    expected = np.where((probs.max(1) >= np.float32(threshold)) & known, probs.argmax(1), costs.UNSURE)
    assert (costs.answer(probs, (threshold,) * 3, known) == expected).all()


@pytest.mark.parametrize("seed", range(3))
def test_two_classes_cost_hardly_more_than_the_best_thresholds(seed: int) -> None:
    probs, y_true = photos(seed, 400, 2)
    weights = [1.0, 5.0]
    grid = np.linspace(0.05, 1, 20)
    best = min(mean_cost(probs, y_true, pair, weights) for pair in product(grid, grid))
    found = mean_cost(probs, y_true, costs.choose_thresholds(probs, y_true, weights), weights)
    assert found <= best * 1.1
    assert found < 0.8 * mean_cost(probs, y_true, (0.5, 0.5), weights)


def test_new_photos_cost_less_than_with_one_threshold() -> None:
    for seed, index in product(range(4), range(3)):
        weights = [5.0 if other == index else 1.0 for other in range(3)]
        thresholds = costs.choose_thresholds(*photos(seed), weights)
        new = photos(100 + seed, 1000)
        assert mean_cost(*new, thresholds, weights) < mean_cost(*new, (0.5,) * 3, weights)


def test_theory_gives_the_rule_of_chow_for_two_classes() -> None:
    assert costs.theoretical_thresholds([1, 5], 0.5) == pytest.approx((0.9, 0.5))
    assert costs.theoretical_thresholds([1, 1], 0.3) == pytest.approx((0.7, 0.7))


def test_an_answer_is_always_given_where_not_sure_costs_most() -> None:
    probs, y_true = photos(5)
    thresholds = costs.choose_thresholds(probs, y_true, [1, 1, 5], unsure_cost=10)
    assert (costs.answer(probs, thresholds) != costs.UNSURE).all()


def test_precision_and_recall_are_those_of_scikit_learn() -> None:
    probs, y_true = photos(2)
    known = np.arange(len(probs)) % 9 > 0
    found = costs.outcome(probs, y_true, "abc", (0.3, 0.6, 0.5), [1, 2, 1], 0.5, known)
    answers = costs.answer(probs, (0.3, 0.6, 0.5), known)
    precision, recall, _, images = precision_recall_fscore_support(y_true, answers, labels=[0, 1, 2], zero_division=0)
    assert [row.precision for row in found.per_class] == pytest.approx(precision)
    assert [row.recall for row in found.per_class] == pytest.approx(recall)
    assert [row.images for row in found.per_class] == list(images)
    assert found.unsure == (answers == costs.UNSURE).sum()
    wrong = (answers != y_true) & (answers != costs.UNSURE)
    assert found.missed == tuple(np.bincount(y_true[wrong], minlength=3))
    assert found.cost == pytest.approx((wrong * np.array([1, 2, 1])[y_true]).mean() + 0.5 * found.unsure / 300)
