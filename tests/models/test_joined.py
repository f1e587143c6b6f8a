"""Models that join networks: the sum of the logits of timm's networks, from a folder that explains itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from timm.data import create_transform, resolve_data_config

from classifier import Predictor
from classifier.config import Preprocessing
from classifier.evaluation.report import build_report
from classifier.models import backbones, checkpoint, joined, networks
from tests.helpers import draw_photo

LABELS = ("cat", "dog", "hen")
CNN = backbones.ROWS["small_cnn"]
OTHER = replace(backbones.ROWS["resnet18"], weights="resnet10t.c3_in1k", name="resnet10t.c3_in1k")  # other mean and std
COMMON = Preprocessing(size=64, crop_pct=1.0)


def member(backbone: backbones.Backbone, width: int, seed: int, tuned: bool = False) -> joined.Member:
    """A network of random weights, with a random classifier."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    tensors = networks.untrained(backbone, num_classes=2).state_dict()
    head = rng.normal(size=(3, width), scale=0.3), rng.normal(size=3)
    kept = {key: value for key, value in tensors.items() if not key.startswith("fc.")}
    return joined.Member(backbone, kept, *(values.astype(np.float32) for values in head), tuned)


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
