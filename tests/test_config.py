from __future__ import annotations

import json
from dataclasses import fields
from math import inf, nan
from typing import Any

import pytest

from classifier.config import (
    DEFAULTS,
    LIMITS,
    OLD_NAMES,
    RESIZE_MODES,
    Limits,
    PixelRanges,
    Preprocessing,
    ResizeMode,
    Setting,
    TrainConfig,
    current_names,
    settings,
)
from classifier.errors import SettingError
from classifier.messages.config import ConfigCode


@pytest.mark.parametrize(
    ("kind", "name", "value", "code"),
    [
        (Limits, "files", 0, ConfigCode.LIMIT),
        (Limits, "pixels", -1, ConfigCode.LIMIT),
        (Limits, "label_letters", 0, ConfigCode.LIMIT),
        (Preprocessing, "size", 7, ConfigCode.PICTURE_SIZE),
        (Preprocessing, "size", 2049, ConfigCode.PICTURE_SIZE),
        (Preprocessing, "crop_pct", 0.09, ConfigCode.CROP_PCT),
        (Preprocessing, "crop_pct", 1.01, ConfigCode.CROP_PCT),
        (Preprocessing, "crop_pct", nan, ConfigCode.CROP_PCT),
        (Preprocessing, "crop_mode", "border", ConfigCode.CROP_MODE),
        (Preprocessing, "interpolation", "random", ConfigCode.INTERPOLATION),
        (Preprocessing, "mean", (0.5, 0.5), ConfigCode.MEAN_STD),
        (Preprocessing, "mean", (0.5, 0.5, nan), ConfigCode.MEAN_STD),
        (Preprocessing, "std", (0.5, 0.5), ConfigCode.MEAN_STD),
        (Preprocessing, "std", (0.5, 0.0, 0.5), ConfigCode.MEAN_STD),
        (Preprocessing, "std", (0.5, nan, 0.5), ConfigCode.MEAN_STD),
        (Preprocessing, "std", (0.5, 0.5, inf), ConfigCode.MEAN_STD),
        (PixelRanges, "integer", (5, 5), ConfigCode.PIXEL_RANGE),
        (PixelRanges, "real", (0, nan), ConfigCode.PIXEL_RANGE),
        (PixelRanges, "real", (0, 1, 2), ConfigCode.PIXEL_RANGE),
        (TrainConfig, "mode", "thorough", ConfigCode.NOT_A_CHOICE),
        (TrainConfig, "domain", "underwater", ConfigCode.NOT_A_CHOICE),
        (TrainConfig, "optimizer", "adam", ConfigCode.NOT_A_CHOICE),
        (TrainConfig, "resize_modes", ("crop", "stretch"), ConfigCode.NOT_A_CHOICE),
        (TrainConfig, "resize_modes", (), ConfigCode.NO_RESIZE_MODE),
        (TrainConfig, "seed", -1, ConfigCode.OUT_OF_RANGE),
        (TrainConfig, "seed", 2**32, ConfigCode.OUT_OF_RANGE),
        (TrainConfig, "folds", 1, ConfigCode.OUT_OF_RANGE),
        (TrainConfig, "folds", 21, ConfigCode.OUT_OF_RANGE),
        (TrainConfig, "minutes", -0.1, ConfigCode.OUT_OF_RANGE),
        (TrainConfig, "minutes", 10_001, ConfigCode.OUT_OF_RANGE),
        (TrainConfig, "unfreeze", -1, ConfigCode.OUT_OF_RANGE),
        (TrainConfig, "unfreeze", 1001, ConfigCode.OUT_OF_RANGE),
        (TrainConfig, "epochs", 0, ConfigCode.OUT_OF_RANGE),
        (TrainConfig, "epochs", 10_001, ConfigCode.OUT_OF_RANGE),
        (TrainConfig, "batch", 0, ConfigCode.OUT_OF_RANGE),
        (TrainConfig, "batch", 4097, ConfigCode.OUT_OF_RANGE),
        (TrainConfig, "learning_rate", 0, ConfigCode.OUT_OF_RANGE),
        (TrainConfig, "learning_rate", nan, ConfigCode.OUT_OF_RANGE),
        (TrainConfig, "learning_rate", 10.1, ConfigCode.OUT_OF_RANGE),
    ],
)
def test_a_value_that_cannot_work_is_refused(kind: type, name: str, value: object, code: ConfigCode) -> None:
    with pytest.raises(SettingError, match=r"^[A-Z].*\.$") as caught:
        kind(**{name: value})
    assert caught.value.code is code
    assert dict(caught.value.message.arguments).get("name", name) == name


@pytest.mark.parametrize(
    ("kind", "entries"),
    [
        (Limits, dict.fromkeys(vars(LIMITS), 1)),
        (Preprocessing, {"size": 8, "crop_pct": 0.1, "std": (0.001, 1, 1)}),
        (Preprocessing, {"size": 2048, "crop_pct": 1, "mean": (-1, 0, 2)}),
        (TrainConfig, {"seed": 0, "folds": 2, "minutes": 0, "unfreeze": 0, "epochs": 1, "batch": 1}),
        (TrainConfig, {"seed": 2**32 - 1, "folds": 20, "minutes": 10_000, "unfreeze": 1000, "epochs": 10_000}),
        (TrainConfig, {"batch": 4096, "learning_rate": 10, "resize_modes": ("squash",), "optimizer": "sgd"}),
        (TrainConfig, {"learning_rate": 1e-8, "unfreeze": None, "epochs": None, "mode": "deep"}),
    ],
)
def test_the_smallest_and_largest_values_are_accepted(kind: type, entries: dict[str, object]) -> None:
    assert vars(kind(**entries)).items() >= entries.items()


def test_the_sentence_names_the_setting_the_value_and_what_would_work() -> None:
    with pytest.raises(SettingError) as caught:
        TrainConfig(domain="underwater")  # type: ignore[arg-type]
    expected = "The setting “domain” is “underwater”; it must be one of photo, medical, aerial, document."
    assert str(caught.value) == expected
    with pytest.raises(SettingError) as caught:
        TrainConfig(batch=0)
    assert str(caught.value) == "The setting “batch” is 0; it must be from 1 to 4096."


@pytest.mark.parametrize("kind", [Limits, Preprocessing, TrainConfig])
def test_settings_are_keyword_only_and_frozen(kind: type) -> None:
    with pytest.raises(TypeError):
        kind(1)
    name = next(iter(vars(kind())))
    with pytest.raises(AttributeError):
        setattr(kind(), name, 5)


@pytest.mark.parametrize("resize_mode", RESIZE_MODES)
def test_each_resize_mode_survives_timms_form_and_json(resize_mode: ResizeMode) -> None:
    plain = Preprocessing(size=260, crop_pct=0.9, mean=(0.1, 0.2, 0.3), interpolation="bilinear")
    preprocessing = plain.with_resize_mode(resize_mode)
    assert preprocessing.resize_mode == resize_mode
    assert Preprocessing.from_timm(json.loads(json.dumps(preprocessing.to_timm()))) == preprocessing


def test_a_resize_mode_replaces_the_one_before_and_keeps_the_crop() -> None:
    plain = Preprocessing(crop_pct=0.8)
    assert plain.with_resize_mode("crop") == plain
    assert plain.with_resize_mode("whole") == Preprocessing(crop_pct=1.0)
    assert plain.with_resize_mode("squash") == Preprocessing(crop_pct=1.0, crop_mode="squash")
    assert plain.with_resize_mode("squash").with_resize_mode("whole") == plain.with_resize_mode("whole")
    # The share of the crop is lost then, and the usual one is taken.
    assert plain.with_resize_mode("whole").with_resize_mode("crop") == Preprocessing(crop_pct=0.875)


def test_timms_entries_that_are_missing_or_none_have_the_usual_value() -> None:
    cfg = {"input_size": (3, 288, 288), "mean": [0, 0, 0], "std": [1, 1, 1], "crop_pct": None, "crop_mode": ""}
    assert Preprocessing.from_timm(cfg) == Preprocessing(size=288, mean=(0, 0, 0), std=(1, 1, 1))


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
        change(input_size=[3, inf, inf]),
        change(mean=None),
        change(mean="dark"),
        change(mean={"red": 1}),
        change(crop_pct=[1]),
    ],
)
def test_an_incomplete_timm_configuration_is_refused(cfg: dict[str, Any]) -> None:
    with pytest.raises(SettingError) as caught:
        Preprocessing.from_timm(cfg)
    assert caught.value.code is ConfigCode.INCOMPLETE


@pytest.mark.parametrize(
    ("cfg", "code"),
    [
        (change(std=[0, 0, 0]), ConfigCode.MEAN_STD),
        (change(interpolation=7), ConfigCode.INTERPOLATION),
        (change(crop_mode="border"), ConfigCode.CROP_MODE),
        (change(input_size=[3, 8, 4096]), ConfigCode.PICTURE_SIZE),
    ],
)
def test_a_timm_configuration_that_cannot_work_is_refused(cfg: dict[str, Any], code: ConfigCode) -> None:
    with pytest.raises(SettingError) as caught:
        Preprocessing.from_timm(cfg)
    assert caught.value.code is code


def test_settings_describe_the_fields_that_page_and_command_line_offer() -> None:
    offered = {setting.name: setting for setting in settings()}
    assert offered.keys() <= {field.name for field in fields(TrainConfig)}
    assert not {"folds", "resize_modes"} & offered.keys()
    assert offered["mode"] == Setting("mode", "general", str, ("quick", "auto", "deep"), False, "quick")
    assert offered["backbone"] == Setting("backbone", "general", str, (), False, DEFAULTS.backbone)
    assert offered["epochs"] == Setting("epochs", "deep", int, (), True, None)
    assert offered["minutes"] == Setting("minutes", "deep", float, (), False, 5.0)
    assert all(setting.default == getattr(DEFAULTS, setting.name) for setting in settings())


def test_entries_of_older_files_get_their_current_names() -> None:
    assert current_names({"thaw": 2, "optimiser": "sgd", "seed": 1}) == {"unfreeze": 2, "optimizer": "sgd", "seed": 1}
    assert not set(OLD_NAMES) & set(OLD_NAMES.values())


def test_pixel_ranges_survive_json_and_are_part_of_the_key_only_where_known() -> None:
    for ranges in (PixelRanges(), PixelRanges(integer=(0, 4095)), PixelRanges(integer=(-5, 5), real=(0, 1))):
        assert PixelRanges.from_json(json.loads(json.dumps(ranges.to_json()))) == ranges
        preprocessing = Preprocessing(pixel_ranges=ranges)
        assert preprocessing.to_timm() == Preprocessing().to_timm()
        assert (preprocessing.key() == Preprocessing().key()) == (ranges == PixelRanges())
