"""The memory of one project, in SQLite: photos with class and split, runs, left-out files, edits."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields, replace
from datetime import datetime, timezone
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from ..errors import DataError, StorageError
from .labels import natural_key

VERSION = 3
_APPLICATION = 0x50484F54  # “PHOT”: tells a catalogue from any other SQLite file
_UNDO_STEPS = 50

_SCHEMA = """
CREATE TABLE assets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice: undo brings back rows by id
    path TEXT NOT NULL, sha256 TEXT NOT NULL, label TEXT NOT NULL,
    split TEXT NOT NULL CHECK (split IN ('train', 'val', 'test', 'held_out')),
    duplicate_group INTEGER, source TEXT NOT NULL, size INTEGER NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, created TEXT NOT NULL, confirmed INTEGER NOT NULL DEFAULT 0,
    UNIQUE (sha256, label)
);
CREATE INDEX assets_by_class ON assets (split, label);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, name TEXT NOT NULL, mode TEXT NOT NULL,
    report TEXT NOT NULL, seconds REAL NOT NULL DEFAULT 0
);
CREATE TABLE run_assets (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL, label TEXT NOT NULL, split TEXT NOT NULL, predicted TEXT, confidence REAL, doubt REAL,
    PRIMARY KEY (run_id, sha256, label)
);
CREATE TABLE left_out (
    file TEXT NOT NULL, reason TEXT NOT NULL, created TEXT NOT NULL, UNIQUE (file, reason)
);
CREATE TABLE edits (
    id INTEGER PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, what TEXT NOT NULL, before TEXT NOT NULL
);
"""
# What makes the catalogue of one version into that of the next.
_UPGRADES = {
    1: ["ALTER TABLE runs ADD COLUMN seconds REAL NOT NULL DEFAULT 0"],
    2: [
        "ALTER TABLE assets ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE run_assets ADD COLUMN predicted TEXT",
        "ALTER TABLE run_assets ADD COLUMN confidence REAL",
        "ALTER TABLE run_assets ADD COLUMN doubt REAL",
    ],
}
_PICKED = "id IN (SELECT value FROM json_each(?))"  # any number of ids in one parameter


@dataclass(frozen=True)
class Asset:
    """One photo in one class; ``path`` is relative with ``/``, ``size`` in bytes, width and height in pixels.

    ``source`` is the name the person knows the file under. ``id`` is 0 until the photo is in a catalogue.
    ``confirmed``: the person looked at this very photo and said that it belongs to its class.
    """

    id: int
    path: str
    sha256: str
    label: str
    split: str
    duplicate_group: int | None
    source: str
    size: int
    width: int
    height: int
    created: str
    confirmed: bool = False


@dataclass(frozen=True)
class Run:
    """One training: when, under which name and mode, its report as it was recorded, and the seconds it took.

    ``seconds`` is 0 for a run of the time before it was kept.
    """

    id: int
    created: str
    name: str
    mode: str
    report: dict[str, Any]
    seconds: float


class RunAsset(NamedTuple):
    """A photo of a run as it was then, and what a model said of it that had not seen it.

    ``split`` is ``held_out`` where deep training kept a training photo back to judge by. ``confidence`` is that
    of the class ``predicted``, ``doubt`` the probability that ``label`` is wrong; None where nobody asked.
    """

    sha256: str
    label: str
    split: str
    predicted: str | None = None
    confidence: float | None = None
    doubt: float | None = None


class Changes(NamedTuple):
    """SHA-256 of the photos that came, went or changed class since a run; all empty if nothing did."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    relabeled: tuple[str, ...]


_COLUMNS = tuple(field.name for field in fields(Asset))
_INSERT = f"({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"


def now() -> str:
    """This moment in UTC, ISO 8601 to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


class Catalog:
    """Opens or makes the catalogue at ``path``; None keeps it in memory. Safe to use from several threads.

    Raises ``DataError`` when the file is no catalogue or was made by a newer version of this program,
    ``StorageError`` when it cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.RLock()
        try:
            self._db = sqlite3.connect(path or ":memory:", timeout=10, check_same_thread=False)
        except sqlite3.OperationalError as error:
            raise StorageError(f"The project's list of photos cannot be opened at “{path}”.") from error
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> Catalog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; may be called twice."""
        with self._lock:
            self._db.close()

    # -- photos

    def add(self, assets: Iterable[Asset]) -> int:
        """Takes photos in, whatever their ``id``, and gives how many; one already in its class is skipped."""
        rows = [(None, *astuple(replace(asset, created=asset.created or now()))[1:]) for asset in assets]
        with self._writing() as db:
            return db.executemany(f"INSERT OR IGNORE INTO assets {_INSERT}", rows).rowcount

    def assets(self, label: str | None = None, split: str | None = None) -> list[Asset]:
        """The photos, of one class or split if given, in natural order of class, then as they came."""
        where = "(?1 IS NULL OR label = ?1) AND (?2 IS NULL OR split = ?2)"
        return sorted(self._select(where, label, split), key=lambda asset: (natural_key(asset.label), asset.id))

    def asset(self, id: int) -> Asset:
        """One photo; ``DataError`` when it is gone."""
        found = self._select("id = ?", id)
        if not found:
            raise DataError("This photo is no longer in the project; reload the page.")
        return found[0]

    def labels(self) -> list[str]:
        """The classes in natural order."""
        return sorted((row[0] for row in self._rows("SELECT DISTINCT label FROM assets")), key=natural_key)

    def balance(self) -> dict[str, dict[str, int]]:
        """How many photos each split holds of each class: ``{split: {label: n}}``."""
        rows = self._rows("SELECT split, label, COUNT(*) FROM assets GROUP BY split, label ORDER BY split, label")
        return {
            split: {label: count for _, label, count in group} for split, group in groupby(rows, key=lambda row: row[0])
        }

    def conflicts(self) -> list[list[Asset]]:
        """Photos that lie in several classes at once, one group per content."""
        twice = "sha256 IN (SELECT sha256 FROM assets GROUP BY sha256 HAVING COUNT(*) > 1)"
        found = sorted(self._select(twice), key=lambda asset: (asset.sha256, asset.id))
        return [list(group) for _, group in groupby(found, key=lambda asset: asset.sha256)]

    def set_split(self, ids: Iterable[int], split: str) -> None:
        """Puts photos into ``train``, ``val``, ``test`` or ``held_out``."""
        with self._writing() as db:
            db.execute(f"UPDATE assets SET split = ? WHERE {_PICKED}", (split, json.dumps(list(ids))))

    def set_group(self, groups: Mapping[int, int | None]) -> None:
        """Writes down which photos look alike: id -> number of the group, or None."""
        with self._writing() as db:
            db.executemany(
                "UPDATE assets SET duplicate_group = ? WHERE id = ?",
                [(group, id) for id, group in groups.items()],
            )

    # -- edits, each of which can be undone

    def relabel(self, ids: Iterable[int], label: str) -> None:
        """Moves photos to a class; one that is there already is not doubled. Whoever moves a photo has looked at it."""
        with self._writing() as db:
            before = self._select(f"{_PICKED} AND label <> ?", json.dumps(list(ids)), label)
            self._remember(db, f"moving {_photos(len(before))} to “{label}”", before)
            self._move(db, before, label)
            _set_confirmed(db, before)

    def confirm(self, ids: Iterable[int]) -> None:
        """Notes that photos belong where they are; the same photos in other classes are taken out."""
        with self._writing() as db:
            right = self._select(_PICKED, json.dumps(list(ids)))
            contents, kept = json.dumps([asset.sha256 for asset in right]), {asset.id for asset in right}
            alike = self._select("sha256 IN (SELECT value FROM json_each(?))", contents)
            self._remember(db, f"calling {_photos(len(right))} right", alike)
            _delete(db, [asset for asset in alike if asset.id not in kept])
            _set_confirmed(db, right)

    def rename(self, old: str, new: str) -> None:
        """Renames a class, or merges it into ``new`` if that exists."""
        with self._writing() as db:
            before = self._select("label = ? AND label <> ?", old, new)
            self._remember(db, f"renaming “{old}” to “{new}”", before)
            self._move(db, before, new)

    def remove(self, ids: Iterable[int]) -> None:
        """Takes photos out of the catalogue."""
        with self._writing() as db:
            before = self._select(_PICKED, json.dumps(list(ids)))
            self._remember(db, f"removing {_photos(len(before))}", before)
            _delete(db, before)

    def discard(self, ids: Iterable[int]) -> None:
        """Takes photos out for good, with no way back by ``undo``: they turned out to be unusable."""
        with self._writing() as db:
            db.execute(f"DELETE FROM assets WHERE {_PICKED}", (json.dumps(list(ids)),))

    def undo(self) -> str | None:
        """Takes back the last edit and says in words what it was; None when there is nothing to take back."""
        with self._writing() as db:
            edit = db.execute("SELECT id, what, before FROM edits ORDER BY id DESC LIMIT 1").fetchone()
            if edit is None:
                return None
            before = [Asset(*row) for row in json.loads(edit[2])]
            _delete(db, before)
            db.executemany(f"INSERT OR IGNORE INTO assets {_INSERT}", [astuple(asset) for asset in before])
            db.execute("DELETE FROM edits WHERE id = ?", edit[:1])
            return str(edit[1])

    # -- files that were left out

    def left_out(self) -> list[tuple[str, str]]:
        """(file, reason), in the order they came."""
        return self._rows("SELECT file, reason FROM left_out ORDER BY rowid")

    def note_left_out(self, files: Iterable[tuple[str, str]]) -> None:
        """Adds (file, reason) pairs to the list; one that is there already is not doubled."""
        with self._writing() as db:
            rows = [(file, reason, now()) for file, reason in files]
            db.executemany("INSERT OR IGNORE INTO left_out VALUES (?, ?, ?)", rows)

    def clear_left_out(self, files: Iterable[str] | None = None) -> None:
        """Forgets the list, or only what it says of ``files``."""
        with self._writing() as db:
            if files is None:
                db.execute("DELETE FROM left_out")
            else:
                db.executemany("DELETE FROM left_out WHERE file = ?", [(file,) for file in files])

    # -- runs

    def record_run(
        self, name: str, mode: str, report: Mapping[str, Any], assets: Iterable[RunAsset], seconds: float = 0.0
    ) -> int:
        """Keeps a training's report, its photos with the answers, and the seconds it took; gives the run's id."""
        with self._writing() as db:
            row = (now(), name, mode, json.dumps(dict(report)), seconds)
            run = db.execute(
                "INSERT INTO runs (created, name, mode, report, seconds) VALUES (?, ?, ?, ?, ?)", row
            ).lastrowid
            db.executemany(
                "INSERT OR IGNORE INTO run_assets VALUES (?, ?, ?, ?, ?, ?, ?)", [(run, *asset) for asset in assets]
            )
            return int(run or 0)

    def runs(self) -> list[Run]:
        """All runs, newest first."""
        rows = self._rows("SELECT id, created, name, mode, report, seconds FROM runs ORDER BY id DESC")
        return [
            Run(id, created, name, mode, json.loads(report), took) for id, created, name, mode, report, took in rows
        ]

    def run_assets(self, run_id: int) -> list[RunAsset]:
        """The photos of a run: those it learnt from, and those set apart that it was judged on."""
        columns = ", ".join(RunAsset._fields)
        rows = self._rows(f"SELECT {columns} FROM run_assets WHERE run_id = ? ORDER BY rowid", run_id)
        return [RunAsset(*row) for row in rows]

    def evaluated_assets(self, run_id: int) -> list[RunAsset]:
        """The photos whose answers are the score of a run: held out in turn, or set apart."""
        report = json.loads(self._rows("SELECT report FROM runs WHERE id = ?", run_id)[0][0])
        known = set(report["labels"])  # photos set apart may be of classes that the model does not have
        assets = [asset for asset in self.run_assets(run_id) if asset.label in known]
        if report["judged_on"] != "out_of_fold":
            return [asset for asset in assets if asset.split == report["judged_on"]]
        held_out = [asset for asset in assets if asset.split == "held_out"]
        return held_out or [asset for asset in assets if asset.split == "train"]

    def changed_since(self, run_id: int, until: int | None = None) -> Changes:
        """Which photos came, went or changed class since a run, until today or until another run.

        Photos set apart for a test count only where the run has such on its list.
        """
        before = self.run_assets(run_id)
        splits = {asset.split for asset in before}
        splits |= {"train", "held_out"} if splits & {"train", "held_out"} else set()
        later: Iterable[Asset | RunAsset] = self.assets() if until is None else self.run_assets(until)
        then, today = _labels_of(before), _labels_of(asset for asset in later if asset.split in splits)
        return Changes(
            added=tuple(sorted(today.keys() - then.keys())),
            removed=tuple(sorted(then.keys() - today.keys())),
            relabeled=tuple(sorted(sha for sha in then.keys() & today.keys() if then[sha] != today[sha])),
        )

    def delete_run(self, name: str) -> None:
        """Forgets the runs of that name."""
        with self._writing() as db:
            db.execute("DELETE FROM runs WHERE name = ?", (name,))

    # -- inside

    def _prepare(self) -> None:
        try:
            self._db.execute("PRAGMA busy_timeout = 10000")
            self._db.execute("PRAGMA foreign_keys = ON")
            with self._lock, self._db:
                self._db.execute("BEGIN IMMEDIATE")  # two windows may open a new project at once
                self._check_or_make()
            self._db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            raise _storage_error(error) from error
        except sqlite3.DatabaseError as error:
            raise DataError("The project's list of photos is damaged or no such list; open a saved copy.") from error

    def _check_or_make(self) -> None:
        version, application = (
            self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id")
        )
        if version == 0 and not self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
            for statement in filter(str.strip, _SCHEMA.split(";\n")):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {VERSION}")
            self._db.execute(f"PRAGMA application_id = {_APPLICATION}")
        elif application != _APPLICATION:
            raise DataError("The file “project.sqlite” belongs to another program; choose another folder.")
        elif version in _UPGRADES:
            for older in range(version, VERSION):
                for statement in _UPGRADES[older]:
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {VERSION}")
        elif version != VERSION:
            raise DataError(
                f"The project was made by another version of this program (list {version}, this one reads "
                f"{VERSION}); open it with that version."
            )

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def _select(self, where: str, *values: Any) -> list[Asset]:
        rows = self._rows(f"SELECT {', '.join(_COLUMNS)} FROM assets WHERE {where} ORDER BY id", *values)
        return [Asset(*row) for row in rows]

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing."""
        try:
            with self._lock, self._db:
                yield self._db
        except sqlite3.OperationalError as error:
            raise _storage_error(error) from error

    def _remember(self, db: sqlite3.Connection, what: str, before: list[Asset]) -> None:
        if before:
            rows = json.dumps([astuple(asset) for asset in before])
            db.execute("INSERT INTO edits (created, what, before) VALUES (?, ?, ?)", (now(), what, rows))
            db.execute("DELETE FROM edits WHERE id <= (SELECT MAX(id) FROM edits) - ?", (_UNDO_STEPS,))

    def _move(self, db: sqlite3.Connection, assets: list[Asset], label: str) -> None:
        ids = json.dumps([asset.id for asset in assets])
        db.execute(f"UPDATE OR IGNORE assets SET label = ? WHERE {_PICKED}", (label, ids))
        # What could not move was there already.
        db.execute(f"DELETE FROM assets WHERE {_PICKED} AND label <> ?", (ids, label))


def _delete(db: sqlite3.Connection, assets: list[Asset]) -> None:
    db.execute(f"DELETE FROM assets WHERE {_PICKED}", (json.dumps([asset.id for asset in assets]),))


def _set_confirmed(db: sqlite3.Connection, assets: list[Asset]) -> None:
    db.execute(f"UPDATE assets SET confirmed = 1 WHERE {_PICKED}", (json.dumps([asset.id for asset in assets]),))


def _labels_of(assets: Iterable[Asset | RunAsset]) -> dict[str, set[str]]:
    labels: dict[str, set[str]] = {}
    for asset in assets:
        labels.setdefault(asset.sha256, set()).add(asset.label)
    return labels


def _photos(count: int) -> str:
    return "1 photo" if count == 1 else f"{count} photos"


def _storage_error(error: sqlite3.OperationalError) -> StorageError:
    if "full" in str(error):
        return StorageError("The disk is full: nothing more can be saved; free some space and try again.")
    return StorageError(f"The project's list of photos cannot be written ({error}); try again.")
