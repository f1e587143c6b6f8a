"""Features as unit vectors of signed roots, whose distance is Hellinger's; without copies of more than some rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_ROWS = 8192


def blocks(count: int, rows: int = _ROWS) -> Iterator[slice]:
    """Yield slices of at most so many of ``count`` rows; at least one, so that there is something to join."""
    for start in range(0, max(count, 1), rows):
        yield slice(start, start + rows)


def signed_roots(features: Floats) -> Floats:
    """Return sign(x) · √|x| of features (N, D), which keeps single strong features from dominating.

    Arandjelović and Zisserman, “Three things everyone should know to improve object retrieval”, CVPR 2012.
    """
    rooted = np.abs(features)
    np.sqrt(rooted, out=rooted)
    return np.copysign(rooted, features, out=rooted)


def scale_to_unit(rows: Floats) -> Floats:
    """Divide rows (N, D) by their length, in place, and return them."""
    for block in blocks(len(rows)):
        rows[block] /= np.maximum(np.linalg.norm(rows[block], axis=1, keepdims=True), 1e-9)
    return rows
