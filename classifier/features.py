"""Photos -> pooled features, computed once and kept on disk by content, network and preparation."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from . import device as devices
from . import looks, models, processes, transforms
from .anatomy import folded
from .config import Limits, Preprocessing
from .device import Device
from .errors import PhotoError
from .looks import look
from .pictures import open_picture
from .store import FeatureStore

Floats = NDArray[np.float32]
S = TypeVar("S")
T = TypeVar("T")
Source = Path | bytes | Image.Image
_LOOKED_AT = 512  # pixels of the short side at which a photo is opened only to look at it
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


class Prepare(Protocol):
    """What makes the tensors (V, 3, size, size), uint8, of the picture at a place in the list."""

    @property
    def preprocessing(self) -> Preprocessing:
        """Whose colours the network wants."""

    def __call__(self, place: int, picture: Image.Image) -> Tensor: ...


@dataclass(frozen=True)
class Views:
    """A picture in each of several preparations of one network, as every later loader makes them."""

    preparations: tuple[Preprocessing, ...]

    @property
    def preprocessing(self) -> Preprocessing:
        return self.preparations[0]

    def __call__(self, place: int, picture: Image.Image) -> Tensor:
        return torch.stack([transforms.evaluation(preparation)(picture) for preparation in self.preparations])


@dataclass(frozen=True)
class _Looked:
    """``Views`` that also notes what each picture looks like, while it is open anyway."""

    views: Views
    looks: dict[int, Floats]

    @property
    def preprocessing(self) -> Preprocessing:
        return self.views.preprocessing

    def __call__(self, place: int, picture: Image.Image) -> Tensor:
        self.looks[place] = look(picture)
        return self.views(place, picture)


def run(
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
        for ready in in_order(pool, work, chunks, ahead=2 * device.workers):
            yield from ready if device.is_cpu else _forward(network, ready, prepare.preprocessing, device, dtype)


def in_order(pool: ThreadPoolExecutor, work: Callable[[S], T], items: Iterable[S], ahead: int) -> Iterator[T]:
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
    views = [network(transforms.normalise(view, preprocessing, device.torch_device, dtype)) for view in batch]
    outputs = iter(torch.stack(views, 1).cpu())  # (B, V, …)
    return [value if isinstance(value, str) else next(outputs) for value in pixels]


@lru_cache(maxsize=2)
def _backbone(name: str, device: Device) -> nn.Module:
    network = folded(models.build(name), models.is_built_in(name))
    return network.to(device.torch_device, device.dtype).to(memory_format=torch.channels_last)


def _embed(
    name: str, paths: Sequence[Path], preparations: Sequence[Preprocessing], device: Device, limits: Limits
) -> Iterator[tuple[Outcome, Floats | None]]:
    side = max(map(transforms.decoded_side, preparations))
    prepare = _Looked(Views(tuple(preparations)), {})
    outputs = run(_backbone(name, device), paths, prepare, device, device.dtype, side, limits)
    for place, output in enumerate(outputs):
        looked = prepare.looks.pop(place, None)
        yield (output, None) if isinstance(output, str) else (output.float().numpy(), looked)


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
    lacking = [place for place, view in enumerate(known) if any(photos[index][0] not in view for index in waiting)]
    wanted = [preparations[place] for place in lacking]
    fresh = devices.stream(_embed, name, paths, wanted, tools.device, tools.limits) if paths else iter(())
    with store:
        for index, (sha, _) in enumerate(photos):
            if index not in waiting:
                yield np.stack([view[sha] for view in known])
                continue
            outcome, looked = next(fresh)
            if isinstance(outcome, str):
                yield outcome
            else:
                if looked is not None:
                    store.put_looks(looks.NAME, sha, looked)
                store.put(name, wanted, sha, outcome)
                # Rounded as the store rounds, so that a second training gives the same model.
                rows = dict(zip(lacking, outcome.astype(np.float16).astype(np.float32)))
                yield np.stack([rows[place] if place in rows else view[sha] for place, view in enumerate(known)])


def gather(
    tools: Embedder, photos: Sequence[tuple[str, Path]], preparations: Sequence[Preprocessing], step: str
) -> Generator[Progress, None, tuple[list[int], Floats, dict[int, str]]]:
    """``embed`` with progress: places of the readable photos, their features (n, V, D), the others' reasons."""
    started = perf_counter()
    good: list[int] = []
    rows: list[Floats] = []
    reasons: dict[int, str] = {}
    yield Progress(step, 0, len(photos), None)
    if processes.count() > 1:  # each looks at its share and finds those of the others in the cache
        for _ in embed(tools, photos[processes.rank() :: processes.count()], preparations):
            pass
        processes.wait()
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


def looks_of(tools: Embedder, photos: Sequence[tuple[str, Path]]) -> Floats:
    """The looks (N, looks.WIDTH) of photos, given as (sha256, path): noted when they were embedded, or looked at now.

    A row of NaN for a photo that can no longer be opened.
    """
    known = tools.store.get_looks(looks.NAME, [sha for sha, _ in photos])
    missing = {sha: path for sha, path in photos if sha not in known}

    def work(item: tuple[str, Path]) -> tuple[str, Floats | None]:
        try:
            return item[0], look(open_picture(item[1], _LOOKED_AT, tools.limits))
        except PhotoError:
            return item[0], None

    with tools.store, ThreadPoolExecutor(tools.device.workers) as pool:
        for sha, vector in in_order(pool, work, missing.items(), ahead=2 * tools.device.workers):
            if vector is not None:
                tools.store.put_looks(looks.NAME, sha, vector)
                known[sha] = vector.astype(np.float16).astype(np.float32)
    unknown = np.full(looks.WIDTH, np.nan, np.float32)
    return (
        np.stack([known.get(sha, unknown) for sha, _ in photos]) if photos else np.zeros((0, looks.WIDTH), np.float32)
    )
