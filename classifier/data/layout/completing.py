"""Class folders for training, with the labels of the other photos in a table: GTSRB, Tiny ImageNet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ...messages import message
from ...messages.layout import NoteCode, NotTakenCode
from ..labels import label_key
from .reading import Reading


def complete(reading: Reading, tables: Sequence[Reading], file_of: Callable[[str], str]) -> Reading:
    """Return the reading by folders with the labels that a table gives to photos of splits without any.

    ``file_of`` returns the table that names a photo.
    """
    open_names = {name for name, code in reading.not_taken.items() if code is NotTakenCode.UNLABELED_SPLIT}
    if not open_names:
        return reading
    for table in tables:
        given = {name: label for name, label in table.labels.items() if name in open_names}
        meaning = _meaning(reading, table, set(given.values())) if given else {}
        if given and set(given.values()) <= meaning.keys():
            labels = {name: meaning[label] for name, label in given.items()}
            files = sorted({file_of(name) for name in labels})
            note = message(NoteCode.COMPLETED, count=len(labels), files=files)
            return replace(
                reading,
                labels={**reading.labels, **labels},
                splits={**reading.splits, **{name: table.splits[name] for name in labels}},
                not_taken={name: code for name, code in reading.not_taken.items() if name not in labels},
                notes=(*reading.notes, note),
            )
    return reading


def _meaning(reading: Reading, table: Reading, labels: set[str]) -> Mapping[str, str]:
    """Return label of the table -> class of the folders: as photos with both say, otherwise by equal names."""
    common = reading.labels.keys() & table.labels.keys()
    pairs = {(table.labels[name], reading.labels[name]) for name in common}
    if pairs:
        one_to_one = len(pairs) == len({one for one, _ in pairs}) == len({two for _, two in pairs})
        return dict(pairs) if one_to_one else {}
    classes = {label_key(label): label for label in reading.class_counts()}
    return {label: classes[label_key(label)] for label in labels if label_key(label) in classes}
