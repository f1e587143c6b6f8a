"""The photos of a folder of class folders, as torchvision and timm read them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.datasets.folder import make_dataset
from torchvision.transforms import v2

EXTENSIONS = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp")
CROP_PCT = 0.875  # timm's for these networks, as are mean and std of 0.5 and bicubic resampling
Transform = Callable[[Image.Image], Tensor]


def to_pixels() -> list[v2.Transform]:
    """Return the end of every transform: float32 (3, H, W) with the network's mean and standard deviation."""
    return [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)]


def eval_transform(size: int, crop_pct: float = CROP_PCT) -> Transform:
    """Return the transform for answering: the short side to ``size / crop_pct`` pixels, then the center."""
    resize = v2.Resize(int(size / crop_pct), v2.InterpolationMode.BICUBIC)
    return v2.Compose([resize, v2.CenterCrop(size), *to_pixels()])


@dataclass(frozen=True)
class Photos(Dataset[tuple[Tensor, int]]):
    """The photos below ``folder`` with the numbers of their ``classes``.

    ``side`` is the short side in pixels from which a JPEG file is decoded smaller where that is faster, as browsers do.
    """

    folder: Path
    classes: tuple[str, ...]
    samples: tuple[tuple[str, int], ...]
    transform: Transform
    side: int = 512

    @classmethod
    def read(cls, folder: Path, classes: tuple[str, ...] | None = None) -> Photos:
        """Return the photos of a folder; ``classes`` are the names of its folders by default."""
        names = classes or tuple(sorted(path.name for path in folder.iterdir() if path.is_dir()))
        numbers = {name: number for number, name in enumerate(names)}
        found = make_dataset(str(folder), numbers, EXTENSIONS, allow_empty=True)
        return cls(folder, names, tuple(found), eval_transform(224))

    def through(self, transform: Transform) -> Photos:
        """Return the same photos with another transform."""
        return replace(self, transform=transform)

    @property
    def y(self) -> Tensor:
        """Class indices (N,)."""
        return torch.tensor([number for _, number in self.samples])

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, number = self.samples[index]
        with warnings.catch_warnings(), Image.open(path) as image:
            warnings.simplefilter("ignore")  # what Pillow says of a photo's metadata changes nothing here
            image.draft("RGB", (self.side, self.side))
            return self.transform(ImageOps.exif_transpose(image).convert("RGB")), number


def loader(photos: Photos, batch: int, shuffle: bool = False) -> DataLoader[tuple[Tensor, Tensor]]:
    """Return the batches of photos, without an incomplete last one when they are shuffled.

    One process per core decodes them; few are decoded before such processes have started.
    """
    workers = len(os.sched_getaffinity(0)) if len(photos) >= 64 else 0
    drop_last = shuffle and len(photos) > batch
    return DataLoader(
        photos, batch, shuffle, num_workers=workers, persistent_workers=workers > 0, drop_last=drop_last
    )  # fmt: skip
