"""Folders that are no level of a layout: containers, forms of pictures, copies, wrappers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .folder_names import Dirs, is_beside, is_container, is_form, is_mask_folder, is_unlabeled

Place = tuple[str, Dirs]  # a split and folders

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


def open_folders(places: Mapping[Place, int]) -> Opened:
    """Leave out folders that say nothing and those that hold the rest.

    ``places`` are the numbers of photos by split and folders: what lies beside a folder is judged within each split.
    """
    counts: Counter[Dirs] = Counter()
    for (_, dirs), count in places.items():
        counts[dirs] += count
    unlabeled = frozenset(dirs for dirs in counts if any(map(is_unlabeled, dirs)))
    data = _inside(counts)
    tree = _Tree(place for place in places if place[1] in data)
    opened = {dirs: tree.open(dirs) for dirs in data if dirs not in unlabeled}
    sizes: Counter[Dirs] = Counter()
    for dirs, kept in opened.items():
        sizes[kept] += counts[dirs]
    inside = _find_inner(sizes)
    inner = {dirs: inside[opened[dirs]] if dirs in opened else None for dirs in counts}
    forms = any(len(kept) < len(dirs) and any(map(is_form, dirs)) for dirs, kept in opened.items())
    return Opened(inner, forms, unlabeled)


class _Tree:
    """The folders of each split, with what their names and neighbors say."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._children: dict[Place, set[str]] = defaultdict(set)
        for split, dirs in places:
            for depth in range(len(dirs)):
                self._children[split, dirs[:depth]].add(dirs[depth])
        self._splits = {split for split, _ in self._children}
        self._folded: dict[Place, set[str]] = {}
        self._say_nothing: dict[Place, bool] = {}

    def open(self, dirs: Dirs) -> Dirs:
        """Leave out containers, forms among themselves, folders named like their parent, copies of their siblings."""
        kept: list[str] = []
        for depth, folder in enumerate(dirs):
            outer = dirs[:depth]
            parents = [(split, outer) for split in self._splits if folder in self._children.get((split, outer), ())]
            if all(self._holds_all_classes(parent, folder) for parent in parents):
                continue
            if all(self._is_copy(parent, folder) for parent in parents):
                continue
            if not kept or kept[-1].strip().casefold() != folder.strip().casefold():
                kept.append(folder)
        return tuple(kept)

    def _holds_all_classes(self, parent: Place, folder: str) -> bool:
        """Return whether a folder holds pictures of all classes; flat beside ordinary folders it may be a class."""
        if is_container(folder) and self._children.get((parent[0], (*parent[1], folder))):
            return True
        return (is_container(folder) or is_form(folder)) and self._children_say_nothing(parent)

    def _is_copy(self, parent: Place, folder: str) -> bool:
        """Return whether a folder holds folders named like those beside it."""
        below = (parent[0], (*parent[1], folder))
        if len(self._children.get(below, ())) < 2:
            return False
        return folder.casefold() not in self._fold(below) and self._fold(below) <= self._fold(parent)

    def _fold(self, parent: Place) -> set[str]:
        if parent not in self._folded:
            self._folded[parent] = {name.casefold() for name in self._children[parent]}
        return self._folded[parent]

    def _children_say_nothing(self, parent: Place) -> bool:
        if parent not in self._say_nothing:
            kinds = (is_container, is_form, is_mask_folder, is_beside)
            self._say_nothing[parent] = all(any(kind(name) for kind in kinds) for name in self._children[parent])
        return self._say_nothing[parent]


def _inside(counts: Mapping[Dirs, int]) -> dict[Dirs, int]:
    """Leave out folders beside that of the data, before it is opened."""
    left, depth = dict(counts), 0
    while True:
        beside = _beside(left, depth)
        left = {dirs: count for dirs, count in left.items() if len(dirs) <= depth or dirs[depth] not in beside}
        if len({dirs[: depth + 1] for dirs in left}) != 1 or min(map(len, left)) <= depth:
            return left
        depth += 1


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
    """Return the folders of one level that lie beside the data.

    They hold few pictures, and are named so or lie beside a folder “data” or “images” that holds folders.
    """
    counts: Counter[str] = Counter()
    deep = set()
    for dirs, count in inside.items():
        if len(dirs) > depth:
            counts[dirs[depth]] += count
            if len(dirs) > depth + 1:
                deep.add(dirs[depth])
    total = sum(counts.values())
    named = {folder for folder in counts if is_beside(folder)}
    holders = {folder for folder in counts if is_container(folder) and folder in deep}
    others = set(counts) - holders
    if holders and sum(counts[folder] for folder in others) <= _FEW * total:
        return others
    rest = set(counts) - named
    if not rest and deep:
        rest = {max(deep, key=lambda folder: counts[folder])}  # src/assets/… of an app
        named -= rest
    if not rest:
        return set()
    if not rest & deep:  # the others look like classes: only names that are certainly none
        named = {folder for folder in named if is_beside(folder, certainly=True)}
    allowed = _FEW if rest & deep or len(rest) == 1 else _HARDLY_ANY
    return named if sum(counts[folder] for folder in named) <= allowed * total else set()
