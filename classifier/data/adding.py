"""Files as planned -> rows of a catalog, a reason for every other file, and the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config import Limits
from ..messages import Message
from .assignment import Plan
from .catalog import Catalog
from .decoding import probe_apart
from .inspection import FoundPhoto, drop_repeats, inspect_files
from .intake import LeftOut
from .labels import natural_key
from .layout import Layout, Reading
from .photo_store import store_photos
from .sources import Listing


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


def use_photos(listing: Listing, plan: Plan, catalog: Catalog, root: Path, limits: Limits) -> IntakeResult:
    """Enter the photos of a plan where they are; their paths are relative to ``root`` where they lie below it."""
    found, left_out = inspect_files(plan, limits)
    new, already, repeats = drop_repeats(found, [])
    catalog.add(photo.asset(_relative(photo.path, root)) for photo in new)
    return _note(listing, plan, catalog, found, (len(new), already), [*left_out, *repeats])


def add_photos(
    listing: Listing, plan: Plan, catalog: Catalog, folder: Path, thumbs: Path, limits: Limits, own: Path
) -> IntakeResult:
    """Store the photos of a plan in a project's folder; see ``photo_store.store_photos``."""
    found, left_out = inspect_files(plan, limits, probe_apart)
    new, already, repeats = drop_repeats(found, catalog.assets())
    stored, unusable = store_photos(new, folder, thumbs, limits, own)
    catalog.add(photo.asset(photo.stored_path) for photo in stored)
    catalog.clear_left_out(photo.name for photo in found)
    return _note(listing, plan, catalog, found, (len(stored), already), [*left_out, *repeats, *unusable])


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
