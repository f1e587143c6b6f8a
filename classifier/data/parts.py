"""Parts of a large set of points, so that each point is compared with those near it only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# Share of the points on each side of a border that count as near it. With parts of 4,096 photos all of 980 changed
# copies are found among 5,000 others; among 31,000 with an overlap of 0.1 96.9 % and with 0.2, which makes many more
# parts, 98.2 %. Parts of 8,192 and 0.1 found 97.7 %.
_OVERLAP = 0.15
_PROJECTED = 64  # dimensions in which points are divided
_SAMPLE = 2000  # points that tell in which direction a part is longest
_ITERATIONS = 10


def divide(points: Floats, largest: int) -> Iterator[tuple[Ints, Ints]]:
    """Yield parts of points (N, D): the points that each has alone, and all that are near these, both ascending.

    A spill tree (Liu et al., “An investigation of practical approximate nearest neighbor algorithms”, NIPS 2004): a
    part of more than ``largest`` points is halved across its longest direction, and the fifth on either side of the
    border is near both halves. Two points that are much nearer to one another than the part is long are in one part.
    """
    if len(points) <= largest:
        everything = np.arange(len(points))
        yield everything, everything
        return
    rows = _project(points)
    stack = [(np.arange(len(points)), np.ones(len(points), np.bool_))]
    while stack:
        members, is_own = stack.pop()
        count = len(members)
        if count <= largest:
            yield np.sort(members[is_own]), np.sort(members)
            continue
        order = np.argsort(rows[members] @ _longest_direction(rows[members]), kind="stable")
        members, is_own = members[order], is_own[order]
        is_first = np.arange(count) < count // 2
        margin = int(_OVERLAP * count)
        first, second = slice(0, count // 2 + margin), slice(count // 2 - margin, count)
        stack.append((members[second], (is_own & ~is_first)[second]))
        stack.append((members[first], (is_own & is_first)[first]))


def _project(points: Floats) -> Floats:
    """Return points (N, 64) at nearly the same distances (random projection; Johnson and Lindenstrauss)."""
    if points.shape[1] <= _PROJECTED:
        return points
    directions = np.asarray(np.random.default_rng(0).standard_normal((points.shape[1], _PROJECTED)), np.float32)
    projected: Floats = points @ (directions / np.float32(_PROJECTED**0.5))
    return projected


def _longest_direction(rows: Floats) -> Floats:
    """Return the first principal direction (D,) of evenly spaced rows (N, D), by power iteration."""
    sample = rows[:: -(-len(rows) // _SAMPLE)]
    sample = sample - sample.mean(0)
    direction = np.asarray(np.random.default_rng(0).standard_normal(rows.shape[1]), np.float32)
    for _ in range(_ITERATIONS):
        direction = sample.T @ (sample @ direction)
        direction /= max(float(np.linalg.norm(direction)), 1e-30)
    return direction
