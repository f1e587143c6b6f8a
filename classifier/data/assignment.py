"""A reading -> the class, split and group of each file, or why it has none; class names are cleaned and matched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..config import Limits
from ..messages import Message, message
from ..messages.data import LeftOutCode, UploadNoteCode
from ..messages.layout import NotTakenCode
from .file_sets import File
from .labels import clean_label, clean_labels, label_key, natural_key
from .layout import Decision, Layout, Reading, Source, wants_text
from .sources import Listing

Splits = Mapping[str, Iterable[str]]  # split -> the classes that it has


@dataclass(frozen=True)
class Assignment:
    """What a photo shows, which split it belongs to, and the group that the layout shows, None where there is none."""

    label: str
    split: str = "train"
    group: str | None = None


@dataclass(frozen=True)
class Plan:
    """What is to become of each file of an upload.

    ``assigned`` has for each of ``files`` (name as the person knows it, path) its assignment, or why it is not used, or
    None where its content says why; ``no_class`` is the reason of a picture then. ``notes`` say which class names were
    matched, and how many photos have no label. ``archives`` are the names of the zips that files came in, by path.
    """

    files: tuple[tuple[str, Path], ...]
    assigned: tuple[Assignment | Message | None, ...]
    no_class: Message
    layout: Layout | None = None
    reading: Reading | None = None
    notes: tuple[Message, ...] = ()
    archives: Mapping[Path, str] = field(default_factory=dict)


def plan_class(listing: Listing, label: str, group: str | None = None) -> Plan:
    """Return the plan to put all files of an upload into one class, and into one group where it has a name."""
    found = [file for one in listing.sets for file in one.files]
    files, assigned = tuple((file.name, file.path) for file in found), (Assignment(label, group=group),) * len(found)
    return Plan(files, assigned, message(LeftOutCode.NO_CLASS), archives=_archives(found))


def _archives(files: Iterable[File]) -> dict[Path, str]:
    return {file.path: file.archive for file in files if file.archive is not None}


def plan_reading(layout: Layout, files: Sequence[tuple[str, File]], known: Splits, limits: Limits) -> Plan:
    """Return the plan to use an upload as its only reading says.

    Tables that gave the labels or groups are no files of the plan: they are no photos that were left out.

    Args:
        layout: of the files.
        files: with their names in the layout.
        known: the classes of each split that the project has already; classes of different splits are matched.
        limits: the longest class name.

    Raises ``LayoutError`` where several readings fit, or none.
    """
    if layout.decision is not Decision.READ:
        raise layout.error()
    reading = layout.readings[0]
    labels, notes = _class_names(reading, known, limits)
    neighbors = _labels_of_folders(reading) if reading.source is Source.FOLDERS else {}
    kept = [(key, file) for key, file in files if not (wants_text(key) and is_used(key, reading))]
    unlabeled = sum(code is NotTakenCode.UNLABELED_SPLIT for code in reading.not_taken.values())
    if unlabeled:
        notes.append(message(UploadNoteCode.UNLABELED, count=unlabeled))
    return Plan(
        tuple((file.name, file.path) for _, file in kept),
        tuple(
            message(layout.unreadable[key]) if key in layout.unreadable else _assign(key, reading, labels, neighbors)
            for key, _ in kept
        ),
        _why_without_class(reading),
        layout,
        reading,
        (*notes, *reading.notes),
        _archives(file for _, file in kept),
    )


def is_used(name: str, reading: Reading) -> bool:
    """Return whether labels or groups come from a table: it is named by path or by base name."""
    if reading.source is Source.BOXES:
        return True
    base = PurePosixPath(name).name
    sources = (reading.option if reading.source is Source.TABLE else "", reading.groups_from)
    return any(source in (name, base) or source.startswith((f"{name}:", f"{base}:")) for source in sources)


def _assign(
    name: str, reading: Reading, labels: Mapping[str, str], neighbors: Mapping[str, set[tuple[str, str]]]
) -> Assignment | Message | None:
    if name in reading.labels:
        return Assignment(labels[reading.labels[name]], reading.splits[name], reading.groups.get(name))
    if name in reading.not_taken:
        code = reading.not_taken[name]
        # The content decides: a file that is damaged or no picture is called that.
        return None if code is NotTakenCode.OUTSIDE_CLASSES else message(code)
    return _by_folder(name, neighbors, labels)


def _why_without_class(reading: Reading) -> Message:
    """Return why a picture has no class that the reading does not mention."""
    if reading.source is Source.FOLDERS:
        return message(LeftOutCode.NO_CLASS)
    return message(NotTakenCode.NO_LABEL if reading.source is Source.NAMES else NotTakenCode.NOT_IN_TABLE)


def _class_names(reading: Reading, known: Splits, limits: Limits) -> tuple[dict[str, str], list[Message]]:
    """Return the class name of each raw label.

    Names are cleaned, and a class of one split gets the spelling of the class of another that looks the same, if it
    is the only one on both sides. Within a split no two are joined.
    """
    clean = clean_labels(set(reading.labels.values()), limits)
    splits: dict[str, set[str]] = {}
    for name, raw in reading.labels.items():
        splits.setdefault(clean[raw], set()).add(reading.splits[name])
    for split, present in known.items():
        for label in present:
            splits.setdefault(label, set()).add("train" if split == "held_out" else split)
    # The keys are of the names as they came: “cat ” is “cat (2)” beside “cat”, and yet looks like it.
    keys = {label: label_key(label, limits) for label in splits} | {clean[raw]: label_key(raw, limits) for raw in clean}
    numbered = {label for raw, label in clean.items() if label != clean_label(raw, limits)}
    old = {label for present in known.values() for label in present}
    matched = _match(splits, keys, numbered, set(clean.values()), old)
    pairs = [
        message(UploadNoteCode.MATCHED_PAIR, name=name, label=label)
        for name, label in sorted(matched.items(), key=lambda pair: natural_key(pair[0]))
    ]
    notes = [message(UploadNoteCode.MATCHED, pairs=pairs)] if pairs else []
    return {raw: matched.get(label, label) for raw, label in clean.items()}, notes


def _match(
    splits: Mapping[str, set[str]], keys: Mapping[str, str], numbered: set[str], new: set[str], old: set[str]
) -> dict[str, str]:
    """Return new name -> class it is, where no other class of the same split looks like one of the two.

    Args:
        splits: of each class.
        keys: equal for classes that look the same.
        numbered: classes that got a number in cleaning.
        new: classes of this upload.
        old: classes that the project has already.
    """
    alike: dict[str, list[str]] = {}
    for label in splits:
        alike.setdefault(keys[label], []).append(label)
    matched: dict[str, str] = {}
    for group in alike.values():
        counts = Counter(split for label in group for split in splits[label])
        # The name stays that the project has already, otherwise that of the training photos.
        kept, *others = sorted(
            (label for label in group if all(counts[split] == 1 for split in splits[label])),
            key=lambda label: (label not in old, label in numbered, "train" not in splits[label], label),
        ) or ("",)
        matched |= {other: kept for other in others if other in new and other not in old}
    return matched


def _labels_of_folders(reading: Reading) -> dict[str, set[tuple[str, str]]]:
    """Return the labels and splits of the photos in each folder and below, by the folder's path."""
    found: dict[str, set[tuple[str, str]]] = {}
    for name, label in reading.labels.items():
        found.setdefault(name.rpartition("/")[0], set()).add((label, reading.splits[name]))
    for folder, labels in list(found.items()):
        for parent in _parents(folder):
            found.setdefault(parent, set()).update(labels)
    return found


def _parents(path: str) -> Iterator[str]:
    """Yield the folders that hold a file or folder, the innermost first, the outermost as an empty path."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def _by_folder(
    name: str, neighbors: Mapping[str, set[tuple[str, str]]], labels: Mapping[str, str]
) -> Assignment | None:
    """Return the class of a file whose name is not that of a picture: that of the folder, if it has one class."""
    for folder in _parents(name):
        if found := neighbors.get(folder):
            ((label, split),) = found if len(found) == 1 else [("", "")]
            return Assignment(labels[label], split) if label else None
    return None
