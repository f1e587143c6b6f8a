"""Evaluate a model on photos that it was not trained on: after its training, or ``evaluate`` at any later time."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import device as devices
from ..config import DEFAULTS
from ..data.catalog import Asset, RunAsset
from ..data.dataset import encode_labels, run_assets
from ..data.intake import LeftOut
from ..data.project import Project
from ..errors import DataError, ModelError, PhotoError
from ..evaluation import metrics
from ..evaluation.report import EvaluatedOn, Report, rescore
from ..events import Progress, result_of
from ..messages import message
from ..messages.data import NotEvaluatedCode
from ..messages.models import UnsureCode
from ..messages.workflows import StepCode, WorkflowCode
from ..models import backbones, networks
from ..models.asset_features import (
    extract_asset_descriptors,
    extract_asset_features,
    group_assets,
)
from ..models.backbones import Backbone
from ..models.checkpoint import TrainedModel
from ..models.feature_cache import FeatureCache
from ..models.features import FeatureExtractor
from ..models.loader import EvalViews, run_batches
from ..models.predictor import Prediction, Predictor

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Evaluation = tuple[Report, tuple[RunAsset, ...]]  # the report, and the prediction for each photo


def evaluate(predictor: Predictor, project: Project) -> Report:
    """Evaluate a trained model on labeled photos, each predicted as ``Predictor`` does.

    Photos of classes that the model does not have, and those that cannot be read, are left out and listed in the
    project. Near duplicates count as one photo in the confidence interval. Raises ``DataError`` when no photo remains.

    Example::

        with Project.over(Path("test photos")) as project:
            print(evaluate(Predictor("model"), project).in_words())
    """
    assets = _assets_of_known_classes(project, predictor.report)
    paths = [project.photo_path(asset) for asset in assets]
    outcomes = list(predictor.predict_each(paths, top_k=len(predictor.labels)))
    errors = [
        (asset.id, outcome.message) for asset, outcome in zip(assets, outcomes) if isinstance(outcome, PhotoError)
    ]
    project.leave_out(errors)
    predicted = [(asset, outcome) for asset, outcome in zip(assets, outcomes) if isinstance(outcome, Prediction)]
    if not predicted:
        raise DataError(WorkflowCode.TEST_UNREADABLE)
    readable = [asset for asset, _ in predicted]
    probs = _probs([prediction for _, prediction in predicted], predictor.labels)
    in_distribution = np.array([prediction.reason is not UnsureCode.OUT_OF_DISTRIBUTION for _, prediction in predicted])
    groups = _group_photos(predictor, project, readable)
    y_true = encode_labels(readable, predictor.labels)
    return rescore(predictor.report, probs, y_true, "test", groups, in_distribution)


def evaluate_own_split(
    extractor: FeatureExtractor, project: Project, model: TrainedModel
) -> Generator[Progress, None, Evaluation]:
    """Evaluate a model on the photos of the split ``test``, or else ``val``; unchanged report where both are empty."""
    # Notes of an earlier training: the class may have been added since.
    project.catalog.clear_left_out(code=NotEvaluatedCode.CLASS_NOT_TRAINED)
    for split in ("test", "val"):
        assets = _leave_out_unknown_classes(project, project.catalog.assets(split=split), model.report)
        if assets:
            return (yield from _evaluate_assets(extractor, project, assets, model, model.report))
    return model.report, ()


def evaluate_test_set(
    extractor: FeatureExtractor, test: Project, model: TrainedModel, report: Report
) -> Generator[Progress, None, Report]:
    """Evaluate a model on the photos of a separate project; ``report`` holds its threshold and settings."""
    assets = _assets_of_known_classes(test, report)
    test_report, _ = yield from _evaluate_assets(extractor, test, assets, model, report)
    return test_report


# -- which photos


def _assets_of_known_classes(test: Project, report: Report) -> list[Asset]:
    test.catalog.clear_left_out(code=NotEvaluatedCode.CLASS_NOT_TRAINED)
    assets = _leave_out_unknown_classes(test, test.catalog.assets(), report)
    if not assets:
        raise DataError(WorkflowCode.TEST_CLASSES_UNKNOWN)
    return assets


def _leave_out_unknown_classes(project: Project, assets: Sequence[Asset], report: Report) -> list[Asset]:
    """Return the assets whose class the model has; the others stay in the project and are listed as left out."""
    project.catalog.note_left_out(
        LeftOut(asset.source, message(NotEvaluatedCode.CLASS_NOT_TRAINED, label=asset.label))
        for asset in assets
        if asset.label not in report.labels
    )
    return [asset for asset in assets if asset.label in report.labels]


# -- predictions of a finished model


def _probs(predictions: Sequence[Prediction], labels: Sequence[str]) -> Floats:
    """Return the probabilities (N, C) of predictions that name every class."""
    index = {label: position for position, label in enumerate(labels)}
    probs = np.zeros((len(predictions), len(labels)), np.float32)
    for row, prediction in zip(probs, predictions):
        for one in prediction.top:
            row[index[one.label]] = one.confidence
    return probs


def _group_photos(predictor: Predictor, project: Project, assets: list[Asset]) -> Ints | None:
    """Return the group (N,) of each photo by the features of the model's backbone as it was before training.

    Where its weights cannot be loaded, by those of the default backbone, whose weights come with a package.
    """
    try:
        backbone = backbones.resolve(predictor.report.backbone).feature_backbone()
        return _group_by_backbone(predictor, project, assets, backbone)
    except ModelError:
        return _group_by_backbone(predictor, project, assets, backbones.resolve(DEFAULTS.backbone))


def _group_by_backbone(predictor: Predictor, project: Project, assets: list[Asset], backbone: Backbone) -> Ints | None:
    preprocessing = networks.preprocessing(backbone).with_resize_mode(predictor.report.resize_mode)
    with closing(FeatureCache(project.features)) as cache:
        pixel_ranges = predictor.preprocessing.pixel_ranges
        extractor = FeatureExtractor(backbone, predictor.device, cache, project.limits, pixel_ranges)
        events = extract_asset_features(extractor, project, assets, preprocessing, StepCode.EVALUATE)
        readable, features = result_of(events)
        return _groups(extractor, project, assets, readable, features)


# -- predictions of a model in training


def _evaluate_assets(
    extractor: FeatureExtractor, project: Project, assets: Sequence[Asset], model: TrainedModel, report: Report
) -> Generator[Progress, None, Evaluation]:
    """Return ``report`` with the scores on these photos, unchanged where none can be read."""
    readable, logits, features = yield from _predict_assets(extractor, project, assets, model)
    if not readable:
        return report, ()
    probs = metrics.softmax(logits)
    evaluated_on: EvaluatedOn = "val" if readable[0].split == "val" else "test"
    groups = _groups(extractor, project, readable, readable[: len(features)], features)
    in_distribution = None if model.ood is None else model.ood.in_distribution(features, probs)
    y_true = encode_labels(readable, report.labels)
    evaluated = rescore(report, probs, y_true, evaluated_on, groups, in_distribution)
    return evaluated, tuple(run_assets(readable, probs, report.labels))


def _groups(
    extractor: FeatureExtractor, project: Project, assets: list[Asset], readable: list[Asset], features: Floats
) -> Ints | None:
    """Return the groups (N,) of photos that belong together; None where a photo cannot be read any more."""
    if len(readable) < len(assets):
        return None
    descriptors = extract_asset_descriptors(extractor, project, readable)
    return group_assets(extractor, project, readable, features, descriptors).groups


def _predict_assets(
    extractor: FeatureExtractor, project: Project, assets: Sequence[Asset], model: TrainedModel
) -> Generator[Progress, None, tuple[list[Asset], Floats, Floats]]:
    """Return the readable assets, the model's logits (n, C), and the features (n, D) that near duplicates share."""
    if model.network is None:
        step = StepCode.EVALUATE
        readable, features = yield from extract_asset_features(extractor, project, assets, model.preprocessing, step)
        return readable, features @ model.weight.T + model.bias if readable else features, features
    readable, logits = yield from _run_network(extractor, project, assets, model, model.network)
    preprocessing = networks.preprocessing(extractor.backbone).with_resize_mode(model.report.resize_mode)
    _, features = yield from extract_asset_features(extractor, project, readable, preprocessing, StepCode.EVALUATE)
    return readable, logits, features


def _run_network(
    extractor: FeatureExtractor, project: Project, assets: Sequence[Asset], model: TrainedModel, network: nn.Module
) -> Generator[Progress, None, tuple[list[Asset], Floats]]:
    """Return the readable assets and the network's logits (n, C), as ``Predictor`` computes them: in float32."""
    device = devices.for_long_work(extractor.device)
    network = network.to(device.torch_device).to(memory_format=torch.channels_last)
    paths = [project.photo_path(asset) for asset in assets]
    outputs = run_batches(
        network, paths, EvalViews((model.preprocessing,)), device, torch.float32, None, extractor.limits
    )
    readable, logits, errors = [], [], {}
    for number, (asset, output) in enumerate(zip(assets, outputs), 1):
        if not isinstance(output, Tensor):
            errors[asset.id] = output
        else:
            readable.append(asset)
            logits.append(output[0].numpy())
        yield Progress(StepCode.EVALUATE, number, len(assets), None)
    project.leave_out(errors)
    return readable, np.stack(logits) if logits else np.zeros((0, len(model.bias)), np.float32)
