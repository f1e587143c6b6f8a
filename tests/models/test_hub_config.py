"""Folders that timm's ``save_for_hf`` wrote, without a report: they open, and answer as timm answers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from timm.data import create_transform, resolve_data_config
from timm.models import save_for_hf
from torch import nn

from classifier import Predictor
from classifier.config import PixelRanges
from classifier.errors import ModelError, SettingError
from classifier.messages import Code
from classifier.messages.models import CheckpointCode, NetworkCode
from classifier.models import checkpoint, hub_config
from tests.helpers import draw_photo

LABELS = ("cat", "dog", "hen")
Edit = Callable[[dict[str, Any]], object]


def save_with_timm(
    folder: Path, architecture: str = "test_resnet", safe: bool = True, outputs: int = 3, **config: Any
) -> Path:
    """Write a network with random weights as timm does; ``config`` goes into its config.json."""
    torch.manual_seed(0)
    network = timm.create_model(architecture, num_classes=outputs)
    nn.init.normal_(network.get_classifier().weight, std=0.3)
    save_for_hf(network, folder, model_config={"label_names": list(LABELS), **config}, safe_serialization=safe)
    return folder


def edit_config(folder: Path, change: Edit) -> Path:
    path = folder / "config.json"
    config = json.loads(path.read_text("utf-8"))
    change(config)
    path.write_text(json.dumps(config), "utf-8")
    return folder


def probs_of_timm(folder: Path) -> torch.Tensor:
    """Probabilities (2, C) of two photos of different shapes by timm's own loader."""
    network = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    transform = create_transform(**resolve_data_config(network.pretrained_cfg))
    with torch.inference_mode():
        return network(torch.stack([transform(photo) for photo in photos()])).softmax(1)


def photos() -> list[Any]:
    return [draw_photo(1, (300, 200)), draw_photo(2, (90, 400))]


@pytest.mark.parametrize("architecture", ["test_resnet", "test_vit", "test_efficientnet"])
def test_a_folder_of_timm_opens_and_answers_as_timm_does(architecture: str, tmp_path: Path) -> None:
    folder = save_with_timm(tmp_path / "model", architecture)
    model = checkpoint.load(folder)
    assert (model.labels, model.report, model.ood) == (LABELS, None, None)
    assert model.backbone.partition(".")[0] == architecture
    predictor = Predictor(folder, "cpu")
    for expected, answer in zip(probs_of_timm(folder), predictor.predict(photos(), top_k=3), strict=True):
        assert [one.label for one in answer.top] == [LABELS[index] for index in expected.argsort(descending=True)]
        for one in answer.top:
            assert one.confidence == pytest.approx(float(expected[LABELS.index(one.label)]), abs=1e-4)
        assert answer.unsure == (answer.top[0].confidence < 0.5)


@pytest.mark.parametrize(
    "ranges",
    [{"integer": [5]}, {"real": ["a", 2]}, {"integer": [2, 1]}, {"real": [0, float("inf")]}, [], 7, {"real": 3}],
)
def test_pixel_ranges_that_cannot_be_any_are_a_model_error(ranges: object, tmp_path: Path) -> None:
    folder = edit_config(save_with_timm(tmp_path / "model"), lambda config: config.update(pixel_ranges=ranges))
    if not ranges:
        assert checkpoint.load(folder).preprocessing.pixel_ranges == PixelRanges()
        return
    with pytest.raises(ModelError) as raised:
        checkpoint.load(folder)
    assert raised.value.code in (CheckpointCode.CONFIG_INCOMPLETE, CheckpointCode.FILE_DAMAGED)  # it is no JSON


def test_preprocessing_is_that_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    network = timm.create_model("test_resnet", num_classes=3)
    prepared = {"input_size": (3, 96, 96), "crop_pct": 0.8, "interpolation": "bilinear", "mean": (0.1, 0.2, 0.3)}
    save_for_hf(network, folder, {"label_names": list(LABELS)}, safe_serialization=True, data_config=prepared)
    found = checkpoint.load(folder).preprocessing
    assert (found.size, found.crop_pct, found.interpolation, found.mean) == (96, 0.8, "bilinear", (0.1, 0.2, 0.3))
    (answer, _) = Predictor(folder, "cpu").predict(photos(), top_k=1)
    assert answer.top[0].confidence == pytest.approx(float(probs_of_timm(folder)[0].max()), abs=1e-4)


def test_the_name_of_the_weights_is_part_of_the_backbone(tmp_path: Path) -> None:
    folder = save_with_timm(tmp_path / "model")
    assert checkpoint.load(folder).backbone == "test_resnet.r160_in1k"
    edit_config(folder, lambda config: config["pretrained_cfg"].pop("tag"))
    assert checkpoint.load(folder).backbone == "test_resnet"


def read_labels(tmp_path: Path, change: Edit) -> tuple[str, ...]:
    folder = edit_config(save_with_timm(tmp_path / "model"), change)
    return checkpoint.load(folder).labels


@pytest.mark.parametrize(
    ("change", "labels"),
    [
        ({"label_names": {"0": "a", "2": "c"}}, ("a", "1", "c")),
        ({"label_names": None, "id2label": {"2": "c", "1": "b", "0": "a"}}, ("a", "b", "c")),
        ({"label_names": None}, ("0", "1", "2")),
        ({"label_names": ["n1", "n2", "n3"], "label_descriptions": {"n1": "cat", "n3": "hen"}}, ("cat", "n2", "hen")),
        ({"label_names": ["n1", "n2", "n3"], "label_descriptions": {"n1": "crane", "n2": "crane"}}, ("n1", "n2", "n3")),
        ({"label_names": ["  a\n b", "", "\x1b[31mred"]}, ("a b", "1", "[31mred")),
        ({"label_names": ["x" * 5000, "y", "z"]}, ("x" * 1000, "y", "z")),
    ],
    ids=["ids with gaps", "id2label", "no names", "descriptions", "equal descriptions", "invisible", "long"],
)
def test_labels_come_from_names_descriptions_or_numbers(
    change: Mapping[str, Any], labels: tuple[str, ...], tmp_path: Path
) -> None:
    assert read_labels(tmp_path, lambda config: config.update(change)) == labels


def test_labels_inside_the_pretrained_cfg_are_found(tmp_path: Path) -> None:
    def move(config: dict[str, Any]) -> None:
        config["pretrained_cfg"]["label_names"] = config.pop("label_names")

    assert read_labels(tmp_path, move) == LABELS


def test_the_first_form_of_timm_with_all_on_one_level_opens(tmp_path: Path) -> None:
    folder = save_with_timm(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    flat = {**config["pretrained_cfg"], "architecture": config["architecture"], "labels": list(LABELS)}
    (folder / "config.json").write_text(json.dumps(flat), "utf-8")
    assert checkpoint.load(folder).labels == LABELS
    (answer, _) = Predictor(folder, "cpu").predict(photos(), top_k=1)
    assert answer.top[0].confidence == pytest.approx(float(probs_of_timm(folder)[0].max()), abs=1e-4)


def test_a_size_of_the_network_beside_that_of_the_pictures_opens(tmp_path: Path) -> None:
    network = timm.create_model("test_vit", num_classes=3, img_size=96)  # takes pictures of any size
    save_for_hf(network, tmp_path / "model", {"label_names": list(LABELS)}, safe_serialization=True)
    assert json.loads((tmp_path / "model/config.json").read_text("utf-8"))["model_args"]["img_size"] == [96, 96]
    (answer, _) = Predictor(tmp_path / "model", "cpu").predict(photos(), top_k=1)
    assert answer.top[0].confidence == pytest.approx(float(probs_of_timm(tmp_path / "model")[0].max()), abs=1e-4)


@pytest.mark.slow
def test_a_fixed_input_size_builds_the_network_for_it(tmp_path: Path) -> None:
    """Older versions of timm write no arguments: the size is in ``fixed_input_size`` and ``input_size`` alone."""
    torch.manual_seed(0)
    network = timm.create_model("vit_tiny_patch16_224", num_classes=3, img_size=96)
    save_for_hf(network, tmp_path / "model", {"label_names": list(LABELS)}, safe_serialization=True)
    edit_config(tmp_path / "model", lambda config: config.pop("model_args"))
    assert checkpoint.load(tmp_path / "model").preprocessing.size == 96
    assert len(Predictor(tmp_path / "model", "cpu").predict(photos(), top_k=3)[0].top) == 3


def cfg(**changes: Any) -> Edit:
    return lambda config: config["pretrained_cfg"].update(changes)


def top(**changes: Any) -> Edit:
    return lambda config: config.update(changes)


def args(**changes: Any) -> Edit:
    return lambda config: config.update(model_args=changes)


UNUSABLE: dict[str, tuple[Edit, Code]] = {
    "names for fewer classes": (top(label_names=["a", "b"]), CheckpointCode.LABEL_COUNT),
    "numbers outside": (top(label_names={"7": "a"}), CheckpointCode.LABEL_COUNT),
    "names are one text": (top(label_names="cat"), CheckpointCode.LABEL_COUNT),
    "no class": (top(num_classes=0, label_names=[]), CheckpointCode.LABEL_COUNT),
    "endless classes": (top(num_classes=10**12, label_names=None), CheckpointCode.LABEL_COUNT),
    "equal names": (top(label_names=["cat", "cat ", "hen"]), CheckpointCode.LABEL_TWICE),
    "no number of classes": (top(num_classes=None), CheckpointCode.CONFIG_INCOMPLETE),
    "no input size": (lambda config: config["pretrained_cfg"].pop("input_size"), CheckpointCode.CONFIG_INCOMPLETE),
    "numbers that are none": (top(label_names={"one": "a"}), CheckpointCode.CONFIG_INCOMPLETE),
    "gray pictures": (cfg(input_size=[1, 160, 160]), CheckpointCode.INPUT_NOT_SQUARE),
    "wide pictures": (cfg(input_size=[3, 160, 224]), CheckpointCode.INPUT_NOT_SQUARE),
    "no picture": (cfg(input_size=[160]), CheckpointCode.INPUT_NOT_SQUARE),
    "border crop": (cfg(crop_mode="border"), CheckpointCode.CONFIG_INCOMPLETE),
    "other channels": (args(in_chans=1), CheckpointCode.CHANGED_ARGUMENT),
    "huge size": (args(img_size=2049), CheckpointCode.CHANGED_ARGUMENT),
    "size of three sides": (args(img_size=[160, 160, 160]), CheckpointCode.CHANGED_ARGUMENT),
    "size of no side": (args(img_size=[7, 160]), CheckpointCode.CHANGED_ARGUMENT),
    "size where none is asked": (args(img_size=160), CheckpointCode.NOT_BUILT),
    "huge network": (args(layers=[10**9]), CheckpointCode.CHANGED_ARGUMENT),
    "no pooling": (args(global_pool=""), NetworkCode.WRONG_SHAPE),
    "other number of classes": (top(num_classes=4, label_names=None), CheckpointCode.WEIGHTS_MISMATCH),
    "other architecture": (top(architecture="test_vit"), CheckpointCode.WEIGHTS_MISMATCH),
    "joined networks": (top(architecture="joined"), CheckpointCode.MEMBER_COUNT),
}


@pytest.mark.parametrize(("change", "code"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_opened_is_one_clear_sentence(change: Edit, code: Code, tmp_path: Path) -> None:
    folder = edit_config(save_with_timm(tmp_path / "model"), change)
    with pytest.raises(ModelError, match=r"^[A-Z].{15,600}\.$") as caught:
        checkpoint.load(folder)
    assert caught.value.code is code


def test_pickled_weights_are_named_and_never_opened(tmp_path: Path) -> None:
    folder = save_with_timm(tmp_path / "model", safe=False)
    with pytest.raises(ModelError, match=r"pytorch_model\.bin.*safe_serialization") as caught:
        checkpoint.load(folder)
    assert caught.value.code is CheckpointCode.WEIGHTS_PICKLED
    shutil.copy(folder / "config.json", folder / "model.safetensors")
    with pytest.raises(ModelError) as caught:
        checkpoint.load(folder)
    assert caught.value.code is CheckpointCode.WEIGHTS_DAMAGED


def test_a_threshold_needs_a_report(tmp_path: Path) -> None:
    folder = save_with_timm(tmp_path / "model")
    assert checkpoint.find_report(folder) is None
    for verb in (checkpoint.read_report, lambda place: checkpoint.set_threshold(place, 0.4)):
        with pytest.raises(ModelError) as caught:
            verb(folder)
        assert caught.value.code is CheckpointCode.REPORT_MISSING
    with pytest.raises(SettingError):
        checkpoint.set_threshold(folder, 1.4)


def test_a_config_of_this_program_is_read_as_it_was_written(trained: Any) -> None:
    data = json.loads((trained.folder / "config.json").read_text("utf-8"))
    found = hub_config.from_json(data)
    assert found.labels == ("apple", "key", "leaf", "mug") == tuple(data["id2label"].values())
    assert (found.architecture, found.model_args) == ("tf_efficientnet_lite0", {})
    assert found.preprocessing == checkpoint.load(trained.folder).preprocessing
