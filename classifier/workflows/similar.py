"""The training photos that a new photo looks most like, to the network that told the training photos apart."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import device as devices
from ..config import Preprocessing
from ..data.catalog import Asset
from ..data.intake import sha256
from ..data.project import Project
from ..errors import PhotoError
from ..evaluation.report import Report
from ..models import features, networks
from ..models.feature_cache import FeatureCache, Floats

Ints = NDArray[np.int64]


def nearest(
    project: Project, report: Report, picture: Path, count: int = 3, device: str | None = None
) -> list[tuple[Asset, float]]:
    """The training photos of ``project`` most like the one in the file ``picture``, best first.

    Each comes with its likeness, the cosine of both photos' features, -1 to 1. ``report`` is that of a model
    trained on the project: its network and its way of fitting a picture are used, and the features that
    training kept. Photos without kept features are passed over, as is ``picture`` itself; a photo that is there
    twice counts once. Nothing of ``picture`` stays on the disk. Raises ``PhotoError`` when it cannot be used,
    ``ModelError`` when the network cannot be had.
    """
    name = networks.feature_backbone(report.backbone)
    preparation = networks.preprocessing(name).with_resize_mode(report.resize_mode)
    itself = _content(picture)
    photos = {asset.sha256: asset for asset in project.catalog.assets(split="train") if asset.sha256 != itself}
    with closing(FeatureCache(project.features)) as cache:
        known = cache.get(name, preparation, list(photos))
    there = [asset for sha, asset in photos.items() if sha in known]
    if not there:
        return []
    query = _embedded(name, preparation, itself, picture, project, device)
    table = np.stack([known[asset.sha256] for asset in there])
    places = nearest_neighbors(query, table, count)
    return [(there[place], likeness) for place, likeness in zip(places, _cosines(query, table[places]))]


def _content(picture: Path) -> str:
    try:
        return sha256(picture)
    except OSError as error:
        raise PhotoError("The photo cannot be opened; choose it again.") from error


def _embedded(
    name: str, preparation: Preprocessing, sha: str, picture: Path, project: Project, device: str | None
) -> Floats:
    """The features (D,) of a photo, as training computes them; what is kept of them is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="trying-") as folder, closing(FeatureCache(Path(folder))) as cache:
        extractor = features.FeatureExtractor(name, devices.choose(device), cache, project.limits)
        (outcome,) = features.embed(extractor, [(sha, picture)], [preparation])
    if isinstance(outcome, str):
        raise PhotoError(outcome)
    return outcome[0]


def _cosines(query: Floats, table: Floats) -> list[float]:
    lengths = np.linalg.norm(table, axis=1) * np.linalg.norm(query)
    return [float(value) for value in (table @ query) / np.maximum(lengths, 1e-9)]


def nearest_neighbors(query: Floats, features: Floats, count: int = 3) -> Ints:
    """The places of the training photos (N, D) most like a photo (D,), by the cosine of their features, best first."""
    lengths = np.linalg.norm(features, axis=1) * max(float(np.linalg.norm(query)), 1e-9)
    likeness = features @ query / np.maximum(lengths, 1e-9)
    return np.argsort(-likeness, kind="stable")[:count].astype(np.int64)
