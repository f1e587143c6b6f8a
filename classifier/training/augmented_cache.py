"""Augmented views of the photos for fine-tuning, computed once and cached in a file.

A view is an image as bytes or, where the first stages of the network are frozen, the activations that they make of it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from .. import distributed, files, leases
from ..config import Domain, Limits, Preprocessing
from ..device import Device
from ..distributed import Shared
from ..errors import DataError
from ..events import Progress
from ..messages import Message
from ..messages.training import TrainingCode
from ..models import loader, transforms

_BLOCK_BYTES = 2**25  # of views that all processes together send at a time


@dataclass(frozen=True)
class AugmentedViews:
    """Transform of a picture to its view of evaluation and ``count`` augmented ones, equal every time.

    ``names`` are the SHA-256 of the pictures' contents; with ``seed`` they seed the augmentation.
    """

    preprocessing: Preprocessing
    domain: Domain
    names: tuple[str, ...]
    count: int
    seed: int

    def __call__(self, index: int, picture: Image.Image) -> Tensor:
        """Return (1 + V, 3, S, S), uint8, for the picture number ``index``."""
        rng = np.random.default_rng([self.seed, int(self.names[index][:16], 16)])
        plain = transforms.eval_transform(self.preprocessing)(picture)
        others = [transforms.train_transform(picture, self.preprocessing, self.domain, rng) for _ in range(self.count)]
        return torch.stack([plain, *others])

    def of(self, indices: Sequence[int]) -> AugmentedViews:
        """The transform of some of the pictures."""
        names = tuple(self.names[index] for index in indices)
        return AugmentedViews(self.preprocessing, self.domain, names, self.count, self.seed)


@dataclass(frozen=True)
class ViewLayout:
    """Shape of one photo's views in the file, (1 + V, 3, S, S) or (1 + V, H, W, C), and their type."""

    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def bytes(self) -> int:
        """Bytes per photo."""
        return int(np.prod(self.shape)) * self.dtype.itemsize


def view_layout(trunk: nn.Module | None, preprocessing: Preprocessing, count: int, device: Device) -> ViewLayout:
    """Return the layout that ``build_augmented_cache`` writes with this trunk; without one it is pixels."""
    size = preprocessing.size
    if trunk is None:
        return ViewLayout((1 + count, 3, size, size), torch.uint8)
    with torch.inference_mode():
        pixels = torch.zeros(1, 3, size, size, dtype=device.dtype, device=device.torch_device)
        one = _channels_last(trunk(pixels))
    return ViewLayout((1 + count, *one.shape[1:]), device.dtype)


def build_augmented_cache(
    path: Path,
    trunk: nn.Module | None,
    photos: Sequence[Path],
    transform: AugmentedViews,
    device: Device,
    limits: Limits,
) -> Generator[Progress, None, Tensor]:
    """Compute the views of the photos into a file, and return them (N, 1 + V, …), mapped into memory.

    Views that an interrupted training has written are kept. Of several processes each computes a share, and each
    machine has a file with all. Raises ``StorageError`` when the disk is full and ``DataError`` when a photo can no
    longer be read.

    Args:
        path: the file.
        trunk: the frozen part of the network, None to cache pixels.
        photos: files in the order of ``transform.names``.
        transform: makes the views.
        device: runs the trunk.
        limits: of the pictures.
    """
    layout = view_layout(trunk, transform.preprocessing, transform.count, device)
    is_complete = path.exists() and path.stat().st_size == len(photos) * layout.bytes
    if not distributed.everywhere(np.array([is_complete])).all():
        part = path.with_name(f"{path.name}.part")
        done = _count_done(part, trunk, len(photos), device, layout)
        work = partial(_compute, trunk, photos, transform, device, limits)
        stream = distributed.share(range(done, len(photos)), work, _photos_in_block(layout))
        try:
            with _open(part, done * layout.bytes) as file:
                yield from _write(file, stream, done, len(photos))
            _move(part, path)
        except OSError as error:
            raise files.storage_error(error, path, TrainingCode.DISK_FULL) from error
    views = torch.from_file(str(path), shared=False, size=path.stat().st_size, dtype=torch.uint8)
    return views.view(layout.dtype).view(len(photos), *layout.shape)


def _count_done(part: Path, trunk: nn.Module | None, count: int, device: Device, layout: ViewLayout) -> int:
    """Return of how many photos the views were written before an interruption, on every machine."""
    done = part.stat().st_size // layout.bytes if part.exists() else 0
    done = int(distributed.everywhere(np.arange(count) < done).sum())
    if trunk is None:
        return done
    # The rounding of activations depends on which photos are computed together.
    return done - done % device.batch if leases.is_lent() else 0


def _photos_in_block(layout: ViewLayout) -> int:
    return max(1, _BLOCK_BYTES // (layout.bytes * distributed.world_size()))


@contextmanager
def _open(part: Path, size: int) -> Iterator[BinaryIO | None]:
    """Open the file at ``size`` bytes, in the one process of this machine that writes it."""
    if not distributed.is_local_main_process():
        yield None
        return
    part.parent.mkdir(parents=True, exist_ok=True)
    with part.open("r+b" if part.exists() else "wb") as file:
        file.truncate(size)
        file.seek(size)
        yield file


def _write(
    file: BinaryIO | None, stream: Iterator[Shared], done: int, count: int
) -> Generator[Progress, None, None]:  # fmt: skip
    """Append the views of the photos from number ``done`` on."""
    started = perf_counter()
    for number, views in enumerate(stream, 1):
        if isinstance(views, Message):
            raise DataError(TrainingCode.PHOTO_UNREADABLE, reason=views)
        if file is not None:
            file.write(views["views"].view(torch.uint8).numpy().data)
        if number % 8 == 0 or done + number == count:
            left = (perf_counter() - started) / number * (count - done - number)
            yield Progress(TrainingCode.PREPARE_VIEWS, done + number, count, left)


def _compute(
    trunk: nn.Module | None, photos: Sequence[Path], transform: AugmentedViews, device: Device, limits: Limits,
    indices: Sequence[int],
) -> Iterator[Shared]:  # fmt: skip
    """Yield the views of some of the photos, as they are written."""
    paths = [photos[index] for index in indices]
    # A view keeps at least half of the side, so that twice the input size is fine enough for each.
    side = 2 * transform.preprocessing.size
    for views in loader.run_batches(trunk, paths, transform.of(indices), device, device.dtype, side, limits):
        yield views if isinstance(views, Message) else {"views": _channels_last(views).contiguous()}


def _move(part: Path, path: Path) -> None:
    """Give the complete file its name."""
    distributed.barrier()
    if distributed.is_local_main_process():
        with suppress(FileNotFoundError):  # another machine with the same folder was first, with the same bytes
            part.replace(path)
    distributed.barrier()


def _channels_last(values: Tensor) -> Tensor:
    """Activations (B, C, H, W) as (B, H, W, C), their order in memory; pixels and tokens as they are."""
    return values.permute(0, 2, 3, 1) if values.ndim == 4 and values.dtype != torch.uint8 else values
