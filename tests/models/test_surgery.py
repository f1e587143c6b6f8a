from __future__ import annotations

import pytest
import timm
import torch
from torch import Tensor, nn

from classifier.models import backbones, networks, surgery

NAMES = [row.name for row in backbones.BACKBONES if row.package]
# One network of each kind of body that timm has.
KINDS = [
    "tf_efficientnet_lite0",
    "resnet18",
    "vgg11",
    "densenet121",
    "mobilenetv3_small_050",
    "convnext_atto",
    "vit_tiny_patch16_224",
    "small_cnn",
]


@pytest.mark.parametrize("name", NAMES)
def test_folding_batch_norm_changes_nothing_but_the_speed(name: str) -> None:
    network = networks.build(name)
    folded = surgery.fuse_batch_norm(network)
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    pixels = torch.randn(2, 3, 128, 160, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        torch.testing.assert_close(folded(pixels), network(pixels), rtol=1e-3, atol=1e-3)


class Misleading(nn.Module):
    """Its batch norm is defined after the convolution and computed before it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.conv(self.norm(pixels)).mean((2, 3))


def test_a_network_whose_definition_misleads_is_left_as_it_is() -> None:
    network = Misleading().eval()
    network.norm.running_mean.uniform_(-2, 2, generator=torch.Generator().manual_seed(0))
    network.norm.running_var.uniform_(1, 9, generator=torch.Generator().manual_seed(0))
    pixels = torch.randn(2, 3, 32, 32)
    folded = surgery.fuse_batch_norm(network)
    assert folded is not network
    with torch.inference_mode():
        assert torch.equal(folded(pixels), network(pixels))


def random_network(name: str) -> nn.Module:
    """A network with random weights whose batch norms have seen something."""
    torch.manual_seed(0)
    smaller = {"vit_tiny_patch16_224": {"img_size": 96}, "vgg11": {"mlp_ratio": 0.02}}
    args = smaller.get(name) or networks.arguments(name)
    network = timm.create_model(networks.architecture(name), num_classes=3, **args).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
    return network


@pytest.mark.parametrize("name", KINDS)
def test_front_and_rest_together_answer_like_the_whole(name: str) -> None:
    network = random_network(name)
    stages = surgery.stages(network)
    pixels = torch.randn(2, 3, 96, 96)
    assert len(stages) >= 4
    with torch.inference_mode():
        expected = network(pixels)
        for thawed in {1, 2, len(stages) - 1}:
            front = surgery.frozen_trunk(network, stages[-thawed:])
            rest = surgery.trainable_tail(network, stages[-thawed:])
            torch.testing.assert_close(rest(front(pixels)), expected)
