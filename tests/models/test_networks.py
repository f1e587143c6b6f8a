from __future__ import annotations

from pathlib import Path

import huggingface_hub.constants
import pytest
import torch

from classifier.errors import ModelError
from classifier.models import backbones, networks

BUILT_IN = [row for row in backbones.BACKBONES if row.package]
NAMES = [row.name for row in BUILT_IN]


@pytest.mark.parametrize("row", BUILT_IN, ids=NAMES)
def test_a_built_in_network_turns_pictures_into_features(row: networks.Backbone) -> None:
    network = networks.build(row.name)
    with torch.inference_mode():
        features = network(torch.zeros(2, 3, 96, 96))
    assert features.shape == (2, network.head_hidden_size)
    assert not network.training
    assert networks.preprocessing(row.name).size == row.size
    assert networks.relative_cost(row.name) == row.cost


def test_weights_are_loaded_and_never_random() -> None:
    one, other = networks.build(NAMES[0]).state_dict(), networks.build(NAMES[0]).state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert one["bn1.running_var"].std() > 0  # of a fresh network they are all one
    assert not any(value.is_meta for value in one.values())


@pytest.mark.parametrize("name", NAMES)
def test_tensors_are_kept_under_timms_names_and_found_again(name: str, tmp_path: Path) -> None:
    first = networks.backbone_tensors(name, tmp_path)
    expected = {key: value for key, value in networks.build(name, 2).state_dict().items() if "classifier" not in key}
    again = networks.backbone_tensors(name, tmp_path)
    assert first.keys() == again.keys() == expected.keys()
    assert all(torch.equal(first[key], value) and torch.equal(again[key], value) for key, value in expected.items())
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:1000])
    assert networks.backbone_tensors(name, tmp_path).keys() == expected.keys()
    assert networks.backbone_tensors(name, tmp_path / "nowhere").keys() == expected.keys()


def test_tensors_of_other_networks_are_not_kept_twice(tmp_path: Path) -> None:
    assert "conv1.0.weight" in networks.backbone_tensors("small_cnn", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_does_not_end_in_one_linear_layer_is_refused() -> None:
    with pytest.raises(ModelError, match="plain linear layer"):
        networks.classifier("deit_tiny_distilled_patch16_224")


def test_a_new_classifier_has_as_many_outputs_as_classes() -> None:
    with torch.inference_mode():
        assert networks.build(NAMES[0], num_classes=7)(torch.zeros(1, 3, 64, 64)).shape == (1, 7)


@pytest.mark.parametrize("name", ["no_such_network", "", "../tf_efficientnet_lite0", "hf-hub:someone/something"])
def test_an_unknown_network_is_named_together_with_what_works(name: str) -> None:
    for verb in (networks.preprocessing, networks.build):
        with pytest.raises(ModelError, match="tf_efficientnet_lite0"):
            verb(name)


@pytest.mark.parametrize("name", ["resnet18", "resnet18.a1_in1k"])
def test_without_the_hub_its_networks_are_a_plain_message_and_never_random(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"Hugging Face Hub.*tf_efficientnet_lite0"):
        networks.build(name)


def test_a_network_that_nobody_trained_is_refused() -> None:
    for verb in (networks.preprocessing, networks.build):
        with pytest.raises(ModelError, match="tf_efficientnet_lite0"):
            verb("resnet18.no_such_weights")
