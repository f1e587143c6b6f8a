"""Two-sample test: do test photos come from where the training photos come from?

A classifier two-sample test (Lopez-Paz and Oquab, arXiv 1610.06545): a classifier is trained to tell the photos of two
sets apart by their features, and its accuracy on photos held out says how much they differ. Here groups of photos stay
whole in the cross-validation, and classes are taken out: features and sides are centered within each class, and each
class has the same weight on both sides, so that another composition of classes is no difference. The classifier is
Fisher's linear discriminant with a ridge penalty, for its predictions are linear in the sides: so the sides of all
groups can be exchanged at random many times (permutation test; Good, 2005), which scikit-learn's
``permutation_test_score`` takes minutes for and which holds for groups of any size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data.splits import stratified_group_folds
from ..messages import Message, message
from ..messages.evaluation import WarningCode
from .intervals import effective_sample_size
from .principal import principal_directions

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_MIN_GROUPS = 4  # of each side
_COMPONENTS = 64  # principal components of the features
_PHOTOS_PER_COMPONENT = 4  # at least: with more components few photos are not told apart, whatever they show
_FOLDS = 5
_PERMUTATIONS = 200
_SIGNIFICANT = 0.01  # p-value; not 0.05, because the test is made at each training
# Lower end of the interval: where photos of a few things are taken for independent ones (frames of traffic signs
# whose tracks are not found), other things are told apart 0.57 to 0.63 of times, changed photos 0.65 to 1.
_NOTEWORTHY = 0.6
_RIDGE = 0.1  # of the components' variances, which are 1
_MAX_PHOTOS = 2000  # of each side
_SMALLEST_DEVIATION = 1e-9  # so that nothing is divided by zero
_ROUNDING = 1e-6  # of sums of weights
_QUANTILES = (0.025, 0.975)


@dataclass(frozen=True)
class Shift:
    """How well test photos are told apart from training photos of the same classes.

    ``told_apart`` is the balanced accuracy in cross-validation, 0.5 where they do not differ, ``low`` to ``high`` its
    95 % confidence interval; ``alarm`` is True where the difference is certain and large enough to matter.
    """

    told_apart: float
    low: float
    high: float
    alarm: bool


def two_sample_test(
    features_a: Floats,
    y_a: Ints,
    groups_a: Ints,
    features_b: Floats,
    y_b: Ints,
    groups_b: Ints,
    seed: int,
) -> Shift | None:
    """Return how well the photos of two sets are told apart by their features.

    Photos of classes that only one of the sets has are left out, and of groups that both have: copies of training
    photos tell nothing about other photos. None where fewer than four groups of a set remain.

    Args:
        features_a: features (n, D) of the training photos.
        y_a: their classes (n,).
        groups_a: their groups (n,), in one numbering with ``groups_b``.
        features_b: features (m, D) of the other photos.
        y_b: their classes (m,).
        groups_b: their groups (m,).
        seed: of the folds and permutations.
    """
    kept_a, kept_b = _comparable(y_a, groups_a, y_b, groups_b, seed)
    side = np.repeat([False, True], [len(kept_a), len(kept_b)])
    y = np.unique(np.concatenate([y_a[kept_a], y_b[kept_b]]), return_inverse=True)[1]
    groups = np.unique(np.concatenate([groups_a[kept_a], groups_b[kept_b]]), return_inverse=True)[1]
    if min((len(np.unique(groups[side == one])) for one in (False, True)), default=0) < _MIN_GROUPS:
        return None
    rows = _components(np.concatenate([features_a[kept_a], features_b[kept_b]]), y, seed)
    sides = np.concatenate([side[:, None], _permuted_sides(side, y, groups, seed)], 1)
    folds = stratified_group_folds(2 * y + side, groups, _FOLDS, seed)
    weights = _balanced_weights(sides, y)
    correct = _predictions(rows, sides, y, folds, weights) == sides
    scores = (weights * correct).sum(0)
    told_apart = min(1.0, float(scores[0]))
    low, high = _interval(told_apart, weights[:, 0], effective_sample_size(correct[:, 0], groups) / len(groups))
    p_value = float((scores >= scores[0] - _ROUNDING).mean())  # the true sides count as one of the permutations
    return Shift(told_apart, low, high, p_value <= _SIGNIFICANT and low > _NOTEWORTHY)


def _comparable(y_a: Ints, groups_a: Ints, y_b: Ints, groups_b: Ints, seed: int) -> tuple[Ints, Ints]:
    """Return the indices of the photos of either set in common classes and in groups of their own."""
    kept = []
    for y, groups, other_y, other_groups in ((y_a, groups_a, y_b, groups_b), (y_b, groups_b, y_a, groups_a)):
        indices = np.flatnonzero(np.isin(y, other_y) & ~np.isin(groups, other_groups))
        if len(indices) > _MAX_PHOTOS:
            indices = np.sort(np.random.default_rng(seed).permutation(indices)[:_MAX_PHOTOS])
        kept.append(indices)
    # A class may have lost all its photos on one side to common groups.
    in_a, in_b = kept
    return in_a[np.isin(y_a[in_a], y_b[in_b])], in_b[np.isin(y_b[in_b], y_a[in_a])]


def _components(features: Floats, y: Ints, seed: int) -> Floats:
    """Return the first principal components (N, R) of features (N, D) centered in each class, with variance 1."""
    rows = _center(features.astype(np.float32), y)
    rank = max(1, min(_COMPONENTS, len(rows) // _PHOTOS_PER_COMPONENT, rows.shape[1]))
    components = rows @ principal_directions(rows, rank, seed)
    return _center(components / np.maximum(components.std(0), _SMALLEST_DEVIATION), y)


def _center(values: Floats, y: Ints) -> Floats:
    """Return values (N, K) less the mean of their class (N,)."""
    totals = np.zeros((int(y.max()) + 1, values.shape[1]), np.float32)
    np.add.at(totals, y, values)
    means = totals / np.bincount(y)[:, None]
    return np.asarray(values - means[y], np.float32)


def _permuted_sides(side: Bools, y: Ints, groups: Ints, seed: int) -> Bools:
    """Return sides (N, P) of photos whose groups (N,) exchanged their sides (N,) at random within each class (N,)."""
    rng = np.random.default_rng(seed)
    first = np.unique(groups, return_index=True)[1]
    group_side, group_class = side[first], y[first]
    shuffled = np.tile(group_side[:, None], _PERMUTATIONS)
    for label in np.unique(group_class):
        members = np.flatnonzero(group_class == label)
        shuffled[members] = rng.permuted(shuffled[members], axis=0)
    return np.asarray(shuffled[groups], np.bool_)


def _balanced_weights(sides: Bools, y: Ints) -> Floats:
    """Return weights (N, P) of sum 1, for which each class (N,) weighs the same on both sides (N, P).

    A class weighs as much as the precision of a comparison of its two sides: the harmonic mean of their numbers.
    """
    shape = int(y.max()) + 1, sides.shape[1]
    of_b = np.zeros(shape, np.float32)
    np.add.at(of_b, y, sides.astype(np.float32))
    of_a = np.bincount(y)[:, None] - of_b
    weight_a, weight_b = of_b / (of_a + of_b), of_a / (of_a + of_b)  # of_a * of_b / (of_a + of_b) / of_a, and so on
    weights = np.where(sides, weight_b[y], weight_a[y])
    return np.asarray(weights / weights.sum(0), np.float32)


def _predictions(rows: Floats, sides: Bools, y: Ints, folds: Ints, weights: Floats) -> Bools:
    """Return the sides (N, P) predicted out of fold for each column of ``sides`` (N, P) from rows (N, R)."""
    centered = _center(sides.astype(np.float32), y)
    scores = np.zeros_like(centered)
    for fold in np.unique(folds):
        train, held_out = folds != fold, folds == fold
        gram = rows[train].T @ rows[train] + _RIDGE * train.sum() * np.eye(rows.shape[1], dtype=np.float32)
        scores[held_out] = rows[held_out] @ np.linalg.solve(gram, rows[train].T @ centered[train])
    # Within a class whose photos are of side b in the proportion q, the means of the sides are -q and 1 - q times the
    # difference of all classes; their middle decides.
    difference = 2 * (weights * np.where(sides, scores, -scores)).sum(0)
    middle = difference * (0.5 - (sides - centered))
    return np.asarray(scores > middle, np.bool_)


def _interval(told_apart: float, weights: Floats, effective_share: float) -> tuple[float, float]:
    """Return the 95 % confidence interval of a weighted accuracy, by Jeffreys's prior on the effective sample size."""
    from scipy.special import betaincinv

    count = effective_share / float(np.square(weights).sum())  # Kish's effective sample size of weighted photos
    low, high = betaincinv(told_apart * count + 0.5, (1 - told_apart) * count + 0.5, _QUANTILES)
    return min(float(low), told_apart), max(float(high), told_apart)


def shift_warnings(shift: Shift | None) -> tuple[Message, ...]:
    """Return the warning that test photos look different from training photos, where they do."""
    if shift is None or not shift.alarm:
        return ()
    return (message(WarningCode.OTHER_PHOTOS, times=round(100 * shift.told_apart)),)
