"""The report of a model: its scores on labeled photos, and their JSON form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..config import OLD_NAMES, RESIZE_MODES, ResizeMode, current_names
from ..data.grouping import GroupsFrom
from ..errors import ModelError
from ..messages import Message, message, percent
from ..messages.evaluation import (
    AccuracyCode,
    ApartCode,
    FileCode,
    FormCode,
    ScoreCode,
    WarningCode,
    correct_in_words,
    score_in_words,
)
from ..messages.groups import GroupCode, groups_in_words
from ..messages.languages import ENGLISH, speaking
from ..messages.retelling import retold
from . import report_form as form
from .calibration import CoveragePoint, apply_temperature, calibration_error, coverage_curve
from .costs import LARGEST_WEIGHT, UNSURE_COST
from .intervals import (
    accuracy_interval,
    effective_sample_size,
    is_widened_by_groups,
    main_group_count,
    photos_needed,
)
from .metrics import (
    ClassScore,
    MacroScores,
    balanced_accuracy,
    class_scores,
    confusion_matrix,
    cross_entropy,
    macro_scores,
    top_k_accuracy,
)
from .report_values import GroupSummary, SecondScore, read_groups, read_second_score, read_shift
from .shift import Shift

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
      and ``per_class`` holds precision, recall and F1; those of a class without evaluated photos are 0 and not to be
      shown. ``loss`` is the cross entropy. ``macro`` are the means of the classes that have evaluated photos.
    - ``accuracy_low`` to ``accuracy_high`` is the 95 % prediction interval of the accuracy on a third as many new
      photos (see ``intervals``); ``photos_needed`` is how many have to be evaluated until it reaches 5 points to
      either side; ``group_count`` counts the groups of near-duplicates among the evaluated photos, and
      ``main_groups`` how many of the largest hold most of them.
    - ``confusion``: entry [i][j] counts photos of class i with class j predicted. ``top_accuracy``: entry [k - 1] is
      the proportion whose class is among the k most probable ones.
    - ``threshold`` is the confidence below which a prediction is “not sure”; ``coverage_curve`` gives coverage and
      accuracy for other thresholds.
    - ``temperature`` divides the logits; the weights contain it already. ``calibration_error`` is measured with it,
      ``calibration_error_before`` without.

    - ``near_training`` counts the person's test photos that look like a training photo or are of the same thing by name
      or time. ``accuracy_all`` is of all test photos; every other score is of the others, or out of fold where there
      are no others.
    - ``conflicting`` counts photos that were not used because each lies in several classes, ``unusable`` those that
      cannot be read.
    - ``validation`` is the score on the person's validation photos.
    - ``grouping``: which training photos are kept together besides near duplicates, and the score without.
      ``groups_offered``: which may belong together by evidence that is too thin, in words. ``groups_from``: what the
      person chose, see ``Project.choose_groups``.
    - ``shift``: how well the test photos are told apart from the training photos.
    - ``thresholds`` of each class follow from the ``costs``, weights of missing a class by its label, and
      ``unsure_cost`` (see ``costs``); empty where ``threshold`` is that of all classes. ``expected_cost`` is the mean
      of a photo with them, ``expected_cost_before`` with ``threshold``.

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
    near_training: int = 0
    accuracy_all: float = 0.0
    validation: SecondScore | None = None
    shift: Shift | None = None
    main_groups: int = 0
    grouping: GroupSummary | None = None
    groups_offered: str = ""
    groups_from: GroupsFrom = "auto"
    thresholds: tuple[float, ...] = ()
    costs: Mapping[str, float] = field(default_factory=dict, hash=False)
    unsure_cost: float = UNSURE_COST
    expected_cost: float | None = None
    expected_cost_before: float | None = None
    loss: float | None = None
    conflicting: int = 0
    unusable: int = 0

    @property
    def macro(self) -> MacroScores | None:
        """The means of precision, recall and F1; None where no photo was evaluated."""
        return macro_scores(self.per_class)

    @property
    def class_thresholds(self) -> tuple[float, ...]:
        """The threshold of each class (C,); all the same where none has one of its own."""
        return self.thresholds or (self.threshold,) * len(self.labels)

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
        if not self.evaluated_count:
            return " ".join(map(str, self.notes())) if self.near_training else str(AccuracyCode.NO_PHOTOS)
        return score_in_words(
            self.accuracy, self.accuracy_low, self.accuracy_high, self.evaluated_count, self.correct_count
        )

    def notes(self) -> tuple[Message, ...]:
        """Return what to show with the score.

        How many test photos look like training photos, why the interval is wide, and the second score.
        """
        return (
            *self._near_training_notes(),
            *self._interval_notes(),
            *self._validation_notes(),
            *self._group_notes(),
            *self.not_used(),
        )

    def not_used(self) -> list[Message]:
        """Return how many photos were left out of the training, and why."""
        counts = ((ScoreCode.CONFLICTING, self.conflicting), (ScoreCode.UNUSABLE, self.unusable))
        return [message(code, count=count) for code, count in counts if count]

    def _interval_notes(self) -> list[Message]:
        low, high, total = self.accuracy_low, self.accuracy_high, self.evaluated_count
        if not self.main_groups or not is_widened_by_groups(low, high, self.correct_count, total):
            return []
        return [message(ScoreCode.WIDE, count=self.main_groups)]

    def _near_training_notes(self) -> list[Message]:
        near, others = self.near_training, self.evaluated_count
        if not near:
            return []
        if self.evaluated_on == "out_of_fold" or not others:
            return [message(ApartCode.TEST_ALL_NEAR, near=near)]
        return [message(ApartCode.TEST_NEAR, near=near, total=near + others, others=others, right=self.correct_count)]

    def _group_notes(self) -> list[Message]:
        found = self.grouping
        if self.evaluated_on != "out_of_fold":
            return []
        if found is None:
            return (
                [message(GroupCode.ASKED, what=retold(self.groups_offered, GroupCode))] if self.groups_offered else []
            )
        what = groups_in_words(found.origin, found.count, found.example)
        if found.accuracy_ungrouped is None or not self.evaluated_count:
            return [message(GroupCode.KEPT, what=what)]
        code = GroupCode.WITHOUT if found.accuracy_ungrouped > self.accuracy + _SAME_SCORE else GroupCode.WITHOUT_SAME
        return [message(code, what=what, score=percent(found.accuracy_ungrouped))]

    def _validation_notes(self) -> list[Message]:
        second = self.validation
        if second is None:
            return []
        found = []
        if second.count:
            score = correct_in_words(second.accuracy, second.count)
            found.append(message(ApartCode.VALIDATION, score=score, count=second.count))
        if second.near_training:
            total = second.count + second.near_training
            found.append(message(ApartCode.VALIDATION_NEAR, near=second.near_training, total=total))
        return found

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
        values["macro"] = None if self.macro is None else vars(self.macro)
        values["warning_codes"] = [
            {"code": warning.code.id, "arguments": dict(warning.arguments)} for warning in self.warnings
        ]
        return values

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """Read what ``to_json`` of this or an older version wrote.

        Raises ``ModelError`` where an entry is missing or cannot be one: of another type, not finite, or of another
        number of classes than the names.
        """
        try:
            return cls(**_read(data))
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError) as error:
            raise ModelError(FileCode.REPORT_INCOMPLETE, why=str(error)[:_LONGEST_WHY]) from error


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


_PROPORTIONS = ("accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "threshold")
_CLASS_PROPORTIONS = ("precision", "recall", "f1")
_POINT_PROPORTIONS = ("threshold", "coverage", "selective_accuracy")
_NEWER: Mapping[str, Any] = {  # what reports of older versions lack
    "calibration_error": 0.0, "calibration_error_before": 0.0, "group_count": 0, "photos_needed": 0, "top_accuracy": (),
    "coverage_curve": (), "warning_codes": (), "near_training": 0, "accuracy_all": 0.0, "validation": None,
    "shift": None, "main_groups": 0, "grouping": None, "groups_offered": "",
    "groups_from": "auto", "thresholds": (), "costs": {}, "unsure_cost": UNSURE_COST,
    "expected_cost": None, "expected_cost_before": None, "loss": None, "macro": None, "conflicting": 0, "unusable": 0,
}  # fmt: skip
_ENTRIES = frozenset({field.name for field in fields(Report)} | {"warning_codes", "macro"})
_TEMPERATURES = (1e-5, 1e6)  # the smallest and the largest
_LARGEST_LOSS = 1e3
_LONGEST_WHY = 200  # letters
_SAME_SCORE = 0.01  # difference from which on a score without groups is higher
_WARNING_CODES = {code.id: code for code in WarningCode}
# Other programs read report.json: its keys are those of its first version.
_KEYS = {new: old for old, new in OLD_NAMES.items()}


def _to_json(value: Any) -> Any:
    """Return dataclasses as dicts under the keys of the file, tuples as lists."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        if value and isinstance(value[0], (int, float, str)):  # a row of a thousand classes is not looked at
            return list(value)
        return [_to_json(item) for item in value]
    if isinstance(value, ClassScore):
        return class_score_json(value)
    if isinstance(value, (CoveragePoint, SecondScore, Shift, GroupSummary)):
        return {_KEYS.get(name, name): item for name, item in vars(value).items()}
    return value


def class_score_json(score: ClassScore) -> dict[str, Any]:
    """Return the scores of a class under the keys of the file; those of a class that nobody judged are null."""
    return {name: value if score.images or name in ("label", "images") else None for name, value in vars(score).items()}


def _read(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a report; raises ``ValueError`` or what Python raises where an entry cannot be one."""
    values = {**_NEWER, **current_names(data)}
    form.check_names(values, _ENTRIES)
    labels = form.labels(values, "labels")
    curve = map(current_names, form.objects(values, "coverage_curve"))
    return {
        **{name: form.number(values, name) for name in _PROPORTIONS},
        "labels": labels,
        "images": form.count(values, "images"),
        "evaluated_on": form.text(values, "evaluated_on", get_args(EvaluatedOn)),
        "per_class": _read_classes(values, labels),
        "confusion": form.matrix(values, "confusion", len(labels)),
        "temperature": form.number(values, "temperature", *_TEMPERATURES),
        "warnings": _read_warnings(form.texts(values, "warnings"), form.objects(values, "warning_codes")),
        "resize_mode": form.text(values, "resize_mode", RESIZE_MODES),
        "backbone": form.text(values, "backbone"),
        "group_count": form.count(values, "group_count"),
        "photos_needed": form.count(values, "photos_needed"),
        "top_accuracy": form.numbers(values, "top_accuracy"),
        "calibration_error": form.number(values, "calibration_error"),
        "calibration_error_before": form.number(values, "calibration_error_before"),
        "coverage_curve": tuple(
            CoveragePoint(**{name: form.number(row, name) for name in _POINT_PROPORTIONS}) for row in curve
        ),
        "near_training": form.count(values, "near_training"),
        "accuracy_all": form.number(values, "accuracy_all"),
        "validation": read_second_score(values, "validation"),
        "shift": read_shift(values, "shift"),
        "main_groups": form.count(values, "main_groups"),
        "grouping": read_groups(values, "grouping"),
        "groups_offered": form.text(values, "groups_offered"),
        "groups_from": form.text(values, "groups_from", get_args(GroupsFrom)),
        "thresholds": _read_thresholds(values, labels),
        "costs": form.numbers_by_label(values, "costs", labels, LARGEST_WEIGHT),
        "unsure_cost": form.number(values, "unsure_cost", 0.0, LARGEST_WEIGHT),
        "expected_cost": form.optional_number(values, "expected_cost", 0.0, LARGEST_WEIGHT),
        "expected_cost_before": form.optional_number(values, "expected_cost_before", 0.0, LARGEST_WEIGHT),
        "loss": form.optional_number(values, "loss", 0.0, _LARGEST_LOSS),
        "conflicting": form.count(values, "conflicting"),
        "unusable": form.count(values, "unusable"),
    }


def _read_thresholds(values: Mapping[str, Any], labels: Sequence[str]) -> tuple[float, ...]:
    found = tuple(
        form.number({"thresholds": value}, "thresholds") for value in form.list_of_classes(values, "thresholds")
    )
    if found and len(found) != len(labels):
        raise form.FormError(FormCode.OTHER_COUNT, name="thresholds")
    return found


def _read_classes(values: Mapping[str, Any], labels: Sequence[str]) -> tuple[ClassScore, ...]:
    rows = form.objects(values, "per_class")
    if rows and [form.text(row, "label") for row in rows] != list(labels):
        raise form.FormError(FormCode.OTHER_COUNT, name="per_class")
    return tuple(
        ClassScore(
            label,
            form.count(row, "images"),
            **{name: form.optional_number(row, name) or 0.0 for name in _CLASS_PROPORTIONS},
        )
        for label, row in zip(labels, rows)
    )


def _read_warnings(sentences: Sequence[str], codes: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
    """Return the warnings of a file; without a code of this version a warning is its sentence."""
    found = [message(WarningCode.TEXT, text=str(sentence)) for sentence in sentences]
    for index, (sentence, entry) in enumerate(zip(sentences, codes)):
        code = _WARNING_CODES.get(entry["code"])
        if code is None:
            continue
        warning = message(code, **{name: _to_tuples(value) for name, value in entry["arguments"].items()})
        with speaking(ENGLISH):  # raises where an argument is missing; differs where a file was edited
            is_same = str(warning) == sentence
        found[index] = warning if is_same else found[index]
    return tuple(found)


def _to_tuples(value: Any) -> Any:
    return tuple(map(_to_tuples, value)) if isinstance(value, list) else value
