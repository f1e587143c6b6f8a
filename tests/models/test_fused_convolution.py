"""Convolutions with their activations in one operation give what the two give, in every size and precision."""

from __future__ import annotations

import copy

import pytest
import torch
from timm.layers import Conv2dSame
from torch import nn

from classifier.models.fused_convolution import FusedConvolution, fuse_activations


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [15, 16, 17])
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("activation", [nn.ReLU(), nn.ReLU6()])
def test_outputs_are_those_of_convolution_and_activation(
    dtype: torch.dtype, size: int, kernel: int, activation: nn.Module
) -> None:
    torch.manual_seed(0)
    convolutions = [
        Conv2dSame(8, 8, kernel, 2, groups=8), Conv2dSame(8, 16, kernel, 2, bias=False),
        nn.Conv2d(8, 16, kernel, padding=kernel // 2), nn.Conv2d(8, 8, kernel, 2, 1, groups=8),
    ]  # fmt: skip
    pixels = (6 * torch.randn(2, 8, size, size)).to(dtype).to(memory_format=torch.channels_last)
    for convolution in convolutions:
        plain = nn.Sequential(convolution, activation)
        fused = fuse_activations(copy.deepcopy(plain))
        for network in (plain, fused):
            network.to(dtype).to(memory_format=torch.channels_last)
        assert isinstance(fused[0], FusedConvolution)  # type: ignore[index]
        with torch.inference_mode():
            torch.testing.assert_close(fused(pixels), plain(pixels))


def test_what_onednn_does_not_compute_is_left_alone() -> None:
    layers = [
        nn.Conv2d(4, 4, 3, dilation=2),
        nn.ReLU(),
        nn.Conv2d(4, 4, (1, 3)),
        nn.ReLU(),
        nn.Conv2d(4, 4, 1),
        nn.SiLU(),
    ]
    assert list(fuse_activations(nn.Sequential(*layers)).children()) == layers
