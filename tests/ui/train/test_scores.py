"""The score on the page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from classifier.evaluation.report_values import GroupSummary, SecondScore
from classifier.evaluation.scoring import without_score
from classifier.messages import message
from classifier.messages.evaluation import WarningCode, correct_in_words
from classifier.messages.training_page import ScoreCode
from classifier.ui.review import gallery
from classifier.ui.train import scores
from tests.helpers import report


def test_the_score_has_words_an_interval_and_the_confusions() -> None:
    shown = scores.render(report()) + scores.render_details(report(), {})
    assert "About 9 in 10 (90 %)" in shown
    assert "<b>77</b> to <b>96 %</b>" in shown
    assert "18 of 20" in shown
    assert "<b>cat</b> taken for <b>&lt;b&gt;dog&lt;/b&gt;</b>: 2 photos" in shown
    assert "<script" not in shown
    assert "<b>dog" not in shown


def test_a_model_that_was_not_measured_has_no_range() -> None:
    shown = scores.render(without_score(report()))
    assert "Not measured yet" in shown
    assert "0 %" not in shown
    assert gallery.matrix(without_score(report())) == ""


def test_of_very_many_classes_the_worst_confusions_are_listed_without_the_matrix() -> None:
    labels = tuple(f"class {number}" for number in range(101))
    rows = tuple(tuple(2 * (i == j) + (j == i + 1) for j in range(101)) for i in range(101))
    shown = gallery.matrix(report(labels=labels, confusion=rows))
    assert "<b>class 0</b> taken for <b>class 1</b>: 1 photo" in shown
    assert "<table" not in shown
    few = tuple(row[:100] for row in rows[:100])
    assert gallery.matrix(report(labels=labels[:100], confusion=few)).count("<td") == 100**2 + 1


@pytest.mark.parametrize(
    ("accuracy", "confusion", "words"),
    [
        (1.0, ((24, 0), (0, 24)), "All 48 photos right"),
        (0.0, ((0, 24), (24, 0)), "None of 48 photos right"),
        (0.03, ((3, 47), (50, 0)), "About 3 in 100 (3 %) right"),
        (0.97, ((50, 0), (3, 47)), "About 97 in 100 (97 %) right"),
        (0.91, ((45, 5), (4, 46)), "About 9 in 10 (91 %) right"),
    ],
)
def test_page_and_command_line_word_one_score_alike(
    accuracy: float, confusion: tuple[tuple[int, ...], ...], words: str
) -> None:
    data = report(accuracy=accuracy, confusion=confusion)
    assert f'<p class="pc-big" data-say>{words}</p>' in scores.render(data)
    assert data.in_words().startswith(words)
    assert correct_in_words(accuracy, data.evaluated_count, data.correct_count) == words


def test_few_photos_prove_little() -> None:
    few = report(accuracy=1.0, accuracy_low=0.5, accuracy_high=1.0, confusion=((3, 0), (0, 3)))
    assert "That proves little: 6 photos are too few" in scores.render(few)
    assert "proves little" not in scores.render(report())


def test_a_range_that_tells_nothing_gives_way_to_advice() -> None:
    few = report(accuracy=5 / 6, accuracy_low=0.0, accuracy_high=1.0, confusion=((3, 0), (1, 2)))
    shown = scores.render(few)
    assert "5 of 6 photos right" in shown
    assert "once 20 are judged" in shown
    assert "0 %" not in shown
    assert "once 20 are judged" not in scores.render(report())


def test_how_many_photos_a_narrow_interval_needs_is_shown_where_it_is_wide() -> None:
    wide = report(photos_needed=340)
    assert "about 350 photos have to be judged; 40 were" in scores.render(wide)
    assert "have to be judged" not in scores.render(replace(wide, accuracy_low=0.86, accuracy_high=0.96))
    assert "have to be judged" not in scores.render(replace(wide, photos_needed=40))


def test_a_class_without_judged_photos_has_no_number() -> None:
    data = report()
    empty = replace(data.per_class[0], images=0)
    assert str(ScoreCode.NOT_JUDGED) in scores.render_details(replace(data, per_class=(empty, data.per_class[1])), {})


def test_more_numbers_are_those_that_the_report_has() -> None:
    assert str(ScoreCode.TOP_THREE) not in scores.render_details(report(), {})
    many = report(
        labels=tuple("abcd"), confusion=((1,) * 4,) * 4, top_accuracy=(0.5, 0.6, 0.72), calibration_error=0.08,
        calibration_error_before=0.21, group_count=33,
    )  # fmt: skip
    shown = scores.render_details(many, {})
    assert f"<td>{ScoreCode.TOP_THREE}</td><td>72 %</td>" in shown
    assert "<td>8 points</td>" in shown
    assert "<td>21 points</td>" in shown
    assert f"<td>{ScoreCode.GROUPS}</td><td>33</td>" in shown


def test_what_to_know_of_a_score_comes_in_the_order_of_its_weight() -> None:
    few = message(WarningCode.FEW_PHOTOS, counts=(("cat", 7),), enough=20)
    session = message(WarningCode.ONE_SESSION, labels=("thumbs-up",))
    shift = message(WarningCode.OTHER_PHOTOS, times=97)
    data = report(
        warnings=(few, session, shift, few), evaluated_on="test", near_training=31, main_groups=2, accuracy_low=0.3,
        accuracy_high=1.0, validation=SecondScore(0.91, 0.8, 0.96, 100), grouping=GroupSummary("names", 3, "x", 0.94),
    )  # fmt: skip
    shown = scores.render(data)
    parts = [
        "31 of the 71 test photos look like", "told apart 97 times", "“thumbs-up” were taken in one go",
        "range is wide", "2 more to know", "few photos", "on 100 validation photos",
    ]  # fmt: skip
    places = [shown.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    assert shown.count("few photos") == 1
    assert "94 %" not in shown  # groups have a panel of their own


def test_one_thing_to_know_is_one_note() -> None:
    shown = scores.render(report())
    assert shown.count("<li>") == 0
    assert shown.count("pc-note") == 1
