"""Class folders for training, with the labels of the other photos in a table: GTSRB, Tiny ImageNet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ...messages import message
from ...messages.layout import NoteCode, NotTakenCode
from ..labels import label_key
from .reading import Reading


@dataclass(frozen=True)
class Continuation:
    """The label of each photo, and the table that says so; ``titled`` if the header of the column means a label."""

    labels: Mapping[str, tuple[str, str]]
    titled: bool


def complete(reading: Reading, tables: Iterable[Continuation], splits: Mapping[str, str]) -> Reading:
    """Return the reading by folders with the labels that a table gives to photos of splits without any.

    Args:
        reading: by folders.
        tables: those that may continue it.
        splits: of all photos.
    """
    open_names = {name for name, code in reading.not_taken.items() if code is NotTakenCode.UNLABELED_SPLIT}
    for table in tables if open_names else ():
        known = table.labels.keys() & open_names
        given = {name: table.labels[name] for name in known if splits.get(name, "train") != "train"}
        meaning = _meaning(reading, table, {label for label, _ in given.values()})
        if given and {label for label, _ in given.values()} <= meaning.keys():
            labels = {name: meaning[label] for name, (label, _) in given.items()}
            note = message(NoteCode.COMPLETED, count=len(labels), files=sorted({file for _, file in given.values()}))
            return replace(
                reading,
                labels={**reading.labels, **labels},
                splits={**reading.splits, **{name: splits[name] for name in labels}},
                not_taken={name: code for name, code in reading.not_taken.items() if name not in labels},
                notes=(*reading.notes, note),
            )
    return reading


def _meaning(reading: Reading, table: Continuation, labels: set[str]) -> Mapping[str, str]:
    """Return label of the table -> class of the folders: as photos with both say, otherwise by equal names.

    Numbers without a header that means a label may be anything.
    """
    pairs = {(table.labels[name][0], reading.labels[name]) for name in reading.labels.keys() & table.labels.keys()}
    if pairs:
        one_to_one = len(pairs) == len({one for one, _ in pairs}) == len({two for _, two in pairs})
        return dict(pairs) if one_to_one else {}
    if not table.titled and any(label.isdigit() for label in labels):
        return {}
    classes = {label_key(label): label for label in reading.class_counts()}
    return {label: classes[label_key(label)] for label in labels if label_key(label) in classes}
