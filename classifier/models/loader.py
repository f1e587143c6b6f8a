"""Batches of pictures in order: decoded, transformed and run through a network by threads."""

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
from ..data.images import Opener, open_picture
from ..device import Device
from ..errors import ModelError, PhotoError
from ..messages import Message
from ..messages.models import PredictCode
from .transforms import eval_transform, normalize

S = TypeVar("S")
T = TypeVar("T")
Source = Path | bytes | Image.Image


class Views(Protocol):
    """Makes the V views of the picture at ``index``: (V, 3, size, size), uint8."""

    @property
    def preprocessing(self) -> Preprocessing:
        """Whose mean and std the network expects, and by whose pixel ranges the pictures are decoded."""

    def __call__(self, index: int, picture: Image.Image) -> Tensor: ...


@dataclass(frozen=True)
class EvalViews:
    """One view of a picture for each of several preprocessings of one network, by ``eval_transform``."""

    preprocessings: tuple[Preprocessing, ...]

    @property
    def preprocessing(self) -> Preprocessing:
        return self.preprocessings[0]

    def __call__(self, index: int, picture: Image.Image) -> Tensor:
        return torch.stack([eval_transform(preprocessing)(picture) for preprocessing in self.preprocessings])


def run_batches(
    network: nn.Module | None,
    sources: Sequence[Source],
    views: Views,
    device: Device,
    dtype: torch.dtype,
    shortest: int | None,
    limits: Limits,
    opener: Opener = open_picture,
    finish: Callable[[Sequence[int]], None] | None = None,
) -> Iterator[Tensor | Message]:
    """Yield the output of ``network`` for the views of each picture, (V, …) in ``dtype``, in the order of ``sources``.

    For a picture that cannot be used, the message with the reason is yielded. Threads, not the worker processes
    of ``torch.utils.data.DataLoader``: decoding and the network release the interpreter's lock, a server should not
    fork, and starting the processes takes as long as embedding a hundred photos or more (benchmarks/embedding.py).

    Args:
        network: maps (B, 3, size, size) to (B, …); None to yield the views themselves, uint8 (V, 3, size, size).
        sources: files, their bytes, or pictures.
        views: makes the views of one picture.
        device: where the network runs; gives the number of threads and the batch size.
        dtype: of the input and the output of the network.
        shortest: a JPEG is decoded at a smaller scale that keeps its short side at this many pixels or more, which is
            several times as fast for phone photos; None for the full size, as other programs decode it.
        limits: of the size of one picture.
        opener: decodes a picture; for those of strangers ``decoding.open_apart``.
        finish: called with the indices of some pictures whose views were just made, in the same thread.
    """
    per_worker = -(-len(sources) // device.workers)
    size = max(1, min(device.batch, per_worker))
    chunks = [range(start, min(start + size, len(sources))) for start in range(0, len(sources), size)]

    def work(chunk: range) -> list[Tensor | Message]:
        pixels = [_load_views(sources[index], index, views, shortest, limits, opener) for index in chunk]
        if finish is not None:
            finish(chunk)
        return _forward(network, pixels, views.preprocessing, device, dtype) if device.is_cpu else pixels

    if device.is_cpu and len(sources) == 1:  # a thread of its own starts as slowly as a small photo is decoded
        devices.keep_freed_memory()
        yield from work(chunks[0])
        return
    # On a CPU each thread runs the network by itself: one operation of a small network is too little work to divide,
    # and OpenMP's threads spin while they wait. A GPU takes whole batches from this thread.
    with devices.single_threaded_workers(device) as pool:
        for batch in map_in_order(pool, work, chunks, ahead=2 * device.workers):
            yield from batch if device.is_cpu else _forward(network, batch, views.preprocessing, device, dtype)


def map_in_order(pool: ThreadPoolExecutor, work: Callable[[S], T], items: Iterable[S], ahead: int) -> Iterator[T]:
    """Yield ``work(item)`` in the order of ``items``, with at most ``ahead`` of them under way.

    Items that have not started are cancelled when the iterator is closed.
    """
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


def _load_views(
    source: Source, index: int, views: Views, shortest: int | None, limits: Limits, opener: Opener
) -> Tensor | Message:
    try:
        return views(index, opener(source, shortest, limits, views.preprocessing.pixel_ranges))
    except PhotoError as error:
        return error.message


def _forward(
    network: nn.Module | None,
    pixels: list[Tensor | Message],
    preprocessing: Preprocessing,
    device: Device,
    dtype: torch.dtype,
) -> list[Tensor | Message]:
    """Run a batch, in halves where the memory does not suffice; raises ``ModelError`` where not for one picture."""
    try:
        return _forward_at_once(network, pixels, preprocessing, device, dtype)
    except Exception as error:
        if not devices.is_out_of_memory(error):
            raise
        if len(pixels) == 1:
            raise ModelError(PredictCode.NO_MEMORY) from error
    # Not above: what failed is kept while its error is handled.
    if device.torch_device.type == "cuda":
        torch.cuda.empty_cache()
    halves = pixels[: len(pixels) // 2], pixels[len(pixels) // 2 :]
    return [output for half in halves for output in _forward(network, half, preprocessing, device, dtype)]


@torch.inference_mode()
def _forward_at_once(
    network: nn.Module | None,
    pixels: list[Tensor | Message],
    preprocessing: Preprocessing,
    device: Device,
    dtype: torch.dtype,
) -> list[Tensor | Message]:
    readable = [value for value in pixels if isinstance(value, Tensor)]
    if not readable or network is None:
        return pixels
    batch = torch.stack(readable, 1)  # (V, B, 3, size, size)
    per_view = [network(normalize(view, preprocessing, device.torch_device, dtype)) for view in batch]
    outputs = iter(torch.stack(per_view, 1).cpu())  # (B, V, …)
    return [next(outputs) if isinstance(value, Tensor) else value for value in pixels]
