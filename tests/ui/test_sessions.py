"""Which project belongs to this browser, and when what lies on the disk goes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from classifier import ClassifierError
from classifier.ui.photos import tab as photos_tab
from classifier.ui.sessions import Home, is_token, welcome
from tests.helpers import SHA, fill


@pytest.mark.parametrize("stored", [None, "", "short", "../" * 15, 7, ["x"], {"a": 1}, "ä" * 43, "A" * 43 + "\n"])
def test_a_hostile_or_missing_token_is_replaced(stored: object) -> None:
    assert is_token(welcome(stored))
    assert welcome(stored) != stored


def test_a_token_of_ours_stays_and_is_not_written_on_the_disk(tmp_path: Path) -> None:
    token = welcome(None)
    assert welcome(token) == token
    home = Home(tmp_path / "home", tmp_path / "checkpoints")
    home.open(token).close()
    written = {part for path in home.root.rglob("*") for part in path.parts}
    assert token not in written
    assert home.folder(token).parent == home.root


def test_what_is_no_token_opens_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", tmp_path)
    with pytest.raises(ClassifierError, match="reload"):
        home.open("../../etc")
    assert home.find("../../etc") is None
    assert home.find(welcome(None)) is None
    assert not home.root.exists()


def test_the_secret_outlives_a_restart(tmp_path: Path) -> None:
    first = Home(tmp_path / "home", tmp_path).secret()
    assert Home(tmp_path / "home", tmp_path).secret() == first
    assert len(first) >= 32


@pytest.mark.parametrize(("hours", "kept"), [(24, False), (48, True), (None, True)])
def test_projects_nobody_visits_are_deleted_when_their_time_is_up(
    tmp_path: Path, hours: float | None, kept: bool
) -> None:
    home = Home(tmp_path / "home", tmp_path, hours)
    old, young = welcome(None), welcome(None)
    for token in (old, young):
        home.open(token).close()
    day_ago = home.folder(old).stat().st_mtime - 25 * 3600
    os.utime(home.folder(old), (day_ago, day_ago))
    (home.root / "notes").mkdir()
    os.utime(home.root / "notes", (0, 0))
    home.sweep()
    assert home.folder(old).exists() is kept
    assert home.folder(young).exists()
    assert (home.root / "notes").exists()


def test_uploads_left_lying_are_deleted(tmp_path: Path, uploads: Path) -> None:
    Home(tmp_path, tmp_path).sweep()
    assert (uploads / SHA / "a.jpg").exists()
    (uploads / "tmpbroken1").write_bytes(b"half a photo")
    for entry in uploads.iterdir():
        os.utime(entry, (0, 0))
    Home(tmp_path, tmp_path).sweep()
    assert list(uploads.iterdir()) == []


def test_delete_takes_everything_of_one_visitor_and_nothing_of_another(tmp_path: Path, make_folder: Any) -> None:
    home = Home(tmp_path / "home", tmp_path)
    one, other = welcome(None), welcome(None)
    for token in (one, other):
        fill(home, token, make_folder({"cat": 2, "dog": 2}))
    home.forget(one)
    assert home.find(one) is None
    assert photos_tab.show(home, one).grid == ""
    assert "pc-card" in photos_tab.show(home, other).grid
