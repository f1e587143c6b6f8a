"""Heat maps: what each part of a picture adds to the logit of a class."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Floats = NDArray[np.float32]


def heat_map(network: nn.Module, pixels: Tensor, label: int) -> Floats:
    """Return what each part of the normalized picture ``pixels`` (1, 3, H, W) adds to the logit of ``label``: (h, w).

    Where a linear layer follows the mean over positions of the last activations, or of several, the map is exact: it
    sums to the logit less its bias (class activation map; Zhou et al., CVPR 2016). Any other network is linearized at
    this picture (gradient times activation, as in HiResCAM; Draelos and Carin, arXiv 2011.08891). Activations without
    positions, such as a pooled token, give a map of one position.
    """
    exact = _class_activation_map(network, pixels, label)
    return _gradient_map(network, pixels, label) if exact is None else exact


def add_maps(maps: Sequence[Floats]) -> Floats:
    """Return the sum of the maps (h, w) of networks whose logits are summed, as fine as the finest of them.

    Maps without positions, of one number, are left out where another has some.
    """
    positioned = [heat for heat in maps if heat.size > 1] or list(maps)
    shape = max((heat.shape for heat in positioned), key=lambda shape: shape[0] * shape[1])
    return np.sum([_resize(heat, shape) for heat in positioned], 0)


def _resize(heat: Floats, shape: tuple[int, ...]) -> Floats:
    """Return the map in another shape, with the same sum."""
    if heat.shape == shape:
        return heat
    enlarged = nn.functional.interpolate(torch.from_numpy(heat)[None, None], shape, mode="bilinear")[0, 0].numpy()
    return np.asarray(enlarged * (heat.size / enlarged.size), np.float32)


@torch.inference_mode()
def _class_activation_map(network: nn.Module, pixels: Tensor, label: int) -> Floats | None:
    """Return the exact map, or None where the logit is no mean over positions."""
    classifier = network.get_classifier()  # type: ignore[operator]
    if not isinstance(classifier, nn.Linear):
        return None
    maps: list[Tensor] = (
        network.forward_maps(pixels) if hasattr(network, "forward_maps") else [network.forward_features(pixels)]  # type: ignore[operator]
    )
    if any(one.ndim != 4 for one in maps) or sum(one.shape[1] for one in maps) != classifier.in_features:
        return None  # not (1, D, h, w)
    weights = classifier.weight[label].split([one.shape[1] for one in maps])
    parts = (torch.einsum("d,dhw->hw", weight, one[0]) / one[0, 0].numel() for weight, one in zip(weights, maps))
    heat = add_maps([part.float().numpy() for part in parts])
    logit = network(pixels)[0, label]
    bias = classifier.bias[label] if classifier.bias is not None else torch.zeros(())
    exact = torch.allclose(heat.sum() + bias, logit, rtol=1e-3, atol=1e-3 * float(1 + logit.abs()))
    return heat if exact else None


def _gradient_map(network: nn.Module, pixels: Tensor, label: int) -> Floats:
    """Return gradient times activation, summed over the channels."""
    captured: list[Tensor] = []

    def capture(activations: Tensor) -> Tensor:
        captured.append(activations.detach().requires_grad_(True))
        return captured[-1]

    with torch.inference_mode(False), torch.enable_grad():
        network = copy.deepcopy(network).requires_grad_(False)  # a hook may be added to it
        blocks = getattr(network, "blocks", None)
        if getattr(network, "global_pool", "avg") == "token" and isinstance(blocks, nn.Sequential):
            # The head reads one token only; the tokens of the picture act on it up to the input of the last block.
            blocks[-1].register_forward_pre_hook(lambda _, inputs: (capture(inputs[0]), *inputs[1:]))
            logits = network(pixels.clone())
        else:
            activations = capture(network.forward_features(pixels.clone()))  # type: ignore[operator]
            logits = network.forward_head(activations)  # type: ignore[operator]
        (gradient,) = torch.autograd.grad(logits[0, label], captured)
    return _sum_channels((gradient * captured[0].detach())[0].float(), network)


def _sum_channels(relevance: Tensor, network: nn.Module) -> Floats:
    """Sum up the channels of (D, h, w), (h, w, D) or (T, D), tokens of a square after other tokens: -> (h, w)."""
    if relevance.ndim == 3:
        channels = getattr(network, "num_features", relevance.shape[0])
        channels_last = relevance.shape[2] == channels and relevance.shape[0] != channels
        return relevance.sum(2 if channels_last else 0).numpy()
    if relevance.ndim == 2:
        side = int(np.sqrt(len(relevance)))  # class and register tokens come first
        return relevance[len(relevance) - side * side :].sum(1).view(side, side).numpy()
    return relevance.sum().view(1, 1).numpy()
