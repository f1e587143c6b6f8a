"""MNIST's idx files and CIFAR's binary ones: which of some files they are, and their pictures one at a time.

torchvision reads idx files whole into memory, and CIFAR from a pickle, which could run any program. Here a header is
compared with the size of its file before anything is read, and one picture at a time is in memory. The layouts are
those of http://yann.lecun.com/exdb/mnist and https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..config import LIMITS
from ..errors import DataError
from ..files import read_bounded
from ..messages import message
from ..messages.packed import PackedCode
from .intake import LeftOut, check_regular_file, normalize_name
from .layout.split_names import split_of

Pixels = NDArray[np.uint8]  # (H, W) or (H, W, 3)
_Named = tuple[str, str, str, Path]  # folder, name in it, name, path

_IDX = re.compile(r"(?P<stem>.*?)(?P<kind>images|labels)(?P<form>[-.]idx)[13](?P<end>[-.]ubyte)(?P<packed>\.gz)?", re.I)
_ENDINGS = ("ubyte", "ubyte.gz", ".bin")  # of any such file
_TEST = re.compile(r"t10k|test", re.I)
_CIFAR_SIDE, _CIFAR_CHANNELS = 32, 3
_LONGEST_NAMES = 2**16  # bytes of the names of classes


class _Batches(NamedTuple):
    """A layout of CIFAR: its files, the one with the names of the classes, and the bytes of labels in a picture."""

    files: re.Pattern[str]
    names: str
    needs_names: bool
    label_bytes: int


_CIFAR = (
    _Batches(re.compile(r"(data_batch_\d+|test_batch)\.bin", re.I), "batches.meta.txt", False, 1),
    _Batches(re.compile(r"(train|test)\.bin", re.I), "fine_label_names.txt", True, 2),  # 100 classes, in 20 groups
)


@dataclass(frozen=True)
class Packed:
    """The pictures of one file: its size, their number and shape, and what reads them with the names of their classes.

    ``split`` is the one that its name or folder means, None where they mean none.
    """

    name: str
    split: str | None
    file_bytes: int
    count: int
    shape: tuple[int, ...]
    read: Callable[[], Iterator[tuple[str, Pixels]]]


class Source(NamedTuple):
    """What is to be opened: the file with the pictures, all files that are used up with it, and how to open it."""

    name: str
    used: tuple[str, ...]
    open: Callable[[], Packed]


def find_sources(files: Sequence[tuple[str, Path]]) -> tuple[list[Source], list[LeftOut]]:
    """Return what can be opened among files, given as (name with folders, path), and why others of the kind cannot."""
    if not any(name.lower().endswith(_ENDINGS) for name, _ in files):
        return [], []
    places = [(normalize_name(name).rpartition("/"), name, path) for name, path in files]
    named = [(folder, base, name, path) for (folder, _, base), name, path in places]
    idx, left_out = _find_idx([one for one in named if _IDX.fullmatch(one[1])])
    cifar = [source for layout in _CIFAR for source in _find_cifar(named, layout)]
    return [*idx, *cifar], left_out


def _split(folder: str, base: str) -> str | None:
    """Return the split of a file with pictures."""
    return "test" if _TEST.search(base) else next(filter(None, map(split_of, reversed(folder.split("/")))), None)


# -- MNIST's idx files


def _find_idx(named: Sequence[_Named]) -> tuple[list[Source], list[LeftOut]]:
    """Return pictures with the labels beside them; of a file that is there packed and unpacked, the unpacked one."""
    pairs: dict[tuple[str, str], dict[str, _Named]] = defaultdict(dict)
    left_out = []
    for one in sorted(named, key=lambda one: (one[0], len(one[1]))):
        found = _IDX.fullmatch(one[1])
        assert found is not None
        pair, kind = pairs[one[0], found["stem"].lower()], found["kind"].lower()
        if kind in pair:
            left_out.append(LeftOut(one[2], message(PackedCode.PACKED_TWICE, file=pair[kind][2])))
        else:
            pair[kind] = one
    whole = {stem: pair["images"][2] for (_, stem), pair in pairs.items() if len(pair) == 2}
    sources = []
    for (_, stem), pair in pairs.items():
        if len(pair) == 2:
            sources.append(_idx_source(pair["images"], pair["labels"]))
            continue
        ((kind, one),) = pair.items()
        lacking = PackedCode.LABELS_MISSING if kind == "images" else PackedCode.PICTURES_MISSING
        code, file = (PackedCode.PACKED_TWICE, whole[stem]) if stem in whole else (lacking, _partner(one[1]))
        left_out.append(LeftOut(one[2], message(code, file=file)))
    return sources, left_out


def _partner(base: str) -> str:
    """Return what the labels of a file of pictures are called, or the pictures of a file of labels."""
    found = _IDX.fullmatch(base)
    assert found is not None
    kind, rank = ("labels", 1) if found["kind"].lower() == "images" else ("images", 3)
    return f"{found['stem']}{kind}{found['form']}{rank}{found['end']}{found['packed'] or ''}"


def _idx_source(images: _Named, labels: _Named) -> Source:
    (folder, base, name, path), (_, _, labels_name, labels_path) = images, labels
    open_both = partial(_open_idx, name, _split(folder, base), path, labels_name, labels_path)
    return Source(name, (name, labels_name), open_both)


def _open_idx(name: str, split: str | None, images: Path, labels_name: str, labels: Path) -> Packed:
    count, *shape = _read_header(images, 3)
    (labeled,) = _read_header(labels, 1)
    size = math.prod(shape)
    if count != labeled:
        raise DataError(PackedCode.LABELS_DIFFER, count=count, file=labels_name, labels=labeled)

    def read() -> Iterator[tuple[str, Pixels]]:
        with ExitStack() as stack:
            pixels, classes = (stack.enter_context(_open(path)) for path in (images, labels))
            pixels.read(16)  # the headers
            classes.read(8)
            for _ in range(count):
                picture, label = pixels.read(size), classes.read(1)
                if len(picture) < size or not label:
                    raise DataError(PackedCode.PACKED_CUT_OFF, count=count, size=size)
                yield str(label[0]), np.frombuffer(picture, np.uint8).reshape(shape)

    return Packed(name, split, images.stat().st_size, count, tuple(shape), read)


def _read_header(path: Path, rank: int) -> tuple[int, ...]:
    """Return the sizes of an array of bytes; a file that is not packed holds as many."""
    _check_regular(path)
    try:
        with _open(path) as stream:
            head, is_packed = stream.read(4 * (1 + rank)), isinstance(stream, gzip.GzipFile)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(PackedCode.PACKED_DAMAGED) from error
    sizes = tuple(int(size) for size in np.frombuffer(head[4 : len(head) // 4 * 4], ">u4"))
    if head[:4] != bytes((0, 0, 8, rank)) or len(sizes) != rank or not all(sizes):
        raise DataError(PackedCode.NOT_IDX)
    is_short = not is_packed and path.stat().st_size < len(head) + math.prod(sizes)
    if is_short or math.prod(sizes[1:]) > LIMITS.pixels:
        raise DataError(PackedCode.PACKED_CUT_OFF, count=sizes[0], size=math.prod(sizes[1:]))
    return sizes


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """Open a file of bytes, unpacked where it is packed with gzip, whatever its name."""
    with path.open("rb") as stream:
        is_packed = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        yield gzip.GzipFile(fileobj=stream) if is_packed else stream


def _check_regular(path: Path) -> None:
    code = check_regular_file(path)
    if code is not None:
        raise DataError(code)


# -- CIFAR's binary files


def _find_cifar(named: Sequence[_Named], layout: _Batches) -> list[Source]:
    names = {folder: (name, path) for folder, base, name, path in named if base == layout.names}
    sources = []
    for folder, base, name, path in named:
        if not layout.files.fullmatch(base) or (layout.needs_names and folder not in names):
            continue
        classes = names.get(folder)
        used = (name,) if classes is None else (name, classes[0])
        names_path = None if classes is None else classes[1]
        open_batch = partial(_open_cifar, name, _split(folder, base), path, layout.label_bytes, names_path)
        sources.append(Source(name, used, open_batch))
    return sources


def _open_cifar(name: str, split: str | None, path: Path, label_bytes: int, names: Path | None) -> Packed:
    """Open a file of records: the labels, the last of which is used, and the red, green and blue values."""
    _check_regular(path)
    classes = () if names is None else _read_names(names)
    shape = (_CIFAR_SIDE, _CIFAR_SIDE, _CIFAR_CHANNELS)
    record, size = label_bytes + math.prod(shape), path.stat().st_size
    if not size or size % record:
        raise DataError(PackedCode.NOT_CIFAR, size=record)

    def read() -> Iterator[tuple[str, Pixels]]:
        with path.open("rb") as stream:
            while content := stream.read(record):
                label, planes = content[label_bytes - 1], np.frombuffer(content[label_bytes:], np.uint8)
                if classes and label >= len(classes):
                    raise DataError(PackedCode.LABEL_UNKNOWN, label=label, count=len(classes))
                pixels = planes.reshape(_CIFAR_CHANNELS, _CIFAR_SIDE, _CIFAR_SIDE).transpose(1, 2, 0)
                yield classes[label] if classes else str(label), np.ascontiguousarray(pixels)

    return Packed(name, split, size, size // record, shape, read)


def _read_names(path: Path) -> Sequence[str]:
    """Return the names of classes, a line each; empty where they cannot be read: labels stay numbers."""
    try:
        _check_regular(path)
        lines = read_bounded(path, _LONGEST_NAMES).decode("utf-8").split("\n")
    except (OSError, ValueError, DataError):
        return ()
    return [line.strip() for line in lines if line.strip()]
