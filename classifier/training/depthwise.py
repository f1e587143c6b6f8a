"""Depthwise convolutions on a CPU, whose gradients oneDNN computes slowly in bfloat16 and for wide kernels."""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
import torch.nn.functional as F
from timm.layers import Conv2dSame, pad_same
from torch import Tensor, nn

_FAST_WIDTH = 3  # widest kernel whose gradient oneDNN has a kernel of its own for
_backward = torch.ops.aten.convolution_backward


def speed_up_depthwise(network: nn.Module) -> nn.Module:
    """Change ``network`` in place: its depthwise convolutions train faster on a CPU; return it.

    Under autocast they stay in float32: in bfloat16 their gradient takes three quarters of a training step of
    EfficientNet-Lite0, whose last two stages train 2.7 times as fast with this. The gradient of a kernel is computed in
    columns of three: of one of 5 by 5 for 1,248 channels that takes 0.8 ms instead of 6.1, and three stages of
    EfficientNet-Lite2 train 1.4 times as fast again. Grouped convolutions of several channels each, and all others, are
    left alone.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1 and module.weight.shape[1] == 1:
            module.forward = MethodType(_forward, module)  # type: ignore[method-assign]
    return network


def _forward(self: nn.Conv2d, activations: Tensor) -> Tensor:
    with torch.autocast(activations.device.type, enabled=False):
        activations, padding = activations.float(), self.padding
        if self.kernel_size[1] <= _FAST_WIDTH or not _is_plain(self):
            return type(self).forward(self, activations)
        if isinstance(self, Conv2dSame):
            activations, padding = pad_same(activations, list(self.kernel_size), list(self.stride)), (0, 0)
        output: Tensor = _Convolution.apply(activations, self.weight, self.bias, self.stride, padding)
        return output


def _is_plain(conv: nn.Conv2d) -> bool:
    """Whether a convolution is of a known kind, without dilation, padded with zeros, and has a kernel a channel."""
    padded = conv.padding_mode == "zeros" and not isinstance(conv.padding, str)
    return (
        type(conv) in (nn.Conv2d, Conv2dSame)
        and padded
        and set(conv.dilation) == {1}
        and conv.in_channels == conv.out_channels
    )


class _Convolution(torch.autograd.Function):
    """A depthwise convolution: (B, C, H, W), kernels (C, 1, K, L) and biases (C,) or None -> (B, C, H', W')."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None, stride: tuple[int, int], padding: tuple[int, int]
    ) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(inputs, weight, bias, stride, padding, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        inputs, weight = ctx.saved_tensors
        needs_inputs, needs_weight, needs_bias, *_ = ctx.needs_input_grad
        of_inputs = of_weight = None
        if needs_inputs:
            of_inputs = _gradients(gradient, inputs, weight, ctx.stride, ctx.padding, 0)
        if needs_weight:
            of_weight = _gradient_of_kernel(gradient, inputs, weight, ctx.stride, ctx.padding)
        return of_inputs, of_weight, gradient.sum((0, 2, 3)) if needs_bias else None, None, None


def _gradient_of_kernel(
    gradient: Tensor, inputs: Tensor, weight: Tensor, stride: tuple[int, int], padding: tuple[int, int]
) -> Tensor:
    """Return the gradient (C, 1, K, L) of the kernels, a few columns after the other.

    Some columns of a kernel see the inputs as a kernel of that width does, with other padding at the sides; negative
    padding cuts off.
    """
    width, side = weight.shape[-1], padding[1]
    found = torch.empty_like(weight)
    for left in (*range(0, width - _FAST_WIDTH, _FAST_WIDTH), width - _FAST_WIDTH):
        columns = slice(left, left + _FAST_WIDTH)
        shifted = F.pad(inputs, (side - left, side - (width - _FAST_WIDTH - left)))
        part = weight[..., columns].contiguous()
        found[..., columns] = _gradients(gradient, shifted, part, stride, (padding[0], 0), 1)
    return found


def _gradients(
    gradient: Tensor, inputs: Tensor, weight: Tensor, stride: tuple[int, int], padding: tuple[int, int], which: int
) -> Tensor:
    """Return the gradient of the inputs (``which`` 0) or of the kernels (1)."""
    mask = [which == 0, which == 1, False]
    groups = len(weight)
    found: Tensor = _backward(
        gradient, inputs, weight, None, stride, padding, (1, 1), False, (0, 0), groups, mask
    )[which]  # fmt: skip
    return found
