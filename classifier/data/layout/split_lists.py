"""Splits from tables: a column of splits, or tables named train and test that name photos."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from .columns import NamedTable, named_split
from .photos import Photo

_COVERED = 0.5  # share of the photos that must be named
_ORDER = ("test", "val", "train")  # a photo in several lists is none to train on


@dataclass(frozen=True)
class TableSplits:
    """The splits of photos by their index, and the file that says so."""

    splits: dict[int, str] = field(default_factory=dict)
    file: str = ""


def read_splits(tables: Sequence[NamedTable], photos: Sequence[Photo]) -> TableSplits:
    """Return the splits that tables give: a column of splits first, then tables named like splits."""
    for table in tables:
        splits = table.splits()
        if len(splits) >= _COVERED * len(photos):
            return TableSplits(splits, table.table.name)
    lists: dict[tuple[str, ...], dict[str, list[NamedTable]]] = defaultdict(lambda: defaultdict(list))
    for table in tables:
        found = named_split(table.table)
        if found:
            lists[found[1]][found[0]].append(table)
    for by_split in sorted(lists.values(), key=lambda found: -sum(len(t.named) for ts in found.values() for t in ts)):
        splits = {}
        for split in reversed(_ORDER):
            splits |= {number: split for table in by_split.get(split, ()) for number in table.named}
        if {"train"} < set(splits.values()) and len(splits) >= _COVERED * len(photos):
            return TableSplits(splits, by_split["train"][0].table.name)
    return TableSplits()


def apply_splits(photos: Sequence[Photo], found: TableSplits) -> tuple[Photo, ...]:
    """Return the photos with the splits that tables give."""
    if not found.splits:
        return tuple(photos)
    return tuple(
        photo if found.splits.get(number, photo.split) == photo.split else photo._replace(split=found.splits[number])
        for number, photo in enumerate(photos)
    )
