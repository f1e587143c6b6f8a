"""Files made of a table of answers: CSV, and the photos sorted into a folder per class, in a zip or on the disk."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import DataError
from ..events import Progress
from ..files import atomic_write, storage_error
from ..messages.bulk import BulkCode, ColumnCode
from .answer_rows import ALL, AnswerRow, Query
from .answer_table import AnswerTable
from .csv_files import Cell, write_csv
from .labels import folder_name, folder_names

# Cleaned it is “unsure”; another text than the class of that name, so that “folder_names” tells the two apart.
_UNSURE = "unsure\u200b"
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}")
_HEADS = tuple(map(str, ColumnCode))


def csv_rows(table: AnswerTable, query: Query = ALL) -> Iterator[tuple[Cell, ...]]:
    """Yield the head of the table and its rows as cells; a confidence has four digits."""
    yield _HEADS
    for row in table.each(query):
        yield (
            row.file, row.given or row.label, _rounded(row.confidence), row.second, _rounded(row.second_confidence),
            row.unsure, row.unlike, row.error,
        )  # fmt: skip


def write_answers(table: AnswerTable, target: Path, query: Query = ALL) -> None:
    """Write the answers as CSV; raises ``StorageError`` where that fails."""
    write_csv(target, csv_rows(table, query))


def sort_into_zip(table: AnswerTable, target: Path) -> Iterator[Progress]:
    """Write a zip with a folder per class and one for those without a sure answer; yield after each photo.

    Photos that cannot be used are not in it. Raises ``StorageError`` where the disk is full, ``DataError`` where a
    photo is no longer there.
    """
    with (
        atomic_write(target, name_target=False) as part,
        # Photos do not shrink. A zip cannot tell times before 1980, which some cameras and disks give.
        zipfile.ZipFile(part, "w", zipfile.ZIP_STORED, strict_timestamps=False) as packed,
    ):
        yield from _sort(table, lambda source, name: packed.write(source, name))


def sort_into_folders(table: AnswerTable, target: Path) -> Iterator[Progress]:
    """Copy the photos into folders below ``target``, a new or empty folder; yield after each photo. See the zip."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DataError(BulkCode.FOLDER_NOT_EMPTY, folder=str(target))

    def copy(source: Path, name: str) -> None:
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)

    try:
        yield from _sort(table, copy)
    except OSError as error:
        raise storage_error(error, target) from error


def _sort(table: AnswerTable, put: Callable[[Path, str], object]) -> Iterator[Progress]:
    """Give each usable photo with its name, “class/file”, to ``put``."""
    totals, taken = table.totals(), dict[str, int]()
    total = totals.photos - totals.errors
    folders = folder_names([*table.labels, *table.given_labels(), _UNSURE])
    for done, row in enumerate(_usable(table), start=1):
        source = table.path(row)
        if source is None or not source.is_file():
            raise DataError(BulkCode.COPY_GONE, file=row.file)
        folder = folders[row.given or (_UNSURE if row.unsure else row.label or _UNSURE)]
        put(source, _distinct(f"{folder}/{_file_name(row, source)}", taken))
        yield Progress(BulkCode.SORT_PHOTOS, done, total, None)


def _usable(table: AnswerTable) -> Iterator[AnswerRow]:
    yield from table.each(Query(kind="sure"))
    yield from table.each(Query(kind="unsure"))


def _file_name(row: AnswerRow, source: Path) -> str:
    """Return the name of a photo's file that every system accepts, with the ending of what is in it."""
    base = row.file.replace("\\", "/").rpartition("/")[2]
    ending = _EXTENSION.fullmatch(source.suffix) or _EXTENSION.fullmatch(Path(base).suffix)
    return folder_name(Path(base).stem) + (ending[0].lower() if ending else "")


def _distinct(name: str, taken: dict[str, int]) -> str:
    """Return a name that no file before had, whatever the case: “cat/1.jpg”, “cat/1 (2).jpg”."""
    found = name
    while (key := found.casefold()) in taken:
        taken[key] += 1
        stem, dot, ending = name.rpartition(".")
        found = f"{stem} ({taken[key]}).{ending}" if dot else f"{name} ({taken[key]})"
    taken[key] = 1
    return found


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
