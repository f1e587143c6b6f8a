"""Whether photos are more alike than chance explains: permutation tests within the classes, on pooled features."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .large_arrays import allocate, blocks, scale_to_unit, signed_roots

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_PERMUTATIONS = 1999  # none of which may reach what is observed: p < 0.001
_PROJECTED = 64  # dimensions that the features are projected to
_MOST_PHOTOS = 1000  # that are compared; of more, whole groups are drawn


def comparable(features: Floats, y: Ints) -> Floats:
    """Return features (N, D) as unit vectors around the mean of each class, by which photos of one class compare.

    Signed roots (Hellinger distance) keep single strong features from dominating, as in ``duplicates``.
    """
    rooted = signed_roots(features)
    sums = np.zeros((int(y.max(initial=0)) + 1, features.shape[1]), np.float32)
    np.add.at(sums, y, rooted)
    means = sums / np.maximum(np.bincount(y, minlength=len(sums)), 1)[:, None]
    for block in blocks(len(rooted)):
        rooted[block] -= means[y[block]]
    return scale_to_unit(rooted)


def are_nearer(
    unit: Floats, y: Ints, groups: Ints, inner: Ints | None = None, permutations: int = _PERMUTATIONS
) -> bool:
    """Return whether photos of one group are nearer than random divisions of each class make them: p < 0.001.

    Args:
        unit: comparable features (N, D).
        y: classes (N,).
        groups: numbers (N,).
        inner: groups (N,) within these that are known: only what joins them is tested.
        permutations: random divisions, none of which may reach what is observed; fewer give a weaker proof.
    """
    if inner is not None:
        unit, y, groups = _means(unit, y, groups, inner)
    chosen = _sample(groups)
    vectors, y, groups = _project(unit[chosen]), y[chosen], np.unique(groups[chosen], return_inverse=True)[1]
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    if len(starts) == len(order):
        return False

    def similarity(permuted: Ints) -> float:
        sums = np.add.reduceat(vectors[permuted][order], starts)
        return float((sums * sums).sum())

    return _is_beyond_chance(similarity, y, permutations)


def mean_similarity(unit: Floats, groups: Ints) -> float:
    """Return the mean cosine of two photos of one group, 0 where no group has two."""
    index, counts = np.unique(groups, return_inverse=True, return_counts=True)[1:]
    sums = _sums(unit, index, len(counts))
    pairs = float((counts * (counts - 1.0)).sum())
    return (float((sums * sums).sum()) - len(groups)) / pairs if pairs else 0.0


def are_neighbors_nearer(unit: Floats, y: Ints, sequences: Ints, order: Ints) -> bool:
    """Return whether photos next to one another are nearer than in a random order of each class (p < 0.001).

    Args:
        unit: comparable features (N, D).
        y: classes (N,).
        sequences: number (N,) of the sequence within which photos are compared.
        order: indices (n,) in the order that is tested, of which the first are enough.
    """
    order = order[: 4 * _MOST_PHOTOS]
    vectors, y, sequences = _project(unit[order]), y[order], sequences[order]
    same = np.flatnonzero(sequences[1:] == sequences[:-1])
    if len(same) < 5:
        return False

    def similarity(permuted: Ints) -> float:
        rows = vectors[permuted]
        return float(np.einsum("nd,nd->", rows[same], rows[same + 1]))

    return _is_beyond_chance(similarity, y)


def _is_beyond_chance(similarity: Callable[[Ints], float], y: Ints, permutations: int = _PERMUTATIONS) -> bool:
    """Return whether no permutation of the photos within their classes (N,) reaches the similarity of their order."""
    rng = np.random.default_rng(0)
    observed = similarity(np.arange(len(y)))
    by_class = np.argsort(y, kind="stable")
    for _ in range(permutations):
        permuted = np.empty(len(y), np.int64)
        permuted[by_class] = np.argsort(y + rng.random(len(y)))
        if similarity(permuted) >= observed - 1e-6:
            return False
    return True


def _sums(unit: Floats, index: Ints, count: int) -> Floats:
    """Return the sums (count, D) of the rows of ``unit`` (N, D) with each index (N,)."""
    sums = allocate((count, unit.shape[1]))
    sums.fill(0)
    np.add.at(sums, index, unit)
    return sums


def _means(unit: Floats, y: Ints, groups: Ints, inner: Ints) -> tuple[Floats, Ints, Ints]:
    """Return the mean of each inner group as one row, with its class and group."""
    _, first, index, counts = np.unique(inner, return_index=True, return_inverse=True, return_counts=True)
    means = _sums(unit, index, len(first))
    means /= counts[:, None]
    return means, y[first], groups[first]


def _sample(groups: Ints) -> Ints:
    """Return the indices of all photos, or of whole groups drawn by chance up to the number that is compared."""
    if len(groups) <= _MOST_PHOTOS:
        return np.arange(len(groups))
    names, index, counts = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.random.default_rng(0).permutation(len(names))
    drawn = order[np.cumsum(counts[order]) <= _MOST_PHOTOS]
    return np.flatnonzero(np.isin(index, drawn))


def _project(unit: Floats) -> Floats:
    """Return vectors (N, 64) with nearly the same angles (random projection; Johnson and Lindenstrauss)."""
    if unit.shape[1] <= _PROJECTED:
        return unit
    rng = np.random.default_rng(0)
    projection = rng.standard_normal((unit.shape[1], _PROJECTED)).astype(np.float32) / np.float32(_PROJECTED**0.5)
    projected: Floats = unit @ projection
    return projected
