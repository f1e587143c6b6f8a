"""The catalog of one project: photos with class and split, edits, left-out files, training runs and settings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import DataError
from ..messages import Code
from ..messages.data import CatalogCode, arguments_to_json
from . import stored_rows
from .assets import ID_IN, ID_NOT_IN, Asset, AssetTable, delete, insert
from .database import Database
from .edit_history import EditHistory
from .intake import LeftOut
from .labels import natural_key
from .run_history import RunHistory
from .stored_rows import now

_TWICE = "SELECT sha256 FROM assets GROUP BY sha256 HAVING COUNT(*) > 1"


class Catalog:
    """Opens or creates the catalog at ``path``; None keeps it in memory. Safe to use from several threads.

    ``edits`` are the changes of its photos, ``runs`` its trainings.

    Raises ``DataError`` when the file is no catalog or was made by a newer version of this program,
    ``StorageError`` when it cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._db = Database(path)
        self._assets = AssetTable(self._db)
        self.edits = EditHistory(self._db, self._assets)
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

    def check(self) -> None:
        """Read all of the file; raises ``DataError`` where it is damaged."""
        if self._db.rows("PRAGMA quick_check(1)") != [("ok",)]:
            raise self._db.damage()
        self._assets.check()
        self.balance()

    # photos

    def add(self, assets: Iterable[Asset]) -> int:
        """Insert photos under new ids and return how many; one that its class has already is skipped."""
        with self._db.write() as db:
            return insert(db, assets)

    def assets(self, label: str | None = None, split: str | None = None) -> list[Asset]:
        """Return the photos, of one class or split if given, by class in natural order, then by id."""
        given = {name: value for name, value in (("split", split), ("label", label)) if value is not None}
        where = " AND ".join(f"{name} = ?" for name in given) or "TRUE"
        return _in_order(self._assets.select(where, *given.values()))

    def page(self, label: str, split: str, first: int, count: int) -> list[Asset]:
        """Return ``count`` photos of a class and split from the place ``first`` on, in the order of ``assets``."""
        return self._assets.select("split = ? AND label = ?", split, label, count, first, limit="LIMIT ? OFFSET ?")

    def with_ids(self, ids: Iterable[int]) -> list[Asset]:
        """Return the photos with some ids, by id; those that are no longer there are left out."""
        return self._assets.select(ID_IN, json.dumps(list(ids)))

    def contents(self) -> list[tuple[str, str, str]]:
        """Return SHA-256, class and split of each photo, in the order of ``assets``, in a tenth of its memory."""
        rows = self._db.texts("SELECT sha256, label, split FROM assets ORDER BY id", 3)
        return sorted(rows, key=lambda row: natural_key(row[1]))

    def asset(self, id: int) -> Asset:
        """Return one photo; raises ``DataError`` where it is no longer there."""
        found = self._assets.select("id = ?", id)
        if not found:
            raise DataError(CatalogCode.PHOTO_GONE)
        return found[0]

    def with_contents(self, hashes: Iterable[str], but: Iterable[int] = ()) -> list[Asset]:
        """Return the photos of some SHA-256, without those with the ids ``but``, in the order of ``assets``."""
        where = f"sha256 IN (SELECT value FROM json_each(?)) AND {ID_NOT_IN}"
        return _in_order(self._assets.select(where, json.dumps(list(hashes)), json.dumps(list(but))))

    def count(self, but: Iterable[int] = ()) -> int:
        """Return the number of photos, without those with the ids ``but``."""
        ((count,),) = self._db.rows(f"SELECT COUNT(*) FROM assets WHERE {ID_NOT_IN}", json.dumps(list(but)))
        return int(count)

    def count_bytes(self, but: Iterable[int] = ()) -> int:
        """Return the size of the photos' files, of which one in several classes has one."""
        sizes = f"SELECT MAX(size) AS size FROM assets WHERE {ID_NOT_IN} GROUP BY sha256"
        ((total,),) = self._db.rows(f"SELECT COALESCE(SUM(size), 0) FROM ({sizes})", json.dumps(list(but)))
        return int(total)

    def last_id(self) -> int:
        """Return the largest id that a photo has or had."""
        return self._assets.last_id()

    def sources_after(self, id: int) -> dict[int, str]:
        """Return the file names, by id, of the photos that were added after the one with an id."""
        return {int(id): str(source) for id, source in self._db.rows("SELECT id, source FROM assets WHERE id > ?", id)}

    def labels(self, but: Iterable[int] = ()) -> list[str]:
        """Return the classes in natural order, without those of nothing but photos with the ids ``but``."""
        rows = self._db.texts(f"SELECT DISTINCT label FROM assets WHERE {ID_NOT_IN}", 1, json.dumps(list(but)))
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
        found = sorted(
            self._assets.select(twice, -1 if most is None else most), key=lambda asset: (asset.sha256, asset.id)
        )
        return [list(group) for _, group in groupby(found, key=lambda asset: asset.sha256)]

    def count_conflicts(self) -> int:
        """Return the number of photos that are in several classes."""
        ((count,),) = self._db.rows(f"SELECT COUNT(*) FROM ({_TWICE})")
        return int(count)

    def foreign_changes(self) -> int:
        """Return a number that changes whenever another connection wrote to the catalog: another event of the page."""
        return self._db.foreign_changes()

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

    def discard(self, ids: Iterable[int]) -> None:
        """Remove photos that turned out to be unusable; ``undo`` does not restore them."""
        with self._db.write() as db:
            delete(db, ids)

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
