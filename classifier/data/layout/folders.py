"""Labels from folders: which folders are never classes, which level holds the classes."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from ...messages import Code, message
from ...messages.layout import NotTakenCode, OriginCode, QuestionCode
from .photos import Photo
from .reading import Reading, Source, make_reading
from .split_names import split_words

_TRANSPARENT = frozenset(
    "images image img imgs picture pictures pics photo photos jpegimages original originals orig augmented "
    "augmentation aug crop crops cropped raw resized rgb color colour data dataset input inputs all files "
    "jpg png jpeg".split()
)
_MASKS = frozenset(
    "mask masks label labels annotation annotations annot segmentation segmentations segmented groundtruth gt xml xmls "
    "labelmap labelmaps bbox bboxes boxes".split()
)
_DEEPEST_LEVEL = 4
_DATE = re.compile(r"(\d{4}[-_. ]?\d{2}[-_. ]?\d{2}|\d{1,2}[-_. ]\d{1,2}[-_. ]\d{2,4}|\d{8})([-_ T]?\d{4,6})?")


def remove_masks(photos: Sequence[Photo]) -> tuple[tuple[Photo, ...], list[str]]:
    """Divide photos from pictures of masks and labels, by folders named so.

    A folder “mask” counts only if its files are named like photos elsewhere; beside “no_mask” it is a class.
    """
    marked = [photo for photo in photos if any(map(is_mask_folder, photo.dirs))]
    rest = tuple(photo for photo in photos if not any(map(is_mask_folder, photo.dirs)))
    if not marked or not rest or any("mask" in folder.casefold() for photo in rest for folder in photo.dirs[-1:]):
        return tuple(photos), []
    stems = {_without_mask_word(photo.stem) for photo in rest}
    paired = sum(_without_mask_word(photo.stem) in stems for photo in marked)
    singular = any(folder.casefold() in ("mask", "label") for photo in marked for folder in photo.dirs)
    if singular and 2 * paired < len(marked):
        return tuple(photos), []
    return rest, [photo.name for photo in marked]


@lru_cache(maxsize=4096)
def is_mask_folder(folder: str) -> bool:
    """Return whether a folder's name says that it holds masks, labels or annotations."""
    words = [word for word in re.split(r"[\W_]+", folder.casefold()) if word and word not in (*_TRANSPARENT, "set")]
    return len(words) == 1 and words[0] in _MASKS


def _without_mask_word(stem: str) -> str:
    return re.sub(r"[\W_]*(mask|label|seg|gt|annotation)s?$", "", stem.casefold())


def read_folders(photos: Sequence[Photo], not_taken: Mapping[str, Code]) -> list[Reading]:
    """Return the readings by folder, the likeliest first; a reason to ask is in its ``questions``."""
    opened = [replace(photo, dirs=_open_transparent(photo.dirs)) for photo in photos]
    wrapper = _find_wrapper(opened)
    inner = [
        replace(photo, dirs=photo.dirs[len(wrapper) :]) for photo in opened if photo.dirs[: len(wrapper)] == wrapper
    ]
    readings = []
    for level in range(1, min(max((len(photo.dirs) for photo in inner), default=0), _DEEPEST_LEVEL) + 1):
        labels = {photo.name: photo.dirs[level - 1] for photo in inner if len(photo.dirs) >= level}
        reading = make_reading(
            Source.FOLDERS, f"folders:{level}", _match_splits(labels, inner), photos, not_taken,
            NotTakenCode.OUTSIDE_CLASSES, origin=message(OriginCode.FOLDERS),
        )  # fmt: skip
        if reading is not None:
            readings.append(reading)
    collections = _read_collections(photos, inner, not_taken)
    if collections is not None and len(readings) > 1:
        return [collections, *(reading for reading in readings if reading.option == "folders:1")]
    if readings and all(_DATE.fullmatch(label.strip()) for label in readings[0].class_counts()):
        readings[0] = replace(readings[0], questions=(QuestionCode.DATES,))
    return readings


@lru_cache(maxsize=4096)
def _open_transparent(dirs: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out folders whose names say nothing, and those named like their parent."""
    kept: list[str] = []
    for folder in dirs:
        name = folder.strip().casefold()
        if name not in _TRANSPARENT and not (kept and kept[-1].strip().casefold() == name):
            kept.append(folder)
    return tuple(kept)


def _find_wrapper(photos: Sequence[Photo]) -> tuple[str, ...]:
    """Return the folder that holds the class folders.

    A folder is a wrapper if it holds one folder and nothing else, or at least two folders with twice as many pictures
    in them as lie beside them: a few loose files do no harm, and a class with one subfolder stays one class.
    """
    wrapper: tuple[str, ...] = ()
    while True:
        paths = [photo.dirs[len(wrapper) :] for photo in photos if photo.dirs[: len(wrapper)] == wrapper]
        folders = {dirs[0] for dirs in paths if dirs}
        if len(folders) != 1:
            return wrapper
        inside = [dirs[1:] for dirs in paths if dirs]
        names, loose = {dirs[0] for dirs in inside if dirs}, sum(not dirs for dirs in inside)
        if not (len(names) == 1 and not loose) and not (len(names) > 1 and 3 * loose <= len(inside)):
            return wrapper
        wrapper = (*wrapper, *folders)


def _match_splits(labels: dict[str, str], photos: Sequence[Photo]) -> dict[str, str]:
    """Give a class of another split the spelling of the training class that differs by case alone, if it is one."""
    splits = {photo.name: photo.split for photo in photos}
    train = {label for name, label in labels.items() if splits[name] == "train"}
    spellings: dict[str, list[str]] = defaultdict(list)
    for label in train:
        spellings[label.strip().casefold()].append(label)
    matched = {}
    for name, label in labels.items():
        known = spellings[label.strip().casefold()]
        matched[name] = known[0] if label not in train and len(known) == 1 else label
    return matched


def _read_collections(photos: Sequence[Photo], inner: Sequence[Photo], not_taken: Mapping[str, Code]) -> Reading | None:
    """Return the reading of the second level where the first holds collections: persons, days, sizes.

    At least two first-level folders have 80 % of their photos under names that recur in 60 % of them, and these are
    30 % of all photos. The group is the file name where names recur between collections, as of copies in several
    sizes, otherwise the collection.
    """
    below: dict[str, Counter[str]] = defaultdict(Counter)
    for photo in inner:
        if len(photo.dirs) > 1:
            below[photo.dirs[0]][photo.dirs[1].casefold()] += 1
    recurring = _recurring_names(below)
    members = [p for p in inner if len(p.dirs) > 1 and p.dirs[0] in below and p.dirs[1].casefold() in recurring]
    if len(recurring) < 2 or len(members) < 0.3 * len(inner):
        return None
    labels = {photo.name: photo.dirs[1] for photo in members}
    reading = make_reading(
        Source.FOLDERS,
        "folders:2",
        labels,
        photos,
        not_taken,
        NotTakenCode.OUTSIDE_CLASSES,
        origin=message(OriginCode.COLLECTIONS),
    )
    if reading is None:
        return None
    firsts: dict[tuple[str, str], set[str]] = defaultdict(set)
    for photo in members:
        firsts[photo.dirs[1].casefold(), photo.stem.casefold()].add(photo.dirs[0])
    copies = 2 * sum(len(folders) > 1 for folders in firsts.values()) >= len(firsts)
    groups = {p.name: f"{p.dirs[1]}/{p.stem}".casefold() if copies else p.dirs[0] for p in members}
    return replace(
        reading,
        groups=groups,
        groups_from="names" if copies else "folders",
        questions=(QuestionCode.COLLECTIONS,),
    )


def _recurring_names(below: dict[str, Counter[str]]) -> set[str]:
    """Return the second-level names that recur; drops first-level folders from ``below`` that do not share them."""
    while len(below) > 1:
        names = {name for counts in below.values() for name in counts}
        recurring = {
            name
            for name in names
            if sum(name in counts for counts in below.values()) >= max(2, 0.6 * len(below))
            and not (split_words(name) or name in _TRANSPARENT or is_mask_folder(name))
        }
        shares = {
            first: sum(count for name, count in counts.items() if name in recurring) / sum(counts.values())
            for first, counts in below.items()
        }
        worst = min(shares, key=lambda first: shares[first])
        if shares[worst] >= 0.8:
            return recurring
        del below[worst]
    return set()
