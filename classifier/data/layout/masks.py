"""Pictures that are no photos of a class: masks and drawn labels, by their folder or beside their photo."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .folder_names import SINGULAR_MASKS, is_mask_folder
from .photos import stem_of

_MARKED = re.compile(r"[\s_\-.]+(mask|masks|seg|segmentation|gt|annotation|label)[\s_\-.]*\d*$")
_BESIDE = re.compile(r"[\s_\-.]+(mask|masks|seg|segmentation|gt)[\s_\-.]*\d*$")  # a label may be that of a bottle
_PAIRS = 2  # photos with a mask beside them, from which this is no coincidence


def find_masks(names: Sequence[str]) -> set[str]:
    """Return the pictures of masks: those in folders named so, and NAME_mask.png beside NAME.png.

    A folder “mask” counts only if its files are named like photos elsewhere; beside “no_mask” it is a class.
    """
    folders = {name: name.rpartition("/")[0] for name in names}
    marked_folders = {folder for folder in set(folders.values()) if any(map(is_mask_folder, folder.split("/")))}
    marked = {name for name in names if folders[name] in marked_folders}
    rest = [name for name in names if name not in marked]
    if not rest and all(_is_certain(folder.rpartition("/")[2]) for folder in marked_folders):
        return marked
    if not rest or not _are_masks(marked, marked_folders, rest):
        marked, rest = set(), list(names)
    return marked | _beside_photos(rest)


def _are_masks(marked: set[str], folders: set[str], rest: Sequence[str]) -> bool:
    if any("mask" in folder.rpartition("/")[2].casefold() for folder in {name.rpartition("/")[0] for name in rest}):
        return False
    if not any(part.casefold() in SINGULAR_MASKS for folder in folders for part in folder.split("/")):
        return True
    stems = {_stem(name) for name in rest}
    return 2 * sum(_stem(name) in stems for name in marked) >= len(marked)


def _is_certain(folder: str) -> bool:
    return is_mask_folder(folder) and folder.casefold() not in SINGULAR_MASKS


def _stem(name: str) -> str:
    return _MARKED.sub("", stem_of(name.rpartition("/")[2]).casefold())


def _beside_photos(names: Sequence[str]) -> set[str]:
    """Return the files named like a photo in the same folder, with a word for a mask after it."""
    stems = {(folder, stem_of(base).casefold()) for folder, _, base in (name.rpartition("/") for name in names)}
    found = set()
    for name in names:
        folder, _, base = name.rpartition("/")
        stem = stem_of(base).casefold()
        plain = _BESIDE.sub("", stem)
        if plain != stem and (folder, plain) in stems:
            found.add(name)
    return found if len(found) >= _PAIRS else set()
