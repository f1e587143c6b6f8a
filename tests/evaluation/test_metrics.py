from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as oracle

from classifier.errors import ModelError
from classifier.evaluation import calibration, metrics
from classifier.evaluation.calibration import CoveragePoint
from classifier.evaluation.intervals import accuracy_interval
from classifier.evaluation.report import Report, build_report, rescore


def answers(classes: int, photos: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N, C) that are often right, and the true classes (N,)."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, photos)
    logits = rng.normal(0, 1, (photos, classes)) + 1.5 * np.eye(classes)[truth]
    return metrics.softmax(logits.astype(np.float32)), truth


def report_on(probabilities: np.ndarray, truth: np.ndarray, **changes: Any) -> Report:
    labels = [f"class {index}" for index in range(probabilities.shape[1])]
    made = build_report(
        probabilities,
        truth,
        labels,
        images=len(truth),
        evaluated_on="out_of_fold",
        threshold=0.4,
        temperature=1.2,
        warnings=["Few photos."],
        resize_mode="whole",
        backbone="tf_efficientnet_lite0",
    )
    return replace(made, **changes)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_the_scores_are_those_of_scikit_learn(classes: int) -> None:
    probabilities, truth = answers(classes)
    predicted = probabilities.argmax(1)
    report = report_on(probabilities, truth)
    assert np.array_equal(report.confusion, oracle.confusion_matrix(truth, predicted))
    assert report.accuracy == pytest.approx(oracle.accuracy_score(truth, predicted))
    assert report.balanced_accuracy == pytest.approx(oracle.balanced_accuracy_score(truth, predicted))
    precision, recall, f1, support = oracle.precision_recall_fscore_support(truth, predicted)
    assert [row.precision for row in report.per_class] == pytest.approx(precision)
    assert [row.recall for row in report.per_class] == pytest.approx(recall)
    assert [row.f1 for row in report.per_class] == pytest.approx(f1)
    assert [row.images for row in report.per_class] == support.tolist()


def test_classes_that_are_never_there_or_never_named_score_nothing_and_break_nothing() -> None:
    truth, predicted = np.array([0, 0, 1]), np.array([0, 0, 2])
    report = report_on(np.eye(4, dtype=np.float32)[predicted], truth)
    precision, recall, f1, _ = oracle.precision_recall_fscore_support(
        truth, predicted, labels=range(4), zero_division=0
    )
    assert [row.precision for row in report.per_class] == pytest.approx(precision)
    assert [row.recall for row in report.per_class] == pytest.approx(recall)
    assert [row.f1 for row in report.per_class] == pytest.approx(f1)
    assert report.balanced_accuracy == pytest.approx(0.5)  # over the two classes that have photos


def test_of_no_photos_nothing_is_known() -> None:
    assert accuracy_interval(np.zeros(0, np.bool_)) == (0.0, 1.0)
    empty = rescore(report_on(*answers(3)), np.zeros((0, 3), np.float32), np.zeros(0, np.int64), "test")
    assert (empty.accuracy, empty.accuracy_low, empty.accuracy_high, empty.balanced_accuracy) == (0, 0, 1, 0)
    assert empty.in_words()


def test_rejudging_changes_the_scores_and_nothing_else() -> None:
    report = report_on(*answers(3))
    other = rescore(report, *answers(3, 50, seed=1), "val")
    assert other.evaluated_on == "val"
    assert sum(map(sum, other.confusion)) == 50
    kept = ("labels", "images", "threshold", "temperature", "warnings", "resize_mode", "backbone")
    assert all(getattr(other, name) == getattr(report, name) for name in kept)


def test_softmax_stands_large_numbers() -> None:
    shares = metrics.softmax(np.array([[1000.0, 0.0], [-1000.0, -1000.0]], np.float32))
    assert shares.tolist() == [[1.0, 0.0], [0.5, 0.5]]


@pytest.mark.parametrize("classes", [2, 4, 8])
def test_the_share_among_the_first_answers_is_scikit_learns(classes: int) -> None:
    probabilities, truth = answers(classes)
    found = metrics.top_accuracy(probabilities, truth)
    assert len(found) == min(classes, 5)
    for place, share in enumerate(found, 1):
        if place < classes and classes > 2:
            theirs = oracle.top_k_accuracy_score(truth, probabilities, k=place, labels=range(classes))
            assert share == pytest.approx(theirs)
    assert found[0] == pytest.approx(oracle.accuracy_score(truth, probabilities.argmax(1)))
    if classes <= 5:
        assert found[-1] == 1


@pytest.mark.parametrize("seed", range(3))
def test_the_calibration_error_is_the_gap_in_each_bin(seed: int) -> None:
    probabilities, truth = answers(3, 300, seed)
    confidence, right = probabilities.max(1), probabilities.argmax(1) == truth
    gap = 0.0
    for low in np.arange(15) / 15:
        there = (confidence > low) & (confidence <= low + 1 / 15)
        gap += there.mean() * abs(confidence[there].mean() - right[there].mean()) if there.any() else 0
    assert calibration.calibration_error(probabilities, truth) == pytest.approx(gap, abs=1e-6)


def test_the_error_before_is_that_of_the_undivided_logits() -> None:
    probabilities, truth = answers(3, 300)
    report = report_on(probabilities, truth)  # its temperature is 1.2
    undivided = metrics.softmax(np.log(probabilities) * np.float32(1.2))
    assert report.calibration_error == calibration.calibration_error(probabilities, truth)
    assert report.calibration_error_before == pytest.approx(calibration.calibration_error(undivided, truth), abs=1e-5)


# -- not sure


def test_the_cost_of_a_threshold_is_counted() -> None:
    probabilities, truth = answers(4)
    familiar = np.arange(len(truth)) % 10 > 0
    curve = calibration.coverage_curve(probabilities, truth, familiar)
    assert [point.threshold for point in curve] == pytest.approx(np.linspace(0, 1, 21))
    for point in curve:
        answered = (probabilities.max(1) >= point.threshold) & familiar
        assert point.coverage == pytest.approx(answered.mean())
        if answered.any():
            assert point.selective_accuracy == pytest.approx((probabilities.argmax(1) == truth)[answered].mean())
    assert curve[0].coverage == pytest.approx(0.9)


def test_the_cost_between_two_points_lies_between_theirs() -> None:
    report = report_on(*answers(4))
    for point in report.coverage_curve:
        found = report.coverage_at(point.threshold)
        assert found is not None
        assert (found.coverage, found.selective_accuracy) == pytest.approx((point.coverage, point.selective_accuracy))
    between, before, after = report.coverage_at(0.52), report.coverage_curve[10], report.coverage_curve[11]
    assert between is not None
    assert between.coverage == pytest.approx(0.6 * before.coverage + 0.4 * after.coverage)
    assert between.selective_accuracy == pytest.approx(0.6 * before.selective_accuracy + 0.4 * after.selective_accuracy)
    assert replace(report, coverage_curve=()).coverage_at(0.5) is None


def test_a_cost_is_said_in_words() -> None:
    said = CoveragePoint(0.8, 0.921, 0.968).in_words()
    assert said == "It answers 92 % of photos, and is right on 97 % of those."
    assert "over 99 % of photos" in CoveragePoint(0.1, 0.999, 1.0).in_words()
    assert CoveragePoint(1.0, 0.0, 1.0).in_words() == "It answers hardly any photo."


def test_photos_that_are_not_answered_anyway_leave_less_room_for_a_threshold() -> None:
    probabilities, truth = answers(4, 150)
    familiar = np.arange(150) % 10 > 0
    threshold = calibration.unsure_threshold(probabilities, truth, familiar=familiar)
    assert ((probabilities.max(1) >= threshold) & familiar).mean() >= 0.9
    assert threshold < calibration.unsure_threshold(probabilities, truth)
    nobody = np.zeros(150, np.bool_)
    assert calibration.unsure_threshold(probabilities, truth, familiar=nobody) == calibration.unsure_threshold(
        probabilities, truth
    )


@pytest.mark.parametrize("seed", range(10))
def test_above_the_threshold_answers_are_right_often_enough_or_most_photos_are_answered(seed: int) -> None:
    probabilities, truth = answers(4, 150, seed)
    threshold = calibration.unsure_threshold(probabilities, truth)
    answered = probabilities.max(1) >= threshold
    right = (probabilities.argmax(1) == truth)[answered].mean()
    assert answered.mean() >= 0.9
    assert right >= 0.95 or answered.sum() == np.ceil(0.9 * 150)


def test_a_model_that_is_always_right_still_wants_an_answer_likelier_than_all_others_together() -> None:
    truth = np.arange(20) % 2
    probabilities = metrics.softmax(np.eye(2, dtype=np.float32)[truth])
    assert calibration.unsure_threshold(probabilities, truth) == 0.5


def test_a_model_that_is_never_half_sure_still_answers_most_photos() -> None:
    probabilities, truth = answers(10)
    probabilities = metrics.softmax(np.log(probabilities) * 0.2)
    threshold = calibration.unsure_threshold(probabilities, truth)
    assert threshold < 0.5
    assert (probabilities.max(1) >= threshold).mean() >= 0.9


def test_a_lower_target_never_asks_for_more_confidence() -> None:
    probabilities, truth = answers(4)
    thresholds = [
        calibration.unsure_threshold(probabilities, truth, target, keep=0.3) for target in (0.5, 0.8, 0.9, 0.99)
    ]
    assert thresholds == sorted(thresholds)


# -- as a person reads it, and as a file


@pytest.mark.parametrize(
    ("right", "words"),
    [
        (0, "About 0 in 10 right."),
        (500, "About 5 in 10 right."),
        (30, "About 3 in 100 right."),
        (930, "About 9 in 10 right."),
        (970, "About 97 in 100 right."),
        (1000, "Right on nearly every photo."),
    ],
)
def test_the_score_is_said_in_words(right: int, words: str) -> None:
    low, high = accuracy_interval(np.arange(1000) < right)
    report = report_on(*answers(2), accuracy=right / 1000, accuracy_low=low, accuracy_high=high)
    assert report.in_words().startswith(words)
    assert f"it could be {low:.0%} to {high:.0%}." in report.in_words()


def test_few_photos_are_said_to_be_too_few_whatever_the_score() -> None:
    for right in (0, 1, 2):
        low, high = accuracy_interval(np.arange(2) < right)
        words = report_on(*answers(2), accuracy=right / 2, accuracy_low=low, accuracy_high=high).in_words()
        assert words.startswith("There are too few photos to tell how often it is right: with this many photos")


def test_a_report_survives_its_file() -> None:
    report = report_on(*answers(3), labels=("Äpfel", "犬", "c"))
    assert Report.from_json(json.loads(json.dumps(report.to_json()))) == report


GOOD = report_on(*answers(3)).to_json()


@pytest.mark.parametrize(
    "change",
    [
        {"labels": None},
        {"labels": 5},
        {"threshold": "high"},
        {"threshold": None},
        {"threshold": float("nan")},
        {"cost": [{"threshold": 0.0, "answered": float("inf"), "right": 1.0}]},
        {"accuracy": "good"},
        {"accuracy": None},
        {"accuracy_low": []},
        {"temperature": {}},
        {"confusion": [[1, "x"]]},
        {"confusion": [[float("inf")]]},
        {"confusion": 3},
        {"per_class": [{"label": "a"}]},
        {"per_class": [5]},
        {"per_class": [{**GOOD["per_class"][0], "recall": "most"}]},
        {"warnings": 1},
        {"unknown entry": 1},
    ],
)
def test_a_report_that_is_none_is_a_plain_message(change: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"^The model's report is incomplete"):
        Report.from_json({**GOOD, **change})


NEWER = {"scenes", "photos_needed", "top_accuracy", "calibration_error", "calibration_error_before", "cost"}


def test_a_report_of_an_older_version_is_read() -> None:
    older = Report.from_json({key: value for key, value in GOOD.items() if key not in NEWER})
    assert (older.group_count, older.top_accuracy, older.coverage_curve) == (0, (), ())
    assert older.confusion == Report.from_json(GOOD).confusion


@pytest.mark.parametrize("name", sorted(GOOD.keys() - NEWER))
def test_a_report_with_an_entry_missing_is_a_plain_message(name: str) -> None:
    with pytest.raises(ModelError, match=r"^The model's report is incomplete"):
        Report.from_json({key: value for key, value in GOOD.items() if key != name})
