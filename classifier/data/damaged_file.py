"""What can be read of a damaged SQLite file, and where it is kept when another one takes its place."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from . import sqlite_errors

ASIDE = "damaged-*.sqlite*"  # the names of files that were kept


class DamagedFile:
    """The rows that can be read; none where SQLite cannot open the file."""

    def __init__(self, path: Path) -> None:
        self._db: sqlite3.Connection | None = None
        if path.is_file() and sqlite_errors.find_endless(path) is None:
            with suppress(*sqlite_errors.Error):
                self._db = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
                self._db.text_factory = lambda raw: raw.decode("utf-8", "replace")  # one label must not hide the others

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()

    def rows(self, table: str, columns: str = "*") -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a table up to the first page that cannot be read, from the begin and from the end."""
        seen: set[tuple[Any, ...]] = set()
        for order in ("ASC", "DESC"):
            with suppress(*sqlite_errors.Error, OverflowError):
                query = f"SELECT {columns} FROM {table} ORDER BY rowid {order}"
                for row in () if self._db is None else self._db.execute(query):
                    if row not in seen:
                        seen.add(row)
                        yield row


def name_aside(path: Path) -> Path:
    """Return the path under which the damaged file at ``path`` is kept."""
    return path.with_name(f"damaged-{datetime.now():%Y-%m-%d-%H%M%S}.sqlite")


def keep_aside(path: Path, aside: Path) -> None:
    """Give the files of a damaged database other names. The main one keeps its own, too, until another replaces it.

    A project without its catalog would be taken for a new one, and its photos for forgotten ones.
    """
    for file, other in zip(sqlite_errors.files(path), sqlite_errors.files(aside)):
        if not file.is_file() or file.is_symlink() or file != path:  # a pipe, a folder, or one that goes with the main
            with suppress(FileNotFoundError):
                file.rename(other)
            continue
        try:
            os.link(file, other)
        except OSError:
            shutil.copyfile(file, other)
