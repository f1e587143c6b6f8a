"""The photos of a training: what a dataset of them looks like to torch, and the value that workflows pass on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..config import LIMITS, Limits
from .catalog import Asset
from .images import open_picture

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
T = TypeVar("T")


@dataclass(frozen=True)
class Sample:
    """A labeled photo: its content's SHA-256, its file, the index of its class, and its size in pixels."""

    sha256: str
    path: Path
    label: int
    width: int
    height: int


class PhotoDataset(Generic[T]):
    """Map-style dataset: picture through ``transform``, class index. Works in a ``torch.utils.data.DataLoader``.

    ``shortest`` is passed to ``images.open_picture``: the picture may be decoded smaller, but not below that many
    pixels of its short side. ``dataset[i]`` raises ``PhotoError`` where the photo cannot be read.

    Example::

        dataset = PhotoDataset(samples, eval_transform(preprocessing))
        loader = torch.utils.data.DataLoader(dataset, batch_size=32)
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        transform: Callable[[Image.Image], T],
        shortest: int | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        self.samples = samples
        self.transform = transform
        self.shortest = shortest
        self.limits = limits

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[T, int]:
        sample = self.samples[index]
        return self.transform(open_picture(sample.path, self.shortest, self.limits)), sample.label


@dataclass(frozen=True)
class TrainingSet:
    """The photos to train on, built once by a workflow and passed on whole.

    ``assets`` (N) are the catalog's rows and ``samples`` (N) the same photos with their files; ``labels`` (C) the
    names of the classes; ``y`` (N,) the index of each photo's class; ``groups`` (N,) numbers photos that belong
    together alike, which are never divided by a split; ``features`` (N, D) are pooled features.
    """

    assets: tuple[Asset, ...]
    samples: tuple[Sample, ...]
    labels: tuple[str, ...]
    y: Ints
    groups: Ints
    features: Floats

    def __len__(self) -> int:
        return len(self.assets)
