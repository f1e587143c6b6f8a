"""The changes of a project's photos, each of which can be undone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, get_args

from ..errors import DataError
from ..messages import Message, message
from ..messages.data import CatalogCode, EditCode, arguments_to_json
from . import stored_rows
from .assets import ID_IN, Asset, AssetTable, Split, delete, insert, put_back, to_row
from .database import Database
from .stored_rows import now

_UNDO_STEPS = 50
_REMOVED, _HASH, _MOST_REMOVED = "removed", 64, 15_000  # a setting of SHA-256 one after another, and how many
_EDITED = """SELECT CASE row.type WHEN 'array' THEN json_extract(row.value, '$[2]') END AS sha256
FROM edits, json_each(CASE WHEN json_valid(before) THEN before ELSE '[]' END) AS row"""


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


class EditHistory:
    """The edits in the database of a catalog.

    What edits returns the photos of those edits that can no longer be undone.
    """

    def __init__(self, database: Database, assets: AssetTable) -> None:
        self._db, self._assets = database, assets

    def add(self, assets: Iterable[Asset], replacing: Iterable[int] = ()) -> list[Asset]:
        """Insert photos under new ids; one that its class has already is skipped.

        Those with the ids ``replacing`` are removed with all edits of them, as if they had never been added; ``undo``
        does not restore them.
        """
        with self._db.write() as db:
            _retract(db, set(replacing))
            last = self._assets.last_id()
            insert(db, assets)
            added = db.execute("SELECT id, label FROM assets WHERE id > ? ORDER BY id", (last,)).fetchall()
            labels = {label for _, label in added}
            edit = message(EditCode.ADDED, count=len(added))
            if len(labels) == 1:
                edit = message(EditCode.ADDED_TO, count=len(added), label=labels.pop())
            return _store_edit(db, edit, [], [id for id, _ in added])

    def relabel(self, ids: Iterable[int], label: str) -> list[Asset]:
        """Move photos to a class and mark them as confirmed; one that is there already is not doubled."""
        with self._db.write() as db:
            before = self._assets.select(f"{ID_IN} AND label <> ?", json.dumps(list(ids)), label)
            dropped = _store_edit(db, message(EditCode.MOVED, count=len(before), label=label), before)
            _set_label(db, before, label)
            _set_confirmed(db, before)
        return dropped

    def confirm(self, ids: Iterable[int]) -> list[Asset]:
        """Mark photos as correctly labeled; the same photos in other classes are removed."""
        with self._db.write() as db:
            confirmed = self._assets.select(ID_IN, json.dumps(list(ids)))
            contents = json.dumps([asset.sha256 for asset in confirmed])
            before = self._assets.select("sha256 IN (SELECT value FROM json_each(?))", contents)
            dropped = _store_edit(db, message(EditCode.CONFIRMED, count=len(confirmed)), before)
            confirmed_ids = {asset.id for asset in confirmed}
            delete(db, (asset.id for asset in before if asset.id not in confirmed_ids))
            _set_confirmed(db, confirmed)
        return dropped

    def rename(self, old: str, new: str) -> list[Asset]:
        """Rename a class, or merge it into ``new`` if that exists."""
        with self._db.write() as db:
            before = self._assets.select("label = ? AND label <> ?", old, new)
            dropped = _store_edit(db, message(EditCode.RENAMED, old=old, new=new), before)
            _set_label(db, before, new)
        return dropped

    def set_split(self, ids: Iterable[int], split: Split) -> list[Asset]:
        """Assign photos to ``train``, ``val``, ``test`` or ``held_out``; ``DataError`` for anything else."""
        if split not in get_args(Split):
            raise DataError(CatalogCode.UNKNOWN_SPLIT, split=split)
        with self._db.write() as db:
            before = self._assets.select(f"{ID_IN} AND split <> ?", json.dumps(list(ids)), split)
            dropped = _store_edit(db, message(EditCode[f"TO_{split.upper()}"], count=len(before)), before)
            rows = [(split, asset.id) for asset in before]
            db.executemany("UPDATE assets SET split = ? WHERE id = ?", rows)
        return dropped

    def remove(self, ids: Iterable[int]) -> list[Asset]:
        """Remove photos from the catalog."""
        with self._db.write() as db:
            before = self._assets.select(ID_IN, json.dumps(list(ids)))
            dropped = _store_edit(db, message(EditCode.REMOVED, count=len(before)), before)
            delete(db, (asset.id for asset in before))
            _note_removed(db, before)
        return dropped

    def removed(self) -> set[str]:
        """Return the SHA-256 of the photos that a person removed and that are not here again, the newest 15,000."""
        with self._db.write() as db:
            known = _split_hashes(_read_removed(db))
        return self._not_here(known)

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

    @contextmanager
    def as_one_edit(self) -> Iterator[None]:
        """Make one edit of those inside, which is called as the first of them and undone as a whole.

        They stay apart where another window wrote meanwhile.
        """
        ((last,),) = self._db.rows("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'edits'")
        version = self._db.foreign_changes()
        yield
        with self._db.write() as db:
            edits = db.execute("SELECT id, before, added FROM edits WHERE id > ? ORDER BY id", (last,)).fetchall()
            if len(edits) < 2 or self._db.foreign_changes() != version:
                return
            added = set().union(*(stored_rows.added_ids(ids) for _, _, ids in edits))
            rows: dict[int, list[Any]] = {}
            for row in (row for _, before, _ in edits for row in stored_rows.edited_rows(before)):
                if row[0] not in added:
                    rows.setdefault(row[0], row)
            first, *others = (id for id, _, _ in edits)
            values = (json.dumps(list(rows.values())), json.dumps(sorted(added)), first)
            db.execute("UPDATE edits SET before = ?, added = ? WHERE id = ?", values)
            db.execute(f"DELETE FROM edits WHERE {ID_IN}", (json.dumps(others),))

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

    def last(self) -> Message | None:
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
            before = self._assets.to_assets(stored_rows.edited_rows(before_json))
            gone = self._assets.select(ID_IN, json.dumps(sorted(stored_rows.added_ids(added))))
            delete(db, (asset.id for asset in [*before, *gone]))
            put_back(db, before, skipping=True)
            db.execute("DELETE FROM edits WHERE id = ?", (id,))
            return Undone(stored_rows.restore_message(code, arguments, text), gone)

    def all(self) -> list[Edit]:
        """Return the changes that can be undone, the oldest first; damaged ones are not among them."""
        rows = self._db.rows("SELECT created, code, arguments, what, before, added FROM edits ORDER BY id")
        found = []
        for created, code, arguments, text, before, added in rows:
            with suppress(DataError):
                photos = tuple(self._assets.to_assets(stored_rows.edited_rows(before)))
                edit = stored_rows.restore_message(code, arguments, text)
                found.append(Edit(str(created), edit, photos, tuple(sorted(stored_rows.added_ids(added)))))
        return [edit for edit in found if edit.before or edit.added]

    def restore(self, photos: Iterable[Asset], edits: Iterable[Edit]) -> None:
        """Fill an empty catalog with photos under the ids that they have, and with changes that can be undone."""
        edits = list(edits)
        changed = [photo for edit in edits for photo in edit.before]
        with self._db.write() as db:
            if changed:  # no later photo may get an id that undo restores
                last = max(changed, key=lambda photo: photo.id)
                put_back(db, [last])
                delete(db, [last.id])
            put_back(db, photos)
            for edit in edits:
                _insert_edit(db, edit)

    def _regroup(self, ids: Iterable[int], code: EditCode, together: bool) -> list[Asset]:
        with self._db.write() as db:
            before = self._assets.select(ID_IN, json.dumps(list(ids)))
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


def _note_removed(db: sqlite3.Connection, assets: Iterable[Asset]) -> None:
    """Write down the hashes of removed photos, for as long as the project lasts: edits are forgotten in time."""
    before = _read_removed(db)
    hashes = before + "".join(sorted({asset.sha256 for asset in assets} - _split_hashes(before)))
    if hashes != before:
        values = (_REMOVED, hashes[-_HASH * _MOST_REMOVED :])
        db.execute("INSERT OR REPLACE INTO choices VALUES (?, ?)", values)


def _read_removed(db: sqlite3.Connection) -> str:
    found = db.execute("SELECT value FROM choices WHERE name = ?", (_REMOVED,)).fetchone()
    return str(found[0]) if found else ""


def _split_hashes(hashes: str) -> set[str]:
    return {hashes[start : start + _HASH] for start in range(0, len(hashes), _HASH)}


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
    rows = json.dumps([to_row(asset) for asset in edit.before])
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
    db.execute(f"DELETE FROM edits WHERE {ID_IN}", (json.dumps(stale),))
    delete(db, gone)


def _set_label(db: sqlite3.Connection, assets: list[Asset], label: str) -> None:
    ids = json.dumps([asset.id for asset in assets])
    db.execute(f"UPDATE OR IGNORE assets SET label = ? WHERE {ID_IN}", (label, ids))
    # A photo that the class had already is ignored by the update.
    db.execute(f"DELETE FROM assets WHERE {ID_IN} AND label <> ?", (ids, label))


def _set_confirmed(db: sqlite3.Connection, assets: list[Asset]) -> None:
    db.execute(f"UPDATE assets SET confirmed = 1 WHERE {ID_IN}", (json.dumps([asset.id for asset in assets]),))
