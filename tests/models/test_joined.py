"""Models that join networks: the sum of the logits of timm's networks, from a folder that explains itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from huggingface_hub import ModelCard
from PIL import Image
from safetensors.torch import load_file, save_file
from timm.data import create_transform, resolve_data_config

from classifier import Predictor
from classifier.config import Preprocessing
from classifier.errors import ModelError
from classifier.evaluation.ood import OODModel
from classifier.evaluation.scoring import build_report
from classifier.messages.models import CheckpointCode, UnsureCode
from classifier.models import backbones, checkpoint, joined, networks
from tests.helpers import draw_photo

LABELS = ("cat", "dog", "hen")
CNN = backbones.ROWS["small_cnn"]
OTHER = replace(backbones.ROWS["resnet18"], weights="resnet10t.c3_in1k", name="resnet10t.c3_in1k")  # other mean and std
COMMON = Preprocessing(size=64, crop_pct=1.0)


def member(backbone: backbones.Backbone, width: int, seed: int, fine_tuned: bool = False) -> joined.Member:
    """A network of random weights, with a random classifier."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    tensors = networks.untrained(backbone, num_classes=2).state_dict()
    head = rng.normal(size=(3, width), scale=0.3), rng.normal(size=3)
    kept = {key: value for key, value in tensors.items() if not key.startswith("fc.")}
    return joined.Member(backbone, kept, *(values.astype(np.float32) for values in head), fine_tuned)


def joined_model(**changes: Any) -> checkpoint.TrainedModel:
    """Two networks of random weights, and the first one as the model of one network."""
    probs, y_true = np.eye(3, dtype=np.float32)[np.arange(6) % 3], np.arange(6) % 3
    report = build_report(
        probs, y_true, LABELS, images=6, evaluated_on="out_of_fold", threshold=0.4, temperature=1.0, warnings=[],
        resize_mode="whole", backbone=CNN.name,
    )  # fmt: skip
    first, second = member(CNN, 64, 1), member(OTHER, 512, 2)
    single = checkpoint.TrainedModel("quick", CNN, first.tensors, first.weight, first.bias, COMMON, report)
    return replace(single, others=(second,), single=single, **changes)


@pytest.fixture(scope="module")
def model() -> checkpoint.TrainedModel:
    return joined_model()


@pytest.fixture
def folder(model: checkpoint.TrainedModel, tmp_path: Path) -> Path:
    checkpoint.save(tmp_path / "model", model, {})
    return tmp_path / "model"


def by_hand(model: checkpoint.TrainedModel, picture: Image.Image) -> np.ndarray:
    """Probabilities (C,) with timm alone: each network with its own normalization, logits added."""
    logits = 0
    for one in model.members:
        network = timm.create_model(one.backbone.architecture, num_classes=3, **one.backbone.arguments).eval()
        network.load_state_dict(one.state())
        own = networks.preprocessing(one.backbone)
        cfg = {**COMMON.to_timm(), "input_size": (3, 64, 64), "mean": own.mean, "std": own.std}
        with torch.inference_mode():
            logits = logits + network(create_transform(**resolve_data_config(cfg))(picture)[None])[0]
    return logits.softmax(0).numpy()


def probs_of(predictor: Predictor, picture: Image.Image) -> np.ndarray:
    (found,) = predictor.predict(picture, top_k=3)
    return np.array([next(one.confidence for one in found.top if one.label == label) for label in LABELS])


@pytest.mark.slow
def test_answers_are_the_sum_of_the_logits_of_timms_networks(model: checkpoint.TrainedModel, folder: Path) -> None:
    predictor = Predictor(folder)
    for picture in (draw_photo(1), draw_photo(2, (90, 40))):
        np.testing.assert_allclose(probs_of(predictor, picture), by_hand(model, picture), atol=2e-5)


def test_the_model_of_one_network_lies_beside_and_opens_in_timm(model: checkpoint.TrainedModel, folder: Path) -> None:
    assert model.single is not None
    network = timm.create_model(f"local-dir:{folder / 'single'}", pretrained=True).eval()
    transform = create_transform(**resolve_data_config({}, model=network))
    picture = draw_photo(1)
    with torch.inference_mode():
        expected = network(transform(picture)[None])[0].softmax(0).numpy()
    np.testing.assert_allclose(probs_of(Predictor(folder / "single"), picture), expected, atol=2e-5)
    np.testing.assert_allclose(expected, by_hand(model.single, picture), atol=2e-5)


def test_a_joined_folder_says_what_it_joins(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    assert config["architecture"] == "joined"
    assert [one["architecture"] for one in config["members"]] == ["resnet18", "resnet10t"]
    assert checkpoint.load(folder).members == ("small_cnn", "resnet10t.c3_in1k")


def test_saving_a_model_of_one_network_removes_the_joined_one(model: checkpoint.TrainedModel, folder: Path) -> None:
    assert model.single is not None
    checkpoint.save(folder, model.single, {})
    assert not (folder / "single").exists()
    assert checkpoint.load(folder).members == ()


# -- the parts beside the classes


def ood_model(width: int, limit: float = 0.0) -> OODModel:
    """One for features (n, width), by default so strict that nothing is like it."""
    numbers = np.random.default_rng(0).normal(size=(width, 2)).astype(np.float32)
    return OODModel(numbers[:, 0], numbers, np.ones((3, 2), np.float32), np.arange(3), limit)


@pytest.mark.parametrize(("fine_tuned", "width"), [(False, 64 + 512), (True, 64)])
def test_photos_unlike_the_training_photos_are_told_by_all_features_not_trained(
    fine_tuned: bool, width: int, model: checkpoint.TrainedModel, tmp_path: Path
) -> None:
    others = (replace(model.others[0], fine_tuned=fine_tuned),)
    checkpoint.save(tmp_path / "model", replace(model, others=others, ood=ood_model(width)), {})
    (found,) = Predictor(tmp_path / "model").predict(draw_photo(1))
    assert found.reason is UnsureCode.OUT_OF_DISTRIBUTION


def test_the_heat_map_adds_up_to_the_logit_without_its_bias(model: checkpoint.TrainedModel, folder: Path) -> None:
    explained = Predictor(folder).explain(draw_photo(1), "dog")
    assert explained.heatmap.shape == (8, 8)  # of the network with the finer one
    assert explained.features.shape == (64 + 512,)
    weights = np.concatenate([member.weight[1] for member in model.members])
    np.testing.assert_allclose(explained.heatmap.sum(), weights @ explained.features, atol=1e-3)


# -- folders of strangers


def config(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        data = json.loads((folder / "config.json").read_text())
        change(data)
        (folder / "config.json").write_text(json.dumps(data))

    return edit


def weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        found = load_file(folder / "model.safetensors")
        change(found)
        save_file(found, folder / "model.safetensors")

    return edit


HOSTILE: dict[str, tuple[Callable[[Path], None], CheckpointCode]] = {
    "no members": (config(lambda data: data.pop("members")), CheckpointCode.MEMBER_COUNT),
    "a text of members": (config(lambda data: data.update(members="ab")), CheckpointCode.MEMBER_COUNT),
    "one member": (config(lambda data: data["members"].pop()), CheckpointCode.MEMBER_COUNT),
    "too many members": (
        config(lambda data: data.update(members=data["members"][:1] * 9)),
        CheckpointCode.MEMBER_COUNT,
    ),
    "members of members": (
        config(lambda data: data["members"][1].update(architecture="joined", members=data["members"][:1] * 2)),
        CheckpointCode.UNKNOWN_ARCHITECTURE,
    ),
    "a member that is a list": (config(lambda data: data["members"].insert(1, [1])), CheckpointCode.CONFIG_INCOMPLETE),
    "a member without a name": (
        config(lambda data: data["members"][1].pop("architecture")),
        CheckpointCode.CONFIG_INCOMPLETE,
    ),
    "an unknown member": (
        config(lambda data: data["members"][1].update(architecture="os")),
        CheckpointCode.UNKNOWN_ARCHITECTURE,
    ),
    "a changed member": (
        config(lambda data: data["members"][1].update(model_args={"width": 10**9})),
        CheckpointCode.CHANGED_ARGUMENT,
    ),
    "a member of more classes": (
        config(lambda data: data["members"][1].update(num_classes=10**5)),
        CheckpointCode.LABEL_COUNT,
    ),
    "a member of another size": (
        config(lambda data: data["members"][1]["pretrained_cfg"].update(input_size=[3, 96, 96])),
        CheckpointCode.MEMBER_SIZE,
    ),
    "a member whose colors are divided by nothing": (
        config(lambda data: data["members"][1]["pretrained_cfg"].update(std=[0, 0, 0])),
        CheckpointCode.CONFIG_INCOMPLETE,
    ),
    "more members than weights": (
        config(lambda data: data["members"].append(data["members"][0])),
        CheckpointCode.WEIGHTS_MISMATCH,
    ),
    "members in another order": (config(lambda data: data["members"].reverse()), CheckpointCode.REPORT_OF_OTHER_MODEL),
    "weights that are no numbers": (
        weights(lambda found: found["members.1.fc.weight"].fill_(torch.nan)),
        CheckpointCode.NOT_FINITE,
    ),
    "weights of another width": (
        weights(lambda found: found.update({"members.1.fc.weight": torch.zeros(3, 7)})),
        CheckpointCode.WEIGHTS_MISMATCH,
    ),
    "another module's weights": (
        weights(lambda found: found.update(scale=torch.zeros(2, 3, 1, 1))),
        CheckpointCode.WEIGHTS_MISMATCH,
    ),
}


@pytest.mark.parametrize(("damage", "code"), HOSTILE.values(), ids=HOSTILE)
def test_a_joined_folder_made_to_harm_is_refused(
    damage: Callable[[Path], None], code: CheckpointCode, folder: Path
) -> None:
    damage(folder)
    with pytest.raises(ModelError, match=r"^[A-Z].{15,600}\.$") as caught:
        checkpoint.load(folder)
    assert caught.value.code is code


def test_an_out_of_distribution_part_of_one_network_is_refused(model: checkpoint.TrainedModel, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "model", replace(model, ood=ood_model(64)), {})
    with pytest.raises(ModelError) as caught:
        checkpoint.load(tmp_path / "model")
    assert caught.value.code is CheckpointCode.OOD_OF_OTHER_MODEL


# -- what lies in the folder, and leaves it


def test_the_card_names_every_network_with_its_license_and_the_cost(folder: Path) -> None:
    card = (folder / "README.md").read_text("utf-8")
    assert "It joins 2 networks" in card
    assert "- resnet10t.c3_in1k (weights: timm/resnet10t.c3_in1k, license apache-2.0)" in card
    assert "times as long as by small_cnn alone" in card
    assert "timm.create_model" not in card
    assert "timm.create_model" in (folder / "single" / "README.md").read_text("utf-8")
    assert ModelCard(card).data.base_model == "timm/resnet10t.c3_in1k"


def test_a_threshold_holds_for_the_model_of_one_network_too(folder: Path) -> None:
    checkpoint.set_threshold(folder, 0.8)
    assert (Predictor(folder).threshold, Predictor(folder / "single").threshold) == (0.8, 0.8)


def test_a_threshold_is_not_written_through_a_link(folder: Path) -> None:
    (folder / "single").rename(folder.with_name("other"))
    (folder / "single").symlink_to(folder.with_name("other"))
    checkpoint.set_threshold(folder, 0.8)
    assert Predictor(folder.with_name("other")).threshold == 0.4
