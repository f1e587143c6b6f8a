"""Several networks side by side: each gets the same picture, and their logits are summed.

A linear head on the features of all side by side is that sum, each network with its part of the head's weights; so is
the mean of the log probabilities of several models, each with its classifier scaled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..config import Preprocessing
from . import networks
from .backbones import Backbone

Floats = NDArray[np.float32]

MAX_MEMBERS = 8  # networks of one model that are opened


@dataclass(frozen=True)
class Member:
    """One network of a model.

    Args:
        backbone: The network it was made from.
        tensors: Tensors of the network without its classifier, under timm's names.
        weight: Weights (C, D) of the classifier.
        bias: Biases (C,) of the classifier; those of all members add up.
        fine_tuned: Whether its layers were trained, too: then its features are not those of the pretrained network.
    """

    backbone: Backbone
    tensors: Mapping[str, Tensor]
    weight: Floats
    bias: Floats
    fine_tuned: bool = False

    def state(self) -> dict[str, Tensor]:
        """Return all tensors of the network, its classifier included, under timm's names."""
        name = networks.classifier_name(self.backbone)
        head = {f"{name}.weight": torch.from_numpy(self.weight), f"{name}.bias": torch.from_numpy(self.bias)}
        return {key: value.contiguous() for key, value in {**self.tensors, **head}.items()}

    def build(self) -> nn.Module:
        """Return the network with its classifier, in evaluation mode: (B, 3, size, size) -> logits (B, C)."""
        network = networks.untrained(self.backbone, num_classes=len(self.bias))
        network.load_state_dict(self.state())
        return network.eval().requires_grad_(False)


class JoinedNetwork(nn.Module):
    """Normalized pictures (B, 3, size, size) -> the sum of the members' logits (B, C).

    Where the members give their features, too (see ``surgery.add_feature_output``), these follow side by side.

    Args:
        members: the networks, each ending in C logits.
        preprocessings: what each of them expects; of these, mean and standard deviation are used.
        common: the preprocessing of the pictures.
        num_classes: C.
        fine_tuned: of each member whether its layers were trained, see ``Member``.
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        members: Sequence[nn.Module],
        preprocessings: Sequence[Preprocessing],
        common: Preprocessing,
        num_classes: int,
        fine_tuned: Sequence[bool],
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.preprocessings, self.common = tuple(preprocessings), common
        self.num_classes, self.fine_tuned = num_classes, tuple(fine_tuned)
        mean, std = (torch.tensor([getattr(one, name) for one in preprocessings]) for name in ("mean", "std"))  # (M, 3)
        scale, shift = torch.tensor(common.std) / std, (torch.tensor(common.mean) - mean) / std
        for name, values in (("scale", scale), ("shift", shift)):  # part of the preprocessing, not of the weights
            self.register_buffer(name, values[:, :, None, None], persistent=False)  # (M, 3, 1, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits, and behind them the features that the members give."""
        outputs = [member(inputs) for member, inputs in zip(self.members, self.inputs(pixels))]
        logits = torch.stack([output[:, : self.num_classes] for output in outputs]).sum(0)
        features = [output[:, self.num_classes :] for output in outputs if output.shape[1] > self.num_classes]
        return torch.cat([logits, *features], 1)

    def with_members(self, members: Sequence[nn.Module]) -> JoinedNetwork:
        """Return a network of other members, which get the same inputs."""
        return JoinedNetwork(members, self.preprocessings, self.common, self.num_classes, self.fine_tuned)

    def inputs(self, pixels: Tensor) -> list[Tensor]:
        """Return what each member gets: the pictures in its own normalization."""
        return [pixels * scale + shift for scale, shift in zip(self.scale.split(1), self.shift.split(1))]


def member_networks(network: nn.Module) -> list[nn.Module]:
    """Return the networks of a model: the members of a joined one, else the one."""
    return list(network.members) if isinstance(network, JoinedNetwork) else [network]


def member_inputs(network: nn.Module, pixels: Tensor) -> list[tuple[nn.Module, Tensor]]:
    """Return each network of a model with what it gets of pictures that are normalized for the model."""
    if isinstance(network, JoinedNetwork):
        return list(zip(network.members, network.inputs(pixels)))
    return [(network, pixels)]


def feature_networks(network: nn.Module) -> list[nn.Module]:
    """Return the networks whose features, side by side, are those of the model: see ``give_features``."""
    found = member_networks(network)
    chosen = give_features(network.fine_tuned if isinstance(network, JoinedNetwork) else (False,))
    return [one for one, chosen_one in zip(found, chosen) if chosen_one]


def give_features(fine_tuned: Sequence[bool]) -> list[bool]:
    """Return which members give the features of a model, which tell how unlike the training photos a new one is.

    Those whose layers were not trained: distances between features that were trained to tell the training photos
    apart say little about new ones. All members where there is no other.
    """
    return [not one or all(fine_tuned) for one in fine_tuned]


def member_preprocessing(common: Preprocessing, backbone: Backbone) -> Preprocessing:
    """Return how a picture becomes the input of ``backbone`` as a member of a model whose preprocessing is ``common``.

    With it, features are computed that the joined network computes from its one input.
    """
    own = networks.preprocessing(backbone)
    return replace(common, mean=own.mean, std=own.std)


def relative_cost(backbones: Sequence[Backbone], size: int) -> float:
    """Return the seconds per picture of ``size`` pixels of networks one after another, as ``Backbone.cost`` is."""
    return sum(one.cost * (size / one.size) ** 2 for one in backbones)
