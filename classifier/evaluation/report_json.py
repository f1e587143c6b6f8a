"""The JSON form of a report: its values under the keys of the file, and how they are read and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from ..config import OLD_NAMES, RESIZE_MODES, current_names
from ..data.grouping import GroupsFrom
from ..messages import Message, message
from ..messages.evaluation import FormCode, WarningCode
from ..messages.languages import ENGLISH, speaking
from . import report_form as form
from .calibration import CoveragePoint
from .costs import LARGEST_WEIGHT, UNSURE_COST
from .metrics import ClassScore, MacroScores
from .report_values import EvaluatedOn, GroupSummary, SecondScore, read_groups, read_second_score, read_shift
from .shift import Shift

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
_BESIDE = {"warning_codes", "macro"}  # entries of the file that are no fields of a report
_TEMPERATURES = (1e-5, 1e6)  # the smallest and the largest
_LARGEST_LOSS = 1e3
_WARNING_CODES = {code.id: code for code in WarningCode}
# Other programs read report.json: its keys are those of its first version.
_KEYS = {new: old for old, new in OLD_NAMES.items()}


def to_json(values: Mapping[str, Any], macro: MacroScores | None) -> dict[str, Any]:
    """Return the fields of a report, and the means of its classes, under the keys of the file."""
    warnings: Sequence[Message] = values["warnings"]
    return {
        **{_KEYS.get(name, name): _to_json(value) for name, value in values.items()},
        "warnings": list(map(str, warnings)),
        "macro": None if macro is None else vars(macro),
        "warning_codes": [{"code": warning.code.id, "arguments": dict(warning.arguments)} for warning in warnings],
    }


def class_score_json(score: ClassScore) -> dict[str, Any]:
    """Return the scores of a class under the keys of the file; those of a class that nobody judged are null."""
    return {name: value if score.images or name in ("label", "images") else None for name, value in vars(score).items()}


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


def read(data: Mapping[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    """Return the fields of a report from what ``to_json`` of this or an older version returned.

    ``fields`` are their names. Raises ``ValueError`` or what Python raises where an entry is missing or cannot be one.
    """
    values = {**_NEWER, **current_names(data)}
    form.check_names(values, fields | _BESIDE)
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
