"""What photos are for, on the Photos tab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from classifier.errors import DataError
from classifier.ui import undo
from classifier.ui.photos import purposes
from classifier.ui.photos import tab as photos_tab
from classifier.ui.sessions import Home, ensure_token
from tests.helpers import fill


@pytest.fixture
def visitor(tmp_path: Path, make_folder: Any) -> tuple[Home, str]:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 6, "dog": 6}))
    return home, token


def use(home: Home, token: str, purpose: object, label: str, count: int) -> str:
    with home.open(token) as project:
        ids = [photo.id for photo in project.photos(label)[:count]]
    return photos_tab.edit(home, token, gr.EventData(None, {"action": "use", "ids": ids, "label": purpose}))


def choices(home: Home, token: str, purpose: str | None = None) -> dict[str, str]:
    return {split: words for words, split in photos_tab.show(home, token, purpose=purpose).purpose["choices"]}


def test_photos_for_training_only_are_shown_without_a_choice(visitor: tuple[Home, str]) -> None:
    view = photos_tab.show(*visitor, share=0.2)
    assert not view.purpose["visible"]
    assert not view.back["visible"]
    assert "About 2 of 12 photos" in view.plan


def test_photos_are_shown_by_what_they_are_for(visitor: tuple[Home, str]) -> None:
    assert "2 photos are for testing now" in use(*visitor, "test", "cat", 2)
    assert "1 photo is set aside now" in use(*visitor, "held_out", "dog", 1)
    view = photos_tab.show(*visitor, purpose="test")
    assert view.purpose["visible"]
    expected = {"train": "For training (9)", "test": "For testing (2)", "held_out": "Set aside (1)"}
    assert choices(*visitor) == expected
    assert "2 photos in 1 class" in view.classes
    assert view.classes.count("data-label") == 1
    assert 'data-label="cat" aria-label="cat: 2 photos"' in view.classes
    assert view.grid.count("pc-card") == 2
    assert "5 photos in 1 class" not in photos_tab.show(*visitor, "dog").classes
    assert photos_tab.show(*visitor, "dog").grid.count("pc-card") == 5
    for wanted in ("val", "x", None):  # has no photos, or is none
        assert photos_tab.show(*visitor, purpose=wanted).purpose["value"] == "train"
    assert "Took back setting 1 photo aside" in undo.undo(*visitor)
    assert set(choices(*visitor)) == {"train", "test"}


def test_a_class_that_is_only_tested_cannot_be_trained(visitor: tuple[Home, str]) -> None:
    use(*visitor, "test", "cat", 6)
    assert not photos_tab.show(*visitor).next["interactive"]


def test_photos_are_moved_to_no_purpose_that_there_is_none(visitor: tuple[Home, str]) -> None:
    for purpose in ("training", None, {}, ["test"]):
        with pytest.raises(DataError, match="not clear"):
            use(*visitor, purpose, "cat", 1)
    for share in (0.5, None, "0.2", {}, float("nan")):
        with pytest.raises(DataError, match="not clear"):
            list(purposes.set_share_apart(*visitor, share))
        assert purposes.show_plan(*visitor, share) == ""
    assert set(choices(*visitor)) == {"train"}


@pytest.mark.slow
def test_a_share_is_set_apart_from_each_class_and_brought_back(visitor: tuple[Home, str]) -> None:
    *_, words = purposes.set_share_apart(*visitor, 1 / 3)
    assert "4 of 12 photos were set apart for testing: “cat” (2) and “dog” (2)." in words
    view = photos_tab.show(*visitor, purpose="test")
    assert "4 photos in 2 classes" in view.classes
    assert view.back["value"] == "Back to training: 4 test photos"
    assert "4 photos are for training now" in purposes.move_back(*visitor)
    assert set(choices(*visitor)) == {"train"}


@pytest.mark.slow
def test_what_cannot_be_set_apart_leaves_no_progress_behind(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 1, "dog": 1}))
    shown: list[str] = []
    with pytest.raises(DataError, match="No photos can be set apart"):
        shown.extend(purposes.set_share_apart(home, token, 0.2))
    assert shown[-1] == ""


@pytest.mark.slow
def test_classes_that_give_nothing_or_are_many_are_said(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({**{f"class {number}": 2 + number % 2 for number in range(7)}, "rare": 1}))
    *_, words = purposes.set_share_apart(home, token, 0.2)
    assert "7 of 18 photos were set apart for testing, from 7 classes: 1 of each. None of “rare”" in words
