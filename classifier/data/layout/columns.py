"""Labels, splits and groups from the columns of tables."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ...messages import Code, Message, message
from ...messages.layout import NotTakenCode, OriginCode, QuestionCode
from .photos import PICTURE_SUFFIXES, Photo, PhotoIndex, suffix_of
from .reading import Reading, Source, make_reading
from .split_names import split_words
from .tables import Table

_LABEL_HEADERS = frozenset(
    "label labels class classes category categories target targets diagnosis dx breed species type kind variety genre "
    "tag tags style emotion disease condition finding family genus gender sex grade stage quality status state outcome "
    "y classname categoryname labelname classlabel classification breedname etiqueta clase classe klasse categoria "
    "categorie kategorie rotulo 标签 类别 標籤 類別 ラベル クラス 라벨 클래스".split()
)
_GROUP_HEADERS = frozenset(
    "group groups patient subject person plant tree animal individual video track scene session source participant "
    "donor camera site location tile slide burst clip sequence".split()
)
_MEASURE_HEADERS = frozenset(
    "width height x y w h xmin ymin xmax ymax left top right bottom size area confidence".split()
)
_BINARY = frozenset({"0", "1", "0.0", "1.0", "true", "false", ""})
_SAMPLED_ROWS = 400  # from which the column of names is found
_SEARCHED_COLUMNS = 60
_COVERED = 0.9  # share of the training photos that a table must name to be read unasked
_OFFERED = 0.1  # share from which it is offered
_ONE_LABEL = 0.9  # share of rows of 0/1 columns that must have exactly one 1
_WORDS_OF_TABLES = re.compile(r"[_\W]*(labels?|csv|annotations?|list|classes|metadata|df|info)\b")


@dataclass(frozen=True, kw_only=True)
class TableLabels:
    """What one table, or the boxes of a detector, says of photos, by their index.

    ``labels`` holds all labels of a photo; more than one cannot be used. ``form`` is equal for tables that continue
    each other. ``splits`` and ``groups`` are from columns of the table.
    """

    source: Source
    option: str
    form: tuple[str, ...]
    labels: Mapping[int, set[str]]
    named: frozenset[int]
    questions: tuple[QuestionCode, ...] = ()
    origin: Message = field(default_factory=lambda: message(OriginCode.BOXES))
    splits: Mapping[int, str] = field(default_factory=dict)
    groups: Mapping[int, str] = field(default_factory=dict)


def read_columns(table: Table, index: PhotoIndex) -> list[TableLabels]:
    """Return the labels that the columns of a table may be, the likeliest first.

    A table without labels but with splits or groups gives one entry without ``option``.
    """
    named = _name_column(table, index)
    if named is None:
        return []
    splits, groups = named.splits(), named.groups()
    found = [replace(labels, splits=splits, groups=groups) for labels in named.labels()]
    if found or not (splits or groups):
        return found
    return [
        TableLabels(source=Source.TABLE, option="", form=(), labels={}, named=frozenset(), splits=splits, groups=groups)
    ]


def table_split(table: Table) -> str | None:
    """Return the split that a table's name, or the innermost folder with one, means."""
    for word in (table.base.rpartition(".")[0], *reversed(table.folder)):
        found = split_words(_WORDS_OF_TABLES.sub("", word.casefold()))
        if found:
            return found[0]
    return None


def _name_column(table: Table, index: PhotoIndex) -> _NamedTable | None:
    """Find the column whose cells name most photos, and whether the first row is a header."""
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
    return _NamedTable(table, column, header, tuple(photos)) if photos else None


def _is_header(rows: Sequence[tuple[str, ...]], numbers: Sequence[int | None], column: int) -> bool:
    """Return whether the first cell of the column of names is unlike the cells that name photos."""
    cells = [row[column] for row, number in zip(rows, numbers) if number is not None]
    first = rows[0][column] if column < len(rows[0]) else ""
    if 2 * sum(suffix_of(cell) in PICTURE_SUFFIXES for cell in cells) > len(cells):
        return suffix_of(first) not in PICTURE_SUFFIXES
    if 2 * sum(cell.isdigit() for cell in cells) > len(cells):
        return not first.isdigit()
    return 2 * len(cells) >= len(rows) - 1


@dataclass(frozen=True)
class _NamedTable:
    """A table with its column of names; ``photos`` are the rows that name a photo, with its index."""

    table: Table
    column: int
    header: tuple[str, ...] | None
    photos: tuple[tuple[int, tuple[str, ...]], ...]

    def values(self, column: int) -> list[str]:
        return [row[column] if column < len(row) else "" for _, row in self.photos]

    def columns(self) -> list[int]:
        width = len(self.header) if self.header else max(len(row) for _, row in self.photos[:_SAMPLED_ROWS])
        return [column for column in range(width) if column != self.column]

    def title(self, column: int) -> str:
        return self.header[column] if self.header else str(column + 1)

    def named_by(self) -> str:
        return f"column {self.title(self.column)}"

    def splits(self) -> dict[int, str]:
        """Return the splits from a column whose values are all words of splits, train among them."""
        for column in self.columns():
            values = self.values(column)
            words = {value: split_words(value) for value in set(values)} if len(set(values)) < 8 else {}
            meanings = [found[0] for found in words.values() if found and not found[1]]
            if len(meanings) > 1 and len(meanings) == len(words) and "train" in meanings:
                return {n: words[value][0] for (n, _), value in zip(self.photos, values)}  # type: ignore[index]
        return {}

    def groups(self) -> dict[int, str]:
        """Return the groups from the first column headed patient, scene, session and the like."""
        for column in self.columns():
            if self.header and is_group_header(self.header[column]) and not set(self.values(column)) <= _BINARY:
                return {number: value for (number, _), value in zip(self.photos, self.values(column)) if value}
        return {}

    def labels(self) -> list[TableLabels]:
        """Return the columns that may be the label.

        A header that means a label decides. Without one, 0/1 columns of which one is set in each row are classes;
        then a single other column. Columns without any header are always asked about.
        """
        binary = [column for column in self.columns() if {v.casefold() for v in self.values(column)} <= _BINARY]
        candidates = [column for column in self.columns() if self._may_be_label(column, binary)]
        titled = [column for column in candidates if self.header and is_label_header(self.header[column])]
        if titled:
            return [self._from_column(column) for column in sorted(titled, key=self._is_numeric)]
        if len(binary) > 1:
            one_hot = self._from_one_hot(binary)
            if one_hot is not None:
                return [one_hot]
        single = [column for column in candidates if column not in binary or len(binary) == 1]
        certain = self.header is not None and len(single) == 1
        return [self._from_column(column, certain) for column in single[:3]]

    def _may_be_label(self, column: int, binary: Sequence[int]) -> bool:
        """Return whether values repeat as labels do: at least two, at most half as many as photos, no decimals."""
        title = self.header[column] if self.header else ""
        values = Counter(self.values(column))
        if column not in binary and (_header_words(title) in _MEASURE_HEADERS or is_group_header(title)):
            return False
        if any(_is_decimal(value) for value in values) or all(split_words(value) for value in values):
            return False
        filled = sum(count for value, count in values.items() if value)
        repeating = sum(count for value, count in values.items() if count > 1)
        enough = 2 * filled >= len(self.photos) and 2 * repeating >= len(self.photos)
        return enough and 2 <= len(values) <= max(2, len(self.photos) / 2)

    def _is_numeric(self, column: int) -> bool:
        return all(value.isdigit() for value in self.values(column)[:_SAMPLED_ROWS])

    def _from_column(self, column: int, certain: bool = True) -> TableLabels:
        labels: dict[int, set[str]] = defaultdict(set)
        for (number, _), value in zip(self.photos, self.values(column)):
            if value:
                labels[number].add(value)
        words = {_header_words(cell) for cell in self.header or ()}
        boxes = {"xmin", "ymin"} <= words
        few = len(set(self.values(column))) <= len(self.photos) / 4
        title = self.title(column)
        return TableLabels(
            source=Source.BOXES if boxes else Source.TABLE,
            option="boxes" if boxes else f"{self.table.base}:{title}",
            form=("column", title.casefold(), *self._form()),
            labels=labels,
            named=frozenset(number for number, _ in self.photos),
            questions=() if certain and few else (QuestionCode.THIN_TABLE,),
            origin=message(
                OriginCode.BOXES if boxes else OriginCode.COLUMN, file=self.table.name, column=title, by=self.named_by()
            ),
        )

    def _from_one_hot(self, columns: Sequence[int]) -> TableLabels | None:
        if self.header is None:
            return None
        labels = {
            number: {self.header[c] for c in columns if c < len(row) and row[c].casefold() in ("1", "1.0", "true")}
            for number, row in self.photos
        }
        single = sum(len(found) == 1 for found in labels.values()) / len(labels)
        if single < 0.2:
            return None
        return TableLabels(
            source=Source.TABLE,
            option=self.table.base,
            form=("one-hot", *self._form()),
            labels=labels,
            named=frozenset(labels),
            questions=() if single >= _ONE_LABEL else (QuestionCode.SEVERAL_LABELS,),
            origin=message(OriginCode.TABLE, file=self.table.name, by=self.named_by()),
        )

    def _form(self) -> tuple[str, ...]:
        """Tables named like splits continue each other, as do equal names in different folders."""
        return () if table_split(self.table) else (self.table.base.casefold(),)


def read_tables(
    found: Sequence[TableLabels], photos: Sequence[Photo], splits_known: bool, not_taken: Mapping[str, Code]
) -> list[Reading]:
    """Return the readings of joined tables, those that can be taken unasked first."""
    only_groups = {n: group for labels in found if not labels.option for n, group in labels.groups.items()}
    readings = []
    for labels in _join(found):
        reading = _read_joined(labels, photos, splits_known, not_taken, only_groups)
        if reading is not None:
            readings.append(reading)
    return sorted(readings, key=lambda r: (bool(r.questions), r.source is Source.BOXES, -r.matched))


def _join(found: Sequence[TableLabels]) -> list[TableLabels]:
    """Join tables of one form."""
    forms: dict[tuple[str, ...], list[TableLabels]] = defaultdict(list)
    for labels in found:
        if labels.option:
            form = (labels.source.value, *labels.form)
            forms[form].append(labels)
    joined = []
    for members in forms.values():
        together: dict[int, set[str]] = defaultdict(set)
        for labels in members:
            for number, values in labels.labels.items():
                together[number] |= values
        joined.append(
            replace(
                members[0],
                labels=together,
                named=frozenset().union(*(labels.named for labels in members)),
                questions=tuple(dict.fromkeys(q for labels in members for q in labels.questions)),
                splits={n: split for labels in members for n, split in labels.splits.items()},
                groups={n: group for labels in members for n, group in labels.groups.items()},
            )
        )
    return joined


def _read_joined(
    labels: TableLabels,
    photos: Sequence[Photo],
    splits_known: bool,
    not_taken: Mapping[str, Code],
    only_groups: Mapping[int, str],
) -> Reading | None:
    if labels.splits and not splits_known:
        photos = [replace(photo, split=labels.splits.get(n, photo.split)) for n, photo in enumerate(photos)]
    train = [n for n, photo in enumerate(photos) if photo.split == "train"]
    several = [photos[n].name for n, values in labels.labels.items() if len(values) > 1]
    given = {photos[n].name: next(iter(values)) for n, values in labels.labels.items() if len(values) == 1}
    reading = make_reading(
        labels.source, labels.option, given, photos, not_taken, NotTakenCode.NOT_IN_TABLE, several, origin=labels.origin
    )
    share = sum(n in labels.named for n in train) / max(1, len(train))
    if reading is None or share < _OFFERED:
        return None
    questions = list(labels.questions)
    if labels.source is Source.BOXES:
        questions.append(QuestionCode.BOXES)
    if share < _COVERED and not (share >= 0.5 and _names_one_folder(labels.named, photos, train)):
        questions.append(QuestionCode.FEW_NAMED)
    groups = {photos[n].name: group for n, group in (labels.groups or only_groups).items() if photos[n].name in given}
    if groups and not reading.groups:
        reading = replace(reading, groups=groups, groups_from="table")
    return replace(reading, questions=tuple(dict.fromkeys(questions)))


def _names_one_folder(named: frozenset[int], photos: Sequence[Photo], train: Sequence[int]) -> bool:
    """Return whether the named photos lie in one folder and are nearly all of it."""
    folders = {photos[n].dirs for n in named}
    inside = [n for n in train if photos[n].dirs in folders]
    return len(folders) == 1 and sum(n in named for n in inside) >= _COVERED * len(inside)


@lru_cache(maxsize=4096)
def _words(cell: str) -> tuple[str, ...]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", cell)
    return tuple(word for word in re.split(r"[\W_\d]+", spaced.casefold()) if word)


def _header_words(cell: str) -> str:
    return "".join(_words(cell))


def is_label_header(cell: str) -> bool:
    """Return whether a header means a label: class, dog_breed, label_name; not class_count."""
    words = _words(cell)
    if not words or len(words) > 3:
        return False
    if _header_words(cell) in _LABEL_HEADERS:
        return True
    if len(words) == 2 and words[0] in _LABEL_HEADERS and words[1] in ("id", "index", "name"):
        return True
    counted = set(words) & {"id", "ids", "index", "count", "path", "file"}
    return not counted and (words[0] in _LABEL_HEADERS or words[-1] in _LABEL_HEADERS)


def is_group_header(cell: str) -> bool:
    """Return whether a header means a group: patient, scene_id, session, id; never a label."""
    words = _words(cell)
    if not words or is_label_header(cell):
        return False
    return words == ("id",) or words[0] in _GROUP_HEADERS or words[-1] in _GROUP_HEADERS


def _is_decimal(value: str) -> bool:
    return value not in ("0.0", "1.0") and re.fullmatch(r"-?\d+[.,]\d+(e[-+]?\d+)?", value) is not None
