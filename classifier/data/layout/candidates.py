"""Gathers what folders, tables, boxes and file names say, before one reading is chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ...messages import Code, message
from ...messages.layout import NoteCode, NotTakenCode, UnreadableCode
from .boxes import is_yolo, read_boxes, read_file_labels
from .class_names import NameList, find_name_lists, name_classes
from .columns import NamedTable, TableLabels
from .completing import Continuation, complete
from .folders import read_folders
from .groups import TableGroups, add_groups
from .index import PhotoIndex
from .masks import find_masks
from .names import read_names
from .photos import Photo, is_junk
from .reading import Reading, Source
from .split_lists import TableSplits, apply_splits, read_splits
from .split_names import split_of
from .splits import SplitLayout, assign_splits, without_splits
from .table_readings import Joined, join, read_joined
from .tables import HostileTableError, Table, read_table

_NOT_TABLES = (".labels", ".xml", ".yaml", ".yml", ".names")
_SHOWN = 3  # tables that were not read
_HARDLY_ANY = 0.1  # share of the photos; a table that names fewer may be a list of classes
_SUBMISSIONS = ("sample_submission", "samplesubmission", "sample-submission", "submission")


@dataclass(frozen=True)
class Candidates:
    """What is known of a data set.

    ``pictures`` are the names of all pictures and ``masks`` those of masks; ``split`` has the photos as folders divide
    them, ``photos`` as tables divide them too. ``named`` are the tables that name photos, ``found`` what they and boxes
    say, ``tables_by_name`` the names of all tables, ``unreadable`` why other tables were not read.
    """

    pictures: Sequence[str]
    masks: Collection[str]
    split: SplitLayout
    photos: tuple[Photo, ...]
    tables_by_name: Collection[str]
    named: Sequence[NamedTable]
    found: Sequence[TableLabels]
    table_splits: TableSplits
    name_lists: Sequence[NameList]
    unreadable: Mapping[str, Code]

    @classmethod
    def of(
        cls, pictures: Sequence[str], texts: Mapping[str, str], known: Collection[str], unreadable: Mapping[str, Code]
    ) -> Candidates:
        """Read tables and annotations, and find masks and splits."""
        masks = find_masks(pictures)
        split = assign_splits([name for name in pictures if name not in masks], known)
        tables, hostile = _read_tables(texts)
        index = PhotoIndex(split.photos if texts else ())
        by_table = {table.name: NamedTable.of(table, index) for table in tables}
        named = [table for table in by_table.values() if table is not None]
        splits = TableSplits() if split.active else read_splits(named, split.photos)
        found = [labels for table in named for labels in table.labels()]
        found += [*read_file_labels(texts, index), *read_boxes(texts, index)]
        return cls(
            pictures=pictures,
            masks=masks,
            split=split,
            photos=apply_splits(split.photos, splits),
            named=named,
            found=found,
            tables_by_name=by_table.keys(),
            table_splits=splits,
            name_lists=find_name_lists(
                texts, [table for table in tables if _names_hardly_any(by_table[table.name], split)]
            ),
            unreadable={**unreadable, **hostile},
        )

    @cached_property
    def held_apart(self) -> tuple[Photo, ...]:
        """The photos for tables and names: a lone folder named like validation or test is no part of training."""
        words = {word: split for word in self.split.words if (split := split_of(word)) not in (None, "train")}
        if self.split.active or not words or self.split.lone or self.table_splits.splits:
            return self.photos
        photos = ((photo, next((words[part] for part in photo.dirs if part in words), None)) for photo in self.photos)
        return tuple(photo if split is None else photo._replace(split=split) for photo, split in photos)

    @cached_property
    def folders(self) -> list[Reading]:
        """The readings by folders, the likeliest first; with many photos beside splits also those without splits."""
        readings = read_folders(self.photos, self.split)
        if self.split.doubtful:
            kept = [name for name in self.pictures if name not in self.masks]
            others = read_folders(without_splits(kept, self.split.words).photos, self.split)
            readings += [replace(reading, option="folders") for reading in others[:1]]
        splits = {photo.name: photo.split for photo in self.photos}
        return distinct(complete(reading, self._labels_by_name(), splits) for reading in readings)

    @cached_property
    def tables(self) -> list[Reading]:
        """The readings by tables: those first that can be taken unasked, then by header and number of photos."""
        found = [reading for reading in self._by_table if reading.source is Source.TABLE]
        return sorted(found, key=lambda reading: (bool(reading.questions), -reading.rank, -reading.matched))

    @cached_property
    def boxes(self) -> list[Reading]:
        """The reading by the boxes of a detector, by the format that labels most photos."""
        found = [reading for reading in self._by_table if reading.source is Source.BOXES]
        return sorted(found, key=lambda reading: -reading.matched)[:1]

    @cached_property
    def names(self) -> list[Reading]:
        """The readings by file names."""
        return read_names(self.held_apart)

    @cached_property
    def joined(self) -> list[Joined]:
        """The labels of tables and boxes, those joined that continue each other."""
        return join(self.found)

    def read(self, joined: Joined) -> Reading | None:
        """Return the reading of joined tables."""
        return read_joined(joined, self.held_apart, self._bases)

    def finish(self, reading: Reading) -> Reading:
        """Add what is the same for all readings: names of classes, groups, and what was left out before."""
        named = name_classes(reading, self.name_lists)
        before = dict.fromkeys(self.masks, NotTakenCode.MASK) | dict.fromkeys(
            self.split.beside, NotTakenCode.BESIDE_SPLITS
        )
        not_taken = {name: code for name, code in before.items() if name not in named.labels}
        notes = named.notes
        if self.table_splits.file and len(named.split_counts()) > 1:
            notes = (*notes, message(NoteCode.SPLITS, file=self.table_splits.file))
        if self.split.lone and set(named.splits.values()) == {"train"}:
            notes = (*notes, message(NoteCode.LONE_SPLIT, folder=self.split.lone))
        for name, code in list(self.unreadable.items())[:_SHOWN]:
            notes = (*notes, message(NoteCode.UNREADABLE, file=name, reason=code))
        return add_groups(replace(named, not_taken={**named.not_taken, **not_taken}, notes=notes), self.table_groups)

    @cached_property
    def table_groups(self) -> TableGroups:
        """The groups from the first table that gives any; a table without labels is for groups only."""
        for table in sorted(self.named, key=lambda table: bool(table.labels())):
            if groups := table.groups():
                return TableGroups(table.table.name, {self.photos[n].name: group for n, group in groups.items()})
        return TableGroups()

    def _labels_by_name(self) -> Iterator[Continuation]:
        """Yield the labels of tables that continue each other."""
        for joined in self.joined:
            if joined.first.source is Source.TABLE:
                by_name = {
                    self.photos[number].name: (label, member.table)
                    for member in joined.members
                    for number, label in member.labels.items()
                }
                yield Continuation(by_name, titled=joined.first.rank > 0)

    @cached_property
    def _by_table(self) -> list[Reading]:
        return [reading for joined in self.joined if (reading := self.read(joined))]

    @cached_property
    def _bases(self) -> Counter[str]:
        return Counter(name.rpartition("/")[2] for name in self.tables_by_name)


def _names_hardly_any(table: NamedTable | None, split: SplitLayout) -> bool:
    return table is None or len(table.named) < _HARDLY_ANY * len(split.photos)


def distinct(readings: Iterable[Reading]) -> list[Reading]:
    """Leave out readings that put the same photos together as an earlier one."""
    kept: list[Reading] = []
    for reading in readings:
        if not any(reading.agrees_with(other) and len(other.labels) >= len(reading.labels) for other in kept):
            kept.append(reading)
    return kept


def _read_tables(texts: Mapping[str, str]) -> tuple[list[Table], dict[str, Code]]:
    tables: list[Table] = []
    hostile: dict[str, Code] = {}
    for name, text in texts.items():
        base = name.rpartition("/")[2].casefold()
        if is_junk(name) or base.endswith(_NOT_TABLES) or base.startswith(_SUBMISSIONS) or is_yolo(text):
            continue
        try:
            table = read_table(name, text)
        except HostileTableError:
            hostile[name] = UnreadableCode.HOSTILE
            continue
        if table is not None:
            tables.append(table)
    return tables, hostile
