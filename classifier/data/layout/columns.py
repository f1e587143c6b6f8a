"""Labels, splits and groups from the columns of one table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ...messages import Message, message
from ...messages.layout import OriginCode, QuestionCode
from .headers import are_boxes, is_group_header, is_measure_header, is_other_header, label_rank, names_group
from .index import PhotoIndex
from .multiple import split_values
from .photos import PICTURE_SUFFIXES, suffix_of
from .reading import Source
from .split_names import split_of, split_words
from .tables import Table

_TRUE = frozenset({"1", "1.0", "true", "yes"})
_BINARY = _TRUE | {"0", "0.0", "false", "", "-1", "no"}
_SAMPLED_ROWS = 400  # from which the column of names is found
_SEARCHED_COLUMNS = 60
_ONE_LABEL = 0.9  # share of rows of 0/1 columns that must have exactly one 1
_DECIMAL = re.compile(r"-?\d+[.,]\d+(e[-+]?\d+)?")
_OFFERED_COLUMNS = 3
_WORDS_OF_TABLES = re.compile(r"[_\W]*(labels?|csv|annotations?|list|classes|metadata|meta|df|info|ids?)\b")
_GLUED_TABLE = re.compile(r"(?<=[a-z])(?=(Labels?|List|Metadata|Info)\b)")


@dataclass(frozen=True, kw_only=True)
class TableLabels:
    """What one table, or the boxes of a detector, says of photos, by their index.

    ``labels`` are those of photos with one label, ``several`` the photos with more. ``rank`` is that of the header,
    see ``headers.label_rank``; ``title`` is equal for columns of tables that continue each other.
    """

    source: Source
    table: str
    title: str
    labels: Mapping[int, str]
    named: frozenset[int]
    origin: Message
    several: frozenset[int] = frozenset()
    rank: int = 0
    questions: tuple[QuestionCode, ...] = ()


@dataclass(frozen=True)
class NamedTable:
    """A table with its column of names; ``photos`` are the rows that name a photo, with its index."""

    table: Table
    column: int
    header: tuple[str, ...] | None
    photos: tuple[tuple[int, tuple[str, ...]], ...]

    @classmethod
    def of(cls, table: Table, index: PhotoIndex) -> NamedTable | None:
        """Find the column whose cells name most photos, and whether the first row is a header; None if none does."""
        rows, split = table.rows, table_split(table)
        width = min(max(map(len, rows[:_SAMPLED_ROWS])), _SEARCHED_COLUMNS)
        sample = rows[:: max(1, len(rows) // _SAMPLED_ROWS)]
        counts = [
            len({index.find(row[column], table.folder, split) for row in sample if column < len(row)} - {None})
            for column in range(width)
        ]
        if not counts or not max(counts):
            return None
        column = counts.index(max(counts))
        numbers = [index.find(row[column], table.folder, split) if column < len(row) else None for row in rows]
        header, start = table.header, 0
        if header is None and numbers[0] is None and _is_header(rows, numbers, column):
            header, start = rows[0], 1
        photos = [(number, row) for number, row in zip(numbers[start:], rows[start:]) if number is not None]
        return cls(table, column, header, tuple(photos)) if photos else None

    @cached_property
    def named(self) -> frozenset[int]:
        """The indices of the photos that the table names."""
        return frozenset(number for number, _ in self.photos)

    @cached_property
    def by(self) -> str:
        """The column of names in words."""
        return self.title(self.column)

    def values(self, column: int) -> list[str]:
        """Return the cells of a column, in the order of ``photos``."""
        return [row[column] if column < len(row) else "" for _, row in self.photos]

    def columns(self) -> list[int]:
        """Return the columns beside that of names."""
        width = len(self.header) if self.header else max(len(row) for _, row in self.photos[:_SAMPLED_ROWS])
        return [column for column in range(width) if column != self.column]

    def title(self, column: int) -> str:
        """Return the header of a column, or its number from 1."""
        return self.header[column] if self.header and column < len(self.header) else str(column + 1)

    def splits(self) -> dict[int, str]:
        """Return the splits from a column whose values are all words of splits, train among them."""
        for column in self.columns():
            distinct = set(self.values(column))
            words = {value: split for value in distinct if (split := split_of(value))} if len(distinct) < 8 else {}
            if words and len(words) == len(distinct) and {"train"} < set(words.values()):
                return {number: words[value] for (number, _), value in zip(self.photos, self.values(column))}
        return {}

    def groups(self, column: int | None = None) -> dict[int, str]:
        """Return the groups from a column, by default the first one headed patient, scene, session and the like."""
        if column is None:
            column = self._group_column()
        if column is None:
            return {}
        return {number: value for (number, _), value in zip(self.photos, self.values(column)) if value}

    def _group_column(self) -> int | None:
        headed = [c for c in self.columns() if self.header and c < len(self.header) and is_group_header(self.header[c])]
        headed.sort(key=lambda column: not names_group(self.title(column)))  # “patient” before “series_id”
        for column in headed:
            filled = [value for value in self.values(column) if value]
            if 2 <= len(set(filled)) < len(filled) and not {value.casefold() for value in filled} <= _BINARY:
                return column
        return None

    def labels(self) -> list[TableLabels]:
        """Return the columns that may be the label, the likeliest first.

        A header that means a label decides; one that names a property does where no other stands beside it. Without
        one, 0/1 columns of which one is set in each row are classes; then a single other column. Columns without any
        header are always asked about.
        """
        binary = [column for column in self.columns() if self._is_binary(column)]
        candidates = [column for column in self.columns() if self._may_be_label(column, binary)]
        ranks = {column: label_rank(self.title(column)) if self.header else 0 for column in candidates}
        best = max(ranks.values(), default=0)
        one_hot = self._from_one_hot(binary) if len(binary) > 1 and best < 2 else None
        if best:
            titled = sorted((c for c in candidates if ranks[c] == best), key=self._is_numeric)
            found = [self._from_column(column, True, best) for column in titled]
            return [one_hot, *found] if one_hot and not one_hot.questions and len(binary) > 2 else found
        if one_hot is not None:
            return [one_hot]
        single = [column for column in candidates if column not in binary or len(binary) == 1]
        certain = self.header is not None and len(single) == 1
        return [self._from_column(column, certain, 0) for column in single[:_OFFERED_COLUMNS]]

    def column_of(self, title: str) -> int | None:
        """Return the column that a person named, by its header or its number from 1."""
        titles = [self.title(column).casefold() for column in range(max(self.columns(), default=0) + 1)]
        if title.casefold() in titles:
            return titles.index(title.casefold())
        return int(title) - 1 if title.isdigit() and len(title) < 5 and 0 < int(title) <= len(titles) else None

    def read_column(self, column: int) -> TableLabels:
        """Return the labels of a column that a person named."""
        return self._from_column(column, True, label_rank(self.title(column)))

    def _is_binary(self, column: int) -> bool:
        return {value.casefold() for value in set(self.values(column))} <= _BINARY

    def _may_be_label(self, column: int, binary: Sequence[int]) -> bool:
        """Return whether values repeat as labels do: at least two, at most half as many as photos, no decimals."""
        title = self.title(column) if self.header else ""
        counts = Counter(self.values(column))
        filled = len(self.photos) - counts.pop("", 0)
        if not 2 <= len(counts) <= max(2, len(self.photos) / 2) or 2 * filled < len(self.photos):
            return False
        if is_group_header(title) or is_other_header(title) or all(map(split_of, counts)):
            return False
        if any(_is_decimal(value) for value in counts) or any(len(value) > 200 for value in counts):
            return False
        if is_measure_header(title) and not (
            title.casefold() == "y" and "x" not in map(str.casefold, self.header or ())
        ):
            return False
        return 2 * sum(count for count in counts.values() if count > 1) >= len(self.photos)

    def _is_numeric(self, column: int) -> bool:
        return all(value.isdigit() for value in self.values(column)[:_SAMPLED_ROWS])

    def _from_column(self, column: int, certain: bool, rank: int) -> TableLabels:
        values = self.values(column)
        parts = split_values(values)
        labels: dict[int, str] = {}
        several: set[int] = set()
        for (number, _), value in zip(self.photos, values):
            if value in parts or (number in labels and value and labels[number] != value):
                several.add(number)
            elif value:
                labels[number] = value
        for number in several:
            labels.pop(number, None)
        boxes = self.header is not None and are_boxes(self.header)
        questions: tuple[QuestionCode, ...] = ()
        if self.header is None:
            questions = (QuestionCode.THIN_TABLE,)
        elif not certain:
            questions = (QuestionCode.SEVERAL_CANDIDATES,)
        origin = OriginCode.BOXES if boxes else OriginCode.COLUMN
        return self._make(
            labels, several, column, rank,
            source=Source.BOXES if boxes else Source.TABLE,
            questions=questions,
            origin=message(origin, file=self.table.name, column=self.title(column), by=self.by),
        )  # fmt: skip

    def _from_one_hot(self, columns: Sequence[int]) -> TableLabels | None:
        """Return the labels of 0/1 columns, None without a header or where hardly a row has a 1."""
        if self.header is None:
            return None
        names = {column: self.title(column) for column in columns}
        labels: dict[int, str] = {}
        several: set[int] = set()
        for number, row in self.photos:
            found = [names[c] for c in columns if c < len(row) and row[c].casefold() in _TRUE]
            if len(found) > 1 or (found and labels.get(number, found[0]) != found[0]):
                several.add(number)
            elif found:
                labels[number] = found[0]
        for number in several:
            labels.pop(number, None)
        if not labels and not several:
            return None
        rank = 2 if len(labels) >= _ONE_LABEL * len(self.named) else 0
        return self._make(
            labels, several, None, rank, source=Source.TABLE, questions=(),
            origin=message(OriginCode.TABLE, file=self.table.name, by=self.by),
        )  # fmt: skip

    def _make(
        self, labels: Mapping[int, str], several: set[int], column: int | None, rank: int, *,
        source: Source, questions: tuple[QuestionCode, ...], origin: Message,
    ) -> TableLabels:  # fmt: skip
        if len(labels) < _ONE_LABEL * len(self.named) and (several or column is None):
            questions = (*questions, QuestionCode.SEVERAL_LABELS)
        return TableLabels(
            source=source, table=self.table.name, title="" if column is None else self.title(column),
            labels=labels, named=self.named, origin=origin, several=frozenset(several), rank=rank,
            questions=questions,
        )  # fmt: skip


def table_split(table: Table) -> str | None:
    """Return the split that a table's name, or the innermost folder with one, means."""
    found = named_split(table)
    if found:
        return found[0]
    return next((found[0] for folder in reversed(table.folder) if (found := split_words(folder))), None)


def named_split(table: Table) -> tuple[str, tuple[str, ...]] | None:
    """Return the split that a table's own name means, and the other words in it: train_labels.csv."""
    stem = _GLUED_TABLE.sub(" ", table.base.rpartition(".")[0])
    return split_words(_WORDS_OF_TABLES.sub(" ", stem))


def _is_header(rows: Sequence[tuple[str, ...]], numbers: Sequence[int | None], column: int) -> bool:
    """Return whether the first cell of the column of names is unlike the cells that name photos."""
    cells = [row[column] for row, number in zip(rows, numbers) if number is not None]
    first = rows[0][column] if column < len(rows[0]) else ""
    if 2 * sum(suffix_of(cell) in PICTURE_SUFFIXES for cell in cells) > len(cells):
        return suffix_of(first) not in PICTURE_SUFFIXES
    if 2 * sum(cell.isdigit() for cell in cells) > len(cells):
        return not first.isdigit()
    return 2 * len(cells) >= len(rows) - 1


def _is_decimal(value: str) -> bool:
    return value not in ("0.0", "1.0") and _DECIMAL.fullmatch(value) is not None
