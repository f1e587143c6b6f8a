"""A network taken apart: batch norms folded into convolutions and back, the frozen front and the thawed rest."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_CHAINS = ("blocks", "stages", "features", "layers")  # what timm calls the body of a network


def fuse_batch_norm(network: nn.Module, trusted: bool = False) -> nn.Module:
    """A copy for inference in which every batch norm is folded into the convolution before it.

    The answers are the same within rounding and on a CPU come almost twice as fast, because a batch
    norm reads and writes every activation once more. Order of definition is not always order of
    computation, so the copy is tried against the original, and a plain copy returned where they differ;
    a ``trusted`` network has been tried before.
    """
    plain = copy.deepcopy(network).eval().requires_grad_(False)
    candidate = plain if trusted else copy.deepcopy(plain)
    for conv_name, norm_name in _foldable(candidate):
        conv, norm = candidate.get_submodule(conv_name), candidate.get_submodule(norm_name)
        candidate.set_submodule(conv_name, fuse_conv_bn_eval(conv, norm))  # type: ignore[type-var, arg-type]
        candidate.set_submodule(norm_name, getattr(norm, "act", nn.Identity()))  # BatchNormAct2d keeps its activation
    return candidate if trusted or outputs_match(plain, candidate) else plain


def _foldable(network: nn.Module) -> list[tuple[str, str]]:
    """The names of convolutions and of the batch norms right behind them."""
    found = []
    for parent_name, parent in network.named_modules():
        for (conv_name, conv), (norm_name, norm) in pairwise(parent.named_children()):
            if not isinstance(conv, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d):
                continue
            if conv.out_channels == norm.num_features:
                prefix = f"{parent_name}." if parent_name else ""
                found.append((prefix + conv_name, prefix + norm_name))
    return found


def stages(network: nn.Module) -> list[list[str]]:
    """The network's body as stages, each a list of modules by name; what comes before the first is no part of it.

    The last stage also has what comes behind the body, up to and without the classifier.
    """
    found: list[list[str]] = []
    last = network.pretrained_cfg.get("classifier")  # type: ignore[union-attr, operator]
    for name, child in network.named_children():
        if isinstance(child, nn.Sequential) and name in _CHAINS:
            found += [[f"{name}.{part}"] for part, _ in child.named_children()]
        elif isinstance(child, nn.Sequential) and name.startswith("layer"):
            found.append([name])
        elif found and name != last:
            found[-1].append(name)
    return found


def frozen_trunk(network: nn.Module, thawed: Sequence[Sequence[str]]) -> nn.Module:
    """The part of the network before the ``thawed`` stages: pictures (B, 3, H, W) -> activations (B, …)."""
    part = copy.deepcopy(network)
    for name in (name for stage in thawed for name in stage):
        part.set_submodule(name, nn.Identity())
    return _Features(part)


class _Features(nn.Module):
    """A network without its pooling and classifier."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        activations: Tensor = self.network.forward_features(pixels)  # type: ignore[operator]
        return activations


def trainable_tail(network: nn.Module, thawed: Sequence[Sequence[str]]) -> nn.Module:
    """The part of the network from the ``thawed`` stages on: activations -> what the network gives."""
    part = copy.deepcopy(network)
    kept = {name for stage in thawed for name in stage}
    last = network.pretrained_cfg.get("classifier")  # type: ignore[union-attr, operator]
    for name, child in part.named_children():
        if any(one == name or one.startswith(f"{name}.") for one in kept):
            for inner, _ in list(child.named_children()) if name in _CHAINS else ():
                if f"{name}.{inner}" not in kept:
                    part.set_submodule(f"{name}.{inner}", nn.Identity())
        elif name != last:
            part.set_submodule(name, nn.Identity())
    if hasattr(part, "_pos_embed"):  # a transformer adds places to its first activations: the front has done that
        part._pos_embed = _as_they_are  # type: ignore[assignment]
    return part


def _as_they_are(activations: Tensor) -> Tensor:
    return activations


def add_feature_output(network: nn.Module) -> nn.Module:
    """A network (B, …) -> (B, C + D): its logits and beside them the pooled features they were computed from.

    The network itself where it does not end in a linear layer. It is changed in place.
    """
    last = network.get_classifier()  # type: ignore[operator]
    if isinstance(last, nn.Linear):
        name = next(name for name, module in network.named_modules() if module is last)
        network.set_submodule(name, _Both(last))
    return network


class _Both(nn.Module):
    """A linear layer that also hands on what it reads; no hook, as threads share the network."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([self.linear(features), features], -1)


def outputs_match(one: nn.Module, other: nn.Module) -> bool:
    """Whether two networks give the same within rounding for pictures of random pixels."""
    pixels = torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    try:
        with torch.inference_mode():
            expected, found = one(pixels), other(pixels)
    except (RuntimeError, AssertionError, TypeError):
        return False  # a network with a fixed picture size, or without convolutions
    return torch.allclose(expected, found, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))
