"""Which pairs of photos are nearer than chance puts photos of this set.

Photos are points on a surface of few or many dimensions: before one camera, where a thing lies is all that differs
from photo to photo; photos of the world differ in dozens of ways. From the distances to further neighbors follows
the number of dimensions (Levina and Bickel, NIPS 2004), and from that how many photos chance puts as near as a
neighbor is. Pairs for which that is far less than one are of one thing (Benjamini and Hochberg, JRSS B 57, 1995).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_NEAR = 20  # rank of the neighbor from which on no photos of one thing are expected
_FALSE_DISCOVERIES = 0.01  # of all pairs found
_SMALLEST = 1e-3  # distance of copies: those that are equal differ by rounding errors


def rank_range(count: int) -> tuple[int, int]:
    """Return the ranks of the two neighbors of each of ``count`` photos between which dimensions are measured."""
    near = max(1, min(_NEAR, count // 4))
    return min(near, count - 1), min(max(2 * near, count // 4), count - 1)


def to_distances(similarity: Floats) -> Floats:
    """Return the distances of unit vectors of that similarity (cosine)."""
    return np.asarray(np.sqrt(np.maximum(2 - 2 * similarity, _SMALLEST**2)), np.float32)


def find_repeats(similarity: Floats, pairs: Ints, neighbors: Floats, compared: int) -> Flags:
    """Return which pairs of photos are nearer than by chance.

    Args:
        similarity: cosines (P,) of the pairs.
        pairs: indices (P, 2) of N photos; all pairs that are nearer than half of the way to a neighbor.
        neighbors: cosines (2, N) of each photo and its neighbors of the two ranks of ``rank_range``; NaN for photos
            of which nothing is known.
        compared: the number of photos that these are the neighbors among.
    """
    count = int(np.isfinite(neighbors[0]).sum())
    near, far = to_distances(neighbors)
    growth = float(np.nanmean(np.log(far / near))) if count else 0.0
    ranks = rank_range(compared)
    if growth <= 0 or not len(pairs):
        return np.zeros(len(pairs), np.bool_)
    dimensions = np.log(ranks[1] / ranks[0]) / growth
    # The nearest of the two photos' neighbors counts: beside it the pair must be near.
    ratio = to_distances(similarity) / np.fmin(near[pairs[:, 0]], near[pairs[:, 1]])
    expected = ranks[0] * ratio**dimensions * count / 2  # pairs in the whole set that are as near by chance
    expected = np.nan_to_num(expected, nan=np.inf)
    order = np.argsort(expected)
    passed = np.flatnonzero(expected[order] <= _FALSE_DISCOVERIES * np.arange(1, len(order) + 1))
    found = np.zeros(len(pairs), np.bool_)
    found[order[: passed[-1] + 1 if len(passed) else 0]] = True
    return found
