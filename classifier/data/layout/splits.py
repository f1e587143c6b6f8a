"""Folders that are splits, at any depth, and what lies beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .photos import Photo
from .split_names import split_words

Path = tuple[str, ...]


@dataclass(frozen=True)
class SplitLayout:
    """The photos with their splits.

    ``beside`` are photos in other folders next to the splits, ``words`` the names of folders that mean a split,
    whether they are one or not. Where most photos lie beside the splits ``doubtful`` is set.
    """

    photos: tuple[Photo, ...]
    beside: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()
    active: bool = False
    doubtful: bool = False


def without_splits(names: Sequence[str], words: frozenset[str] = frozenset()) -> SplitLayout:
    """Return the photos with all folders kept, as training photos."""
    return SplitLayout(tuple(Photo(name, tuple(name.split("/")[:-1])) for name in names), words=words)


def assign_splits(names: Sequence[str]) -> SplitLayout:
    """Find the folders that are splits and take them out of the photos' paths.

    A word alone makes no split. There must be train and one other; or a single validation or test folder whose
    folders are named like its neighbors, which then are for training; or a train folder of class folders beside
    folders without any.
    """
    paths = [tuple(name.split("/")) for name in names]
    split_of = _split_folders(paths)
    depths = [next((d for d in range(len(path) - 1) if path[: d + 1] in split_of), None) for path in paths]
    found = {split_of[path[: depth + 1]] for path, depth in zip(paths, depths) if depth is not None}
    words = frozenset(path[depth] for path, depth in zip(paths, depths) if depth is not None)
    neighbors_train = _neighbors_are_train(paths, depths, found)
    pair = "train" in found and len(found) > 1
    if not pair and not neighbors_train and not _train_alone(paths, depths, found):
        return without_splits(names, words)
    photos, beside = [], []
    for name, path, depth in zip(names, paths, depths):
        if depth is not None:
            photos.append(Photo(name, path[:depth] + path[depth + 1 : -1], split_of[path[: depth + 1]]))
        elif neighbors_train:
            photos.append(Photo(name, path[:-1]))
        else:
            beside.append(name)
    doubtful = sum("/" in name for name in beside) > len(photos)
    return SplitLayout(tuple(photos), tuple(beside), words, active=True, doubtful=doubtful)


def _split_folders(paths: Sequence[Path]) -> Mapping[Path, str]:
    """Return the split of every folder whose name means one.

    Other words in the name (seg_train) are accepted where folders of several splits have the same other words.
    """
    words = {}
    for path in paths:
        for depth in range(len(path) - 1):
            folder = path[: depth + 1]
            if folder not in words:
                words[folder] = split_words(path[depth])
    by_rest: dict[Path, set[str]] = defaultdict(set)
    for found in words.values():
        if found:
            by_rest[found[1]].add(found[0])
    return {
        folder: found[0] for folder, found in words.items() if found and (not found[1] or {"train"} < by_rest[found[1]])
    }


def _neighbors_are_train(paths: Sequence[Path], depths: Sequence[int | None], found: set[str]) -> bool:
    if len(found) != 1 or "train" in found:
        return False
    below, beside, _ = _around(paths, depths)
    return len(below) > 1 and {name.casefold() for name in below} <= {name.casefold() for name in beside}


def _train_alone(paths: Sequence[Path], depths: Sequence[int | None], found: set[str]) -> bool:
    if found != {"train"}:
        return False
    below, beside, deep = _around(paths, depths)
    return len(below) > 1 and bool(beside) and not deep


def _around(paths: Sequence[Path], depths: Sequence[int | None]) -> tuple[set[str], set[str], bool]:
    """Return the folders inside the splits, those beside them, and whether the latter hold folders themselves."""
    inside = [(path, depth) for path, depth in zip(paths, depths) if depth is not None]
    parents = {path[:depth] for path, depth in inside}
    outside = [path for path, depth in zip(paths, depths) if depth is None]
    beside, deep = set(), False
    for parent in parents:
        for path in outside:
            if path[: len(parent)] == parent and len(path) > len(parent) + 1:
                beside.add(path[len(parent)])
                deep = deep or len(path) > len(parent) + 2
    return {path[depth + 1] for path, depth in inside if len(path) > depth + 2}, beside, deep
