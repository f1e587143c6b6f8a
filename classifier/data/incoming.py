"""The last upload of a project on the disk, so that it can wait for an answer, and be read in another way later."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from ..config import Limits
from ..errors import DataError
from ..files import atomic_write, read_json, storage_error
from ..messages import Message
from ..messages.data import ProjectCode, arguments_to_json, restore
from .archives import Sample
from .assignment import Splits, is_used
from .file_sets import File, FileSet
from .folder_locks import FolderLocks
from .intake import LeftOut
from .layout import Layout, wants_text
from .layout.photos import find_photos
from .photo_store import link_or_copy
from .readings import Wish, read_listing
from .scratch import is_recent
from .sources import Listing, list_upload

_STATE = "upload.json"
# Bytes of it when an upload comes, 2,600 for each of 100,000 files; and with the ids of the photos that it added.
_LARGEST_STATE, _LARGEST_READ = 256 * 2**20, 384 * 2**20
_LOCKS = FolderLocks()
ONE_CLASS = "one class"  # ``taken`` where all photos were put into one class


@dataclass(frozen=True)
class Incoming:
    """The last upload: the readings that fit, the option of the one that was taken, None while it waits.

    ``files`` are its files by the names that the layout uses; zips are unpacked.
    """

    layout: Layout
    taken: str | None
    files: Mapping[str, Path]


@dataclass(frozen=True)
class Upload:
    """An upload as it is kept in ``folder``.

    ``known`` are the classes of each split that the project had before; ``taken`` and ``added`` are the option of the
    reading that was taken and the ids of the photos that it added.
    """

    folder: Path
    listing: Listing
    known: Splits
    taken: str | None = None
    added: tuple[int, ...] = ()

    def labels(self) -> set[str]:
        """Return the classes that the project had before."""
        return {label for labels in self.known.values() for label in labels}

    def has_photos(self) -> bool:
        """Return whether any of the files is a picture by its name."""
        return bool(find_photos([file.key for one in self.listing.sets for file in one.files]))

    def names(self) -> list[str]:
        """Return the names of all files as the person knows them."""
        files = [file.name for one in self.listing.sets for file in one.files]
        return files + [left.file for left in self.listing.left_out]

    def read(self, limits: Limits, wish: Wish | None = None) -> tuple[Layout, list[tuple[str, File]]]:
        """Return the layout, and the files with the names that it uses; see ``readings.read_listing``."""
        return read_listing(self.listing, wish or Wish(), limits, self.labels(), ask=True)


class State(NamedTuple):
    """What changes with the uploads below ``root``, the newest last.

    ``notes`` are path, time, size and inode of each upload's note, ``times`` of what else lies beside it.
    """

    root: Path
    notes: tuple[tuple[Path, int, int, int], ...]
    times: tuple[int, ...]


def lock(root: Path) -> threading.RLock:
    """Return what keeps two windows from changing the last upload of a project at once."""
    return _LOCKS.of(root)


def receive(root: Path, files: Iterable[tuple[str, Path]], known: Splits, limits: Limits) -> Upload:
    """Keep an upload below ``root`` in place of the one before.

    Tables without photos are joined with the upload before: a person who is asked for labels drops the table after the
    photos. Raises ``LayoutError`` where they say nothing of it, and ``DataError`` where nothing can be made of the
    files; then the upload before stays.
    """
    before = find(root)
    upload = _keep(root, files, known, limits)
    if before is None or upload.has_photos():
        forget(root, but=upload)
        return upload
    joined = _add_tables(before, upload, limits)
    forget(root, but=joined or before)
    if joined is None:
        raise upload.read(limits)[0].error()
    return joined


def find(root: Path) -> Upload | None:
    """Return the newest upload below ``root``; those read last are kept in memory."""
    try:
        return _find(*state(root)[:2])
    except DataError:
        return None


@lru_cache(maxsize=4)
def _find(root: Path, notes: tuple[object, ...]) -> Upload:
    """Return the newest upload; raises ``DataError``, which is not kept, where none can be read."""
    for folder in sorted(root.glob("*"), reverse=True) if root.is_dir() else ():
        with suppress(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return _from_json(folder, read_json(folder / _STATE, _LARGEST_READ))
    raise DataError(ProjectCode.UPLOAD_GONE)


def clean_up(root: Path) -> None:
    """Delete what is no upload, or not the last one: a process was killed before it could."""
    last = find(root)
    for folder in root.glob("*") if root.is_dir() else ():
        if (last is None or folder != last.folder) and not is_recent(folder):
            shutil.rmtree(folder, ignore_errors=True)


def write(upload: Upload) -> None:
    """Write what is known of an upload beside its files; raises ``DataError`` where the names are too long for it."""
    content = json.dumps(_to_json(upload), ensure_ascii=False).encode("utf-8", "surrogatepass")
    if upload.taken is None and len(content) > _LARGEST_STATE:
        count = len(upload.names())
        fit = count * _LARGEST_STATE // len(content)
        raise DataError(ProjectCode.TOO_MANY_AT_ONCE, count=count, limit=fit)
    with atomic_write(upload.folder / _STATE, name_target=False) as part:
        part.write_bytes(content)


def touch(upload: Upload) -> None:
    """Change the state after files of an upload were deleted."""
    with suppress(OSError):
        os.utime(upload.folder)


def forget(root: Path, but: Upload | None = None) -> None:
    """Delete the uploads below ``root``, except one."""
    for folder in root.glob("*") if root.is_dir() else ():
        if but is None or folder != but.folder:
            shutil.rmtree(folder, ignore_errors=True)
    if but is None:
        shutil.rmtree(root, ignore_errors=True)


def state(root: Path) -> State:
    """Return what changes with the uploads below ``root``, without reading their notes."""
    notes, times = [], []
    for path in sorted(root.glob(f"*/{_STATE}")):
        with suppress(OSError):
            note, folder = path.stat(), path.parent.stat()
            notes.append((path, note.st_mtime_ns, note.st_size, note.st_ino))
            times.append(folder.st_mtime_ns)
    return State(root, tuple(notes), tuple(times))


def describe(state: State, limits: Limits) -> Incoming:
    """Return the readings of the last upload; raises ``DataError`` where there is none.

    Those of the last ones asked for are kept in memory.
    """
    return _describe(state.root, state.notes, limits)


@lru_cache(maxsize=4)
def _describe(root: Path, notes: tuple[object, ...], limits: Limits) -> Incoming:
    upload = _find(root, notes)
    layout, files = upload.read(limits)
    return Incoming(layout, upload.taken, {key: file.path for key, file in files})


def _keep(root: Path, files: Iterable[tuple[str, Path]], known: Splits, limits: Limits) -> Upload:
    """Copy the files of an upload into a new folder, with zips unpacked; nothing stays after an error."""
    folder = root / f"{time.time_ns():020}-{uuid.uuid4().hex[:8]}"  # in the order of time
    try:
        (folder / "files").mkdir(parents=True)
        listing = list_upload(files, folder / "unpacked", limits)
        listing.sets = [_move_in(one, folder) for one in listing.sets]
        upload = Upload(folder, listing, known)
        write(upload)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise storage_error(error) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return upload


def _add_tables(upload: Upload, later: Upload, limits: Limits) -> Upload | None:
    """Return an upload with the tables of a later one, None where these hold no labels for its photos."""
    files = [file for one in later.listing.sets for file in one.files if wants_text(file.key)]
    moved = [_move_file(file, upload.folder) for file in files]
    first, *others = upload.listing.sets
    if others:
        sets = [*upload.listing.sets, FileSet("", tuple(moved))]
    else:
        prefix = f"{first.name}/" if first.has_folder and first.name else ""
        sets = [replace(first, files=(*first.files, *(replace(file, key=prefix + file.key) for file in moved)))]
    joined = replace(upload, listing=replace(upload.listing, sets=sets))
    layout, named = joined.read(limits)
    paths = {file.path for file in moved}
    keys = [key for key, file in named if file.path in paths]
    if any(is_used(key, reading) for key in keys for reading in layout.readings):
        write(joined)
        return joined
    return None


def _move_in(one: FileSet, folder: Path) -> FileSet:
    """Return a set whose files lie in ``folder``; a file may come under several names."""
    copies: dict[Path, File] = {}
    files = []
    for file in one.files:
        if not file.path.is_relative_to(folder):
            if file.path not in copies:
                copies[file.path] = _move_file(file, folder)
            file = replace(file, path=copies[file.path].path)
        files.append(file)
    return replace(one, files=tuple(files))


def _move_file(file: File, folder: Path) -> File:
    target = folder / "files" / uuid.uuid4().hex
    if file.path.is_file() and not file.path.is_symlink():
        link_or_copy(file.path, target)
    return replace(file, path=target)


# -- upload.json


def _to_json(upload: Upload) -> dict[str, object]:
    return {
        "sets": [
            {
                "name": one.name,
                "has_folder": one.has_folder,
                "files": [
                    [file.name, file.key, file.path.relative_to(upload.folder).as_posix(), file.archive, file.sample]
                    for file in one.files
                ],
            }
            for one in upload.listing.sets
        ],
        "left_out": [[left.file, *_message_to_json(left.message)] for left in upload.listing.left_out],
        "notes": [_message_to_json(note) for note in upload.listing.notes],
        "known": {split: sorted(labels) for split, labels in upload.known.items()},
        "taken": upload.taken,
        "added": upload.added,
    }


def _from_json(folder: Path, data: Any) -> Upload:
    """Read what ``_to_json`` wrote; raises ``ValueError`` or what Python raises for anything else."""
    sets = [
        FileSet(_text(one["name"]), tuple(_file(folder, *file) for file in one["files"]), bool(one["has_folder"]))
        for one in data["sets"]
    ]
    left_out = [LeftOut(_text(file), _message_from_json(stored)) for file, *stored in data["left_out"]]
    listing = Listing(sets, left_out, [_message_from_json(stored) for stored in data["notes"]])
    known = {split: list(map(_text, labels)) for split, labels in data["known"].items()}
    taken = data["taken"] if data["taken"] is None else _text(data["taken"])
    return Upload(folder, listing, known, taken, tuple(map(int, data["added"])))


def _file(folder: Path, name: Any, key: Any, path: Any, archive: Any = None, sample: Any = None) -> File:
    """Return a file of an upload; raises ``ValueError`` where it would be outside its folder."""
    place = _text(path)
    if place.startswith("/") or ".." in place.split("/"):
        raise ValueError("a file outside the upload")
    known = None if sample is None else Sample(_text(sample[0]), *map(_text_or_none, sample[1:]))
    return File(_text(name), _text(key), folder / place, _text_or_none(archive), known)


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _message_to_json(message: Message) -> list[str]:
    return [message.code.id, arguments_to_json(message), str(message)]


def _message_from_json(stored: list[str]) -> Message:
    code, arguments, text = map(_text, stored)
    return restore(code, json.loads(arguments), text)
