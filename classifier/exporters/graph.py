"""A model as one graph, pixels -> probabilities, and the description that says what else an answer needs.

The graph holds normalization, network, softmax and the out-of-distribution model. What it does not hold is in the
description, JSON that goes into the file: how a photo becomes pixels, the names of the classes, the thresholds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from .._version import __version__
from ..config import PixelRanges, Preprocessing
from ..evaluation.ood import ENERGY_WEIGHT, NEIGHBORS, OODModel
from ..messages import Message, message
from ..messages.exporting import LackCode
from ..models.surgery import add_feature_output
from ..models.transforms import eval_transform
from .base import Answer, Loaded, Model, decide

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Pixels = NDArray[np.uint8]
Run = Callable[[Pixels], tuple[Floats, Bools]]  # (B, 3, size, size) -> probabilities (B, C), in distribution (B,)

INPUT, OUTPUTS = "pixels", ("probs", "in_distribution")
KEY = "photo-classifier"  # of the description in the file
_VERSION = 1
_SMALLEST = 1e-30  # probability, so that its logarithm is finite
_IN_GRAPH = {"mean": [0.0] * 3, "std": [1.0] * 3}  # normalization is no part of the description


class AnswerGraph(nn.Module):
    """Pixels (B, 3, size, size), uint8 -> probabilities (B, C) and whether each is in distribution (B,)."""

    mean: Tensor
    std: Tensor

    def __init__(self, model: Model) -> None:
        super().__init__()
        loaded = model.checkpoint
        self.network = add_feature_output(loaded.inference_network())  # the same as in ``Predictor``
        self.classes = len(loaded.labels)
        self.register_buffer("mean", _channels(loaded.preprocessing.mean))
        self.register_buffer("std", _channels(loaded.preprocessing.std))
        self.ood = None if loaded.ood is None else _OODGraph(loaded.ood)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return probabilities, and True where there is no out-of-distribution model."""
        outputs = self.network((pixels.float() / 255 - self.mean) / self.std)  # (B, C + D)
        probs = outputs[:, : self.classes].softmax(1)
        if self.ood is None:
            return probs, probs[:, 0] >= 0
        return probs, self.ood(outputs[:, self.classes :], probs)


class _OODGraph(nn.Module):
    """``OODModel.in_distribution`` in torch."""

    center: Tensor
    basis: Tensor
    points: Tensor
    labels: Tensor
    limit: Tensor
    usual: Tensor | None

    def __init__(self, ood: OODModel) -> None:
        super().__init__()
        for name in ("center", "basis", "points", "labels"):
            self.register_buffer(name, torch.from_numpy(getattr(ood, name)))
        self.register_buffer("limit", torch.tensor(ood.limit, dtype=torch.float32))
        self.register_buffer("usual", None if ood.usual is None else torch.from_numpy(ood.usual))

    def forward(self, features: Tensor, probs: Tensor) -> Tensor:
        """Pooled features (B, D) and probabilities (B, C) -> whether each is in distribution (B,)."""
        rooted = features.sign() * features.abs().sqrt()
        unit = rooted / rooted.square().sum(1, keepdim=True).sqrt().clamp(min=1e-9)
        rows = unit - self.center
        products = (rows @ self.basis) @ self.points.T  # (B, N)
        squares = rows.square().sum(1, keepdim=True) - 2 * products + self.points.square().sum(1)
        own_class = self.labels == probs.argmax(1, keepdim=True)
        squares = squares.clamp(min=0).masked_fill(~own_class, torch.inf)
        nearest = squares.topk(min(NEIGHBORS, self.points.shape[0]), 1, largest=False).values
        known = nearest < torch.inf
        total = nearest.masked_fill(~known, 0).sum(1)
        count = known.float().sum(1)
        distances = (total / count.clamp(min=1)).masked_fill(count == 0, torch.inf)
        return self._score(distances, probs) <= self.limit

    def _score(self, distances: Tensor, probs: Tensor) -> Tensor:
        if self.usual is None:
            return distances
        energy = probs.clamp(min=_SMALLEST).log().mean(1)
        scaled = (torch.stack([distances, energy], 1) - self.usual[:, 0]) / self.usual[:, 1]
        of_distance, of_energy = nn.functional.softplus(scaled).unbind(1)
        return of_distance + ENERGY_WEIGHT * of_energy


def _channels(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, 3, 1, 1)


def build_graph(model: Model) -> tuple[AnswerGraph, Tensor]:
    """Return the graph of a model, in evaluation mode, and an example of its input (2, 3, size, size)."""
    size = model.checkpoint.preprocessing.size
    rng = np.random.default_rng(0)
    example = torch.from_numpy(rng.integers(0, 256, (2, 3, size, size), dtype=np.uint8))
    return AnswerGraph(model).eval().requires_grad_(False), example


def describe(model: Model) -> str:
    """Return the description of a model as JSON."""
    preprocessing = model.checkpoint.preprocessing
    entries = {name: value for name, value in preprocessing.to_timm().items() if name not in _IN_GRAPH}
    description = {
        "version": _VERSION,
        "program": __version__,
        "backbone": model.checkpoint.backbone,
        **({"members": list(model.checkpoint.members)} if model.is_joined else {}),
        "labels": list(model.labels),
        "thresholds": list(model.thresholds),
        "preprocessing": {**entries, "normalization": "in the graph"},
        "pixel_ranges": preprocessing.pixel_ranges.to_json(),
        "input": {INPUT: f"uint8 (batch, 3, {preprocessing.size}, {preprocessing.size}), RGB, 0 to 255"},
        "outputs": {
            "probs": "float32 (batch, classes), in the order of labels",
            "in_distribution": "bool (batch), false for a picture unlike the training photos: not sure",
        },
        "answer": "the class with the largest probs / thresholds; not sure where probs is below its threshold",
    }
    return json.dumps(description, ensure_ascii=False)


def read_description(text: str, run: Run) -> Loaded:
    """Return what a file with this description answers; ``run`` runs its graph."""
    data: dict[str, Any] = json.loads(text)
    preprocessing = Preprocessing.from_timm({**data["preprocessing"], **_IN_GRAPH})
    labels, thresholds = tuple(data["labels"]), tuple(data["thresholds"])

    def answer(pictures: Sequence[Image.Image]) -> list[Answer]:
        transform = eval_transform(preprocessing)
        pixels = torch.stack([transform(picture) for picture in pictures]).numpy()
        probs, in_distribution = run(pixels)
        return [decide(labels, row, thresholds, bool(known)) for row, known in zip(probs, in_distribution, strict=True)]

    return Loaded(labels, answer, thresholds, PixelRanges.from_json(data["pixel_ranges"]))


def lacks(model: Model) -> tuple[Message, ...]:
    """Return what the graph does not hold."""
    preprocessing = model.checkpoint.preprocessing
    found = [message(LackCode.RESIZING, size=preprocessing.size), message(LackCode.RULE)]
    if preprocessing.pixel_ranges.to_json():
        found.append(message(LackCode.DEEP))
    return (*found, message(LackCode.HEATMAPS))
