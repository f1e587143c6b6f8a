"""A damaged catalog is kept aside and made again: from what it still tells, the photos, and what trainings noted.

Of the photos in the project's folder, those whose row can be read keep it. The others get the class and the split that
``training.json`` of a model has of them, the newest first. What is left is set aside in a class of its own, so that no
training uses it before a person has sorted it.
"""

from __future__ import annotations

import json
import logging
import re
import sqlite3
import uuid
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

from ..config import Limits
from ..errors import DataError, PhotoError
from ..files import read_json, remove, storage_error
from ..messages import Message, message
from ..messages.data import CatalogCode, RepairCode
from . import schema, sqlite_errors, stored_rows
from .assets import Asset, Split
from .catalog import Catalog
from .damaged_file import DamagedFile, keep_aside, name_aside
from .decoding import UploadDecoder
from .folder_locks import FolderLocks
from .labels import clean_label
from .stored_rows import now

log = logging.getLogger(__name__)

_CHOICE = "repaired"
_RECORDS = "models/*/training.json"
_LARGEST_RECORD = 64 * 2**20  # bytes
_COLUMNS = ", ".join(field.name for field in fields(Asset))
# What is copied row by row where it can be read. Edits are not: they would undo to rows that may be gone.
_COPIED = {"runs": 8, "run_assets": 7, "left_out": 5, "choices": 2}  # tables and the number of their columns
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LOCKS = FolderLocks()


@dataclass
class _Found:
    """The photos of a project by content, and how many have the row they had, the class of a training, or none."""

    assets: list[Asset]
    kept: int = 0
    noted: int = 0
    unsorted: int = 0


def open_catalog(folder: Path, limits: Limits, check: bool) -> Catalog:
    """Open the catalog of the project in ``folder``; one that is damaged or gone is made again.

    A damaged one is kept aside.

    Args:
        folder: of the project.
        limits: of its photos.
        check: whether all of it is read. Damage of the header and the tables is found without.

    Raises ``DataError`` where the file is another program's or another version's, ``StorageError`` where it cannot be
    written.
    """
    path = folder / schema.FILE_NAME
    with _LOCKS.of(folder):
        try:
            if not path.exists() and next((folder / "photos").glob("*/*"), None) is not None:
                raise DataError(CatalogCode.CATALOG_DAMAGED)
            catalog = Catalog(path)
            try:
                if check:
                    catalog.check()
                return catalog
            except BaseException:
                catalog.close()
                raise
        except DataError as error:
            if error.code is not CatalogCode.CATALOG_DAMAGED:
                raise
        try:
            _repair(folder, limits)
        except OSError as error:
            raise storage_error(error) from error
        return Catalog(path)


def what_was_lost(catalog: Catalog) -> list[Message]:
    """Return what is to be said of a catalog that was made again; nothing once something was changed in it."""
    found = stored_rows.read_object(catalog.choice(_CHOICE))
    kept, noted, unsorted = (found.get(name) for name in ("kept", "noted", "unsorted"))
    if not all(isinstance(count, int) for count in (kept, noted, unsorted)) or catalog.edits.last() is not None:
        return []
    told = [message(RepairCode.MADE_AGAIN, count=kept, name=str(found.get("name")))]
    told += [message(RepairCode.FROM_TRAINING, count=noted)] if noted else []
    told += [message(RepairCode.UNSORTED, count=unsorted, label=str(found.get("label")))] if unsorted else []
    return [*told, message(RepairCode.NO_UNDO)]


def _repair(folder: Path, limits: Limits) -> None:
    """Make a new catalog beside the damaged one, keep that aside, and put the new one in its place."""
    path = folder / schema.FILE_NAME
    aside = name_aside(path)
    label = clean_label(str(RepairCode.CLASS), limits)
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with Catalog(part) as catalog, closing(DamagedFile(path)) as damaged:
            found = _find_photos(folder, damaged, label, limits)
            catalog.edits.restore(found.assets, [])
            _copy_rows(damaged, part)
            counts = {"kept": found.kept, "noted": found.noted, "unsorted": found.unsorted}
            catalog.choose(_CHOICE, json.dumps({**counts, "label": label, "name": aside.name}))
        keep_aside(path, aside)
        part.replace(path)
    finally:
        for file in sqlite_errors.files(part):
            remove(file)
    log.warning("A list of photos was damaged and made again: %s", counts)  # not where: logs name no project


def _find_photos(folder: Path, damaged: DamagedFile, unsorted: str, limits: Limits) -> _Found:
    """Find the photos in a project's folder, each with the best that is known of it."""
    stored = (path for path in sorted((folder / "photos").glob("*/*")) if _SHA256.fullmatch(path.stem))
    files = {path.stem: path for path in stored if path.is_file() and not path.is_symlink()}
    found = _Found([])
    known: set[object] = set()
    for row in damaged.rows("assets", _COLUMNS):
        if _is_sound(row, files, folder, limits):
            asset = Asset(*row)
            if asset.id not in known and (asset.sha256, asset.label) not in known:
                known |= {asset.id, (asset.sha256, asset.label)}
                found.assets.append(asset)
    found.kept = len(found.assets)
    sorted_already = {asset.sha256 for asset in found.assets}
    last = max((asset.id for asset in found.assets), default=0)
    noted = _noted(folder, limits)
    for id, sha256 in enumerate((sha256 for sha256 in files if sha256 not in sorted_already), last + 1):
        label, split = noted.get(sha256, (unsorted, "held_out"))
        photo = _asset(id, folder, files[sha256], label, split, limits)
        if photo is not None:
            found.assets.append(photo)
            found.noted += sha256 in noted
            found.unsorted += sha256 not in noted
    return found


def _is_sound(row: tuple[Any, ...], files: Mapping[str, Path], folder: Path, limits: Limits) -> bool:
    """Return whether a row of a damaged catalog is that of a photo that is there."""
    if not stored_rows.is_photo(row):
        return False
    asset = Asset(*row)
    return (
        asset.id > 0
        and asset.split in get_args(Split)
        and bool(asset.label)
        and asset.label == clean_label(asset.label, limits)
        and asset.sha256 in files
        and folder / asset.path == files[asset.sha256]
    )


def _noted(folder: Path, limits: Limits) -> dict[str, tuple[str, str]]:
    """Return class and split of photos by content, as the newest model that has them noted."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted(folder.glob(_RECORDS), key=lambda path: path.stat().st_mtime):
        with suppress(OSError, ValueError, TypeError, LookupError, AttributeError):
            for photo in read_json(path, _LARGEST_RECORD)["photos"]:
                label, split = clean_label(str(photo.get("label", "")), limits), photo["split"]
                if label and split in get_args(Split):
                    found[str(photo["sha256"])] = label, split
    return found


def _asset(id: int, folder: Path, path: Path, label: str, split: str, limits: Limits) -> Asset | None:
    """Return a new row of a stored photo, None where it is no picture."""
    try:
        info = UploadDecoder().probe(path, limits)
    except (PhotoError, OSError):
        return None
    stored, size = path.relative_to(folder).as_posix(), path.stat().st_size
    return Asset(id, stored, path.stem, label, split, None, path.name, size, info.width, info.height, now())


def _copy_rows(damaged: DamagedFile, part: Path) -> None:
    """Copy what can be read of trainings, files that were left out and settings."""
    with closing(sqlite3.connect(part)) as db, db:
        for table, columns in _COPIED.items():
            for row in damaged.rows(table):
                if len(row) == columns and (table != "run_assets" or stored_rows.is_run_asset(row[1:])):
                    with suppress(sqlite3.Error, OverflowError):
                        db.execute(f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * columns)})", row)
