"""The photos in the database of a catalog: one row for each class that a photo is in."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from sys import intern
from typing import Any, Literal

from . import stored_rows
from .database import Database
from .stored_rows import now

ID_IN = "id IN (SELECT value FROM json_each(?))"  # any number of ids in one parameter
ID_NOT_IN = "id NOT IN (SELECT value FROM json_each(?))"

Split = Literal["train", "val", "test", "held_out"]


@dataclass(frozen=True)
class Asset:
    """One photo in one class.

    ``path`` is relative to the project's folder, with ``/``; ``source`` is the file name the person knows; ``size`` is
    in bytes, ``width`` and ``height`` in pixels. ``id`` is 0 until the photo is in a catalog. ``duplicate_group`` is
    the id of the first photo of its group of near-duplicates, None where it has none. ``confirmed``: the person
    checked the label of this photo. ``layout_group`` is the group that the layout of the files shows: photos of one
    person, plant or day, copies of one photo, or the frames of one burst. ``taken`` is the camera's local time, ISO
    8601, None where the file does not state it; ``own_group`` is the group that the person put the photo into.
    ``archive`` is the zip that the photo came in, None for one that came by itself or in a folder.
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
    layout_group: str | None = None
    taken: str | None = None
    own_group: str | None = None
    archive: str | None = None


_COLUMNS = tuple(field.name for field in fields(Asset))
_PATH, _SHA256 = _COLUMNS.index("path"), _COLUMNS.index("sha256")
_SHARED = [_COLUMNS.index(name) for name in ("label", "split", "created", "layout_group", "archive")]
_values = attrgetter(*_COLUMNS)  # of a photo, as a row
_INSERT = f"({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"


class AssetTable:
    """Reads photos from the database of a catalog."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def select(self, where: str, *values: Any, limit: str = "") -> list[Asset]:
        """Return the photos of a condition in SQL with its values, by id."""
        rows = self._db.rows(f"SELECT {', '.join(_COLUMNS)} FROM assets WHERE {where} ORDER BY id {limit}", *values)
        return self.to_assets(rows)

    def to_assets(self, rows: Sequence[Sequence[Any]]) -> list[Asset]:
        """Return rows as photos. Raises ``DataError`` for one that is none, or is outside the project's folder."""
        self._check_photos(rows)
        return list(map(_to_asset, rows))

    def _check_photos(self, rows: Sequence[Sequence[Any]]) -> None:
        if not all(map(stored_rows.is_photo, rows)) or (
            self._db.path is not None and not all(stored_rows.is_inside(row[_PATH], row[_SHA256]) for row in rows)
        ):
            raise self._db.damage()

    def last_id(self) -> int:
        """Return the largest id that a photo has or had."""
        ((last,),) = self._db.rows("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'assets'")
        return int(last)

    def check(self) -> None:
        """Read all photos; raises ``DataError`` where one is none, or is outside the project's folder."""
        self._check_photos(self._db.rows(f"SELECT {', '.join(_COLUMNS)} FROM assets"))


def _to_asset(row: Sequence[Any]) -> Asset:
    """Return a row as a photo; the texts that many photos have in common are in memory once."""
    values = list(row)
    for place in _SHARED:
        if values[place] is not None:
            values[place] = intern(values[place])
    return Asset(*values)


def insert(db: sqlite3.Connection, assets: Iterable[Asset]) -> int:
    """Insert photos under new ids and return how many; one that its class has already is skipped."""
    rows = [(None, *_values(replace(asset, created=asset.created or now()))[1:]) for asset in assets]
    return db.executemany(f"INSERT OR IGNORE INTO assets {_INSERT}", rows).rowcount


def put_back(db: sqlite3.Connection, assets: Iterable[Asset], skipping: bool = False) -> None:
    """Insert photos under the ids that they have; where ``skipping``, not one that its class has already."""
    insert = "INSERT OR IGNORE" if skipping else "INSERT"
    db.executemany(f"{insert} INTO assets {_INSERT}", [_values(asset) for asset in assets])


def delete(db: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Delete the photos with some ids."""
    db.execute(f"DELETE FROM assets WHERE {ID_IN}", (json.dumps(list(ids)),))


def to_row(asset: Asset) -> tuple[Any, ...]:
    """Return a photo as the row that an edit keeps."""
    return tuple(_values(asset))
