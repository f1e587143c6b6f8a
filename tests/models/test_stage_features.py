"""A network whose classifier gets earlier stages, too: its features, its folder and its heat map."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch

from classifier import Predictor
from classifier import device as devices
from classifier.config import LIMITS, Preprocessing
from classifier.errors import ModelError
from classifier.evaluation.scoring import build_report
from classifier.messages.models import CheckpointCode
from classifier.models import checkpoint, networks
from classifier.models.backbones import ROWS
from classifier.models.feature_cache import FeatureCache
from classifier.models.features import FeatureExtractor, embed
from tests.helpers import draw_photo

PLAIN = ROWS["tf_efficientnet_lite0"]
STAGES = PLAIN.with_stages()
COMMON = Preprocessing(size=64, crop_pct=1.0)
PIXELS = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def stages_model(**changes: Any) -> checkpoint.TrainedModel:
    """A random head on the stages of a network, and one on its last map as the model for other programs."""
    probs, y_true = np.eye(3, dtype=np.float32)[np.arange(6) % 3], np.arange(6) % 3
    report = build_report(
        probs, y_true, ("cat", "dog", "hen"), images=6, evaluated_on="out_of_fold", threshold=0.4, temperature=1.0,
        warnings=[], resize_mode="whole", backbone=PLAIN.name,
    )  # fmt: skip
    rng, bias = np.random.default_rng(1), np.array([0.5, -0.5, 0.1], np.float32)
    weight = rng.normal(size=(3, sum(networks.part_widths(STAGES))), scale=0.1).astype(np.float32)
    own = weight[:, :1280].copy()
    single = checkpoint.TrainedModel("quick", PLAIN, networks.backbone_tensors(PLAIN), own, bias, COMMON, report)
    tensors = networks.backbone_tensors(STAGES)
    model = checkpoint.TrainedModel("quick", STAGES, tensors, weight, bias, COMMON, report, single=single)
    return replace(model, **changes)


@pytest.fixture(scope="module")
def model() -> checkpoint.TrainedModel:
    return stages_model()


@pytest.fixture
def folder(model: checkpoint.TrainedModel, tmp_path: Path) -> Path:
    checkpoint.save(tmp_path / "model", model, {})
    return tmp_path / "model"


def test_the_features_are_the_means_of_the_maps_that_timm_gives() -> None:
    maps = timm.create_model(PLAIN.architecture, features_only=True, out_indices=STAGES.stages).eval()
    plain = networks.build(PLAIN)
    weights = plain.state_dict()
    maps.load_state_dict({key: weights[key] for key in maps.state_dict()})
    with torch.inference_mode():
        expected = [plain(PIXELS), *(one.mean((2, 3)) for one in maps(PIXELS))]
        found = networks.build(STAGES)(PIXELS)
    assert [one.shape[1] for one in expected] == list(networks.part_widths(STAGES))
    assert torch.equal(found[:, :1280], expected[0])  # so that they can be cached as those of the network alone
    torch.testing.assert_close(found, torch.cat(expected, 1), atol=1e-5, rtol=1e-5)


def test_a_folder_gives_the_answers_of_the_model(model: checkpoint.TrainedModel, folder: Path) -> None:
    loaded = checkpoint.load(folder)
    assert (loaded.members, loaded.is_built_in) == ((PLAIN.name,), True)
    with torch.inference_mode():
        (inputs,) = loaded.network.inputs(PIXELS)  # type: ignore[operator]
        features = networks.build(STAGES)(inputs)
        expected = features @ torch.from_numpy(model.weight).T + torch.from_numpy(model.bias)
        for network in (loaded.network, loaded.inference_network()):
            torch.testing.assert_close(network(PIXELS), expected, atol=1e-4, rtol=1e-4)
    assert timm.create_model(f"local-dir:{folder / 'single'}", pretrained=True).num_classes == 3
    assert "Its last layer gets what earlier stages of the network found, too:" in (folder / "README.md").read_text()


def test_the_heat_map_adds_up_to_the_logit_without_its_bias(model: checkpoint.TrainedModel, folder: Path) -> None:
    explained = Predictor(folder).explain(draw_photo(1), "dog")
    assert explained.heatmap.shape == (4, 4)  # of the finest of the maps
    assert explained.features.shape == (1712,)
    np.testing.assert_allclose(explained.heatmap.sum(), model.weight[1] @ explained.features, atol=1e-3)


@pytest.mark.parametrize(
    ("stages", "code"),
    [
        ([0], CheckpointCode.CHANGED_ARGUMENT), ([3, 4, 4], CheckpointCode.CHANGED_ARGUMENT),
        ([[3]], CheckpointCode.CHANGED_ARGUMENT), ("34", CheckpointCode.CHANGED_ARGUMENT),
        (7, CheckpointCode.CONFIG_INCOMPLETE), ([], CheckpointCode.MEMBER_COUNT),
    ],
)  # fmt: skip
def test_stages_that_no_network_has_here_are_refused(stages: Any, code: CheckpointCode, folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["members"][0]["stages"] = stages
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError) as refused:
        checkpoint.load(folder)
    assert refused.value.code is code


def test_a_pass_that_keeps_stages_gives_the_features_of_one_that_does_not(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    photos = [(f"{number}" * 64, path) for number, path in enumerate(paths)]
    for number, path in enumerate(paths):
        draw_photo(number, (80, 60)).save(path)
    preprocessing = networks.preprocessing(PLAIN)
    with FeatureCache(tmp_path / "one") as one, FeatureCache(tmp_path / "other") as other:
        plain = FeatureExtractor(PLAIN, devices.choose("cpu"), one, LIMITS)
        keeping = replace(plain, cache=other, keeps_stages=True)
        known = list(embed(keeping, photos[:1], [preprocessing]))
        found = [*known, *list(embed(keeping, photos, [preprocessing]))[1:]]
        np.testing.assert_array_equal(found, list(embed(plain, photos, [preprocessing])))
        for path in paths:
            path.unlink()
        staged = list(embed(replace(keeping, backbone=STAGES), photos, [preprocessing]))  # without a further pass
        assert np.shape(staged) == (3, 1, 1712)
        np.testing.assert_array_equal(np.array(staged)[..., :1280], found)
    one.close()
    other.close()
