"""Convolutions that apply their activation themselves, by oneDNN, for inference on a CPU.

On a CPU a seventh of the time of a Lite network goes into activations that are read and written once more, and a
seventh into the padding of convolutions whose input has an even size. TorchInductor calls the same operation, after
half a minute of compilation.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from timm.layers import Conv2dSame
from torch import Tensor, nn

_ACTIVATIONS = {nn.ReLU: ("relu", []), nn.ReLU6: ("hardtanh", [0.0, 6.0])}


class FusedConvolution(nn.Module):
    """A convolution followed by ReLU or ReLU6, with the outputs of both to the last bit; it is not to be trained.

    TensorFlow's padding (timm's ``Conv2dSame``) adds one row more below than above where the size is even. oneDNN as
    torch calls it pads both sides alike, so a kernel with one more row and column of zeros takes its place.
    """

    extended: Tensor | None

    def __init__(self, conv: nn.Conv2d, activation: nn.Module) -> None:
        super().__init__()
        self.weight, self.bias = conv.weight, conv.bias
        self.stride, self.groups = list(conv.stride), conv.groups
        self.padding = [] if isinstance(conv, Conv2dSame) else list(map(int, conv.padding))
        extended = F.pad(conv.weight.detach(), (1, 0, 1, 0)) if isinstance(conv, Conv2dSame) else None
        self.register_buffer("extended", extended, persistent=False)
        self.activation = _ACTIVATIONS[type(activation)]

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        weight, padding = self.weight, self.padding
        if self.extended is not None:
            kernel, stride, size = weight.shape[-1], self.stride[0], pixels.shape[-1]
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            padding = [-(-total // 2)] * 2
            weight = self.extended if total % 2 else weight
        output: Tensor = torch.ops.mkldnn._convolution_pointwise(
            pixels, weight, self.bias, padding, self.stride, [1, 1], self.groups, *self.activation, ""
        )
        return output


def fuse_activations(network: nn.Module) -> nn.Module:
    """Change ``network`` in place: each convolution applies the ReLU or ReLU6 defined right behind it, and return it.

    It is left as it is where torch has no such operation. For networks that get square inputs on a CPU.
    """
    if not hasattr(torch.ops.mkldnn, "_convolution_pointwise"):
        return network
    for parent in list(network.modules()):
        for (name, conv), (next_name, activation) in pairwise(list(parent.named_children())):
            if isinstance(conv, nn.Conv2d) and type(activation) in _ACTIVATIONS and _is_plain(conv):
                parent.add_module(name, FusedConvolution(conv, activation))
                parent.add_module(next_name, nn.Identity())
    return network


def _is_plain(conv: nn.Conv2d) -> bool:
    """Whether a convolution is of a known kind, square, without dilation, and padded with zeros."""
    known = type(conv) in (nn.Conv2d, Conv2dSame)
    square = len(set(conv.kernel_size)) == len(set(conv.stride)) == 1
    padded = conv.padding_mode == "zeros" and not isinstance(conv.padding, str)
    return known and square and padded and set(conv.dilation) == {1}
