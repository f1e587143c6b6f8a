"""Live answers: frames of a camera, as a script of the page sends them."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from classifier.ui.predict import live
from classifier.ui.sessions import Home, ensure_token
from tests.helpers import NASTY


def answer(home: Home, model: str | None, picture: object, frame: object = 7) -> Any:
    event = gr.EventData(None, {"picture": picture, "frame": frame})
    return json.loads(live.answer(home, ensure_token(None), model, event))


def frame_of(picture: Image.Image) -> str:
    stream = io.BytesIO()
    picture.save(stream, "JPEG")
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"


@pytest.mark.slow
def test_a_frame_gets_the_likeliest_classes_and_is_not_kept(tmp_path: Path, trained: Any) -> None:
    home = Home(tmp_path / "home", trained.folder.parent)
    told = answer(home, trained.folder.name, frame_of(Image.new("RGB", (64, 48), "red")))
    assert told["frame"] == 7
    assert sum(share for _, share in told["top"]) == pytest.approx(1, abs=0.01)
    assert told["reason"] in (None, "unsure", "unlike")
    assert not list((tmp_path / "home").rglob("*.jpg"))


@pytest.mark.parametrize(
    "picture", [None, 5, "", NASTY, {"path": "/etc/passwd"}, "data:image/jpeg;base64,%%%", "data:image/png;base64,AAAA"]
)
def test_what_is_no_frame_gets_a_sentence(tmp_path: Path, trained: Any, picture: object) -> None:
    home = Home(tmp_path / "home", trained.folder.parent)
    told = answer(home, trained.folder.name, picture, frame=NASTY)
    assert (told["frame"], told["error"]) == (0, "The picture of the camera did not arrive; try again.")


def test_a_frame_that_is_no_picture_and_a_model_that_is_gone_get_sentences(tmp_path: Path, trained: Any) -> None:
    home = Home(tmp_path / "home", trained.folder.parent)
    assert answer(home, trained.folder.name, "data:image/jpeg;base64,AAAA")["error"]
    assert "no model" in answer(home, "gone", frame_of(Image.new("RGB", (8, 8))))["error"]
