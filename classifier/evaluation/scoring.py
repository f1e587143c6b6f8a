"""Score a model: make its report from the probabilities that it gave labeled photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..config import ResizeMode
from ..messages import Message
from .calibration import apply_temperature, calibration_error, coverage_curve
from .intervals import accuracy_interval, effective_sample_size, main_group_count, photos_needed
from .metrics import balanced_accuracy, class_scores, confusion_matrix, cross_entropy, top_k_accuracy
from .report import Report
from .report_values import EvaluatedOn

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def rescore(
    report: Report,
    probs: Floats,
    y_true: Ints,
    evaluated_on: EvaluatedOn,
    groups: Ints | None = None,
    in_distribution: Bools | None = None,
    near_training: Bools | None = None,
) -> Report:
    """Return the report of the same model with its scores on other photos.

    Args:
        report: the report to take everything else from.
        probs: probabilities (N, C) at the temperature of the report.
        y_true: true classes (N,).
        evaluated_on: which photos these are.
        groups: numbers (N,), equal for near-duplicates; by default no two photos are.
        in_distribution: False for photos (N,) that are unlike all training photos; by default none is.
        near_training: True for photos (N,) that look like a training photo, which are only counted; by default none.
    """
    accuracy_all = float((probs.argmax(1) == y_true).mean()) if len(y_true) else 0.0
    near_count = 0 if near_training is None else int(near_training.sum())
    if near_training is not None:
        new = ~near_training
        probs, y_true = probs[new], y_true[new]
        groups = None if groups is None else groups[new]
        in_distribution = None if in_distribution is None else in_distribution[new]
    y_pred = probs.argmax(1)
    correct, total = y_pred == y_true, len(y_true)
    accuracy = float(correct.mean()) if total else 0.0
    low, high = accuracy_interval(correct, groups)
    effective_share = effective_sample_size(correct, groups) / max(total, 1)
    uncalibrated = apply_temperature(probs, 1 / report.temperature)
    return replace(
        report,
        evaluated_on=evaluated_on,
        accuracy=accuracy,
        accuracy_low=low,
        accuracy_high=high,
        balanced_accuracy=balanced_accuracy(y_true, y_pred),
        per_class=class_scores(y_true, y_pred, report.labels),
        confusion=tuple(tuple(map(int, row)) for row in confusion_matrix(y_true, y_pred, len(report.labels))),
        group_count=total if groups is None else len(np.unique(groups)),
        photos_needed=photos_needed(accuracy, effective_share) if total else 0,
        top_accuracy=top_k_accuracy(probs, y_true),
        calibration_error=calibration_error(probs, y_true),
        calibration_error_before=calibration_error(uncalibrated, y_true),
        coverage_curve=coverage_curve(probs, y_true, in_distribution),
        near_training=near_count,
        accuracy_all=accuracy_all,
        main_groups=main_group_count(np.arange(total) if groups is None else groups),
        loss=cross_entropy(probs, y_true),
    )


def without_score(report: Report) -> Report:
    """Return the report of the same model where no photo could be held back: nothing is evaluated."""
    nobody = np.zeros(0, np.int64)
    return rescore(report, np.zeros((0, len(report.labels)), np.float32), nobody, report.evaluated_on, nobody)


def build_report(
    probs: Floats,
    y_true: Ints,
    labels: Sequence[str],
    *,
    images: int,
    evaluated_on: EvaluatedOn,
    threshold: float,
    temperature: float,
    warnings: Sequence[Message],
    resize_mode: ResizeMode,
    backbone: str,
    groups: Ints | None = None,
    in_distribution: Bools | None = None,
) -> Report:
    """Return the report on probabilities of labeled photos.

    Args:
        probs: probabilities (N, C) at the given temperature.
        y_true: true classes (N,).
        labels: names of the classes (C,).
        images: number of training photos.
        evaluated_on: which photos the probabilities are of.
        threshold: confidence below which a prediction is “not sure”.
        temperature: what the logits were divided by.
        warnings: what to know of the training photos.
        resize_mode: how pictures are brought to the input size.
        backbone: name of the network.
        groups: numbers (N,), equal for near-duplicates; by default no two photos are.
        in_distribution: False for photos (N,) that are unlike all training photos; by default none is.
    """
    empty = Report(
        labels=tuple(labels),
        images=images,
        evaluated_on=evaluated_on,
        accuracy=0.0,
        accuracy_low=0.0,
        accuracy_high=1.0,
        balanced_accuracy=0.0,
        per_class=(),
        confusion=(),
        threshold=threshold,
        temperature=temperature,
        warnings=tuple(warnings),
        resize_mode=resize_mode,
        backbone=backbone,
    )
    return rescore(empty, probs, y_true, evaluated_on, groups, in_distribution)
