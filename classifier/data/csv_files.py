"""Tables for spreadsheets: CSV in which no cell starts a formula, written row by row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..files import atomic_write

# OWASP, “CSV Injection”: what spreadsheets take for the beginning of a formula, also in the wide forms of Japanese.
_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
Cell = str | float | bool | None


def escape_cell(text: str) -> str:
    """Return the text of a cell; one that a spreadsheet would run as a formula gets a quote before it."""
    return "'" + text if _FORMULA.match(text) else text


def csv_lines(rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """Yield each row as a line of CSV; texts are escaped, None is an empty cell."""
    stream = io.StringIO()
    table = csv.writer(stream)
    for row in rows:
        table.writerow([escape_cell(cell) if isinstance(cell, str) else cell for cell in row])
        yield stream.getvalue()
        stream.seek(0)
        stream.truncate()


def write_csv(target: Path, rows: Iterable[Sequence[Cell]]) -> None:
    """Write rows, the first of which is the header, one at a time; raises ``StorageError`` where that fails.

    The byte order mark at the beginning tells Excel that the letters are UTF-8.
    """
    with atomic_write(target) as part, part.open("w", newline="", encoding="utf-8-sig", errors="replace") as file:
        file.writelines(csv_lines(rows))
