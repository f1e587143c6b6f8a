"""The range of values of a project's photos of more than 8 bits: measured once, then cached with the features."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from .. import distributed
from ..config import Limits, PixelRange, PixelRanges, SampleKind
from ..data.images import DECODING, lacks_range, measure_range
from ..data.pixel_depth import common_range
from ..data.project import Project
from .features import FeatureExtractor
from .loader import map_in_order

_MOST_MEASURED = 256  # photos that are decoded; more would hardly change the range
_AHEAD = 64  # photos whose headers are being read


def with_pixel_ranges(extractor: FeatureExtractor, project: Project) -> FeatureExtractor:
    """Return the extractor with the pixel ranges of the project's training photos.

    Only photos of more than 8 bits whose files state no range are decoded for it, at most ``_MOST_MEASURED``.
    """
    photos = {asset.sha256: asset.path for asset in project.catalog.assets(split="train")}
    contents = sorted(photos)
    key = f"pixel ranges {DECODING} {hashlib.sha256(' '.join(contents).encode()).hexdigest()}"

    def find_or_measure() -> str:
        cached = extractor.cache.get_choice(key, [])
        if cached is not None:
            return cached
        paths = (project.folder / photos[sha] for sha in contents)
        ranges = _measure(paths, extractor.limits, extractor.device.workers)
        measured = json.dumps(ranges.to_json())
        extractor.cache.put_choice(key, [], measured)
        return measured

    ranges = PixelRanges.from_json(json.loads(distributed.decide(find_or_measure)))
    return replace(extractor, pixel_ranges=ranges)


def _measure(paths: Iterable[Path], limits: Limits, workers: int) -> PixelRanges:
    """Measure the first paths that need it; they are in an order that has nothing to do with their classes."""
    measured: dict[SampleKind, list[PixelRange]] = {"integer": [], "real": []}
    with ThreadPoolExecutor(workers) as pool:
        lacking = map_in_order(pool, lambda path: path if lacks_range(path, limits) else None, paths, _AHEAD)
        deep = [path for path in lacking if path is not None][:_MOST_MEASURED]
        for found in pool.map(lambda path: measure_range(path, limits), deep):
            if found is not None:
                measured[found[0]].append(found[1])
    return PixelRanges(integer=common_range(measured["integer"]), real=common_range(measured["real"]))
