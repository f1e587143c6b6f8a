"""The tables of a catalog in SQLite, their versions, and how a file of an older version is upgraded."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import lru_cache

from ..errors import DataError
from ..messages.data import OLD_LEFT_OUT, CatalogCode

VERSION = 8
FILE_NAME = "project.sqlite"
_APPLICATION_ID = 0x50484F54  # “PHOT”: distinguishes a catalog from any other SQLite file

# The English sentences in ``reason`` and ``what`` are used where a later version no longer has the code.
_TABLES = """
CREATE TABLE assets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice: undo restores rows by id
    path TEXT NOT NULL, sha256 TEXT NOT NULL, label TEXT NOT NULL,
    split TEXT NOT NULL CHECK (split IN ('train', 'val', 'test', 'held_out')),
    duplicate_group INTEGER, source TEXT NOT NULL, size INTEGER NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, created TEXT NOT NULL, confirmed INTEGER NOT NULL DEFAULT 0,
    layout_group TEXT, taken TEXT, own_group TEXT, archive TEXT,
    UNIQUE (sha256, label)
);
CREATE INDEX assets_by_class ON assets (split, label);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, name TEXT NOT NULL, mode TEXT NOT NULL,
    report TEXT NOT NULL, seconds REAL NOT NULL DEFAULT 0,
    title TEXT NOT NULL DEFAULT '', details TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE run_assets (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL, label TEXT NOT NULL, split TEXT NOT NULL, predicted TEXT, confidence REAL, doubt REAL,
    PRIMARY KEY (run_id, sha256, label)
);
CREATE TABLE left_out (
    file TEXT NOT NULL, reason TEXT NOT NULL, created TEXT NOT NULL,
    code TEXT NOT NULL DEFAULT 'sentence', arguments TEXT NOT NULL DEFAULT '{}', UNIQUE (file, reason)
);
CREATE TABLE edits (
    id INTEGER PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, what TEXT NOT NULL, before TEXT NOT NULL,
    code TEXT NOT NULL DEFAULT 'sentence', arguments TEXT NOT NULL DEFAULT '{}', added TEXT NOT NULL DEFAULT '[]'
);
CREATE TABLE choices (name TEXT PRIMARY KEY, value TEXT NOT NULL);  -- settings of the project
"""
_NAMES = {"assets", "runs", "run_assets", "left_out", "edits", "choices"}
_ADDED_TABLES = {6: {"choices"}}  # by the version that added them
# Statements that turn a catalog of one version into one of the next.
_UPGRADES = {
    1: ["ALTER TABLE runs ADD COLUMN seconds REAL NOT NULL DEFAULT 0"],
    2: [
        "ALTER TABLE assets ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE run_assets ADD COLUMN predicted TEXT",
        "ALTER TABLE run_assets ADD COLUMN confidence REAL",
        "ALTER TABLE run_assets ADD COLUMN doubt REAL",
    ],
    3: [
        f"ALTER TABLE {table} ADD COLUMN {column}"
        for table in ("left_out", "edits")
        for column in ("code TEXT NOT NULL DEFAULT 'sentence'", "arguments TEXT NOT NULL DEFAULT '{}'")
    ],
    4: ["ALTER TABLE assets ADD COLUMN layout_group TEXT"],
    5: [
        "ALTER TABLE assets ADD COLUMN taken TEXT",
        "ALTER TABLE assets ADD COLUMN own_group TEXT",
        "CREATE TABLE choices (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    ],
    6: [
        "ALTER TABLE assets ADD COLUMN archive TEXT",
        "ALTER TABLE runs ADD COLUMN title TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE runs ADD COLUMN details TEXT NOT NULL DEFAULT '{}'",
    ],
    7: ["ALTER TABLE edits ADD COLUMN added TEXT NOT NULL DEFAULT '[]'"],
}


def is_current(db: sqlite3.Connection) -> bool:
    """Return whether a file is a catalog of this version; raises ``DataError`` where its tables are others.

    It is only read, so that nobody who writes is waited for.
    """
    if (_pragma(db, "user_version"), _pragma(db, "application_id")) != (VERSION, _APPLICATION_ID):
        return False
    _check(db, VERSION)
    _check_columns(db)
    return True


def create_or_upgrade(db: sqlite3.Connection) -> None:
    """Create the tables in an empty file, or bring those of an older version up to date.

    Runs in the transaction of the caller. Raises ``DataError`` where the file belongs to another program or was
    made by a newer version of this one.
    """
    version, application = (_pragma(db, name) for name in ("user_version", "application_id"))
    if version == 0 and not db.execute("SELECT 1 FROM sqlite_master").fetchone():
        for statement in filter(str.strip, _TABLES.split(";\n")):
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    elif application != _APPLICATION_ID:
        raise DataError(CatalogCode.CATALOG_FOREIGN, name=FILE_NAME)
    elif not 1 <= version <= VERSION:
        raise DataError(CatalogCode.CATALOG_OTHER_VERSION, found=version, expected=VERSION)
    else:
        _check(db, version)
        _upgrade(db, version)
        _check_columns(db)
    if version != VERSION:
        db.execute(f"PRAGMA user_version = {VERSION}")


def _check(db: sqlite3.Connection, version: int) -> None:
    """Raise ``DataError`` where the file holds what no version made: views and triggers run statements of their own."""
    found = db.execute("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'").fetchall()
    tables = {name for kind, name in found if kind == "table"}
    later = set().union(*(names for number, names in _ADDED_TABLES.items() if number > version))
    if tables != _NAMES - later or any(kind not in ("table", "index") for kind, _ in found):
        raise DataError(CatalogCode.CATALOG_DAMAGED)


def _check_columns(db: sqlite3.Connection) -> None:
    for name in _NAMES:
        found = {row[1] for row in db.execute(f"PRAGMA table_info({name})")}
        if not _columns()[name] <= found:
            raise DataError(CatalogCode.CATALOG_DAMAGED)


@lru_cache(maxsize=1)
def _columns() -> dict[str, set[str]]:
    """The columns of each table, as SQLite reads the statements that make them."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(_TABLES)
        return {name: {row[1] for row in db.execute(f"PRAGMA table_info({name})")} for name in _NAMES}


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])


def _upgrade(db: sqlite3.Connection, version: int) -> None:
    for older in range(version, VERSION):
        for statement in _UPGRADES[older]:
            db.execute(statement)
    if version < 4:
        _add_codes(db)


def _add_codes(db: sqlite3.Connection) -> None:
    """Give the left-out files of version 3 the codes by which the program decides; the others keep a sentence."""
    db.execute("UPDATE edits SET arguments = json_object('text', what)")
    db.execute("UPDATE left_out SET arguments = json_object('text', reason)")
    for code, argument, start, end in OLD_LEFT_OUT:
        db.execute(
            "UPDATE left_out SET code = ?1, arguments = json_object(?2, substr(reason, ?3, length(reason) - ?4)) "
            "WHERE substr(reason, 1, ?3 - 1) = ?5 AND substr(reason, -?6) = ?7",
            (code.id, argument, len(start) + 1, len(start) + len(end), start, len(end), end),
        )
