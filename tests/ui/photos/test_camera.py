"""Bursts of the camera, as its script sends them."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest

from classifier.errors import DataError
from classifier.messages.page import UploadCode
from classifier.messages.photos_page import ReadingCode
from classifier.ui.host_limits import HostLimits
from classifier.ui.photos import camera
from classifier.ui.sessions import Home, ensure_token
from tests.helpers import SHA


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home", tmp_path)


@pytest.fixture
def token() -> str:
    return ensure_token(None)


def event(path: object, label: object = "cat") -> gr.EventData:
    rows = [{"path": path if path is None else str(path), "name": "camera-20260501-120000-1.jpg"}]
    return gr.EventData(None, {"files": rows, "label": label})


def test_a_burst_without_a_class_can_be_added_later(home: Home, token: str, uploads: Path) -> None:
    for label in ("", "  ", None, 5, ["cat"]):
        with pytest.raises(DataError) as caught:
            camera.add_burst(home, token, event(uploads / SHA / "a.jpg", label))
        assert caught.value.code is ReadingCode.EMPTY_CLASS
    words, ready = camera.add_burst(home, token, event(uploads / SHA / "a.jpg"))
    assert "Added 1 photo." in words
    assert ready.startswith("ready")
    with home.open(token) as project:
        (photo,) = project.photos("cat")
    assert photo.layout_group is not None
    assert not list(uploads.iterdir())


def test_a_burst_stays_where_it_cannot_be_added(tmp_path: Path, token: str, uploads: Path) -> None:
    for limits in (HostLimits(projects=1), HostLimits(host_megabytes=1)):
        full = Home(tmp_path / "full", tmp_path, limits=limits)
        full.open(ensure_token(None)).close()
        (full.root / "large").write_bytes(b"x" * 1_100_000)
        with pytest.raises(DataError):
            camera.add_burst(full, token, event(uploads / SHA / "a.jpg"))
    assert (uploads / SHA / "a.jpg").exists()


def test_no_file_but_an_upload_is_read_or_deleted_for_the_camera(home: Home, token: str, uploads: Path) -> None:
    drawn = uploads.parent / "own.jpg"
    drawn.write_bytes((uploads / SHA / "a.jpg").read_bytes())
    for path in (drawn, uploads / SHA / "none.jpg", None):
        with pytest.raises(DataError) as caught:
            camera.add_burst(home, token, event(path))
        assert caught.value.code is UploadCode.NO_FILES
    assert drawn.exists()
    assert not home.root.exists()
