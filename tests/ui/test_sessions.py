"""The project of each visitor: its token, and when it is deleted."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from classifier import ClassifierError
from classifier.ui.background import ShouldStop
from classifier.ui.photos import tab as photos_tab
from classifier.ui.sessions import Home, ensure_token, is_token
from tests.helpers import SHA, fill
from tests.ui.jobs import LONG, progress


@pytest.mark.parametrize("stored", [None, "", "short", "../" * 15, 7, ["x"], {"a": 1}, "ä" * 43, "A" * 43 + "\n"])
def test_a_hostile_or_missing_token_is_replaced(stored: object) -> None:
    assert is_token(ensure_token(stored))
    assert ensure_token(stored) != stored


def test_a_token_of_ours_is_kept_and_never_written_to_the_disk(tmp_path: Path) -> None:
    token = ensure_token(None)
    assert ensure_token(token) == token
    home = Home(tmp_path / "home", tmp_path / "checkpoints")
    home.open(token).close()
    written = {part for path in home.root.rglob("*") for part in path.parts}
    assert token not in written
    assert home.folder(token).parent == home.root


def test_a_value_that_is_no_token_opens_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", tmp_path)
    with pytest.raises(ClassifierError, match="reload"):
        home.open("../../etc")
    assert home.find("../../etc") is None
    assert home.find(ensure_token(None)) is None
    assert not home.root.exists()


def test_a_secret_of_an_earlier_version_is_kept_and_none_is_made(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", tmp_path)
    assert home.secret() == "photo-classifier"
    home.root.mkdir()
    (home.root / "browser-secret").write_text("0123\n")
    assert home.secret() == "0123"


@pytest.mark.parametrize(("hours", "kept"), [(24, False), (48, True), (None, True)])
def test_projects_without_a_visit_are_deleted_after_their_hours(
    tmp_path: Path, hours: float | None, kept: bool
) -> None:
    home = Home(tmp_path / "home", tmp_path, hours)
    old, young = ensure_token(None), ensure_token(None)
    for token in (old, young):
        home.open(token).close()
    day_ago = home.folder(old).stat().st_mtime - 25 * 3600
    os.utime(home.folder(old), (day_ago, day_ago))
    (home.root / "notes").mkdir()
    os.utime(home.root / "notes", (0, 0))
    home.clean_up()
    assert home.folder(old).exists() is kept
    assert home.folder(young).exists()
    assert (home.root / "notes").exists()


def test_hours_in_which_only_the_clock_moved_do_not_count(tmp_path: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path, 24), ensure_token(None)
    home.open(token).close()
    now = time.time()
    os.utime(home.folder(token), (now - 30 * 3600, now - 30 * 3600))  # after the clock was set ahead by 30 hours
    home.postpone(30 * 3600)
    home.clean_up()
    assert home.folder(token).exists()
    for seconds in (-3600, 1):  # set back, or as always
        home.postpone(seconds)
    assert home.folder(token).stat().st_mtime == pytest.approx(now, abs=1)


def test_forgotten_uploads_are_deleted(tmp_path: Path, uploads: Path) -> None:
    Home(tmp_path, tmp_path).clean_up()
    assert (uploads / SHA / "a.jpg").exists()
    (uploads / "tmpbroken1").write_bytes(b"half a photo")
    for entry in uploads.iterdir():
        os.utime(entry, (0, 0))
    Home(tmp_path, tmp_path).clean_up()
    assert list(uploads.iterdir()) == []


def test_deleting_takes_all_of_one_visitor_and_nothing_of_another(tmp_path: Path, make_folder: Any) -> None:
    home = Home(tmp_path / "home", tmp_path)
    one, other = ensure_token(None), ensure_token(None)
    for token in (one, other):
        fill(home, token, make_folder({"cat": 2, "dog": 2}))
    home.delete(one)
    assert home.find(one) is None
    assert photos_tab.show(home, one).grid == ""
    assert "pc-card" in photos_tab.show(home, other).grid


def test_a_training_ends_before_its_project_is_deleted(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", tmp_path, keep_hours=24)
    for remove in (home.delete, lambda token: home.clean_up()):
        token = ensure_token(None)
        home.open(token).close()
        folder = home.folder(token)
        existed: list[bool] = []
        begun = threading.Event()

        def work(
            should_stop: ShouldStop, folder: Path = folder, existed: list[bool] = existed, begun: Any = begun
        ) -> Generator[Any, None, None]:
            try:
                while not should_stop():
                    begun.set()
                    yield progress(1)
                yield progress(2)
            finally:
                existed.append(folder.exists())

        job = home.jobs.start(folder, work, graceful=True)
        assert begun.wait(LONG)
        os.utime(folder, (0, 0))
        remove(token)
        assert (job.state.ended, existed, folder.exists()) == (True, [True], False)
        assert home.jobs.get(folder) is None
