"""Groups that file names may show: a part that many files share and that varies less than the rest.

``patient12_slice3``, ``video7_frame_0031``, ``scan (2)``, ``x - Copy``, ``_rot90``. Names alone prove nothing: what
is found here is tested with the photos' features, see ``grouping``. Own code, since no library reads names so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

NamePart = Literal["original", "first", "all but last", "all but first", "single"]

_FITTING = 0.95  # share of the names that must fit a pattern
_GROUPED = 0.2  # share of the photos that must be in groups of two and more
_LARGEST = 0.1  # share of the photos that one group may hold
_LEAST_GROUPS = 3  # of each class with twice as many photos: a part with fewer values is a name of the class
MOST_FIELDS = 8  # of a name that are looked at
_PARTS: tuple[NamePart, ...] = ("first", "all but last", "all but first", "single")
_CHANGES = (
    "aug(?:mented)?|rot(?:ated?|ation)?|[hv]?flip(?:ped)?|flip_?[hv]|flip_?(?:lr|ud)|mirror(?:ed)?|crop(?:ped)?|"
    "zoom(?:ed)?|shift(?:ed)?|shear(?:ed)?|nois[ey]|blur(?:red)?|bright(?:ness|er)?|dark(?:er)?|contrast|gr[ae]y|"
    "scaled?|resized?|small|medium|large|big|thumb(?:nail)?|orig(?:inal)?|edited|version|v"
)
_VIEWS = frozenset((
    "left", "right", "front", "back", "rear", "side", "top", "bottom", "up", "down", "upper", "lower", "above", "below",
    "inside", "outside", "near", "far", "close", "wide", "center", "centre", "middle", "before", "after", "view",
))  # fmt: skip
_ENDS = re.compile(
    r"(?:_(?:jpe?g|png|bmp|webp|tiff?))?\.rf\.[0-9a-z]+$"  # Roboflow's copies
    r"|[ _-]*\(\d+\)$|~\d*$"  # a second download, a batch renamed, a backup
    r"|[ _-]+(?:copy|kopie|copie|copia)(?:[ _-]*\(?\d+\)?)?$"
    r"|[ _-]*\((?:\d+\w*[ _-]|another[ _-])?(?:copy|kopie|copie|copia)(?:[ _-]*\d+)?\)$"
    rf"|[ _-]+(?:{_CHANGES})[ _-]?\d*(?:deg|x)?$"
    r"|[ _-]*\d{2,5}\s?x\s?\d{2,5}$|@\dx$|[ _-]+\d{2,5}(?:px|p|w|h)$"  # sizes
)
_START = re.compile(rf"^(?:copy of|(?:{_CHANGES})\d*(?:deg)?)[ _-]+(?:\d+[ _-]+(?=.*\d))?(?=\w)")
_STAMP = re.compile(
    r"((?:19|20)\d\d)[-_.]?([01]\d)[-_.]?([0-3]\d)[-_ T.a-z]{1,4}([0-2]\d)[-_.:h]?([0-5]\d)[-_.:m]?([0-5]\d)"
)
_FIELD = re.compile(  # a hash that is no word with a number and a letter, a number, or a word
    r"(?=[0-9]*[a-z])(?=[a-z]*[0-9])(?![a-z]+\d{1,6}[a-z]?(?![0-9a-z]))[0-9a-z]{8,}|\d+|[^\W\d_]+"
)


@dataclass(frozen=True)
class NameRule:
    """The part of a name that is the key of its group.

    ``original`` is the name without what programs add to the names of copies. The others are fields of the name,
    which are its numbers and words: the first ``n``, all but the last or the first ``n``, or the ``n``-th alone.
    """

    part: NamePart
    n: int = 0

    def key(self, name: str) -> str | None:
        """Return the key of a file's name, None where it does not fit."""
        stem = stem_of(name)
        if self.part == "original":
            return _original(stem)
        fields = _fields(stem)
        return self.keys_of_fields([fields], [_numbered(fields)])[0]

    def keys_of_fields(
        self, fields: Sequence[Sequence[str]], numbered: Sequence[Sequence[bool]]
    ) -> tuple[str | None, ...]:
        """Return the keys (N) of names by their fields, of which ``numbered`` have a digit.

        None for a name of too few, or whose other fields neither have a number nor only say how a numbered thing was
        seen.
        """
        n = self.n
        kept, rest = {
            "first": (slice(n), slice(n, None)),
            "all but last": (slice(-n), slice(-n, None)),
            "all but first": (slice(n, None), slice(n)),
            "single": (slice(n - 1, n), slice(n, None)),
        }[self.part]
        return tuple(
            "\0".join(parts[kept])
            if len(parts) > n and (any(digits[rest]) or (any(digits[kept]) and all(map(_is_view, parts[rest]))))
            else None
            for parts, digits in zip(fields, numbered)
        )


@dataclass(frozen=True)
class NameGroups:
    """A part of the names as the key of a group: ``keys`` (N), None for a name that does not fit ``rule``."""

    keys: tuple[str | None, ...]
    rule: NameRule


def stem_of(name: str) -> str:
    """Return a file's name without folders and extension, in small letters."""
    base = name.rpartition("/")[2]
    return (base.rpartition(".")[0] or base).casefold()


def time_in_name(name: str) -> str | None:
    """Return the date and time that a name states, ISO 8601: IMG_20240501_123059, 2024-05-01 12.30.59."""
    found = _STAMP.search(stem_of(name))
    try:
        return datetime(*map(int, found.groups())).isoformat() if found else None  # type: ignore[arg-type]
    except ValueError:
        return None


def find_name_groups(names: Sequence[str], labels: Sequence[str]) -> list[NameGroups]:
    """Return the divisions that parts of the names make within the classes, the finest first.

    Args:
        names: file names as the person knows them (N).
        labels: their classes (N).
    """
    stems = [stem_of(name) for name in names]
    found: dict[tuple[int, ...], NameGroups] = {}
    originals = tuple(_original(stem) for stem in stems)
    if originals != tuple(stems):
        _add(found, NameGroups(originals, NameRule("original")), labels, needed=0.0)
    stamped = sum(_STAMP.search(stem) is not None for stem in stems)
    if stamped < _FITTING * len(stems):  # the parts of a date are no groups
        fields = [_fields(stem) for stem in stems]
        numbered = [_numbered(parts) for parts in fields]
        for n in range(1, max(map(len, fields), default=0)):
            for part in _PARTS:
                rule = NameRule(part, n)
                _add(found, NameGroups(rule.keys_of_fields(fields, numbered), rule), labels, needed=_GROUPED)
    return sorted(found.values(), key=lambda one: -len(set(zip(one.keys, labels))))


def number_of(name: str) -> tuple[str, int] | None:
    """Return a name's last number and what stands before it, None where it has none."""
    found = re.search(r"^(.*?)(\d{1,12})\D*$", _original(stem_of(name)))
    return (found[1], int(found[2])) if found else None


def _original(stem: str) -> str:
    """Return a name without what programs add to the names of copies."""
    for _ in range(4):
        shorter = _START.sub("", _ENDS.sub("", stem)).strip(" _-")
        if not shorter or shorter == stem:
            break
        stem = shorter
    return stem


def _fields(stem: str) -> list[str]:
    """Return the numbers and words of a name."""
    return _FIELD.findall(stem)[:MOST_FIELDS]


def _numbered(fields: Sequence[str]) -> list[bool]:
    """Return which fields of a name have a digit."""
    return [any(map(str.isdigit, field)) for field in fields]


def _is_view(field: str) -> bool:
    """Return whether a field is a letter or says from where a photo was taken."""
    return len(field) == 1 or field in _VIEWS


def _add(found: dict[tuple[int, ...], NameGroups], one: NameGroups, labels: Sequence[str], needed: float) -> None:
    """Add a division to those found if it can be one of photos of things; the same division counts once."""
    keys = one.keys
    if not _is_division(keys, labels, needed):
        return
    numbers: dict[object, int] = {}
    division = tuple(numbers.setdefault((key, label, key is None and place), place)
                     for place, (key, label) in enumerate(zip(keys, labels)))  # fmt: skip
    found.setdefault(division, one)


def _is_division(keys: Sequence[str | None], labels: Sequence[str], needed: float) -> bool:
    """Return whether nearly all names fit, groups are neither single nor too large, and each class has several."""
    sizes = Counter((label, key) for key, label in zip(keys, labels) if key is not None)
    grouped = sum(size for size in sizes.values() if size > 1)
    if sum(sizes.values()) < _FITTING * len(keys) or grouped < max(needed * len(keys), 2):
        return False
    if max(sizes.values()) > max(_LARGEST * len(keys), 2):
        return False
    photos, groups = Counter(labels), Counter(label for label, _ in sizes)
    return all(groups[label] >= min(_LEAST_GROUPS, count // 2) for label, count in photos.items())
