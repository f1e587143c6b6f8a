"""The handlers of the Photos tab."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from classifier.errors import DataError
from classifier.ui import undo
from classifier.ui.photos import tab as photos_tab
from classifier.ui.sessions import Home, ensure_token
from tests.helpers import NASTY, SHA, fill


def test_a_hostile_name_neither_leaves_its_folder_nor_acts_on_the_page(tmp_path: Path, uploads: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    names = (f"../../{NASTY}.jpg", f"{NASTY.replace('/', '')}/a.jpg", "b/a.jpg")
    rows = [{"path": str(uploads / (digit * 64) / "a.jpg"), "name": name} for digit, name in zip("abc", names)]
    for digit in "bc":
        shutil.copytree(uploads / SHA, uploads / (digit * 64))
    message = photos_tab.add(home, token, gr.EventData(None, {"files": rows, "label": ""}))
    view = photos_tab.show(home, token)
    assert "Added 2 photos. 1 file was left out" in message
    shown = "".join(str(part) for part in (message, view.classes, view.grid, view.notes))
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert not list(uploads.iterdir())  # taken in, so they do not lie there twice
    assert not list(tmp_path.glob("*script*"))


def test_a_hostile_choice_of_photos_changes_nothing(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    for data in (None, {"ids": ["1; DROP TABLE assets", None, {}, 10**30], "action": "remove"}, {"ids": 5}):
        with pytest.raises(DataError, match="No photos were chosen"):
            photos_tab.edit(home, token, gr.EventData(None, data))
    with home.open(token) as project:
        assert project.classes() == {"cat": 2, "dog": 2}


def test_a_new_name_is_told_as_it_is_stored(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"key": 2, "mug": 2}))
    message, _, chosen, _ = photos_tab.rename(home, token, "mug", " cafe\u0301  noir\u200b")
    assert chosen == "caf\u00e9 noir"
    assert "caf\u00e9 noir" in message
    assert photos_tab.show(home, token, chosen).chosen == chosen


def test_moving_renaming_removing_and_undoing(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"apple": 2, "key": 3, "mug": 2}))
    with home.open(token) as project:
        ids = [photo.id for photo in project.photos("key")[:2]]
    photos_tab.edit(home, token, gr.EventData(None, {"action": "move", "ids": ids, "label": "spare"}))
    photos_tab.rename(home, token, "mug", "cup")
    question = photos_tab.ask_remove(home, token, "apple")
    assert "Remove the class “apple” with its 2 photos?" in question
    with pytest.raises(DataError, match="which class"):
        photos_tab.ask_remove(home, token, "mug")
    photos_tab.answer_question(home, token, "apple", gr.EventData(None, {"do": "keep", "label": "apple"}))
    for odd in (None, ["key"], "mug"):
        with pytest.raises(DataError):
            photos_tab.answer_question(home, token, "apple", gr.EventData(None, {"do": "remove", "label": odd}))
    photos_tab.answer_question(home, token, "key", gr.EventData(None, {"do": "remove", "label": "apple"}))
    with home.open(token) as project:
        assert project.classes() == {"cup": 2, "key": 1, "spare": 2}
    assert photos_tab.show(home, token).undo["value"] == "Undo removing 2 photos"
    assert "Took back removing 2 photos" in undo.undo(home, token)
    assert photos_tab.show(home, token).undo["value"] == "Undo renaming “mug” to “cup”"
    photos_tab.rename(home, token, "cup", "a cup " * 12)
    assert (
        photos_tab.show(home, token).undo["value"]
        == "Undo renaming “cup” to “a cup a cup a cup a cup a…up a cup a cup”"
    )
    with home.open(token) as project:
        assert project.classes()["apple"] == 2
