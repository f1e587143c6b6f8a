"""Small texts beside the photos -> tables: csv, tsv, txt, json, jsonl.

A text is hostile: its size, cells and columns are limited, nothing in it is evaluated, and no path in it is opened.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

MAX_CELL = 10_000  # letters
MAX_COLUMNS = 2_000
MAX_ROWS = 2_000_000
_SNIFFED_LINES = 50


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
        return _from_json(name, _load(text))
    if suffix in ("jsonl", "manifest", "ndjson"):
        return _from_json(name, [_load(line) for line in islice(text.splitlines(), MAX_ROWS) if line.strip()])
    rows = _read_delimited(text)
    return Table(name, rows) if len(rows) > 1 else None


def _load(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _from_json(name: str, data: object) -> Table | None:
    """Read a list of objects, alone or as the only list of an object, or an object between files and labels."""
    if isinstance(data, Mapping):
        lists = [value for value in data.values() if _is_records(value)]
        if len(lists) != 1:
            rows = _pairs(data)
            return Table(name, rows, ("file_name", "label")) if len(rows) > 1 else None
        data = lists[0]
    if not _is_records(data):
        return None
    assert isinstance(data, list)
    header = tuple(dict.fromkeys(str(key) for row in data[:1000] for key in row))
    if len(header) > MAX_COLUMNS:
        raise HostileTableError(name)
    return Table(name, tuple(tuple(_cell(row.get(key)) for key in header) for row in islice(data, MAX_ROWS)), header)


def _is_records(data: object) -> bool:
    return isinstance(data, list) and len(data) > 1 and all(isinstance(row, Mapping) for row in data)


def _pairs(data: Mapping[object, object]) -> tuple[tuple[str, str], ...]:
    """Return (file, label) from {file: label} or {label: [file, …]}."""
    if all(isinstance(value, (str, int)) for value in data.values()):
        return tuple((str(file), str(label)) for file, label in data.items())
    rows: list[tuple[str, str]] = []
    for label, files in data.items():
        if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
            return ()
        rows += [(file, str(label)) for file in files]
    return tuple(rows)


def _cell(value: object) -> str:
    if value is None or isinstance(value, (Mapping, list)):
        return ""
    return str(int(value) if isinstance(value, bool) else value)[:MAX_CELL].strip()


def _read_delimited(text: str) -> tuple[tuple[str, ...], ...]:
    lines = [line for line in islice(io.StringIO(text), _SNIFFED_LINES) if line.strip()]
    if not lines or max(map(len, lines)) > 20 * MAX_CELL:
        if lines:
            raise HostileTableError
        return ()
    delimiter = _sniff(lines)
    if delimiter == " ":
        return tuple(tuple(line.split()) for line in text.splitlines() if line.strip())
    rows: list[tuple[str, ...]] = []
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True):
            cells = tuple(cell.strip() for cell in row)
            if len(cells) > MAX_COLUMNS or len(rows) >= MAX_ROWS or any(len(cell) > MAX_CELL for cell in cells):
                raise HostileTableError
            if any(cells):
                rows.append(cells)
    except csv.Error as error:
        raise HostileTableError from error
    return tuple(rows)


def _sniff(lines: Sequence[str]) -> str:
    """Return the delimiter that stands in every line, most often; a blank where lines have equally many words."""
    counts = {delimiter: min(line.count(delimiter) for line in lines) for delimiter in ("\t", ";", ",", "|")}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    if counts[best]:
        return best
    words = {len(line.split()) for line in lines}
    return " " if len(words) == 1 and words != {1} else ","
