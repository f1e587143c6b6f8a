"""Cross-validation folds that keep groups together, and samples that keep every class."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def stratified_group_folds(
    y: Ints, groups: Ints, fold_count: int, seed: int, names: Iterable[str] | None = None
) -> Ints:
    """Return the number of the fold (N,) in which each photo is held out.

    Every class is spread evenly and a group is never divided. Each group has a preferred fold, a hash of the names of
    its photos. Groups are assigned largest first: to the preferred fold while that has no more than its part of the
    class, otherwise to the fold with the fewest photos of the class, then the fewest at all. Own code, because
    scikit-learn's StratifiedGroupKFold may move most photos when one label changes; here they stay in their
    fold, so that the scores before and after a correction can be compared.

    Args:
        y: class index of each photo (N,).
        groups: group number of each photo (N,).
        fold_count: number of folds; fewer, but at least two, where there are fewer groups.
        seed: part of the hash.
        names: a name for each photo (N) that stays the same when photos are added; by default its index.
    """
    members = _members(groups)
    fold_count = max(2, min(fold_count, len(members)))
    hashes = _hash_names(range(len(y)) if names is None else names, seed)
    limits = np.bincount(y) // fold_count
    counts = np.zeros((fold_count, len(limits)), np.int64)  # photos per fold and class
    folds = np.zeros(len(y), np.int64)
    for group in sorted(members, key=lambda group: (-len(group), hashes[group].min())):
        label = int(np.bincount(y[group]).argmax())
        fold = int(hashes[group].min() % fold_count)
        if counts[fold, label] + len(group) > limits[label]:
            fold = min(range(fold_count), key=lambda fold: (counts[fold, label], counts[fold].sum()))
        folds[group] = fold
        np.add.at(counts[fold], y[group], 1)
    return folds


def sample_groups(y: Ints, groups: Ints, share: float, seed: int, names: Iterable[str] | None = None) -> Ints:
    """Return the sorted indices of about ``share`` of the photos, with the same share of each class, in whole groups.

    Groups are drawn by a hash of the names of their photos, so that the sample hardly changes when photos are added. A
    class of at least two groups has photos in the sample and among the rest. Own code, because scikit-learn's
    GroupShuffleSplit does not keep the shares of the classes.

    Args:
        y: class index of each photo (N,).
        groups: group number of each photo (N,).
        share: proportion to draw, 0 to 1.
        seed: part of the hash.
        names: a name for each photo (N) that stays the same when photos are added; by default its index.
    """
    members = _members(groups)
    hashes = _hash_names(range(len(y)) if names is None else names, seed)
    by_class: dict[int, list[Ints]] = {}
    for group in members:
        by_class.setdefault(int(np.bincount(y[group]).argmax()), []).append(group)
    drawn: list[Ints] = []
    for label in sorted(by_class):
        own = sorted(by_class[label], key=lambda group: hashes[group].min())
        drawn += _draw(own, share * sum(map(len, own)))
    return np.sort(np.concatenate([np.zeros(0, np.int64), *drawn]))


def _draw(groups: list[Ints], wanted: float) -> list[Ints]:
    """Return groups with about ``wanted`` photos; at least one and not all of them where there are two."""
    drawn: list[Ints] = []
    missing = wanted
    for group in groups:
        if len(drawn) < len(groups) - 1 and len(group) <= 2 * missing:  # nearer to the number than without it
            drawn.append(group)
            missing -= len(group)
    if not drawn and len(groups) > 1:
        drawn.append(min(groups, key=len))
    return drawn


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


def _hash_names(names: Iterable[object], seed: int) -> Ints:
    """Return 56 bits (N,) of the SHA-256 of each name with the seed."""
    digests = (hashlib.sha256(f"{seed} {name}".encode()).digest() for name in names)
    return np.array([int.from_bytes(digest[:7], "big") for digest in digests], np.int64)


def _members(groups: Ints) -> list[Ints]:
    """Return the indices of each group's photos, by group number."""
    order = np.argsort(groups, kind="stable")
    _, starts = np.unique(groups[order], return_index=True)
    return np.split(order, starts[1:])
