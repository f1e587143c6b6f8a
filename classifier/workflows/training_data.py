"""The photos of a training: which they are, how they are read, and what is kept of them."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from .. import distributed
from ..config import ResizeMode, TrainConfig
from ..data.assets import Asset
from ..data.dataset import Sample, TrainingSet, class_names, duplicate_groups, encode_labels
from ..data.group_rule import NO_RULE
from ..data.grouping import Grouping
from ..data.image_quality import explain_sameness
from ..data.labels import natural_key
from ..data.large_arrays import allocate
from ..data.perceptual_hash import HASH_SIZE
from ..data.project import Project
from ..errors import DataError
from ..evaluation.class_balance import class_balance_warnings
from ..evaluation.sessions import session_warnings
from ..events import Progress
from ..messages import Message, message
from ..messages.workflows import LearningNoteCode, StepCode, WorkflowCode
from ..models import networks
from ..models.asset_features import extract_asset_descriptors, extract_asset_features, group_assets
from ..models.backbones import Backbone
from ..models.checkpoint import TrainedModel
from ..models.features import FeatureExtractor
from ..models.training_photos import KnownPhotos, describe, place
from ..training.resize_mode import choose_resize_mode
from .evaluate import ENOUGH_TO_DECIDE
from .offers import fetch_network
from .photo_notes import divided_groups, no_photos

Ints = NDArray[np.int64]


def build_training_set(
    extractor: FeatureExtractor, project: Project, backbone: Backbone, config: TrainConfig
) -> Generator[Progress, None, tuple[TrainingSet, ResizeMode]]:
    """Return the photos to train on with their features, and the resize mode of these features.

    Photos that cannot be read leave the project, with the reason; near duplicates are noted in the catalog.
    """
    assets = _trainable_assets(project)
    labels = class_names(assets)
    _check_classes(labels)
    with distributed.shared_errors():
        yield from fetch_network(backbone.name)
    samples = [
        Sample(asset.sha256, project.photo_path(asset), int(index), asset.width, asset.height)
        for asset, index in zip(assets, encode_labels(assets, labels))
    ]
    choice = yield from choose_resize_mode(extractor, samples, config.resize_modes, config.seed)
    project.leave_out({assets[index].id: reason for index, reason in choice.reasons.items()})
    assets = [assets[index] for index in choice.indices]
    _check_readable(assets, labels)
    descriptors = extract_asset_descriptors(extractor, project, assets)
    if (sameness := explain_sameness(choice.features, descriptors)) is not None:
        raise DataError(sameness.code, **dict(sameness.arguments))
    grouping = group_assets(extractor, project, assets, choice.features, descriptors)
    _store_groups(project, assets, grouping.near_duplicates)
    readable = tuple(samples[index] for index in choice.indices)
    y = encode_labels(assets, labels)
    warnings = (
        *class_balance_warnings(y, labels, grouping.groups),
        *session_warnings(y, labels, grouping.groups, [asset.taken for asset in assets], descriptors),
    )
    hashes = allocate((len(assets), HASH_SIZE))
    hashes[:] = descriptors[:, :HASH_SIZE]
    return TrainingSet(
        tuple(assets), readable, labels, y, grouping.groups, choice.features, grouping, warnings, hashes
    ), choice.resize_mode


def _trainable_assets(project: Project) -> list[Asset]:
    """Return the photos of the training split that have one label; raises ``DataError`` where the split is empty."""
    conflicting = {asset.sha256 for group in project.conflicts() for asset in group}
    assets = project.catalog.assets(split="train")
    if not assets:
        raise no_photos(project)
    return [asset for asset in assets if asset.sha256 not in conflicting]


def _check_classes(labels: tuple[str, ...]) -> None:
    if not labels:
        raise DataError(WorkflowCode.ONLY_CONFLICTS)
    if len(labels) == 1:
        raise DataError(WorkflowCode.ONE_CLASS, label=labels[0])


def _check_readable(assets: list[Asset], labels: tuple[str, ...]) -> None:
    missing = sorted(set(labels) - {asset.label for asset in assets}, key=natural_key)
    if missing:
        raise DataError(WorkflowCode.CLASS_UNREADABLE, label=missing[0])


def _store_groups(project: Project, assets: list[Asset], groups: Ints) -> None:
    """Write the groups of near duplicates to the catalog; each is numbered by its first photo."""
    numbers: dict[int, int | None] = {asset.id: None for asset in assets}
    for group in duplicate_groups(assets, groups):
        numbers.update({asset.id: group[0].id for asset in group})
    project.catalog.set_group(numbers)


def training_notes(project: Project, grouping: Grouping | None, resize_mode: ResizeMode) -> tuple[Message, ...]:
    """Return what a person should know of the groups of the photos, and of what the classifier sees of a photo."""
    of_groups = () if grouping is None else (*divided_groups(project, grouping), *grouping.warnings)
    return (*of_groups, message(LearningNoteCode.MIDDLE)) if resize_mode == "zoom" else of_groups


def remember(
    extractor: FeatureExtractor, project: Project, training_set: TrainingSet, model: TrainedModel
) -> KnownPhotos:
    """Return what the model folder remembers of the photos, by which others are found that look like them."""
    assets, y, groups = training_set.assets, training_set.y, training_set.groups
    hashes = training_set.hashes
    if hashes is None:
        hashes = extract_asset_descriptors(extractor, project, assets)
    network, resize_mode = extractor.backbone.name, model.report.resize_mode
    rule = NO_RULE if training_set.grouping is None else training_set.grouping.rule
    return describe(assets, training_set.features, hashes, y, groups, network, resize_mode, rule)


def validation_set(
    extractor: FeatureExtractor, project: Project, training_set: TrainingSet, quick: TrainedModel
) -> Generator[Progress, None, TrainingSet | None]:
    """Return the validation photos that decide in deep training, None where they are too few.

    Those that look like a training photo are not among them.
    """
    known_labels = set(training_set.labels)
    assets = [asset for asset in project.photos(split="val") if asset.label in known_labels]
    if len(assets) < ENOUGH_TO_DECIDE:
        return None
    preprocessing = networks.preprocessing(extractor.backbone).with_resize_mode(quick.report.resize_mode)
    assets, features = yield from extract_asset_features(extractor, project, assets, preprocessing, StepCode.EVALUATE)
    y, groups = encode_labels(assets, training_set.labels), np.arange(len(assets))
    descriptors = extract_asset_descriptors(extractor, project, assets)
    network, resize_mode = extractor.backbone.name, quick.report.resize_mode
    training = remember(extractor, project, training_set, quick)
    known = describe(assets, features, descriptors, y, groups, network, resize_mode, training=training)
    new = ~place(known, training).near_training
    if new.sum() < ENOUGH_TO_DECIDE:
        return None
    kept = tuple(asset for asset, is_new in zip(assets, new) if is_new)
    samples = tuple(
        Sample(asset.sha256, project.photo_path(asset), int(label), asset.width, asset.height)
        for asset, label in zip(kept, y[new])
    )
    return TrainingSet(kept, samples, training_set.labels, y[new], groups[new], features[new])
