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
from ..data.catalog import Asset
from ..data.project import Project
from ..events import Progress
from ..messages import Code
from .features import FeatureExtractor, extract_descriptors, extract_features

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def extract_asset_features(
    extractor: FeatureExtractor, project: Project, assets: Sequence[Asset], preprocessing: Preprocessing, step: Code
) -> Generator[Progress, None, tuple[list[Asset], Floats]]:
    """Return the assets that can be read and their pooled features (n, D); yields ``Progress`` of ``step``.

    The others leave the project and are listed as left out, with the reason.

    Args:
        extractor: network, device, cache and limits.
        project: the project of the assets.
        assets: rows of its catalog.
        preprocessing: how a picture becomes the network's input.
        step: the code under which progress is reported.
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
    order = sorted(range(len(assets)), key=lambda index: assets[index].sha256)
    groups = np.empty(len(assets), np.int64)
    groups[order] = _cached_groups(extractor, features[order], descriptors[order])
    return groups


def join_layout_groups(assets: Sequence[Asset], groups: Ints) -> Ints:
    """Return the group number (N,) of each asset, equal also for photos that the layout shows to belong together.

    ``groups`` (N,) are those of near duplicates. A group of the result is what a split never divides.
    """
    named = [index for index, asset in enumerate(assets) if asset.layout_group is not None]
    if not named:
        return groups
    from scipy.sparse import coo_array  # 0.2 s, which photos without such groups need not wait for
    from scipy.sparse.csgraph import connected_components

    _, near = np.unique(groups, return_inverse=True)
    _, layout = np.unique([str(assets[index].layout_group) for index in named], return_inverse=True)
    # A graph of all groups, with an edge for each photo that is in one of either kind.
    edges = (near[named], layout + near.max() + 1)
    size = int(edges[1].max()) + 1
    _, component = connected_components(coo_array((np.ones(len(named)), edges), (size, size)), directed=False)
    return np.asarray(component[near], np.int64)


def _cached_groups(extractor: FeatureExtractor, features: Floats, descriptors: Floats) -> Ints:
    key = f"scenes {hashlib.sha256(features.tobytes() + descriptors.tobytes()).hexdigest()}"
    cached = extractor.cache.get_choice(key, [])
    if cached is not None:
        return np.array(json.loads(cached), np.int64)
    groups = duplicates.near_duplicate_groups(features, descriptors)
    if distributed.is_main_process():
        extractor.cache.put_choice(key, [], json.dumps(groups.tolist()))
    return groups
