"""EvalViews of the photos for fine-tuning, made once and kept on disk: pictures, or what a frozen front makes of them."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from .. import device as devices
from .. import distributed
from ..config import Domain, Limits, Preprocessing
from ..device import Device
from ..errors import DataError, StorageError
from ..events import Progress
from ..models import loader, transforms

_STEP = "Preparing views of the photos"


@dataclass(frozen=True)
class AugmentedViews:
    """Of each picture the view that all later loaders take, and ``count`` varied ones, the same every time.

    ``names`` are those of the pictures' contents (SHA-256), from which the variations follow.
    """

    preprocessing: Preprocessing
    domain: Domain
    names: tuple[str, ...]
    count: int
    seed: int

    def __call__(self, place: int, picture: Image.Image) -> Tensor:
        rng = np.random.default_rng([self.seed, int(self.names[place][:16], 16)])
        plain = transforms.eval_transform(self.preprocessing)(picture)
        others = [transforms.train_transform(picture, self.preprocessing, self.domain, rng) for _ in range(self.count)]
        return torch.stack([plain, *others])

    def part(self, start: int, stop: int) -> AugmentedViews:
        """The same for some of the pictures."""
        return AugmentedViews(self.preprocessing, self.domain, self.names[start:stop], self.count, self.seed)


@dataclass(frozen=True)
class ViewLayout:
    """What one photo's views look like on disk: their shape, (1 + V, 3, S, S) or (1 + V, H, W, C), and their type."""

    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def bytes(self) -> int:
        """What one photo takes."""
        return int(np.prod(self.shape)) * self.dtype.itemsize


def view_layout(front: nn.Module | None, preprocessing: Preprocessing, count: int, device: Device) -> ViewLayout:
    """What ``build_augmented_cache`` will write: pictures as bytes if there is no frozen front."""
    size = preprocessing.size
    if front is None:
        return ViewLayout((1 + count, 3, size, size), torch.uint8)
    with torch.inference_mode():
        pixels = torch.zeros(1, 3, size, size, dtype=device.dtype, device=device.torch_device)
        one = _last_channels(front(pixels))
    return ViewLayout((1 + count, *one.shape[1:]), device.dtype)


def build_augmented_cache(
    path: Path, front: nn.Module | None, photos: Sequence[Path], varied: AugmentedViews, device: Device, limits: Limits
) -> Generator[Progress, None, Tensor]:
    """The views of the photos (N, 1 + V, …), written to ``path`` as they come, then mapped into memory from there.

    What a training that was cut off has written is not made again. The system keeps in memory what
    fits. Of several processes each makes a share. Raises ``StorageError`` when the disk is full.
    """
    shape = view_layout(front, varied.preprocessing, varied.count, device)
    if not path.exists() or path.stat().st_size != len(photos) * shape.bytes:
        count, rank = distributed.world_size(), distributed.rank()
        ends = [len(photos) * place // count for place in range(count + 1)]
        start, stop = ends[rank], ends[rank + 1]
        mine = path.with_name(f"{path.name}.{rank}-of-{count}")
        yield from _write(mine, front, photos[start:stop], varied.part(start, stop), device, limits, shape.bytes)
        distributed.barrier()
        if distributed.is_main_process():
            _join([path.with_name(f"{path.name}.{place}-of-{count}") for place in range(count)], path)
        distributed.barrier()
    whole = torch.from_file(str(path), shared=False, size=path.stat().st_size, dtype=torch.uint8)
    return whole.view(shape.dtype).view(len(photos), *shape.shape)


def _write(
    path: Path,
    front: nn.Module | None,
    photos: Sequence[Path],
    varied: AugmentedViews,
    device: Device,
    limits: Limits,
    record: int,
) -> Generator[Progress, None, None]:
    started = perf_counter()
    done = min(path.stat().st_size // record, len(photos)) if path.exists() else 0
    if front is not None:  # a front's rounding depends on which photos it is given at once
        done = 0
    try:
        with path.open("r+b" if path.exists() else "wb") as file:
            file.truncate(done * record)
            file.seek(done * record)
            rest = varied.part(done, len(photos))
            stream = devices.stream(_made, front, photos[done:], rest, device, limits) if done < len(photos) else ()
            for number, views in enumerate(stream, 1):
                if isinstance(views, str):
                    raise DataError(f"A photo can no longer be read ({views}); train again.")
                file.write(_last_channels(views).contiguous().view(torch.uint8).numpy().data)
                if number % 8 == 0 or done + number == len(photos):
                    left = (perf_counter() - started) / number * (len(photos) - done - number)
                    yield Progress(_STEP, done + number, len(photos), left)
    except OSError as error:
        raise full_disk(error) from error


def _made(
    front: nn.Module | None, photos: Sequence[Path], varied: AugmentedViews, device: Device, limits: Limits
) -> Iterator[Tensor | str]:
    # A view keeps no less than half of the side, so that twice the square is fine enough for each.
    side = 2 * varied.preprocessing.size
    yield from loader.run_batches(front, photos, varied, device, device.dtype, side, limits)


def _join(parts: Sequence[Path], path: Path) -> None:
    try:
        if len(parts) > 1:
            with parts[0].open("ab") as whole:
                for part in parts[1:]:
                    with part.open("rb") as file:
                        shutil.copyfileobj(file, whole)
                    part.unlink()
        parts[0].replace(path)
    except OSError as error:
        raise full_disk(error) from error


def _last_channels(values: Tensor) -> Tensor:
    """Activations (B, C, H, W) as (B, H, W, C), as they are computed with; bytes and tokens as they are."""
    return values.permute(0, 2, 3, 1) if values.ndim == 4 and values.dtype != torch.uint8 else values


def full_disk(error: OSError) -> StorageError:
    """The sentence for a disk that takes no more of an unfinished training."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(
            "The disk is full: the training stopped, and the model of before is untouched; free some space and train "
            "again, it goes on from there."
        )
    return StorageError(f"The unfinished training cannot be kept on disk ({error.strerror}); check the folder.")
