"""The photos of a training: a map-style dataset for torch, and the value that workflows pass on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..config import LIMITS, NO_RANGES, Limits, PixelRanges
from ..messages import Message
from .assets import Asset
from .grouping import Grouping
from .images import open_picture
from .labels import natural_key
from .run_history import RunAsset

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
    """Map-style dataset whose items are (transformed picture, class index); for ``torch.utils.data.DataLoader``.

    ``dataset[i]`` raises ``PhotoError`` where the photo cannot be read.

    Args:
        samples: the photos.
        transform: called with the upright RGB picture.
        shortest: pixels of the short side below which the picture is not decoded; None decodes it at full size.
        limits: what is refused as too large.
        pixel_ranges: of pictures of more than 8 bits, see ``images.open_picture``.

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
        pixel_ranges: PixelRanges = NO_RANGES,
    ) -> None:
        self.samples = samples
        self.transform = transform
        self.shortest = shortest
        self.limits = limits
        self.pixel_ranges = pixel_ranges

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[T, int]:
        sample = self.samples[index]
        picture = open_picture(sample.path, self.shortest, self.limits, self.pixel_ranges)
        return self.transform(picture), sample.label


@dataclass(frozen=True)
class TrainingSet:
    """The photos to train on, built once by a workflow and passed on whole.

    ``assets`` (N) are the catalog's rows and ``samples`` (N) the same photos with their files; ``labels`` (C) the
    names of the classes; ``y`` (N,) the class index of each photo; ``groups`` (N,) its group, which a split never
    divides: near-duplicates, and photos that the layout of the files shows to belong together; ``features`` (N, D) are
    pooled features, ``grouping`` tells where the groups come from, ``warnings`` what to know of the photos before a
    score is trusted. ``hashes`` (N, HASH_SIZE) are their perceptual hashes, None where they are still to be read.
    """

    assets: tuple[Asset, ...]
    samples: tuple[Sample, ...]
    labels: tuple[str, ...]
    y: Ints
    groups: Ints
    features: Floats
    grouping: Grouping | None = None
    warnings: tuple[Message, ...] = ()
    hashes: Floats | None = None

    def __len__(self) -> int:
        return len(self.assets)

    def with_photos(self, others: TrainingSet) -> TrainingSet:
        """Return the set with the photos of another of the same classes after its own, in groups of their own."""
        return replace(
            self,
            assets=self.assets + others.assets,
            samples=self.samples + others.samples,
            y=np.concatenate([self.y, others.y]),
            groups=np.concatenate([self.groups, others.groups + (self.groups.max() + 1)]),
            features=np.concatenate([self.features, others.features]),
            hashes=None,
        )

    def fingerprint(self) -> str:
        """Return a SHA-256 of the photos and their labels that does not depend on their order."""
        return hashlib.sha256("\n".join(sorted(self.names())).encode()).hexdigest()

    def names(self) -> list[str]:
        """Return content and label of each photo (N) as one string."""
        return [f"{asset.sha256} {asset.label}" for asset in self.assets]

    def rows(self) -> list[str]:
        """Return content, label and group of each photo (N) as one string; groups are numbered as they come."""
        numbers: dict[int, int] = {}
        groups = [numbers.setdefault(group, len(numbers)) for group in map(int, self.groups)]
        return [f"{name} {group}" for name, group in zip(self.names(), groups)]

    def digest(self) -> str:
        """Return a SHA-256 of the photos, labels and groups in their order, by which values of each are kept."""
        return hashlib.sha256("\n".join(self.rows()).encode()).hexdigest()


def class_names(assets: Iterable[Asset]) -> tuple[str, ...]:
    """Return the names of the classes of ``assets``, in natural order."""
    return tuple(sorted({asset.label for asset in assets}, key=natural_key))


def encode_labels(assets: Sequence[Asset], labels: Sequence[str]) -> Ints:
    """Return the class index (N,) of each asset: the position of its label in ``labels``."""
    index = {label: position for position, label in enumerate(labels)}
    return np.array([index[asset.label] for asset in assets], np.int64)


def duplicate_groups(assets: Sequence[Asset], groups: Ints) -> tuple[tuple[Asset, ...], ...]:
    """Return the assets of each group of more than one; ``groups`` (N,) holds the group number of each asset."""
    members: dict[int, list[Asset]] = {}
    for asset, group in zip(assets, groups):
        members.setdefault(int(group), []).append(asset)
    return tuple(tuple(group) for group in members.values() if len(group) > 1)


def run_assets(
    assets: Sequence[Asset], probs: Floats, labels: Sequence[str], split: str | None = None
) -> list[RunAsset]:
    """Return the catalog's rows of a run for ``assets`` and what a model that was not trained on them predicts.

    ``probs`` (N, C) are probabilities over ``labels`` (C); ``split`` replaces that of the assets.
    """
    y_true, y_pred = encode_labels(assets, labels), probs.argmax(1)
    return [
        RunAsset(asset.sha256, asset.label, split or asset.split, labels[pred], float(row[pred]), float(1 - row[true]))
        for asset, true, pred, row in zip(assets, y_true, y_pred, probs)
    ]
