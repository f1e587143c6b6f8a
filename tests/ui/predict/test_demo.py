"""The page of a demonstration, by the handlers and by raw HTTP."""

from __future__ import annotations

import shutil
from pathlib import Path

import gradio as gr
import pytest

from classifier import DataError, Finished, ModelError
from classifier.ui.predict import demo, trying
from classifier.ui.predict.answers import PredictState
from classifier.ui.sessions import Home
from tests.helpers import SHA
from tests.ui.visitors import Visitor, serve, values_of


def test_without_a_model_it_says_where_one_goes(tmp_path: Path) -> None:
    listed, filled, nothing = demo.show(Home(tmp_path / "home", tmp_path / "checkpoints"), None)
    assert (listed["choices"], filled["visible"], nothing["visible"]) == ([], False, True)


@pytest.mark.slow
def test_a_photo_is_answered_and_nothing_is_kept(trained: Finished, example_set: Path, tmp_path: Path) -> None:
    shutil.copytree(trained.folder, tmp_path / "checkpoints/shown")
    with serve(tmp_path, demo=True) as (url, home):
        visitor = Visitor(url)
        assert not [
            one for one in visitor.config["components"] if one["props"].get("elem_id") in ("train", "photos-drop")
        ]
        path = visitor.upload("mug.jpg", (example_set / "mug/mug 01.jpg").read_bytes())
        number = visitor.event("try-drop", "submit")
        event = next(one for one in visitor.config["dependencies"] if one["id"] == number)
        values = values_of(visitor, event, {"dropdown": "shown"})
        answer = visitor.send(number, values, {"files": [{"path": path, "name": "mug.jpg"}], "label": ""})
        assert answer.error is None
        assert "mug" in answer.values[0]
        assert not [one for one in visitor.config["components"] if one["type"] == "browserstate"]
        assert [entry.name for entry in home.root.iterdir()] == ["uploads"]


def test_zips_and_models_of_visitors_are_refused(
    trained: Finished, uploads: Path, example_photo: bytes, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home", tmp_path / "checkpoints")
    shutil.copytree(trained.folder, home.checkpoints / "shown")
    zipped = {"path": str(uploads / SHA / "a.jpg"), "name": "a.zip"}
    with pytest.raises(DataError, match="no zips"):
        trying.accept(home, "", "shown", 3, PredictState(), gr.EventData(None, {"files": [zipped]}))
    (uploads / SHA).mkdir()
    (uploads / SHA / "a.jpg").write_bytes(example_photo)
    photo = {**zipped, "name": "a.jpg"}
    with pytest.raises(ModelError, match="no model called"):
        trying.accept(home, "", "mine/own", 3, PredictState(), gr.EventData(None, {"files": [photo]}))
    assert not home.root.exists()
