"""The parts of a report that are values of their own, and how each is read from the JSON of a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from . import report_form as form
from .shift import Shift

EvaluatedOn = Literal["out_of_fold", "val", "test"]
GroupOrigin = Literal["names", "times", "series", "look", "layout", "own"]


@dataclass(frozen=True)
class SecondScore:
    """The score on the person's own validation photos, which decide and are therefore no measure of new photos.

    ``accuracy`` with its 95 % interval is of the ``count`` photos that do not look like a training photo;
    ``near_training`` others do.
    """

    accuracy: float
    low: float
    high: float
    count: int
    near_training: int = 0


@dataclass(frozen=True)
class GroupSummary:
    """Training photos that are kept together besides near duplicates.

    ``origin`` is ``names``, ``times``, ``series``, ``look``, ``layout`` or ``own``; ``count`` the number of groups
    of two and more photos; ``example`` says in words what is kept together, empty where the layout or the person did.
    ``accuracy_ungrouped`` is what cross-validation would claim without; None where that was not measured.
    """

    origin: GroupOrigin
    count: int
    example: str
    accuracy_ungrouped: float | None = None


def read_groups(values: Mapping[str, Any], name: str) -> GroupSummary | None:
    """Return an entry that may be null; raises ``FormError`` where it is something else."""
    found = form.optional_object(values, name)
    if found is None:
        return None
    form.check_names(found, _GROUPS)
    without = None if found.get("accuracy_ungrouped") is None else form.number(found, "accuracy_ungrouped")
    return GroupSummary(_read_origin(found), form.count(found, "count"), form.text(found, "example"), without)


def _read_origin(found: Mapping[str, Any]) -> GroupOrigin:
    text = form.text(found, "origin", get_args(GroupOrigin))
    return next(origin for origin in get_args(GroupOrigin) if origin == text)


def read_second_score(values: Mapping[str, Any], name: str) -> SecondScore | None:
    """Return an entry that may be null; raises ``FormError`` where it is something else."""
    found = form.optional_object(values, name)
    if found is None:
        return None
    form.check_names(found, _SECOND_SCORE)
    accuracy, low, high = (form.number(found, key) for key in ("accuracy", "low", "high"))
    return SecondScore(accuracy, low, high, form.count(found, "count"), form.count(found, "near_training"))


def read_shift(values: Mapping[str, Any], name: str) -> Shift | None:
    """Return an entry that may be null; raises ``FormError`` where it is something else."""
    found = form.optional_object(values, name)
    if found is None:
        return None
    form.check_names(found, _SHIFT)
    told_apart, low, high = (form.number(found, key) for key in ("told_apart", "low", "high"))
    return Shift(told_apart, low, high, form.flag(found, "alarm"))


_GROUPS = frozenset(("origin", "count", "example", "accuracy_ungrouped"))
_SHIFT = frozenset(("told_apart", "low", "high", "alarm"))
_SECOND_SCORE = frozenset(("accuracy", "low", "high", "count", "near_training"))
