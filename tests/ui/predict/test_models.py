"""The models a visitor may use, also one that another program saved with timm."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest
import timm
from timm.models._hub import save_for_hf

from classifier import Finished
from classifier.errors import ModelError
from classifier.ui.predict import endpoints, trying
from classifier.ui.predict import tab as predict_tab
from classifier.ui.predict.answers import PredictState
from classifier.ui.predict.models import own_models, select_model, shared_models
from classifier.ui.sessions import Home, ensure_token
from tests.helpers import SHA


def save_with_timm(folder: Path) -> None:
    """A folder as timm's users make it: no report, no model card of this program."""
    network = timm.create_model("resnet10t", num_classes=2)
    network.pretrained_cfg = {**network.pretrained_cfg, "label_names": ["cat", "dog"]}
    save_for_hf(network, folder, model_config={"label_names": ["cat", "dog"]}, safe_serialization=True)


def test_a_model_that_another_program_saved_is_listed_and_predicts(tmp_path: Path, uploads: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path / "checkpoints"), ensure_token(None)
    save_with_timm(home.checkpoints / "foreign")
    (listed,) = shared_models(home)
    assert (listed.name, listed.title) == ("foreign", "foreign")
    view = predict_tab.show(home, token, "foreign")
    assert view.model["value"] == "foreign"
    assert view.threshold["visible"] is False
    event = gr.EventData(None, {"files": [{"path": str(uploads / SHA / "a.jpg"), "name": "a.jpg"}]})
    html, state = trying.accept(home, token, "foreign", 3, PredictState(), event)
    assert state.labels == ("cat", "dog")
    assert html.count('class="pc-name"') == 2
    explained, _ = trying.explain_single(home, token, 3, state)
    assert "pc-heat" in explained or "No single part" in explained


def test_a_damaged_model_is_listed_and_its_error_comes_when_it_is_used(tmp_path: Path, uploads: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path / "checkpoints"), ensure_token(None)
    broken = home.checkpoints / "broken"
    broken.mkdir(parents=True)
    (broken / "config.json").write_text("{}")
    (broken / "report.json").write_text("no json")
    (listed,) = shared_models(home)
    assert listed.title == "broken"
    assert predict_tab.show(home, token, "broken").model["value"] == "broken"
    with pytest.raises(ModelError):
        endpoints.predict(home, str(uploads / SHA / "a.jpg"), "broken", 3)


def test_a_model_with_a_report_is_listed_with_its_score(trained: Finished, tmp_path: Path) -> None:
    (listed,) = shared_models(Home(tmp_path / "home", trained.folder.parent))
    assert listed.title == f"model · {trained.report.accuracy:.0%} right".replace("%", " %")
    assert own_models(Home(tmp_path / "home", tmp_path), ensure_token(None)) == []


def test_a_model_is_selected_by_its_name_only(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", tmp_path / "checkpoints")
    with pytest.raises(ModelError, match="There is no model yet"):
        select_model([], "x")
    save_with_timm(home.checkpoints / "one")
    models = shared_models(home)
    assert select_model(models, "one") is models[0]
    with pytest.raises(ModelError, match="No model was chosen"):
        select_model(models, None)
    with pytest.raises(ModelError, match="There are: “one”"):
        select_model(models, str(home.checkpoints / "one"))
