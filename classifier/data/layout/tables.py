"""Small texts beside the photos -> tables: csv, tsv, txt, json, jsonl.

A text is hostile: its size, cells and columns are limited, nothing in it is evaluated, and no path in it is opened.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

MAX_CELL = 10_000  # letters
MAX_COLUMNS = 4_000
MAX_ROWS = 1_000_000
_MAX_RECORDS = 300_000  # objects of JSON, which take more time than rows
_SNIFFED_LINES = 50
_DEEPEST = 8  # levels of objects within a record
_SEVERAL = " | "  # between the values of a list in one cell
_OBJECTS = 10  # columns of objects, and keys in them, that are read
_DELIMITERS = ("\t", ";", ",", "|")


class HostileTableError(ValueError):
    """Raised for a table with longer cells, or more columns or rows, than any table of labels has."""


@dataclass(frozen=True)
class Table:
    """Rows of cells; ``name`` is the file's, ``header`` is known for JSON only."""

    name: str
    rows: tuple[tuple[str, ...], ...]
    header: tuple[str, ...] | None = None

    @property
    def base(self) -> str:
        """The file name without folders."""
        return self.name.rpartition("/")[2]

    @property
    def folder(self) -> tuple[str, ...]:
        """The folders of the file, in small letters."""
        folder = self.name.rpartition("/")[0].casefold()
        return tuple(folder.split("/")) if folder else ()


def read_table(name: str, text: str) -> Table | None:
    """Read one text; returns None if it is no table of two rows. Raises ``HostileTableError``."""
    text = text.lstrip("\ufeff")
    suffix = name.rpartition(".")[2].lower()
    if suffix == "json":
        return _from_json(name, load_json(text))
    if suffix in ("jsonl", "manifest", "ndjson"):
        if text.count("\n") > _MAX_RECORDS:
            raise HostileTableError(name)
        return _from_json(name, [load_json(line) for line in _lines(text)])
    rows = _read_delimited(text)
    return Table(name, _expand_objects(rows)) if len(rows) > 1 else None


def load_json(text: str) -> object:
    """Return the content of a JSON text, None if it is none or too deep."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _lines(text: str) -> Iterator[str]:
    return (line for line in io.StringIO(text, newline=None) if line.strip())


def _from_json(name: str, data: object) -> Table | None:
    """Read a list of objects, alone or as the only list of an object, or an object between files and labels."""
    if isinstance(data, Mapping):
        lists = [value for value in data.values() if _is_records(value)]
        if len(lists) != 1:
            rows = _pairs(data) or next((rows for value in data.values() if (rows := _pairs(value))), ())
            return Table(name, rows, ("file_name", "label")) if len(rows) > 1 else None
        data = lists[0]
    if not _is_records(data):
        return None
    assert isinstance(data, list)
    if len(data) > _MAX_RECORDS:
        raise HostileTableError(name)
    records = [_flatten(row) for row in data]
    header = tuple(dict.fromkeys(key for record in records[:1000] for key in record))
    if len(header) > MAX_COLUMNS:
        raise HostileTableError(name)
    return Table(name, tuple(tuple(record.get(key, "") for key in header) for record in records), header)


def _is_records(data: object) -> bool:
    return isinstance(data, list) and len(data) > 1 and all(isinstance(row, Mapping) for row in data)


def _flatten(record: Mapping[object, object]) -> dict[str, str]:
    """Return the values of a record by their path; a list of one is its only member, a list of texts one cell."""
    cells: dict[str, str] = {}
    stack: list[tuple[str, object, int]] = [(str(key), value, 1) for key, value in reversed(list(record.items()))]
    while stack:
        path, value, depth = stack.pop()
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, Mapping):
            if depth < _DEEPEST:
                stack += [(f"{path}/{key}", inner, depth + 1) for key, inner in reversed(list(value.items()))]
        elif isinstance(value, list):
            if value and all(isinstance(one, (str, int)) for one in value):
                cells[path] = _SEVERAL.join(map(str, value))[:MAX_CELL]
        elif value is not None:
            cells[path] = str(int(value) if isinstance(value, bool) else value)[:MAX_CELL].strip()
        if len(cells) > MAX_COLUMNS:
            raise HostileTableError(path)
    return cells


def _pairs(data: object) -> tuple[tuple[str, str], ...]:
    """Return (file, label) from {file: label} or {label: [file, …]}."""
    if not isinstance(data, Mapping) or len(data) < 2:
        return ()
    if all(isinstance(value, (str, int)) for value in data.values()):
        return tuple((str(file), str(label)) for file, label in data.items())
    rows: list[tuple[str, str]] = []
    for label, files in data.items():
        if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
            return ()
        rows += [(file, str(label)) for file in files]
    return tuple(rows)


def _read_delimited(text: str) -> tuple[tuple[str, ...], ...]:
    lines = list(islice(_lines(text), _SNIFFED_LINES))
    if not lines:
        return ()
    if max(map(len, lines)) > 20 * MAX_CELL:
        raise HostileTableError
    delimiter = _sniff([line for line in lines if not line.startswith("#")] or lines)
    if delimiter == " ":
        rows = (line.split() for line in _lines(text))
    else:
        rows = csv.reader(io.StringIO(text, newline=None), delimiter=delimiter, skipinitialspace=True)  # type: ignore[assignment]
    return _check(rows)


def _expand_objects(rows: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    """Add the values of objects in cells as columns of their own: region_attributes/class of the annotator VIA."""
    places = [place for place, cell in enumerate(rows[1]) if cell.startswith("{") and place < len(rows[0])]
    for place in places[:_OBJECTS]:
        objects = [load_json(row[place]) if place < len(row) and row[place].startswith("{") else {} for row in rows]
        found = [one if isinstance(one, dict) and len(one) <= _OBJECTS else {} for one in objects]
        keys = list(dict.fromkeys(str(key) for one in found for key in one))[:_OBJECTS]
        header = tuple(f"{rows[0][place]}/{key}" for key in keys)
        width = max(map(len, rows))
        rows = tuple(
            (*row, *[""] * (width - len(row)), *(header if number == 0 else (str(one.get(key, "")) for key in keys)))
            for number, (row, one) in enumerate(zip(rows, found))
        )
    return rows


def _check(rows: Iterator[list[str]]) -> tuple[tuple[str, ...], ...]:
    """Return the rows that hold something, without comments. Raises ``HostileTableError`` for one that is too large."""
    kept: list[tuple[str, ...]] = []
    known: dict[str, str] = {}  # equal cells are one text in memory
    try:
        for row in rows:
            if len(row) > MAX_COLUMNS or len(kept) >= MAX_ROWS or (row and max(map(len, row)) > MAX_CELL):
                raise HostileTableError
            cells = tuple([known.setdefault(cell, cell) for cell in map(str.strip, row)])
            if any(cells) and not cells[0].startswith("#"):
                kept.append(cells)
    except csv.Error as error:
        raise HostileTableError from error
    return tuple(kept)


def _sniff(lines: Sequence[str]) -> str:
    """Return the delimiter that stands in every line, most often; a blank where lines have equally many words."""
    counts = {delimiter: min(line.count(delimiter) for line in lines) for delimiter in _DELIMITERS}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    if counts[best]:
        return best
    words = {len(line.split()) for line in lines}
    return " " if len(words) == 1 and words != {1} else ","
