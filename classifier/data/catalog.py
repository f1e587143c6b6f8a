"""The catalog of one project: photos with class and split, edits, left-out files, training runs and settings."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from sys import intern
from types import TracebackType
from typing import Any, Literal, NamedTuple, get_args

from ..errors import DataError
from ..messages import Code, Message, message
from ..messages.data import CatalogCode, EditCode, arguments_to_json
from . import stored_rows
from .database import Database
from .intake import LeftOut
from .labels import natural_key
from .run_history import RunHistory
from .stored_rows import now

_UNDO_STEPS = 50
_REMOVED, _HASH, _MOST_REMOVED = "removed", 64, 15_000  # a setting of SHA-256 one after another, and how many
_ID_IN = "id IN (SELECT value FROM json_each(?))"  # any number of ids in one parameter
_ID_NOT_IN = "id NOT IN (SELECT value FROM json_each(?))"


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


class Edit(NamedTuple):
    """A change that can be undone: when, what it was, the rows as they were before, and the ids of those it added."""

    created: str
    message: Message
    before: tuple[Asset, ...] = ()
    added: tuple[int, ...] = ()


class Undone(NamedTuple):
    """An edit that was undone, and the photos that are gone since it had added them."""

    message: Message
    gone: list[Asset]


_EDITED = """SELECT CASE row.type WHEN 'array' THEN json_extract(row.value, '$[2]') END AS sha256
FROM edits, json_each(CASE WHEN json_valid(before) THEN before ELSE '[]' END) AS row"""
_TWICE = "SELECT sha256 FROM assets GROUP BY sha256 HAVING COUNT(*) > 1"
_COLUMNS = tuple(field.name for field in fields(Asset))
_PATH, _SHA256 = _COLUMNS.index("path"), _COLUMNS.index("sha256")
_SHARED = [_COLUMNS.index(name) for name in ("label", "split", "created", "layout_group", "archive")]
_values = attrgetter(*_COLUMNS)  # of a photo, as a row
_INSERT = f"({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"


def _to_asset(row: Sequence[Any]) -> Asset:
    """Return a row as a photo; the texts that many photos have in common are in memory once."""
    values = list(row)
    for place in _SHARED:
        if values[place] is not None:
            values[place] = intern(values[place])
    return Asset(*values)


class Catalog:
    """Opens or creates the catalog at ``path``; None keeps it in memory. Safe to use from several threads.

    ``runs`` are its trainings.

    Raises ``DataError`` when the file is no catalog or was made by a newer version of this program,
    ``StorageError`` when it cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._db = Database(path)
        self.runs = RunHistory(self._db)

    @property
    def is_damaged(self) -> bool:
        """Whether something was found that cannot be read, see ``catalog_repair``."""
        return self._db.is_damaged

    def __enter__(self) -> Catalog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._db.close()

    def version(self) -> int:
        """Return a number that differs after another window or thread, with a catalog of its own, changed the file."""
        ((number,),) = self._db.rows("PRAGMA data_version")
        return int(number)

    def check(self) -> None:
        """Read all of the file; raises ``DataError`` where it is damaged."""
        if self._db.rows("PRAGMA quick_check(1)") != [("ok",)]:
            raise self._db.damage()
        self._check_photos(self._db.rows(f"SELECT {', '.join(_COLUMNS)} FROM assets"))
        self.balance()

    # photos

    def add(self, assets: Iterable[Asset]) -> int:
        """Insert photos under new ids and return how many; one that its class has already is skipped."""
        with self._db.write() as db:
            return _insert(db, assets)

    def assets(self, label: str | None = None, split: str | None = None) -> list[Asset]:
        """Return the photos, of one class or split if given, by class in natural order, then by id."""
        given = {name: value for name, value in (("split", split), ("label", label)) if value is not None}
        where = " AND ".join(f"{name} = ?" for name in given) or "TRUE"
        return _in_order(self._select(where, *given.values()))

    def page(self, label: str, split: str, first: int, count: int) -> list[Asset]:
        """Return ``count`` photos of a class and split from the place ``first`` on, in the order of ``assets``."""
        return self._select("split = ? AND label = ?", split, label, count, first, limit="LIMIT ? OFFSET ?")

    def with_ids(self, ids: Iterable[int]) -> list[Asset]:
        """Return the photos with some ids, by id; those that are no longer there are left out."""
        return self._select(_ID_IN, json.dumps(list(ids)))

    def contents(self) -> list[tuple[str, str, str]]:
        """Return SHA-256, class and split of each photo, in the order of ``assets``, in a tenth of its memory."""
        rows = self._db.texts("SELECT sha256, label, split FROM assets ORDER BY id", 3)
        return sorted(rows, key=lambda row: natural_key(row[1]))

    def asset(self, id: int) -> Asset:
        """Return one photo; raises ``DataError`` where it is no longer there."""
        found = self._select("id = ?", id)
        if not found:
            raise DataError(CatalogCode.PHOTO_GONE)
        return found[0]

    def with_contents(self, hashes: Iterable[str], but: Iterable[int] = ()) -> list[Asset]:
        """Return the photos of some SHA-256, without those with the ids ``but``, in the order of ``assets``."""
        where = f"sha256 IN (SELECT value FROM json_each(?)) AND {_ID_NOT_IN}"
        return _in_order(self._select(where, json.dumps(list(hashes)), json.dumps(list(but))))

    def count(self, but: Iterable[int] = ()) -> int:
        """Return the number of photos, without those with the ids ``but``."""
        ((count,),) = self._db.rows(f"SELECT COUNT(*) FROM assets WHERE {_ID_NOT_IN}", json.dumps(list(but)))
        return int(count)

    def count_bytes(self, but: Iterable[int] = ()) -> int:
        """Return the size of the photos' files, of which one in several classes has one."""
        sizes = f"SELECT MAX(size) AS size FROM assets WHERE {_ID_NOT_IN} GROUP BY sha256"
        ((total,),) = self._db.rows(f"SELECT COALESCE(SUM(size), 0) FROM ({sizes})", json.dumps(list(but)))
        return int(total)

    def last_id(self) -> int:
        """Return the largest id that a photo has or had."""
        ((last,),) = self._db.rows("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'assets'")
        return int(last)

    def sources_after(self, id: int) -> dict[int, str]:
        """Return the file names, by id, of the photos that were added after the one with an id."""
        return {int(id): str(source) for id, source in self._db.rows("SELECT id, source FROM assets WHERE id > ?", id)}

    def labels(self, but: Iterable[int] = ()) -> list[str]:
        """Return the classes in natural order, without those of nothing but photos with the ids ``but``."""
        rows = self._db.texts(f"SELECT DISTINCT label FROM assets WHERE {_ID_NOT_IN}", 1, json.dumps(list(but)))
        return sorted((label for (label,) in rows), key=natural_key)

    def balance(self) -> dict[str, dict[str, int]]:
        """Return the number of photos per split and class, ``{split: {label: n}}``, both in alphabetical order."""
        query = "SELECT split, label, COUNT(*) FROM assets GROUP BY split, label ORDER BY split, label"
        rows = self._db.texts(query, 2)
        return {
            split: {label: count for _, label, count in group} for split, group in groupby(rows, key=lambda row: row[0])
        }

    def conflicts(self, most: int | None = None) -> list[list[Asset]]:
        """Return the photos that are in several classes, one group per content; at most so many groups if given."""
        twice = f"sha256 IN ({_TWICE} ORDER BY sha256 LIMIT ?)"
        found = sorted(self._select(twice, -1 if most is None else most), key=lambda asset: (asset.sha256, asset.id))
        return [list(group) for _, group in groupby(found, key=lambda asset: asset.sha256)]

    def count_conflicts(self) -> int:
        """Return the number of photos that are in several classes."""
        ((count,),) = self._db.rows(f"SELECT COUNT(*) FROM ({_TWICE})")
        return int(count)

    def foreign_changes(self) -> int:
        """Return a number that changes whenever another connection wrote to the catalog: another event of the page."""
        return int(self._db.rows("PRAGMA data_version")[0][0])

    def divided_groups(self) -> tuple[int, int]:
        """Return the number of layout groups in more than one of training, validation and test, and that of all."""
        splits = "COUNT(DISTINCT CASE split WHEN 'held_out' THEN 'train' ELSE split END)"
        groups = f"SELECT {splits} AS n FROM assets WHERE layout_group IS NOT NULL GROUP BY layout_group"
        ((divided, total),) = self._db.rows(f"SELECT COALESCE(SUM(n > 1), 0), COUNT(*) FROM ({groups})")
        return int(divided), int(total)

    def set_group(self, groups: Mapping[int, int | None]) -> None:
        """Store the group of near-duplicates of photos, id -> group or None."""
        with self._db.write() as db:
            db.executemany(
                "UPDATE assets SET duplicate_group = ? WHERE id = ?",
                [(group, id) for id, group in groups.items()],
            )

    # Edits, each of which can be undone. They return the photos of those that no longer can.

    def add_as_edit(self, assets: Iterable[Asset], replacing: Iterable[int] = ()) -> list[Asset]:
        """Insert photos under new ids; one that its class has already is skipped.

        Those with the ids ``replacing`` are removed with all edits of them, as if they had never been added; ``undo``
        does not restore them.
        """
        with self._db.write() as db:
            _retract(db, set(replacing))
            last = self.last_id()
            _insert(db, assets)
            added = db.execute("SELECT id, label FROM assets WHERE id > ? ORDER BY id", (last,)).fetchall()
            labels = {label for _, label in added}
            said = message(EditCode.ADDED, count=len(added))
            if len(labels) == 1:
                said = message(EditCode.ADDED_TO, count=len(added), label=labels.pop())
            return _store_edit(db, said, [], [id for id, _ in added])

    def relabel(self, ids: Iterable[int], label: str) -> list[Asset]:
        """Move photos to a class and mark them as confirmed; one that is there already is not doubled."""
        with self._db.write() as db:
            before = self._select(f"{_ID_IN} AND label <> ?", json.dumps(list(ids)), label)
            dropped = _store_edit(db, message(EditCode.MOVED, count=len(before), label=label), before)
            _set_label(db, before, label)
            _set_confirmed(db, before)
        return dropped

    def confirm(self, ids: Iterable[int]) -> list[Asset]:
        """Mark photos as correctly labeled; the same photos in other classes are removed."""
        with self._db.write() as db:
            confirmed = self._select(_ID_IN, json.dumps(list(ids)))
            contents = json.dumps([asset.sha256 for asset in confirmed])
            before = self._select("sha256 IN (SELECT value FROM json_each(?))", contents)
            dropped = _store_edit(db, message(EditCode.CONFIRMED, count=len(confirmed)), before)
            confirmed_ids = {asset.id for asset in confirmed}
            _delete(db, [asset for asset in before if asset.id not in confirmed_ids])
            _set_confirmed(db, confirmed)
        return dropped

    def rename(self, old: str, new: str) -> list[Asset]:
        """Rename a class, or merge it into ``new`` if that exists."""
        with self._db.write() as db:
            before = self._select("label = ? AND label <> ?", old, new)
            dropped = _store_edit(db, message(EditCode.RENAMED, old=old, new=new), before)
            _set_label(db, before, new)
        return dropped

    def set_split(self, ids: Iterable[int], split: Split) -> list[Asset]:
        """Assign photos to ``train``, ``val``, ``test`` or ``held_out``; ``DataError`` for anything else."""
        if split not in get_args(Split):
            raise DataError(CatalogCode.UNKNOWN_SPLIT, split=split)
        with self._db.write() as db:
            before = self._select(f"{_ID_IN} AND split <> ?", json.dumps(list(ids)), split)
            dropped = _store_edit(db, message(EditCode[f"TO_{split.upper()}"], count=len(before)), before)
            rows = [(split, asset.id) for asset in before]
            db.executemany("UPDATE assets SET split = ? WHERE id = ?", rows)
        return dropped

    def remove(self, ids: Iterable[int]) -> list[Asset]:
        """Remove photos from the catalog."""
        with self._db.write() as db:
            before = self._select(_ID_IN, json.dumps(list(ids)))
            dropped = _store_edit(db, message(EditCode.REMOVED, count=len(before)), before)
            _delete(db, before)
            _note_removed(db, before)
        return dropped

    def removed(self) -> set[str]:
        """Return the SHA-256 of the photos that a person removed and that are not here again, the newest 15,000."""
        hashes = self.choice(_REMOVED) or ""
        found = {hashes[start : start + _HASH] for start in range(0, len(hashes), _HASH)}
        return self._not_here(found)

    def join(self, ids: Iterable[int]) -> list[Asset]:
        """Put photos into one group of their own, out of those that they were in."""
        return self._regroup(ids, EditCode.JOINED, together=True)

    def part(self, ids: Iterable[int]) -> list[Asset]:
        """Put each of the photos into a group of its own."""
        return self._regroup(ids, EditCode.PARTED, together=False)

    def is_regrouped_since(self, time: str) -> bool:
        """Return whether photos were joined or parted since a time (ISO 8601, UTC), and that was not undone."""
        codes = EditCode.JOINED.id, EditCode.PARTED.id
        return bool(self._db.rows("SELECT 1 FROM edits WHERE created >= ? AND code IN (?, ?) LIMIT 1", time, *codes))

    def discard(self, ids: Iterable[int]) -> None:
        """Remove photos that turned out to be unusable; ``undo`` does not restore them."""
        with self._db.write() as db:
            db.execute(f"DELETE FROM assets WHERE {_ID_IN}", (json.dumps(list(ids)),))

    @contextmanager
    def as_one_edit(self) -> Iterator[None]:
        """Make one edit of those inside, which is called as the first of them and undone as a whole.

        They stay apart where another window wrote meanwhile.
        """
        ((last,),) = self._db.rows("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'edits'")
        version = self.foreign_changes()
        yield
        with self._db.write() as db:
            edits = db.execute("SELECT id, before, added FROM edits WHERE id > ? ORDER BY id", (last,)).fetchall()
            if len(edits) < 2 or self.foreign_changes() != version:
                return
            added = set().union(*(stored_rows.added_ids(ids) for _, _, ids in edits))
            rows: dict[int, list[Any]] = {}
            for row in (row for _, before, _ in edits for row in stored_rows.edited_rows(before)):
                if row[0] not in added:
                    rows.setdefault(row[0], row)
            first, *others = (id for id, _, _ in edits)
            values = (json.dumps(list(rows.values())), json.dumps(sorted(added)), first)
            db.execute("UPDATE edits SET before = ?, added = ? WHERE id = ?", values)
            db.execute(f"DELETE FROM edits WHERE {_ID_IN}", (json.dumps(others),))

    @contextmanager
    def unneeded(self, hashes: Iterable[str]) -> Iterator[set[str]]:
        """Give those of some SHA-256 whose photos are not there and that ``undo`` cannot restore.

        None of them is added meanwhile. Where all are needed, nobody who writes is waited for.
        """
        suspects = self._not_needed(hashes)
        if not suspects:
            yield suspects
            return
        with self._db.write() as db:
            db.execute("BEGIN IMMEDIATE")
            yield self._not_needed(suspects)

    def last_edit(self) -> Message | None:
        """Return what ``undo`` would take back, or None where there is nothing."""
        rows = self._db.rows("SELECT code, arguments, what FROM edits ORDER BY id DESC LIMIT 1")
        return stored_rows.restore_message(*rows[0]) if rows else None

    def undo(self) -> Undone | None:
        """Undo the last edit and return what it was, or None where there is none."""
        with self._db.write() as db:
            query = "SELECT id, before, added, code, arguments, what FROM edits ORDER BY id DESC LIMIT 1"
            edit = db.execute(query).fetchone()
            if edit is None:
                return None
            id, before_json, added, code, arguments, text = edit
            before = self._to_assets(stored_rows.edited_rows(before_json))
            gone = self._select(_ID_IN, json.dumps(sorted(stored_rows.added_ids(added))))
            _delete(db, [*before, *gone])
            db.executemany(f"INSERT OR IGNORE INTO assets {_INSERT}", [_values(asset) for asset in before])
            db.execute("DELETE FROM edits WHERE id = ?", (id,))
            return Undone(stored_rows.restore_message(code, arguments, text), gone)

    def edits(self) -> list[Edit]:
        """Return the changes that can be undone, the oldest first; damaged ones are not among them."""
        rows = self._db.rows("SELECT created, code, arguments, what, before, added FROM edits ORDER BY id")
        found = []
        for created, code, arguments, text, before, added in rows:
            with suppress(DataError):
                photos = tuple(self._to_assets(stored_rows.edited_rows(before)))
                said = stored_rows.restore_message(code, arguments, text)
                found.append(Edit(str(created), said, photos, tuple(sorted(stored_rows.added_ids(added)))))
        return [edit for edit in found if edit.before or edit.added]

    def restore(self, photos: Iterable[Asset], edits: Iterable[Edit]) -> None:
        """Fill an empty catalog with photos under the ids that they have, and with changes that can be undone."""
        edits = list(edits)
        changed = [photo for edit in edits for photo in edit.before]
        with self._db.write() as db:
            if changed:  # no later photo may get an id that undo restores
                last = max(changed, key=lambda photo: photo.id)
                db.execute(f"INSERT INTO assets {_INSERT}", _values(last))
                db.execute("DELETE FROM assets")
            db.executemany(f"INSERT INTO assets {_INSERT}", [_values(photo) for photo in photos])
            for edit in edits:
                _insert_edit(db, edit)

    # files that were left out

    def left_out(self) -> list[LeftOut]:
        """Return the left-out files with their reasons, in the order they were noted."""
        return self._left_out("")

    def left_out_by_code(self, most: int) -> list[tuple[int, list[LeftOut]]]:
        """Return how many files were left out for each reason, and the first ``most`` of them; most files first."""
        counts = self._db.rows("SELECT code, COUNT(*) FROM left_out GROUP BY code ORDER BY COUNT(*) DESC, code")
        found = [(int(count), self._left_out("WHERE code = ?", code, most, limit="LIMIT ?")) for code, count in counts]
        return [one for one in found if one[1]]

    def note_left_out(self, files: Iterable[LeftOut]) -> None:
        """Add left-out files; one that is listed with the same reason already is not doubled."""
        rows = [(left.file, str(left.message), now(), left.code.id, arguments_to_json(left.message)) for left in files]
        with self._db.write() as db:
            db.executemany(
                "INSERT OR IGNORE INTO left_out (file, reason, created, code, arguments) VALUES (?, ?, ?, ?, ?)", rows
            )

    def clear_left_out(self, files: Iterable[str] | None = None, code: Code | None = None) -> None:
        """Delete the entries of left-out files: all, or only those of ``files`` and those with ``code`` if given."""
        with self._db.write() as db:
            where, values = "TRUE", []
            if files is not None:
                where, values = "file IN (SELECT value FROM json_each(?))", [json.dumps(list(files))]
            if code is not None:
                where, values = f"{where} AND code = ?", [*values, code.id]
            db.execute(f"DELETE FROM left_out WHERE {where}", values)

    # settings of the project

    def choice(self, name: str) -> str | None:
        """Return the value of a setting, None where it was not chosen."""
        rows = self._db.rows("SELECT value FROM choices WHERE name = ?", name)
        return rows[0][0] if rows and isinstance(rows[0][0], str) else None

    def choose(self, name: str, value: str) -> None:
        """Store the value of a setting."""
        with self._db.write() as db:
            db.execute("INSERT OR REPLACE INTO choices VALUES (?, ?)", (name, value))

    def choices(self) -> dict[str, str]:
        """Return all settings that were chosen, by their names."""
        return {
            str(name): str(value) for name, value in self._db.texts("SELECT name, value FROM choices ORDER BY name", 2)
        }

    # helpers

    def _regroup(self, ids: Iterable[int], code: EditCode, together: bool) -> list[Asset]:
        with self._db.write() as db:
            before = self._select(_ID_IN, json.dumps(list(ids)))
            dropped = _store_edit(db, message(code, count=len(before)), before)
            query = "SELECT COALESCE(MAX(CAST(own_group AS INTEGER)), 0) FROM assets"
            ((last,),) = db.execute(query).fetchall()
            rows = [(str(last + 1 + (0 if together else place)), asset.id) for place, asset in enumerate(before)]
            db.executemany("UPDATE assets SET own_group = ? WHERE id = ?", rows)
        return dropped

    def _not_here(self, hashes: Iterable[str]) -> set[str]:
        """Return those of some SHA-256 whose photos are not there."""
        query = "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT sha256 FROM assets)"
        return {value for (value,) in self._db.rows(query, json.dumps(list(hashes)))}

    def _not_needed(self, hashes: Iterable[str]) -> set[str]:
        """Return those of some SHA-256 whose photos are not there and that no edit has."""
        gone = self._not_here(hashes)
        if not gone:
            return gone
        query = f"SELECT sha256 FROM ({_EDITED}) WHERE sha256 IN (SELECT value FROM json_each(?))"
        return gone - {sha256 for (sha256,) in self._db.rows(query, json.dumps(list(gone)))}

    def _select(self, where: str, *values: Any, limit: str = "") -> list[Asset]:
        rows = self._db.rows(f"SELECT {', '.join(_COLUMNS)} FROM assets WHERE {where} ORDER BY id {limit}", *values)
        return self._to_assets(rows)

    def _to_assets(self, rows: Sequence[Sequence[Any]]) -> list[Asset]:
        """Return rows as photos. Raises ``DataError`` for one that is none, or is outside the project's folder."""
        self._check_photos(rows)
        return list(map(_to_asset, rows))

    def _check_photos(self, rows: Sequence[Sequence[Any]]) -> None:
        if not all(map(stored_rows.is_photo, rows)) or (
            self._db.path is not None and not all(stored_rows.is_inside(row[_PATH], row[_SHA256]) for row in rows)
        ):
            raise self._db.damage()

    def _left_out(self, where: str, *values: Any, limit: str = "") -> list[LeftOut]:
        rows = self._db.rows(
            f"SELECT file, code, arguments, reason FROM left_out {where} ORDER BY rowid {limit}", *values
        )
        return [
            LeftOut(str(file), stored_rows.restore_message(code, arguments, text))
            for file, code, arguments, text in rows
        ]


def _in_order(assets: Iterable[Asset]) -> list[Asset]:
    """Return photos by class in natural order, then by id."""
    return sorted(assets, key=lambda asset: (natural_key(asset.label), asset.id))


def _note_removed(db: sqlite3.Connection, assets: Iterable[Asset]) -> None:
    """Write down the hashes of removed photos, for as long as the project lasts: edits are forgotten in time."""
    found = db.execute("SELECT value FROM choices WHERE name = ?", (_REMOVED,)).fetchone()
    before = str(found[0]) if found else ""
    known = {before[start : start + _HASH] for start in range(0, len(before), _HASH)}
    hashes = before + "".join(sorted({asset.sha256 for asset in assets} - known))
    if hashes != before:
        values = (_REMOVED, hashes[-_HASH * _MOST_REMOVED :])
        db.execute("INSERT OR REPLACE INTO choices VALUES (?, ?)", values)


def _insert(db: sqlite3.Connection, assets: Iterable[Asset]) -> int:
    rows = [(None, *_values(replace(asset, created=asset.created or now()))[1:]) for asset in assets]
    return db.executemany(f"INSERT OR IGNORE INTO assets {_INSERT}", rows).rowcount


def _store_edit(
    db: sqlite3.Connection, edit: Message, before: Sequence[Asset], added: Iterable[int] = ()
) -> list[Asset]:
    """Store the rows that an edit changes or adds, and return those of edits that can no longer be undone.

    An edit that changes none cannot be undone.
    """
    stored = Edit(now(), edit, tuple(before), tuple(added))
    if not stored.before and not stored.added:
        return []
    _insert_edit(db, stored)
    old = "id <= (SELECT MAX(id) FROM edits) - ?"
    dropped = db.execute(f"SELECT before FROM edits WHERE {old}", (_UNDO_STEPS,)).fetchall()
    db.execute(f"DELETE FROM edits WHERE {old}", (_UNDO_STEPS,))
    changed = (row for (text,) in dropped for row in stored_rows.edited_rows(text))
    return [Asset(*row) for row in changed if stored_rows.is_photo(row)]


def _insert_edit(db: sqlite3.Connection, edit: Edit) -> None:
    rows = json.dumps([_values(asset) for asset in edit.before])
    db.execute(
        "INSERT INTO edits (created, what, before, code, arguments, added) VALUES (?, ?, ?, ?, ?, ?)",
        (
            edit.created,
            str(edit.message),
            rows,
            edit.message.code.id,
            arguments_to_json(edit.message),
            json.dumps(edit.added),
        ),
    )


def _retract(db: sqlite3.Connection, gone: set[int]) -> None:
    """Delete photos and all edits of them, and edits that are damaged."""
    if not gone:
        return
    changed = (
        (id, {row[0] for row in stored_rows.edited_rows(before) if type(row[0]) is int} | stored_rows.added_ids(added))
        for id, before, added in db.execute("SELECT id, before, added FROM edits").fetchall()
    )
    stale = [id for id, ids in changed if not ids or ids & gone]
    db.execute(f"DELETE FROM edits WHERE {_ID_IN}", (json.dumps(stale),))
    db.execute(f"DELETE FROM assets WHERE {_ID_IN}", (json.dumps(list(gone)),))


def _set_label(db: sqlite3.Connection, assets: list[Asset], label: str) -> None:
    ids = json.dumps([asset.id for asset in assets])
    db.execute(f"UPDATE OR IGNORE assets SET label = ? WHERE {_ID_IN}", (label, ids))
    # A photo that the class had already is ignored by the update.
    db.execute(f"DELETE FROM assets WHERE {_ID_IN} AND label <> ?", (ids, label))


def _delete(db: sqlite3.Connection, assets: list[Asset]) -> None:
    db.execute(f"DELETE FROM assets WHERE {_ID_IN}", (json.dumps([asset.id for asset in assets]),))


def _set_confirmed(db: sqlite3.Connection, assets: list[Asset]) -> None:
    db.execute(f"UPDATE assets SET confirmed = 1 WHERE {_ID_IN}", (json.dumps([asset.id for asset in assets]),))
