"""Photos -> folds: every class spread evenly, look-alikes always together, the same for the same seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def stratified_group_folds(
    labels: Ints, groups: Ints, count: int, seed: int, names: Iterable[str] | None = None
) -> Ints:
    """The number of the fold (N,) in which each photo is held out.

    ``labels`` (N,) and ``groups`` (N,): photos of one group never part. Each group has a favourite fold by
    the ``names`` of its photos (N, by default their places). Groups are dealt out largest first, each to its
    favourite as long as that has no more than its share of the class, then to the fold that has the fewest
    photos of the class, then the fewest at all. So a corrected label or a few photos more leave most photos
    where they were, and the scores before and after can be compared. There are ``count`` folds, or as many as
    there are groups.
    """
    members = _members(groups)
    count = max(2, min(count, len(members)))
    keys = _keys(range(len(labels)) if names is None else names, seed)
    shares = np.bincount(labels) // count
    load = np.zeros((count, len(shares)), np.int64)  # photos per fold and class
    result = np.zeros(len(labels), np.int64)
    for photos in sorted(members, key=lambda photos: (-len(photos), keys[photos].min())):
        label = int(np.bincount(labels[photos]).argmax())
        fold = int(keys[photos].min() % count)
        if load[fold, label] + len(photos) > shares[label]:
            fold = min(range(count), key=lambda fold: (load[fold, label], load[fold].sum()))
        result[photos] = fold
        np.add.at(load[fold], labels[photos], 1)
    return result


def sample_per_class(labels: Ints, count: int) -> Ints:
    """Return at most ``count`` sorted indices of ``labels`` (N,), all of them where N is no larger.

    Of more, each class has the same number, evenly spaced among its photos; a class that is smaller has all of its
    photos, and every class at least one.
    """
    if len(labels) <= count:
        return np.arange(len(labels))
    classes, sizes = np.unique(labels, return_counts=True)
    remaining, limit = count, 1
    for position, size in enumerate(np.sort(sizes)):
        limit = max(1, remaining // (len(sizes) - position))
        if size > limit:
            break
        remaining -= size
    members = (np.flatnonzero(labels == label) for label in classes)
    return np.sort(np.concatenate([part[_evenly_spaced(len(part), limit)] for part in members]))


def _evenly_spaced(total: int, count: int) -> Ints:
    return np.unique(np.linspace(0, total - 1, min(total, count)).round().astype(np.int64))


def _keys(names: Iterable[object], seed: int) -> Ints:
    """A number for each photo (N,) that follows from its name and the seed alone."""
    digests = (hashlib.sha256(f"{seed} {name}".encode()).digest() for name in names)
    return np.array([int.from_bytes(digest[:7], "big") for digest in digests], np.int64)


def _members(groups: Ints) -> list[Ints]:
    order = np.argsort(groups, kind="stable")
    _, starts = np.unique(groups[order], return_index=True)
    return np.split(order, starts[1:])
