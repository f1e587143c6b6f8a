from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from classifier.data.splits import stratified_group_folds
from classifier.messages.evaluation import MorePhotosCode
from classifier.training import learning_curve
from classifier.training.learning_curve import LearningCurve
from classifier.training.linear_head import compute_standardization


def clouds(counts: tuple[int, ...], spread: tuple[float, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, 40) of normal clouds, and their classes (N,)."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(counts)), counts)
    rows = 2.2 * np.eye(len(counts), 40)[y] + rng.normal(size=(len(y), 40)) * np.array(spread)[y, None]
    return rows.astype(np.float32), y


def test_recall_rises_with_the_number_of_photos() -> None:
    features, y = clouds((80, 80, 80), (1.0, 1.0, 1.0))
    curve = learning_curve.learning_curve(features, y, 3, np.arange(240))
    assert curve.fractions == (0.25, 0.5, 0.75)
    assert curve.recall.shape == (3, 3)
    assert curve.recall[0].mean() < curve.recall[-1].mean()


def test_the_curve_is_that_of_scikit_learns_ridge_regression() -> None:
    features, y = clouds((60, 30, 15), (1.3, 1.3, 1.3))
    groups = np.arange(105)
    curve = learning_curve.learning_curve(features, y, 3, groups, seed=3)
    shift, scale = compute_standardization(features, 1.0)
    rows = ((features - shift) / scale).astype(np.float64)
    folds = stratified_group_folds(y, groups, 4, 3)
    for used in (1, 2, 3):
        y_pred = np.zeros(len(y), np.int64)
        for held_out in range(4):
            train = np.isin(folds, [(held_out + step) % 4 for step in range(1, used + 1)])
            weighted = np.eye(3)[y[train]] / np.sqrt(np.bincount(y[train], minlength=3))
            ridge = Ridge(0.03, fit_intercept=False).fit(rows[train], weighted - weighted.mean(0))
            y_pred[folds == held_out] = ridge.predict(rows[folds == held_out]).argmax(1)
        recall = [(y_pred[y == label] == label).mean() for label in range(3)]
        np.testing.assert_allclose(curve.recall[used - 1], recall, atol=0.04)


def test_rare_classes_of_a_large_set_are_part_of_the_curve() -> None:
    """An even step over all photos leaves one of the last class, which is then never recognized."""
    features, y = clouds((2400, 2400, 4), (0.3, 0.3, 0.3))
    curve = learning_curve.learning_curve(features, y, 3, np.arange(len(y)))
    assert curve.recall[-1, 2] == 1


def test_the_gain_follows_from_a_fit_of_one_over_the_number_of_photos() -> None:
    fractions = np.array([0.25, 0.5, 0.75])
    error = np.stack([0.02 + 0.04 / fractions, 0.1 + 0.01 / fractions], 1)  # (S, C)
    curve = LearningCurve(tuple(fractions), (1 - error).astype(np.float32))
    counts, added = np.array([60, 20]), np.array([30, 20])
    mean_slope = (60 * 0.04 + 20 * 0.01) / 80
    slopes = np.array([(60 * 0.04 + 20 * mean_slope) / 80, (20 * 0.01 + 20 * mean_slope) / 40])
    gains = learning_curve.expected_gains(curve, counts, added)
    np.testing.assert_allclose(gains, slopes * (1 - counts / (counts + added)), rtol=1e-4)


def test_a_gain_is_neither_negative_nor_above_what_is_missing() -> None:
    falling = LearningCurve((0.25, 0.5, 0.75), np.array([[0.9], [0.8], [0.7]], np.float32))
    assert learning_curve.expected_gains(falling, np.array([50]), np.array([20])).tolist() == [0]
    steep = LearningCurve((0.25, 0.5, 0.75), np.array([[0.0], [0.9], [0.99]], np.float32))
    gain = learning_curve.expected_gains(steep, np.array([50]), np.array([500]))
    assert gain == pytest.approx(0.01, abs=1e-6)


def test_photos_are_asked_for_where_the_gain_is_largest() -> None:
    recall = np.array([[0.95, 0.5, 0.9], [0.95, 0.6, 0.9], [0.95, 0.7, 0.9]], np.float32)
    counts = np.array([60, 60, 60])
    curve = LearningCurve((0.25, 0.5, 0.75), recall)
    gains = learning_curve.expected_gains(curve, counts, np.full(3, 30))
    (request,) = learning_curve.recommend_more_photos(counts, curve)
    assert (request.label, request.count, request.reason) == (1, 30, MorePhotosCode.GAIN)
    assert request.gain == pytest.approx(float(gains.max()))


def test_nothing_is_asked_for_where_all_is_recognized() -> None:
    curve = LearningCurve((0.25, 0.5, 0.75), np.ones((3, 2), np.float32))
    assert learning_curve.recommend_more_photos(np.array([50, 50]), curve) == []


def test_a_gain_below_one_in_hundred_is_not_asked_for() -> None:
    recall = np.array([[0.9, 0.9], [0.9, 0.909], [0.9, 0.912]], np.float32)
    assert learning_curve.recommend_more_photos(np.array([50, 50]), LearningCurve((0.25, 0.5, 0.75), recall)) == []


def test_small_classes_come_first_then_uneven_ones() -> None:
    curve = LearningCurve((0.25, 0.5, 0.75), np.ones((3, 4), np.float32))
    requests = learning_curve.recommend_more_photos(np.array([400, 7, 30, 3]), curve)
    assert [(request.label, request.count, request.reason) for request in requests] == [
        (3, 17, MorePhotosCode.FEW), (1, 13, MorePhotosCode.FEW), (2, 50, MorePhotosCode.UNEVEN),
    ]  # fmt: skip


def test_a_class_is_asked_for_once() -> None:
    recall = np.array([[0.9, 0.2], [0.9, 0.3], [0.9, 0.4]], np.float32)
    curve = LearningCurve((0.25, 0.5, 0.75), recall)
    (few,) = learning_curve.recommend_more_photos(np.array([60, 19]), curve)
    assert (few.label, few.count, few.reason) == (1, 1, MorePhotosCode.FEW)
    assert few.gain > 0
    (gain,) = learning_curve.recommend_more_photos(np.array([60, 20]), curve)
    assert (gain.label, gain.count, gain.reason) == (1, 10, MorePhotosCode.GAIN)


def test_without_a_curve_only_the_numbers_count() -> None:
    assert learning_curve.recommend_more_photos(np.array([50]), None) == []
    (request,) = learning_curve.recommend_more_photos(np.array([8]), None)
    assert (request.count, request.gain, request.reason) == (12, 0, MorePhotosCode.FEW)
    (uneven,) = learning_curve.recommend_more_photos(np.array([121, 20]), None)
    assert (uneven.label, uneven.count, uneven.reason) == (1, 10, MorePhotosCode.UNEVEN)


@pytest.mark.parametrize("counts", [(1, 1), (2, 1, 3), (4, 4)])
def test_a_handful_of_photos_breaks_nothing(counts: tuple[int, ...]) -> None:
    features, y = clouds(counts, (1.0,) * len(counts))
    curve = learning_curve.learning_curve(features, y, len(counts), np.arange(len(y)))
    assert np.isfinite(curve.recall).all()
    assert len(learning_curve.recommend_more_photos(np.array(counts), curve)) == len(counts)


def test_photos_of_one_group_are_never_on_both_sides() -> None:
    """Every group has a random class: only a photo of the same group could give it away."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 5)
    y = rng.integers(0, 2, 40)[groups]
    features = (rng.normal(size=(40, 200))[groups] + 0.1 * rng.normal(size=(200, 200))).astype(np.float32)
    assert abs(learning_curve.learning_curve(features, y, 2, groups).recall[-1].mean() - 0.5) < 0.25
    assert learning_curve.learning_curve(features, y, 2, np.arange(200)).recall[-1].mean() > 0.9
