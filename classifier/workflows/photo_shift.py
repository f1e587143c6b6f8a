"""Whether photos are of the training photos' kind: labeled ones, or those that are only tried."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from ..config import LIMITS
from ..data.assets import Asset
from ..data.duplicates import near_duplicate_groups
from ..data.images import Opener, open_picture
from ..data.intake import sha256
from ..evaluation.shift import Shift, two_sample_test
from ..events import result_of
from ..messages.workflows import StepCode
from ..models import backbones, networks, training_photos
from ..models.feature_cache import FeatureCache
from ..models.features import FeatureExtractor, extract_descriptors, extract_features
from ..models.predictor import Predictor
from ..models.training_photos import KnownPhotos, Placed, describe, place

FEWEST = 30  # photos of which anything can be said


def shift_from_training(photos: KnownPhotos, training: KnownPhotos, placed: Placed) -> Shift | None:
    """Return how well photos are told apart from the training photos; None where they cannot be compared."""
    if photos.network != training.network:
        return None
    rows = training.features.astype(np.float32), training.classes, placed.training_groups
    return two_sample_test(*rows, photos.features.astype(np.float32), photos.classes, placed.groups, seed=0)


def compare_with_training(
    predictor: Predictor, photos: Sequence[tuple[Path, str]], scratch: Path, opener: Opener = open_picture
) -> Shift | None:
    """Return how well photos without labels are told apart from the training photos of the class predicted for each.

    None where they are fewer than ``FEWEST``, or the model does not remember its training photos.

    Args:
        predictor: the model.
        photos: the file of each photo, and the class that the model predicted for it.
        scratch: an empty folder for their features.
        opener: opens the files.
    """
    training = training_photos.read(predictor.folder) if len(photos) >= FEWEST else None
    if training is None:
        return None
    backbone = backbones.resolve(training.network)
    preprocessing = networks.preprocessing(backbone).with_resize_mode(predictor.report.resize_mode)
    files = [(sha256(path), path) for path, _ in photos]
    with closing(FeatureCache(scratch)) as cache:
        ranges = predictor.preprocessing.pixel_ranges
        extractor = FeatureExtractor(backbone, predictor.device, cache, LIMITS, ranges, opener)
        readable, views, _ = result_of(extract_features(extractor, files, [preprocessing], StepCode.EVALUATE))
        descriptors = extract_descriptors(extractor, [files[index] for index in readable])
    if len(readable) < FEWEST:
        return None
    features = views[:, 0]
    assets = [_asset(*files[index], photos[index][1]) for index in readable]
    y = np.array([predictor.labels.index(asset.label) for asset in assets], np.int64)
    groups = near_duplicate_groups(features, descriptors)
    known = describe(assets, features, descriptors, y, groups, backbone.name, predictor.report.resize_mode)
    return shift_from_training(known, training, place(known, training))


def _asset(sha: str, path: Path, label: str) -> Asset:
    return Asset(0, path.name, sha, label, "test", None, path.name, 0, 0, 0, "")
