"""Pictures packed in files of arrays, each written to disk as a PNG: MNIST's idx files and CIFAR's binary ones."""

from __future__ import annotations

import gzip
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

from ..config import LIMITS, Limits
from ..errors import DataError
from ..files import storage_error
from ..messages.packed import PackedCode, PackedErrorCode
from ..messages.shards import ShardCode
from .archives import NEVER_A_BOMB, Sample, Unpacked
from .intake import LeftOut, normalize_name
from .layout.photos import find_photos
from .packed_readers import Packed, find_sources

FilePaths = list[tuple[str, Path]]
Counts = Counter[tuple[str | None, str]]  # pictures of each split and class


def unpack_pictures(
    files: Sequence[tuple[str, Path]], into: Path, limits: Limits = LIMITS, per_class: int | None = None
) -> Unpacked:
    """Return the files with the pictures of idx and CIFAR files in place of these, and the files left out.

    The pictures are ``Unpacked.samples``, with numbers as names, in the order of the files.

    Args:
        files: (name with folders, path).
        into: folder for the pictures.
        limits: what all files together may hold.
        per_class: so many pictures of each class and split, the first ones; by default all.

    Raises ``DataError`` where there are too many pictures, or nothing but such files and none can be read;
    ``StorageError`` where the disk is full.

    Example::

        unpacked = unpack_pictures([("test_batch.bin", Path("test_batch.bin"))], Path("unpacked"))
        unpacked.files[0]  # ("000000.png", Path("unpacked/000000"))
        unpacked.samples[Path("unpacked/000000")]  # Sample(label="3", split="test")
    """
    sources, left_out = find_sources(files)
    used = {name for source in sources for name in source.used} | {left.file for left in left_out}
    packed = []
    for source in sources:
        try:
            packed.append(source.open())
        except DataError as error:
            left_out.append(LeftOut(source.name, error.message))
    others = [file for file in files if file[0] not in used]
    _check_limits(packed, len(others), limits)
    samples: dict[Path, Sample] = {}
    counts: Counts = Counter()
    first = 0
    for one in packed:
        try:
            samples |= _write(one, into, first, counts, per_class)
        except DataError as error:
            left_out.append(LeftOut(one.name, error.message))
        first += one.count
    if left_out and not samples and not find_photos([normalize_name(name) for name, _ in others]):
        raise DataError(PackedErrorCode.UNUSABLE, file=left_out[0].file, why=left_out[0].message)
    return Unpacked([*others, *((f"{path.name}.png", path) for path in samples)], left_out, None, limits, samples)


def _check_limits(packed: Sequence[Packed], others: int, limits: Limits) -> None:
    count, size = sum(one.count for one in packed), sum(one.count * math.prod(one.shape) for one in packed)
    files = tuple(one.name for one in packed)
    if packed and count + others > limits.files:
        raise DataError(PackedErrorCode.TOO_MANY, count=count, files=files, limit=limits.files)
    if size > limits.bytes_unpacked:
        raise DataError(PackedErrorCode.TOO_BIG, files=files, limit=limits.bytes_unpacked)
    if size > NEVER_A_BOMB and size > limits.ratio * sum(one.file_bytes for one in packed):
        raise DataError(ShardCode.BOMB, name=files[0], limit=limits.ratio)


def _write(packed: Packed, into: Path, first: int, counts: Counts, per_class: int | None) -> dict[Path, Sample]:
    """Write the pictures of a file as PNGs, which keep every value; none stays where the file is damaged.

    ``first`` is the number of the first one, ``counts`` are the pictures so far. The name of the file is no part of
    their names: it would look like a group of photos that belong together.
    """
    written: dict[Path, Sample] = {}
    try:
        into.mkdir(parents=True, exist_ok=True)
        for number, (label, pixels) in enumerate(packed.read(), first):
            if counts[packed.split, label] == per_class:
                continue
            counts[packed.split, label] += 1
            path = into / f"{number:06}"
            written[path] = Sample(label, packed.split)
            Image.fromarray(pixels).save(path, "PNG", compress_level=1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        _remove(written)
        raise DataError(PackedCode.PACKED_DAMAGED) from error
    except OSError as error:
        _remove(written)
        raise storage_error(error) from error
    except DataError:
        _remove(written)
        raise
    return written


def _remove(files: Iterable[Path]) -> None:
    for path in files:
        path.unlink(missing_ok=True)
