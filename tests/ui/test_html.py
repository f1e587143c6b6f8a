"""HTML that several tabs share: progress, bars, sentences with escaped arguments."""

from __future__ import annotations

import pytest

from classifier.events import Progress
from classifier.messages.page import PageCode
from classifier.messages.training_page import ScoreCode
from classifier.messages.workflows import StepCode
from classifier.ui import html
from tests.helpers import NASTY


def test_progress_shows_the_step_the_count_and_the_time_left() -> None:
    shown = html.progress(Progress(StepCode.EXTRACT_FEATURES, 30, 120, 42.0))
    assert str(StepCode.EXTRACT_FEATURES) in shown
    assert "30 of 120 photos · about 40 seconds left" in shown
    assert 'aria-valuenow="25"' in shown


def test_a_download_counts_megabytes_and_no_photos() -> None:
    for step in (StepCode.FETCH_NETWORK, StepCode.FETCH_MODEL, StepCode.PUBLISH):
        assert "3 of 12 MB" in html.progress(Progress(step, 3, 12, None))


def test_progress_of_nothing_yet_is_an_empty_bar() -> None:
    shown = html.progress(Progress(StepCode.TRAIN_HEAD, 0, 0, None))
    assert 'aria-valuenow="0"' in shown
    assert "photos" not in shown


def test_arguments_of_a_sentence_with_tags_are_escaped() -> None:
    shown = html.rich(ScoreCode.CONFUSION, label=NASTY, predicted="b", count=2)
    assert "<script" not in shown
    assert "<b>&lt;script&gt;" in shown
    assert shown.endswith("<b>b</b>: 2 photos")
    assert "<script" not in html.text(PageCode.UNDONE, what=NASTY)
    assert "<script" not in html.note(NASTY) + html.bar(NASTY, 0.5, NASTY) + html.datalist("x", [NASTY])


def test_a_photo_without_a_picture_is_shown_in_words() -> None:
    assert str(PageCode.PICTURE_GONE) in html.picture(b"", NASTY)
    assert "<script" not in html.picture(b"jpeg", NASTY)


def test_a_name_that_turns_text_round_is_shown_as_it_is_written() -> None:
    shown = html.bar("cat\u202egpj.exe", 0.5, "") + html.picture(b"jpeg", "cat\u202egpj.exe\x1b[2J")
    assert "\u202e" not in shown
    assert "\x1b" not in shown
    assert "cat\ufffdgpj.exe" in shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("2025-03-01-141530-quick", "1 Mar 2025, 14:15:30"),
        ("2025-03-01-141530", "1 Mar 2025, 14:15:30"),
        ("flowers", "flowers"),
        ("2025-13-01-141530-quick", "2025-13-01-141530-quick"),
    ],
)
def test_the_name_of_a_model_tells_when_it_was_made(name: str, shown: str) -> None:
    assert html.run_time(name) == shown


def test_of_many_classes_one_is_typed_whose_names_are_on_the_page_once() -> None:
    few = html.class_choice(["a", NASTY], PageCode.TITLE, "which", "all")
    assert (few.count("<option"), "<select" in few, "<script" in few) == (3, True, False)
    many = html.class_choice([str(number) for number in range(101)], PageCode.TITLE, "which", "all")
    assert ("<option" in many, 'list="all"' in many) == (False, True)
    assert html.class_choice([], PageCode.TITLE, "which", "all") == ""
