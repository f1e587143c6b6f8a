"""Groups of photos from pairs that belong together, where single wrong pairs must not join two groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_LINKED = 0.15  # share of the pairs of two groups that must belong together
_LARGEST = 2000  # photos of a component that is divided, so that memory stays bounded
_NEIGHBORS_WEIGHT = 1e-3  # of the neighbors that two photos share: decides only between equal shares


def connect(count: int, pairs: Ints) -> Ints:
    """Return the connected component (count,) of each of ``count`` nodes joined by ``pairs`` (P, 2).

    A component's number is its smallest node. Each round hooks every root to the smallest of its neighbors, so that at
    most half of them remain (Shiloach and Vishkin, J. Algorithms 3, 1982). Own code, because the import of scipy's
    sparse graphs takes longer than the training of a small head.
    """
    roots = np.arange(count)
    while True:
        ends = roots[pairs]
        if (ends[:, 0] == ends[:, 1]).all():
            return roots
        lower = ends.min(1)
        for end in ends.T:
            np.minimum.at(roots, end, lower)
        while (roots[roots] != roots).any():
            roots = roots[roots]


def link(count: int, pairs: Ints) -> Ints:
    """Return groups (count,) of nodes by ``pairs`` (P, 2), in which two groups are joined by many pairs, not by one.

    Average linkage (UPGMA; Sokal and Michener, 1958) within each connected component. A group's number is its
    smallest node.
    """
    components = connect(count, pairs)
    nodes, sorted_pairs = (
        np.argsort(components, kind="stable"),
        pairs[np.argsort(components[pairs[:, 0]], kind="stable")],
    )
    sizes = np.bincount(components, minlength=count)
    ends = np.cumsum(sizes)
    pair_ends = np.cumsum(np.bincount(components[pairs[:, 0]], minlength=count))
    groups = components.copy()
    for one in np.flatnonzero((sizes > 2) & (sizes <= _LARGEST)):
        members = nodes[ends[one] - sizes[one] : ends[one]]
        inner = sorted_pairs[pair_ends[one - 1] if one else 0 : pair_ends[one]]
        groups[members] = _divide(members, np.searchsorted(members, inner))
    return groups


def _divide(members: Ints, pairs: Ints) -> Ints:
    """Return the groups (M,) of ``members`` (M,) linked by ``pairs`` (P, 2) of places among them."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    linked = np.eye(len(members), dtype=np.float32)
    linked[pairs[:, 0], pairs[:, 1]] = linked[pairs[:, 1], pairs[:, 0]] = 1
    degrees = np.sqrt(linked.sum(0))
    shared = linked @ linked / degrees / degrees[:, None]
    distances = 1 - linked + _NEIGHBORS_WEIGHT * (1 - shared).clip(0)
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), "average")
    clusters = fcluster(tree, 1 - _LINKED, "distance")
    _, firsts, index = np.unique(clusters, return_index=True, return_inverse=True)
    return np.asarray(members[firsts[index]], np.int64)
