from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from classifier import Finished, Predictor
from classifier.errors import SettingError
from classifier.evaluation import heatmap
from classifier.workflows import similar


def network(name: str, **settings: object) -> torch.nn.Module:
    torch.manual_seed(0)
    made = timm.create_model(name, pretrained=False, num_classes=3, **settings).eval()
    torch.nn.init.normal_(made.get_classifier().bias)
    return made


PIXELS = torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "resnet18"])
@pytest.mark.parametrize("label", [0, 2])
def test_the_map_of_a_linear_head_sums_to_the_logit_less_its_bias(name: str, label: int) -> None:
    made = network(name)
    heat = heatmap.heat_map(made, PIXELS, label)
    assert heat.shape == (3, 3)
    with torch.inference_mode():
        logit = made(PIXELS)[0, label] - made.get_classifier().bias[label]
    assert heat.sum() == pytest.approx(float(logit), abs=1e-4)
    gradient = heatmap._gradient_map(made, PIXELS, label)
    np.testing.assert_allclose(heat, gradient, atol=1e-4)  # the gradient's map is exact for such a head


def test_a_network_of_tokens_has_a_map_of_its_patches() -> None:
    made = network("vit_tiny_patch16_224", img_size=96)
    heat = heatmap.heat_map(made, PIXELS, 1)
    assert heat.shape == (6, 6)
    assert np.isfinite(heat).all()
    assert np.abs(heat).sum() > 0


def test_a_network_with_channels_last_has_a_map_of_places() -> None:
    heat = heatmap.heat_map(network("swin_tiny_patch4_window7_224", img_size=96, window_size=3), PIXELS, 1)
    assert heat.shape == (3, 3)


def test_explaining_leaves_the_network_as_it_was() -> None:
    made = network("resnet18").requires_grad_(False)
    before = made(PIXELS)
    heatmap.heat_map(made, PIXELS, 0)
    heatmap._gradient_map(made, PIXELS, 0)
    assert torch.equal(made(PIXELS), before)
    assert not any(value.requires_grad for value in made.parameters())


@pytest.mark.parametrize("count", [1, 3, 20])
def test_the_nearest_photos_are_those_of_brute_force(count: int) -> None:
    rng = np.random.default_rng(0)
    features, query = rng.normal(size=(50, 16)).astype(np.float32), rng.normal(size=16).astype(np.float32)
    theirs = NearestNeighbors(n_neighbors=count, metric="cosine", algorithm="brute").fit(features)
    assert similar.nearest_neighbors(query, features, count).tolist() == theirs.kneighbors(query[None])[1][0].tolist()


def test_features_without_length_are_nearest_to_nothing() -> None:
    features = np.array([[0, 0], [1, 0]], np.float32)
    assert similar.nearest_neighbors(np.array([1, 1], np.float32), features, 1).tolist() == [1]


def test_a_trained_model_shows_what_spoke_for_its_answer(trained: Finished, example_set: Path) -> None:
    predictor = Predictor(trained.folder, "cpu")
    photo = next(example_set.glob("mug/*"))
    evidence = predictor.explain(photo)
    assert evidence.label == predictor.predict(photo)[0].top[0].label
    assert evidence.heatmap.shape == (9, 9)
    assert evidence.features.shape == (1280,)
    assert (evidence.pixels.shape, evidence.pixels.dtype) == ((288, 288, 3), np.uint8)
    colours = np.asarray(Image.open(photo).convert("RGB"), np.float32).mean((0, 1))
    np.testing.assert_allclose(
        evidence.pixels.mean((0, 1)), colours, atol=20
    )  # colours as in the photo, not normalised
    assert predictor.explain(photo, "key").heatmap.sum() < evidence.heatmap.sum()
    with pytest.raises(SettingError, match="no class “zebra”"):
        predictor.explain(photo, "zebra")
