"""One person's folder: photos, catalogue and models; add, move, rename, remove, undo."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import uuid
import zipfile
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from types import TracebackType

from ..config import LIMITS, Limits
from ..errors import DataError, PhotoError
from ..files import storage_error
from ..messages import message
from ..messages.data import LeftOutCode, PhotoCode
from .catalog import Asset, Catalog, now
from .images import EXTENSIONS, PictureInfo, open_picture, probe, thumbnail
from .intake import (
    LabeledFile,
    LeftOut,
    assign_classes,
    check_regular_file,
    clean_name,
    scan,
    sha256,
    unpack,
)
from .labels import clean_label, natural_key

THUMBNAIL = 256  # pixels, longest side
SAME_PHOTO = "the same photo as"  # how the reason for a repeated photo begins
_SMALL_FILE = 2**24  # bytes; read once into memory for hashing and probing, larger ones are read twice
_THREADS = 2
_CATALOG = "project.sqlite"
_ORDER = {"train": 0, "val": 1, "test": 2}
_SPLIT_WORDS = {"train": "training", "val": "validation", "test": "test"}


@dataclass(frozen=True)
class IntakeResult:
    """What became of one upload: photos added, photos the project had already, files left out and why."""

    added: int
    already: int
    left_out: tuple[LeftOut, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class _Found:
    """A file that looks like a photo, before anything is stored."""

    name: str
    label: str
    split: str
    path: Path
    sha256: str
    size: int
    info: PictureInfo

    def asset(self, path: str) -> Asset:
        return Asset(
            0, path, self.sha256, self.label, self.split, None, self.name, self.size,
            self.info.width, self.info.height, now(),
        )  # fmt: skip


class Project:
    """Photos in classes, kept in ``folder``; make one with ``open`` or ``over`` and close it after use.

    ``folder`` is what the paths of photos are relative to, so a moved folder still opens;
    ``features`` is the folder of the feature cache, ``models`` that of trained models.
    """

    def __init__(
        self, folder: Path, features: Path, models: Path, thumbs: Path, catalog: Catalog, limits: Limits
    ) -> None:
        self.folder = folder
        self.features = features
        self.models = models
        self.catalog = catalog
        self.limits = limits
        self._thumbs = thumbs
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    @classmethod
    def open(cls, folder: Path, limits: Limits = LIMITS) -> Project:
        """Opens the project in ``folder``, or makes one there. ``StorageError`` when it cannot be written."""
        try:
            for name in ("photos", "thumbs", "features", "models"):
                (folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(error) from error
        catalog = Catalog(folder / _CATALOG)
        return cls(folder, folder / "features", folder / "models", folder / "thumbs", catalog, limits)

    @classmethod
    def over(cls, data: Path, limits: Limits = LIMITS, features: Path | None = None) -> Project:
        """A project over photos where they lie: a folder, in which nothing is written, or a zip.

        Lives until ``close``; only the feature cache stays (by default in the user's cache folder). A folder
        that ``open`` made, as the page does for each visitor, is opened as the project it is.
        Raises ``DataError`` when ``data`` is neither, is empty, or is a zip that could do harm.
        """
        if (data / _CATALOG).is_file():
            return cls.open(data, limits)
        scratch = tempfile.TemporaryDirectory(prefix="photos-")
        try:
            own = Path(scratch.name)
            root = data if data.is_dir() else own / "unpacked"
            files = _files(data, root, limits)
            project = cls(root, features or _user_cache(), own / "models", own / "thumbs", Catalog(None), limits)
            project._scratch = scratch
            found, left_out = _sort_out(files, None, limits)
            new, _, repeats = _without_repeats(found, [])
            project.catalog.add(photo.asset(photo.path.relative_to(root).as_posix()) for photo in new)
            project.catalog.note_left_out((file.file, file.reason) for file in [*left_out, *repeats])
        except BaseException:
            scratch.cleanup()
            raise
        return project

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the catalogue and of what was unpacked; may be called twice."""
        self.catalog.close()
        if self._scratch is not None:
            self._scratch.cleanup()

    # -- photos in

    def add(self, source: Path, label: str | None = None) -> IntakeResult:
        """Copies in the photos of a folder or zip: its folders are the classes, or all are ``label``.

        Raises ``DataError`` when the folder or zip cannot be used, ``StorageError`` when the disk is full.
        """
        if source.is_dir():
            return self.add_files(scan(source, self.limits), label)
        with tempfile.TemporaryDirectory(prefix="unpacking-", dir=self.folder) as folder:
            return self.add_files(_files(source, Path(folder) / "unpacked", self.limits), label)

    def add_files(self, files: Iterable[tuple[str, Path]], label: str | None = None) -> IntakeResult:
        """Copies in (relative name, existing file) pairs; all are ``label``, or their folders tell.

        A photo is stored once, whatever it is called; one that its class has already is counted, not
        doubled. Files that are no usable photos are left out with a reason; nothing is raised for them.
        """
        given = list(files)
        if len(given) > self.limits.files:
            raise DataError(
                f"{len(given):,} files came, and at most {self.limits.files:,} are taken at once; add fewer."
            )
        found, left_out = _sort_out(given, None if label is None else self._label(label), self.limits)
        new, already, repeats = _without_repeats(found, self.catalog.assets())
        kept, unusable = self._store(new)
        left_out += repeats + unusable
        self.catalog.add(photo.asset(_stored_path(photo)) for photo in kept)
        self.catalog.clear_left_out(photo.name for photo in found)
        self.catalog.note_left_out((file.file, file.reason) for file in left_out)
        labels = sorted({photo.label for photo in found}, key=natural_key)
        return IntakeResult(len(kept), already, tuple(left_out), tuple(labels))

    def leave_out(self, reasons: Mapping[int, str] | Iterable[tuple[int, str]]) -> None:
        """Takes out photos that proved unusable later, by id, and lists each with its reason."""
        pairs = dict(reasons)
        gone = [asset for asset in self.catalog.assets() if asset.id in pairs]
        self.catalog.discard(asset.id for asset in gone)
        self.catalog.note_left_out((asset.source, pairs[asset.id]) for asset in gone)

    # -- looking

    def classes(self) -> dict[str, int]:
        """How many photos each class has, in natural order of the names."""
        counts: dict[str, int] = {}
        for split in self.catalog.balance().values():
            for label, count in split.items():
                counts[label] = counts.get(label, 0) + count
        return {label: counts[label] for label in sorted(counts, key=natural_key)}

    def photos(self, label: str | None = None) -> list[Asset]:
        """The photos, or those of one class, in stable order."""
        return self.catalog.assets(label)

    def photo_path(self, asset: Asset) -> Path:
        """Where a photo's file is."""
        return self.folder / asset.path

    def thumbnail(self, asset: Asset) -> Path:
        """A small JPEG of a photo, made now if it is missing. ``PhotoError`` when the photo is unusable."""
        path = self._thumbs / f"{asset.sha256}.jpg"
        if not path.exists():
            _write_thumbnail(self.photo_path(asset), path, self.limits)
        return path

    def left_out(self) -> list[LeftOut]:
        """Every file that was not taken, and why."""
        return [LeftOut(file, reason) for file, reason in self.catalog.left_out()]

    def conflicts(self) -> list[list[Asset]]:
        """Photos that lie in several classes at once, one group per photo."""
        return self.catalog.conflicts()

    def model_folders(self) -> list[Path]:
        """The folders of this project's trained models, newest first."""
        configs = sorted(self.models.glob("*/config.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        return [path.parent for path in configs]

    # -- edits

    def move(self, ids: Iterable[int], label: str) -> None:
        """Moves photos to a class, which is made if it is new."""
        self.catalog.relabel(ids, self._label(label))

    def confirm(self, ids: Iterable[int]) -> None:
        """Notes that photos belong to the class they are in; the same photos in other classes are taken out.

        They are no longer listed as suspected.
        """
        self.catalog.confirm(ids)

    def rename_class(self, old: str, new: str) -> None:
        """Renames a class; if ``new`` exists, the two become one."""
        self.catalog.rename(self._known(old), self._label(new))

    def remove(self, ids: Iterable[int]) -> None:
        """Takes photos out of the project."""
        self.catalog.remove(ids)

    def remove_class(self, label: str) -> None:
        """Takes a class and its photos out of the project."""
        self.catalog.remove(asset.id for asset in self.catalog.assets(self._known(label)))

    def undo(self) -> str | None:
        """Takes back the last move, renaming, confirmation or removal and says which; None when there is none."""
        return self.catalog.undo()

    # -- inside

    def _label(self, text: str) -> str:
        label = clean_label(text, self.limits)
        if not label:
            raise DataError("The class has no name; give it one that says what its photos show.")
        return label

    def _known(self, label: str) -> str:
        if label not in self.catalog.labels():
            raise DataError(f"There is no class “{label}”; reload the page to see the classes there are.")
        return label

    def _store(self, photos: list[_Found]) -> tuple[list[_Found], list[LeftOut]]:
        """Copies photos in and draws their thumbnails, which proves that they can be decoded."""
        first = {photo.sha256: photo for photo in photos}
        fresh = [photo for photo in first.values() if not (self.folder / _stored_path(photo)).exists()]
        try:
            with ThreadPoolExecutor(_THREADS) as pool:
                reasons = dict(zip(first, pool.map(self._store_one, first.values())))
        except BaseException:
            for photo in fresh:
                _forget(self.folder / _stored_path(photo))
                _forget(self._thumbs / f"{photo.sha256}.jpg")
            raise
        left_out = [LeftOut(photo.name, reason) for photo in photos if (reason := reasons[photo.sha256])]
        return [photo for photo in photos if not reasons[photo.sha256]], left_out

    def _store_one(self, photo: _Found) -> str | None:
        """The reason when the picture cannot be decoded, else None."""
        thumb, target = self._thumbs / f"{photo.sha256}.jpg", self.folder / _stored_path(photo)
        try:
            if not thumb.exists():
                _write_thumbnail(photo.path, thumb, self.limits)
        except PhotoError as error:
            return str(error)
        if not target.exists():
            with _whole(target) as part:
                shutil.copyfile(photo.path, part)
        return None


def _files(source: Path, into: Path, limits: Limits) -> list[tuple[str, Path]]:
    """The files of a folder, or of a zip once unpacked."""
    if source.is_dir():
        return list(scan(source, limits))
    if source.is_file() and not zipfile.is_zipfile(source):
        raise DataError(f"“{source.name}” is neither a folder nor a zip; choose a folder of photos or a zip of it.")
    files = unpack(source, into, limits)
    if not files:
        raise DataError(f"The zip “{source.name}” is empty; put one folder of photos per class into it.")
    return files


def _sort_out(files: list[tuple[str, Path]], label: str | None, limits: Limits) -> tuple[list[_Found], list[LeftOut]]:
    """Which files look like photos of a class; only their headers are read."""
    placed, left_out = assign_classes([name for name, _ in files], limits)
    if label is not None:
        placed = [replace(file, label=label, split="train") for file in placed]
    paths: dict[str, deque[Path]] = {}  # several files may have come under one name
    for name, path in files:
        paths.setdefault(name, deque()).append(path)
    with ThreadPoolExecutor(_THREADS) as pool:
        results = list(pool.map(_inspect, placed, [paths[file.name].popleft() for file in placed], repeat(limits)))
    left_out += [result for result in results if isinstance(result, LeftOut)]
    return [result for result in results if isinstance(result, _Found)], left_out


def _inspect(file: LabeledFile, path: Path, limits: Limits) -> _Found | LeftOut:
    name = clean_name(file.name)
    code = check_regular_file(path)
    if code:
        return LeftOut(name, message(code))
    try:
        size = path.stat().st_size
        source = path.read_bytes() if size <= min(_SMALL_FILE, limits.bytes_per_file) else path
        info = probe(source, limits)
        if file.label is None:  # only now: a README in no folder is told that it is a text
            return LeftOut(name, message(LeftOutCode.NO_CLASS))
        digest = hashlib.sha256(source).hexdigest() if isinstance(source, bytes) else sha256(path)
    except PhotoError as error:
        return LeftOut(name, error.message)
    except OSError:
        return LeftOut(name, message(PhotoCode.CANNOT_READ))
    return _Found(name, file.label, file.split, path, digest, size, info)


def _without_repeats(found: list[_Found], present: list[Asset]) -> tuple[list[_Found], int, list[LeftOut]]:
    """New photos, how many are in their class already, and repeats among the new ones.

    A photo may be in two classes (the person is asked which is right), never in two splits: what is
    trained on must not be tested on, so training comes first.
    """
    before = {(asset.sha256, asset.label) for asset in present}
    seen: dict[str, list[tuple[str, str, str]]] = {}  # sha256 -> [(label, split, name)]
    for asset in present:
        split = "train" if asset.split == "held_out" else asset.split  # held out of what came for training
        seen.setdefault(asset.sha256, []).append((asset.label, split, asset.source))
    new: list[_Found] = []
    already, left_out = 0, []
    for photo in sorted(found, key=lambda photo: _ORDER[photo.split]):
        reason = _repeats(photo, seen.get(photo.sha256, []))
        if (photo.sha256, photo.label) in before:
            already += 1
        elif reason:
            left_out.append(LeftOut(photo.name, reason))
        else:
            new.append(photo)
            seen.setdefault(photo.sha256, []).append((photo.label, photo.split, photo.name))
    return new, already, left_out


def _repeats(photo: _Found, twins: list[tuple[str, str, str]]) -> str | None:
    for label, split, name in twins:
        if split != photo.split:
            return f"{SAME_PHOTO} “{name}”, which is among the {_SPLIT_WORDS[split]} photos"
        if label == photo.label:
            return f"{SAME_PHOTO} “{name}”, which is already in this class"
    return None


def _stored_path(photo: _Found) -> str:
    return f"photos/{photo.sha256[:2]}/{photo.sha256}{EXTENSIONS[photo.info.format]}"


def _write_thumbnail(photo: Path, path: Path, limits: Limits) -> None:
    small = thumbnail(open_picture(photo, THUMBNAIL, limits), THUMBNAIL)
    with _whole(path) as part:
        small.save(part, "JPEG", quality=85)


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A place to write beside ``target``, moved there in one piece when all is written."""
    part = target.with_name(f"{uuid.uuid4().hex}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(target)
    except OSError as error:
        raise storage_error(error) from error
    finally:
        _forget(part)


def _forget(path: Path) -> None:
    """Deletes a file if it can: a failed clean-up must not hide the error it follows."""
    with suppress(OSError):
        path.unlink()


def _user_cache() -> Path:
    """Where this system keeps what a program can compute again."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "photo-classifier" / "features"
