from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import betabinom

from classifier.evaluation.intervals import accuracy_interval, effective_sample_size, photos_needed


@pytest.mark.parametrize("total", [3, 7, 40, 1000])
def test_the_interval_is_that_of_the_beta_binomial_distribution(total: int) -> None:
    for right in {0, 1, total // 2, total - 1, total}:
        hits = np.arange(total) < right
        new = round(total / 3)
        theirs = betabinom(new, right + 0.5, total - right + 0.5).ppf([0.025, 0.975]) / new
        low, high = accuracy_interval(hits)
        assert low == pytest.approx(min(theirs[0], hits.mean()))
        assert high == pytest.approx(max(theirs[1], hits.mean()))


def bursts(objects: int, shots: int, share: float, seed: int, together: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Which photos are right (N,), and their scenes (N,); ``together``: how much the shots of an object agree."""
    rng = np.random.default_rng(seed)
    of_object = rng.random(objects) < share
    scenes = np.repeat(np.arange(objects), shots)
    own = rng.random(objects * shots) < share
    return np.where(rng.random(objects * shots) < together**0.5, of_object[scenes], own), scenes


@pytest.mark.parametrize("together", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("objects", "shots"), [(20, 6), (60, 3), (100, 1)])
def test_the_interval_covers_new_photos_a_third_as_many_nineteen_times_in_twenty(
    objects: int, shots: int, together: float
) -> None:
    covered = []
    for seed in range(300):
        right, scenes = bursts(objects, shots, 0.85, seed, together)
        new, _ = bursts(objects // 3, shots, 0.85, 1000 + seed, together)
        low, high = accuracy_interval(right, scenes)
        covered.append(low - 1e-9 <= new.mean() <= high + 1e-9)
    assert np.mean(covered) > 0.92


def test_six_shots_of_one_object_tell_about_as_much_as_one_and_different_photos_all_they_can() -> None:
    right, scenes = bursts(30, 6, 0.8, 0)
    assert 30 <= effective_sample_size(right, scenes) < 36
    right, scenes = bursts(60, 6, 0.8, 0, together=0)
    assert effective_sample_size(right, scenes) > 220
    assert effective_sample_size(right, np.arange(360)) == effective_sample_size(right, None) == 360


@pytest.mark.parametrize("scenes", [[0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 2, 3]])
@pytest.mark.parametrize("right", [[1, 1, 1, 1], [0, 0, 0, 0], [1, 0, 1, 0]])
def test_a_handful_of_photos_has_an_interval_about_its_share(right: list[int], scenes: list[int]) -> None:
    hits = np.array(right, np.bool_)
    low, high = accuracy_interval(hits, np.array(scenes))
    assert 0 <= low <= hits.mean() <= high <= 1
    assert high - low > 0.5


def test_with_as_many_photos_as_needed_the_interval_reaches_five_points_to_either_side() -> None:
    for share in (0.6, 0.8, 0.95):
        count = photos_needed(share)
        low, high = accuracy_interval(np.arange(count) < share * count)
        assert (high - low) / 2 == pytest.approx(0.05, abs=0.01)
    assert photos_needed(0.8, 0.5) == pytest.approx(2 * photos_needed(0.8), abs=1)
