"""Of which classes more photos are wanted, and how many: too few, too uneven, or still learning from every photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data import splits
from .linear_head import compute_standardization

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Hits = NDArray[np.bool_]
Reason = Literal["few", "uneven", "gain"]

ENOUGH = 20  # photos of a class to start with
UNEVEN = 5  # times as many photos as the smallest class
_PARTS = 4
_MOST = 1000  # photos the curve is taken from; more would cost a second and say the same
_PENALTY = 0.03
_STEADY = 20  # photos with which a class's own curve weighs as much as that of all
_WORTH = 0.01  # gain from which asking for photos is worth a person's time


@dataclass(frozen=True)
class LearningCurve:
    """How many photos of each class (C,) are recognised by learning from ``shares`` of the set: (S, C), 0 to 1."""

    shares: tuple[float, ...]
    recall: Floats


@dataclass(frozen=True)
class PhotoRequest:
    """``count`` more photos of a class, by its place.

    ``gain`` is by how much more of its photos would then be recognised, 0 to 1, or 0 where that cannot be told.
    """

    label: int
    count: int
    gain: float
    reason: Reason

    def sentence(self, labels: Sequence[str]) -> str:
        """What to do and why, for a person."""
        name = f"“{labels[self.label]}”"
        return {
            "few": f"Add about {self.count} photos of {name}: there are too few to learn from and to judge by.",
            "uneven": f"Add about {self.count} photos of {name}: other classes have many times as many.",
            "gain": f"Add about {self.count} photos of {name}: of all classes it would gain most from more.",
        }[self.reason]


def learning_curve(features: Floats, labels: Ints, classes: int, scenes: Ints, seed: int = 0) -> LearningCurve:
    """Learn from a quarter, a half and three quarters of the photos (N, D), each time judging the quarter left out.

    By ridge regression, whose answers on nested subsets of one set follow from its inner products in
    milliseconds; ``scenes`` (N,) stay together.
    """
    some = np.unique(np.linspace(0, len(labels) - 1, _MOST).astype(np.int64))
    features, labels, scenes = features[some], labels[some], scenes[some]
    shift, scale = compute_standardization(features, 1.0)
    rows = torch.from_numpy((features - shift) / scale)
    inner = rows @ rows.T
    targets = torch.nn.functional.one_hot(torch.from_numpy(labels), classes).float()
    parts = splits.stratified_group_folds(labels, scenes, _PARTS, seed)
    hits = np.zeros((_PARTS - 1, len(labels)), np.bool_)
    for held_out in range(_PARTS):
        others = [part % _PARTS for part in range(held_out + 1, held_out + _PARTS)]
        judged = np.flatnonzero(parts == held_out)
        for used in range(1, _PARTS):
            learnt = np.flatnonzero(np.isin(parts, others[:used]))
            hits[used - 1, judged] = _recognised(inner, targets, labels, learnt, judged)
    shares = tuple(used / _PARTS for used in range(1, _PARTS))
    return LearningCurve(shares, np.stack([_recall(row, labels, classes) for row in hits]))


def _recognised(inner: Tensor, targets: Tensor, labels: Ints, learnt: Ints, judged: Ints) -> Hits:
    if not len(learnt) or not len(judged):
        return np.zeros(len(judged), np.bool_)
    rows = torch.from_numpy(learnt)
    counts = targets[rows].sum(0).clamp(min=1)
    wanted = targets[rows] / counts.sqrt()  # so that a small class is not drowned by a large one
    matrix = inner[rows][:, rows] + _PENALTY * torch.eye(len(rows))
    weights = torch.cholesky_solve(wanted - wanted.mean(0), torch.linalg.cholesky(matrix))
    answers = inner[torch.from_numpy(judged)][:, rows] @ weights
    return np.asarray(answers.argmax(1).numpy() == labels[judged], np.bool_)


def _recall(hits: Hits, labels: Ints, classes: int) -> Floats:
    return np.asarray(
        np.bincount(labels, hits, classes) / np.maximum(np.bincount(labels, minlength=classes), 1), np.float32
    )


def expected_gains(curve: LearningCurve, counts: Ints, added: Ints) -> Floats:
    """By how much more of its photos each class (C,) would be recognised with so many ``added`` (C,) to its ``counts``.

    The missing share is taken to fall like one over the number of photos (Cortes et al., NIPS 1993); the slope
    of each class is drawn towards that of all, since a few photos hardly show one.
    """
    inverse = 1 / np.asarray(curve.shares, np.float64)
    slope = -((inverse - inverse.mean())[:, None] * (curve.recall - curve.recall.mean(0))).sum(0)
    slope /= float(((inverse - inverse.mean()) ** 2).sum())
    pooled = float(np.average(slope, weights=np.maximum(counts, 1)))
    steady = (counts * slope + _STEADY * pooled) / (counts + _STEADY)
    gain = np.maximum(steady, 0) * (1 - counts / np.maximum(counts + added, 1))
    return np.asarray(np.minimum(gain, 1 - curve.recall[-1]), np.float32)


def recommend_more_photos(counts: Ints, curve: LearningCurve | None) -> list[PhotoRequest]:
    """What to add, most pressing first: too small classes, uneven ones, then the one that would gain most."""
    added = np.maximum(10, np.round(counts / 20) * 10).astype(np.int64)
    gain = np.zeros(len(counts), np.float32) if curve is None else expected_gains(curve, counts, added)
    found = [
        PhotoRequest(int(label), int(ENOUGH - counts[label]), float(gain[label]), "few")
        for label in np.argsort(counts, kind="stable")
        if counts[label] < ENOUGH
    ]
    fair = -(-int(counts.max(initial=0)) // UNEVEN)
    for label in np.argsort(counts, kind="stable"):
        if ENOUGH <= counts[label] < fair:
            found.append(PhotoRequest(int(label), _tens(fair - int(counts[label])), float(gain[label]), "uneven"))
    best = int(gain.argmax()) if len(gain) else 0
    if len(gain) > 1 and gain[best] >= _WORTH and best not in {one.label for one in found}:
        found.append(PhotoRequest(best, int(added[best]), float(gain[best]), "gain"))
    return found


def _tens(count: int) -> int:
    return max(10, -(-count // 10) * 10)
