"""The report of a model: its scores on labeled photos, and their JSON form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..config import OLD_NAMES, ResizeMode, current_names
from ..errors import ModelError
from ..messages import Message, message
from ..messages.evaluation import FileCode, WarningCode, score_in_words
from .calibration import CoveragePoint, apply_temperature, calibration_error, coverage_curve
from .intervals import accuracy_interval, effective_sample_size, photos_needed
from .metrics import ClassScore, balanced_accuracy, class_scores, confusion_matrix, top_k_accuracy

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

EvaluatedOn = Literal["out_of_fold", "val", "test"]


@dataclass(frozen=True)
class Report:
    """The scores of a model. Proportions are 0 to 1.

    ``images`` is the number of training photos; the scores are of other photos, or out of fold, as ``evaluated_on``
    tells, so that no photo is scored by a model that was trained on it. ``labels`` are the classes in the order of the
    network's outputs, ``backbone`` and ``resize_mode`` what it was trained with; ``warnings`` are to be shown with the
    scores.

    - ``accuracy`` is the proportion of correct predictions, ``balanced_accuracy`` the mean of the classes' recalls,
      and ``per_class`` holds precision, recall and F1.
    - ``accuracy_low`` to ``accuracy_high`` is the 95 % prediction interval of the accuracy on a third as many new
      photos (see ``intervals``); ``photos_needed`` is how many have to be evaluated until it reaches 5 points to
      either side; ``group_count`` counts the groups of near-duplicates among the evaluated photos.
    - ``confusion``: entry [i][j] counts photos of class i with class j predicted. ``top_accuracy``: entry [k - 1] is
      the proportion whose class is among the k most probable ones.
    - ``threshold`` is the confidence below which a prediction is “not sure”; ``coverage_curve`` gives coverage and
      accuracy for other thresholds.
    - ``temperature`` divides the logits; the weights contain it already. ``calibration_error`` is measured with it,
      ``calibration_error_before`` without.

    What a report of an older version lacks is 0 or empty.

    Example::

        report = Predictor("model").report
        print(report.in_words(), report.accuracy_low, report.accuracy_high)
    """

    labels: tuple[str, ...]
    images: int
    evaluated_on: EvaluatedOn
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    balanced_accuracy: float
    per_class: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    threshold: float
    temperature: float
    warnings: tuple[Message, ...]
    resize_mode: ResizeMode
    backbone: str
    group_count: int = 0
    photos_needed: int = 0
    top_accuracy: tuple[float, ...] = ()
    calibration_error: float = 0.0
    calibration_error_before: float = 0.0
    coverage_curve: tuple[CoveragePoint, ...] = ()

    @property
    def evaluated_count(self) -> int:
        """The number of photos that the scores are of."""
        return sum(map(sum, self.confusion))

    @property
    def correct_count(self) -> int:
        """The number of these photos whose class was predicted."""
        return sum(row[index] for index, row in enumerate(self.confusion))

    def in_words(self) -> str:
        """Return the accuracy and its interval in plain sentences."""
        return score_in_words(
            self.accuracy, self.accuracy_low, self.accuracy_high, self.evaluated_count, self.correct_count
        )

    def coverage_at(self, threshold: float) -> CoveragePoint | None:
        """Return coverage and accuracy at a threshold of 0 to 1, interpolated; None without a coverage curve."""
        if not self.coverage_curve:
            return None
        points = sorted((point.threshold, point.coverage, point.selective_accuracy) for point in self.coverage_curve)
        thresholds, coverages, accuracies = zip(*points)
        coverage, accuracy = (float(np.interp(threshold, thresholds, values)) for values in (coverages, accuracies))
        return CoveragePoint(threshold, coverage, accuracy)

    def to_json(self) -> dict[str, Any]:
        """Return the report as lists, dicts, strings and numbers, under the keys of the file."""
        values = {_KEYS.get(name, name): _to_json(value) for name, value in vars(self).items()}
        values["warnings"] = list(map(str, self.warnings))
        values["warning_codes"] = [
            {"code": warning.code.id, "arguments": dict(warning.arguments)} for warning in self.warnings
        ]
        return values

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """Read what ``to_json`` of this or an older version wrote; raises ``ModelError`` where an entry is missing."""
        try:
            values = current_names(data)
            values["labels"] = tuple(map(str, values["labels"]))
            values["per_class"] = tuple(ClassScore(**_to_floats(row, _CLASS_FLOATS)) for row in values["per_class"])
            values["confusion"] = tuple(tuple(map(int, row)) for row in values["confusion"])
            values["warnings"] = _read_warnings(values["warnings"], values.pop("warning_codes", ()))
            values["top_accuracy"] = tuple(map(float, values.get("top_accuracy", ())))
            curve = map(current_names, values.get("coverage_curve", ()))
            values["coverage_curve"] = tuple(CoveragePoint(**_to_floats(row, _POINT_FLOATS)) for row in curve)
            values.update({name: float(values.get(name, 0)) for name in _NEWER_FLOATS})
            values.update({name: int(values.get(name, 0)) for name in _NEWER_COUNTS})
            return cls(**_to_floats(values, _FLOATS))
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise ModelError(FileCode.REPORT_INCOMPLETE, why=str(error)) from error


def rescore(
    report: Report,
    probs: Floats,
    y_true: Ints,
    evaluated_on: EvaluatedOn,
    groups: Ints | None = None,
    in_distribution: Bools | None = None,
) -> Report:
    """Return the report of the same model with its scores on other photos.

    Args:
        report: the report to take everything else from.
        probs: probabilities (N, C) at the temperature of the report.
        y_true: true classes (N,).
        evaluated_on: which photos these are.
        groups: numbers (N,), equal for near-duplicates; by default no two photos are.
        in_distribution: False for photos (N,) that are unlike all training photos; by default none is.
    """
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
    )


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


_FLOATS = ("accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "threshold", "temperature")
_CLASS_FLOATS = ("precision", "recall", "f1")
_POINT_FLOATS = ("threshold", "coverage", "selective_accuracy")
_NEWER_FLOATS = ("calibration_error", "calibration_error_before")
_NEWER_COUNTS = ("group_count", "photos_needed")
_WARNING_CODES = {code.id: code for code in WarningCode}
# Other programs read report.json: its keys are those of its first version.
_KEYS = {new: old for old, new in OLD_NAMES.items()}


def _to_json(value: Any) -> Any:
    """Return dataclasses as dicts under the keys of the file, tuples as lists."""
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, (ClassScore, CoveragePoint)):
        return {_KEYS.get(name, name): item for name, item in vars(value).items()}
    return value


def _to_floats(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the values with those under ``names`` as finite floats."""
    floats = {name: float(values[name]) for name in names}
    if not np.isfinite(list(floats.values())).all():
        raise ValueError("a number is not finite")
    return {**values, **floats}


def _read_warnings(sentences: Sequence[str], codes: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
    """Return the warnings of a file; without a code of this version a warning is its sentence."""
    found = [message(WarningCode.TEXT, text=str(sentence)) for sentence in sentences]
    for index, (sentence, entry) in enumerate(zip(sentences, codes)):
        code = _WARNING_CODES.get(entry["code"])
        if code is None:
            continue
        warning = message(code, **{name: _to_tuples(value) for name, value in entry["arguments"].items()})
        if str(warning) == sentence:  # raises where an argument is missing; differs where a file was edited
            found[index] = warning
    return tuple(found)


def _to_tuples(value: Any) -> Any:
    return tuple(map(_to_tuples, value)) if isinstance(value, list) else value
