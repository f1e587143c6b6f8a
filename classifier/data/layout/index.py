"""Finds the photo that a cell of a table names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from .photos import Photo, stem_of

_LONGEST_CELL = 500  # letters of a path
_MANY = 50  # photos of one name; a cell that says no more names none of them
_SEPARATORS = re.compile(r"[\\/]+")
_UPLOAD = re.compile(r"[0-9a-f]{8}-")  # what Label Studio puts before the name of an uploaded file


class PhotoIndex:
    """Finds the photo that a cell of a table names.

    A cell names a photo only if it names exactly one: by the longest matching path, then in the table's own folder,
    then in its split; with or without suffix, ``\\`` or ``/``; a number also without its leading zeros.
    """

    def __init__(self, photos: Sequence[Photo]) -> None:
        self.photos = photos
        self._by_base: dict[str, list[int]] = defaultdict(list)
        self._by_stem: dict[str, list[int]] = defaultdict(list)
        self._by_number: dict[str, list[int]] = defaultdict(list)
        self._by_tail: dict[tuple[str, str], list[int]] = defaultdict(list)  # innermost folder and stem
        folders: set[str] = set()
        for number, photo in enumerate(photos):
            folder, _, base = photo.name.casefold().rpartition("/")
            stem = stem_of(base)
            self._by_base[base].append(number)
            if stem != base:
                self._by_stem[stem].append(number)
            if stem.isdigit():
                self._by_number[stem.lstrip("0") or "0"].append(number)
            self._by_tail[folder.rpartition("/")[2], stem].append(number)
            folders.add(folder)
        self._folders = {part for folder in folders for part in folder.split("/") if part}

    def find(self, cell: str, folder: tuple[str, ...] = (), split: str | None = None) -> int | None:
        """Return the index of the photo that ``cell`` names, None for no or several.

        Args:
            cell: a path, a file name, or a file name without suffix.
            folder: that of the table, in small letters.
            split: that of the table.
        """
        if not cell or len(cell) > _LONGEST_CELL:
            return None
        text = cell.strip().casefold()
        dirs: tuple[str, ...] = ()
        if "/" in text or "\\" in text:
            parts = [part for part in _SEPARATORS.split(text) if part not in ("", ".")]
            if not parts or ".." in parts:
                return None
            dirs, text = tuple(parts[:-1]), parts[-1]
        found = self._candidates(text)
        if len(found) > 1 and dirs:
            found = self._longest(found, text, dirs)
        if len(found) > 1:
            found = self._nearest(found, text, folder, split)
        if len(found) != 1 or (dirs and self._contradicts(found[0], dirs)):
            return None
        return found[0]

    def _candidates(self, base: str) -> list[int]:
        stem = stem_of(base)
        found = self._by_base.get(base) or self._by_stem.get(base) or self._by_stem.get(stem) or self._by_base.get(stem)
        if not found and base.isdigit():
            found = self._by_number.get(base.lstrip("0") or "0")
        if not found and _UPLOAD.match(base):
            found = self._by_base.get(base[9:]) or self._by_stem.get(stem_of(base[9:]))
        return found or []

    def _nearest(self, found: list[int], base: str, folder: tuple[str, ...], split: str | None) -> list[int]:
        if len(found) > _MANY:
            found = self._by_tail.get((folder[-1] if folder else "", stem_of(base)), [])
        if len(found) > _MANY:
            return []
        found = [n for n in found if self._folder(n)[: len(folder)] == folder] or found
        if len(found) > 1 and folder:
            found = [n for n in found if self._folder(n) == folder] or found
        if len(found) > 1 and split:
            found = [n for n in found if self.photos[n].split == split] or found
        return found

    def _folder(self, number: int) -> tuple[str, ...]:
        return tuple(self.photos[number].name.casefold().split("/")[:-1])

    def _longest(self, found: list[int], base: str, dirs: tuple[str, ...]) -> list[int]:
        """Return those whose innermost folders match most of ``dirs``."""
        tail = self._by_tail.get((dirs[-1], stem_of(base)))
        if tail:
            found = [n for n in tail if self.photos[n].base.casefold() == base] or tail
        if len(found) == 1 or len(found) > _MANY:
            return found
        lengths = {number: _matching(self._folder(number), dirs) for number in found}
        most = max(lengths.values())
        return [number for number in found if lengths[number] == most]

    def _contradicts(self, number: int, dirs: tuple[str, ...]) -> bool:
        """Return whether ``dirs`` name a folder of this data set in which the photo does not lie."""
        own = self._folder(number)
        same = _matching(own, dirs)
        return same < min(len(own), len(dirs)) and dirs[-1 - same] in self._folders


def _matching(own: tuple[str, ...], dirs: tuple[str, ...]) -> int:
    """Return how many folders match, from the innermost."""
    same = 0
    while same < min(len(own), len(dirs)) and own[-1 - same] == dirs[-1 - same]:
        same += 1
    return same
