"""What out-of-fold answers and features say of the photos themselves: look-alikes, and labels that may be wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .perceptual_hash import similarity

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Hits = NDArray[np.bool_]

# Features: cosine of rooted, centred features. Roots (Hellinger's distance; Arandjelović and Zisserman, CVPR
# 2012) keep single strong features from deciding. Looks: likeness of fingerprints (``looks.likeness``). The
# network knows a scene again from another place, but thinks little of a photo turned on its side, where the
# fingerprint is sure; so both are added. Found on 120 photos of seven sets with 14 changed copies each, and on all
# pairs of those sets looked at by eye: at 1.6 and above nearly all pairs are true, at 1.45 there are two dandelions.
# A thing photographed again from nearer or at an angle has another fingerprint, so features may also decide alone.
# Found on things of four sets photographed six times, a turn of 8° and three tenths of the view apart.
# In each pair: how alike, and how much above what is usual between two photos and their next ones, for one
# background does not make one scene.
_ALIKE, _ALIKE_TO_NETWORK = (1.6, 0.65), (0.75, 0.45)
_FAIRLY, _FAIRLY_TO_NETWORK = (1.2, 0.5), (0.65, 0.4)  # the same for a photo and half of a scene
_SEVERAL = 2  # different photos of a scene to be like
_ROUNDS = 3
_SAME_PRINT = 0.95  # fingerprints so alike need no more of the network than that it does not object
_CROWD = 20  # photos, or a twentieth of all: a larger “scene” is a uniform background, not a burst
_BLOCK = 1024  # rows compared at a time, so that memory stays bounded
SAME_SCENE = 0.8  # cosine from which two photos count as one scene where their looks are not known
_STRICTER = (SAME_SCENE, 0.85, 0.9, 0.95)


def near_duplicate_groups(features: Floats, looks: Floats | None = None) -> Ints:
    """A group number (N,) for each photo, from pooled features (N, D) and looks (N, W); a scene shares its number.

    One scene are re-saves, crops, mirror images, quarter turns, other exposures and bursts, and what hangs
    together over such. Without looks only features decide; where then chains of photos that are all
    much alike (slides, cells, fields) would swallow the set, a stricter likeness is asked for.
    """
    centred = _rooted(features)
    if looks is not None:
        return _scenes(centred, looks)
    groups = np.arange(len(features), dtype=np.int64)
    for cosine in _STRICTER:
        groups = _groups(len(features), _close(centred, cosine))
        if np.bincount(groups).max() <= max(_CROWD, len(groups) // 20):
            break
    return groups


def _rooted(features: Floats) -> Floats:
    rooted = np.sign(features) * np.sqrt(np.abs(features))
    centred = rooted - rooted.mean(0)
    unit: Floats = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    return unit


def _scenes(centred: Floats, looks: Floats) -> Ints:
    """Group numbers (N,) by features and looks.

    Two photos have to be more alike than they are to their further neighbours (CSLS; Conneau et al., arXiv
    1710.04087): hands before one wall are all alike, and only repeats among them stand out. A photo also
    joins a scene when it is fairly like half of the photos in it, as some of a burst are.
    """
    pairs, alike, same, usual = _candidates(centred, looks)
    above = alike - usual[:, pairs].mean(2)
    groups = _groups(len(centred), pairs[same | _reached(alike, above, _ALIKE, _ALIKE_TO_NETWORK)])
    fairly = pairs[_reached(alike, above, _FAIRLY, _FAIRLY_TO_NETWORK)]
    prints = _groups(len(centred), pairs[same])  # copies of one picture count once
    for _ in range(_ROUNDS):
        sizes = Counter(group for group, _ in set(zip(groups.tolist(), prints.tolist())))
        linked = {
            (photo, int(groups[other]), int(prints[other]))
            for photo, other in np.concatenate([fairly, fairly[:, ::-1]]).tolist()
        }
        links = Counter((photo, group) for photo, group, _ in linked)
        joins = [
            (photo, group)
            for (photo, group), count in links.items()
            if groups[photo] != group and count >= max(_SEVERAL, sizes[group] / 2)
        ]
        if not joins:
            break
        known = [(photo, int(group)) for photo, group in enumerate(groups)]
        groups = _groups(len(groups), [*known, *joins])
    return groups


def _candidates(centred: Floats, looks: Floats) -> tuple[Ints, Floats, Hits, Floats]:
    """Pairs (P, 2) that are at least fairly alike, how much (2, P), whether their fingerprints are the same (P,); and
    how alike each photo is to its further neighbours (2, N). First by features and looks, then by features."""
    count = len(centred)
    # Features alone are judged by the very next, or a class that is all alike in a large mixed set would be one scene.
    ranks = min(max(_CROWD, count // 20), count // 2), min(_CROWD, count // 2)
    usual = np.zeros((2, count), np.float32)
    pairs, alike, equal = [], [], []
    for start in range(0, count, _BLOCK):
        rows = slice(start, start + _BLOCK)
        cosine, prints = centred[rows] @ centred.T, similarity(looks[rows], looks)
        both = cosine + prints
        for row, values, rank in zip(usual, (both, cosine), ranks):
            row[rows] = -np.partition(-values, rank, axis=1)[:, rank]
        same = (prints > _SAME_PRINT) & (cosine > 0)
        likely = same | (both > _FAIRLY[0]) | (cosine > _FAIRLY_TO_NETWORK[0])
        found = np.argwhere(np.triu(likely, 1 + start))
        places = found[:, 0], found[:, 1]
        pairs.append(found + np.array([start, 0]))
        alike.append(np.stack([both[places], cosine[places]]))
        equal.append(same[places])
    return np.concatenate(pairs), np.concatenate(alike, 1), np.concatenate(equal), usual


def _reached(alike: Floats, above: Floats, both: tuple[float, float], network: tuple[float, float]) -> Hits:
    """Whether pairs (P,) are so alike and so much above the usual, both (2, P), in one of the two ways."""
    least = np.array([both, network], np.float32).T[..., None]  # (2, 2, 1): first alike, then above
    return np.asarray(((alike > least[0]) & (above > least[1])).any(0), np.bool_)


def _close(centred: Floats, cosine: float) -> Iterator[tuple[int, int]]:
    for start in range(0, len(centred), _BLOCK):
        alike = centred[start : start + _BLOCK] @ centred[start:].T > cosine
        for row, column in np.argwhere(np.triu(alike, 1)):
            yield int(start + row), int(start + column)


def _groups(count: int, pairs: Iterable[Sequence[int]] | Ints) -> Ints:
    groups = np.arange(count, dtype=np.int64)
    for one, other in pairs:
        _join(groups, int(one), int(other))
    return np.array([_root(groups, index) for index in range(count)], np.int64)


def _root(groups: Ints, index: int) -> int:
    while groups[index] != index:
        groups[index] = groups[groups[index]]
        index = int(groups[index])
    return index


def _join(groups: Ints, one: int, other: int) -> None:
    low, high = sorted((_root(groups, one), _root(groups, other)))
    groups[high] = low
