"""Labels from file names: the words before the first digit, the same part of every name, or the ending."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...messages import message
from ...messages.layout import NotTakenCode, OriginCode, QuestionCode, ReasonCode
from .photos import PICTURE_SUFFIXES, Photo, has_few_pictures, suffix_of
from .reading import Reading, Source, make_reading
from .split_names import split_of

Labels = Mapping[str, str]

APP_WORDS = frozenset(
    "img image dsc dscn dscf pxl pic picture photo imagen imagem foto bild p dcim mvimg vid screenshot screen shot "
    "whatsapp signal telegram line wechat mmexport fb inshot snapchat instagram facebook received scan kakaotalk gopr "
    "gp sam dji untitled download downloads images file frame capture snapshot burst original edited pano photoroom "
    "bildschirmfoto captura de pantalla ecran capture screenrecording messenger creation video new wp cimg sdc hpim "
    "imgp stock shutterstock istockphoto unsplash pexels pixabay gettyimages depositphotos at am pm "
    "截图 微信图片 图片 写真 スクリーンショット".split()
)
_PREFIXES = frozenset("img image imagen imagem pic picture photo foto bild frame dsc".split())  # img_cat_1 is a cat
_MIN_SHARE = 0.01  # of the training photos that a class must have
_COVERED = 0.95  # share of the training photos that the classes together must have
_LONGEST_CLASS = 40  # letters


def read_names(photos: Sequence[Photo], thorough: bool = False) -> list[Reading]:
    """Return the readings by file name, to be asked about.

    ``thorough`` also returns what is possible though it is not likely: labels that cover only some of the photos.
    """
    if has_few_pictures([photo.name for photo in photos]):
        return _read_endings(photos, thorough)
    found = []
    for labels, origin in (
        (_first_words(photos), OriginCode.NAMES_FIRST),
        (_common_part(photos), OriginCode.NAMES_PART),
    ):
        reading = _make(photos, labels, "names:first", origin, thorough)
        if reading is not None:
            found.append(reading)
            break
    if thorough and (ending := _make(photos, _last_words(photos), "names:ending", OriginCode.NAMES_ENDING, True)):
        found.append(ending)
    return found


def why_no_labels(photos: Sequence[Photo]) -> ReasonCode:
    """Return why the file names give no labels."""
    train = [photo for photo in photos if photo.split == "train"] or photos
    words = Counter(label for label in _first_words(train).values() if label)
    if sum(_are_app_words(word) * count for word, count in words.items()) > len(train) / 2:
        return ReasonCode.CAMERA_NAMES
    numbers = len(train) - sum(words.values()) + sum(_is_hash(photo.stem) for photo in train)
    return ReasonCode.NUMBER_NAMES if 2 * numbers > len(train) else ReasonCode.OTHER_NAMES


def _make(photos: Sequence[Photo], labels: Labels, option: str, origin: OriginCode, thorough: bool) -> Reading | None:
    """Return the reading of labels that are words of classes: few, frequent, and not those of a camera or an app."""
    labels = _one_spelling(labels)
    counts = Counter(labels[photo.name] for photo in photos if photo.split == "train" and labels.get(photo.name))
    total = sum(photo.split == "train" for photo in photos)
    frequent = {label: count for label, count in counts.items() if count >= max(2, _MIN_SHARE * total)}
    if not thorough:
        if not 2 <= len(frequent) <= total / 3 or sum(frequent.values()) < _COVERED * total:
            return None
        if all(map(_are_app_words, frequent)) or all(map(_is_hash, frequent)) or all(map(split_of, frequent)):
            return None
        if any(len(label) > _LONGEST_CLASS for label in frequent):
            return None
    kept = {name: label for name, label in labels.items() if label in (counts if thorough else frequent)}
    reading = make_reading(Source.NAMES, option, kept, photos, NotTakenCode.NO_LABEL, message(origin))
    return None if reading is None else replace(reading, questions=(QuestionCode.NAMES,))


def _one_spelling(labels: Labels) -> Labels:
    """Give labels that differ by case alone the most frequent spelling."""
    spellings: dict[str, str] = {}
    for label, _ in sorted(Counter(labels.values()).items(), key=lambda pair: (-pair[1], pair[0])):
        spellings.setdefault(label.casefold(), label)
    return {name: spellings[label.casefold()] for name, label in labels.items()}


def _are_app_words(label: str) -> bool:
    return {word for word in re.split(r"[\W_\d]+", label.casefold()) if word} <= APP_WORDS


def _is_hash(label: str) -> bool:
    return re.fullmatch(r"[0-9a-f]*\d[0-9a-f]*", re.sub(r"[\s_\-]", "", label.casefold())) is not None


def _first_words(photos: Sequence[Photo]) -> dict[str, str]:
    """Return the words of each name before its first digit or dot, without words of splits at either end."""
    return {photo.name: _before_digit(photo.stem) for photo in photos}


def _before_digit(stem: str) -> str:
    text = re.sub(r"\s*\([^()]*\)$", "", stem) if stem.endswith(")") else stem
    words = [word for word in re.split(r"[\s_\-]+", text) if word]
    while len(words) > 1 and (split_of(words[0]) or (words[0].casefold() in _PREFIXES and words[1][0].isalpha())):
        words = words[1:]
    while len(words) > 1 and split_of(words[-1]):
        words = words[:-1]
    match = re.match(r"[^\d.]*", "_".join(words))
    return match[0].strip("_-([ ") if match else ""


def _common_part(photos: Sequence[Photo]) -> dict[str, str]:
    """Return the same part of every name (P1_cat_front, 12_cat): that with the fewest different words, but two."""
    rows = [[word for word in re.split(r"[\s_\-.]+", photo.stem) if word] for photo in photos]
    width = Counter(map(len, rows)).most_common(1)[0][0] if rows else 0
    usable = [(photo.name, row) for photo, row in zip(photos, rows) if len(row) == width]
    best = None
    for place in range(width if width > 1 else 0):
        counts = Counter(re.sub(r"\d+$", "", row[place]).casefold() for _, row in usable)
        words = [word for word in counts if word and not word.isdigit()]
        if len(words) < len(counts) or not 2 <= len(counts) <= len(rows) / 3:
            continue
        if all(map(split_of, words)) or all(map(_are_app_words, words)) or all(map(_is_hash, words)):
            continue
        best = min(best or (len(counts), place), (len(counts), place))
    return {} if best is None else {name: re.sub(r"\d+$", "", row[best[1]]) for name, row in usable}


def _last_words(photos: Sequence[Photo]) -> dict[str, str]:
    """Return the last word of each name without numbers."""
    words = ((photo.name, re.findall(r"[^\W\d_]+", photo.stem.casefold())) for photo in photos)
    return {name: found[-1] for name, found in words if found}


def _read_endings(photos: Sequence[Photo], thorough: bool) -> list[Reading]:
    """Return NAME.label and, beside it, label.NAME; of the first, the names are the groups if they recur."""
    dotted = [photo for photo in photos if "." in photo.base and suffix_of(photo.base) not in PICTURE_SUFFIXES]
    after = {photo.name: photo.base.rpartition(".")[2] for photo in dotted}
    before = {photo.name: photo.base.rpartition(".")[0] for photo in dotted}
    first = _make(photos, after, "names:ending", OriginCode.NAMES_ENDING, thorough)
    second = _make(photos, before, "names:first", OriginCode.NAMES_FIRST, thorough)
    if first is not None:
        carriers: dict[str, set[str]] = defaultdict(set)
        for name, label in first.labels.items():
            carriers[before[name]].add(label)
        if 2 * sum(len(labels) > 1 for labels in carriers.values()) > len(carriers):
            first = replace(first, groups={name: before[name] for name in first.labels}, groups_from="names")
    return [reading for reading in (first, second) if reading is not None]
