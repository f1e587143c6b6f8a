"""Photos to pooled features and descriptors, computed once and cached by content, network and preprocessing."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from .. import distributed, leases
from ..config import NO_RANGES, Limits, PixelRanges, Preprocessing
from ..data.descriptors import CACHE_NAME, DESCRIPTOR_SIZE, Describe, describe_grays, to_gray
from ..data.images import Opener, open_picture
from ..data.large_arrays import allocate
from ..device import Device
from ..distributed import Shared
from ..errors import PhotoError
from ..events import Progress
from ..messages import Code, Message
from . import networks
from .backbones import Backbone
from .feature_cache import FeatureCache
from .fused_convolution import fuse_activations
from .loader import EvalViews, map_in_order, run_batches
from .surgery import MiddleFeatures, fuse_batch_norm
from .transforms import decoded_side

Floats = NDArray[np.float32]
Photo = tuple[str, Path]  # SHA-256 of the content, file
_AT_ONCE = 4096  # photos whose cached features are read at a time
_DESCRIPTOR_SIDE = 512  # pixels of the short side at which a photo is opened only for its descriptor
_BLOCK = 64  # photos whose features a process sends at a time


@dataclass(frozen=True)
class FeatureExtractor:
    """What turns photos into features: the network, the device it runs on, the cache, and the limits of a photo.

    ``pixel_ranges`` are those of the training photos, see ``pixel_ranges.with_pixel_ranges``; ``opener`` decodes
    photos, for those of strangers it is ``decoding.open_apart``, and ``describe`` computes their descriptors. With
    ``middle`` each view of a picture by a built-in network is followed by the features of its middle, as if that were
    another view; they come from the same pass (``surgery.MiddleFeatures``). With ``keeps_stages`` a pass of a built-in
    network over single views caches the features of earlier stages, too, which mode auto needs next.
    """

    backbone: Backbone
    device: Device
    cache: FeatureCache
    limits: Limits
    pixel_ranges: PixelRanges = NO_RANGES
    opener: Opener = open_picture
    describe: Describe = describe_grays
    middle: bool = False
    keeps_stages: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names under which the features are cached that one pass of the network gives."""
        name = self.backbone.features_name
        return (name, f"{name}, middle") if self.middle else (name,)

    @property
    def descriptor_name(self) -> str:
        """The name under which descriptors are cached."""
        ranges = self.pixel_ranges.to_json()
        return f"{CACHE_NAME} {json.dumps(ranges)}" if ranges else CACHE_NAME


def embed(
    extractor: FeatureExtractor, photos: Sequence[Photo], preprocessings: Sequence[Preprocessing]
) -> Iterator[Floats | Message]:
    """Yield the features (V, D) of each photo for V preprocessings, or the message why it cannot be used.

    With ``extractor.middle`` there are 2 V: each view, then its middle. The pixel ranges are those of the extractor,
    not of the preprocessings.

    Features that are not in the cache are computed and added as they come, so that nothing is lost when the iterator
    is closed early. Of several processes each computes a share of what is not in the cache of every machine, and all
    get the same.
    """
    preprocessings = [replace(one, pixel_ranges=extractor.pixel_ranges) for one in preprocessings]
    one_view = len(preprocessings) == 1 and not extractor.middle
    keeps_stages = extractor.keeps_stages and one_view and extractor.backbone.built_in and not extractor.backbone.stages
    work = _embed_with_stages if keeps_stages else _embed
    for start in range(0, len(photos), _AT_ONCE):
        yield from work(extractor, photos[start : start + _AT_ONCE], preprocessings)
    distributed.barrier()  # the other processes of this machine read what one has put


def _embed(
    extractor: FeatureExtractor, photos: Sequence[Photo], preprocessings: Sequence[Preprocessing]
) -> Generator[Floats | Message, None, None]:
    """Yield what ``embed`` does; what is cached of all these photos is in memory."""
    cache, shas = extractor.cache, [sha for sha, _ in photos]
    cached = [cache.get(name, preprocessing, shas) for preprocessing in preprocessings for name in extractor.names]
    known = distributed.everywhere(np.array([all(sha in view for view in cached) for sha, _ in photos], np.bool_))
    lacking = [photo for photo, is_known in zip(photos, known) if not is_known]
    computed = distributed.share(lacking, partial(_complete, extractor, preprocessings, cached), _BLOCK)
    with cache:
        for (sha, _), is_known in zip(photos, known):
            if is_known:
                yield np.stack([view[sha] for view in cached])
                continue
            output = next(computed)
            if isinstance(output, Message):
                yield output
                continue
            features = output["features"].float().numpy()
            if distributed.is_local_main_process():
                for place, name in enumerate(extractor.names):
                    cache.put(name, preprocessings, sha, features[place :: len(extractor.names)])
                if extractor.backbone.stages:  # they begin with those of the last map, which may be asked for next
                    last = networks.part_widths(extractor.backbone)[0]
                    cache.put(extractor.backbone.name, preprocessings, sha, features[:, :last])
                if "descriptor" in output:
                    cache.put_descriptor(extractor.descriptor_name, sha, output["descriptor"].float().numpy())
            yield features


def _embed_with_stages(
    extractor: FeatureExtractor, photos: Sequence[Photo], preprocessings: Sequence[Preprocessing]
) -> Iterator[Floats | Message]:
    """Yield what ``embed`` does; of photos that are not in the cache earlier stages are computed and cached, too."""
    cached = extractor.cache.get(extractor.backbone.name, preprocessings[0], [sha for sha, _ in photos])
    known = distributed.everywhere(np.array([sha in cached for sha, _ in photos], np.bool_))
    lacking = [photo for photo, is_known in zip(photos, known) if not is_known]
    staged = replace(extractor, backbone=extractor.backbone.with_stages())
    computed, width = _embed(staged, lacking, preprocessings), networks.part_widths(staged.backbone)[0]
    with closing(computed):
        for (sha, _), is_known in zip(photos, known):
            output = cached[sha][None] if is_known else next(computed)
            yield output if isinstance(output, Message) else output[:, :width]


def _complete(
    extractor: FeatureExtractor, preprocessings: Sequence[Preprocessing], cached: Sequence[Mapping[str, Floats]],
    photos: Sequence[Photo],
) -> Iterator[Shared]:  # fmt: skip
    """Yield the features (V, D) of photos, of which ``cached`` holds those of some for each of the V views.

    With them their descriptors, where features are computed and the cache has none. All are rounded as in the cache.
    """
    to_compute = [index for index, (sha, _) in enumerate(photos) if any(sha not in view for view in cached)]
    lacking = np.array([any(photos[index][0] not in view for index in to_compute) for view in cached], np.bool_)
    numbers = np.arange(len(cached)).reshape(len(preprocessings), -1)  # of the views that each pass gives
    passes = np.flatnonzero(lacking[numbers].any(1)).tolist()
    missing = numbers[passes].ravel().tolist()
    wanted = [preprocessings[number] for number in passes]
    names = [photos[index][0] for index in to_compute]
    described = extractor.cache.get_descriptors(extractor.descriptor_name, names)
    undescribed = frozenset(row for row, sha in enumerate(names) if sha not in described)
    computed = _compute(extractor, [photos[index][1] for index in to_compute], wanted, undescribed)
    remaining = set(to_compute)
    for index, (sha, _) in enumerate(photos):
        output, descriptor = next(computed) if index in remaining else (None, None)
        if isinstance(output, Message):
            yield output
            continue
        rows = {} if output is None else dict(zip(missing, output))
        features = np.stack([rows[number] if number in rows else view[sha] for number, view in enumerate(cached)])
        yield {"features": _half(features)} | ({} if descriptor is None else {"descriptor": _half(descriptor)})


def extract_features(
    extractor: FeatureExtractor, photos: Sequence[Photo], preprocessings: Sequence[Preprocessing], step: Code | Message
) -> Generator[Progress, None, tuple[list[int], Floats, dict[int, Message]]]:
    """Run ``embed`` and yield its progress.

    Returns the indices (n) of the readable photos, their features (n, V, D), and by index the messages of the others.
    """
    started = perf_counter()
    readable: list[int] = []
    features = np.zeros((0, len(preprocessings), 0), np.float32)  # for all photos, once the first is known
    reasons: dict[int, Message] = {}
    yield Progress(step, 0, len(photos), None)
    for index, output in enumerate(embed(extractor, photos, preprocessings)):
        if isinstance(output, Message):
            reasons[index] = output
        else:
            if not readable:
                features = allocate((len(photos), *output.shape))
            features[len(readable)] = output
            readable.append(index)
        done = index + 1
        if done % 8 == 0 or done == len(photos):
            yield Progress(step, done, len(photos), (perf_counter() - started) / done * (len(photos) - done))
    return readable, features[: len(readable)], reasons


def extract_descriptors(extractor: FeatureExtractor, photos: Sequence[Photo]) -> Floats:
    """Return the descriptors (N, DESCRIPTOR_SIZE) of photos; ``embed`` has cached them with the features.

    A row of NaN for a photo that cannot be opened.
    """
    descriptors = allocate((len(photos), DESCRIPTOR_SIZE))
    descriptors.fill(np.nan)
    for start in range(0, len(photos), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        _read_descriptors(extractor, photos[part], descriptors[part])
    distributed.barrier()  # the other processes of this machine read what one has put
    return descriptors


def _read_descriptors(extractor: FeatureExtractor, photos: Sequence[Photo], descriptors: Floats) -> None:
    """Fill in the descriptors (n, DESCRIPTOR_SIZE) of photos."""
    cached = extractor.cache.get_descriptors(extractor.descriptor_name, [sha for sha, _ in photos])
    known = distributed.everywhere(np.array([sha in cached for sha, _ in photos], np.bool_))
    missing = list({sha: path for (sha, path), is_known in zip(photos, known) if not is_known}.items())

    def work(photo: Photo) -> Shared:
        sha, path = photo
        if sha in cached:
            return {"descriptor": _half(cached[sha])}
        try:
            picture = extractor.opener(path, _DESCRIPTOR_SIDE, extractor.limits, extractor.pixel_ranges)
            return {"descriptor": _half(extractor.describe([to_gray(picture)])[0])}
        except PhotoError as error:
            return error.message

    workers = extractor.device.workers
    with extractor.cache, ThreadPoolExecutor(workers) as pool:
        shared = distributed.share(missing, lambda own: map_in_order(pool, work, own, ahead=2 * workers), _BLOCK)
        for (sha, _), output in zip(missing, shared):
            if not isinstance(output, Message):
                cached[sha] = output["descriptor"].float().numpy()
                if distributed.is_local_main_process():
                    extractor.cache.put_descriptor(extractor.descriptor_name, sha, cached[sha])
    for row, (sha, _) in zip(descriptors, photos):
        row[:] = cached.get(sha, row)


@dataclass(frozen=True)
class _DescribedViews:
    """``EvalViews`` that also keeps some pictures small and gray, by index, and computes their ``descriptors``.

    Those of a batch together, once its views are made.
    """

    views: EvalViews
    undescribed: frozenset[int]
    describe: Describe
    grays: dict[int, Image.Image] = field(default_factory=dict)
    descriptors: dict[int, Floats] = field(default_factory=dict)

    @property
    def preprocessing(self) -> Preprocessing:
        return self.views.preprocessing

    def __call__(self, index: int, picture: Image.Image) -> Tensor:
        if index in self.undescribed:
            self.grays[index] = to_gray(picture)
        return self.views(index, picture)

    def finish(self, indices: Sequence[int]) -> None:
        """Compute the descriptors of those among some pictures that are to have one."""
        grays = {index: self.grays.pop(index) for index in indices if index in self.grays}
        if grays:
            self.descriptors.update(zip(grays, self.describe(list(grays.values()))))


def _compute(
    extractor: FeatureExtractor, paths: Sequence[Path], preprocessings: Sequence[Preprocessing],
    undescribed: frozenset[int],
) -> Iterator[tuple[Floats | Message, Floats | None]]:  # fmt: skip
    settings = extractor.device, extractor.limits, extractor.opener, extractor.describe
    cost, start = extractor.backbone.cost * len(preprocessings), 0
    for part in leases.slices(paths, cost):
        own = frozenset(index - start for index in undescribed)
        work = _run_network, extractor.backbone, extractor.middle, part, preprocessings, own, *settings
        yield from leases.stream(*work, seconds=leases.estimate(len(part), cost))
        start += len(part)


def _run_network(
    backbone: Backbone,
    middle: bool,
    paths: Sequence[Path],
    preprocessings: Sequence[Preprocessing],
    undescribed: frozenset[int],
    device: Device,
    limits: Limits,
    opener: Opener,
    describe: Describe,
) -> Iterator[tuple[Floats | Message, Floats | None]]:
    """Yield for each photo its features (V, D) or a message, and its descriptor; None where it is known already."""
    network = _network(backbone, device)
    if middle:
        network = MiddleFeatures(network)
    shortest = max(map(decoded_side, preprocessings))
    views = _DescribedViews(EvalViews(tuple(preprocessings)), undescribed, describe)
    outputs = run_batches(network, paths, views, device, device.dtype, shortest, limits, opener, views.finish)
    for index, output in enumerate(outputs):
        descriptor = views.descriptors.pop(index, None)
        if isinstance(output, Message):
            yield output, None
        else:  # the middle of a view as the next one
            yield output.float().numpy().reshape(len(output) * (1 + middle), -1), descriptor


@lru_cache(maxsize=2)
def _network(backbone: Backbone, device: Device) -> nn.Module:
    network = fuse_batch_norm(networks.build(backbone), backbone.built_in)
    if backbone.built_in and device.is_cpu:  # whose layers the tests compare
        network = fuse_activations(network)
    return network.to(device.torch_device, device.dtype).to(memory_format=torch.channels_last)


def _half(values: Floats) -> Tensor:
    """Rounded as the cache rounds, so that a second training, from the cache, gives the same model."""
    return torch.from_numpy(values.astype(np.float16))
