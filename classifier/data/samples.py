"""Tars and Parquet files of samples, WebDataset's and the Hub's -> photos in folders named after their classes.

They are unpacked as the zip of class folders would be, so that everything after it is the same. WebDataset's samples
are files of one name: ``0001.jpg`` with ``0001.cls``, ``0001.txt`` or ``0001.json``
(https://github.com/webdataset/webdataset).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..config import Limits
from ..errors import DataError
from ..messages import Message, message
from ..messages.shards import ShardCode, ShardLeftOutCode
from . import archives, parquet_files, tar_files
from .archives import Unpacked, what_is_left
from .decoding_copies import reduce_file
from .intake import LeftOut, clean_name
from .layout.boxes import is_yolo
from .layout.headers import label_rank
from .layout.photos import PICTURE_SUFFIXES, suffix_of
from .layout.split_names import split_of, split_words
from .layout.tables import load_json
from .layout.texts import decode

LIST_SUFFIXES = (".txt", ".list")
_LONGEST_LABEL = 2**16  # bytes of a file with a label
_LONGEST_LIST = 2**24  # bytes
_LABELED = 1 / 2  # share of the pictures that must have a label beside them
_ENDINGS = (".cls", ".json", ".txt")  # of files with labels, the surest first

Files = list[tuple[str, Path]]
Sample = tuple[str, Path | Message, str | None]  # name, file or why there is none, class


def is_tar(name: str) -> bool:
    """Return whether a name is that of a tar."""
    return name.lower().endswith(tar_files.SUFFIXES)


def is_shard(name: str, path: Path) -> bool:
    """Return whether a file is a tar by its name, or Parquet with a column of pictures."""
    return is_tar(name) or (name.lower().endswith(parquet_files.SUFFIXES) and parquet_files.has_pictures(path))


def without_suffix(name: str) -> str:
    """Return the name of a zip, tar or Parquet file without its suffix."""
    suffixes = (".zip", *parquet_files.SUFFIXES, *tar_files.SUFFIXES)
    suffix = max((one for one in suffixes if name.lower().endswith(one)), key=len, default="")
    return name[: len(name) - len(suffix)]


def shard_split(name: str) -> str | None:
    """Return the split that the name of a shard, or one of the folders that it lies in, means."""
    found = (split_words(part) for part in reversed(name.split("/")))
    return next((words[0] for words in found if words), None)


def read_list(place: Path) -> Files:
    """Return the files that a text names line by line, relative to it; of everything else, the place itself.

    Raises ``DataError`` where one of them is not there.
    """
    alone = [(place.name, place)]
    if place.suffix.lower() not in LIST_SUFFIXES or not place.is_file() or place.stat().st_size > _LONGEST_LIST:
        return alone
    lines = [line.strip() for line in (decode(place.read_bytes()) or "").splitlines()]
    names = [line for line in lines if line and not line.startswith("#")]
    if not names or any(without_suffix(name) == name for name in names):
        return alone
    missing = next((name for name in names if not (place.parent / name).is_file()), None)
    if missing is not None:
        raise DataError(ShardCode.LISTED_MISSING, name=place.name, place=missing)
    return [(name, place.parent / name) for name in names]


def unpack(
    archive: Path,
    into: Path,
    limits: Limits,
    name: str,
    column: str | None = None,
    first: int = 0,
    reduced: bool = False,
    groups: str | None = None,
) -> Unpacked:
    """Write the files of a zip, tar or Parquet file into ``into``, those of samples in folders of their classes.

    Args:
        archive: the file; ``name`` says which of the three it is.
        into: a folder, which the caller deletes after an error.
        limits: what is refused as too large.
        name: of the file, as the person knows it.
        column: the column of Parquet, or the ending or field of WebDataset's labels; None where it is to be found.
        first: number of the first picture that has no name.
        reduced: whether only a small copy of each picture of a tar or Parquet file is kept, see ``reduce_file``.
        groups: the column of Parquet with the groups of photos that belong together; None for none.

    Raises ``DataError`` where the file cannot be used; see the modules of the three.
    """
    if name.lower().endswith(parquet_files.SUFFIXES):
        unpacked = _unpack_rows(parquet_files.read(archive, into, limits, name, column, first, groups), limits, reduced)
    elif is_tar(name):
        members = tar_files.stream(archive, into, limits, name)
        kept_members = [(member, _reduce(found, limits) if reduced else found) for member, found in members]
        unpacked = _unpack_tar(kept_members, column, limits)
    else:
        return archives.unpack(archive, into, limits, name)
    if not unpacked.files:
        raise DataError(ShardCode.EMPTY, name=name)
    return unpacked


def _unpack_rows(
    rows: Iterable[tuple[str, Path | Message, str | None, str | None]], limits: Limits, reduced: bool
) -> Unpacked:
    groups: dict[Path, str] = {}

    def samples() -> Iterator[Sample]:
        for base, found, label, group in rows:
            if isinstance(found, Path) and group is not None:
                groups[found] = group
            yield base, _reduce(found, limits) if reduced else found, label

    return replace(_in_folders(samples(), limits), groups=groups)


def _reduce(found: Path | Message, limits: Limits) -> Path | Message:
    if isinstance(found, Path):
        reduce_file(found, limits)
    return found


def _unpack_tar(found: Sequence[tuple[str, Path | Message]], column: str | None, limits: Limits) -> Unpacked:
    files = [(member, path) for member, path in found if isinstance(path, Path)]
    labels = _read_labels(files, column, limits)
    if labels:
        return _in_folders(_label(found, labels), limits)
    left_out = [LeftOut(clean_name(member), why) for member, why in found if isinstance(why, Message)]
    return Unpacked(files, left_out, None, what_is_left(limits, files))


def _in_folders(samples: Iterable[Sample], limits: Limits) -> Unpacked:
    """Put each sample into a folder named after its class; those without a class, or without a file, are left out."""
    files, left_out = [], []
    for name, found, label in samples:
        folder = re.sub(r"[/\\]", "-", label or "").strip()
        if isinstance(found, Message):
            left_out.append(LeftOut(clean_name(name), found))
        elif folder:
            splits = [part for part in name.split("/")[:-1] if split_of(part)]
            files.append(("/".join([*splits, folder, name.rpartition("/")[2]]), found))
        else:
            found.unlink()
            left_out.append(LeftOut(clean_name(name), message(ShardLeftOutCode.LABEL_MISSING)))
    return Unpacked(files, left_out, None, what_is_left(limits, files), samples=True)


# -- labels beside the pictures of a tar


def _label(found: Sequence[tuple[str, Path | Message]], labels: Mapping[str, str]) -> Iterator[Sample]:
    """Yield the members of a tar with their classes, without the labels themselves.

    A picture whose name has no label gets that of its name before the first dot, ``0001.left.jpg``, unless there is a
    picture of that name: ``0001.seg.png`` beside ``0001.jpg`` is a mask.
    """
    pictures = {name.rpartition(".")[0] for name, _ in found if suffix_of(name.rpartition("/")[2]) in PICTURE_SUFFIXES}
    for name, path in found:
        if tar_files.is_label(name):
            if isinstance(path, Path):
                path.unlink()
            continue
        folder, _, base = name.rpartition("/")
        start = f"{folder}/{base.partition('.')[0]}" if folder else base.partition(".")[0]
        yield name, path, labels.get(name.rpartition(".")[0]) or (None if start in pictures else labels.get(start))


def _read_labels(files: Sequence[tuple[str, Path]], column: str | None, limits: Limits) -> dict[str, str]:
    """Return the labels beside the pictures by the names of these without suffix; empty where hardly any has one."""
    pictures = {stem for stem, suffix, _ in _parts(files) if suffix in PICTURE_SUFFIXES}
    folders = {stem.rpartition("/")[0] for stem in pictures}
    # Texts beside the pictures of several folders are captions or boxes: their classes are the folders.
    usual = _ENDINGS if len(folders) == 1 else _ENDINGS[:1]
    endings = usual if column is None else (f".{column}",) if f".{column}" in _ENDINGS else (".json",)
    for ending in endings:
        field = None if f".{column}" == ending else column
        texts = ((stem, _read_label(path, field, limits)) for stem, suffix, path in _parts(files) if suffix == ending)
        labels = {stem: label for stem, label in texts if label}
        if len(labels) >= _LABELED * max(1, len(pictures)):
            return labels
    return {}


def _parts(files: Sequence[tuple[str, Path]]) -> Iterator[tuple[str, str, Path]]:
    """Yield name without suffix, suffix and path of each file."""
    for name, path in files:
        suffix = suffix_of(name.rpartition("/")[2])
        yield name[: len(name) - len(suffix)], suffix, path


def _read_label(path: Path, field: str | None, limits: Limits) -> str | None:
    """Return the label that a text holds, or a field of its JSON; None for what is no label, such as a caption."""
    if path.stat().st_size > _LONGEST_LABEL:
        return None
    text = (decode(path.read_bytes()) or "").strip()
    data = load_json(text)
    if isinstance(data, str):
        text = data
    elif isinstance(data, dict):
        named = [field] if field else [key for key in data if label_rank(key) == 2]
        value = data.get(named[0]) if len(named) == 1 else None
        text = str(value) if isinstance(value, (str, int)) else ""
    is_label = len(text) <= limits.label_letters and len(text.splitlines()) == 1 and not is_yolo(text)
    return text if is_label else None
