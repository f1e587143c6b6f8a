"""The choice among models by expected accuracy, and its score."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import sem
from sklearn.metrics import accuracy_score

from classifier.evaluation.model_choice import ModelChoice, expected_hits, variance_of_mean

Y = np.arange(200) % 2
FOLDS = np.arange(200) // 2 % 5
ALONE = np.arange(200)


@dataclass(frozen=True)
class Model:
    """A model with its evidence."""

    idx: NDArray[np.int64]
    probs: NDArray[np.float32]
    cost: float = 1.0
    prior: float = 0.0


def model(share: float, seed: int, cost: float = 1.0) -> Model:
    """Return a model that is right on about a share of the photos, each time at 0.8."""
    right = np.random.default_rng(seed).random(200) < share
    truth = np.where(right, 0.8, 0.2).astype(np.float32)
    probs = np.stack([np.where(Y == 0, truth, 1 - truth), np.where(Y == 1, truth, 1 - truth)], 1)
    return Model(np.arange(200), probs.astype(np.float32), cost)


def accuracy(idx: NDArray[np.int64], probs: NDArray[np.float32]) -> float:
    return float(accuracy_score(Y[idx], probs.argmax(1)))


def test_expected_accuracy_is_the_accuracy_where_all_is_certain() -> None:
    probs = np.eye(2, dtype=np.float32)[np.where(np.arange(200) < 30, 1 - Y, Y)]
    assert expected_hits(probs, Y).mean() == pytest.approx(accuracy_score(Y, probs.argmax(1)))


def test_a_clearly_better_model_is_chosen_with_its_own_score() -> None:
    worse, better = model(0.7, 1), model(0.9, 2)
    choice = ModelChoice(worse, Y, FOLDS, ALONE)
    assert choice.offer(better)
    idx, probs = choice.nested()
    assert np.array_equal(idx, better.idx)
    assert np.array_equal(probs, better.probs)
    assert not choice.offer(worse)
    assert choice.best is better


def test_a_small_gain_is_enough_only_where_answers_stay_quick() -> None:
    first = model(0.8, 3)
    probs = first.probs.copy()
    probs[:2] = np.eye(2)[Y[:2]]
    assert ModelChoice(first, Y, FOLDS, ALONE).offer(Model(first.idx, probs))
    slow = Model(first.idx, probs, cost=4.0)
    choice = ModelChoice(first, Y, FOLDS, ALONE)
    assert 0 < choice.gain(slow) < 0.005
    assert not choice.offer(slow)


def test_a_model_evaluated_on_some_photos_is_compared_on_these() -> None:
    first, better = model(0.7, 4), model(0.95, 5)
    some = np.flatnonzero(FOLDS == 2)
    choice = ModelChoice(first, Y, FOLDS, ALONE)
    assert choice.offer(Model(some, better.probs[some]))
    idx, probs = choice.nested()
    assert np.array_equal(idx, some)
    assert np.array_equal(probs, first.probs[some])  # without that fold nothing is known of the other model


def test_what_is_known_of_other_sets_counts_the_more_the_fewer_photos_there_are() -> None:
    first = model(0.8, 6)
    gains = []
    for count in (20, 200):
        some = np.arange(count)
        probs = first.probs[some].copy()
        right = np.flatnonzero(probs.argmax(1) == Y[:count])[: count // 20]
        probs[right] = probs[right, ::-1]  # one in twenty fewer is right
        fine_tuned = Model(some, probs, prior=0.05)
        gains.append(ModelChoice(first, Y, FOLDS, ALONE).gain(fine_tuned))
        assert ModelChoice(first, Y, FOLDS, ALONE).gain(replace(fine_tuned, prior=0.0)) < gains[-1] < 0.05
    assert gains[0] > 0 > gains[1]


def test_photos_of_a_group_count_as_one() -> None:
    first, fine_tuned = model(0.8, 7), replace(model(0.7, 8), prior=0.03)
    alone = ModelChoice(first, Y, FOLDS, ALONE)
    grouped = ModelChoice(first, Y, FOLDS, np.arange(200) // 40)

    assert alone.gain(fine_tuned) < grouped.gain(fine_tuned) < 0.03


def test_the_variance_of_a_mean_is_that_of_groups_which_differ() -> None:
    values = np.random.default_rng(0).normal(size=12)
    expected = sem(values) ** 2  # the standard error of the mean
    assert variance_of_mean(values, np.arange(12)) == pytest.approx(expected)
    assert variance_of_mean(np.repeat(values, 5), np.repeat(np.arange(12), 5)) == pytest.approx(expected)
    assert variance_of_mean(values, np.zeros(12, np.int64)) == np.inf


def test_one_group_alone_changes_nothing_that_is_known_of_other_sets() -> None:
    first, prior = model(0.9, 1), 0.03
    worse = replace(model(0.5, 2), prior=prior)
    alike = np.zeros(200, np.int64)
    assert ModelChoice(first, Y, FOLDS, alike).gain(worse) == pytest.approx(prior)
    assert ModelChoice(first, Y, FOLDS, ALONE).gain(worse) < 0


def test_choosing_among_equal_models_does_not_raise_the_score() -> None:
    claims, largest = [], []
    for seed in range(60):
        models = [model(0.7, 10 * seed + number) for number in range(6)]
        choice = ModelChoice(models[0], Y, FOLDS, ALONE)
        for other in models[1:]:
            choice.offer(other)
        claims.append(accuracy(*choice.nested()))
        largest.append(accuracy(choice.best.idx, choice.best.probs))
    assert abs(np.mean(claims) - 0.7) < 0.01
    assert np.mean(largest) > 0.73  # what would be claimed without nesting


def test_a_model_that_answers_more_slowly_has_to_be_right_on_more_photos() -> None:
    first = model(0.8, 3)
    sure = np.where(first.probs > 0.5, 0.99, 0.01).astype(np.float32)  # as often right, and more is expected of it
    wrong = np.flatnonzero(first.probs.argmax(1) != Y)
    sure[wrong] = first.probs[wrong]
    quick, slow = Model(first.idx, sure), Model(first.idx, sure, cost=3.0)
    choice = ModelChoice(first, Y, FOLDS, ALONE)
    assert choice.gain(slow) > 0.05
    assert not choice.offer(slow)
    assert choice.best is first
    assert np.array_equal(choice.nested()[1], first.probs)  # of no fold, either
    assert choice.offer(quick)
    raised = sure.copy()
    raised[wrong[0]] = np.eye(2)[Y[wrong[0]]]
    choice = ModelChoice(first, Y, FOLDS, ALONE)
    assert choice.offer(Model(first.idx, raised, cost=3.0))


def test_answers_up_to_twice_and_a_half_the_cost_of_the_first_are_quick() -> None:
    first = model(0.8, 3)
    sure = np.where(first.probs > 0.5, 0.99, 0.01).astype(np.float32)
    sure[first.probs.argmax(1) != Y] = first.probs[first.probs.argmax(1) != Y]
    surer = np.where(sure > 0.9, 0.999, sure)
    choice = ModelChoice(first, Y, FOLDS, ALONE)
    assert choice.offer(Model(first.idx, sure, cost=2.2))  # expected to be right more often, and as often right
    assert not choice.offer(Model(first.idx, surer, cost=4.4))
    assert choice.offer(Model(first.idx, surer, cost=2.4))
