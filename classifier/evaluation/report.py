"""What is known of a model's accuracy: the report, built from predictions on labeled photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..config import OLD_NAMES, ResizeMode, current_names
from ..errors import ModelError
from .calibration import CoveragePoint, apply_temperature, calibration_error, coverage_curve
from .intervals import accuracy_interval, effective_sample_size, photos_needed
from .metrics import ClassScore, balanced_accuracy, class_scores, confusion_matrix, top_accuracy

Ints = NDArray[np.int64]

Floats = NDArray[np.float32]

EvaluatedOn = Literal["out_of_fold", "val", "test"]


@dataclass(frozen=True)
class Report:
    """What is known of a model. Shares are 0 to 1; ``accuracy_low`` to ``accuracy_high`` is a 95 % interval.

    ``confusion[i][j]`` counts photos of class i that were taken for class j, on the photos named by
    ``evaluated_on``, none of which the judging model had seen. A prediction with less confidence than
    ``threshold`` is “not sure”. ``temperature`` is what the logits were divided by; it is already
    inside the weights. ``warnings`` are plain sentences.

    ``accuracy_low`` to ``accuracy_high`` is a prediction: in 19 of 20 cases so many are right of new photos,
    a third as many as were judged (see ``interval``). ``group_count`` is the number of different scenes among
    those judged, ``photos_needed`` how many have to be judged until the interval reaches 5 points to either
    side. ``top_accuracy[k - 1]`` is the share whose class is among the first k answers.
    ``calibration_error`` and ``calibration_error_before`` are those with and without the temperature.
    ``coverage_curve`` says what a threshold costs. What a report of an older version lacks is 0 or empty.
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
    warnings: tuple[str, ...]
    resize_mode: ResizeMode
    backbone: str
    group_count: int = 0
    photos_needed: int = 0
    top_accuracy: tuple[float, ...] = ()
    calibration_error: float = 0.0
    calibration_error_before: float = 0.0
    coverage_curve: tuple[CoveragePoint, ...] = ()

    def in_words(self) -> str:
        """The score and its interval as a person would say them."""
        if self.accuracy_high - self.accuracy_low > 0.5:
            share = "There are too few photos to tell how often it is right:"
        elif self.accuracy >= 0.995:
            share = "Right on nearly every photo."
        else:
            share = f"About {_in_words(self.accuracy)} right."
        could = f"it could be {self.accuracy_low:.0%} to {self.accuracy_high:.0%}"
        return f"{share} {'with this many photos ' if share[-1] == ':' else 'With this many photos '}{could}."

    def coverage_at(self, threshold: float) -> CoveragePoint | None:
        """What any threshold from 0 to 1 costs, read off between the points of ``coverage_curve``; None where there are none."""
        if not self.coverage_curve:
            return None
        known = np.array([(point.threshold, point.coverage, point.selective_accuracy) for point in self.coverage_curve])
        known = known[np.argsort(known[:, 0])]
        answered, right = (float(np.interp(threshold, known[:, 0], known[:, column])) for column in (1, 2))
        return CoveragePoint(threshold, answered, right)

    def to_json(self) -> dict[str, Any]:
        """Plain lists, dicts and numbers."""
        return {_KEYS.get(name, name): _to_json(value) for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """The inverse of ``to_json``; raises ``ModelError`` where something is missing."""
        try:
            values = current_names(data)
            values["labels"] = tuple(map(str, values["labels"]))
            values["per_class"] = tuple(ClassScore(**_numbers(row, _CLASS_SHARES)) for row in values["per_class"])
            values["confusion"] = tuple(tuple(map(int, row)) for row in values["confusion"])
            values["warnings"] = tuple(map(str, values["warnings"]))
            values["top_accuracy"] = tuple(map(float, values.get("top_accuracy", ())))
            curve = map(current_names, values.get("coverage_curve", ()))
            values["coverage_curve"] = tuple(CoveragePoint(**_numbers(row, _POINT_SHARES)) for row in curve)
            values.update({name: float(values.get(name, 0)) for name in _NEWER_SHARES})
            values.update({name: int(values.get(name, 0)) for name in _NEWER_COUNTS})
            return cls(**_numbers(values, _SHARES))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"The model's report is incomplete or not one of this program's ({error}).") from error


_SHARES = ("accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "threshold", "temperature")
_CLASS_SHARES = ("precision", "recall", "f1")
_POINT_SHARES = ("threshold", "coverage", "selective_accuracy")
_NEWER_SHARES = ("calibration_error", "calibration_error_before")
_NEWER_COUNTS = ("group_count", "photos_needed")
# report.json is read by other programs: its keys are those of its first version.
_KEYS = {new: old for old, new in OLD_NAMES.items()}


def _in_words(share: float) -> str:
    """“9 in 10”; a share that ten cannot tell from none or all is counted in hundred."""
    tenths, hundredths = round(share * 10), round(share * 100)
    return f"{hundredths} in 100" if tenths in (0, 10) and hundredths else f"{tenths} in 10"


def _to_json(value: Any) -> Any:
    """Dataclasses as dicts under the keys of the file."""
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, (ClassScore, CoveragePoint)):
        return {_KEYS.get(name, name): item for name, item in vars(value).items()}
    return value


def _numbers(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    shares = {name: float(values[name]) for name in names}
    if not np.isfinite(list(shares.values())).all():
        raise ValueError("a share that is no number")
    return {**values, **shares}


def rescore(
    report: Report,
    probabilities: Floats,
    truth: Ints,
    evaluated_on: EvaluatedOn,
    scenes: Ints | None = None,
    familiar: NDArray[np.bool_] | None = None,
) -> Report:
    """The same model's report with the scores on other photos: probabilities (N, C), true classes (N,).

    ``scenes`` (N,) numbers photos of one scene alike; ``familiar`` (N,) is False where a photo is unlike all
    training photos.
    """
    right = probabilities.argmax(1) == truth
    confusion = confusion_matrix(truth, probabilities.argmax(1), len(report.labels))
    low, high = accuracy_interval(right, scenes)
    total = len(truth)
    accuracy = float(right.mean()) if total else 0.0
    return replace(
        report,
        evaluated_on=evaluated_on,
        accuracy=accuracy,
        accuracy_low=low,
        accuracy_high=high,
        balanced_accuracy=balanced_accuracy(confusion),
        per_class=class_scores(confusion, report.labels),
        confusion=tuple(tuple(map(int, row)) for row in confusion),
        group_count=total if scenes is None else len(np.unique(scenes)),
        photos_needed=photos_needed(accuracy, effective_sample_size(right, scenes) / max(total, 1)) if total else 0,
        top_accuracy=top_accuracy(probabilities, truth),
        calibration_error=calibration_error(probabilities, truth),
        calibration_error_before=calibration_error(apply_temperature(probabilities, 1 / report.temperature), truth),
        coverage_curve=coverage_curve(probabilities, truth, familiar),
    )


def build_report(
    probabilities: Floats,
    truth: Ints,
    labels: Sequence[str],
    *,
    images: int,
    evaluated_on: EvaluatedOn,
    threshold: float,
    temperature: float,
    warnings: Sequence[str],
    resize_mode: ResizeMode,
    backbone: str,
    scenes: Ints | None = None,
    familiar: NDArray[np.bool_] | None = None,
) -> Report:
    """Judge probabilities (N, C) against the true classes (N,); the rest as in ``rejudged``."""
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
    return rescore(empty, probabilities, truth, evaluated_on, scenes, familiar)
