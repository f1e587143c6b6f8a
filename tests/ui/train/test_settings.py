"""The inputs of the settings: one for each field of TrainConfig, by name."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import gradio as gr
import pytest
from huggingface_hub import constants

from classifier import TrainConfig
from classifier.config import DEFAULTS, settings
from classifier.errors import SettingError
from classifier.messages.settings import SettingLabel, setting_label
from classifier.models.backbones import BACKBONES
from classifier.ui.host_limits import SPACE_LIMITS
from classifier.ui.train import settings as form
from classifier.workflows.offers import is_at_hand
from tests.helpers import NASTY
from tests.ui.train.values import setting_values


def test_every_setting_has_an_input_with_its_label_and_default() -> None:
    with gr.Blocks(analytics_enabled=False):
        built = form.build(gr.Accordion("Advanced"), lambda: None)
    assert list(built.inputs) == [built.components[name] for name in form.NAMES]
    assert set(form.NAMES) - {form.OTHER_BACKBONE} == {setting.name for setting in settings()}
    for setting in settings():
        component: Any = built.components[setting.name]
        assert component.label == setting_label(setting.name)
        default = "auto" if setting.name == "mode" else setting.default
        assert component.value == ("" if setting.optional else default)
    values = {name: component.value for name, component in built.components.items()}  # type: ignore[attr-defined]
    assert form.to_config(values) == replace(DEFAULTS, mode="auto")


def test_what_needs_the_hub_is_not_offered_where_it_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with gr.Blocks(analytics_enabled=False):
        built: Any = form.build(gr.Accordion("Advanced"), lambda: None).components
    offered = {value for _, value in built["backbone"].choices}
    assert offered == {row.name for row in BACKBONES if is_at_hand(row)} != {row.name for row in BACKBONES}
    assert not built[form.OTHER_BACKBONE].visible


def test_every_offered_setting_has_a_label_and_no_label_is_left_over() -> None:
    offered = {field.name.upper() for field in fields(TrainConfig) if "group" in field.metadata}
    assert set(SettingLabel.__members__) == offered


def test_every_input_reaches_the_training() -> None:
    changed: dict[str, Any] = {
        "mode": "deep", "minutes": 0, "domain": "aerial", "backbone": "tf_efficientnet_lite1", "learning_rate": 1e-3,
        "epochs": " 7 ", "batch": 8, "optimizer": "sgd", "unfreeze": "2", "seed": 3,
    }  # fmt: skip
    made = form.to_config(setting_values(**changed))
    assert made == TrainConfig(**{**changed, "minutes": 0.0, "epochs": 7, "unfreeze": 2})
    assert form.to_config(setting_values(other_backbone=" resnet26d ")).backbone == "resnet26d"


def test_the_time_alone_says_how_to_train() -> None:
    with gr.Blocks(analytics_enabled=False):
        times: Any = form.build(gr.Accordion("Advanced"), lambda: None, SPACE_LIMITS).components["minutes"]
        at_home: Any = form.build(gr.Accordion("Advanced"), lambda: None).components["minutes"]
    assert [value for _, value in times.choices] == ["seconds", 5.0, 30.0]  # no more than the host allows
    assert [value for _, value in at_home.choices] == ["seconds", 5.0, 30.0, 0.0]
    assert form.to_config(setting_values(mode="auto", minutes="seconds")) == DEFAULTS
    assert form.to_config(setting_values(mode="auto", minutes=30)) == replace(DEFAULTS, mode="auto", minutes=30)
    for value in (0.0, 31):
        with pytest.raises(SettingError, match="may take 30 minutes"):
            form.to_config(setting_values(mode="auto", minutes=value), SPACE_LIMITS)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epochs": "many"}, r"“Rounds \(epochs\)” is “many”"),
        ({"epochs": "-1"}, "write a whole number"),
        ({"epochs": "1.5"}, "write a whole number"),
        ({"unfreeze": "1001"}, "must be from 0"),
        ({"seed": 1.5}, "must be a whole number"),
        ({"seed": None}, "is empty"),
        ({"batch": 0}, "must be from 1"),
        ({"learning_rate": None}, r"“Step size \(learning rate\)” is empty"),
        ({"backbone": NASTY}, "not among those offered"),
        ({"other_backbone": "x" * 500}, "longer than 100 letters"),
        ({"domain": "sea"}, "must be one of"),
        ({"mode": "magic"}, "must be one of"),
        ({"mode": "deep", "minutes": "seconds"}, "Deep training takes minutes"),
    ],
)
def test_a_setting_that_cannot_work_is_one_sentence(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingError, match=words):
        form.to_config(setting_values(**changes))
