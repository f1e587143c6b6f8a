"""Depthwise convolutions that train faster on a CPU, beside torch's own."""

from __future__ import annotations

import copy

import pytest
import timm
import torch
from timm.layers import create_conv2d
from torch import nn

from classifier.training.depthwise import speed_up_depthwise


def test_depthwise_convolutions_stay_in_float32_under_autocast() -> None:
    torch.manual_seed(0)
    plain = timm.create_model("tf_efficientnet_lite0", num_classes=3).eval()
    expected = {name: value.clone() for name, value in plain.state_dict().items()}
    # A copy computes with weights of its own: each run of a cross-validation is trained as a copy.
    network = copy.deepcopy(speed_up_depthwise(copy.deepcopy(plain)))
    assert network.state_dict().keys() == expected.keys()
    seen = {}
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda _, inputs, output, name=name: seen.update({name: output.dtype}))
    pixels = torch.randn(4, 3, 64, 64)
    with torch.autocast("cpu", torch.bfloat16):
        loss = network(pixels).float().square().sum()
    gradients = torch.autograd.grad(loss, list(network.parameters()))
    assert {seen["blocks.1.0.conv_dw"], seen["blocks.6.0.conv_dw"]} == {torch.float32}
    assert {seen["blocks.1.0.conv_pw"], seen["conv_stem"]} == {torch.bfloat16}
    exact = torch.autograd.grad(plain(pixels).square().sum(), list(plain.parameters()))
    for one, other in zip(gradients[-20:], exact[-20:]):
        assert torch.nn.functional.cosine_similarity(one.flatten(), other.flatten(), 0) > 0.98
    with torch.no_grad():
        network.get_parameter("blocks.0.0.conv_dw.weight").zero_()
        assert not network.blocks[0][0].conv_dw(torch.ones(1, 32, 8, 8)).any()
        assert plain.blocks[0][0].conv_dw(torch.ones(1, 32, 8, 8)).any()


@pytest.mark.parametrize("kernel", [3, 5, 7, 9])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", ["", "same"])
@pytest.mark.parametrize("side", [9, 12])
def test_gradients_are_those_of_torch(kernel: int, stride: int, padding: str, side: int) -> None:
    torch.manual_seed(0)
    plain = create_conv2d(6, 6, kernel, stride=stride, padding=padding, depthwise=True, bias=True)
    check_gradients(plain, torch.randn(2, 6, side, side + 1))


@pytest.mark.parametrize("kernel", [(11, 1), (1, 11), (5, 2), (2, 5)])
@pytest.mark.parametrize("multiplier", [1, 2])
def test_gradients_of_narrow_kernels_and_of_several_a_channel_are_those_of_torch(
    kernel: tuple[int, int], multiplier: int
) -> None:
    torch.manual_seed(0)
    check_gradients(nn.Conv2d(6, 6 * multiplier, kernel, groups=6), torch.randn(2, 6, 13, 14))


def check_gradients(plain: nn.Module, inputs: torch.Tensor) -> None:
    network = speed_up_depthwise(nn.Sequential(copy.deepcopy(plain)))
    inputs = inputs.to(memory_format=torch.channels_last)
    outputs, gradients = [], []
    for one in (plain, network):
        images = inputs.clone().requires_grad_(True)
        outputs.append(one(images))
        loss = (outputs[-1] * torch.arange(outputs[-1].numel()).view_as(outputs[-1]).sin()).sum()
        gradients.append(torch.autograd.grad(loss, [images, *one.parameters()]))
    torch.testing.assert_close(*outputs)
    for mine, torchs in zip(*gradients):
        torch.testing.assert_close(mine, torchs, rtol=1e-4, atol=1e-4)
