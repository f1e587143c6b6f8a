"""Batches of pictures in order, decoded and run through a network by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import torch
from PIL import Image
from torch import Tensor, nn

from .. import device as devices
from ..config import Limits, Preprocessing
from ..data.images import open_picture
from ..device import Device
from ..errors import PhotoError
from . import transforms

S = TypeVar("S")
T = TypeVar("T")
Source = Path | bytes | Image.Image


class Prepare(Protocol):
    """What makes the tensors (V, 3, size, size), uint8, of the picture at a place in the list."""

    @property
    def preprocessing(self) -> Preprocessing:
        """Whose colours the network wants."""

    def __call__(self, place: int, picture: Image.Image) -> Tensor: ...


@dataclass(frozen=True)
class EvalViews:
    """A picture in each of several preparations of one network, as every later loader makes them."""

    preparations: tuple[Preprocessing, ...]

    @property
    def preprocessing(self) -> Preprocessing:
        return self.preparations[0]

    def __call__(self, place: int, picture: Image.Image) -> Tensor:
        return torch.stack([transforms.eval_transform(preparation)(picture) for preparation in self.preparations])


def run_batches(
    network: nn.Module | None,
    sources: Sequence[Source],
    prepare: Prepare,
    device: Device,
    dtype: torch.dtype,
    side: int | None,
    limits: Limits,
) -> Iterator[Tensor | str]:
    """What ``network`` gives for the views of each picture: (V, …) in ``dtype``, in order, or why it cannot be used.

    Without a network the views themselves, as bytes (V, 3, size, size).
    With ``side`` a JPEG is decoded at a scale that keeps its short side above that many pixels, which for
    phone photos is most of the time saved; with None at its full size, as any other loader would.
    """
    share = -(-len(sources) // device.workers)
    size = max(1, min(device.batch, share))
    chunks = [range(start, min(start + size, len(sources))) for start in range(0, len(sources), size)]

    def work(chunk: range) -> list[Tensor | str]:
        pixels = [_pixels(sources[place], place, prepare, side, limits) for place in chunk]
        return _forward(network, pixels, prepare.preprocessing, device, dtype) if device.is_cpu else pixels

    # On a CPU each worker runs the network by itself on one thread: a small network has too little work
    # per operation to share, and threads of OpenMP spin while they wait. A GPU takes whole batches.
    with devices.single_threaded_workers(device) as pool:
        for ready in map_in_order(pool, work, chunks, ahead=2 * device.workers):
            yield from ready if device.is_cpu else _forward(network, ready, prepare.preprocessing, device, dtype)


def map_in_order(pool: ThreadPoolExecutor, work: Callable[[S], T], items: Iterable[S], ahead: int) -> Iterator[T]:
    """Results in order, with a bounded number of items under way, and none started once the reader has left."""
    pending: deque[Future[T]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def _pixels(source: Source, place: int, prepare: Prepare, side: int | None, limits: Limits) -> Tensor | str:
    """The views of one picture as bytes (V, 3, size, size), or why it cannot be used."""
    try:
        return prepare(place, open_picture(source, side, limits))
    except PhotoError as error:
        return str(error)


@torch.inference_mode()
def _forward(
    network: nn.Module | None,
    pixels: list[Tensor | str],
    preprocessing: Preprocessing,
    device: Device,
    dtype: torch.dtype,
) -> list[Tensor | str]:
    good = [value for value in pixels if isinstance(value, Tensor)]
    if not good or network is None:
        return pixels
    batch = torch.stack(good, 1)  # (V, B, 3, size, size)
    views = [network(transforms.normalize(view, preprocessing, device.torch_device, dtype)) for view in batch]
    outputs = iter(torch.stack(views, 1).cpu())  # (B, V, …)
    return [value if isinstance(value, str) else next(outputs) for value in pixels]
