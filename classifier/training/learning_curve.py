"""Learning curve: of which classes more photos are wanted, and how many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data import splits
from ..evaluation.class_balance import UNEVEN
from ..messages.evaluation import MorePhotosCode
from .linear_head import compute_standardization

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

ENOUGH = 20  # photos of a class to start with
_FOLDS = 4
_MAX_PHOTOS = 1000  # that the curve is computed from; more would take a second and change little
_RIDGE = 0.03
_PRIOR_PHOTOS = 20  # at which a class's own slope weighs as much as that of all classes
_MIN_GAIN = 0.01  # of recall, below which more photos are not worth a person's time


@dataclass(frozen=True)
class LearningCurve:
    """The recall of each class, (S, C), 0 to 1, when trained on the ``fractions`` (S,) of the photos."""

    fractions: tuple[float, ...]
    recall: Floats


@dataclass(frozen=True)
class PhotoRequest:
    """A request for ``count`` more photos of the class with index ``label``.

    ``gain`` is the expected increase of the recall of the class, 0 to 1, or 0 where it cannot be estimated.
    """

    label: int
    count: int
    gain: float
    reason: MorePhotosCode


def learning_curve(features: Floats, y: Ints, classes: int, groups: Ints, seed: int = 0) -> LearningCurve:
    """Train on a quarter, a half and three quarters of the photos, each time evaluating on a held-out quarter.

    By ridge regression: its solutions for subsets of one set follow from the inner products of all features in
    milliseconds, where scikit-learn's ``learning_curve`` would fit each anew.

    Args:
        features: pooled features (N, D).
        y: classes (N,).
        classes: number of classes C.
        groups: numbers (N,), equal for near-duplicates, which stay in one fold.
        seed: of the folds.
    """
    sample = splits.sample_per_class(y, _MAX_PHOTOS)
    features, y, groups = features[sample], y[sample], groups[sample]
    shift, scale = compute_standardization(features, 1.0)
    rows = torch.from_numpy((features - shift) / scale)
    products = rows @ rows.T  # (N, N)
    targets = torch.nn.functional.one_hot(torch.from_numpy(y), classes).float()  # (N, C)
    folds = splits.stratified_group_folds(y, groups, _FOLDS, seed)
    correct = np.zeros((_FOLDS - 1, len(y)), np.bool_)
    for val_fold in range(_FOLDS):
        others = [fold % _FOLDS for fold in range(val_fold + 1, val_fold + _FOLDS)]
        val_idx = np.flatnonzero(folds == val_fold)
        for used in range(1, _FOLDS):
            train_idx = np.flatnonzero(np.isin(folds, others[:used]))
            correct[used - 1, val_idx] = _predict(products, targets, train_idx, val_idx) == y[val_idx]
    fractions = tuple(used / _FOLDS for used in range(1, _FOLDS))
    return LearningCurve(fractions, np.stack([_recall(row, y, classes) for row in correct]))


def _predict(products: Tensor, targets: Tensor, train_idx: Ints, val_idx: Ints) -> Ints:
    """Return the classes predicted by kernel ridge regression; -1 where there is nothing to train on."""
    if not len(train_idx) or not len(val_idx):
        return np.full(len(val_idx), -1)
    rows = torch.from_numpy(train_idx)
    counts = targets[rows].sum(0).clamp(min=1)
    weighted = targets[rows] / counts.sqrt()  # otherwise large classes dominate small ones
    matrix = products[rows][:, rows] + _RIDGE * torch.eye(len(rows))
    weights = torch.cholesky_solve(weighted - weighted.mean(0), torch.linalg.cholesky(matrix))
    scores = products[torch.from_numpy(val_idx)][:, rows] @ weights
    return scores.argmax(1).numpy()


def _recall(correct: Bools, y: Ints, classes: int) -> Floats:
    counts = np.bincount(y, minlength=classes)
    return np.asarray(np.bincount(y, correct, classes) / np.maximum(counts, 1), np.float32)


def expected_gains(curve: LearningCurve, counts: Ints, added: Ints) -> Floats:
    """Return by how much the recall of each class (C,) would rise with ``added`` (C,) photos beside its ``counts``.

    The error is taken to fall like one over the number of photos (Cortes et al., NIPS 1993); the slope of each class
    is shrunk towards the mean slope, since a few photos hardly determine one.
    """
    inverse = 1 / np.asarray(curve.fractions, np.float64)
    slope = -((inverse - inverse.mean())[:, None] * (curve.recall - curve.recall.mean(0))).sum(0)
    slope /= float(((inverse - inverse.mean()) ** 2).sum())
    mean_slope = float(np.average(slope, weights=np.maximum(counts, 1)))
    shrunk = (counts * slope + _PRIOR_PHOTOS * mean_slope) / (counts + _PRIOR_PHOTOS)
    gain = np.maximum(shrunk, 0) * (1 - counts / np.maximum(counts + added, 1))
    return np.asarray(np.minimum(gain, 1 - curve.recall[-1]), np.float32)


def recommend_more_photos(counts: Ints, curve: LearningCurve | None) -> list[PhotoRequest]:
    """Return which photos to add, most pressing first: to small classes, uneven ones, then where the gain is largest.

    ``counts`` (C,) is the number of photos of each class; without a curve no gain is known.
    """
    added = np.maximum(10, np.round(counts / 20) * 10).astype(np.int64)
    gain = np.zeros(len(counts), np.float32) if curve is None else expected_gains(curve, counts, added)
    smallest_first = np.argsort(counts, kind="stable")
    requests = [
        PhotoRequest(int(label), int(ENOUGH - counts[label]), float(gain[label]), MorePhotosCode.FEW)
        for label in smallest_first
        if counts[label] < ENOUGH
    ]
    balanced = -(-int(counts.max(initial=0)) // UNEVEN)
    for label in smallest_first:
        if ENOUGH <= counts[label] < balanced:
            count = _round_up_to_ten(balanced - int(counts[label]))
            requests.append(PhotoRequest(int(label), count, float(gain[label]), MorePhotosCode.UNEVEN))
    best = int(gain.argmax()) if len(gain) else 0
    if len(gain) > 1 and gain[best] >= _MIN_GAIN and best not in {request.label for request in requests}:
        requests.append(PhotoRequest(best, int(added[best]), float(gain[best]), MorePhotosCode.GAIN))
    return requests


def _round_up_to_ten(count: int) -> int:
    return max(10, -(-count // 10) * 10)
