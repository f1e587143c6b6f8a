"""Labels from file names: the words before the first digit, the same part of every name, or the ending."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...messages import Code, message
from ...messages.layout import NotTakenCode, OriginCode, QuestionCode
from .photos import Photo
from .reading import Reading, Source, make_reading
from .split_names import split_words

_APP_WORDS = frozenset(
    "img image dsc dscn dscf pxl pic picture photo imagen foto bild p dcim mvimg vid screenshot screen shot whatsapp "
    "signal telegram line wechat mmexport fb inshot snapchat instagram facebook received scan kakaotalk gopr sam dji "
    "untitled download images file frame capture snapshot".split()
)
_MIN_SHARE = 0.01  # of the training photos that a class must have
_COVERED = 0.95  # share of the training photos that the classes together must have


def read_names(photos: Sequence[Photo], not_taken: Mapping[str, Code], endings: bool) -> list[Reading]:
    """Return the readings by file name, to be asked about; ``endings`` where the suffix may be the label."""
    if endings:
        return _read_endings(photos, not_taken)
    for labels, origin in (
        (_first_words(photos), OriginCode.NAMES_FIRST),
        (_common_part(photos), OriginCode.NAMES_PART),
    ):
        reading = _make(photos, labels, not_taken, "names:first", origin)
        if reading is not None:
            return [reading]
    return []


def _make(
    photos: Sequence[Photo], labels: Mapping[str, str], not_taken: Mapping[str, Code], option: str, origin: OriginCode
) -> Reading | None:
    """Return the reading of labels that are words of classes: few, frequent, and not those of a camera or an app."""
    counts = Counter(labels[photo.name] for photo in photos if photo.split == "train" and labels.get(photo.name))
    total = sum(photo.split == "train" for photo in photos)
    frequent = {label: count for label, count in counts.items() if count >= max(2, _MIN_SHARE * total)}
    if not 2 <= len(frequent) <= total / 3 or sum(frequent.values()) < _COVERED * total:
        return None
    if all(_words(label) <= _APP_WORDS for label in frequent) or all(_is_hash(label) for label in frequent):
        return None
    kept = {name: label for name, label in labels.items() if label in frequent}
    reading = make_reading(Source.NAMES, option, kept, photos, not_taken, NotTakenCode.NO_LABEL, origin=message(origin))
    return None if reading is None else replace(reading, questions=(QuestionCode.NAMES,))


def _words(label: str) -> set[str]:
    return {word for word in re.split(r"[\W_\d]+", label.casefold()) if word}


def _is_hash(label: str) -> bool:
    return re.fullmatch(r"[0-9a-f]*\d[0-9a-f]*", label.casefold()) is not None


def _first_words(photos: Sequence[Photo]) -> dict[str, str]:
    """Return the words of each name before its first digit or dot, without words of splits at either end."""
    return {photo.name: _before_digit(photo.stem) for photo in photos}


def _before_digit(stem: str) -> str:
    text = re.sub(r"\s*\([^)]*\)\s*$", "", stem.casefold()).strip()
    words = [word for word in re.split(r"[\s_\-]+", text) if word]
    while len(words) > 1 and split_words(words[0]):
        words = words[1:]
    while len(words) > 1 and split_words(words[-1]):
        words = words[:-1]
    match = re.match(r"[^\d.]*", "_".join(words))
    return match[0].strip("_- ") if match else ""


def _common_part(photos: Sequence[Photo]) -> dict[str, str]:
    """Return the same part of every name (P1_cat_front, 12_cat): that with the fewest different words, but two."""
    rows = [[word for word in re.split(r"[\s_\-.]+", photo.stem.casefold()) if word] for photo in photos]
    width = Counter(map(len, rows)).most_common(1)[0][0] if rows else 0
    usable = [(photo.name, row) for photo, row in zip(photos, rows) if len(row) == width]
    best = None
    for place in range(width if width > 1 else 0):
        values = {row[place] for _, row in usable}
        if 2 <= len(values) <= len(rows) / 3 and not all(value.isdigit() for value in values):
            best = min(best or (len(values), place), (len(values), place))
    if best is None:
        return {}
    return {name: re.sub(r"\d+$", "", row[best[1]]) for name, row in usable}


def _read_endings(photos: Sequence[Photo], not_taken: Mapping[str, Code]) -> list[Reading]:
    """Return NAME.label and, beside it, label.NAME; of the first, the names are the groups."""
    dotted = [photo for photo in photos if "." in photo.base]
    after = {photo.name: photo.base.rpartition(".")[2] for photo in dotted}
    before = {photo.name: photo.base.rpartition(".")[0] for photo in dotted}
    first = _make(photos, after, not_taken, "names:ending", OriginCode.NAMES_ENDING)
    second = _make(photos, before, not_taken, "names:first", OriginCode.NAMES_FIRST)
    if first is not None and second is not None:
        first = replace(first, groups=before, groups_from="names")
    return [reading for reading in (first, second) if reading is not None]
