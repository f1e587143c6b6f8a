"""What spoke for an answer: a heat map over the photo, and the training photos nearest to it."""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def heat_map(network: nn.Module, pixels: Tensor, label: int) -> Floats:
    """What each part of the normalised picture ``pixels`` (1, 3, H, W) adds to the logit of a class: (h, w).

    Where a linear layer reads the mean of the last activations, the logit is itself a mean over places, so
    the map is exact and sums to the logit less its bias (class activation map; Zhou et al., CVPR 2016). Any
    other network is taken to be linear near this picture (gradient times activation, as in HiResCAM;
    Draelos and Carin, arXiv 2011.08891). A network without places, as after a pooled token, gives one place.
    """
    exact = _class_activation_map(network, pixels, label)
    return _gradient_map(network, pixels, label) if exact is None else exact


@torch.inference_mode()
def _class_activation_map(network: nn.Module, pixels: Tensor, label: int) -> Floats | None:
    """The exact map, or None where the logit is no mean over places."""
    last = network.get_classifier()  # type: ignore[operator]
    if not isinstance(last, nn.Linear):
        return None
    activations: Tensor = network.forward_features(pixels)  # type: ignore[operator]
    if activations.ndim != 4 or activations.shape[1] != last.in_features:
        return None  # not (1, D, h, w)
    places = torch.einsum("d,dhw->hw", last.weight[label], activations[0]) / activations[0, 0].numel()
    logit = network(pixels)[0, label]
    bias = last.bias[label] if last.bias is not None else torch.zeros(())
    exact = torch.allclose(places.sum() + bias, logit, rtol=1e-3, atol=1e-3 * float(1 + logit.abs()))
    return places.float().numpy() if exact else None


def _gradient_map(network: nn.Module, pixels: Tensor, label: int) -> Floats:
    changeable = copy.deepcopy(network).requires_grad_(False)  # hooks are put into it
    kept: list[Tensor] = []

    def watch(activations: Tensor) -> Tensor:
        kept.append(activations.detach().requires_grad_(True))
        return kept[-1]

    blocks = getattr(changeable, "blocks", None)
    with torch.inference_mode(False), torch.enable_grad():
        if getattr(changeable, "global_pool", "avg") == "token" and isinstance(blocks, nn.Sequential):
            # Only one token of the last activations is read; what it read itself is one block before.
            blocks[-1].register_forward_pre_hook(lambda _, inputs: (watch(inputs[0]), *inputs[1:]))
            logits = changeable(pixels.clone())
        else:
            activations = watch(changeable.forward_features(pixels.clone()))  # type: ignore[operator]
            logits = changeable.forward_head(activations)  # type: ignore[operator]
        (gradient,) = torch.autograd.grad(logits[0, label], kept)
    return _places((gradient * kept[0].detach())[0].float(), changeable)


def _places(evidence: Tensor, network: nn.Module) -> Floats:
    """Channels summed up: (D, h, w), (h, w, D) or (T, D), the tokens of a square with others before it -> (h, w)."""
    if evidence.ndim == 3:
        channels = getattr(network, "num_features", evidence.shape[0])
        last = evidence.shape[2] == channels and evidence.shape[0] != channels
        return evidence.sum(2 if last else 0).numpy()
    if evidence.ndim == 2:
        side = int(np.sqrt(len(evidence)))  # class and register tokens come before those of places
        return evidence[len(evidence) - side * side :].sum(1).view(side, side).numpy()
    return evidence.sum().view(1, 1).numpy()
