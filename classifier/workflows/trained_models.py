"""The models of a training with their reports: the linear head, and the fine-tuned network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..config import Preprocessing, ResizeMode, TrainConfig
from ..data import splits
from ..data.dataset import TrainingSet, run_assets
from ..data.large_arrays import side_by_side
from ..data.project import Project
from ..evaluation import calibration, metrics, ood
from ..evaluation.class_balance import classes_of_one_group
from ..evaluation.report import Report
from ..evaluation.scoring import build_report
from ..models import networks
from ..models.backbones import Backbone
from ..models.checkpoint import TrainedModel
from ..models.evaluated_photos import EvaluatedPhotos, with_costs
from ..models.features import FeatureExtractor
from ..models.joined import Member
from ..models.surgery import fuse_batch_norm
from ..training.cached_head import fit_cached_head, head_folds
from ..training.cross_fit import FineTunedNetwork
from ..training.joined_head import fit_joined_head
from ..training.linear_head import LinearHead
from .group_summary import with_groups

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def train_head(
    extractor: FeatureExtractor,
    training_set: TrainingSet,
    backbone: Backbone,
    resize_mode: ResizeMode,
    config: TrainConfig,
    preprocessing: Preprocessing | None = None,
) -> TrainedModel:
    """Train a linear head on the features: the model of quick training, and the baseline of deep training.

    Args:
        extractor: its cache keeps the choices of the fit.
        training_set: the photos with their features.
        backbone: the network of the model, which for deep training from scratch is not that of the features.
        resize_mode: that of the features.
        config: the settings.
        preprocessing: that of the features, where it is not the network's own.
    """
    folds, name = _head_folds(training_set, config), extractor.backbone.name
    if preprocessing is not None:
        name += f" {preprocessing.size}"
    head = fit_cached_head(extractor.cache, name, training_set, folds, resize_mode, config.seed)
    tensors = {} if backbone.from_scratch else networks.backbone_tensors(backbone)
    model = _head_model(extractor, training_set, head, training_set.features, backbone, tensors, resize_mode, config)
    return model if preprocessing is None else replace(model, preprocessing=preprocessing)


def train_joined(
    extractor: FeatureExtractor,
    training_set: TrainingSet,
    features: Mapping[Backbone, Floats],
    single: TrainedModel,
    config: TrainConfig,
) -> TrainedModel:
    """Train a linear head on the features of several networks, or of several stages of one, side by side.

    Args:
        extractor: its cache keeps the choices of the fit.
        training_set: the photos (N).
        features: pooled features (N, D) of each network, the first one's first, in the preprocessing of ``single``.
        single: the best model of one network.
        config: the settings.
    """
    folds, resize_mode = _head_folds(training_set, config), single.report.resize_mode
    names, values = [one.features_name for one in features], list(features.values())
    parts = [part for backbone, whole in features.items() for part in _split_parts(backbone, whole)]
    head = fit_joined_head(extractor.cache, names, training_set, parts, folds, resize_mode, config.seed)
    first, *others = features
    edges = np.cumsum([whole.shape[1] for whole in values])[:-1]
    weight, *weights = np.split(head.weight, edges, axis=1)
    tensors = networks.backbone_tensors(first)
    model = _head_model(extractor, training_set, head, side_by_side(values), first, tensors, resize_mode, config)
    zero = np.zeros_like(head.bias)
    members = tuple(
        Member(backbone, networks.backbone_tensors(backbone), part, zero) for backbone, part in zip(others, weights)
    )
    return replace(model, weight=weight, preprocessing=single.preprocessing, others=members, single=single)


def _split_parts(backbone: Backbone, features: Floats) -> list[Floats]:
    """Return the features (N, D) of a network as those of its last map and of each earlier stage that it has."""
    if not backbone.stages:
        return [features]
    return np.split(features, np.cumsum(networks.part_widths(backbone))[:-1], axis=1)


def fold_numbers(training_set: TrainingSet, config: TrainConfig) -> Ints:
    """Return the number (N,) of the fold in which fine-tuning holds out each photo; groups are never divided."""
    contents = (row.sha256 for row in training_set.assets)
    return splits.stratified_group_folds(training_set.y, training_set.groups, config.folds, config.seed, contents)


def _head_folds(training_set: TrainingSet, config: TrainConfig) -> Ints:
    contents = (row.sha256 for row in training_set.assets)
    return head_folds(training_set.y, training_set.groups, config, contents)


def _head_model(
    extractor: FeatureExtractor, training_set: TrainingSet, head: LinearHead, features: Floats, backbone: Backbone,
    tensors: Mapping[str, Tensor], resize_mode: ResizeMode, config: TrainConfig,
) -> TrainedModel:  # fmt: skip
    """Return the model of a linear head with its report; ``features`` (N, D) are those that tell what is unlike."""
    y, groups, labels = training_set.y, training_set.groups, training_set.labels
    ood_model, ood_score = ood.fit_ood(features, y, groups, head.probabilities)
    in_distribution = ood_score <= ood_model.limit
    report = build_report(
        head.probabilities,
        y,
        labels,
        images=len(y),
        evaluated_on="out_of_fold",
        threshold=out_of_fold_threshold(training_set, np.arange(len(y)), head.probabilities, in_distribution),
        temperature=head.temperature,
        warnings=training_set.warnings,
        resize_mode=resize_mode,
        backbone=backbone.name,
        groups=groups,
        in_distribution=in_distribution,
    )
    report = with_groups(report, training_set, head, config)
    return TrainedModel(
        mode="quick",
        backbone=backbone,
        tensors=tensors,
        weight=head.weight,
        bias=head.bias,
        preprocessing=replace(
            networks.preprocessing(backbone).with_resize_mode(resize_mode), pixel_ranges=extractor.pixel_ranges
        ),
        report=report,
        run_assets=tuple(run_assets(training_set.assets, head.probabilities, labels)),
        ood=ood_model,
        details={"strength": head.C},  # the key of the first version of training.json
        evaluated=EvaluatedPhotos(head.probabilities, y, in_distribution),
    )


def fine_tuned_model(fine_tuned: FineTunedNetwork, training_set: TrainingSet, quick: TrainedModel) -> TrainedModel:
    """Return the fine-tuned network with its report on the photos of the folds that were run.

    Of the other photos the out-of-fold predictions of the quick model stay.
    """
    val_idx, labels, probs = fine_tuned.val_idx, training_set.labels, metrics.softmax(fine_tuned.logits)
    y_true = training_set.y[val_idx]
    report = build_report(
        probs,
        y_true,
        labels,
        images=len(training_set),
        evaluated_on="out_of_fold",
        threshold=out_of_fold_threshold(training_set, val_idx, probs, fine_tuned.in_distribution),
        temperature=fine_tuned.temperature,
        warnings=training_set.warnings,
        resize_mode=quick.report.resize_mode,
        backbone=quick.backbone.name,
        groups=training_set.groups[val_idx],
        in_distribution=fine_tuned.in_distribution,
    )
    report = with_groups(report, training_set)
    rows = list(quick.run_assets)
    val_assets = [training_set.assets[index] for index in val_idx]
    split = "held_out" if len(val_idx) < len(training_set) else None  # that of all photos stays
    for index, row in zip(val_idx, run_assets(val_assets, probs, labels, split)):
        rows[index] = row
    return TrainedModel(
        mode="deep",
        backbone=quick.backbone,
        tensors=fine_tuned.tensors,
        weight=fine_tuned.weight,
        bias=fine_tuned.bias,
        preprocessing=fine_tuned.preprocessing,
        report=report,
        run_assets=tuple(rows),
        ood=fine_tuned.ood,
        network=_build_network(quick.backbone, fine_tuned, len(labels)),
        details={
            "plan": asdict(fine_tuned.plan),
            "judged": len(val_idx),
            "trained_on_held_out": fine_tuned.on_all,
            "alpha": fine_tuned.alpha,
        },
        evaluated=EvaluatedPhotos(probs, y_true, fine_tuned.in_distribution),
    )


def out_of_fold_threshold(training_set: TrainingSet, idx: Ints, probs: Floats, in_distribution: Bools) -> float:
    """Return the confidence below which a prediction is “not sure”, see ``calibration.unsure_threshold``.

    Args:
        training_set: all photos.
        idx: those that were evaluated (J,).
        probs: their out-of-fold probabilities (J, C).
        in_distribution: whether they (J,) are like the others.
    """
    y, unknown = training_set.y, classes_of_one_group(training_set.y, training_set.groups)
    return calibration.unsure_threshold(probs, y[idx], in_distribution=in_distribution, unknown=unknown)


def _build_network(backbone: Backbone, fine_tuned: FineTunedNetwork, n_classes: int) -> nn.Module:
    """Return the whole network in float32, with its head, for evaluation."""
    network = networks.build(backbone, n_classes)
    name = networks.classifier_name(backbone)
    head = {f"{name}.weight": torch.from_numpy(fine_tuned.weight), f"{name}.bias": torch.from_numpy(fine_tuned.bias)}
    network.load_state_dict({**fine_tuned.tensors, **head})
    return fuse_batch_norm(network)


def with_project_costs(project: Project, model: TrainedModel, report: Report) -> Report:
    """Return the report with the thresholds that follow from what the person said a mistake costs."""
    chosen = project.mistake_costs()
    if chosen is None or model.evaluated is None:
        return report
    costs = {label: weight for label, weight in chosen.costs.items() if label in report.labels}
    return with_costs(report, model.evaluated, costs, chosen.unsure_cost)
