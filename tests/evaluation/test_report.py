from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from classifier.errors import ModelError
from classifier.evaluation import calibration
from classifier.evaluation.calibration import CoveragePoint
from classifier.evaluation.intervals import accuracy_interval, effective_sample_size, photos_needed
from classifier.evaluation.metrics import softmax
from classifier.evaluation.report import Report
from classifier.evaluation.report_values import GroupSummary, SecondScore
from classifier.evaluation.scoring import rescore
from classifier.evaluation.shift import Shift
from classifier.messages import message
from classifier.messages.evaluation import FileCode, WarningCode
from tests.evaluation.helpers import WARNINGS, predictions, report_on


def test_a_report_holds_the_scores_of_its_predictions() -> None:
    probs, y_true = predictions(3)
    y_pred = probs.argmax(1)
    report = report_on(probs, y_true, images=500)
    assert report.accuracy == pytest.approx((y_pred == y_true).mean())
    assert (report.accuracy_low, report.accuracy_high) == accuracy_interval(y_pred == y_true)
    assert report.confusion[1][2] == ((y_true == 1) & (y_pred == 2)).sum()
    assert report.balanced_accuracy == pytest.approx(np.mean([row.recall for row in report.per_class]))
    assert [row.label for row in report.per_class] == list(report.labels) == ["class 0", "class 1", "class 2"]
    assert (report.images, report.evaluated_count) == (500, 200)
    assert report.correct_count == (y_pred == y_true).sum()
    assert report.top_accuracy[0] == pytest.approx(report.accuracy)
    assert report.photos_needed == photos_needed(report.accuracy)
    assert (report.threshold, report.temperature, report.backbone) == (0.4, 1.2, "tf_efficientnet_lite0")


def test_groups_widen_the_interval_and_need_more_photos() -> None:
    probs, y_true = predictions(3)
    agreeing = np.argsort(probs.argmax(1) == y_true)
    probs, y_true = probs[agreeing], y_true[agreeing]
    alone, grouped = report_on(probs, y_true), report_on(probs, y_true, groups=np.arange(200) // 4)
    assert (alone.group_count, grouped.group_count) == (200, 50)
    assert grouped.accuracy_high - grouped.accuracy_low > alone.accuracy_high - alone.accuracy_low
    share = effective_sample_size(probs.argmax(1) == y_true, np.arange(200) // 4) / 200
    assert grouped.photos_needed == photos_needed(alone.accuracy, share) > alone.photos_needed


def test_ood_photos_are_not_covered() -> None:
    probs, y_true = predictions(3)
    report = report_on(probs, y_true, in_distribution=np.arange(200) % 4 > 0)
    assert report.coverage_curve[0].coverage == 0.75


def test_the_error_before_calibration_is_that_of_the_undivided_logits() -> None:
    probs, y_true = predictions(3, 300)
    report = report_on(probs, y_true)  # its temperature is 1.2
    undivided = softmax(np.log(probs) * np.float32(1.2))
    assert report.calibration_error == calibration.calibration_error(probs, y_true)
    assert report.calibration_error_before == pytest.approx(calibration.calibration_error(undivided, y_true), abs=1e-5)


def test_no_photos_give_a_report_of_nothing() -> None:
    nothing = np.zeros((0, 3), np.float32), np.zeros(0, np.int64)
    empty = rescore(report_on(*predictions(3)), *nothing, "test")
    assert (empty.accuracy, empty.accuracy_low, empty.accuracy_high, empty.balanced_accuracy) == (0, 0, 1, 0)
    assert (empty.evaluated_count, empty.photos_needed, empty.group_count) == (0, 0, 0)
    assert empty.in_words() == "Not measured yet: there is no photo to judge by"
    assert report_on(*nothing).evaluated_count == 0


def test_a_single_photo_has_a_report() -> None:
    report = report_on(np.array([[0.9, 0.1]], np.float32), np.array([0]))
    assert (report.accuracy, report.evaluated_count, report.photos_needed) == (1, 1, photos_needed(1.0))
    assert report.in_words().startswith("The only photo right. That proves little: 1 photo is too few")


def test_rescoring_changes_the_scores_and_nothing_else() -> None:
    report = report_on(*predictions(3))
    other = rescore(report, *predictions(3, 50, seed=1), "val")
    assert other.evaluated_on == "val"
    assert other.evaluated_count == 50
    unchanged = ("labels", "images", "threshold", "temperature", "warnings", "resize_mode", "backbone")
    assert all(getattr(other, name) == getattr(report, name) for name in unchanged)


def test_coverage_between_two_thresholds_is_interpolated() -> None:
    report = report_on(*predictions(4))
    for point in report.coverage_curve:
        found = report.coverage_at(point.threshold)
        assert found is not None
        assert (found.coverage, found.selective_accuracy) == pytest.approx((point.coverage, point.selective_accuracy))
    between, before, after = report.coverage_at(0.52), report.coverage_curve[10], report.coverage_curve[11]
    assert between is not None
    assert between.threshold == 0.52
    assert between.coverage == pytest.approx(0.6 * before.coverage + 0.4 * after.coverage)
    assert between.selective_accuracy == pytest.approx(0.6 * before.selective_accuracy + 0.4 * after.selective_accuracy)
    assert replace(report, coverage_curve=()).coverage_at(0.5) is None


def test_the_points_of_a_coverage_curve_may_come_in_any_order() -> None:
    curve = (CoveragePoint(1.0, 0.0, 1.0), CoveragePoint(0.0, 1.0, 0.5), CoveragePoint(0.5, 0.8, 0.75))
    found = replace(report_on(*predictions(2)), coverage_curve=curve).coverage_at(0.25)
    assert found == CoveragePoint(0.25, pytest.approx(0.9), pytest.approx(0.625))


# the score in words


@pytest.mark.parametrize(
    ("correct", "words"),
    [
        (0, "None of 1,000 photos right."),
        (30, "About 3 in 100 (3 %) right."),
        (500, "About 5 in 10 (50 %) right."),
        (930, "About 9 in 10 (93 %) right."),
        (970, "About 97 in 100 (97 %) right."),
        (997, "More than 99 in 100 (over 99 %) right."),
        (1000, "All 1,000 photos right."),
    ],
)
def test_a_score_is_put_into_words_with_its_interval(correct: int, words: str) -> None:
    y_true = np.zeros(1000, np.int64)
    probs = np.eye(2, dtype=np.float32)[(np.arange(1000) >= correct).astype(int)]
    report = report_on(probs, y_true, images=7)
    low, high = (f"{100 * end:.0f}" for end in (report.accuracy_low, report.accuracy_high))
    assert report.in_words() == f"{words} With this many photos it could be {low} to {high} %."


def test_few_photos_are_too_few_whatever_the_score() -> None:
    for correct in range(3):
        y_true = np.zeros(2, np.int64)
        probs = np.eye(2, dtype=np.float32)[(np.arange(2) >= correct).astype(int)]
        assert "That proves little: 2 photos are too few" in report_on(probs, y_true).in_words()


# report.json


GOOD = report_on(*predictions(3)).to_json()
ADDED_LATER = {
    "scenes", "photos_needed", "top_accuracy", "calibration_error", "calibration_error_before", "cost",
    "warning_codes", "near_training", "accuracy_all", "validation", "shift", "main_groups", "grouping",
    "groups_offered", "groups_from", "thresholds", "costs", "unsure_cost", "expected_cost", "expected_cost_before",
    "loss", "macro", "conflicting", "unusable",
}  # fmt: skip


def test_a_report_survives_its_file() -> None:
    report = report_on(*predictions(3), labels=("Äpfel", "犬", "c"))
    assert Report.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_the_file_has_the_keys_of_its_first_version() -> None:
    assert GOOD.keys() == ADDED_LATER | {
        "labels", "images", "judged_on", "accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "per_class",
        "confusion", "threshold", "temperature", "warnings", "fit", "backbone",
    }  # fmt: skip
    assert GOOD["cost"][0].keys() == {"threshold", "answered", "right"}
    assert GOOD["per_class"][0].keys() == {"label", "images", "precision", "recall", "f1"}


def test_the_file_has_warnings_as_sentences_and_as_codes() -> None:
    assert GOOD["warnings"] == list(map(str, WARNINGS))
    assert GOOD["warning_codes"][1] == {"code": "single_photo", "arguments": {"labels": ("class 2",)}}


def test_a_warning_without_a_code_is_its_sentence() -> None:
    older = {key: value for key, value in GOOD.items() if key != "warning_codes"}
    assert Report.from_json(older).warnings == tuple(
        message(WarningCode.TEXT, text=str(warning)) for warning in WARNINGS
    )


@pytest.mark.parametrize(
    "codes",
    [
        [],
        [{"code": "of_a_later_version", "arguments": {"labels": ["class 2"]}}],
        [{"code": "single_photo", "arguments": {"labels": ["another class"]}}],
    ],
)
def test_a_code_that_does_not_give_the_sentence_is_ignored(codes: list[dict[str, Any]]) -> None:
    sentence = str(WARNINGS[1])
    report = Report.from_json({**GOOD, "warnings": [sentence], "warning_codes": codes})
    assert report.warnings == (message(WarningCode.TEXT, text=sentence),)


def test_braces_in_an_older_warning_are_no_arguments() -> None:
    (warning,) = Report.from_json(
        {**GOOD, "warnings": ["Few photos of “{0.__class__}”."], "warning_codes": []}
    ).warnings
    assert str(warning) == "Few photos of “{0.__class__}”."


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
        {"warning_codes": [1]},
        {"warning_codes": [{"code": "single_photo", "arguments": {}}] * 2},
        {"photos_needed": "many"},
        {"scenes": None},
        {"calibration_error": "small"},
        {"top_accuracy": ["most"]},
        {"unknown entry": 1},
        {"thresholds": [0.5]},
        {"thresholds": [0.5, 0.5, float("nan")]},
        {"thresholds": {}},
        {"costs": []},
        {"costs": {"another class": 5}},
        {"costs": {GOOD["labels"][0]: -1}},
        {"unsure_cost": float("inf")},
        {"expected_cost": "low"},
    ],
)
def test_a_foreign_report_raises_a_model_error(change: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"^The model's report is incomplete") as raised:
        Report.from_json({**GOOD, **change})
    assert raised.value.code is FileCode.REPORT_INCOMPLETE


def test_a_report_of_an_older_version_is_read() -> None:
    older = Report.from_json({key: value for key, value in GOOD.items() if key not in ADDED_LATER})
    assert (older.group_count, older.photos_needed, older.top_accuracy, older.coverage_curve) == (0, 0, (), ())
    assert (older.calibration_error, older.calibration_error_before) == (0, 0)
    assert older.confusion == Report.from_json(GOOD).confusion


@pytest.mark.parametrize("name", sorted(GOOD.keys() - ADDED_LATER))
def test_a_missing_entry_raises_a_model_error(name: str) -> None:
    with pytest.raises(ModelError, match=r"^The model's report is incomplete"):
        Report.from_json({key: value for key, value in GOOD.items() if key != name})


# photos that look like training photos, validation photos


def test_test_photos_that_look_like_training_photos_are_only_counted() -> None:
    (probs, y_true), near = predictions(3), np.arange(200) < 150
    probs[:150] = np.eye(3)[y_true[:150]]
    report = rescore(report_on(probs, y_true), probs, y_true, "test", np.arange(200), near_training=near)
    others = rescore(report_on(probs, y_true), probs[150:], y_true[150:], "test", np.arange(50))
    assert (report.near_training, report.evaluated_count, report.group_count) == (150, 50, 50)
    assert report.accuracy_all == pytest.approx((probs.argmax(1) == y_true).mean())
    assert replace(report, near_training=0, accuracy_all=others.accuracy_all) == others
    (note,) = map(str, report.notes())
    assert note == (
        "150 of the 200 test photos look like training photos or are of the same things; on the other 50 it is right "
        f"on {report.correct_count}."
    )


def test_test_photos_that_all_look_like_training_photos_give_no_score() -> None:
    probs, y_true = predictions(3)
    report = rescore(report_on(probs, y_true), probs, y_true, "test", near_training=np.ones(200, np.bool_))
    assert report.evaluated_count == 0
    assert report.in_words().startswith("All of the test photos (200) look like training photos")


def test_a_second_score_is_named_as_that_of_validation_photos() -> None:
    report = replace(report_on(*predictions(3)), validation=SecondScore(0.91, 0.8, 0.96, 100, 1))
    assert [*map(str, report.notes())] == [
        "Second score, on 100 validation photos: About 9 in 10 (91 %) right. They helped to choose, so it says less of "
        "new photos.",
        "1 of the 101 validation photos looks like training photos or is of the same things: it decides nothing.",
    ]
    assert Report.from_json(json.loads(json.dumps(report.to_json()))) == report


@pytest.mark.parametrize(
    "value", [3, "x", [], {}, {"accuracy": 2, "low": 0, "high": 1, "count": 1, "near_training": 0}, {"count": -1}]
)
def test_a_damaged_second_score_is_an_error(value: object) -> None:
    with pytest.raises(ModelError):
        Report.from_json({**report_on(*predictions(3)).to_json(), "validation": value})


def test_how_well_test_photos_are_told_apart_is_kept() -> None:
    report = replace(report_on(*predictions(3)), shift=Shift(0.97, 0.9, 0.99, True))
    assert Report.from_json(json.loads(json.dumps(report.to_json()))) == report


@pytest.mark.parametrize("change", [{"alarm": 1}, {"low": -0.1}, {"high": None}, {"more": 1}])
def test_a_damaged_shift_is_an_error(change: dict[str, object]) -> None:
    shift = {"told_apart": 0.5, "low": 0.4, "high": 0.6, "alarm": False, **change}
    with pytest.raises(ModelError):
        Report.from_json({**report_on(*predictions(3)).to_json(), "shift": shift})


def test_a_wide_range_names_the_few_things_that_are_its_reason() -> None:
    probs, y_true = predictions(3, photos=120)
    six_each = np.arange(120) // 6
    probs = probs[6 * six_each]
    y_true = y_true[6 * six_each]
    report = report_on(probs, y_true, groups=six_each)
    assert list(map(str, report.notes())) == [
        "The range is wide because most of these photos are of 11 things: photos of others make it narrower."
    ]
    assert report_on(probs, y_true).notes() == ()


@pytest.mark.parametrize("change", [
    {"origin": "stars"}, {"count": -1}, {"example": 3}, {"accuracy_ungrouped": 7.0}, {"more": 1},
])  # fmt: skip
def test_damaged_groups_are_an_error(change: dict[str, object]) -> None:
    groups = {"origin": "names", "count": 3, "example": "", "accuracy_ungrouped": None}
    values = report_on(*predictions(3)).to_json()
    assert Report.from_json({**values, "grouping": groups}).grouping == GroupSummary("names", 3, "")
    with pytest.raises(ModelError):
        Report.from_json({**values, "grouping": {**groups, **change}})


def test_macro_scores_and_loss_are_written_and_read_again() -> None:
    probs, y_true = predictions(3)
    report = replace(report_on(probs, y_true), conflicting=2, unusable=1)
    written = json.loads(json.dumps(report.to_json()))
    assert written["loss"] == pytest.approx(-np.log(probs[np.arange(200), y_true]).mean(), rel=1e-5)
    assert written["macro"]["recall"] == pytest.approx(report.balanced_accuracy)
    assert Report.from_json(written) == report
    older = {name: value for name, value in written.items() if name not in ("loss", "macro", "conflicting", "unusable")}
    assert (Report.from_json(older).loss, Report.from_json(older).macro) == (None, report.macro)


def test_a_class_that_nobody_judged_has_no_number_in_the_file() -> None:
    probs, y_true = predictions(3)
    report = report_on(probs[y_true < 2], y_true[y_true < 2])
    *judged, unjudged = report.to_json()["per_class"]
    assert [unjudged[name] for name in ("precision", "recall", "f1")] == [None] * 3
    assert all(row["recall"] > 0 for row in judged)
    assert Report.from_json(report.to_json()).per_class[2].images == 0


def test_photos_that_were_not_used_are_counted_beside_the_score() -> None:
    report = replace(report_on(*predictions(3)), conflicting=2, unusable=1)
    assert [str(note) for note in report.notes()][-2:] == [
        "2 photos were not used: each lies in several classes at once.",
        "1 file was not used: no photo could be read from it.",
    ]
