"""Features and near-duplicate groups of a project's photos, through the feature cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Sequence

import numpy as np
from numpy.typing import NDArray

from .. import distributed
from ..config import Preprocessing
from ..data import duplicates
from ..data.assets import Asset
from ..data.grouping import Grouping, group_photos
from ..data.large_arrays import take_rows
from ..data.project import Project
from ..events import Progress
from ..messages import Code, Message
from .features import FeatureExtractor, extract_descriptors, extract_features

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def extract_asset_features(
    extractor: FeatureExtractor,
    project: Project,
    assets: Sequence[Asset],
    preprocessing: Preprocessing,
    step: Code | Message,
) -> Generator[Progress, None, tuple[list[Asset], Floats]]:
    """Return the assets that can be read and their pooled features (n, D); yields ``Progress`` of ``step``.

    The others leave the project and are listed as left out, with the reason.

    Args:
        extractor: network, device, cache and limits.
        project: the project of the assets.
        assets: rows of its catalog.
        preprocessing: how a picture becomes the network's input.
        step: the code or message under which progress is reported.
    """
    photos = [(asset.sha256, project.photo_path(asset)) for asset in assets]
    readable, features, reasons = yield from extract_features(extractor, photos, [preprocessing], step)
    project.leave_out({assets[index].id: reason for index, reason in reasons.items()})
    return [assets[index] for index in readable], features[:, 0]


def extract_asset_descriptors(extractor: FeatureExtractor, project: Project, assets: Sequence[Asset]) -> Floats:
    """Return the descriptors (N, W) of assets, see ``data.descriptors``."""
    return extract_descriptors(extractor, [(asset.sha256, project.photo_path(asset)) for asset in assets])


def group_near_duplicates(
    extractor: FeatureExtractor, assets: Sequence[Asset], features: Floats, descriptors: Floats
) -> Ints:
    """Return the group number (N,) of each asset, equal for near duplicates.

    From features (N, D) and descriptors (N, W), see ``data.duplicates``. Cached with the features: labels play no
    part, so that a training after a correction reuses the groups. The order of the assets plays none either.
    """
    if not assets:
        return np.zeros(0, np.int64)
    order = np.array(sorted(range(len(assets)), key=lambda index: assets[index].sha256), np.int64)
    groups = np.empty(len(assets), np.int64)
    groups[order] = _cached_groups(extractor, take_rows(features, order), take_rows(descriptors, order))
    return groups


def group_assets(
    extractor: FeatureExtractor, project: Project, assets: Sequence[Asset], features: Floats, descriptors: Floats
) -> Grouping:
    """Return which assets belong together, by all that is known: see ``data.grouping``.

    From features (N, D) and descriptors (N, W) of the assets, their names, times and groups, and what the person chose.
    """
    near_duplicates = group_near_duplicates(extractor, assets, features, descriptors)
    return group_photos(assets, features, near_duplicates, project.groups_from())


def _cached_groups(extractor: FeatureExtractor, features: Floats, descriptors: Floats) -> Ints:
    digest = hashlib.sha256(np.ascontiguousarray(features).data)
    digest.update(np.ascontiguousarray(descriptors).data)
    key = f"scenes 6 {digest.hexdigest()}"

    def find_or_compute() -> str:
        cached = extractor.cache.get_choice(key, [])
        if cached is not None:
            return cached
        groups = json.dumps(duplicates.near_duplicate_groups(features, descriptors).tolist())
        extractor.cache.put_choice(key, [], groups)
        return groups

    return np.array(json.loads(distributed.decide(find_or_compute)), np.int64)
