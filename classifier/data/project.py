"""A project: a folder with the photos, catalog, feature cache and models of one person."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ..config import LIMITS, Limits
from ..errors import DataError, PhotoError
from ..files import atomic_write, remove, storage_error
from ..messages import Message
from ..messages.data import ProjectCode
from . import schema
from .catalog import Asset, Catalog
from .images import make_thumbnail, open_picture
from .inspection import THREADS, FoundPhoto, drop_repeats, inspect_files, list_files
from .intake import LeftOut, scan
from .labels import clean_label, natural_key

THUMBNAIL = 256  # pixels, longest side
_FOLDERS = ("photos", "thumbs", "features", "models")


@dataclass(frozen=True)
class IntakeResult:
    """The outcome of one upload: photos added, photos the project had already, files left out, and the classes."""

    added: int
    already: int
    left_out: tuple[LeftOut, ...]
    labels: tuple[str, ...]


class Project:
    """Photos in classes, stored in ``folder``; made with ``open`` or ``over`` and closed after use.

    The paths of photos are relative to ``folder``, so a moved folder still opens; ``features`` is the folder of the
    feature cache, ``models`` that of trained models.

    Example::

        with Project.open(Path("my project")) as project:
            project.add(Path("photos"))
            print(project.classes())
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
        """Open the project in ``folder``, or create one there. Raises ``StorageError`` when it cannot be written."""
        try:
            for name in _FOLDERS:
                (folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(error) from error
        catalog = Catalog(folder / schema.FILE_NAME)
        return cls(folder, folder / "features", folder / "models", folder / "thumbs", catalog, limits)

    @classmethod
    def over(cls, data: Path, limits: Limits = LIMITS, features: Path | None = None) -> Project:
        """Make a project of photos where they are: in a folder, in which nothing is written, or in a zip.

        It exists until ``close``; only the feature cache stays (by default in the user's cache folder). A folder
        that ``open`` made, as the page does for each visitor, is opened as the project it is.
        Raises ``DataError`` when ``data`` is neither, is empty, or is a zip that could do harm.
        """
        if (data / schema.FILE_NAME).is_file():
            return cls.open(data, limits)
        scratch = tempfile.TemporaryDirectory(prefix="photos-")
        try:
            own = Path(scratch.name)
            root = data if data.is_dir() else own / "unpacked"
            files = list_files(data, root, limits)
            project = cls(root, features or default_cache(), own / "models", own / "thumbs", Catalog(None), limits)
            project._scratch = scratch
            found, left_out = inspect_files(files, None, limits)
            new, _, repeats = drop_repeats(found, [])
            project.catalog.add(photo.asset(photo.path.relative_to(root).as_posix()) for photo in new)
            project.catalog.note_left_out([*left_out, *repeats])
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
        """Close the catalog and delete what was unpacked; may be called twice."""
        self.catalog.close()
        if self._scratch is not None:
            self._scratch.cleanup()

    # adding photos

    def add(self, source: Path, label: str | None = None) -> IntakeResult:
        """Copy in the photos of a folder or zip; its folders are the classes, unless ``label`` is given.

        Raises ``DataError`` when the folder or zip cannot be used, ``StorageError`` when the disk is full.
        """
        if source.is_dir():
            return self.add_files(scan(source, self.limits), label)
        with tempfile.TemporaryDirectory(prefix="unpacking-", dir=self.folder) as folder:
            return self.add_files(list_files(source, Path(folder) / "unpacked", self.limits), label)

    def add_files(self, files: Iterable[tuple[str, Path]], label: str | None = None) -> IntakeResult:
        """Copy in files given as (relative name, path); their folders are the classes, unless ``label`` is given.

        A photo is stored once, whatever its name; one that its class has already is counted, not doubled. Files
        that are not usable photos are left out with a reason; no error is raised for them.
        """
        given = list(files)
        if len(given) > self.limits.files:
            raise DataError(ProjectCode.TOO_MANY_AT_ONCE, count=len(given), limit=self.limits.files)
        found, left_out = inspect_files(given, None if label is None else self._clean_label(label), self.limits)
        new, already, repeats = drop_repeats(found, self.catalog.assets())
        stored, unusable = self._store(new)
        left_out += repeats + unusable
        self.catalog.add(photo.asset(photo.stored_path) for photo in stored)
        self.catalog.clear_left_out(photo.name for photo in found)
        self.catalog.note_left_out(left_out)
        labels = sorted({photo.label for photo in found}, key=natural_key)
        return IntakeResult(len(stored), already, tuple(left_out), tuple(labels))

    def leave_out(self, reasons: Mapping[int, Message] | Iterable[tuple[int, Message]]) -> None:
        """Remove photos that turned out to be unusable, given as id -> reason, and list them as left out."""
        by_id = dict(reasons)
        unusable = [asset for asset in self.catalog.assets() if asset.id in by_id]
        self.catalog.discard(asset.id for asset in unusable)
        self.catalog.note_left_out(LeftOut(asset.source, by_id[asset.id]) for asset in unusable)

    # reading

    def classes(self) -> dict[str, int]:
        """Return the number of photos of each class, in natural order of the names."""
        counts: dict[str, int] = {}
        for split in self.catalog.balance().values():
            for label, count in split.items():
                counts[label] = counts.get(label, 0) + count
        return {label: counts[label] for label in sorted(counts, key=natural_key)}

    def photos(self, label: str | None = None) -> list[Asset]:
        """Return the photos, or those of one class, in stable order."""
        return self.catalog.assets(label)

    def photo_path(self, asset: Asset) -> Path:
        """Return the path of a photo's file."""
        return self.folder / asset.path

    def thumbnail(self, asset: Asset) -> Path:
        """Return the path of a photo's thumbnail (JPEG), written now if it is missing.

        Raises ``PhotoError`` when the photo is unusable, ``StorageError`` when the thumbnail cannot be written.
        """
        path = self._thumbs / f"{asset.sha256}.jpg"
        if not path.exists():
            self._write_thumbnail(self.photo_path(asset), path)
        return path

    def left_out(self) -> list[LeftOut]:
        """Return every file that was not taken, with its reason."""
        return self.catalog.left_out()

    def conflicts(self) -> list[list[Asset]]:
        """Return the photos that are in several classes, one group per photo."""
        return self.catalog.conflicts()

    def model_folders(self) -> list[Path]:
        """Return the folders of this project's trained models, newest first."""
        configs = sorted(self.models.glob("*/config.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        return [path.parent for path in configs]

    # edits

    def move(self, ids: Iterable[int], label: str) -> None:
        """Move photos to a class, which is created if it is new."""
        self.catalog.relabel(ids, self._clean_label(label))

    def confirm(self, ids: Iterable[int]) -> None:
        """Mark photos as correctly labeled; the same photos in other classes are removed.

        They are no longer listed as label issues.
        """
        self.catalog.confirm(ids)

    def rename_class(self, old: str, new: str) -> None:
        """Rename a class; if ``new`` exists, the two are merged."""
        self.catalog.rename(self._check_label(old), self._clean_label(new))

    def remove(self, ids: Iterable[int]) -> None:
        """Remove photos from the project."""
        self.catalog.remove(ids)

    def remove_class(self, label: str) -> None:
        """Remove a class and its photos from the project."""
        self.catalog.remove(asset.id for asset in self.catalog.assets(self._check_label(label)))

    def undo(self) -> Message | None:
        """Undo the last move, renaming, confirmation or removal and return which it was; None when there is none."""
        return self.catalog.undo()

    # helpers

    def _clean_label(self, text: str) -> str:
        label = clean_label(text, self.limits)
        if not label:
            raise DataError(ProjectCode.EMPTY_LABEL)
        return label

    def _check_label(self, label: str) -> str:
        if label not in self.catalog.labels():
            raise DataError(ProjectCode.UNKNOWN_LABEL, label=label)
        return label

    def _store(self, photos: list[FoundPhoto]) -> tuple[list[FoundPhoto], list[LeftOut]]:
        """Copy photos in and write their thumbnails, which shows that they can be decoded."""
        by_content = {photo.sha256: photo for photo in photos}
        new = [photo for photo in by_content.values() if not (self.folder / photo.stored_path).exists()]
        try:
            with ThreadPoolExecutor(THREADS) as pool:
                reasons = dict(zip(by_content, pool.map(self._store_one, by_content.values())))
        except BaseException:
            for photo in new:
                remove(self.folder / photo.stored_path)
                remove(self._thumbs / f"{photo.sha256}.jpg")
            raise
        left_out = [LeftOut(photo.name, reason) for photo in photos if (reason := reasons[photo.sha256])]
        return [photo for photo in photos if not reasons[photo.sha256]], left_out

    def _store_one(self, photo: FoundPhoto) -> Message | None:
        """Return why the picture cannot be decoded, or None once it is stored."""
        thumb, target = self._thumbs / f"{photo.sha256}.jpg", self.folder / photo.stored_path
        try:
            if not thumb.exists():
                self._write_thumbnail(photo.path, thumb)
        except PhotoError as error:
            return error.message
        if not target.exists():
            with atomic_write(target, name_target=False) as part:
                shutil.copyfile(photo.path, part)
        return None

    def _write_thumbnail(self, photo: Path, path: Path) -> None:
        small = make_thumbnail(open_picture(photo, THUMBNAIL, self.limits), THUMBNAIL)
        with atomic_write(path, name_target=False) as part:
            small.save(part, "JPEG", quality=85)


def default_cache() -> Path:
    """Return the folder of the feature cache in the place where this system keeps caches."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "photo-classifier" / "features"
