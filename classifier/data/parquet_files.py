"""Parquet files with a column of pictures, read some rows at a time: the pictures written to disk, with their classes.

The pictures are bytes, or the Hugging Face Hub's struct of bytes and path; the classes are texts, or whole numbers
whose names the Hub keeps in the schema (https://huggingface.co/docs/datasets/about_dataset_features).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ..config import LIMITS, Limits
from ..errors import DataError
from ..files import storage_error
from ..messages import Message, message
from ..messages.shards import ShardCode, ShardLeftOutCode
from .archives import NEVER_A_BOMB
from .layout.headers import label_rank
from .layout.photos import PICTURE_SUFFIXES, suffix_of

SUFFIXES = (".parquet",)
_ROWS = 4  # read at a time: one row may hold a picture of many megabytes
_BUFFER = 2**20  # bytes of a column in memory at a time; without a buffer, its whole part in a group of rows
_SIGNATURES = {b"\x89PNG": ".png", b"GIF8": ".gif", b"RIFF": ".webp", b"BM": ".bmp"}


class Row(NamedTuple):
    """A row: the name of its picture, and its bytes, class and group, None where it has none."""

    name: str
    content: bytes | None
    label: str | None
    group: str | None


def has_pictures(path: Path) -> bool:
    """Return whether a file is Parquet with a column of pictures; False where pyarrow is not installed."""
    try:
        with _open(path, path.name) as file:
            return bool(_picture_columns(file))
    except DataError:
        return False


def measure(path: Path, limits: Limits = LIMITS, name: str | None = None) -> tuple[int, int]:
    """Return how many rows a file has and their size in bytes, with the errors of ``stream``."""
    with _open(path, name or path.name) as file:
        return file.metadata.num_rows, _check_size(file, path, limits, name or path.name)


def stream(
    path: Path, into: Path, limits: Limits = LIMITS, name: str | None = None
) -> Iterator[tuple[str, Path | Message]]:
    """Write the pictures of a file one at a time, as each is asked for; yield its name with its path, or why not.

    The caller deletes the pictures. Raises ``DataError`` where the file is cut off, damaged or too large, has no column
    of pictures, or pyarrow is not installed; ``StorageError`` where the disk is full.
    """
    for number, row in enumerate(_rows(path, limits, name or path.name)):
        yield row.name, _write(row, into / f"{number:06}")


def read(
    path: Path, into: Path, limits: Limits, name: str, column: str | None, first: int, groups: str | None = None,
    needs_classes: bool = True,
) -> Iterator[tuple[str, Path | Message, str | None, str | None]]:  # fmt: skip
    """Yield what ``stream`` does, and the class and group of each picture, None where it has none.

    Args:
        path: the file.
        into: folder for the pictures.
        limits: what is refused as too large.
        name: of the file, in errors.
        column: with the classes; None where the schema or its name says which it is.
        first: number of the first picture that has no name.
        groups: column with the groups of photos that belong together; None for no groups.
        needs_classes: whether a file without a column of classes is refused.
    """
    labels = partial(_find_classes, name=name, wanted=column, needed=needs_classes)
    for number, row in enumerate(_rows(path, limits, name, labels, first, groups)):
        yield row.name, _write(row, into / f"{number:06}"), row.label, row.group


def _write(row: Row, path: Path) -> Path | Message:
    if row.content is None:
        return message(ShardLeftOutCode.NO_BYTES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(row.content)
    except OSError as error:
        raise storage_error(error) from error
    return path


def _rows(
    path: Path, limits: Limits, name: str, find_classes: Callable[[Any], _Names | None] = lambda file: None,
    first: int = 0, groups: str | None = None,
) -> Iterator[Row]:  # fmt: skip
    with _open(path, name) as file:
        if file.metadata.num_rows > limits.files:
            raise DataError(ShardCode.TOO_MANY_IN_SHARD, name=name, limit=limits.files)
        _check_size(file, path, limits, name)
        pictures = _picture_columns(file)
        if not pictures:
            raise DataError(ShardCode.NO_PICTURES, name=name, columns=file.schema_arrow.names)
        labels = find_classes(file)
        grouping = _find_column(file, name, groups) if groups else None
        columns = {pictures[0], *(one.column for one in (labels, grouping) if one)}
        for batch in file.iter_batches(batch_size=_ROWS, columns=sorted(columns), use_threads=False):
            cells = batch.column(pictures[0]).to_pylist()
            for cell, label, group in zip(cells, _names(batch, labels), _names(batch, grouping)):
                yield _row(cell, label, group, first)
                first += 1


def _names(batch: Any, column: _Names | None) -> list[str | None]:
    """Return what a column has for each row of a batch."""
    if column is None:
        return [None] * batch.num_rows
    return [column.name_of(value) for value in batch.column(column.column).to_pylist()]


def _row(cell: Any, label: str | None, group: str | None, number: int) -> Row:
    content, place = (cell.get("bytes"), cell.get("path")) if isinstance(cell, Mapping) else (cell, None)
    base = place.replace("\\", "/").rpartition("/")[2] if isinstance(place, str) else ""
    if suffix_of(base) not in PICTURE_SUFFIXES:
        start = bytes(content[:4]) if content else b""
        suffix = next((one for signature, one in _SIGNATURES.items() if start.startswith(signature)), ".jpg")
        base = f"{number:07}{suffix}"
    return Row(base, content or None, label, group)


@contextmanager
def _open(path: Path, name: str) -> Iterator[Any]:
    """Open a file; what pyarrow raises while it is read becomes ``DataError``."""
    try:
        from pyarrow import parquet  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise DataError(ShardCode.NEEDS_PYARROW, name=name) from None
    try:
        with parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as file:
            yield file
    except (DataError, MemoryError):
        raise
    except Exception as error:  # pyarrow raises many kinds for a damaged file
        raise DataError(ShardCode.PARQUET_DAMAGED, name=name) from error


def _check_size(file: Any, path: Path, limits: Limits, name: str) -> int:
    groups = (file.metadata.row_group(number) for number in range(file.metadata.num_row_groups))
    size = sum(group.total_byte_size for group in groups)
    if size > limits.bytes_unpacked:
        raise DataError(ShardCode.TOO_BIG, name=name, limit=limits.bytes_unpacked)
    if size > NEVER_A_BOMB and size > limits.ratio * path.stat().st_size:
        raise DataError(ShardCode.BOMB, name=name, limit=limits.ratio)
    return size


def _picture_columns(file: Any) -> list[str]:
    """Return the columns of bytes, and those of a struct that has bytes under that name."""
    from pyarrow import types  # type: ignore[import-not-found, import-untyped, unused-ignore]

    def is_bytes(kind: Any) -> bool:
        return bool(types.is_binary(kind) or types.is_large_binary(kind))

    def has_bytes(kind: Any) -> bool:
        return types.is_struct(kind) and any(
            is_bytes(kind.field(n).type) and kind.field(n).name == "bytes" for n in range(kind.num_fields)
        )

    return [field.name for field in file.schema_arrow if is_bytes(field.type) or has_bytes(field.type)]


# -- classes and groups


@dataclass(frozen=True)
class _Names:
    """A column of classes or groups; ``names`` are those of its numbers, empty where they have none."""

    column: str
    names: tuple[str, ...] = ()

    def name_of(self, value: Any) -> str | None:
        """Return the class or group of a cell, None where it has none."""
        if value is None or (self.names and not 0 <= value < len(self.names)):
            return None
        return self.names[value] if self.names else str(value)


def _find_column(file: Any, name: str, wanted: str | None) -> _Names:
    """Return the column that is wanted; else the only one with names of classes in the schema, or called a label."""
    found = {column.column: column for column in _name_columns(file)}
    if wanted is not None:
        if wanted not in found:
            raise DataError(ShardCode.NO_COLUMN, name=name, column=wanted, columns=list(found))
        return found[wanted]
    for candidates in (
        [column for column in found.values() if column.names],
        [column for column in found.values() if label_rank(column.column) == 2],
        [column for column in found.values() if label_rank(column.column)],
    ):
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            break
    raise DataError(ShardCode.WHICH_COLUMN, name=name, columns=list(found))


def _find_classes(file: Any, name: str, wanted: str | None, needed: bool) -> _Names | None:
    """Return the column of classes; None where the file has none that may be it, and it is not ``needed``."""
    may_have = any(one.names or label_rank(one.column) or one.column == wanted for one in _name_columns(file))
    return _find_column(file, name, wanted) if needed or may_have else None


def _name_columns(file: Any) -> Iterator[_Names]:
    """Yield the columns of texts and whole numbers, with the names of classes that the Hub keeps in the schema."""
    from pyarrow import types  # type: ignore[import-not-found, import-untyped, unused-ignore]

    features = _hub_features(file)
    for field in file.schema_arrow:
        kind = field.type.value_type if types.is_dictionary(field.type) else field.type
        if types.is_string(kind) or types.is_large_string(kind):
            yield _Names(field.name)
        elif types.is_integer(kind):
            yield _Names(field.name, _class_names(features.get(field.name)))


def _hub_features(file: Any) -> Mapping[str, Any]:
    try:
        features = json.loads((file.schema_arrow.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def _class_names(feature: Any) -> tuple[str, ...]:
    names = feature.get("names") if isinstance(feature, dict) else None
    known = names if isinstance(names, list) else []
    return tuple(known) if all(isinstance(one, str) for one in known) else ()
