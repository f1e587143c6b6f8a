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
from classifier.ui.share import tab
from classifier.workflows.export import FORMATS
from tests.helpers import MakeFolder, fill


@pytest.fixture
def home(tmp_path: Path, trained: Finished) -> Home:
    """A home with one model for everybody."""
    shutil.copytree(trained.folder, tmp_path / "checkpoints" / "shared")
    return Home(tmp_path / "home", tmp_path / "checkpoints")


def make(home: Home, token: str, model: str | None, format: str | None) -> list[str]:
    """What the tab shows, one after another."""
    return list(tab.make(home, token, model, format, gr.Request(Request({"type": "http", "headers": []}))))


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
