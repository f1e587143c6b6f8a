"""The SQLite file of a project: opened, locked among threads, and with its errors as sentences."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from ..errors import DataError, StorageError
from ..messages.data import CatalogCode
from . import schema, sqlite_errors

_BUSY_MS = 10_000  # how long to wait for another window or thread that writes


class Database:
    """One SQLite file, or one in memory where ``path`` is None; safe to use from several threads.

    ``is_damaged``: whether something was found that cannot be read.

    Raises ``DataError`` when the file is no catalog or was made by a newer version of this program,
    ``StorageError`` when it cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.is_damaged = False
        self._lock = threading.RLock()
        if path is not None and sqlite_errors.find_endless(path) is not None:
            raise DataError(CatalogCode.CATALOG_DAMAGED)
        try:
            self.connection = sqlite3.connect(path or ":memory:", timeout=_BUSY_MS / 1000, check_same_thread=False)
        except sqlite3.OperationalError as error:
            raise StorageError(CatalogCode.CANNOT_OPEN, name="" if path is None else path.name) from error
        try:
            self._prepare()
        except BaseException:
            self.connection.close()
            raise

    def close(self) -> None:
        """Close the file; may be called twice."""
        with self._lock:
            self.connection.close()

    def foreign_changes(self) -> int:
        """Return a number that changes whenever another connection wrote to the file."""
        ((number,),) = self.rows("PRAGMA data_version")
        return int(number)

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Return all rows of a query."""
        with self._lock, self._translated():
            return self.connection.execute(query, values).fetchall()

    def texts(self, query: str, count: int, *values: Any) -> list[Any]:
        """Return rows whose first columns are text; raises ``DataError`` where one is not."""
        rows = self.rows(query, *values)
        if not {*map(type, chain.from_iterable(row[:count] for row in rows))} <= {str}:
            raise self.damage()
        return rows

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction, committed at the end or rolled back on an error."""
        with self._translated(), self._lock, self.connection:
            yield self.connection

    def damage(self) -> DataError:
        """Return the error for a value that cannot be, and remember that there was one."""
        self.is_damaged = True
        return DataError(CatalogCode.CATALOG_DAMAGED)

    def _prepare(self) -> None:
        with self._translated():
            for pragma in (
                f"busy_timeout = {_BUSY_MS}",
                "foreign_keys = ON",
                "trusted_schema = OFF",
                "cell_size_check = ON",
            ):
                self.connection.execute(f"PRAGMA {pragma}")
            with self._lock, self.connection:
                if not schema.is_current(self.connection):
                    self.connection.execute("BEGIN IMMEDIATE")  # two windows may open a new project at once
                    schema.create_or_upgrade(self.connection)
            # SQLite waits for no other window here, and says that the file is locked. The mode is kept in the file, so
            # that the next opening sets it; until then the other mode does, only slower.
            with suppress(sqlite3.OperationalError):
                self.connection.execute("PRAGMA journal_mode = WAL")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise ``DataError`` where SQLite finds the file damaged, ``StorageError`` where it cannot use it."""
        try:
            yield
        except sqlite_errors.Error as error:
            if sqlite_errors.is_damage(error, self.path):
                raise self.damage() from error
            problem = sqlite_errors.disk_problem(error, self.path)
            if problem is not None:
                raise StorageError(problem) from error
            if isinstance(error, sqlite3.OperationalError):
                raise StorageError(CatalogCode.CANNOT_WRITE, why=str(error)) from error
            raise
