from __future__ import annotations

import numpy as np
import pytest

from classifier.evaluation import calibration
from classifier.evaluation.calibration import CoveragePoint
from classifier.evaluation.metrics import softmax
from tests.evaluation.helpers import predictions


@pytest.mark.parametrize("seed", range(3))
def test_the_calibration_error_is_the_gap_in_each_bin(seed: int) -> None:
    probs, y_true = predictions(3, 300, seed)
    confidence, correct = probs.max(1), probs.argmax(1) == y_true
    gap = 0.0
    for low in np.arange(15) / 15:
        inside = (confidence > low) & (confidence <= low + 1 / 15)
        gap += inside.mean() * abs(confidence[inside].mean() - correct[inside].mean()) if inside.any() else 0
    assert calibration.calibration_error(probs, y_true) == pytest.approx(gap, abs=1e-6)


def test_the_calibration_error_of_certain_predictions_is_their_error() -> None:
    probs = np.eye(2, dtype=np.float32)[[0, 0, 1, 1]]
    assert calibration.calibration_error(probs, np.array([0, 0, 1, 0])) == pytest.approx(0.25)
    assert calibration.calibration_error(probs[:0], np.zeros(0, np.int64)) == 0


def test_a_temperature_divides_the_logits() -> None:
    logits = np.array([[2.0, 0.0, -1.0], [0.5, 0.0, 3.0]], np.float32)
    np.testing.assert_allclose(calibration.apply_temperature(softmax(logits), 2.5), softmax(logits / 2.5), rtol=1e-5)
    certain = calibration.apply_temperature(np.array([[1.0, 0.0]], np.float32), 30)
    np.testing.assert_allclose(certain, softmax(np.log(np.array([[1, 1e-30]], np.float32)) / 30), rtol=1e-5)


def test_coverage_and_accuracy_of_each_threshold_are_counted() -> None:
    probs, y_true = predictions(4)
    in_distribution = np.arange(len(y_true)) % 10 > 0
    curve = calibration.coverage_curve(probs, y_true, in_distribution)
    assert [point.threshold for point in curve] == pytest.approx(np.linspace(0, 1, 21))
    for point in curve:
        covered = (probs.max(1) >= point.threshold) & in_distribution
        assert point.coverage == pytest.approx(covered.mean())
        if covered.any():
            assert point.selective_accuracy == pytest.approx((probs.argmax(1) == y_true)[covered].mean())
    assert curve[0].coverage == pytest.approx(0.9)
    assert (curve[-1].coverage, curve[-1].selective_accuracy) == (0, 1)
    assert calibration.coverage_curve(probs, y_true)[0].coverage == 1
    assert calibration.coverage_curve(probs[:0], y_true[:0]) == ()


def test_a_confidence_at_the_threshold_is_covered() -> None:
    probs = np.array([[0.5, 0.5], [1.0, 0.0]], np.float32)
    curve = calibration.coverage_curve(probs, np.array([0, 0]))
    assert [point.coverage for point in curve[10:12]] == [1, 0.5]
    assert curve[20].coverage == 0.5


def test_a_point_of_the_curve_is_put_into_words() -> None:
    words = CoveragePoint(0.8, 0.921, 0.968).in_words()
    assert words == "It answers 92 % of photos, and is right on 97 % of those."


# the threshold of “not sure”


def test_the_threshold_is_the_lowest_that_reaches_the_target() -> None:
    confidence = np.array([0.99, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55], np.float32)
    probs = np.stack([confidence, 1 - confidence], 1)
    y_true = np.array([0, 0, 0, 0, 1, 0, 0, 1, 1, 1])
    threshold = calibration.unsure_threshold(probs, y_true, target_accuracy=0.85, min_coverage=0.2)
    assert threshold == confidence[6]  # 6 of the first 7 are right, 6 of 8 are not enough
    assert calibration.unsure_threshold(probs, y_true, 6 / 7, 0.2) == confidence[6]
    assert calibration.unsure_threshold(probs, y_true, 0.85, 0.8) == confidence[7]  # eight have to be covered
    assert calibration.unsure_threshold(probs, 1 - y_true, 0.99, 0.3) == confidence[2]  # never reached


def test_ood_photos_leave_less_room_for_a_threshold() -> None:
    probs, y_true = predictions(4, 150)
    in_distribution = np.arange(150) % 10 > 0
    threshold = calibration.unsure_threshold(probs, y_true, in_distribution=in_distribution)
    assert ((probs.max(1) >= threshold) & in_distribution).mean() >= 0.9
    everywhere = calibration.unsure_threshold(probs, y_true)
    assert threshold < everywhere
    assert calibration.unsure_threshold(probs, y_true, in_distribution=np.zeros(150, np.bool_)) == everywhere


@pytest.mark.parametrize("seed", range(10))
def test_the_default_reaches_its_accuracy_or_its_coverage(seed: int) -> None:
    probs, y_true = predictions(4, 150, seed)
    threshold = calibration.unsure_threshold(probs, y_true)
    covered = probs.max(1) >= threshold
    accuracy = (probs.argmax(1) == y_true)[covered].mean()
    assert covered.mean() >= 0.9
    assert accuracy >= 0.95 or covered.sum() == np.ceil(0.9 * 150)


def test_a_model_that_is_always_right_still_needs_half_of_the_probability() -> None:
    y_true = np.arange(20) % 2
    probs = softmax(np.eye(2, dtype=np.float32)[y_true])
    assert calibration.unsure_threshold(probs, y_true) == 0.5


def test_a_model_that_is_never_half_sure_still_covers_most_photos() -> None:
    probs, y_true = predictions(10)
    probs = softmax(np.log(probs) * 0.2)
    threshold = calibration.unsure_threshold(probs, y_true)
    assert threshold < 0.5
    assert (probs.max(1) >= threshold).mean() >= 0.9


def test_a_lower_target_never_needs_more_confidence() -> None:
    probs, y_true = predictions(4)
    thresholds = [
        calibration.unsure_threshold(probs, y_true, target, min_coverage=0.3) for target in (0.5, 0.8, 0.9, 0.99)
    ]
    assert thresholds == sorted(thresholds)


def test_classes_that_no_evaluated_model_knows_do_not_move_the_threshold() -> None:
    probs, y_true = np.array([[0.95, 0.05], [0.05, 0.95], [0.9, 0.1], [0.1, 0.9]], np.float32), np.array([0, 0, 1, 1])
    assert calibration.unsure_threshold(probs, y_true, unknown=[0, 1]) == 0.5
    some = calibration.unsure_threshold(probs[:2], y_true[:2])
    assert calibration.unsure_threshold(probs, y_true, unknown=[1]) == some
