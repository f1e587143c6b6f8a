"""Arrays of a row for each photo: in a mapped file where they are large, and changed without copies of all rows."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_ROWS = 4096  # of a block: 20 MB of the features of the built-in network
_MAPPED = 2**25  # bytes from which an array is a file


def allocate(shape: tuple[int, ...], mapped: int = _MAPPED) -> Floats:
    """Return an array without values; one of ``mapped`` bytes and more lies in a file without a name.

    The system writes parts of it to the disk when memory is short. It is in memory where the folder of temporary files
    has no room for it, or cannot keep room free: without that, a full disk would end the program later.
    """
    size = 4 * math.prod(shape)
    if size >= max(mapped, 1) and hasattr(os, "posix_fallocate"):
        try:
            with tempfile.TemporaryFile() as file:
                os.posix_fallocate(file.fileno(), 0, size)
                return np.asarray(np.memmap(file, np.float32, "r+", shape=shape))
        except OSError:
            pass
    return np.empty(shape, np.float32)


def take_rows(values: Floats, rows: Ints) -> Floats:
    """Return some rows (n,) of values (N, D)."""
    taken = allocate((len(rows), *values.shape[1:]))
    return np.take(values, rows, 0, taken, "clip")  # other modes copy the result once more


def side_by_side(parts: Sequence[Floats]) -> Floats:
    """Return arrays (N, …) of the same photos as one (N, sum of their columns)."""
    return np.concatenate(parts, 1, out=allocate((len(parts[0]), sum(one.shape[1] for one in parts))))


def blocks(count: int, rows: int = _ROWS) -> Iterator[slice]:
    """Yield slices of at most so many of ``count`` rows; at least one, so that there is something to join."""
    for start in range(0, max(count, 1), rows):
        yield slice(start, start + rows)


def signed_roots(features: Floats) -> Floats:
    """Return sign(x) · √|x| of features (N, D), which keeps single strong features from dominating.

    Arandjelović and Zisserman, “Three things everyone should know to improve object retrieval”, CVPR 2012.
    """
    rooted = np.abs(features, out=allocate(features.shape))
    np.sqrt(rooted, out=rooted)
    return np.copysign(rooted, features, out=rooted)


def scale_to_unit(rows: Floats) -> Floats:
    """Divide rows (N, D) by their length, in place, and return them."""
    for block in blocks(len(rows)):
        rows[block] /= np.maximum(np.linalg.norm(rows[block], axis=1, keepdims=True), 1e-9)
    return rows
