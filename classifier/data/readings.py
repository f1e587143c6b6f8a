"""The reading of an upload: one data set, or several folders and zips whose own names may be splits."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from ..config import Limits
from ..errors import LayoutError
from ..messages import message
from ..messages.data import UploadNoteCode
from ..messages.layout import NoteCode, NotTakenCode, QuestionCode
from .file_sets import File, FileSet
from .labels import label_key
from .layout import Decision, Layout, Reading, Source, Texts, choose, option_file, read_texts
from .layout.groups import TableGroups, group_by_table
from .layout.photos import find_photos
from .layout.split_names import split_words
from .sample_readings import STATED, read_samples, without_samples
from .sources import Listing, has_pictures

_T = TypeVar("_T")
_OFFERED = 3  # readings at most
_AS_SPLIT = re.compile("@(val|test)$")  # in an option of the page: the reading before it, as photos of the split


@dataclass(frozen=True)
class Wish:
    """What a person asked for: values of ``--labels`` and ``--groups``, see ``layout.choose``."""

    labels: str | None = None
    groups: str = "auto"


def read_listing(
    listing: Listing, wish: Wish, limits: Limits, known: Collection[str] = (), ask: bool = False
) -> tuple[Layout, list[tuple[str, File]]]:
    """Return the layout of the files that came, and the files with the names that it uses.

    Args:
        listing: the files.
        wish: the reading that the person chose; a file that it names may lie outside the data.
        limits: what a table may hold at most.
        known: the classes that the project has already; photos that a name calls test are added to these.
        ask: whether to ask where the own name of a single folder or zip is that of a split.

    Raises ``LayoutError`` where the reading that was chosen does not fit.
    """
    if option_file(wish.labels) and any(one.samples for one in listing.sets):
        wish = replace(wish, labels=None)  # it named the column that the samples have their classes from
    grouped = any(_group_of(file) for one in listing.sets for file in one.files)
    column = listing.groups_column if grouped else None
    if column:
        wish = replace(wish, groups="none")  # it named the column that they have their groups from
    others = has_pictures(file.key for one in listing.sets if not one.samples for file in one.files)
    is_by_name = not others and _plain(wish.labels) not in (None, STATED)
    sets = _with_train(without_samples(listing.sets) if is_by_name else listing.sets)
    several = len(sets) > 1
    files = _named(sets) if several else [(file.key, file) for one in sets for file in one.files]
    keys = list(dict.fromkeys(key for key, _ in files))
    tables = read_texts(((key, file.path) for key, file in files), limits)
    if not ask:
        wish, outside = _with_outside(wish, keys, limits)
        tables = Texts({**tables.texts, **outside.texts}, {**tables.unreadable, **outside.unreadable})
    samples = [one for one in sets if one.samples]
    if samples and not others:
        layout = read_samples(files, tables, wish.groups, known)
        layout = _by_own_name(layout, samples[0].name, wish, known, ask)
    elif several:
        layout = _read_several(sets, tables, wish, known)
    else:
        layout = _by_own_name(_read(keys, tables, wish), sets[0].name if sets else "", wish, known, ask)
    return _group_by_column(layout, files, column) if column else layout, files


def _group_by_column(layout: Layout, files: Sequence[tuple[str, File]], column: str) -> Layout:
    """Return the layout with the groups that a column of Parquet files has."""
    table = TableGroups(column, {key: group for key, file in files if (group := _group_of(file))})
    return replace(layout, readings=tuple(group_by_table(reading, table) for reading in layout.readings))


def _group_of(file: File) -> str | None:
    return file.sample.group if file.sample else None


def _named(sets: Iterable[FileSet]) -> list[tuple[str, File]]:
    """Return the files of several sets with their names among all."""
    return [(one.joint_key(file), file) for one in sets for file in one.files]


def own_splits(names: Sequence[str]) -> list[str | None]:
    """Return the splits that the names of folders and zips mean.

    Other words in a name are accepted where names of several splits, train among them, have the same: seg_train.
    """
    found = [split_words(name) for name in names]
    by_rest: dict[tuple[str, ...], set[str]] = {}
    for split, rest in filter(None, found):
        by_rest.setdefault(rest, set()).add(split)
    return [words[0] if words and (not words[1] or {"train"} < by_rest[words[1]]) else None for words in found]


# -- one data set


def _plain(labels: str | None) -> str | None:
    """Return the option of a reading without its split."""
    return _AS_SPLIT.sub("", labels) if labels else None


def _read(keys: Sequence[str], tables: Texts, wish: Wish) -> Layout:
    labels = _plain(wish.labels)
    layout = choose(keys, tables.texts, labels, wish.groups, unreadable=tables.unreadable)
    return _prefer_folder(layout) if labels is None and layout.questions == (QuestionCode.NAMES,) else layout


def _prefer_folder(layout: Layout) -> Layout:
    """Read photos of one folder as one class where some of their names begin with the folder's: mug/mug 1.jpg."""
    words = {label_key(word) for one in layout.readings if one.source is Source.NAMES for word in one.class_counts()}
    for reading in layout.readings:
        classes = set(map(label_key, reading.class_counts())) if reading.source is Source.FOLDERS else set()
        if len(classes) == 1 and classes <= words:
            others = (one for one in layout.readings if one is not reading)
            return replace(layout, decision=Decision.READ, readings=(reading, *others), questions=())
    return layout


def _by_own_name(layout: Layout, name: str, wish: Wish, known: Collection[str], ask: bool) -> Layout:
    """Read photos as test or validation photos where the name of their folder or zip says so.

    They are where the project has their classes; otherwise it is asked, if it may be. A name with other words, such as
    seg_test, is asked about where the project has their classes.
    """
    name = layout.lone_folder if layout.lone_folder and not split_words(name) else name
    split, rest = split_words(name) or ("train", ())
    if split == "train" or layout.decision is not Decision.READ:
        return layout
    reading = layout.readings[0]
    if set(reading.splits.values()) != {"train"}:
        return layout
    code = UploadNoteCode.OWN_TEST if split == "test" else UploadNoteCode.OWN_VAL
    note = message(code, count=len(reading.labels), name=name)
    apart = replace(
        reading,
        option=f"{reading.option}@{split}",
        splits=dict.fromkeys(reading.splits, split),
        notes=(*(one for one in reading.notes if one.code is not NoteCode.LONE_SPLIT), note),
    )
    if wish.labels is not None:
        return replace(layout, readings=(apart,)) if wish.labels == apart.option else layout
    readings = (apart, *layout.readings)[:_OFFERED]
    is_known = not {label_key(label) for label in known}.isdisjoint(map(label_key, reading.class_counts()))
    if is_known and not rest:
        return replace(layout, readings=readings)
    if ask and (is_known or not rest):
        return replace(layout, decision=Decision.ASK, readings=readings, questions=(QuestionCode.SPLIT_AS_CLASS,))
    return layout


# -- several folders and zips


def _read_several(sets: Sequence[FileSet], tables: Texts, wish: Wish, known: Collection[str]) -> Layout:
    """Read each folder or zip by itself; where one cannot be read so, all together under their own names."""
    outside = tables.texts.keys() - {key for key, _ in _named(sets)}
    alone = []
    for one in sets:
        layout = _read_alone(one, tables, outside, wish, known)
        if layout is None:
            return _read_together(sets, tables, wish, known)
        alone.append(layout)
    return _merge(sets, alone, bool(known))


def _read_together(sets: Sequence[FileSet], tables: Texts, wish: Wish, known: Collection[str]) -> Layout:
    """Read all folders and zips as one; samples are added to each reading, and are one where there is no other."""
    keys = list(dict.fromkeys(key for key, _ in _named(one for one in sets if not one.samples)))
    samples = [one for one in sets if one.samples]
    if not samples:
        return _read(keys, tables, wish)
    stated = read_samples(_named(samples), tables, wish.groups, known)
    plain = _read(keys, tables, replace(wish, labels=None))
    photos, names = plain.photos + stated.photos, (*plain.names, *stated.names)
    if plain.readings:
        layout = _read(keys, tables, wish)
        readings = tuple(_join([reading, *stated.readings]) for reading in layout.readings)
        return replace(layout, readings=readings, photos=photos, names=names)
    not_taken = dict.fromkeys(plain.names, NotTakenCode.OUTSIDE_CLASSES)
    readings = tuple(replace(reading, not_taken=not_taken) for reading in stated.readings)
    return replace(stated, readings=readings, photos=photos, names=names)


def _read_alone(
    one: FileSet, tables: Texts, outside: Collection[str], wish: Wish, known: Collection[str]
) -> Layout | None:
    """Return the layout of one folder or zip, under the joint names, if one reading fits; it sees no other tables."""
    joint = {file.key: one.joint_key(file) for file in one.files}
    texts = {key: tables.texts[name] for key, name in joint.items() if name in tables.texts}
    texts |= {name: tables.texts[name] for name in outside}
    unreadable = {key: tables.unreadable[name] for key, name in joint.items() if name in tables.unreadable}
    try:
        if one.samples:
            layout = read_samples(_named([one]), tables, wish.groups, known)
        else:
            layout = _read(list(joint), Texts(texts, unreadable), wish)
    except LayoutError:
        return None
    if layout.decision is not Decision.READ:
        return None
    if one.samples:
        return layout
    reading = layout.readings[0]
    renamed = replace(
        reading,
        labels=_rename(reading.labels, joint),
        splits=_rename(reading.splits, joint),
        not_taken=_rename(reading.not_taken, joint),
        groups=_rename(reading.groups, joint),
    )
    return replace(layout, readings=(renamed,), names=tuple(joint[name] for name in layout.names))


def _rename(values: Mapping[str, _T], names: Mapping[str, str]) -> dict[str, _T]:
    return {names[key]: value for key, value in values.items()}


def _merge(sets: Sequence[FileSet], layouts: Sequence[Layout], known: bool) -> Layout:
    """Join readings; the own name of a folder or zip is the split of its photos unless it holds splits itself."""
    readings = [layout.readings[0] for layout in layouts]
    splits = _splits_of(sets, layouts)
    by_name = [_in_split(reading, split) for reading, split in zip(readings, splits)]
    if known or any("train" in reading.splits.values() for reading in by_name):
        readings = by_name
    names = tuple(name for layout in layouts for name in layout.names)
    return Layout(Decision.READ, (_join(readings),), photos=sum(layout.photos for layout in layouts), names=names)


def _join(readings: Sequence[Reading]) -> Reading:
    """Return the first reading with the photos of the others."""
    return replace(
        readings[0],
        labels=_joined(reading.labels for reading in readings),
        splits=_joined(reading.splits for reading in readings),
        not_taken=_joined(reading.not_taken for reading in readings),
        groups=_joined(reading.groups for reading in readings),
        groups_from=next((reading.groups_from for reading in readings if reading.groups_from), ""),
        matched=sum(reading.matched for reading in readings),
        total=sum(reading.total for reading in readings),
        notes=tuple(note for reading in readings for note in reading.notes),
    )


def _splits_of(sets: Sequence[FileSet], layouts: Sequence[Layout]) -> list[str | None]:
    """Return the splits that the own names mean; “test of May” is one if its classes are those of the others.

    The name of a folder that holds all photos counts where the own name means none.
    """
    splits = own_splits([one.name for one in sets])
    inner = own_splits([layout.lone_folder for layout in layouts])
    splits = [own or lone for own, lone in zip(splits, inner)]
    classes = [set(map(label_key, layout.readings[0].class_counts())) for layout in layouts]
    for number, one in enumerate(sets):
        words = split_words(one.name)
        others = set().union(*classes[:number], *classes[number + 1 :])
        if splits[number] is None and words and words[0] != "train" and classes[number] <= others:
            splits[number] = words[0]
    return splits


def _in_split(reading: Reading, split: str | None) -> Reading:
    """Return the reading with all photos in a split, unless it has splits of its own."""
    if split in (None, "train") or set(reading.splits.values()) != {"train"}:
        return reading
    notes = tuple(note for note in reading.notes if note.code is not NoteCode.LONE_SPLIT)
    return replace(reading, splits=dict.fromkeys(reading.splits, split), matched=0, total=0, notes=notes)


def _joined(mappings: Iterable[Mapping[str, _T]]) -> dict[str, _T]:
    return {key: value for mapping in mappings for key, value in mapping.items()}


def _with_train(sets: Sequence[FileSet]) -> list[FileSet]:
    """Call the only folder or zip that is not named like a split “train” where others are named test or validation."""
    splits = own_splits([one.name for one in sets])
    others = [
        number
        for number, (one, split) in enumerate(zip(sets, splits))
        if split is None and find_photos([file.key for file in one.files])
    ]
    if len(others) != 1 or "train" in splits or not any(splits):
        return list(sets)
    return [replace(one, name="train", has_folder=False) if [n] == others else one for n, one in enumerate(sets)]


# -- tables outside the data


def _with_outside(wish: Wish, files: Collection[str], limits: Limits) -> tuple[Wish, Texts]:
    """Read the tables that the options name and that are no file of the data; return the options by base names."""
    found = Texts({}, {})
    options = []
    for option in (wish.labels, wish.groups):
        place, column = _find_outside(option_file(option), files)
        if place is not None:
            table = read_texts([(place.name, place)], limits)
            found = Texts({**found.texts, **table.texts}, {**found.unreadable, **table.unreadable})
            option = place.name + column
        options.append(option)
    return Wish(options[0], options[1] or wish.groups), found


def _find_outside(name: str | None, files: Collection[str]) -> tuple[Path | None, str]:
    """Return the table that an option names, with “:” and the column; a file of the data comes first."""
    if name is None:
        return None, ""
    bases = {key.rpartition("/")[2] for key in files} | set(files)
    for place, column in ((name, ""), (name.rpartition(":")[0], f":{name.rpartition(':')[2]}")):
        if place in bases:
            return None, ""
        if place and Path(place).is_file():
            return Path(place), column
    return None, ""
