"""Rows of a catalog as they are read: SQLite keeps any type in any column, and a project may be a stranger's."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from ..messages import Message
from ..messages.data import restore

_NONE = type(None)
_PHOTO = {
    (int, str, str, str, str, group, str, int, int, int, str, int, layout_group, taken, own_group, archive)
    for group in (int, _NONE) for layout_group in (str, _NONE) for taken in (str, _NONE) for own_group in (str, _NONE)
    for archive in (str, _NONE)
}  # fmt: skip
_RUN_ASSET = {
    (str, str, str, predicted, confidence, doubt)
    for predicted in (str, _NONE) for confidence in (float, _NONE) for doubt in (float, _NONE)
}  # fmt: skip
# How many columns a photo had at first, and the values of those added since.
_FIRST_COLUMNS, _LATER_COLUMNS = 11, (0, None, None, None, None)
_NO_NAME = re.compile(r"[/\\:\0]")  # what leads elsewhere on some system


def is_photo(row: Sequence[object]) -> bool:
    """Return whether the values of a photo have its types."""
    return tuple(map(type, row)) in _PHOTO


def is_run_asset(row: Sequence[object]) -> bool:
    """Return whether the values of a photo of a run have its types."""
    return tuple(map(type, row)) in _RUN_ASSET


def is_inside(path: str, sha256: str) -> bool:
    """Return whether the names of a photo's files lead nowhere but into the project."""
    names = (*path.split("/"), sha256)
    return not {"", ".", ".."}.intersection(names) and not any(map(_NO_NAME.search, names))


def read_object(text: object) -> dict[str, Any]:
    """Return the object of a JSON text, an empty one where it is damaged."""
    value = _read_json(text)
    return value if isinstance(value, dict) else {}


def restore_message(code: object, arguments: object, text: object) -> Message:
    """Return a stored message; where code or arguments are damaged, its sentence."""
    values = read_object(arguments)
    return restore(str(code), {} if "code" in values else values, str(text))


def edited_rows(before: object) -> list[list[Any]]:
    """Return the rows that an edit changed, none where it is damaged; those of older versions lack the last columns."""
    rows = _read_json(before)
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) >= _FIRST_COLUMNS for row in rows):
        return []
    rows = [[*row, *_LATER_COLUMNS[len(row) - _FIRST_COLUMNS :]] for row in rows]
    return [[int(value) if isinstance(value, bool) else value for value in row] for row in rows]


def added_ids(added: object) -> set[int]:
    """Return the ids of the photos that an edit added, none where they are damaged."""
    ids = _read_json(added)
    return {id for id in ids if type(id) is int} if isinstance(ids, list) else set()


def _read_json(text: object) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def now() -> str:
    """Return the time in UTC, ISO 8601 to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
