"""Photos -> folds: every class spread evenly, look-alikes always together, the same for the same seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def folds(labels: NDArray[np.int64], groups: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """The number of the fold (N,) in which each photo is held out.

    ``labels`` (N,) and ``groups`` (N,): photos of one group never part. Groups are dealt out largest
    first, each to the fold that has the fewest photos of its class, then the fewest at all. There are
    ``count`` folds, or as many as there are groups.
    """
    rng = np.random.default_rng(seed)
    members = _members(groups)
    count = max(2, min(count, len(members)))
    load = np.zeros((count, int(labels.max()) + 1))  # photos per fold and class
    result = np.zeros(len(labels), np.int64)
    shuffled = [members[index] for index in rng.permutation(len(members))]
    for photos in sorted(shuffled, key=len, reverse=True):
        label = int(np.bincount(labels[photos]).argmax())
        fold = min(range(count), key=lambda fold: (load[fold, label], load[fold].sum()))
        result[photos] = fold
        np.add.at(load[fold], labels[photos], 1)
    return result


def _members(groups: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    order = np.argsort(groups, kind="stable")
    _, starts = np.unique(groups[order], return_index=True)
    return np.split(order, starts[1:])
