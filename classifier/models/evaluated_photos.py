"""The evaluated photos of a model, kept in its folder so that thresholds can be chosen later: numbers, no pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..errors import ModelError, SettingError
from ..evaluation.costs import (
    LARGEST_WEIGHT,
    UNSURE_COST,
    Outcome,
    choose_thresholds,
    outcome,
    theoretical_thresholds,
)
from ..evaluation.report import Report
from ..files import regular_size
from ..messages.evaluation import CostCode
from ..messages.models import CheckpointCode, PredictCode
from .model_folder import EVALUATED

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_MOST_VALUES = 1_000_000  # probabilities in a file, 4 MB
_LARGEST_FILE = 32 * 2**20  # bytes
_LARGEST_HEADER = 4096  # bytes
_KINDS = {"probs": torch.float32, "y_true": torch.int64, "in_distribution": torch.bool}


@dataclass(frozen=True)
class EvaluatedPhotos:
    """Photos that the model was not trained on: ``probs`` (N, C), ``y_true`` (N,), ``in_distribution`` (N,)."""

    probs: Floats
    y_true: Ints
    in_distribution: Bools

    def sample(self) -> EvaluatedPhotos:
        """Return these photos, or of very many as many as are kept: evenly spaced in the order of the classes."""
        limit = max(1, _MOST_VALUES // self.probs.shape[1])
        if len(self.y_true) <= limit:
            return self
        order = np.argsort(self.y_true, kind="stable")
        chosen = np.sort(order[np.linspace(0, len(order) - 1, limit).astype(np.int64)])
        return EvaluatedPhotos(self.probs[chosen], self.y_true[chosen], self.in_distribution[chosen])

    def tensors(self) -> dict[str, Tensor]:
        """Return the content of the file."""
        kept = self.sample()
        values = (kept.probs.astype(np.float32), kept.y_true.astype(np.int64), kept.in_distribution.astype(np.bool_))
        return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in zip(_KINDS, values)}


def read_evaluated(folder: Path, n_classes: int) -> EvaluatedPhotos | None:
    """Return the evaluated photos of a model; None where an older version or another program made it.

    Raises ``ModelError`` where the file is damaged or of another model.
    """
    path = folder / EVALUATED
    if not path.exists():
        return None
    try:
        size = regular_size(path)
        with path.open("rb") as file:
            header = int.from_bytes(file.read(8), "little")
        if size > _LARGEST_FILE or header > min(size, _LARGEST_HEADER):
            raise ModelError(CheckpointCode.FILE_TOO_LARGE, file=path.name)
        tensors = load_file(path)
        _check(tensors, n_classes)
    except (OSError, SafetensorError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(CheckpointCode.FILE_DAMAGED, file=path.name) from error
    return EvaluatedPhotos(*(tensors[name].numpy() for name in _KINDS))


def with_costs(
    report: Report, evaluated: EvaluatedPhotos | None, costs: Mapping[str, float], unsure_cost: float = UNSURE_COST
) -> Report:
    """Return the report with the thresholds per class that follow from costs, see ``checkpoint.set_costs``.

    Without evaluated photos the thresholds are those of theory, and the expected costs are not known. Raises
    ``SettingError`` for a class that the model lacks or a number that is no cost.
    """
    weights = _weights(report.labels, costs)
    if not 0 <= unsure_cost <= LARGEST_WEIGHT:  # True for NaN, too
        raise SettingError(CostCode.UNSURE_OUT_OF_RANGE, value=unsure_cost, most=LARGEST_WEIGHT)
    kept = {label: float(weight) for label, weight in costs.items() if weight != 1}
    changed = replace(without_costs(report), costs=kept, unsure_cost=float(unsure_cost))
    if evaluated is None:
        return replace(changed, thresholds=theoretical_thresholds(weights, unsure_cost))
    evaluated = evaluated.sample()  # what the folder keeps, by which they are chosen again later
    thresholds = choose_thresholds(evaluated.probs, evaluated.y_true, weights, unsure_cost, evaluated.in_distribution)
    changed = replace(changed, thresholds=thresholds)
    own, one = outcomes_of(changed, evaluated)
    return replace(changed, expected_cost=own.cost, expected_cost_before=one.cost)


def without_costs(report: Report) -> Report:
    """Return the report with one threshold for all classes."""
    return replace(
        report, thresholds=(), costs={}, unsure_cost=UNSURE_COST, expected_cost=None, expected_cost_before=None
    )


def outcomes_of(report: Report, evaluated: EvaluatedPhotos) -> tuple[Outcome, Outcome]:
    """Return what the answers of a model lead to, and what they would with one threshold for all classes."""
    weights = [report.costs.get(label, 1.0) for label in report.labels]
    with_own, with_one = (
        outcome(
            evaluated.probs,
            evaluated.y_true,
            report.labels,
            thresholds,
            weights,
            report.unsure_cost,
            evaluated.in_distribution,
        )
        for thresholds in (report.class_thresholds, (report.threshold,) * len(report.labels))
    )
    return with_own, with_one


def _weights(labels: Sequence[str], costs: Mapping[str, float]) -> list[float]:
    for label, weight in costs.items():
        if label not in labels:
            raise SettingError(PredictCode.UNKNOWN_CLASS, label=label, labels=labels)
        if not 0 < weight <= LARGEST_WEIGHT:  # True for NaN, too
            raise SettingError(CostCode.OUT_OF_RANGE, label=label, value=weight, most=LARGEST_WEIGHT)
    return [float(costs.get(label, 1.0)) for label in labels]


def _check(tensors: Mapping[str, Tensor], n_classes: int) -> None:
    """Raise ``ValueError`` where these are not the probabilities and classes of some photos."""
    if {name: value.dtype for name, value in tensors.items()} != _KINDS:
        raise ValueError("other tensors")
    probs, y_true, in_distribution = (tensors[name] for name in _KINDS)
    count = len(y_true) if y_true.ndim == 1 else -1
    if probs.shape != (count, n_classes) or in_distribution.shape != (count,) or not count:
        raise ValueError("other shapes")
    # A sum far from 1 or a value outside 0 to 1 is no probability; NaN fails each comparison.
    if not bool(((probs >= 0) & (probs <= 1)).all() and ((probs.sum(1) - 1).abs() < 1e-2).all()):
        raise ValueError("no probabilities")
    if not 0 <= int(y_true.min()) <= int(y_true.max()) < n_classes:
        raise ValueError("no such class")
