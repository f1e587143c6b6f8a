"""Photos that belong together: copies of one photo, those of a patient, a video, a folder."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ...messages import message
from ...messages.layout import NoteCode
from ..name_groups import find_name_groups
from .folder_names import is_date, is_group
from .photos import stem_of
from .reading import Reading, Source

_ROBOFLOW = ".rf."
_MARKED = 0.5  # share of the photos that must have a group by their names or folders

Groups = Mapping[str, str]  # by file name


@dataclass(frozen=True)
class TableGroups:
    """Groups from a column of a table, by file name."""

    file: str = ""
    groups: Groups = field(default_factory=dict)


def add_groups(reading: Reading, from_tables: TableGroups) -> Reading:
    """Return the reading with the groups that the layout shows, and a note if they lie in several given splits."""
    if not reading.groups:
        reading = _with(reading, _roboflow(reading), "roboflow")
    if not reading.groups and from_tables.groups:
        reading = _with(reading, from_tables.groups, from_tables.file)
    if not reading.groups:
        reading = _with(reading, _group_folders(reading), "folders")
    return note_splits(reading)


def note_splits(reading: Reading) -> Reading:
    """Add how many groups lie in more than one of the given splits."""
    splits: dict[str, set[str]] = defaultdict(set)
    for name, group in reading.groups.items():
        splits[group].add(reading.splits[name])
    divided = sum(len(found) > 1 for found in splits.values())
    if not divided:
        return reading
    note = message(NoteCode.DIVIDED_GROUPS, count=divided, total=len(splits))
    return replace(reading, notes=(*reading.notes, note))


def without_groups(reading: Reading) -> Reading:
    """Return the reading without groups."""
    notes = tuple(note for note in reading.notes if note.code is not NoteCode.DIVIDED_GROUPS)
    return replace(reading, groups={}, groups_from="", notes=notes)


def group_by_names(reading: Reading) -> Reading:
    """Return the reading with groups of the file names within the classes.

    Roboflow's copies, equal names, names but for a number, or another part that many names share.
    """
    plain = without_groups(reading)
    stems = {name: stem_of(name.rpartition("/")[2]).casefold() for name in reading.labels}
    if _roboflow(reading):
        return note_splits(_with(plain, _roboflow(reading), "names"))
    copies = {name: f"{reading.labels[name]}/{stem}" for name, stem in stems.items()}
    if len(set(copies.values())) <= len(stems) / 2:
        return note_splits(_with(plain, copies, "names"))
    shorter = {name: re.sub(r"[\W_]*\d+[^\d]*$", "", stem) for name, stem in stems.items()}
    numbered = {name: f"{reading.labels[name]}/{stem}" for name, stem in shorter.items()}
    distinct = len(set(numbered.values()))
    if len(reading.class_counts()) < distinct < len(numbered):
        return note_splits(_with(plain, numbered, "names"))
    names, labels = list(reading.labels), list(reading.labels.values())
    found = find_name_groups(names, labels)
    keys = found[0].keys if found else ()
    parts = {name: f"{label}/{key}" for name, label, key in zip(names, labels, keys) if key is not None}
    return note_splits(_with(plain, parts, "names"))


def group_by_folders(reading: Reading) -> Reading:
    """Return the reading with the folder of each photo as its group, where the classes' folders hold several."""
    plain = without_groups(reading)
    folders = {name: name.rpartition("/")[0] for name in reading.labels}
    if reading.source is Source.FOLDERS:
        outer = _outer_folders(reading)
        folders = outer if len(set(outer.values())) > 1 else folders
        if len(set(folders.values())) <= len({(reading.labels[n], reading.splits[n]) for n in folders}):
            return plain
    return note_splits(_with(plain, folders, "folders")) if len(set(folders.values())) > 1 else plain


def group_by_table(reading: Reading, table: TableGroups) -> Reading:
    """Return the reading with the groups of a table."""
    return note_splits(_with(without_groups(reading), table.groups, table.file))


def _with(reading: Reading, groups: Groups, origin: str) -> Reading:
    kept = {name: group for name, group in groups.items() if name in reading.labels}
    return replace(reading, groups=kept, groups_from=origin) if kept else reading


def _roboflow(reading: Reading) -> Groups:
    """Group Roboflow's augmented copies NAME_jpg.rf.HASH.jpg, which are one photo if their labels are equal."""
    names = [name for name in reading.labels if _ROBOFLOW in name]
    stems = {name: name.rpartition("/")[2].partition(_ROBOFLOW)[0] for name in names}
    found: dict[str, set[str]] = defaultdict(set)
    for name, stem in stems.items():
        found[stem].add(reading.labels[name])
    return {
        name: stem if len(found[stem]) == 1 else f"{reading.labels[name]}/{stem}"
        for name, stem in stems.items()
        if stem
    }


def _group_folders(reading: Reading) -> Groups:
    """Group photos by folders named like a patient, a video or a session with its number, or a date.

    Each class must have several groups: otherwise none could be kept apart to measure with.
    """
    cache: dict[str, str] = {}
    groups = {}
    for name, label in reading.labels.items():
        folder = name.rpartition("/")[0]
        if folder not in cache:
            marked = [part for part in folder.split("/") if is_group(part) or is_date(part)]
            cache[folder] = marked[0] if marked else ""
        if cache[folder] and cache[folder] != label:
            groups[name] = cache[folder]
    by_class: dict[str, set[str]] = defaultdict(set)
    for name, label in reading.labels.items():
        by_class[label].add(groups.get(name, name))
    enough = len(groups) >= _MARKED * len(reading.labels) and all(len(found) > 1 for found in by_class.values())
    return groups if enough else {}


def _outer_folders(reading: Reading) -> dict[str, str]:
    """Return the path of each photo's folders without that of its class."""
    return {
        name: "/".join(part for part in name.split("/")[:-1] if part != label) for name, label in reading.labels.items()
    }
