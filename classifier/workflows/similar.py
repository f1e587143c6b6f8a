"""Find the training photos that are most similar to a new photo, by the features of the model's backbone."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import device as devices
from ..config import NO_RANGES, PixelRanges, Preprocessing
from ..data.assets import Asset
from ..data.images import Opener, open_picture
from ..data.intake import sha256
from ..data.project import Project
from ..errors import PhotoError
from ..evaluation.report import Report
from ..messages import Message
from ..messages.data import PhotoCode
from ..models import backbones, networks
from ..models.backbones import Backbone
from ..models.feature_cache import FeatureCache
from ..models.features import FeatureExtractor, embed

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def find_similar(
    project: Project,
    report: Report,
    picture: Path,
    backbone: Backbone | None = None,
    count: int = 3,
    device: str | None = None,
    pixel_ranges: PixelRanges = NO_RANGES,
    opener: Opener = open_picture,
) -> list[tuple[Asset, float]]:
    """Return the training photos most similar to a picture, with the cosine of their features (-1 to 1), best first.

    Training photos without cached features are skipped, as is the picture itself; duplicates count once. The
    picture's own features are not kept.

    Args:
        project: the project that the model was trained on, with its feature cache.
        report: that of the model, whose resize mode is used.
        picture: the file of the new photo.
        backbone: the network of the features, see ``training_photos.comparing_backbone``; by default the model's.
        count: the most photos to return.
        device: a name as in ``device.choose``.
        pixel_ranges: those of the model's preprocessing.
        opener: decodes the picture; for one of a stranger it is ``decoding.open_apart``.

    Raises ``PhotoError`` when the picture cannot be used, ``ModelError`` when the backbone cannot be loaded.
    """
    backbone = backbone or backbones.resolve(report.backbone).feature_backbone()
    preprocessing = networks.preprocessing(backbone).with_resize_mode(report.resize_mode)
    preprocessing = replace(preprocessing, pixel_ranges=pixel_ranges)
    own = _sha256(picture)
    photos = {asset.sha256: asset for asset in project.catalog.assets(split="train") if asset.sha256 != own}
    with closing(FeatureCache(project.features)) as cache:
        cached = cache.get(backbone.name, preprocessing, list(photos))
    assets = [asset for sha, asset in photos.items() if sha in cached]
    if not assets:
        return []
    query = _embed_once(backbone, preprocessing, (own, picture), project, device, opener)
    features = np.stack([cached[asset.sha256] for asset in assets])
    similarity = _cosine_similarity(query, features)
    return [(assets[index], float(similarity[index])) for index in _largest(similarity, count)]


def nearest_neighbors(query: Floats, features: Floats, count: int = 3) -> Ints:
    """Return the indices of the features (N, D) nearest to those of a photo (D,), by their cosine, best first."""
    return _largest(_cosine_similarity(query, features), count)


def _largest(similarity: Floats, count: int) -> Ints:
    return np.argsort(-similarity, kind="stable")[:count].astype(np.int64)


def _cosine_similarity(query: Floats, features: Floats) -> Floats:
    lengths = np.linalg.norm(features, axis=1) * np.linalg.norm(query)
    return np.asarray(features @ query / np.maximum(lengths, 1e-9), np.float32)


def _sha256(picture: Path) -> str:
    try:
        return sha256(picture)
    except OSError as error:
        raise PhotoError(PhotoCode.CANNOT_READ) from error


def _embed_once(
    backbone: Backbone,
    preprocessing: Preprocessing,
    photo: tuple[str, Path],
    project: Project,
    device: str | None,
    opener: Opener,
) -> Floats:
    """The features (D,) of a photo (SHA-256, file), as training computes them, through a cache that is deleted."""
    with tempfile.TemporaryDirectory(prefix="similar-") as folder, closing(FeatureCache(Path(folder))) as cache:
        ranges = preprocessing.pixel_ranges
        extractor = FeatureExtractor(backbone, devices.choose(device), cache, project.limits, ranges, opener)
        (output,) = embed(extractor, [photo], [preprocessing])
    if isinstance(output, Message):
        raise PhotoError(output.code, **dict(output.arguments))
    return output[0]
