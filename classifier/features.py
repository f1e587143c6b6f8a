"""Photos -> pooled features, computed once and kept on disk by content, network and preparation."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from . import device as devices
from . import models, transforms
from .config import Limits, Preprocessing
from .device import Device
from .errors import PhotoError
from .pictures import open_picture
from .store import FeatureStore

Floats = NDArray[np.float32]
Source = Path | bytes | Image.Image
Outcome = Floats | str  # outputs (V, D) of one picture in V preparations, or why it cannot be used


@dataclass(frozen=True)
class Progress:
    """How far one step is: ``done`` of ``total`` photos, and the seconds left of it if that can be told."""

    step: str
    done: int
    total: int
    seconds_left: float | None


@dataclass(frozen=True)
class Embedder:
    """Everything it takes to turn photos into features: the network's name, the device, the cache, the limits."""

    backbone: str
    device: Device
    store: FeatureStore
    limits: Limits


def run(
    network: nn.Module,
    sources: Sequence[Source],
    preparations: Sequence[Preprocessing],
    device: Device,
    dtype: torch.dtype,
    exact: bool,
    limits: Limits,
) -> Iterator[Outcome]:
    """What ``network`` gives for each picture in each preparation: (V, D) float32, in order.

    ``exact`` decodes every picture at its full size, as any other loader would; otherwise a JPEG is
    decoded at about the size needed, which for phone photos is most of the time saved.
    """
    share = -(-len(sources) // device.workers)
    size = max(1, min(device.batch, share))
    chunks = [sources[start : start + size] for start in range(0, len(sources), size)]
    side = None if exact else max(map(transforms.decoded_side, preparations))

    def work(chunk: Sequence[Source]) -> list[Tensor | str]:
        pixels = [_pixels(source, preparations, side, limits) for source in chunk]
        return _forward(network, pixels, preparations, device, dtype) if device.is_cpu else pixels

    # On a CPU each worker runs the network by itself on one thread: a small network has too little work
    # per operation to share, and threads of OpenMP spin while they wait. A GPU takes whole batches.
    with devices.single_threaded_workers(device) as pool:
        for ready in _in_order(pool, work, chunks, ahead=2 * device.workers):
            outputs = ready if device.is_cpu else _forward(network, ready, preparations, device, dtype)
            yield from (value if isinstance(value, str) else value.numpy() for value in outputs)


def _in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[Sequence[Source]], list[Tensor | str]],
    items: Iterable[Sequence[Source]],
    ahead: int,
) -> Iterator[list[Tensor | str]]:
    """Results in order, with a bounded number of items under way, and none started once the reader has left."""
    pending: deque[Future[list[Tensor | str]]] = deque()
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


def _pixels(source: Source, preparations: Sequence[Preprocessing], side: int | None, limits: Limits) -> Tensor | str:
    """One picture as bytes, a list entry per preparation of (3, size, size), or why it cannot be used."""
    try:
        picture = open_picture(source, side, limits)
        return torch.stack([transforms.evaluation(preparation)(picture) for preparation in preparations])
    except PhotoError as error:
        return str(error)


@torch.inference_mode()
def _forward(
    network: nn.Module,
    pixels: list[Tensor | str],
    preparations: Sequence[Preprocessing],
    device: Device,
    dtype: torch.dtype,
) -> list[Tensor | str]:
    good = [value for value in pixels if isinstance(value, Tensor)]
    if not good:
        return pixels
    batch = torch.stack(good, 1)  # (V, B, 3, size, size)
    views = [
        network(transforms.normalise(batch[index], preparation, device.torch_device, dtype)).float()
        for index, preparation in enumerate(preparations)
    ]
    outputs = iter(torch.stack(views, 1).cpu())  # (B, V, D)
    return [value if isinstance(value, str) else next(outputs) for value in pixels]


@lru_cache(maxsize=2)
def _backbone(name: str, device: Device) -> nn.Module:
    network = models.folded(models.build(name), name)
    return network.to(device.torch_device, device.dtype).to(memory_format=torch.channels_last)


def _embed(
    name: str, paths: Sequence[Path], preparations: Sequence[Preprocessing], device: Device, limits: Limits
) -> Iterator[Outcome]:
    yield from run(_backbone(name, device), paths, preparations, device, device.dtype, False, limits)


def embed(
    tools: Embedder, photos: Sequence[tuple[str, Path]], preparations: Sequence[Preprocessing]
) -> Iterator[Outcome]:
    """Features of photos, given as (sha256, path): (V, D) for V preparations, or why a photo cannot be used.

    What the store knows is not computed again; what is computed goes into it as it comes, so that
    nothing is lost when the reader stops halfway.
    """
    name, store = tools.backbone, tools.store
    known = [store.get(name, preparation, [sha for sha, _ in photos]) for preparation in preparations]
    waiting = {index for index, (sha, _) in enumerate(photos) if any(sha not in view for view in known)}
    paths = [photos[index][1] for index in sorted(waiting)]
    fresh = devices.stream(_embed, name, paths, preparations, tools.device, tools.limits) if paths else iter(())
    with store:
        for index, (sha, _) in enumerate(photos):
            if index not in waiting:
                yield np.stack([view[sha] for view in known])
                continue
            outcome = next(fresh)
            if isinstance(outcome, str):
                yield outcome
            else:
                store.put(name, preparations, sha, outcome)
                # Rounded as the store rounds, so that a second training gives the same model.
                yield outcome.astype(np.float16).astype(np.float32)


def gather(
    tools: Embedder, photos: Sequence[tuple[str, Path]], preparations: Sequence[Preprocessing], step: str
) -> Generator[Progress, None, tuple[list[int], Floats, dict[int, str]]]:
    """``embed`` with progress: places of the readable photos, their features (n, V, D), the others' reasons."""
    started = perf_counter()
    good: list[int] = []
    rows: list[Floats] = []
    reasons: dict[int, str] = {}
    yield Progress(step, 0, len(photos), None)
    for index, outcome in enumerate(embed(tools, photos, preparations)):
        if isinstance(outcome, str):
            reasons[index] = outcome
        else:
            good.append(index)
            rows.append(outcome)
        done = index + 1
        if done % 8 == 0 or done == len(photos):
            yield Progress(step, done, len(photos), (perf_counter() - started) / done * (len(photos) - done))
    return good, np.stack(rows) if rows else np.zeros((0, len(preparations), 0), np.float32), reasons
