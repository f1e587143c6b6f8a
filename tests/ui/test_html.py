"""Results as HTML: scores, curves, answers and lists, in which no name does anything."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from classifier.data.catalog import Asset
from classifier.data.intake import LeftOut
from classifier.events import Epoch, Progress
from classifier.messages.models import UnsureCode
from classifier.models.predictor import ClassConfidence, Prediction
from classifier.ui import html
from classifier.ui.train import scores
from classifier.ui.train.curves import curves
from tests.helpers import NASTY, SHA, report


def test_the_score_is_said_in_words_with_its_interval_and_mistakes() -> None:
    shown = scores.score(report())
    assert "About 9 in 10 right" in shown
    assert "<b>77</b> to <b>96 %</b>" in shown
    assert "18 of 20" in shown
    assert "<b>cat</b> taken for <b>&lt;b&gt;dog&lt;/b&gt;</b>: 2 photos" in shown
    assert "<script" not in shown
    assert "<b>dog" not in shown


@pytest.mark.parametrize(
    ("share", "words"),
    [(1.0, "Every photo right"), (0.997, "Nearly every"), (0.97, "97 in 100"), (0.5, "About 5 in 10 right")],
)
def test_a_share_is_said_as_people_say_it(share: float, words: str) -> None:
    assert words in html.in_ten(share)


@pytest.mark.parametrize(
    ("share", "text"), [(1.0, "100 %"), (0.9999, "over 99 %"), (0.99, "99 %"), (0.001, "under 1 %"), (0.0, "0 %")]
)
def test_percent_never_says_a_flat_hundred_or_nought_undeserved(share: float, text: str) -> None:
    assert html.percent(share) == text


def test_progress_says_the_step_the_count_and_the_time_left() -> None:
    shown = html.progress(Progress("Looking at the photos", 30, 120, 42.0))
    assert "30 of 120 photos · about 40 seconds left" in shown
    assert 'aria-valuenow="25"' in shown


def epochs(count: int, **changes: float) -> list[Epoch]:
    return [
        Epoch(number, 10, **{"loss": 1 / number, "accuracy": 0.7, "val_loss": 1.2 / number, **changes},
              val_accuracy=0.5 + number / 50 % 0.5, best=number)
        for number in range(1, count + 1)
    ]  # fmt: skip


def test_the_curves_can_be_read_aloud_and_mark_the_best_round() -> None:
    shown = curves(epochs(6))
    assert shown.count("<svg") == shown.count("<title>") == shown.count("<desc>") == 2
    assert "Photos held out: from 52 % to 62 %. Best round: 6." in shown
    assert "best so far: round 6, 62 % of the held-out photos right" in shown
    for drawing in re.findall("<svg.*?</svg>", shown):
        places = [float(place) for place in re.findall(r"[\d.]+", " ".join(re.findall('points="(.*?)"', drawing)))]
        assert len(places) == 2 * 2 * 6
        assert min(places) >= 0
        assert max(places) <= 340


def test_very_many_rounds_are_thinned_to_what_can_be_told_apart() -> None:
    many = [replace(epoch, best=777) for epoch in epochs(2000)]
    shown = curves(many)
    assert len(shown) < 20_000
    assert "to 2000." in shown
    assert "best so far: round 777" in shown


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("loss", [0.0, 1e-9, 1.0, 1e9, float("nan"), float("inf")])
def test_the_curves_of_few_or_odd_rounds_are_drawn_or_left_out(count: int, loss: float) -> None:
    shown = curves(epochs(count, loss=loss, val_loss=loss, accuracy=1.0))
    assert ("<svg" in shown) is (count > 0 and loss < 1e10)
    assert "nan" not in shown
    assert "inf" not in shown


def test_an_unsure_answer_says_so_before_anything_else() -> None:
    guesses = (ClassConfidence("<i>a</i>", 0.4), ClassConfidence("b", 0.3))
    unsure = html.answer(Prediction(guesses, UnsureCode.LOW_CONFIDENCE), b"jpeg", NASTY)
    assert unsure.index("Not sure") < unsure.index("&lt;i&gt;a")
    assert "<i>a" not in unsure
    assert "<script" not in unsure
    assert "Perhaps &lt;i&gt;a" in html.answer(Prediction(guesses), b"jpeg", "x.jpg")


def test_left_out_files_stand_together_by_reason_and_are_all_named() -> None:
    files = [LeftOut(f"{number}.jpg", f"the same photo as “{number}.png”, here already") for number in range(3)]
    shown = html.left_out([*files, LeftOut(NASTY, "This is a text, not a picture.")])
    assert shown.count("<summary>") == 3  # the whole, and two reasons
    assert "<b>3</b> the same photo as another file" in shown
    assert all(f"<li>{number}.jpg" in shown for number in range(3))
    assert "<script" not in shown
    assert html.left_out([]) == ""


def test_a_photo_in_two_classes_is_shown_with_both() -> None:
    photos = [Asset(1, "p", SHA, label, "train", None, "in/a.jpg", 1, 1, 1, "") for label in ("cat", "<b>dog</b>")]
    shown = html.conflicts([photos])
    assert "a.jpg: <b>cat</b> and <b>&lt;b&gt;dog&lt;/b&gt;</b>" in shown
    assert html.conflicts([]) == ""
