"""What out-of-fold answers and features say of the photos themselves: look-alikes, and labels that may be wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# Cosine of rooted, centred features from which two photos count as one scene. Roots (Hellinger's distance;
# Arandjelović and Zisserman, CVPR 2012) keep single strong features from deciding. Re-saves of one photo at
# low quality lie between 0.79 and 0.95, different photos of one subject below 0.8 on the sets looked at by eye.
SAME_SCENE = 0.8
_STRICTER = (SAME_SCENE, 0.85, 0.9, 0.95)
_CROWD = 20  # photos, or a twentieth of all: a larger “scene” is a uniform background, not a burst
_BLOCK = 2048  # rows compared at a time, so that memory stays bounded


@dataclass(frozen=True)
class Suspect:
    """A photo whose label may be wrong: its place, the place of the class it looks like, and how surely (0 to 1)."""

    photo: int
    suggested: int
    score: float


def look_alikes(features: Floats) -> Ints:
    """A group number (N,) for each photo, from pooled features (N, D); photos of one scene share theirs.

    Where photos are all much alike (slides, cells, fields) and chains of them would swallow the set, a
    stricter likeness is asked for.
    """
    rooted = np.sign(features) * np.sqrt(np.abs(features))
    centred = rooted - rooted.mean(0)
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    groups = np.arange(len(features), dtype=np.int64)
    for likeness in _STRICTER:
        groups = _linked(centred, likeness)
        if np.bincount(groups).max() <= max(_CROWD, len(groups) // 20):
            break
    return groups


def _linked(centred: Floats, likeness: float) -> Ints:
    groups = np.arange(len(centred), dtype=np.int64)
    for start in range(0, len(centred), _BLOCK):
        alike = centred[start : start + _BLOCK] @ centred[start:].T > likeness
        for row, column in np.argwhere(np.triu(alike, 1)):
            _join(groups, int(start + row), int(start + column))
    return np.array([_root(groups, index) for index in range(len(groups))], np.int64)


def _root(groups: Ints, index: int) -> int:
    while groups[index] != index:
        groups[index] = groups[groups[index]]
        index = int(groups[index])
    return index


def _join(groups: Ints, one: int, other: int) -> None:
    low, high = sorted((_root(groups, one), _root(groups, other)))
    groups[high] = low


def suspects(probabilities: Floats, truth: Ints) -> list[Suspect]:
    """Photos that out of fold look like another class than their own, worst first.

    ``probabilities`` (N, C), ``truth`` (N,). The score is how much likelier the suggested class is than
    the given one.
    """
    suggested = probabilities.argmax(1)
    rows = np.arange(len(truth))
    score = probabilities[rows, suggested] - probabilities[rows, truth]
    worst = np.argsort(-score, kind="stable")
    return [Suspect(int(i), int(suggested[i]), float(score[i])) for i in worst if suggested[i] != truth[i]]
