"""Evaluate a model on photos that it was not trained on: after its training, or ``evaluate`` at any later time."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..config import DEFAULTS
from ..data.assets import Asset
from ..data.dataset import encode_labels, run_assets
from ..data.intake import LeftOut
from ..data.large_arrays import allocate
from ..data.project import Project
from ..data.run_history import RunAsset
from ..errors import DataError, ModelError, PhotoError
from ..evaluation import metrics
from ..evaluation.calibration import unsure_threshold
from ..evaluation.report import Report
from ..evaluation.report_values import EvaluatedOn, SecondScore
from ..evaluation.scoring import rescore
from ..evaluation.shift import Shift, shift_warnings
from ..events import Progress, result_of
from ..messages import Message, message
from ..messages.data import NotEvaluatedCode
from ..messages.evaluation import WarningCode
from ..messages.workflows import StepCode, WorkflowCode
from ..models import backbones, networks, training_photos, weights_file
from ..models.asset_features import (
    extract_asset_descriptors,
    extract_asset_features,
    group_assets,
)
from ..models.backbones import Backbone
from ..models.checkpoint import TrainedModel
from ..models.feature_cache import FeatureCache
from ..models.features import FeatureExtractor
from ..models.predictor import Predictor
from ..models.training_photos import KnownPhotos, Placed, describe, place
from .model_outputs import predict_assets
from .photo_shift import shift_from_training

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Evaluation = tuple[Report, tuple[RunAsset, ...]]  # the report, and the prediction for each photo

ENOUGH_TO_DECIDE = 20  # validation photos from which on they choose the threshold
NEAR_TRAINING = "near_training"  # the split, in a run, of photos that look like a training photo


def evaluate(predictor: Predictor, project: Project) -> Report:
    """Evaluate a trained model on labeled photos, each predicted as ``Predictor`` does.

    Photos of classes that the model does not have, and those that cannot be read, are left out and listed in the
    project. Near duplicates count as one photo in the confidence interval, and photos that look like a training photo
    are only counted, where the model folder remembers its training photos. Raises ``DataError`` when no photo remains.

    Example::

        with Project.over(Path("test photos")) as project:
            print(evaluate(Predictor("model"), project).in_words())
    """
    return evaluate_photos(predictor, project)[0]


def evaluate_photos(predictor: Predictor, project: Project) -> Evaluation:
    """Evaluate as ``evaluate`` does; return the report and the prediction for each photo.

    The split of the photos that look like a training photo is ``NEAR_TRAINING``.
    """
    assets = _assets_of_known_classes(project, predictor.report)
    paths = [project.photo_path(asset) for asset in assets]
    rows, reasons, outputs = _collect(predictor, paths)
    project.leave_out([(assets[index].id, reason) for index, reason in reasons.items()])
    if not rows:
        raise DataError(WorkflowCode.TEST_UNREADABLE)
    readable = [assets[index] for index in rows]
    probs, features, in_distribution = outputs
    training = training_photos.read(predictor.folder)
    known = _describe_photos(predictor, project, readable, features, training)
    scored = _Scored(tuple(readable), probs, in_distribution, known, training)
    report = replace(scored.report(predictor.report, "test"), validation=None)
    return report, tuple(scored.run_assets(report))


def evaluate_own_splits(
    extractor: FeatureExtractor, project: Project, model: TrainedModel
) -> Generator[Progress, None, Evaluation]:
    """Return the report with the scores on the project's validation and test photos, where there are any.

    Validation photos choose the threshold, where they are enough, and give the second score. Test photos give the
    scores of the report, unless all look like training photos.
    """
    # Notes of an earlier training: the class may have been added since.
    project.catalog.clear_left_out(code=NotEvaluatedCode.CLASS_NOT_TRAINED)
    report, rows = model.report, []
    for split in ("val", "test"):
        assets = _leave_out_unknown_classes(project, project.catalog.assets(split=split), report)
        scored = yield from _score_assets(extractor, project, assets, model)
        if scored is None:
            continue
        report = scored.choose_threshold(report) if split == "val" else scored.headline(report)
        rows += scored.run_assets(report)
    return report, tuple(rows)


def evaluate_test_set(
    extractor: FeatureExtractor, test: Project, model: TrainedModel, report: Report
) -> Generator[Progress, None, Report]:
    """Evaluate a model on the photos of a separate project; ``report`` holds its threshold and settings."""
    assets = _assets_of_known_classes(test, report)
    scored = yield from _score_assets(extractor, test, assets, model)
    return replace(report if scored is None else scored.report(report, "test"), validation=None)


@dataclass(frozen=True)
class _Scored:
    """Photos with the model's probabilities (N, C), and their place among the photos that it was trained on.

    ``in_distribution`` (N,) is None where that is not known, ``known`` where a photo cannot be read any more, and
    ``training`` where the model does not remember its training photos.
    """

    assets: tuple[Asset, ...]
    probs: Floats
    in_distribution: Bools | None
    known: KnownPhotos | None
    training: KnownPhotos | None

    @cached_property
    def placed(self) -> Placed | None:
        """The groups of the photos together with those of the training photos."""
        return None if self.known is None or self.training is None else place(self.known, self.training)

    @property
    def near_training(self) -> Bools:
        """Whether each photo (N,) looks like a training photo."""
        return np.zeros(len(self.assets), np.bool_) if self.placed is None else self.placed.near_training

    def report(self, report: Report, evaluated_on: EvaluatedOn) -> Report:
        """Return ``report`` with the scores on these photos."""
        groups = self.placed.groups if self.placed else None if self.known is None else self.known.groups
        y_true, near = encode_labels(self.assets, report.labels), self.near_training
        found = rescore(report, self.probs, y_true, evaluated_on, groups, self.in_distribution, near)
        shift = self._shift()
        warnings = (one for one in found.warnings if one.code is not WarningCode.OTHER_PHOTOS)  # that is of others
        return replace(found, shift=shift, warnings=(*warnings, *shift_warnings(shift)))

    def headline(self, report: Report) -> Report:
        """Return ``report`` with the scores on these test photos, or its own where all look like training photos."""
        found = self.report(report, "test")
        if found.evaluated_count:
            return found
        return replace(report, near_training=found.near_training, accuracy_all=found.accuracy_all)

    def choose_threshold(self, report: Report) -> Report:
        """Return ``report`` with the second score, on these validation photos, and the threshold that they lead to."""
        found, near = self.report(report, "val"), self.near_training
        score = found.accuracy, found.accuracy_low, found.accuracy_high
        report = replace(report, validation=SecondScore(*score, found.evaluated_count, found.near_training))
        if found.evaluated_count < ENOUGH_TO_DECIDE:
            return report
        y_true = encode_labels(self.assets, report.labels)[~near]
        usual = None if self.in_distribution is None else self.in_distribution[~near]
        return replace(report, threshold=unsure_threshold(self.probs[~near], y_true, in_distribution=usual))

    def run_assets(self, report: Report) -> list[RunAsset]:
        """Return the catalog's rows of the run; photos that look like training photos are not among those evaluated."""
        rows = run_assets(self.assets, self.probs, report.labels)
        return [row._replace(split=NEAR_TRAINING) if near else row for row, near in zip(rows, self.near_training)]

    def _shift(self) -> Shift | None:
        """Return how well the photos are told apart from the training photos."""
        placed, known, training = self.placed, self.known, self.training
        if placed is None or known is None or training is None:
            return None
        return shift_from_training(known, training, placed)


# -- which photos


def check_test_classes(test: Project, labels: Sequence[str]) -> None:
    """Raise ``DataError`` where none of the test photos is of one of the classes; then no model can be evaluated."""
    if set(labels).isdisjoint(test.catalog.labels()):
        raise DataError(WorkflowCode.TEST_CLASSES_UNKNOWN)


def _assets_of_known_classes(test: Project, report: Report) -> list[Asset]:
    test.catalog.clear_left_out(code=NotEvaluatedCode.CLASS_NOT_TRAINED)
    assets = _leave_out_unknown_classes(test, test.catalog.assets(), report)
    check_test_classes(test, report.labels)
    return assets


def _leave_out_unknown_classes(project: Project, assets: Sequence[Asset], report: Report) -> list[Asset]:
    """Return the assets whose class the model has; the others stay in the project and are listed as left out."""
    known = set(report.labels)
    project.catalog.note_left_out(
        LeftOut(asset.source, message(NotEvaluatedCode.CLASS_NOT_TRAINED, label=asset.label))
        for asset in assets
        if asset.label not in known
    )
    return [asset for asset in assets if asset.label in known]


# -- predictions of a finished model


def _collect(
    predictor: Predictor, paths: Sequence[Path]
) -> tuple[list[int], dict[int, Message], tuple[Floats, Floats, Bools]]:
    """Return the indices (n) of the readable photos, by index the messages of the others, and what the model gives.

    That is the probabilities (n, C) and features (n, D), and which photos are in distribution (n,).
    """
    readable: list[int] = []
    reasons: dict[int, Message] = {}
    probs, features = allocate((len(paths), len(predictor.labels))), np.zeros((0, 0), np.float32)
    in_distribution = np.zeros(len(paths), np.bool_)
    for index, output in enumerate(predictor.outputs(paths)):
        if isinstance(output, PhotoError):
            reasons[index] = output.message
            continue
        row = len(readable)
        if not row:
            features = allocate((len(paths), len(output.features)))
        probs[row], features[row], in_distribution[row] = output
        readable.append(index)
    count = len(readable)
    return readable, reasons, (probs[:count], features[:count], in_distribution[:count])


def _describe_photos(
    predictor: Predictor, project: Project, assets: list[Asset], features: Floats, training: KnownPhotos | None
) -> KnownPhotos | None:
    """Return what is compared with training photos, by the network that these are remembered by.

    Where its weights cannot be loaded, by the default backbone, whose weights come with a package. ``features`` (N, D)
    are the model's own.
    """
    try:
        backbone = training_photos.comparing_backbone(predictor.folder, predictor.report)
        return _describe_by_backbone(predictor, project, assets, features, training, backbone)
    except ModelError:
        default = backbones.resolve(DEFAULTS.backbone)
        return _describe_by_backbone(predictor, project, assets, features, training, default)


def _describe_by_backbone(
    predictor: Predictor, project: Project, assets: list[Asset], features: Floats, training: KnownPhotos | None,
    backbone: Backbone,
) -> KnownPhotos | None:  # fmt: skip
    pixel_ranges = predictor.preprocessing.pixel_ranges
    preprocessing = networks.preprocessing(backbone).with_resize_mode(predictor.report.resize_mode)
    with closing(FeatureCache(project.features)) as cache:
        extractor = FeatureExtractor(backbone, predictor.device, cache, project.limits, pixel_ranges)
        is_same_input = replace(preprocessing, pixel_ranges=pixel_ranges) == predictor.preprocessing
        if is_same_input and weights_file.holds(predictor.folder, networks.backbone_tensors(backbone)):
            return _describe(extractor, project, assets, features, predictor.report, training)
        events = extract_asset_features(extractor, project, assets, preprocessing, StepCode.EVALUATE)
        readable, features = result_of(events)
        if len(readable) < len(assets):
            return None
        return _describe(extractor, project, readable, features, predictor.report, training)


# -- predictions of a model in training


def _score_assets(
    extractor: FeatureExtractor, project: Project, assets: Sequence[Asset], model: TrainedModel
) -> Generator[Progress, None, _Scored | None]:
    """Return the photos that can be read with their predictions, None where there are none."""
    if not assets:
        return None
    outputs = yield from predict_assets(extractor, project, assets, model)
    readable = outputs.assets
    if not readable:
        return None
    probs = metrics.softmax(outputs.logits)
    known = _describe(extractor, project, readable, outputs.compared, model.report, model.training_photos)
    in_distribution = None if model.ood is None else model.ood.in_distribution(outputs.features, probs)
    return _Scored(tuple(readable), probs, in_distribution, known, model.training_photos)


def _describe(
    extractor: FeatureExtractor,
    project: Project,
    assets: list[Asset],
    features: Floats,
    report: Report,
    training: KnownPhotos | None,
) -> KnownPhotos:
    """Return what is compared with training photos."""
    descriptors = extract_asset_descriptors(extractor, project, assets)
    groups = group_assets(extractor, project, assets, features, descriptors).groups
    y = encode_labels(assets, report.labels)
    network, resize_mode = extractor.backbone.name, report.resize_mode
    return describe(assets, features, descriptors, y, groups, network, resize_mode, training=training)
