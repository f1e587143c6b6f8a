"""The panel of project files: saved, opened into an empty project, in the place of another, and refused."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from starlette.requests import Request

from classifier.errors import DataError
from classifier.messages.limits import LimitCode
from classifier.messages.project_files import ProjectFileCode, ProjectFilePage
from classifier.ui.host_limits import HOME_LIMITS, HostLimits
from classifier.ui.photos import adding
from classifier.ui.sessions import Home, ensure_token
from classifier.ui.share import project_file
from classifier.ui.share.project_file import View, Waiting
from tests.helpers import fill

FORGED = "../../../etc/passwd"


def home_in(tmp_path: Path, limits: HostLimits = HOME_LIMITS) -> Home:
    return Home(tmp_path / "home", tmp_path, limits=limits)


def save(home: Home, token: str, choice: str = "with") -> Path:
    """Press Save and return the file that is offered."""
    request = gr.Request(Request({"type": "http", "headers": []}))
    *_, shown = project_file.save(home, token, choice, request)
    assert re.search(r'href="download/[\w-]{43}/project%20\d{4}-\d\d-\d\d\.zip"', shown), shown
    (file,) = home.folder(token).glob("downloads/*/*.zip")
    return file


def drop(home: Home, token: str, uploads: Path, content: bytes, name: str = "mine.zip") -> View:
    path = uploads / ("b" * 64) / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    event = gr.EventData(None, {"files": [{"path": str(path), "name": name}], "label": ""})
    return project_file.receive(home, token, 0, event)


def labels(home: Home, token: str) -> dict[str, int]:
    with home.open(token) as project:
        return project.classes()


def hidden(home: Home) -> list[str]:
    """Return what lies beside the projects."""
    return [path.name for path in home.root.iterdir() if path.name.startswith(".")]


@pytest.mark.slow
def test_a_project_is_saved_and_opened_in_another_browser(tmp_path: Path, make_folder: Any, uploads: Path) -> None:
    home, token, other = home_in(tmp_path), ensure_token(None), ensure_token(None)
    assert str(ProjectFilePage.NOTHING) in next(project_file.save(home, token, "with", None))  # type: ignore[arg-type]
    fill(home, token, make_folder({"cat": 3, "dog": 3}))
    with home.open(token) as project:
        project.rename_class("cat", "kitten")
    content = save(home, token).read_bytes()
    shown = drop(home, other, uploads, content)
    assert shown.opened == 1
    assert "6 photos" in shown.result
    assert labels(home, other) == {"dog": 3, "kitten": 3}
    with home.open(other) as project:
        project.undo()
    assert labels(home, other) == {"cat": 3, "dog": 3}
    assert labels(home, token) == {"dog": 3, "kitten": 3}
    assert hidden(home) == []
    assert not list(uploads.glob("b*"))


@pytest.mark.slow
def test_what_is_there_is_replaced_after_a_question_only(tmp_path: Path, make_folder: Any, uploads: Path) -> None:
    home, token = home_in(tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 3, "dog": 3}))
    content = save(home, token).read_bytes()
    with home.open(token) as project:
        project.remove_class("cat")
    asked = drop(home, token, uploads, content, "<i>x.zip")
    assert asked.opened == 0
    assert "3 photos" in asked.words
    assert "<i>x" not in asked.words
    kept = project_file.keep(home, token, asked.waiting, 0)
    assert str(ProjectFilePage.KEPT) in kept.result
    with pytest.raises(DataError):
        project_file.replace(home, token, asked.waiting, 0)  # the file is gone
    assert labels(home, token) == {"dog": 3}
    waiting = drop(home, token, uploads, content).waiting
    assert project_file.replace(home, token, waiting, 0).opened == 1
    assert labels(home, token) == {"cat": 3, "dog": 3}
    assert hidden(home) == []
    home.delete(token)
    assert not home.folder(token).exists()


def test_a_refused_file_costs_nobody_their_work(tmp_path: Path, make_folder: Any, uploads: Path) -> None:
    home, token = home_in(tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    good = save(home, token).read_bytes()
    for content in (b"no zip", good[:-40], good.replace(b"project.json", b"project.jsom")):
        waiting = drop(home, token, uploads, content).waiting
        with pytest.raises(DataError):
            project_file.replace(home, token, waiting, 0)
        assert labels(home, token) == {"cat": 2, "dog": 2}
    for forged in (Waiting(FORGED, "x"), Waiting(), Waiting(str(home.root), "x")):
        with pytest.raises(DataError):
            project_file.replace(home, token, forged, 0)
        project_file.keep(home, token, forged, 0)
    assert labels(home, token) == {"cat": 2, "dog": 2}
    assert hidden(home) == []


def test_limits_hold_for_project_files(tmp_path: Path, make_folder: Any, uploads: Path) -> None:
    home, token, other = home_in(tmp_path), ensure_token(None), ensure_token(None)
    fill(home, token, make_folder({"cat": 3, "dog": 3}))
    content = save(home, token).read_bytes()
    for limits, code in (
        (HostLimits(project_photos=5), LimitCode.PROJECT_PHOTOS),
        (HostLimits(classes=1), LimitCode.CLASSES),
        (HostLimits(projects=1), LimitCode.PROJECTS),
    ):
        strict = home_in(tmp_path, limits)
        with pytest.raises(DataError) as error:
            drop(strict, other, uploads, content)
        assert error.value.code is code
        assert not strict.folder(other).exists()
        assert hidden(strict) == []


def test_a_project_file_among_photos_is_sent_to_its_place(tmp_path: Path, make_folder: Any, uploads: Path) -> None:
    home, token = home_in(tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    path = uploads / ("b" * 64) / "mine.zip"
    path.parent.mkdir()
    path.write_bytes(save(home, token, "without").read_bytes())
    rows = [{"path": str(path), "name": "mine.zip"}]
    with pytest.raises(DataError) as error:
        adding.add(home, token, gr.EventData(None, {"files": rows, "label": ""}))
    assert error.value.code is ProjectFileCode.IS_PROJECT
    for files in ([], rows * 2, [{"path": FORGED, "name": "x"}], [*rows, {"path": "x", "name": "y"}], None):
        with pytest.raises(DataError):
            project_file.receive(home, token, 0, gr.EventData(None, {"files": files}))


def test_what_a_killed_opening_left_is_deleted_later(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    left = home.root / f".{'0' * 32}.opening"
    left.mkdir(parents=True)
    home.clean_up()
    assert left.exists()  # it may be going on
    os.utime(left, (0, 0))
    home.clean_up()
    assert not left.exists()
