"""Unlabeled photos on the Try it tab: groups to accept, questions, undo, training again."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from classifier.data.answer_rows import AnswerRow
from classifier.data.answer_table import THUMBS, AnswerTable
from classifier.errors import DataError
from classifier.ui import undo as page_undo
from classifier.ui.host_limits import HostLimits
from classifier.ui.predict import bulk, labeling, labeling_view
from classifier.ui.predict.bulk_table import Shown
from classifier.ui.sessions import Home, ensure_token
from classifier.workflows.labeling import ToLabel
from tests.helpers import NASTY, draw_photo, encode

SURE, UNSURE = 4, 3  # photos


def probs(first: float) -> np.ndarray:
    return np.array([first, 1 - first], np.float32)


def make_visitor(tmp_path: Path, **limits: int) -> tuple[Home, str]:
    """A visitor with a table of photos that are surely keys, and of some that may be anything."""
    home = Home(tmp_path / "home", tmp_path, limits=HostLimits(**limits))
    with home.open(token := ensure_token(None)):
        folder = home.folder(token) / "answers/table"
    with AnswerTable.create(folder, ["key", NASTY]) as table:
        (folder / THUMBS).mkdir(parents=True)
        for number in range(SURE + UNSURE):
            content = encode(draw_photo(number))
            (folder / f"{number}.jpg").write_bytes(content)
            (folder / THUMBS / f"{number}.jpg").write_bytes(content)
            first = 0.95 if number < SURE else 0.5 + number / 100
            row = AnswerRow(
                0, f"day/{number}{NASTY.replace('/', '')}.jpg", "key", first, NASTY, 1 - first, copy=f"{number}.jpg",
                sha256=str(number),
            )  # fmt: skip
            table.add([(row, probs(first))])
        table.set_fact("complete", True)
    return home, token


def event(**data: object) -> gr.EventData:
    return gr.EventData(None, data)


def ids(shown: str, kind: str) -> list[int]:
    return [int(id) for id in re.findall(rf'{kind}="(\d+)"', shown)]


def classes(home: Home, token: str) -> dict[str, int]:
    with home.open(token) as project:
        return project.classes()


def test_sure_photos_are_shown_to_accept_and_the_others_to_answer(tmp_path: Path) -> None:
    view = labeling.show(*make_visitor(tmp_path))
    assert view.panel["visible"] is True
    assert "7 photos have no class of yours yet" in view.about
    assert ids(view.sure, " value") == [1, 2, 3, 4]
    assert "Accept 4 as “key”" in view.sure
    assert ids(view.questions, "data-id") == [5, 6, 7]
    assert view.questions.count("data-key=") == UNSURE * 3  # two classes, and none of them
    assert "<script" not in view.sure + view.questions
    assert view.undo["interactive"] is False


def test_a_group_is_accepted_without_the_photos_taken_out(tmp_path: Path) -> None:
    home, token = make_visitor(tmp_path)
    words = labeling.accept(home, token, event(ids=[1, 2, 3], out=[4], label="key"))
    assert "3 photos are training photos of “key” now." in words
    assert classes(home, token) == {"key": 3}
    view = labeling.show(home, token)
    assert ids(view.questions, "data-id") == [4, 5, 6, 7]
    assert not ids(view.sure, " value")
    assert view.undo["interactive"] is True
    assert "Undone: 3 photos have no class again." in labeling.undo(home, token)
    assert classes(home, token) == {}
    assert "nothing to undo" in labeling.undo(home, token)


def test_answers_give_a_class_or_none_and_the_last_one_says_so(tmp_path: Path) -> None:
    home, token = make_visitor(tmp_path)
    assert labeling.answer(home, token, event(id=5, label="leaf", last=False))[1] is False
    assert labeling.answer(home, token, event(id=6, label="", last=True))[1] is True
    assert classes(home, token) == {"leaf": 1}
    view = labeling.show(home, token)
    assert ids(view.questions, "data-id") == [7]
    assert ">leaf<" in view.questions  # the new class can be chosen
    labeling.undo(home, token)
    assert ids(labeling.show(home, token).questions, "data-id") == [6, 7]


def test_photos_of_a_person_are_confirmed_training_photos(tmp_path: Path) -> None:
    home, token = make_visitor(tmp_path)
    labeling.accept(home, token, event(ids=[1, 2], label="key"))
    with home.open(token) as project:
        assert {(photo.split, bool(photo.confirmed)) for photo in project.photos()} == {("train", True)}


def test_an_undo_in_the_review_takes_the_mark_in_the_table_away(tmp_path: Path) -> None:
    home, token = make_visitor(tmp_path)
    labeling.accept(home, token, event(ids=[1, 2], label="key"))
    labeling.accept(home, token, event(ids=[1], label="mug"))
    assert "you said: mug" in bulk.show(home, token, None, Shown()).rows
    assert "Took back moving 1 photo to “mug”" in page_undo.undo(home, token)
    shown = bulk.show(home, token, None, Shown()).rows
    assert ("you said: mug" in shown, shown.count("you said: key")) == (False, 2)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"ids": "1", "label": "key"},
        {"ids": [True, 1.5, "2", None, -1, 2**70], "label": "key"},
        {"ids": [1], "label": 5},
        {"ids": [1], "label": " "},
        {"ids": [99], "label": "key"},
    ],
)
def test_what_a_browser_claims_is_checked(tmp_path: Path, data: dict[str, object]) -> None:
    home, token = make_visitor(tmp_path)
    with pytest.raises(DataError):
        labeling.accept(home, token, event(**data))
    with pytest.raises(DataError):
        labeling.answer(home, token, event(id=data.get("ids"), label="key"))
    assert classes(home, token) == {}


def test_the_limits_of_a_visitor_hold(tmp_path: Path) -> None:
    home, token = make_visitor(tmp_path, project_photos=2)
    with pytest.raises(DataError):
        labeling.accept(home, token, event(ids=[1, 2, 3], label="key"))
    labeling.accept(home, token, event(ids=[1, 2], label="key"))
    with pytest.raises(DataError):
        labeling.answer(home, token, event(id=5, label="key"))
    assert classes(home, token) == {"key": 2}


def test_without_a_finished_table_the_panel_is_hidden(tmp_path: Path) -> None:
    home, token = make_visitor(tmp_path)
    shutil.rmtree(home.folder(token) / "answers")
    assert labeling.show(home, token).panel["visible"] is False
    assert labeling.show(home, ensure_token(None)).panel["visible"] is False
    with pytest.raises(DataError):
        labeling.undo(home, token)
    labeling.answer_again(home, token)  # there is nothing to answer


def test_when_all_photos_have_a_class_the_page_says_so(tmp_path: Path) -> None:
    home, token = make_visitor(tmp_path)
    labeling.accept(home, token, event(ids=[1, 2, 3, 4, 5, 6, 7], label="key"))
    view = labeling.show(home, token)
    assert "All these photos have a class of yours now." in view.about
    assert (view.sure, view.train["interactive"]) == ("", False)  # one class is too few to train


def test_of_many_classes_the_likeliest_have_keys_and_the_others_a_list() -> None:
    labels = [f"class {number}" for number in range(1, 15)]
    row = AnswerRow(1, "a.jpg", "class 12", 0.5, "class 3", 0.2)
    shown = labeling_view.render_questions([row], labels, lambda row: b"")
    assert re.findall(r'data-key="(\d)" data-label="(class \d+)"', shown)[:3] == [
        ("1", "class 3"), ("2", "class 12"), ("3", "class 1"),
    ]  # fmt: skip
    assert shown.count("<option>") == 5
    assert "could not" not in labeling_view.render_sure(ToLabel((), (row,), 1), lambda row: b"")
