"""A damaged table of answers is kept aside and made again: from the rows that can be read, and the photos beside it."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from ..files import storage_error
from ..messages.bulk import BulkCode
from .answer_rows import AnswerRow
from .answer_table import COPIES, FILE_NAME, AnswerTable, Probs, damaged
from .damaged_file import DamagedFile, keep_aside, name_aside
from .folder_locks import FolderLocks

REPAIRED = "repaired"  # the fact that says how many answers are as before, where others are lost
_COLUMNS = (*(field.name for field in fields(AnswerRow)), "probs")
_NONE = type(None)
_TYPES: tuple[tuple[type, ...], ...] = (
    (int,), (str,), (str, _NONE), (float, _NONE), (str, _NONE), (float, _NONE), (int,), (int,), (str, _NONE),
    (str, _NONE), (str,), (str, _NONE), (bytes, _NONE),
)  # fmt: skip
_LOCKS = FolderLocks()


def open_answers(folder: Path) -> AnswerTable | None:
    """Open the table of answers in ``folder``, None where there is none; a damaged one is made again.

    A photo whose row is lost has no name and no answer any more, and the table is not ``complete`` then. Raises
    ``StorageError`` where it cannot be written.
    """
    with _LOCKS.of(folder):
        try:
            return AnswerTable.open(folder)
        except DataError as error:
            if error.code is not BulkCode.DAMAGED:
                raise
        try:
            _repair(folder)
        except OSError as error:
            raise storage_error(error) from error
        return AnswerTable.open(folder)


def _repair(folder: Path) -> None:
    """Make a new table below the damaged one's folder, keep that aside, and put the new one in its place."""
    path, part = folder / FILE_NAME, folder / f".{uuid.uuid4().hex}.part"
    try:
        with closing(DamagedFile(path)) as file:
            facts = dict(_facts(file))
            labels = facts.get("labels")
            facts["labels"] = labels if isinstance(labels, list) and all(isinstance(one, str) for one in labels) else []
            with AnswerTable.create(part, facts["labels"]) as table:
                _fill(table, folder, list(_answers(file, folder, len(facts["labels"]))), facts)
        keep_aside(path, name_aside(path))
        (part / FILE_NAME).replace(path)
        damaged.discard(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _fill(
    table: AnswerTable, folder: Path, kept: Sequence[tuple[AnswerRow, Probs | None]], facts: dict[str, Any]
) -> None:
    """Store the answers that are as before, a row without one for each other photo, and the facts."""
    table.add(kept)
    known = {row.copy for row, _ in kept}
    copies = (file for file in sorted((folder / COPIES).glob("*")) if f"{COPIES}/{file.name}" not in known)
    lost = [AnswerRow(0, one.name, unsure=True, copy=f"{COPIES}/{one.name}", sha256=one.stem) for one in copies]
    table.add((row, None) for row in lost)
    for name, value in {**facts, "version": uuid.uuid4().hex}.items():
        table.set_fact(name, value)
    if lost:
        table.set_fact(REPAIRED, len(kept))
    if lost or not facts["labels"] or len(kept) != facts.get("total"):
        table.set_fact("complete", False)


def _facts(file: DamagedFile) -> Iterator[tuple[str, Any]]:
    for name, value in file.rows("facts", "name, value"):
        try:
            yield str(name), json.loads(value)
        except (ValueError, TypeError, RecursionError):
            continue


def _answers(file: DamagedFile, folder: Path, classes: int) -> Iterator[tuple[AnswerRow, Probs | None]]:
    """Yield the sound rows with the probabilities of so many classes."""
    ids: set[int] = set()
    for row in file.rows("answers", ", ".join(_COLUMNS)):
        *values, probs = row
        if _is_sound(row) and values[0] not in ids and (values[9] is None or (folder / values[9]).is_file()):
            ids.add(values[0])
            is_whole = probs is not None and len(probs) == 4 * classes
            yield AnswerRow(*values), np.frombuffer(probs, np.float32) if is_whole else None


def _is_sound(row: Sequence[Any]) -> bool:
    """Return whether the values of a row have their types, and texts that could be read."""
    return (
        all(isinstance(value, kinds) for value, kinds in zip(row, _TYPES, strict=True))
        and row[0] > 0
        and not any("\N{REPLACEMENT CHARACTER}" in value for value in row if isinstance(value, str))
    )
