from __future__ import annotations

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import cross_val_score

from classifier.evaluation.shift import Shift, shift_warnings, two_sample_test

CLASSES, DIMENSIONS = 3, 40
CLASS_MEANS = np.random.default_rng(99).normal(0, 2, (CLASSES, DIMENSIONS))


def photos(
    objects: int, shots: int, seed: int, moved: float = 0.0, shares: tuple[float, ...] = (1 / 3, 1 / 3, 1 / 3)
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, classes and groups of ``shots`` photos each of ``objects``, the first feature ``moved``."""
    rng = np.random.default_rng(seed)
    y = rng.choice(CLASSES, objects, p=shares)
    center = CLASS_MEANS[y] + rng.normal(0, 1, (objects, DIMENSIONS))
    features = np.repeat(center, shots, 0) + rng.normal(0, 0.3, (objects * shots, DIMENSIONS))
    features[:, 0] += moved
    return features.astype(np.float32), np.repeat(y, shots), np.repeat(np.arange(objects), shots) + 100_000 * seed


def shift_of(first: tuple[np.ndarray, ...], second: tuple[np.ndarray, ...]) -> Shift:
    shift = two_sample_test(*first, *second, seed=0)
    assert shift is not None
    assert 0 <= shift.low <= shift.told_apart <= shift.high <= 1
    return shift


@pytest.mark.parametrize("objects", [60])
def test_photos_of_one_kind_raise_no_alarm(objects: int) -> None:
    shifts = [shift_of(photos(100, 2, seed), photos(objects, 2, 1000 + seed)) for seed in range(12)]
    assert [shift_warnings(shift) for shift in shifts] == [()] * len(shifts)
    assert np.mean([shift.told_apart for shift in shifts]) == pytest.approx(0.5, abs=0.03)


def test_other_proportions_of_the_classes_are_no_difference() -> None:
    shift = shift_of(photos(150, 1, 1, shares=(0.8, 0.1, 0.1)), photos(150, 1, 2, shares=(0.1, 0.1, 0.8)))
    assert not shift.alarm
    assert shift.low < 0.5


def test_photos_of_another_kind_raise_an_alarm() -> None:
    shift = shift_of(photos(100, 1, 1), photos(60, 1, 2, moved=4))
    assert shift.alarm
    assert shift.told_apart > 0.9
    (warning,) = shift_warnings(shift)
    assert f"told apart {round(100 * shift.told_apart)} times of 100" in str(warning)
    assert shift == shift_of(photos(100, 1, 1), photos(60, 1, 2, moved=4))


def test_photos_are_told_apart_as_often_as_by_discriminant_analysis() -> None:
    first, second = photos(300, 1, 1, shares=(1.0, 0.0, 0.0)), photos(300, 1, 2, moved=2, shares=(1.0, 0.0, 0.0))
    side = np.repeat([0, 1], 300)
    expected = cross_val_score(LinearDiscriminantAnalysis(), np.concatenate([first[0], second[0]]), side, cv=5).mean()
    assert shift_of(first, second).told_apart == pytest.approx(expected, abs=0.03)


def test_ten_photos_have_a_wide_interval_and_raise_no_alarm() -> None:
    shifts = [
        shift_of(photos(5, 1, seed, shares=(1, 0, 0)), photos(5, 1, 1000 + seed, shares=(1, 0, 0)))
        for seed in range(12)
    ]
    assert sum(shift.alarm for shift in shifts) == 0
    assert np.mean([shift.high - shift.low for shift in shifts]) > 0.4


def test_copies_of_training_photos_and_other_classes_are_left_out() -> None:
    features, y, groups = photos(60, 1, 1)
    assert two_sample_test(features, y, groups, features, y, groups, seed=0) is None
    assert two_sample_test(features, y, groups, features, y + CLASSES, groups + 1000, seed=0) is None
    assert two_sample_test(features, y, groups, features[:3], y[:3], groups[:3] + 1000, seed=0) is None
    other, other_y, other_groups = photos(60, 1, 2)
    with_copies = (
        np.concatenate([other, features + 50]),
        np.concatenate([other_y, y]),
        np.concatenate([other_groups, groups]),
    )
    new = groups + 500
    first = np.concatenate([features, features]), np.concatenate([y, y]), np.concatenate([groups, new])
    assert not shift_of(first, with_copies).alarm
