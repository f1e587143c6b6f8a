"""Answers of a model for many photos: a SQLite table on the disk, read a page at a time, never whole.

Nothing here knows a model: ``workflows.predict_many`` fills the table; ``answer_files`` makes CSV, zip and folders.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, fields, replace
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, StorageError
from ..messages.bulk import BulkCode
from . import sqlite_errors
from .answer_rows import ALL, AnswerRow, Query, Totals, natural_text, order, where
from .damaged_file import ASIDE

FILE_NAME = "answers.sqlite"
COPIES, THUMBS, UNPACKED = "copies", "thumbs", "unpacked"  # folders beside the table
_BATCH = 500  # rows in memory
_BUSY_MS = 10_000
Probs = NDArray[np.float32]
damaged: set[Path] = set()  # folders in whose tables damage was met, see ``answer_repair``

_TABLE = """
CREATE TABLE answers (
    id INTEGER PRIMARY KEY, file TEXT NOT NULL, label TEXT, confidence REAL, second TEXT, second_confidence REAL,
    unsure INTEGER NOT NULL, unlike INTEGER NOT NULL, error TEXT, copy TEXT, sha256 TEXT NOT NULL, given TEXT,
    file_key TEXT NOT NULL, label_key TEXT NOT NULL, second_key TEXT NOT NULL, probs BLOB
);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_COLUMNS = tuple(field.name for field in fields(AnswerRow))
_KEYS = ("file_key", "label_key", "second_key", "probs")
_INSERT = f"INSERT INTO answers ({', '.join(_COLUMNS + _KEYS)}) VALUES ({', '.join('?' * len(_COLUMNS + _KEYS))})"

_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM answers"


class AnswerTable:
    """The answers in one folder; made with ``create`` or ``open``, and closed after use. Safe for several threads.

    Example::

        with AnswerTable.create(Path("answers"), ["cat", "dog"]) as table:
            table.add([(AnswerRow(0, "a.jpg", "cat", 0.9), np.float32([0.9, 0.1]))])
            print(table.rows(Query(kind="sure", sort="confidence"), 0, 50))
    """

    def __init__(self, folder: Path, db: sqlite3.Connection) -> None:
        self.folder = folder
        self._db = db
        self._lock = threading.RLock()

    @classmethod
    def create(cls, folder: Path, labels: Sequence[str]) -> AnswerTable:
        """Make an empty table in ``folder``, in place of the one there; ``labels`` are the model's, in its order.

        Raises ``DataError`` where the folder holds something else.
        """
        if (folder / FILE_NAME).exists():
            discard(folder)
        with _translated(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise DataError(BulkCode.FOLDER_NOT_EMPTY, folder=str(folder))
            table = cls(folder, _connect(folder))
            with table._write() as db:
                db.executescript(_TABLE)
            table.set_fact("labels", list(labels))
        return table

    @classmethod
    def open(cls, folder: Path) -> AnswerTable | None:
        """Open the table in ``folder``, None where there is none. Raises ``DataError`` for a damaged one."""
        if not (folder / FILE_NAME).is_file():
            return None
        if folder in damaged:
            raise DataError(BulkCode.DAMAGED)
        with _translated(folder):
            table = cls(folder, _connect(folder))
            if table.fact("labels") is None:
                table.close()
                return None  # it is being made
        return table

    def __enter__(self) -> AnswerTable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; may be called twice."""
        with self._lock:
            self._db.close()

    # writing

    def add(self, answers: Iterable[tuple[AnswerRow, Probs | None]]) -> None:
        """Store rows under new ids, each with the probability of every class (C,), None where it is not known."""
        with self._write() as db:
            db.executemany(_INSERT, (_to_values(row, probs) for row, probs in answers))

    def replace(self, rows: Iterable[AnswerRow]) -> None:
        """Store rows in place of those with the same ids, such as for another threshold; probabilities stay."""
        with self._write() as db:
            db.executemany(_update(_KEYS[:3]), ((*_to_values(row, None)[1:-1], row.id) for row in rows))

    def answer(self, answers: Iterable[tuple[AnswerRow, Probs | None]]) -> None:
        """Store rows in place of those with the same ids, with probabilities, such as of another model."""
        with self._write() as db:
            db.executemany(_update(_KEYS), ((*_to_values(row, probs)[1:], row.id) for row, probs in answers))

    def give(self, ids: Iterable[int], label: str | None) -> None:
        """Store the class that a person gave photos; None takes it back."""
        with self._write() as db:
            db.execute(
                "UPDATE answers SET given = ? WHERE id IN (SELECT value FROM json_each(?))",
                (label, json.dumps(list(ids))),
            )

    def set_fact(self, name: str, value: Any) -> None:
        """Store a fact of the whole table, as JSON, such as the model or how many photos are to come."""
        with self._write() as db:
            db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))

    # reading

    @property
    def labels(self) -> list[str]:
        """The classes of the model, in the order of the probabilities."""
        return list(map(str, self.fact("labels") or ()))

    def fact(self, name: str) -> Any:
        """Return a stored fact, None where there is none."""
        found = self._read("SELECT value FROM facts WHERE name = ?", name)
        return json.loads(found[0][0]) if found else None

    def rows(self, query: Query = ALL, start: int = 0, count: int = 50) -> list[AnswerRow]:
        """Return one page of rows."""
        condition, values = where(query)
        return self._rows(f"{condition} ORDER BY {order(query)} LIMIT ? OFFSET ?", *values, count, start)

    def batches(self, size: int = _BATCH, query: Query = ALL) -> Iterator[list[AnswerRow]]:
        """Yield all rows in the order they came, so many at a time; what changes meanwhile may be missed."""
        condition, values = where(query)
        last = 0
        # An offset would be counted from the first row each time.
        while rows := self._rows(f"{condition} AND id > ? ORDER BY id LIMIT ?", *values, last, size):
            yield rows
            last = rows[-1].id

    def each(self, query: Query = ALL) -> Iterator[AnswerRow]:
        """Yield all rows, a batch in memory; what changes meanwhile may be missed."""
        if order(query) == order(ALL):
            yield from chain.from_iterable(self.batches(query=query))
            return
        condition, values = where(query)
        found = self._read(f"SELECT id FROM answers WHERE {condition} ORDER BY {order(query)}", *values)
        ids = array("q", (id for (id,) in found))
        for start in range(0, len(ids), _BATCH):
            some = ids[start : start + _BATCH].tolist()
            rows = {row.id: row for row in self._rows("id IN (SELECT value FROM json_each(?))", json.dumps(some))}
            yield from (rows[id] for id in some if id in rows)

    def row(self, id: int) -> AnswerRow | None:
        """Return one row, None where there is none of that id."""
        return next(iter(self._rows("id = ?", id)), None)

    def rows_of(self, ids: Iterable[int]) -> dict[int, AnswerRow]:
        """Return the rows of some ids; those that are not there are left out."""
        sql = f"SELECT {', '.join(_COLUMNS)} FROM answers WHERE id IN (SELECT value FROM json_each(?))"
        return {found[0]: _to_row(found) for found in self._read(sql, json.dumps(list(ids)))}

    def open_answers(self) -> list[tuple[int, str, float, str | None, float | None, int]]:
        """Return what is answered for each photo that can be used and that no person gave a class, as they came.

        That is its id, the two likeliest classes with their probabilities, and whether it is out of distribution.
        """
        return self._read(
            "SELECT id, label, confidence, second, second_confidence, unlike FROM answers WHERE given IS NULL "
            "AND error IS NULL AND copy IS NOT NULL AND label IS NOT NULL AND confidence IS NOT NULL ORDER BY id"
        )

    def probs(self, ids: Sequence[int]) -> dict[int, Probs]:
        """Return the probabilities (C,) of photos by id, in the order of ``labels``; those without are left out."""
        sql = "SELECT id, probs FROM answers WHERE probs IS NOT NULL AND id IN (SELECT value FROM json_each(?))"
        found = self._read(sql, json.dumps(list(ids)))
        return {id: np.frombuffer(probs, np.float32) for id, probs in found}

    def count(self, query: Query = ALL) -> int:
        """Return the number of rows."""
        condition, values = where(query)
        return int(self._read(f"SELECT COUNT(*) FROM answers WHERE {condition}", *values)[0][0])

    def counts(self, query: Query = ALL) -> dict[str, int]:
        """Return the number of photos of each answered class, those of no answer left out, in natural order."""
        condition, values = where(query)
        sql = (
            f"SELECT label, COUNT(*) FROM answers WHERE {condition} AND label IS NOT NULL "
            "GROUP BY label ORDER BY label_key, label"
        )
        return dict(self._read(sql, *values))

    def given_labels(self) -> list[str]:
        """Return the classes that persons gave photos."""
        return [label for (label,) in self._read("SELECT DISTINCT given FROM answers WHERE given IS NOT NULL")]

    def totals(self) -> Totals:
        """Return how many photos have which kind of answer."""
        sums = "COUNT(*), COALESCE(SUM(unsure), 0), COALESCE(SUM(unlike), 0), COUNT(error)"
        return Totals(*self._read(f"SELECT {sums} FROM answers")[0])

    def path(self, row: AnswerRow) -> Path | None:
        """Return the file of a photo that is to be shown, sorted or trained on."""
        return None if row.copy is None else self.folder / row.copy

    def thumbnail(self, row: AnswerRow) -> Path:
        """Return the path of the thumbnail of a kept copy, which may be missing."""
        return self.folder / THUMBS / f"{row.sha256}.jpg"

    # helpers

    def _rows(self, condition: str, *values: Any) -> list[AnswerRow]:
        return [_to_row(found) for found in self._read(f"{_SELECT} WHERE {condition}", *values)]

    def _read(self, sql: str, *values: Any) -> list[Any]:
        with self._lock, _translated(self.folder):
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """One transaction, committed at the end or rolled back on an error."""
        with _translated(self.folder), self._lock, self._db:
            yield self._db


def discard(folder: Path) -> None:
    """Delete a table with its photos; the table itself first, so that nobody opens half of one."""
    damaged.discard(folder)
    for file in (*sqlite_errors.files(folder / FILE_NAME), *folder.glob(ASIDE)):
        with suppress(OSError):
            file.unlink()
    for name in (COPIES, THUMBS, UNPACKED):
        shutil.rmtree(folder / name, ignore_errors=True)
    with suppress(OSError):  # it holds something else
        folder.rmdir()


def _connect(folder: Path) -> sqlite3.Connection:
    db = sqlite3.connect(folder / FILE_NAME, timeout=_BUSY_MS / 1000, check_same_thread=False)
    # What is lost when the machine stops is brought again; readers need not wait for the writer.
    for pragma in (f"busy_timeout = {_BUSY_MS}", "journal_mode = WAL", "synchronous = OFF", "trusted_schema = OFF"):
        db.execute(f"PRAGMA {pragma}")
    db.create_function("fold", 1, str.casefold, deterministic=True)
    return db


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except (*sqlite_errors.Error, OSError) as error:
        problem = sqlite_errors.disk_problem(error, folder / FILE_NAME)
        if problem is not None:
            raise StorageError(problem) from error
        if sqlite_errors.is_damage(error, folder / FILE_NAME) or not folder.is_dir():
            damaged.add(folder)
            raise DataError(BulkCode.DAMAGED) from error
        raise StorageError(BulkCode.NOT_WRITTEN, why=getattr(error, "strerror", None) or str(error)) from error


def _update(keys: Sequence[str]) -> str:
    return f"UPDATE answers SET {', '.join(f'{name} = ?' for name in (*_COLUMNS[1:], *keys))} WHERE id = ?"


def _to_values(row: AnswerRow, probs: Probs | None) -> tuple[Any, ...]:
    keys = [natural_text(text or "") for text in (row.file, row.label, row.second)]
    blob = None if probs is None else np.asarray(probs, np.float32).tobytes()
    return (row.id or None, *astuple(row)[1:], *keys, blob)


def _to_row(values: Sequence[Any]) -> AnswerRow:
    row = AnswerRow(*values)
    return row if type(row.unsure) is bool else replace(row, unsure=bool(row.unsure), unlike=bool(row.unlike))
