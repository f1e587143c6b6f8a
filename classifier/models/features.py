"""Photos -> pooled features, computed once and kept on disk by content, network and preparation."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from .. import device as devices
from .. import distributed
from ..config import Limits, Preprocessing
from ..data import perceptual_hash
from ..data.images import open_picture
from ..data.perceptual_hash import compute_descriptor
from ..device import Device
from ..errors import PhotoError
from ..events import Progress
from . import networks, transforms
from .feature_cache import FeatureCache
from .loader import EvalViews, map_in_order, run_batches
from .surgery import fuse_batch_norm

Floats = NDArray[np.float32]
_LOOKED_AT = 512  # pixels of the short side at which a photo is opened only to look at it
Outcome = Floats | str  # outputs (V, D) of one picture in V preparations, or why it cannot be used


@dataclass(frozen=True)
class FeatureExtractor:
    """Everything it takes to turn photos into features: the network's name, the device, the cache, the limits."""

    backbone: str
    device: Device
    cache: FeatureCache
    limits: Limits


@dataclass(frozen=True)
class _Looked:
    """``EvalViews`` that also notes what each picture looks like, while it is open anyway."""

    views: EvalViews
    looks: dict[int, Floats]

    @property
    def preprocessing(self) -> Preprocessing:
        return self.views.preprocessing

    def __call__(self, place: int, picture: Image.Image) -> Tensor:
        self.looks[place] = compute_descriptor(picture)
        return self.views(place, picture)


@lru_cache(maxsize=2)
def _backbone(name: str, device: Device) -> nn.Module:
    network = fuse_batch_norm(networks.build(name), networks.is_built_in(name))
    return network.to(device.torch_device, device.dtype).to(memory_format=torch.channels_last)


def _embed(
    name: str, paths: Sequence[Path], preparations: Sequence[Preprocessing], device: Device, limits: Limits
) -> Iterator[tuple[Outcome, Floats | None]]:
    side = max(map(transforms.decoded_side, preparations))
    prepare = _Looked(EvalViews(tuple(preparations)), {})
    outputs = run_batches(_backbone(name, device), paths, prepare, device, device.dtype, side, limits)
    for place, output in enumerate(outputs):
        looked = prepare.looks.pop(place, None)
        yield (output, None) if isinstance(output, str) else (output.float().numpy(), looked)


def embed(
    extractor: FeatureExtractor, photos: Sequence[tuple[str, Path]], preparations: Sequence[Preprocessing]
) -> Iterator[Outcome]:
    """Features of photos, given as (sha256, path): (V, D) for V preparations, or why a photo cannot be used.

    What the cache knows is not computed again; what is computed goes into it as it comes, so that
    nothing is lost when the reader stops halfway.
    """
    name, cache = extractor.backbone, extractor.cache
    known = [cache.get(name, preparation, [sha for sha, _ in photos]) for preparation in preparations]
    waiting = {index for index, (sha, _) in enumerate(photos) if any(sha not in view for view in known)}
    paths = [photos[index][1] for index in sorted(waiting)]
    lacking = [place for place, view in enumerate(known) if any(photos[index][0] not in view for index in waiting)]
    wanted = [preparations[place] for place in lacking]
    fresh = devices.stream(_embed, name, paths, wanted, extractor.device, extractor.limits) if paths else iter(())
    with cache:
        for index, (sha, _) in enumerate(photos):
            if index not in waiting:
                yield np.stack([view[sha] for view in known])
                continue
            outcome, looked = next(fresh)
            if isinstance(outcome, str):
                yield outcome
            else:
                if looked is not None:
                    cache.put_descriptor(perceptual_hash.NAME, sha, looked)
                cache.put(name, wanted, sha, outcome)
                # Rounded as the cache rounds, so that a second training gives the same model.
                rows = dict(zip(lacking, outcome.astype(np.float16).astype(np.float32)))
                yield np.stack([rows[place] if place in rows else view[sha] for place, view in enumerate(known)])


def extract_features(
    extractor: FeatureExtractor, photos: Sequence[tuple[str, Path]], preparations: Sequence[Preprocessing], step: str
) -> Generator[Progress, None, tuple[list[int], Floats, dict[int, str]]]:
    """``embed`` with progress: places of the readable photos, their features (n, V, D), the others' reasons."""
    started = perf_counter()
    good: list[int] = []
    rows: list[Floats] = []
    reasons: dict[int, str] = {}
    yield Progress(step, 0, len(photos), None)
    if distributed.world_size() > 1:  # each looks at its share and finds those of the others in the cache
        for _ in embed(extractor, photos[distributed.rank() :: distributed.world_size()], preparations):
            pass
        distributed.barrier()
    for index, outcome in enumerate(embed(extractor, photos, preparations)):
        if isinstance(outcome, str):
            reasons[index] = outcome
        else:
            good.append(index)
            rows.append(outcome)
        done = index + 1
        if done % 8 == 0 or done == len(photos):
            yield Progress(step, done, len(photos), (perf_counter() - started) / done * (len(photos) - done))
    return good, np.stack(rows) if rows else np.zeros((0, len(preparations), 0), np.float32), reasons


def extract_descriptors(extractor: FeatureExtractor, photos: Sequence[tuple[str, Path]]) -> Floats:
    """The looks (N, looks.WIDTH) of photos, given as (sha256, path): noted when they were embedded, or looked at now.

    A row of NaN for a photo that can no longer be opened.
    """
    known = extractor.cache.get_descriptors(perceptual_hash.NAME, [sha for sha, _ in photos])
    missing = {sha: path for sha, path in photos if sha not in known}

    def work(item: tuple[str, Path]) -> tuple[str, Floats | None]:
        try:
            return item[0], compute_descriptor(open_picture(item[1], _LOOKED_AT, extractor.limits))
        except PhotoError:
            return item[0], None

    with extractor.cache, ThreadPoolExecutor(extractor.device.workers) as pool:
        for sha, vector in map_in_order(pool, work, missing.items(), ahead=2 * extractor.device.workers):
            if vector is not None:
                extractor.cache.put_descriptor(perceptual_hash.NAME, sha, vector)
                known[sha] = vector.astype(np.float16).astype(np.float32)
    unknown = np.full(perceptual_hash.WIDTH, np.nan, np.float32)
    return (
        np.stack([known.get(sha, unknown) for sha, _ in photos])
        if photos
        else np.zeros((0, perceptual_hash.WIDTH), np.float32)
    )
