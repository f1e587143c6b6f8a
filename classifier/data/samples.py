"""Tars and Parquet files of samples, WebDataset's and the Hub's -> photos with the classes that the samples state.

WebDataset's samples are files whose names are equal up to their first dot, the key: ``0001.jpg`` with ``0001.cls``,
``0001.txt`` or ``0001.json`` (https://github.com/webdataset/webdataset).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..config import Limits
from ..errors import DataError
from ..messages import Message, message
from ..messages.shards import ShardCode, ShardLeftOutCode
from . import archives, parquet_files, tar_files
from .archives import Sample, Unpacked, what_is_left
from .decoding_copies import reduce_file
from .intake import LeftOut, clean_name, is_junk
from .labels import clean_label
from .layout.boxes import is_yolo
from .layout.headers import label_rank
from .layout.photos import PICTURE_SUFFIXES, suffix_of
from .layout.split_names import split_of, split_words
from .layout.tables import load_json
from .layout.texts import decode

LIST_SUFFIXES = (".txt", ".list")
_LONGEST_LABEL = 2**16  # bytes of a file with a label
_LONGEST_LIST = 2**24  # bytes
_LABELED = 1 / 2  # share of the pictures, masks apart, that must have a label beside them
_ENDINGS = (".cls", ".json", ".txt")  # of files with labels, the surest first

Files = list[tuple[str, Path]]
_Found = tuple[str, Path | Message, str | None, str | None]  # name, file or why there is none, class, group


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
    """Write the files of a zip, tar or Parquet file into ``into``, those of samples with what these say of them.

    Args:
        archive: the file; ``name`` says which of the three it is.
        into: a folder, which the caller deletes after an error.
        limits: what is refused as too large.
        name: of the file, as the person knows it.
        column: the column of Parquet, or the ending or field of WebDataset's labels; None where it is to be found.
        first: number of the first picture that has no name.
        reduced: whether only a small copy of each picture of a tar or Parquet file is kept, see ``reduce_file``.
        groups: the column of Parquet with the groups of photos that belong together; None for none, and then the
            pictures of one sample of a tar are a group.

    Raises ``DataError`` where the file cannot be used; see the modules of the three.
    """
    if name.lower().endswith(parquet_files.SUFFIXES):
        # Photos to test with may be published without their classes; they are left out, and do not refuse the others.
        needs_classes = shard_split(name) in (None, "train")
        rows = parquet_files.read(archive, into, limits, name, column, first, groups, needs_classes)
        return _state(
            ((base, _reduce(found, limits, reduced), label, group) for base, found, label, group in rows), limits
        )
    if is_tar(name):
        members = tar_files.stream(archive, into, limits, name)
        kept = [(member, _reduce(found, limits, reduced)) for member, found in members]
        return _unpack_tar(kept, column, limits, None if groups else f"{first}/")
    return archives.unpack(archive, into, limits, name)


def _reduce(found: Path | Message, limits: Limits, reduced: bool) -> Path | Message:
    if reduced and isinstance(found, Path):
        reduce_file(found, limits)
    return found


def _state(found: Iterable[_Found], limits: Limits) -> Unpacked:
    """Return the files with what is said of each; those without a class, or without a file, are left out."""
    files, left_out, samples = [], [], {}
    for name, path, label, group in found:
        folder, _, base = name.rpartition("/")
        if isinstance(path, Message):
            left_out.append(LeftOut(clean_name(name), path))
        elif label is not None and clean_label(label, limits):
            files.append((base, path))
            samples[path] = Sample(label.strip(), next(filter(None, map(split_of, folder.split("/"))), None), group)
        else:
            path.unlink()
            left_out.append(LeftOut(clean_name(name), message(ShardLeftOutCode.LABEL_MISSING)))
    return Unpacked(files, left_out, None, what_is_left(limits, files), samples)


# -- labels beside the pictures of a tar


class _Member(NamedTuple):
    """A file of a tar: ``key`` is that of its sample, ``stem`` its name without the suffix."""

    name: str
    path: Path
    key: tuple[str, int]
    stem: str
    suffix: str

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture by its name."""
        return self.suffix in PICTURE_SUFFIXES and not is_junk(self.name)


class _Label(NamedTuple):
    """The class of a file; ``group`` is the sample where it is that of the sample, and not of the file alone."""

    text: str | None = None
    group: str | None = None


def _unpack_tar(
    found: Sequence[tuple[str, Path | Message]], column: str | None, limits: Limits, prefix: str | None
) -> Unpacked:
    """Return the files of a tar; ``prefix`` comes before the names of groups, None for no groups."""
    labels = _find_labels(_members(found), column, limits)
    if labels:
        return _state(_label(found, labels, prefix), limits)
    files = [(name, path) for name, path in found if isinstance(path, Path)]
    left_out = [LeftOut(clean_name(name), why) for name, why in found if isinstance(why, Message)]
    return Unpacked(files, left_out, None, what_is_left(limits, files))


def _label(
    found: Sequence[tuple[str, Path | Message]], labels: Mapping[Path, _Label], prefix: str | None
) -> Iterator[_Found]:
    """Yield the members of a tar with their classes and groups, without the labels themselves."""
    sizes = Counter(label.group for label in labels.values())
    for name, path in found:
        if not tar_files.is_label(name):
            text, group = labels.get(path, _Label()) if isinstance(path, Path) else _Label()
            is_grouped = prefix is not None and group is not None and sizes[group] > 1
            yield name, path, text, f"{prefix}{group}" if is_grouped else None
        elif isinstance(path, Path):
            path.unlink()


def _members(found: Sequence[tuple[str, Path | Message]]) -> list[_Member]:
    """Return the files of a tar with their samples.

    Names of one key are one sample, wherever they lie. Where one of them occurs twice, as in tars that were joined, the
    files of a sample follow one another, and the samples of the key are numbered.
    """
    repeated = {_key(name) for name, count in Counter(name for name, _ in found).items() if count > 1}
    members: list[_Member] = []
    number, before, names = 0, "", set[str]()
    for name, path in found:
        key = _key(name)
        if key != before or name in names:
            number, before, names = number + 1, key, set()
        names.add(name)
        suffix = suffix_of(name.rpartition("/")[2])
        if isinstance(path, Path):
            sample = (key, number if key in repeated else 0)
            members.append(_Member(name, path, sample, name[: len(name) - len(suffix)], suffix))
    return members


def _key(name: str) -> str:
    """Return the name of a file up to the first dot in its last part."""
    folder, slash, base = name.rpartition("/")
    return folder + slash + base.partition(".")[0]


def _find_labels(members: Sequence[_Member], column: str | None, limits: Limits) -> dict[Path, _Label]:
    """Return the labels beside the pictures of a tar, by the path of the picture; empty where hardly any has one."""
    folders = {member.stem.rpartition("/")[0] for member in members if member.is_picture}
    # Texts beside the pictures of several folders are captions or boxes: their classes are the folders.
    usual = _ENDINGS if len(folders) == 1 else _ENDINGS[:1]
    endings = usual if column is None else (f".{column}",) if f".{column}" in _ENDINGS else (".json",)
    for ending in endings:
        field = None if f".{column}" == ending else column
        texts = [
            (member, text)
            for member in members
            if member.suffix == ending and (text := _read_label(member.path, field, limits))
        ]
        labels = _pair([member for member in members if not tar_files.is_label(member.name)], texts)
        if labels:
            return labels
    return {}


def _pair(members: Sequence[_Member], texts: Sequence[tuple[_Member, str]]) -> dict[Path, _Label]:
    """Return the labels of files, by path; empty where they are those of hardly any picture.

    A label is that of the picture of its own name, ``0001.left.cls`` of ``0001.left.jpg``, otherwise of all pictures of
    the sample. Beside ``0001.jpg`` other pictures without a label of their own are masks, ``0001.seg.png``.
    """
    pictures = {(member.key, member.stem) for member in members if member.is_picture}
    own = {(member.key, member.stem): text for member, text in texts}
    shared: dict[tuple[str, int], set[str]] = defaultdict(set)
    for member, label in texts:
        if (member.key, member.stem) not in pictures:
            shared[member.key].add(label)
    labels: dict[Path, _Label] = {}
    wanted = labeled = 0
    for member in members:
        text, of_sample = own.get((member.key, member.stem)), shared.get(member.key, ())
        if text is None and (member.key, member.key[0]) in pictures:
            continue
        if text is not None:
            labels[member.path] = _Label(text)
        elif len(of_sample) == 1:
            labels[member.path] = _Label(next(iter(of_sample)), "/".join(map(str, member.key)))
        wanted += member.is_picture
        labeled += member.is_picture and member.path in labels
    return labels if labeled >= _LABELED * wanted else {}


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
