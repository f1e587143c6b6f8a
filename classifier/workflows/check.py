"""What photos look like before training: look-alikes, poor ones, labels that may be wrong, what is missing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import device as devices
from .. import distributed
from ..config import Preprocessing, TrainConfig
from ..data import duplicates, image_quality, splits
from ..data.catalog import Asset
from ..data.labels import natural_key
from ..data.project import Project
from ..errors import DataError
from ..evaluation import label_errors
from ..events import Progress
from ..models import networks
from ..models.feature_cache import FeatureCache
from ..models.features import FeatureExtractor, extract_descriptors, extract_features
from ..training import learning_curve, linear_head

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

NO_PHOTOS = "There are no photos to learn from: add at least two folders, each named after what its photos show."
DEFAULTS = TrainConfig()
_FEW = 10  # photos of a class below which its score says little


@dataclass(frozen=True)
class MislabeledPhoto:
    """A photo whose label may be wrong, the class it looks like, and how surely (0 to 1)."""

    photo: Asset
    suggested: str
    score: float


@dataclass(frozen=True)
class PoorPhoto:
    """A photo to fix: what is wrong with it in a word, and in a sentence what to do about it."""

    photo: Asset
    kind: image_quality.Kind
    advice: str


@dataclass(frozen=True)
class MorePhotos:
    """Photos to add: about how many of a class, how much more of it would be recognised, and why in a sentence."""

    label: str
    count: int
    gain: float
    advice: str


@dataclass(frozen=True)
class Checked:
    """The end of a check: what the photos look like before training; groups hold photos of one scene.

    ``quality`` lists photos to fix, ``more_photos`` what to add, most pressing first, and ``conflicts`` the
    photos that lie in several classes at once.
    """

    classes: dict[str, int]
    near_duplicates: tuple[tuple[Asset, ...], ...]
    suspects: tuple[MislabeledPhoto, ...]
    warnings: tuple[str, ...]
    quality: tuple[PoorPhoto, ...] = ()
    more_photos: tuple[MorePhotos, ...] = ()
    conflicts: tuple[tuple[Asset, ...], ...] = ()


def check(
    project: Project,
    config: TrainConfig = DEFAULTS,
    device: str | None = None,
    suspects: bool = True,
) -> Iterator[Progress | Checked]:
    """Look at the photos before training: look-alikes, labels that may be wrong, what is missing.

    Yields ``Progress`` and last ``Checked``. Works with any number of classes, so that it can say what
    is still needed; raises ``DataError`` only where there is no photo at all. The photos are looked at in
    the first of the config's ways of fitting. Without ``suspects`` no head is fitted: after a training its
    own answers tell them (``review``). Photos that the person called right are no suspects.
    """
    photos = project.catalog.assets(split="train")
    if not photos:
        raise DataError(NO_PHOTOS)
    preparation = networks.preprocessing(config.backbone).with_resize_mode(config.resize_modes[0])
    with closing(FeatureCache(project.features)) as cache:
        extractor = FeatureExtractor(config.backbone, devices.choose(device), cache, project.limits)
        photos, table = yield from extract_project_features(
            extractor, project, photos, preparation, "Looking at the photos"
        )
        looks = _looks(extractor, project, photos)
        groups = _alike(extractor, photos, table, looks)
    labels = tuple(sorted({asset.label for asset in photos}, key=natural_key))
    truth = encode_labels(photos, labels)
    poor, remarks = _poor(photos, looks)
    found: tuple[MislabeledPhoto, ...] = ()
    if len(labels) > 1 and suspects:
        folds = splits.stratified_group_folds(
            truth, groups, config.folds, config.seed, (asset.sha256 for asset in photos)
        )
        fitted = linear_head.fit_linear_head(table, truth, len(labels), folds)
        found = tuple(
            MislabeledPhoto(photos[suspect.photo], labels[suspect.suggested], suspect.score)
            for suspect in label_errors.find_label_issues(fitted.probabilities, truth)
            if not photos[suspect.photo].confirmed
        )
    yield Checked(
        project.classes(),
        duplicate_groups(photos, groups),
        found,
        (*warnings(truth, labels), *remarks),
        poor,
        tuple(_more(table, truth, labels, groups, config.seed)),
        tuple(map(tuple, project.conflicts())),
    )


# -- what other stories ask as well


def encode_labels(photos: Sequence[Asset], labels: Sequence[str]) -> Ints:
    """The classes of photos (N,), each as its place among the labels."""
    number = {label: index for index, label in enumerate(labels)}
    return np.array([number[asset.label] for asset in photos], np.int64)


def extract_project_features(
    extractor: FeatureExtractor, project: Project, photos: Sequence[Asset], preparation: Preprocessing, step: str
) -> Generator[Progress, None, tuple[list[Asset], Floats]]:
    """The photos that can be read and their features (n, D); the others go to the list of left-out files."""
    pairs = [(asset.sha256, project.photo_path(asset)) for asset in photos]
    good, table, reasons = yield from extract_features(extractor, pairs, [preparation], step)
    project.leave_out({photos[place].id: reason for place, reason in reasons.items()})
    return [photos[place] for place in good], table[:, 0]


def group_near_duplicates(
    extractor: FeatureExtractor, project: Project, photos: Sequence[Asset], features: Floats
) -> Ints:
    """Which photos are of one scene (N,), by their features (N, D) and by what they look like.

    Remembered with the features: new labels make no new scenes.
    """
    return _alike(extractor, photos, features, _looks(extractor, project, photos))


def duplicate_groups(photos: Sequence[Asset], groups: Ints) -> tuple[tuple[Asset, ...], ...]:
    """The groups (N,) of more than one photo."""
    members: dict[int, list[Asset]] = {}
    for asset, group in zip(photos, groups):
        members.setdefault(int(group), []).append(asset)
    return tuple(tuple(scene) for scene in members.values() if len(scene) > 1)


def warnings(truth: Ints, labels: Sequence[str]) -> list[str]:
    """What is to be said of a set in which the photos are of these classes (N,), as sentences."""
    counts = np.bincount(truth, minlength=len(labels))
    told = []
    if len(labels) == 1:
        told.append(f"There is only one class, “{labels[0]}”: add photos of at least one other.")
    single = [f"“{label}”" for label, count in zip(labels, counts) if count == 1]
    if single:
        told.append(f"There is a single photo of {', '.join(single)}: it cannot be checked and counts as wrong.")
    few = [f"“{label}” ({count})" for label, count in zip(labels, counts) if count < _FEW]
    if few:
        told.append(f"There are few photos of {', '.join(few)}: with {_FEW} or more each, the score says more.")
    if len(labels) > 1 and counts.max() > learning_curve.UNEVEN * counts.min():
        small, large = labels[int(counts.argmin())], labels[int(counts.argmax())]
        told.append(f"“{large}” has {counts.max()} photos and “{small}” only {counts.min()}: add photos of “{small}”.")
    return told


# -- inside


def _looks(extractor: FeatureExtractor, project: Project, photos: Sequence[Asset]) -> Floats:
    return extract_descriptors(extractor, [(asset.sha256, project.photo_path(asset)) for asset in photos])


def _alike(extractor: FeatureExtractor, photos: Sequence[Asset], features: Floats, looks: Floats) -> Ints:
    if not photos:
        return np.zeros(0, np.int64)
    order = sorted(range(len(photos)), key=lambda place: photos[place].sha256)  # photos come class by class
    features, looks = features[order], looks[order]
    contents = hashlib.sha256(features.tobytes() + looks.tobytes()).hexdigest()
    known = extractor.cache.get_choice(f"scenes {contents}", [])
    found = (
        duplicates.near_duplicate_groups(features, looks) if known is None else np.array(json.loads(known), np.int64)
    )
    if known is None and distributed.is_main_process():
        extractor.cache.put_choice(f"scenes {contents}", [], json.dumps(found.tolist()))
    groups = np.empty_like(found)
    groups[order] = found
    return groups


def _poor(photos: Sequence[Asset], looks: Floats) -> tuple[tuple[PoorPhoto, ...], tuple[str, ...]]:
    """The photos to fix, and what is to be said of the set as a whole."""
    widths, heights = (np.array([getattr(asset, side) for asset in photos], np.int64) for side in ("width", "height"))
    flaws = image_quality.find_quality_issues(looks, widths, heights)
    poor = tuple(PoorPhoto(photos[flaw.photo], flaw.kind, flaw.sentence) for flaw in flaws)
    return poor, tuple(image_quality.of_the_whole_set(widths, heights))


def _more(features: Floats, truth: Ints, labels: Sequence[str], groups: Ints, seed: int) -> Iterator[MorePhotos]:
    """What to add, class by class."""
    counts = np.bincount(truth, minlength=len(labels))
    curve = learning_curve.learning_curve(features, truth, len(labels), groups, seed) if len(labels) > 1 else None
    for wanted in learning_curve.recommend_more_photos(counts, curve):
        yield MorePhotos(labels[wanted.label], wanted.count, wanted.gain, wanted.sentence(labels))
