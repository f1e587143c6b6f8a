"""Folders that are no level of a layout: containers, forms of pictures, copies, wrappers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..labels import label_key
from .folder_names import Dirs, is_beside, is_container, is_form, is_mask_folder, is_unlabeled

_FEW = 0.1  # share of the photos that folders beside the data may have
_HARDLY_ANY = 0.05


@dataclass(frozen=True)
class Opened:
    """What is left of the folders of photos.

    ``inner`` maps folders to those that may be levels, None where they lie beside the data; ``forms`` tells whether
    folders for forms of pictures (original, augmented) were left out.
    """

    inner: Mapping[Dirs, Dirs | None]
    forms: bool = False
    unlabeled: frozenset[Dirs] = field(default=frozenset())


def open_folders(counts: Mapping[Dirs, int]) -> Opened:
    """Leave out folders that say nothing and those that hold the rest; ``counts`` are the photos in each folder."""
    unlabeled = frozenset(dirs for dirs in counts if any(map(is_unlabeled, dirs)))
    children: dict[Dirs, set[str]] = defaultdict(set)
    for dirs in counts:
        for depth in range(len(dirs)):
            children[dirs[:depth]].add(dirs[depth])
    opened = {dirs: _open(dirs, children) for dirs in counts if dirs not in unlabeled}
    sizes: Counter[Dirs] = Counter()
    for dirs, kept in opened.items():
        sizes[kept] += counts[dirs]
    inside = _find_inner(sizes)
    inner = {dirs: inside[opened[dirs]] if dirs in opened else None for dirs in counts}
    forms = any(is_form(part) and part not in kept for dirs, kept in opened.items() for part in dirs)
    return Opened(inner, forms, unlabeled)


def _open(dirs: Dirs, children: Mapping[Dirs, set[str]]) -> Dirs:
    """Leave out containers, forms among themselves, folders named like their parent, and copies of their siblings."""
    kept: list[str] = []
    for depth, folder in enumerate(dirs):
        siblings = children[dirs[:depth]] - {folder}
        below = children.get(dirs[: depth + 1], set())
        if _says_nothing(folder, siblings, below) or (kept and label_key(kept[-1]) == label_key(folder)):
            continue
        if len(below) > 1 and {name.casefold() for name in below} <= {name.casefold() for name in siblings}:
            continue
        kept.append(folder)
    return tuple(kept)


def _says_nothing(folder: str, siblings: set[str], below: set[str]) -> bool:
    """Return whether a folder holds pictures of all classes; flat beside ordinary folders it may be a class."""
    if not is_container(folder) and not is_form(folder):
        return False
    alone = all(is_container(name) or is_form(name) or is_mask_folder(name) or is_beside(name) for name in siblings)
    return alone or (is_container(folder) and bool(below))


def _find_inner(sizes: Mapping[Dirs, int]) -> dict[Dirs, Dirs | None]:
    """Return what is left of folders in the one that holds the class folders.

    A folder is a wrapper if it holds one folder and nothing else, or at least two folders with twice as many pictures
    in them as lie beside them: a few loose files do no harm, and a class with one subfolder stays one class. Folders
    named like those beside the data of a project do not count, if they hold few pictures.
    """
    left = dict(sizes)
    wrapper: Dirs = ()
    while True:
        depth = len(wrapper)
        inside = {dirs: count for dirs, count in left.items() if dirs[:depth] == wrapper}
        beside = _beside(inside, depth)
        folders = {dirs[depth] for dirs in inside if len(dirs) > depth and dirs[depth] not in beside}
        left = {dirs: count for dirs, count in left.items() if not (len(dirs) > depth and dirs[depth] in beside)}
        if len(folders) != 1 or not _is_wrapper(inside, (*wrapper, *folders)):
            return {dirs: dirs[depth:] if dirs in left and dirs[:depth] == wrapper else None for dirs in sizes}
        wrapper = (*wrapper, *folders)


def _is_wrapper(inside: Mapping[Dirs, int], folder: Dirs) -> bool:
    below = {dirs[len(folder) :]: count for dirs, count in inside.items() if dirs[: len(folder)] == folder}
    names = {dirs[0] for dirs in below if dirs}
    loose = below.get((), 0)
    return (len(names) == 1 and not loose) or (len(names) > 1 and 3 * loose <= sum(below.values()))


def _beside(inside: Mapping[Dirs, int], depth: int) -> set[str]:
    """Return the folders of one level that lie beside the data: named so, with few pictures, beside deeper ones."""
    counts: Counter[str] = Counter()
    deep = set()
    for dirs, count in inside.items():
        if len(dirs) > depth:
            counts[dirs[depth]] += count
            if len(dirs) > depth + 1:
                deep.add(dirs[depth])
    total = sum(counts.values())
    named = {folder for folder in counts if is_beside(folder)}
    rest = set(counts) - named
    if not rest:
        return set()
    if not rest & deep:  # the others look like classes: only names that are certainly none
        named = {folder for folder in named if is_beside(folder, certainly=True)}
    allowed = _FEW if rest & deep or len(rest) == 1 else _HARDLY_ANY
    return named if sum(counts[folder] for folder in named) <= allowed * total else set()
