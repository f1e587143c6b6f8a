from __future__ import annotations

import json
from typing import Any

import pytest

from classifier.config import RESIZE_MODES, Limits, Preprocessing, TrainConfig
from classifier.errors import SettingError


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (Limits, "files", 0),
        (Limits, "pixels", -1),
        (Preprocessing, "size", 7),
        (Preprocessing, "size", 1_000_000),
        (Preprocessing, "crop_pct", 0.0),
        (Preprocessing, "crop_pct", 1.5),
        (Preprocessing, "crop_pct", float("nan")),
        (Preprocessing, "crop_mode", "border"),
        (Preprocessing, "interpolation", "random"),
        (Preprocessing, "mean", (0.5, 0.5)),
        (Preprocessing, "mean", (0.5, 0.5, float("nan"))),
        (Preprocessing, "std", (0.5, 0.0, 0.5)),
        (Preprocessing, "std", (0.5, float("nan"), 0.5)),
        (Preprocessing, "std", (0.5, 0.5, float("inf"))),
        (TrainConfig, "mode", "thorough"),
        (TrainConfig, "domain", "underwater"),
        (TrainConfig, "seed", -1),
        (TrainConfig, "seed", 2**32),
        (TrainConfig, "folds", 1),
        (TrainConfig, "folds", 21),
        (TrainConfig, "resize_modes", ()),
        (TrainConfig, "resize_modes", ("stretch",)),
    ],
)
def test_a_value_that_cannot_work_is_refused_with_a_sentence(kind: type, name: str, value: object) -> None:
    with pytest.raises(SettingError, match=r"^[A-Z].*\.$"):
        kind(**{name: value})


def test_the_message_names_the_value_and_what_would_work() -> None:
    with pytest.raises(SettingError, match=r"“underwater”.*photo, medical, aerial, document"):
        TrainConfig(domain="underwater")  # type: ignore[arg-type]


@pytest.mark.parametrize("resize_mode", RESIZE_MODES)
def test_each_way_of_fitting_survives_timms_form_and_json(resize_mode: str) -> None:
    preparation = Preprocessing(size=260, mean=(0.1, 0.2, 0.3), interpolation="bilinear").with_resize_mode(resize_mode)
    assert preparation.resize_mode == resize_mode
    assert Preprocessing.from_timm(json.loads(json.dumps(preparation.to_timm()))) == preparation


def test_fitting_twice_is_fitting_once_and_the_crop_is_kept() -> None:
    narrow = Preprocessing(crop_pct=0.8)
    assert narrow.with_resize_mode("crop") == narrow
    assert narrow.with_resize_mode("squash").with_resize_mode("whole") == narrow.with_resize_mode("whole")
    assert (
        narrow.with_resize_mode("whole").with_resize_mode("crop").crop_pct == 0.875
    )  # the share is lost, so the usual one is taken


def change(**entries: object) -> dict[str, Any]:
    return {**Preprocessing().to_timm(), **entries}


@pytest.mark.parametrize(
    "cfg",
    [
        {},
        {"input_size": [3, 224, 224]},
        change(input_size=[]),
        change(input_size=5),
        change(input_size=[3, "x", "x"]),
        change(input_size=[3, float("inf"), float("inf")]),
        change(mean=None),
        change(mean="dark"),
        change(mean={"red": 1}),
        change(std=[0, 0, 0]),
        change(crop_pct=[1]),
        change(interpolation=7),
    ],
)
def test_an_incomplete_or_odd_timm_configuration_is_refused(cfg: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=r"^[A-Z]"):
        Preprocessing.from_timm(cfg)
