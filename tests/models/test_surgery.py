from __future__ import annotations

import pytest
import timm
import torch
from torch import Tensor, nn

from classifier.models import backbones, networks, surgery

NAMES = [row.name for row in backbones.BACKBONES if row.package]
# One network of each kind of body in timm.
KINDS = [
    "tf_efficientnet_lite0",
    "resnet18",
    "vgg11",
    "densenet121",
    "mobilenetv3_small_050",
    "convnext_atto",
    "regnetx_002",
    "vit_tiny_patch16_224",
    "test_vit3",  # attention pooling, as SigLIP 2
    "vit_pe_core_tiny_patch16_384",  # rotary embeddings for every block
    "tiny_vit_5m_224",
    "mobilenetv4_conv_small_050",
    "tf_efficientnetv2_b0",
    "small_cnn",
]


@pytest.mark.parametrize("name", NAMES)
def test_fusing_batch_norm_keeps_the_outputs(name: str) -> None:
    network = networks.build(backbones.resolve(name))
    fused = surgery.fuse_batch_norm(network)
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())
    pixels = torch.randn(2, 3, 128, 160, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        torch.testing.assert_close(fused(pixels), network(pixels), rtol=1e-3, atol=1e-3)


class OutOfOrder(nn.Module):
    """Its batch norm is defined after the convolution and computed before it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.conv(self.norm(pixels)).mean((2, 3))


def test_a_network_defined_out_of_order_is_not_fused() -> None:
    network = OutOfOrder().eval()
    network.norm.running_mean.uniform_(-2, 2, generator=torch.Generator().manual_seed(0))
    network.norm.running_var.uniform_(1, 9, generator=torch.Generator().manual_seed(0))
    pixels = torch.randn(2, 3, 32, 32)
    fused = surgery.fuse_batch_norm(network)
    assert fused is not network
    with torch.inference_mode():
        assert torch.equal(fused(pixels), network(pixels))


def random_network(name: str) -> nn.Module:
    """A network with random weights and random statistics of its batch norms."""
    torch.manual_seed(0)
    sides = {key: {"img_size": 96} for key in ("vit_tiny_patch16_224", "test_vit3", "vit_pe_core_tiny_patch16_384")}
    smaller = {**sides, "vgg11": {"mlp_ratio": 0.02}}
    backbone = backbones.resolve(name)
    args = smaller.get(name) or dict(backbone.arguments)
    network = timm.create_model(backbone.architecture, num_classes=3, **args).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
    return networks.without_bias_cache(network)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_trunk_and_tail_together_give_the_outputs_of_the_whole(name: str) -> None:
    network = random_network(name)
    stages = surgery.stages(network)
    pixels = torch.randn(2, 3, 96, 96)
    assert len(stages) >= 4
    with torch.inference_mode():
        expected = network(pixels)
        for count in {1, 2, len(stages) - 1}:
            trunk = surgery.frozen_trunk(network, stages[-count:])
            tail = surgery.trainable_tail(network, stages[-count:])
            torch.testing.assert_close(tail(trunk(pixels)), expected)
    tail = surgery.trainable_tail(network, stages[-2:])  # outside of inference mode
    with torch.no_grad():
        activations = surgery.frozen_trunk(network, stages[-2:])(pixels)
    torch.autograd.grad(tail(activations).sum(), list(tail.parameters()))  # fails where one takes no part


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("tf_efficientnet_lite0", ["blocks.0"], ["blocks.6", "conv_head", "bn2", "global_pool"]),
        ("small_cnn", ["layer1"], ["layer4", "global_pool"]),
        ("vgg16", ["features.2", "features.3", "features.4"], ["features.28", "features.29", "features.30",
         "pre_logits", "head"]),
        ("densenet121", ["features.denseblock1", "features.transition1"], ["features.denseblock4", "features.norm5",
         "global_pool", "head_drop"]),
        ("mobilenetv3_large_100", ["blocks.0"], ["blocks.6", "global_pool", "conv_head", "norm_head", "act2",
         "flatten"]),
        ("convnext_tiny", ["stages.0"], ["stages.3", "norm_pre", "head"]),
        ("vit_small_patch14_dinov2", ["blocks.0"], ["blocks.11", "norm", "fc_norm", "head_drop"]),
    ],
)  # fmt: skip
def test_stages_lie_between_stem_and_classifier(name: str, first: list[str], last: list[str]) -> None:
    stages = surgery.stages(networks.build_on_meta(backbones.resolve(name), 3))
    assert (stages[0], stages[-1]) == (first, last)


@pytest.mark.slow
@pytest.mark.parametrize("row", backbones.BACKBONES, ids=lambda row: row.name)
def test_every_stage_of_every_network_has_parameters_of_its_own(row: backbones.Backbone) -> None:
    network = networks.build_on_meta(row, 3)
    names = [name for stage in surgery.stages(network) for name in stage]
    assert len(names) == len(set(names))
    for stage in surgery.stages(network):
        assert any(list(network.get_submodule(name).parameters()) for name in stage)
    classifier = network.get_classifier().weight
    inside = [parameter for name in names for parameter in network.get_submodule(name).parameters()]
    assert any(parameter is classifier for parameter in inside) == ("head" in names)  # whose linear layer is inside


def test_a_network_that_timm_does_not_group_has_no_stages() -> None:
    assert surgery.stages(OutOfOrder()) == []


def test_a_network_whose_parts_do_not_give_its_outputs_has_no_stages() -> None:
    assert surgery.stages(timm.create_model("levit_128s", num_classes=3).eval()) == []
