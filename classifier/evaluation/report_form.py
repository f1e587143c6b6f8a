"""The entries of a report's JSON, which may come from a stranger: each is checked before it is used.

All functions take the whole object and the name of an entry, and raise ``FormError`` where it is missing or not what
it should be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from ..messages import sentence
from ..messages.evaluation import FormCode

_LARGEST_COUNT = 10**9  # photos
_MOST_CLASSES = 100_000  # as in ``config.json``
_MOST_ENTRIES = 10_000  # of other lists
_ROUNDING = 1e-6  # by which a proportion may leave 0 to 1

Data = Mapping[str, Any]


class FormError(ValueError):
    """What is wrong with one entry, in words."""

    def __init__(self, code: FormCode, **arguments: Any) -> None:
        super().__init__(sentence(code, **arguments))


def text(data: Data, name: str, choices: Sequence[str] = ()) -> str:
    """Return a text, one of ``choices`` if these are given."""
    value = _entry(data, name)
    if not isinstance(value, str):
        raise FormError(FormCode.NO_TEXT, name=name)
    if choices and value not in choices:
        raise FormError(FormCode.NO_CHOICE, name=name, choices=choices)
    return value


def number(data: Data, name: str, low: float = 0.0, high: float = 1.0) -> float:
    """Return a finite number from ``low`` to ``high``."""
    value = _entry(data, name)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not low - _ROUNDING <= value <= high + _ROUNDING or not isfinite(value):
        raise FormError(FormCode.NO_NUMBER, name=name, low=low, high=high)
    return float(value)


def count(data: Data, name: str) -> int:
    """Return a number of photos."""
    return _count(_entry(data, name), name)


def flag(data: Data, name: str) -> bool:
    """Return whether an entry is true."""
    value = _entry(data, name)
    if not isinstance(value, bool):
        raise FormError(FormCode.NO_FLAG, name=name)
    return value


def numbers(data: Data, name: str) -> tuple[float, ...]:
    """Return a list of proportions."""
    return tuple(number({name: value}, name) for value in _items(data, name))


def texts(data: Data, name: str) -> tuple[str, ...]:
    """Return a list of texts."""
    return tuple(text({name: value}, name) for value in _items(data, name))


def objects(data: Data, name: str) -> list[Data]:
    """Return a list of objects."""
    found = _items(data, name)
    if not all(isinstance(value, Mapping) for value in found):
        raise FormError(FormCode.NO_OBJECT, name=name)
    return list(found)


def optional_object(data: Data, name: str) -> Data | None:
    """Return an object, or None where the entry is null."""
    value = _entry(data, name)
    return None if value is None else objects({name: [value]}, name)[0]


def optional_number(data: Data, name: str, low: float = 0.0, high: float = 1.0) -> float | None:
    """Return a number as ``number`` does, or None where the entry is null."""
    return None if _entry(data, name) is None else number(data, name, low, high)


def list_of_classes(data: Data, name: str) -> Sequence[Any]:
    """Return a list with at most as many entries as there can be classes."""
    return _items(data, name, _MOST_CLASSES)


def numbers_by_label(data: Data, name: str, labels: Sequence[str], high: float) -> dict[str, float]:
    """Return an object of numbers from 0 to ``high`` whose keys are among the classes."""
    value = _entry(data, name)
    if not isinstance(value, Mapping):
        raise FormError(FormCode.NO_OBJECT, name=name)
    check_names(value, frozenset(labels))
    return {str(key): number({name: one}, name, 0.0, high) for key, one in value.items()}


def labels(data: Data, name: str) -> tuple[str, ...]:
    """Return the names of the classes: none is empty, all are different."""
    found = tuple(text({name: value}, name) for value in _items(data, name, _MOST_CLASSES))
    if not found or not all(map(str.strip, found)):
        raise FormError(FormCode.LABEL_EMPTY)
    if len(set(found)) != len(found):
        raise FormError(FormCode.LABEL_TWICE)
    return found


def matrix(data: Data, name: str, size: int) -> tuple[tuple[int, ...], ...]:
    """Return a square matrix of counts; an empty list stands for nothing counted."""
    rows = _items(data, name, _MOST_CLASSES)
    if rows and (len(rows) != size or any(not isinstance(row, (list, tuple)) or len(row) != size for row in rows)):
        raise FormError(FormCode.OTHER_COUNT, name=name)
    return tuple(_counts(row, name) for row in rows)


def check_names(data: Data, known: frozenset[str]) -> None:
    """Raise ``FormError`` where an entry is not among the known ones."""
    for name in data:
        if name not in known:
            raise FormError(FormCode.UNKNOWN, name=str(name)[:80])


def _entry(data: Data, name: str) -> Any:
    if name not in data:
        raise FormError(FormCode.MISSING, name=name)
    return data[name]


def _items(data: Data, name: str, most: int = _MOST_ENTRIES) -> Sequence[Any]:
    value = _entry(data, name)
    if not isinstance(value, (list, tuple)):
        raise FormError(FormCode.NO_LIST, name=name)
    if len(value) > most:
        raise FormError(FormCode.TOO_MANY, name=name, most=most)
    return value


def _counts(row: Sequence[Any], name: str) -> tuple[int, ...]:
    """Return numbers of photos, as ``_count`` does for each: of a thousand classes there are a million."""
    if row and ({*map(type, row)} != {int} or min(row) < 0 or max(row) > _LARGEST_COUNT):
        raise FormError(FormCode.NO_COUNT, name=name)
    return tuple(row)


def _count(value: Any, name: str) -> int:
    if type(value) is not int or not 0 <= value <= _LARGEST_COUNT:
        raise FormError(FormCode.NO_COUNT, name=name)
    return value
