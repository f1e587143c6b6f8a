"""Folders that are splits, at any depth, and what lies beside them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..labels import label_key
from .folder_names import is_container, is_unlabeled
from .name_splits import splits_of_names
from .photos import Photo
from .split_names import name_words, split_words

Dirs = tuple[str, ...]
_BESIDE_TRAIN = 1 / 3  # of the photos in a lone train folder may lie in folders beside it before it is asked


@dataclass(frozen=True)
class SplitLayout:
    """The photos with their splits.

    ``beside`` are photos in other folders next to the splits; ``words`` are the names of folders that mean a split,
    whether they are one or not; ``lone`` is the folder named like validation or test that holds all photos. Where many
    photos lie beside the splits ``doubtful`` is set.
    """

    photos: tuple[Photo, ...]
    beside: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()
    active: bool = False
    doubtful: bool = False
    lone: str = ""


class _Place(NamedTuple):
    """Where the split stands in the folders of some photos, None for none, and how many folders it takes up."""

    depth: int | None = None
    length: int = 1


def without_splits(names: Sequence[str], words: frozenset[str] = frozenset()) -> SplitLayout:
    """Return the photos with all folders kept, as training photos."""
    cache: dict[str, Dirs] = {}
    return SplitLayout(tuple(Photo(name, _dirs(name, cache)) for name in names), words=words)


def assign_splits(names: Sequence[str], known: Collection[str] = ()) -> SplitLayout:
    """Find the folders that are splits and take them out of the photos' paths.

    A word alone makes no split. There must be train and one other; or a validation or test folder whose folders are
    named like its neighbors, which then are for training, or like classes that are ``known``; or a train folder of
    class folders beside folders without any. Without such folders the words may stand in the file names.
    """
    cache: dict[str, Dirs] = {}
    dirs = [_dirs(name, cache) for name in names]
    counts = Counter(dirs)
    children = _children(counts)
    split_of = _split_folders(children)
    places = {folder: _place(folder, split_of, children) for folder in counts}
    splits = {f: split_of[f[: p.depth + 1]] for f, p in places.items() if p.depth is not None}
    words = frozenset(folder[depth] for folder, (depth, _) in places.items() if depth is not None)
    around = _Around.of(places, counts)
    found = set(splits.values())
    neighbors_train = _neighbors_are_train(around, found, known)
    pair = "train" in found and len(found) > 1
    if not pair and not neighbors_train and not _train_alone(around, found):
        return _without_folders(names, dirs, words, _only_split(places, split_of))
    photos, beside = [], []
    inner = _without_split(places)
    for name, folder in zip(names, dirs):
        if folder in inner:
            photos.append(Photo(name, inner[folder], splits[folder]))
        elif neighbors_train:
            photos.append(Photo(name, folder))
        else:
            beside.append(name)
    allowed = len(photos) * (1 if pair else _BESIDE_TRAIN)
    doubtful = not neighbors_train and around.in_folders > allowed
    return SplitLayout(tuple(photos), tuple(beside), words, active=True, doubtful=doubtful)


def _without_split(places: Mapping[Dirs, _Place]) -> dict[Dirs, Dirs]:
    """Return folders without those of the split; where several other words go with a split, they are the class.

    So cat_train and dog_train are cat and dog, but seg_train is nothing.
    """
    found = {folder: place for folder, place in places.items() if place.depth is not None}
    others = {_other_words(folder[place.depth or 0]) for folder, place in found.items()} - {""}
    inner = {}
    for folder, (depth, length) in found.items():
        assert depth is not None
        label = _other_words(folder[depth]) if len(others) > 1 else ""
        inner[folder] = folder[:depth] + ((label,) if label else ()) + folder[depth + length :]
    return inner


def _other_words(folder: str) -> str:
    """Return the words of a folder's name beside that of its split, as they are written."""
    found = split_words(folder)
    if not found or not found[1]:
        return ""
    words = re.split(r"[\s_\-.]+", folder)
    return " ".join(word for word in words if set(name_words(word)) & set(found[1]))


def _without_folders(names: Sequence[str], dirs: Sequence[Dirs], words: frozenset[str], lone: str) -> SplitLayout:
    by_name = splits_of_names(names)
    if by_name:
        photos = tuple(Photo(name, folder, by_name.get(name, "train")) for name, folder in zip(names, dirs))
        return SplitLayout(photos, words=words, active=True)
    return SplitLayout(tuple(map(Photo, names, dirs)), words=words, lone=lone)


def _only_split(places: Mapping[Dirs, _Place], split_of: Mapping[Dirs, str]) -> str:
    """Return the folder named like validation or test that holds all photos, empty if there is none."""
    holders = {folder[: depth + 1] if depth is not None else None for folder, (depth, _) in places.items()}
    holder = next(iter(holders)) if len(holders) == 1 else None
    return "" if holder is None or split_of[holder] == "train" else holder[-1]


def _dirs(name: str, cache: dict[str, Dirs]) -> Dirs:
    folder = name.rpartition("/")[0]
    if folder not in cache:
        cache[folder] = tuple(part for part in folder.split("/") if part not in ("", "."))
    return cache[folder]


def _children(counts: Mapping[Dirs, int]) -> dict[Dirs, set[str]]:
    """Return the names of the folders in each folder that holds some."""
    children: dict[Dirs, set[str]] = defaultdict(set)
    for folder in counts:
        for depth in range(len(folder)):
            children[folder[:depth]].add(folder[depth])
    return children


def _split_folders(children: Mapping[Dirs, set[str]]) -> dict[Dirs, str]:
    """Return the split of every folder whose name means one.

    Other words in the name (seg_train) are accepted where folders of several splits have the same other words. A
    folder that holds train and another split itself is no split.
    """
    words = {
        (*folder, name): found for folder, names in children.items() for name in names if (found := split_words(name))
    }
    by_rest: dict[Dirs, set[str]] = defaultdict(set)
    for split, rest in words.values():
        by_rest[rest].add(split)
    splits = {folder: split for folder, (split, rest) in words.items() if not rest or {"train"} < by_rest[rest]}
    inside: dict[Dirs, set[str]] = defaultdict(set)
    for folder, split in splits.items():
        for depth in range(1, len(folder)):
            if folder[:depth] in splits:
                inside[folder[:depth]].add(split)
    return {folder: split for folder, split in splits.items() if not {"train"} < inside[folder]}


def _place(folder: Dirs, split_of: Mapping[Dirs, str], children: Mapping[Dirs, set[str]]) -> _Place:
    """Return the place of the outermost split; a folder in it that means the same and is alone there is a wrapper."""
    depth = next((d for d in range(len(folder)) if folder[: d + 1] in split_of), None)
    if depth is None:
        return _Place()
    end = depth + 1
    while (
        end < len(folder)
        and len(children[folder[:end]]) == 1
        and (split_of.get(folder[: end + 1]) == split_of[folder[: depth + 1]])
    ):
        end += 1
    return _Place(depth, end - depth)


@dataclass(frozen=True)
class _Around:
    """The names of folders inside the splits and beside them, by ``label_key``.

    Of a folder beside that only says that there are pictures in it, the folders in it count. ``deep`` tells whether
    folders beside hold folders, ``in_folders`` is the number of photos beside in folders that may be classes,
    ``loose`` that of the others, ``within`` that of the photos in splits.
    """

    inside: frozenset[str]
    beside: frozenset[str]
    deep: bool
    in_folders: int
    loose: int
    within: int

    @classmethod
    def of(cls, places: Mapping[Dirs, _Place], counts: Mapping[Dirs, int]) -> _Around:
        parents = {folder[:depth] for folder, (depth, _) in places.items() if depth is not None}
        inside = {
            folder[depth + length]
            for folder, (depth, length) in places.items()
            if depth is not None and len(folder) > depth + length
        }
        beside: set[str] = set()
        deep, in_folders, loose = False, 0, 0
        for folder, count in counts.items():
            if places[folder].depth is not None:
                continue
            around = [depth for depth in range(len(folder)) if folder[:depth] in parents]
            below = [[part for part in folder[depth:] if not is_container(part)] for depth in around]
            beside |= {names[0] for names in below if names}
            deep = deep or any(len(folder) > depth + 1 for depth in around)
            if not any(below):
                loose += count
            elif not any(is_unlabeled(part) for part in folder):
                in_folders += count
        within = sum(count for folder, count in counts.items() if places[folder].depth is not None)
        return cls(_keys(inside), _keys(beside), deep, in_folders, loose, within)


def _keys(names: Iterable[str]) -> frozenset[str]:
    return frozenset(label_key(name) for name in names if not is_container(name))


def _neighbors_are_train(around: _Around, found: set[str], known: Collection[str]) -> bool:
    """Return whether validation or test folders hold the classes of their neighbors, or lie beside loose photos."""
    if not found or "train" in found:
        return False
    if around.beside:
        return bool(around.inside) and around.inside <= around.beside
    if around.loose:
        return 2 * around.loose >= around.within and not around.inside
    return bool(around.inside) and around.inside <= {label_key(label) for label in known}


def _train_alone(around: _Around, found: set[str]) -> bool:
    return found == {"train"} and len(around.inside) > 1 and bool(around.beside) and not around.deep
