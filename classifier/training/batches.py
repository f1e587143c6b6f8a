"""The images of a fine-tuning run, and the batches of its epochs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..config import Preprocessing
from ..device import Device
from ..models import transforms
from .train_state import FineTuneSpec

Ints = NDArray[np.int64]

IMBALANCE = 2  # size of the largest class relative to the smallest above which classes are sampled evenly


@dataclass(frozen=True, kw_only=True)
class FineTuneData:
    """Images to train and validate on.

    ``views`` (N, 1 + V, …) are what the network reads: of each image first the view of evaluation, then V augmented
    ones; pixels (3, S, S) as uint8, or activations of a frozen trunk. ``y`` (N,) are class indices; ``train_idx`` and
    ``val_idx`` index the N images.
    """

    views: Tensor
    y: Ints
    train_idx: Ints
    val_idx: Ints
    preprocessing: Preprocessing


@dataclass(frozen=True)
class Batch:
    """The images of one step: ``idx``, ``view`` and ``flipped`` (B,) say which, in which view, and whether mirrored."""

    idx: Ints
    view: Ints
    flipped: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.idx)

    def __getitem__(self, rows: Ints) -> Batch:
        return Batch(self.idx[rows], self.view[rows], self.flipped[rows])


def sample_batches(data: FineTuneData, spec: FineTuneSpec, epoch: int) -> list[Batch]:
    """Draw the batches of an epoch, all of about one size; equal seeds and epochs give equal batches.

    Images come in random order, or, where one class is over ``IMBALANCE`` times as large as another, with replacement
    and each class equally often. Each image takes its augmented views in turn, from a random first one.
    """
    rng = np.random.default_rng([spec.seed, epoch])
    counts = np.bincount(data.y[data.train_idx])
    present = counts[counts > 0]
    if present.max() <= IMBALANCE * present.min():
        order = rng.permutation(data.train_idx)
    else:
        chances = 1 / counts[data.y[data.train_idx]]
        order = rng.choice(data.train_idx, len(data.train_idx), p=chances / chances.sum())
    first_view = np.random.default_rng([spec.seed]).integers(0, 2**31, len(data.y))
    view = 1 + (epoch + first_view) % (data.views.shape[1] - 1)
    flipped = spec.hflip & (np.random.default_rng([spec.seed, epoch, 1]).random(len(data.y)) < 0.5)
    count = max(1, round(len(order) / spec.batch))
    return [Batch(idx, view[idx], flipped[idx]) for idx in np.array_split(order.astype(np.int64), count)]


def load_batch(data: FineTuneData, batch: Batch, device: Device) -> tuple[Tensor, Tensor]:
    """Return what the network reads for a batch, and the class indices (B,), on the device.

    Only pixels are flipped: activations cannot be.
    """
    place = data.views.device
    values = data.views[torch.from_numpy(batch.idx).to(place), torch.from_numpy(batch.view).to(place)]
    if values.dtype == torch.uint8 and batch.flipped.any():
        flipped = torch.from_numpy(batch.flipped).to(place)
        values[flipped] = values[flipped].flip(-1)
    return to_inputs(values, data.preprocessing, device), torch.from_numpy(data.y[batch.idx]).to(device.torch_device)


def place_views(views: Tensor, device: Device) -> Tensor:
    """Copy the views to the GPU where they take at most half of its free memory; otherwise return them as they are."""
    if device.torch_device.type != "cuda" or 2 * views.nbytes > torch.cuda.mem_get_info(device.torch_device)[0]:
        return views
    return views.to(device.torch_device)


def to_inputs(values: Tensor, preprocessing: Preprocessing, device: Device) -> Tensor:
    """Return views (B, …) as the network reads them, on the device: pixels normalized, activations as (B, C, H, W)."""
    if values.dtype == torch.uint8:
        return transforms.normalize(values, preprocessing, device.torch_device, torch.float32)
    moved = values.to(device.torch_device, non_blocking=True)
    return moved.permute(0, 3, 1, 2) if moved.ndim == 4 else moved  # cached as (B, H, W, C)
