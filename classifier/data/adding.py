"""Files as planned -> photos of a project, a reason for every other file, and the outcome."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from ..config import Limits
from ..errors import DataError
from ..messages import Message, message
from ..messages.data import ProjectCode, RepeatCode
from ..messages.limits import LimitCode
from . import incoming, leftovers, schema
from .assets import Asset
from .assignment import Assignment, Plan, Splits, plan_class
from .catalog import Catalog
from .decoding import UploadDecoder
from .inspection import FoundPhoto, drop_repeats, inspect_files
from .intake import LeftOut
from .labels import chosen_label, natural_key
from .layout import Layout, Reading
from .photo_store import store_photos
from .scratch import scratch_folder
from .sources import Listing, list_upload

_STEP = 100_000  # bytes: what the sentence shows is rounded up, else it could say as much as the limit
Room = Callable[[int], AbstractContextManager[object]]


@dataclass(frozen=True)
class IntakeResult:
    """The outcome of one upload: photos added, photos the project had already, files left out, and the classes.

    ``layout`` are the readings that fit and ``reading`` is the one that was taken, None where the person named the
    class; ``notes`` say what else the person should know.
    """

    added: int
    already: int
    left_out: tuple[LeftOut, ...]
    labels: tuple[str, ...]
    layout: Layout | None = None
    reading: Reading | None = None
    notes: tuple[Message, ...] = ()


@dataclass
class PhotoStorage:
    """The photos of a project, as files in ``folder`` and as rows of its catalog, which are changed together.

    ``thumbs`` is the folder of their thumbnails, ``incoming`` that of the last upload as it came. ``owns_files``: the
    files may be deleted. ``room`` keeps room for photos of so many bytes while they are stored, and raises
    ``DataError`` where there is none.
    """

    folder: Path
    thumbs: Path
    catalog: Catalog
    limits: Limits
    owns_files: bool = True
    room: Room = nullcontext

    @property
    def incoming(self) -> Path:
        """The folder of the last upload."""
        return self.folder / "incoming"

    def add(self, listing: Listing, plan: Plan, replacing: Sequence[int] = (), only_new: bool = False) -> IntakeResult:
        """Store the photos of a plan, in place of those with the ids ``replacing``.

        With ``only_new`` photos that are there in any class stay as they are, and count as there already; those that
        were removed stay so, and are among the files left out. Raises ``DataError`` where the project or the disk would
        exceed a limit, or where the project was deleted meanwhile, ``StorageError`` where it cannot be written; then
        nothing is changed. See ``photo_store.store_photos``.
        """
        with incoming.lock(self.incoming):  # uploads at once would keep to the limits each, but not together
            result, dropped = self._add(listing, plan, replacing, only_new)
        if not (self.folder / schema.FILE_NAME).exists():  # the project was deleted meanwhile
            shutil.rmtree(self.folder, ignore_errors=True)
            raise DataError(ProjectCode.DELETED)
        self.delete(dropped)
        return result

    def add_to_class(self, files: Iterable[tuple[str, Path]], label: str, group: str | None = None) -> IntakeResult:
        """Store files given as (relative name, path) in one class, and in one group where it has a name."""
        with scratch_folder(self.folder) as folder:
            listing = list_upload(files, folder / "unpacked", self.limits)
            return self.add(listing, plan_class(listing, chosen_label(label, self.limits), group))

    def delete(self, photos: Sequence[Asset]) -> None:
        """Delete the files of photos that nothing needs any more; those of a project over a folder are the person's."""
        if photos and self.owns_files:
            leftovers.delete_photos(self.folder, self.catalog, photos)

    def splits(self) -> Splits:
        """Return the classes of each split."""
        return {split: list(counts) for split, counts in self.catalog.balance().items()}

    def _add(
        self, listing: Listing, plan: Plan, replacing: Sequence[int], only_new: bool
    ) -> tuple[IntakeResult, list[Asset]]:
        """Return the outcome, and the photos of earlier edits that can no longer be undone."""
        catalog, limits = self.catalog, self.limits
        known = set(catalog.labels(replacing))
        _check_classes(known, (one.label for one in plan.assigned if isinstance(one, Assignment)), limits)
        decoder = UploadDecoder()
        found, left_out = inspect_files(plan, limits, decoder.probe)  # opens each file
        same = catalog.with_contents({photo.sha256 for photo in found}, replacing)
        here = {asset.sha256 for asset in same}
        removed = catalog.edits.removed() if only_new else set()
        gone = [LeftOut(photo.name, message(RepeatCode.REMOVED_BEFORE)) for photo in found if photo.sha256 in removed]
        stays = here | removed if only_new else set()
        others = [photo for photo in found if photo.sha256 not in stays]
        new, already, repeats = drop_repeats(others, same)
        already += len(found) - len(others) - len(gone)
        _check_limits(catalog, replacing, here, new, limits)
        stored, unusable = self._store(new, decoder)
        dropped = catalog.edits.add((photo.asset(photo.stored_path) for photo in stored), replacing)
        # Another window may have deleted a file that was there, before it was in the catalog.
        missing = [photo for photo in stored if not (self.folder / photo.stored_path).exists()]
        store_photos(missing, self.folder, self.thumbs, limits, self.incoming)
        catalog.clear_left_out(photo.name for photo in found)
        counts, reasons = (len(stored), already), [*left_out, *gone, *repeats, *unusable]
        return _note(listing, plan, catalog, found, counts, reasons), dropped

    def _store(self, new: list[FoundPhoto], decoder: UploadDecoder) -> tuple[list[FoundPhoto], list[LeftOut]]:
        """Write the files of new photos and return those that were stored, and the others with their reasons."""
        added = {photo.sha256: photo.size for photo in new if not (self.folder / photo.stored_path).exists()}
        with self.room(sum(added.values())):
            return store_photos(new, self.folder, self.thumbs, self.limits, self.incoming, decoder)


def use_photos(listing: Listing, plan: Plan, catalog: Catalog, root: Path, limits: Limits) -> IntakeResult:
    """Enter the photos of a plan where they are; their paths are relative to ``root`` where they lie below it."""
    found, left_out = inspect_files(plan, limits)
    new, already, repeats = drop_repeats(found, [])
    catalog.add(photo.asset(_relative(photo.path, root)) for photo in new)
    return _note(listing, plan, catalog, found, (len(new), already), [*left_out, *repeats])


def _check_classes(known: set[str], labels: Iterable[str], limits: Limits) -> None:
    """Raise ``DataError`` where the files of a plan, photos or not, would be of too many classes."""
    count = len(known.union(labels))
    if count > max(limits.classes, len(known)):
        raise DataError(LimitCode.CLASSES, count=count, limit=limits.classes)


def _check_limits(
    catalog: Catalog, replacing: Sequence[int], here: set[str], new: Sequence[FoundPhoto], limits: Limits
) -> None:
    """Raise ``DataError`` where a project with new photos would exceed what it may hold.

    ``here`` are the SHA-256 of those whose file it has already.
    """
    if not new:
        return
    count = catalog.count(replacing) + len(new)
    if count > limits.project_photos:
        raise DataError(LimitCode.PROJECT_PHOTOS, count=count, limit=limits.project_photos)
    if limits.project_bytes < sys.maxsize:
        added = {photo.sha256: photo.size for photo in new if photo.sha256 not in here}
        total = catalog.count_bytes(replacing) + sum(added.values())
        if total > limits.project_bytes:
            raise DataError(LimitCode.PROJECT_BYTES, bytes=_STEP * -(-total // _STEP), limit=limits.project_bytes)


def _note(
    listing: Listing,
    plan: Plan,
    catalog: Catalog,
    found: Sequence[FoundPhoto],
    counts: tuple[int, int],
    left_out: Sequence[LeftOut],
) -> IntakeResult:
    """Write down the files that were left out and return the outcome; ``counts`` are added and already there."""
    everything = (*listing.left_out, *left_out)
    catalog.note_left_out(everything)
    labels = sorted({photo.label for photo in found}, key=natural_key)
    notes = (*listing.notes, *plan.notes)
    return IntakeResult(*counts, everything, tuple(labels), plan.layout, plan.reading, notes)


def _relative(path: Path, root: Path) -> str:
    """Return a path relative to ``root``, or absolute where the file lies elsewhere: in another folder or zip."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path.resolve())
