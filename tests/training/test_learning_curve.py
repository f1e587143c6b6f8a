from __future__ import annotations

import numpy as np
import pytest

from classifier.training import learning_curve
from classifier.training.learning_curve import LearningCurve


def clouds(counts: tuple[int, ...], spread: tuple[float, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    rows = 2.2 * np.eye(len(counts), 40)[labels] + rng.normal(size=(len(labels), 40)) * np.array(spread)[labels, None]
    return rows.astype(np.float32), labels


def test_more_photos_recognise_more_on_the_whole() -> None:
    features, labels = clouds((80, 80, 80), (1.0, 1.0, 1.0))
    curve = learning_curve.learning_curve(features, labels, 3, np.arange(240))
    assert curve.shares == (0.25, 0.5, 0.75)
    assert curve.recall.shape == (3, 3)
    assert curve.recall[0].mean() < curve.recall[-1].mean()


def test_a_class_that_is_still_learning_gains_most() -> None:
    recall = np.array([[0.95, 0.5, 0.9], [0.95, 0.6, 0.9], [0.95, 0.7, 0.9]], np.float32)
    counts = np.array([60, 60, 60])
    curve = LearningCurve((0.25, 0.5, 0.75), recall)
    gains = learning_curve.expected_gains(curve, counts, np.full(3, 30))
    assert gains.argmax() == 1
    assert (gains >= 0).all()
    (wanted,) = learning_curve.recommend_more_photos(counts, curve)
    assert (wanted.label, wanted.reason) == (1, "gain")
    assert wanted.sentence(("leaf", "rust", "soil")).startswith(f"Add about {wanted.count} photos of “rust”")


def test_nothing_is_asked_for_where_all_is_recognised() -> None:
    curve = LearningCurve((0.25, 0.5, 0.75), np.ones((3, 2), np.float32))
    assert learning_curve.recommend_more_photos(np.array([50, 50]), curve) == []


def test_small_classes_come_first_then_uneven_ones() -> None:
    curve = LearningCurve((0.25, 0.5, 0.75), np.ones((3, 4), np.float32))
    found = learning_curve.recommend_more_photos(np.array([400, 7, 30, 3]), curve)
    assert [(one.label, one.count, one.reason) for one in found] == [
        (3, 17, "few"), (1, 13, "few"), (2, 50, "uneven"),
    ]  # fmt: skip


@pytest.mark.parametrize("counts", [(1, 1), (2, 1, 3), (4, 4)])
def test_a_handful_of_photos_breaks_nothing(counts: tuple[int, ...]) -> None:
    features, labels = clouds(counts, (1.0,) * len(counts))
    curve = learning_curve.learning_curve(features, labels, len(counts), np.arange(len(labels)))
    assert np.isfinite(curve.recall).all()
    assert len(learning_curve.recommend_more_photos(np.array(counts), curve)) == len(counts)


def test_photos_of_one_scene_never_judge_one_another() -> None:
    """Every scene has a random class: only a photo of the same scene could give it away."""
    rng = np.random.default_rng(0)
    scenes = np.repeat(np.arange(40), 5)
    labels = rng.integers(0, 2, 40)[scenes]
    features = (rng.normal(size=(40, 200))[scenes] + 0.1 * rng.normal(size=(200, 200))).astype(np.float32)
    assert abs(learning_curve.learning_curve(features, labels, 2, scenes).recall[-1].mean() - 0.5) < 0.25
    assert learning_curve.learning_curve(features, labels, 2, np.arange(200)).recall[-1].mean() > 0.9
