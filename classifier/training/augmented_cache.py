"""Augmented views of the photos for fine-tuning, computed once and cached in a file.

A view is an image as bytes or, where the first stages of the network are frozen, the activations that they make of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from .. import distributed, files, leases
from ..config import Domain, Limits, Preprocessing
from ..device import Device
from ..errors import DataError
from ..events import Progress
from ..messages import Message
from ..messages.training import TrainingCode
from ..models import loader, transforms


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

    def part(self, start: int, stop: int) -> AugmentedViews:
        """The transform of some of the pictures."""
        return AugmentedViews(self.preprocessing, self.domain, self.names[start:stop], self.count, self.seed)


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

    Views that an interrupted training has written are kept. Of several processes each computes a share. Raises
    ``StorageError`` when the disk is full and ``DataError`` when a photo can no longer be read.

    Args:
        path: the file.
        trunk: the frozen part of the network, None to cache pixels.
        photos: files in the order of ``transform.names``.
        transform: makes the views.
        device: runs the trunk.
        limits: of the pictures.
    """
    layout = view_layout(trunk, transform.preprocessing, transform.count, device)
    if not path.exists() or path.stat().st_size != len(photos) * layout.bytes:
        count, rank = distributed.world_size(), distributed.rank()
        ends = [len(photos) * number // count for number in range(count + 1)]
        shards = [path.with_name(f"{path.name}.{number}-of-{count}") for number in range(count)]
        start, stop = ends[rank], ends[rank + 1]
        share = transform.part(start, stop)
        yield from _write(shards[rank], trunk, photos[start:stop], share, device, limits, layout.bytes)
        distributed.barrier()
        if distributed.is_main_process():
            _join(shards, path)
        distributed.barrier()
    views = torch.from_file(str(path), shared=False, size=path.stat().st_size, dtype=torch.uint8)
    return views.view(layout.dtype).view(len(photos), *layout.shape)


def _write(
    path: Path,
    trunk: nn.Module | None,
    photos: Sequence[Path],
    transform: AugmentedViews,
    device: Device,
    limits: Limits,
    record: int,
) -> Generator[Progress, None, None]:
    """Append the views of the photos that the file lacks, ``record`` bytes each."""
    started = perf_counter()
    done = min(path.stat().st_size // record, len(photos)) if path.exists() else 0
    if trunk is not None:  # the rounding of activations depends on which photos are computed together
        done = done - done % device.batch if leases.is_lent() else 0
    try:
        with path.open("r+b" if path.exists() else "wb") as file:
            file.truncate(done * record)
            file.seek(done * record)
            missing = transform.part(done, len(photos))
            stream = _compute(trunk, photos[done:], missing, device, limits) if photos[done:] else ()
            for number, views in enumerate(stream, 1):
                if not isinstance(views, Tensor):
                    raise DataError(TrainingCode.PHOTO_UNREADABLE, reason=views)
                file.write(_channels_last(views).contiguous().view(torch.uint8).numpy().data)
                if number % 8 == 0 or done + number == len(photos):
                    left = (perf_counter() - started) / number * (len(photos) - done - number)
                    yield Progress(TrainingCode.PREPARE_VIEWS, done + number, len(photos), left)
    except OSError as error:
        raise files.storage_error(error, path, TrainingCode.DISK_FULL) from error


def _compute(
    trunk: nn.Module | None, photos: Sequence[Path], transform: AugmentedViews, device: Device, limits: Limits
) -> Iterator[Tensor | Message]:
    # A view keeps at least half of the side, so that twice the input size is fine enough for each.
    side = 2 * transform.preprocessing.size
    yield from loader.run_batches(trunk, photos, transform, device, device.dtype, side, limits)


def _join(shards: Sequence[Path], path: Path) -> None:
    """Join the files of all processes into one."""
    try:
        if len(shards) > 1:
            with shards[0].open("ab") as whole:
                for shard in shards[1:]:
                    with shard.open("rb") as file:
                        shutil.copyfileobj(file, whole)
                    shard.unlink()
        shards[0].replace(path)
    except OSError as error:
        raise files.storage_error(error, path, TrainingCode.DISK_FULL) from error


def _channels_last(values: Tensor) -> Tensor:
    """Activations (B, C, H, W) as (B, H, W, C), their order in memory; pixels and tokens as they are."""
    return values.permute(0, 2, 3, 1) if values.ndim == 4 and values.dtype != torch.uint8 else values
