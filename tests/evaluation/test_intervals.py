from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import betabinom, norm

from classifier.evaluation.intervals import (
    accuracy_interval,
    effective_sample_size,
    is_widened_by_groups,
    main_group_count,
    photos_needed,
)


@pytest.mark.parametrize("total", [3, 7, 40, 1000])
def test_the_interval_is_that_of_the_beta_binomial_distribution(total: int) -> None:
    for correct in {0, 1, total // 2, total - 1, total}:
        hits = np.arange(total) < correct
        new = round(total / 3)
        cumulative = np.cumsum(betabinom.pmf(np.arange(new + 1), new, correct + 0.5, total - correct + 0.5))
        expected = [int((cumulative < quantile).sum()) / new for quantile in (0.025, 0.975)]
        low, high = accuracy_interval(hits)
        assert low == pytest.approx(min(expected[0], hits.mean()), abs=1e-9)
        assert high == pytest.approx(max(expected[1], hits.mean()), abs=1e-9)


def test_the_interval_is_that_of_the_effective_sample_size() -> None:
    correct, groups = bursts(30, 6, 0.8, 0)
    count = effective_sample_size(correct, groups)
    new, accuracy = round(count / 3), correct.mean()
    expected = betabinom(new, accuracy * count + 0.5, (1 - accuracy) * count + 0.5).ppf([0.025, 0.975]) / new
    assert accuracy_interval(correct, groups) == pytest.approx(tuple(expected))


def test_of_no_photos_the_interval_is_everything() -> None:
    assert accuracy_interval(np.zeros(0, np.bool_)) == (0.0, 1.0)
    assert accuracy_interval(np.zeros(0, np.bool_), np.zeros(0, np.int64)) == (0.0, 1.0)


def bursts(
    objects: int, shots: int, accuracy: float, seed: int, correlation: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Which photos are right (N,) and their groups (N,); ``correlation``: how much the shots of an object agree."""
    rng = np.random.default_rng(seed)
    of_object = rng.random(objects) < accuracy
    groups = np.repeat(np.arange(objects), shots)
    own = rng.random(objects * shots) < accuracy
    return np.where(rng.random(objects * shots) < correlation**0.5, of_object[groups], own), groups


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("objects", "shots"), [(20, 6), (60, 3), (100, 1)])
def test_the_interval_covers_new_photos_nineteen_times_in_twenty(objects: int, shots: int, correlation: float) -> None:
    covered = []
    for seed in range(300):
        correct, groups = bursts(objects, shots, 0.85, seed, correlation)
        new, _ = bursts(objects // 3, shots, 0.85, 1000 + seed, correlation)
        low, high = accuracy_interval(correct, groups)
        covered.append(low - 1e-9 <= new.mean() <= high + 1e-9)
    assert np.mean(covered) > 0.92


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.0, 0.5])
def test_a_large_group_of_photos_alike_by_nature_leaves_an_interval_that_covers(correlation: float) -> None:
    covered, widths = [], []
    for seed in range(200):
        large, small = bursts(1, 50, 0.8, seed, 0.0), bursts(60, 2, 0.8, 5000 + seed, correlation)
        new, _ = bursts(28, 2, 0.8, 9000 + seed, correlation)
        low, high = accuracy_interval(np.concatenate([large[0], small[0]]), np.concatenate([large[1] + 60, small[1]]))
        covered.append(low - 1e-9 <= new.mean() <= high + 1e-9)
        widths.append(high - low)
    assert np.mean(covered) > 0.93
    assert np.mean(widths) < 0.55


@pytest.mark.parametrize(
    ("sizes", "expected"), [((1,) * 10, 6), ((1,) * 11, 6), ((4, 3, 1, 1), 2), ((9, 1, 1), 1), ((2, 2), 2), ((), 0)]
)
def test_the_main_groups_hold_more_than_half_of_the_photos(sizes: tuple[int, ...], expected: int) -> None:
    groups = np.random.default_rng(0).permutation(np.repeat(7 * np.arange(len(sizes)), sizes))
    assert main_group_count(groups) == expected


def test_groups_are_the_reason_for_a_wide_interval_where_independent_photos_have_a_narrow_one() -> None:
    correct = np.arange(120) % 5 > 0
    assert not is_widened_by_groups(*accuracy_interval(correct), 96, 120)
    correct, groups = bursts(20, 6, 0.8, 0)
    assert is_widened_by_groups(*accuracy_interval(correct, groups), int(correct.sum()), 120)
    assert not is_widened_by_groups(0.0, 1.0, 0, 0)


def intraclass_correlation(correct: np.ndarray, groups: np.ndarray) -> float:
    """Donner and Klar's ANOVA estimate, photo by photo."""
    members = [correct[groups == group].astype(float) for group in np.unique(groups)]
    total, count = len(correct), len(members)
    between = sum(len(part) * (part.mean() - correct.mean()) ** 2 for part in members) / (count - 1)
    within = sum(((part - part.mean()) ** 2).sum() for part in members) / (total - count)
    size = (total - sum(len(part) ** 2 for part in members) / total) / (count - 1)
    return (between - within) / (between + (size - 1) * within)


@pytest.mark.parametrize("sizes", [(2,) * 30, (5,) * 12, (1, 1, 2, 3, 7, 9, 4, 4), (20, 1, 1, 1, 6), (8, 5)])
@pytest.mark.parametrize("seed", range(4))
def test_the_sample_size_follows_from_the_design_effect(sizes: tuple[int, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    correct = np.where(
        rng.random(len(groups)) < 0.6, rng.random(len(sizes))[groups] < 0.7, rng.random(len(groups)) < 0.7
    )
    correct[:2] = False, True  # otherwise all may be equal
    several = sum(size > 1 for size in sizes)
    correlation = (several * min(1, max(0, intraclass_correlation(correct, groups))) + 1) / (several + 1)
    mean_size = np.mean([sizes[group] for group in groups])  # of the group of a random photo
    expected = len(groups) / (1 + (mean_size - 1) * correlation)
    assert effective_sample_size(correct, groups) == pytest.approx(expected)
    shuffled = rng.permutation(len(groups))
    assert effective_sample_size(correct[shuffled], 3 * groups[shuffled] - 7) == pytest.approx(expected)


def test_six_shots_of_one_object_count_about_as_one() -> None:
    correct, groups = bursts(30, 6, 0.8, 0)
    assert 30 <= effective_sample_size(correct, groups) < 36
    correct, groups = bursts(60, 6, 0.8, 0, correlation=0)
    assert effective_sample_size(correct, groups) > 220


def test_groups_of_one_photo_count_in_full() -> None:
    correct = np.arange(360) % 3 > 0
    assert effective_sample_size(correct, np.arange(360)) == effective_sample_size(correct, None) == 360
    assert effective_sample_size(correct[:1], np.zeros(1, np.int64)) == 1
    assert effective_sample_size(correct[:0], None) == 0


def test_one_group_counts_as_one_photo() -> None:
    for total in (1, 2, 12):
        assert effective_sample_size(np.arange(total) % 2 == 0, np.zeros(total, np.int64)) == 1


def test_groups_that_are_all_right_count_as_one_photo_each() -> None:
    assert effective_sample_size(np.ones(12, np.bool_), np.arange(12) // 3) == pytest.approx(4)


@pytest.mark.parametrize("groups", [[0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 2, 3]])
@pytest.mark.parametrize("correct", [[1, 1, 1, 1], [0, 0, 0, 0], [1, 0, 1, 0]])
def test_a_handful_of_photos_has_an_interval_about_its_accuracy(correct: list[int], groups: list[int]) -> None:
    hits = np.array(correct, np.bool_)
    low, high = accuracy_interval(hits, np.array(groups))
    assert 0 <= low <= hits.mean() <= high <= 1
    assert high - low > 0.5


@pytest.mark.parametrize("accuracy", [0.05, 0.3, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("effective_share", [0.2, 1.0])
def test_photos_needed_follow_from_the_normal_approximation(accuracy: float, effective_share: float) -> None:
    count = photos_needed(accuracy, effective_share)
    reached = [
        norm.ppf(0.975) * np.sqrt(accuracy * (1 - accuracy) * (1 / photos + 3 / photos))
        for photos in ((count - 1) * effective_share, count * effective_share)
    ]
    assert reached[1] <= 0.05 + 1e-6 < reached[0] + 1e-5


def test_photos_needed_are_no_fewer_for_an_extreme_accuracy() -> None:
    assert photos_needed(1.0) == photos_needed(0.95) == photos_needed(0.05) == photos_needed(0.0)
    assert photos_needed(0.9) > photos_needed(0.95)
    assert photos_needed(0.8, 0.0) == pytest.approx(1000 * photos_needed(0.8), rel=1e-2)


def test_with_as_many_photos_as_needed_the_interval_reaches_five_points() -> None:
    for accuracy in (0.6, 0.8, 0.95):
        count = photos_needed(accuracy)
        low, high = accuracy_interval(np.arange(count) < accuracy * count)
        assert (high - low) / 2 == pytest.approx(0.05, abs=0.01)
