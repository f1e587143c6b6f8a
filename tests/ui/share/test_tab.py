"""The handlers of the Share tab: which models it offers, what it makes, and what it says where it makes nothing."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

import gradio as gr
import pytest
from starlette.requests import Request

from classifier import Finished, Predictor, TrainConfig, train
from classifier.messages.share_page import FormatCode
from classifier.ui.host_limits import HostLimits
from classifier.ui.sessions import Home, ensure_token
from classifier.ui.share import samples, tab
from classifier.workflows.export import FORMATS
from tests.helpers import MakeFolder, fill


@pytest.fixture
def home(tmp_path: Path, trained: Finished) -> Home:
    """A home with one model for everybody."""
    shutil.copytree(trained.folder, tmp_path / "checkpoints" / "shared")
    return Home(tmp_path / "home", tmp_path / "checkpoints")


def make(home: Home, token: str, model: str | None, format: str | None, shown: list[str] | None = None) -> list[str]:
    """What the tab shows, one after another."""
    return list(tab.make(home, token, model, format, shown, gr.Request(Request({"type": "http", "headers": []}))))


def made_files(home: Home, token: str) -> list[Path]:
    return [path for path in (home.folder(token) / "downloads").rglob("*") if path.is_file()]


def test_every_format_has_its_line_zip_first() -> None:
    assert next(code.id for code in FormatCode) == "zip"
    assert {code.id for code in FormatCode} >= set(FORMATS)
    assert all(len(str(code)) <= 105 for code in FormatCode)


@pytest.mark.slow
def test_a_shared_model_is_compared_on_drawn_pictures(home: Home) -> None:
    token = ensure_token(None)
    view = tab.show(home, token, None)
    assert view.model["value"] == "shared"
    *steps, last = make(home, token, "shared", "zip")
    assert "Writing the model" in steps[0]
    assert "Same answer on 40 of 40 drawn pictures" in last
    (path,) = made_files(home, token)
    assert re.search(r'href="download/[\w-]{43}/shared\.zip" download', last)
    assert path.name == "shared.zip"


@pytest.mark.slow
def test_an_own_model_is_compared_on_the_photos_of_its_score(
    home: Home, make_folder: MakeFolder, tmp_path: Path
) -> None:
    token = ensure_token(None)
    fill(home, token, make_folder({"cat": 24, "dog": 23}))
    with home.open(token) as project:
        *_, finished = train(project, TrainConfig(resize_modes=("whole",)))
    assert isinstance(finished, Finished)
    *_, last = make(home, token, f"mine/{finished.folder.name}", "zip")
    assert "Same answer on 40 of 40 photos" in last
    (path,) = made_files(home, token)
    zipfile.ZipFile(path).extractall(tmp_path / "opened")
    assert Predictor(tmp_path / "opened" / "model").labels == ("cat", "dog")


def test_what_cannot_be_made_is_said_in_a_sentence(home: Home) -> None:
    token = ensure_token(None)
    assert "Choose what to make" in make(home, token, "shared", None)[-1]
    assert "Choose what to make" in make(home, token, "shared", "../zip")[-1]
    assert "no model called" in make(home, token, "../shared", "zip")[-1]
    assert "lost track" in make(home, "no token", "shared", "zip")[-1]
    full = Home(home.root, home.checkpoints, limits=HostLimits(host_megabytes=1))
    (home.root / "x").mkdir(parents=True)
    (home.root / "x" / "large").write_bytes(b"x" * 2_000_000)
    assert "pc-warn" in make(full, token, "shared", "zip")[-1]
    assert not list(home.root.glob("*/downloads/*/*"))


def test_another_visitor_has_nothing_to_make(home: Home, tmp_path: Path) -> None:
    empty = Home(tmp_path / "empty", tmp_path / "none")
    view = tab.show(empty, ensure_token(None), "mine/x")
    assert (view.filled["visible"], view.nothing["visible"]) == (False, True)


def test_only_own_photos_are_shown_and_no_more_than_three(home: Home, make_folder: MakeFolder) -> None:
    token, name = ensure_token(None), "mine/2026-03-01-120000-quick"
    fill(home, token, make_folder({"<b>cat": 3, "dog": 30}))
    with home.open(token) as project:
        shutil.copytree(home.checkpoints / "shared", project.models / name.partition("/")[2])
        photos = project.photos()
    for model, format, is_visible in ((name, "web", True), (name, "zip", False), ("shared", "web", False)):
        assert samples.place(home, token, model, format) == (gr.update(visible=is_visible), False)
    assert samples.offer(home, token, name, False) == ""
    offered = samples.offer(home, token, name, True)
    assert (offered.count("<img"), "<b>" in offered, "checked" in offered) == (24, False, False)
    assert "Everybody who gets the file" in offered
    ids = [photos[5].id, photos[1].id, "x", photos[2].id, photos[3].id, 10**9]
    assert samples.chosen_photos(photos, " ".join(map(str, ids))) == [photos[number].sha256 for number in (1, 2, 3)]
    assert samples.chosen_photos(photos, offered) == samples.chosen_photos(photos, None) == []
    for stranger in (ensure_token(None), "no token"):
        assert samples.offer(home, stranger, name, True) == ""
