"""Networks rebuilt: batch norm fused into convolutions, a frozen trunk and a trainable tail, features beside logits."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any
from weakref import WeakKeyDictionary

import torch
from timm.models import group_parameters
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .backbones import BACKBONES
from .joined import feature_networks


def fuse_batch_norm(network: nn.Module, trusted: bool = False) -> nn.Module:
    """A copy for inference in which every batch norm is fused into the convolution before it.

    The outputs are equal within rounding and on a CPU come almost twice as fast, because a batch norm reads and
    writes every activation once more. Order of definition is not always order of computation, so the copy is
    compared with the original on one input, and a plain copy returned where they differ; not so for a ``trusted``
    network, which the tests have compared. The field's tools (``torch.fx``'s fuse, TorchInductor) trace the network,
    which takes seconds and fails on some of timm's.
    """
    plain = copy.deepcopy(network).eval().requires_grad_(False)
    candidate = plain if trusted else copy.deepcopy(plain)
    for conv_name, norm_name in _fusable(candidate):
        conv, norm = candidate.get_submodule(conv_name), candidate.get_submodule(norm_name)
        candidate.set_submodule(conv_name, fuse_conv_bn_eval(conv, norm))  # type: ignore[type-var, arg-type]
        candidate.set_submodule(norm_name, getattr(norm, "act", nn.Identity()))  # BatchNormAct2d keeps its activation
    return candidate if trusted or outputs_match(plain, candidate) else plain


def _fusable(network: nn.Module) -> list[tuple[str, str]]:
    """The names of convolutions and of the batch norms defined right behind them."""
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
    """The stages of a network's body, first to last, each the names of its modules; the stem is no part of them.

    The stages are timm's groups of parameters for layer-wise learning rates (``group_matcher``, coarse). What has no
    parameters belongs to the stage before it; all that follows the body, but for the classifier, to the last stage.
    Empty for a network that timm does not group, and for one whose parts do not give its outputs: each network outside
    the table is tried once, on random pixels.
    """
    if not hasattr(network, "group_matcher"):
        return []
    if network not in _STAGES:
        found = _group(network)
        trusted = network.pretrained_cfg.get("architecture") in _TABLE  # type: ignore[union-attr, operator]
        _STAGES[network] = found if trusted or _gives_outputs(network, found[-max(1, len(found) // 2) :]) else []
    return _STAGES[network]


_TABLE = {row.architecture for row in BACKBONES}
_STAGES: WeakKeyDictionary[nn.Module, list[list[str]]] = WeakKeyDictionary()


def _gives_outputs(network: nn.Module, unfrozen: list[list[str]]) -> bool:
    """Whether trunk and tail together give the outputs of the network."""
    network = copy.deepcopy(network).eval()
    cfg: Any = network.pretrained_cfg
    height, width = getattr(getattr(network, "patch_embed", None), "img_size", None) or cfg["input_size"][-2:]
    pixels = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    pixels = pixels.to(next(network.parameters()))
    try:
        with torch.inference_mode():
            expected = network(pixels)
            divided = trainable_tail(network, unfrozen)(frozen_trunk(network, unfrozen)(pixels))
            return expected.shape == divided.shape and torch.allclose(
                expected, divided, rtol=1e-3, atol=1e-3 * float(expected.abs().max())
            )
    except (RuntimeError, AssertionError, TypeError, ValueError, AttributeError, IndexError):
        return False


def _group(network: nn.Module) -> list[list[str]]:
    groups = group_parameters(network, network.group_matcher(coarse=True))  # type: ignore[operator]
    group_of = {name: number for number, names in groups.items() for name in names}
    classifier = _classifier_name(network)
    end = min((number for name, number in group_of.items() if name.startswith(f"{classifier}.")), default=len(groups))
    found: dict[int, list[str]] = {}
    number = 0
    for name, numbers in _units(network, group_of):
        number = max(number, min(numbers, default=number))
        if number and name != classifier:  # group 0 is the stem
            found.setdefault(min(number, end - 1), []).append(name)
    return list(found.values())


def _units(network: nn.Module, group_of: dict[str, int]) -> Iterator[tuple[str, set[int]]]:
    """The parts a network can be cut into, and their groups: its children, those of a chain of several groups apart."""
    for name, child in network.named_children():
        numbers = _groups_below(name, group_of)
        if isinstance(child, (nn.Sequential, nn.ModuleList)) and len(numbers) > 1:
            yield from ((f"{name}.{part}", _groups_below(f"{name}.{part}", group_of)) for part in child._modules)
        else:
            yield name, numbers


def _groups_below(module: str, group_of: dict[str, int]) -> set[int]:
    return {number for name, number in group_of.items() if name.startswith(f"{module}.")}


def _classifier_name(network: nn.Module) -> str:
    return str(network.pretrained_cfg.get("classifier"))  # type: ignore[union-attr, operator]


def frozen_trunk(network: nn.Module, unfrozen: Sequence[Sequence[str]]) -> nn.Module:
    """The part of the network before the ``unfrozen`` stages: pictures (B, 3, H, W) -> activations (B, …)."""
    part = copy.deepcopy(network)
    for name in (name for stage in unfrozen for name in stage):
        part.set_submodule(name, _PassOn())
    return _ForwardFeatures(part)


class _ForwardFeatures(nn.Module):
    """A network without its pooling and classifier."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        activations: Tensor = self.network.forward_features(pixels)  # type: ignore[operator]
        return activations


def trainable_tail(network: nn.Module, unfrozen: Sequence[Sequence[str]]) -> nn.Module:
    """The part of the network from the ``unfrozen`` stages on: activations -> logits or pooled features."""
    part = copy.deepcopy(network)
    trainable = {name for stage in unfrozen for name in stage} | {_classifier_name(network)}
    for name, child in list(part.named_children()):
        if name in trainable or name == "rope":  # every block of timm's Eva needs the rotary embeddings
            continue
        if not any(one.startswith(f"{name}.") for one in trainable):
            part.set_submodule(name, _PassOn())
            continue
        for inner in {f"{name}.{inner}" for inner in child._modules} - trainable:
            part.set_submodule(inner, _PassOn())
    if hasattr(part, "_pos_embed"):  # a transformer adds position embeddings to its first activations: done before
        rotary: Any = getattr(part, "rope", None)
        part._pos_embed = partial(_with_rotary, rotary) if hasattr(part, "rope") else _identity  # type: ignore[assignment]
    for name in list(part._parameters):  # class token and position embeddings: done before, too, and not to be trained
        part.register_parameter(name, None)
    return part


class _PassOn(nn.Module):
    """Takes the place of a module: its output is its first input."""

    def forward(self, activations: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return activations


def _identity(activations: Tensor) -> Tensor:
    return activations


def _with_rotary(rope: nn.Module | None, activations: Tensor) -> tuple[Tensor, Tensor | None]:
    return activations, None if rope is None else rope.get_embed()  # type: ignore[operator]


def add_feature_output(network: nn.Module) -> nn.Module:
    """Change ``network`` in place to give (B, C + D): its logits and the pooled features they are computed from.

    Unchanged where it does not end in a linear layer. Of a joined network the features of its members side by side, of
    those that ``joined.give_features`` names.
    """
    for one in feature_networks(network):
        last = one.get_classifier()  # type: ignore[operator]
        if isinstance(last, nn.Linear):
            name = next(name for name, module in one.named_modules() if module is last)
            one.set_submodule(name, _LinearWithInput(last))
    return network


class MiddleFeatures(nn.Module):
    """Pooled features of a network without classifier, followed by those of the middle of the picture: (B, 2 D).

    The network's last map (B, D, H, W) is pooled twice: by the network, and with a Gaussian that is ``_SPREAD`` of the
    side wide.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network: Any = network

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, 3, size, size) -> (B, 2 D)."""
        found: Tensor = self.network.forward_features(pixels)
        rows, columns = (_bell(side).to(found.device) for side in found.shape[2:])
        middle = ((found.float() * rows[:, None] * columns).sum((2, 3))).to(found.dtype)
        return torch.cat([self.network.forward_head(found), middle], 1)


_SPREAD = 0.29  # standard deviation, of the side: half of the weight lies on a fifth of the picture


def _bell(side: int) -> Tensor:
    """Return the weights (side,) of a Gaussian around the middle, which add up to 1."""
    weights = torch.exp(-(((torch.arange(side) - (side - 1) / 2) / (_SPREAD * side)) ** 2) / 2)
    return weights / weights.sum()


def feature_width(network: nn.Module) -> int | None:
    """Return the number of pooled features that a network's classifier gets; None where that is no linear layer."""
    last = network.get_classifier()  # type: ignore[operator]
    return last.in_features if isinstance(last, nn.Linear) else None


class _LinearWithInput(nn.Module):
    """A linear layer whose output is followed by its input; a hook would not do, as threads share the network."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([self.linear(features), features], -1)


def outputs_match(one: nn.Module, other: nn.Module) -> bool:
    """Whether two networks give the same outputs within rounding for one picture of random pixels."""
    pixels = torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    try:
        with torch.inference_mode():
            expected, found = one(pixels), other(pixels)
    except (RuntimeError, AssertionError, TypeError):
        return False  # a network with a fixed input size, or without convolutions
    return torch.allclose(expected, found, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))
