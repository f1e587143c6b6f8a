"""Excel and Parquet tables -> CSV text, through packages that are optional: pip install '.[tables]'."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from ...messages import Code
from ...messages.layout import UnreadableCode
from .tables import MAX_CELL, MAX_COLUMNS, MAX_ROWS

SPREADSHEETS = frozenset({".xlsx", ".xls", ".ods", ".parquet"})
_MAX_UNPACKED = 48 * 2**20  # bytes
_MAX_RATIO = 100  # unpacked bytes for a packed one
_SMALL = 2**20  # bytes, of any ratio
_PROLOG = 65_536  # bytes of an XML file that may hold the definition of entities


class UnreadableTableError(ValueError):
    """A table that cannot be read, with the reason as a code."""

    def __init__(self, code: Code) -> None:
        super().__init__(str(code))
        self.code = code


def read_spreadsheet(path: Path, suffix: str) -> str:
    """Return the first sheet of a table as CSV. Raises ``UnreadableTableError``."""
    if suffix == ".xlsx":
        return _to_csv(_excel_rows(path))
    if suffix == ".parquet":
        return _to_csv(_parquet_rows(path))
    raise UnreadableTableError(UnreadableCode.OLD_TABLE)


def _to_csv(rows: Iterable[Iterable[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream)
    for count, row in enumerate(rows):
        cells = ["" if cell is None else _text(cell) for cell in row]
        if len(cells) > MAX_COLUMNS or count >= MAX_ROWS or max(map(len, cells), default=0) > MAX_CELL:
            raise UnreadableTableError(UnreadableCode.HOSTILE)
        writer.writerow(cells)
    return stream.getvalue()


def _text(cell: object) -> str:
    """Return a cell as text; Excel keeps 7 as 7.0 in some programs."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15 else str(cell)


def _excel_rows(path: Path) -> Iterator[tuple[object, ...]]:
    """Yield the rows of the first sheet: the values that formulas had, no formula is computed."""
    _check_zip(path)
    try:
        import openpyxl  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise UnreadableTableError(UnreadableCode.NEEDS_TABLES) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # the size that the file claims may be a billion cells
        yield from sheet.iter_rows(values_only=True)
        book.close()
    except UnreadableTableError:
        raise
    except Exception as error:  # openpyxl raises many kinds for a damaged file
        raise UnreadableTableError(UnreadableCode.DAMAGED) from error


def _check_zip(path: Path) -> None:
    """Raise for a zip bomb, or XML that defines entities."""
    try:
        with zipfile.ZipFile(path) as packed:
            members = packed.infolist()
            unpacked, size = sum(member.file_size for member in members), sum(m.compress_size for m in members)
            if unpacked > _MAX_UNPACKED or (unpacked > _SMALL and unpacked > _MAX_RATIO * size):
                raise UnreadableTableError(UnreadableCode.TOO_LARGE)
            for member in members:
                with packed.open(member) as stream:
                    if b"<!DOCTYPE" in stream.read(_PROLOG):
                        raise UnreadableTableError(UnreadableCode.HOSTILE)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise UnreadableTableError(UnreadableCode.DAMAGED) from error


def _parquet_rows(path: Path) -> Iterator[tuple[object, ...]]:
    """Yield the header and the rows of the columns that hold texts and numbers."""
    try:
        from pyarrow import parquet, types  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise UnreadableTableError(UnreadableCode.NEEDS_TABLES) from None
    try:
        with parquet.ParquetFile(path) as file:
            plain = (types.is_string, types.is_large_string, types.is_integer, types.is_boolean, types.is_floating)
            columns = [field.name for field in file.schema_arrow if any(is_kind(field.type) for is_kind in plain)]
            groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
            if sum(group.total_byte_size for group in groups) > _MAX_UNPACKED:
                raise UnreadableTableError(UnreadableCode.TOO_LARGE)
            yield tuple(columns)
            for batch in file.iter_batches(columns=columns):
                yield from zip(*(batch.column(number).to_pylist() for number in range(len(columns))))
    except UnreadableTableError:
        raise
    except Exception as error:  # pyarrow raises many kinds for a damaged file
        raise UnreadableTableError(UnreadableCode.DAMAGED) from error
