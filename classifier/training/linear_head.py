"""Class-balanced multinomial logistic regression on pooled features, the penalty chosen by cross-validation.

No library does this: scikit-learn's ``LogisticRegressionCV`` solves each fold and each penalty on its own, while here
the heads of all folds and the final head are one problem whose steps share every matrix product, which is several
times faster and gives the out-of-fold probabilities that the report and the label issues need. A large problem is
solved fold by fold (``head_solver``).
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from threading import Lock
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import device as devices
from ..data.large_arrays import allocate, blocks
from .head_solver import solve_apart, solve_together

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# Inverse penalties, strongest first; features have a mean squared length of one.
C_VALUES: tuple[float, ...] = (10.0, 30.0, 100.0, 300.0, 1000.0)
# Proportion of the mean variance that is added to the variance of each feature before dividing by it. Full
# standardization (0) gives features that are zero on most photos too much weight; none (large) loses small
# differences. The second value is taken only where it is significantly better than the first, as on textures.
# Measured in benchmarks/accuracy.py.
SHRINKAGES = (1.0, 0.1)
# Proportion by which the loss has to fall for a weaker penalty: where the curve is flat, the stronger one is the safer
# choice (the idea of the one-standard-error rule; Breiman et al., “Classification and Regression Trees”, 1984).
_MIN_IMPROVEMENT = 0.005
SMALL = 1000  # photos below which trying all penalties takes a fraction of a second
_C_VALUES_LARGE = C_VALUES[1:]  # from that many photos on, the strongest penalty is never chosen
_SHRINKAGE_PHOTOS = 300  # photos that decide between the shrinkages; more would seldom change the decision
_ONE_FOLD = 5000  # photos from which on those of one fold, a thousand or more, are enough to choose the penalty
_CURVATURE = 0.02  # a typical p(1 - p) near the solution, for preconditioning only
_MAX_COST = 15_000_000  # photos times directions times classes that two cores solve in about a second
_WORTH_DIVIDING = _MAX_COST // 3  # below, its operations are too small to be divided among threads
_MANY_CLASSES = 100
_DISCARDED_VARIANCE = 0.05  # above that cost
_RIDGE_PENALTIES = (0.01, 0.03, 0.1)
_CACHE_SIZE, _CACHE_BYTES = 4, 2**26  # heads, and of their probabilities
_cache: OrderedDict[bytes, LinearHead] = OrderedDict()
_lock = Lock()


@dataclass(frozen=True)
class LinearHead:
    """A linear head with its out-of-fold predictions.

    ``weight`` (C, D) and ``bias`` (C,) apply to features as they come from the network: standardization and
    temperature are part of them. ``probabilities`` (N, C) are out of fold: those of each photo come from a head
    that was not trained on its group; ``loss`` is their mean negative log-likelihood. ``C`` (the inverse penalty, as
    in scikit-learn) and ``shrinkage`` are the hyperparameters that cross-validation chose.
    """

    weight: Floats
    bias: Floats
    C: float
    shrinkage: float
    temperature: float
    probabilities: Floats
    loss: float


def fit_linear_head(
    features: Floats,
    y: Ints,
    n_classes: int,
    folds: Ints,
    C_values: tuple[float, ...] | None = None,
    shrinkage: float | None = None,
) -> LinearHead:
    """Fit a class-balanced linear head by L-BFGS.

    The heads of all folds and the final one are solved together, from the strongest penalty to the weakest, each
    starting from the solution before; the search ends once the out-of-fold loss falls by too little to tell it from
    chance. The last few heads are cached in memory: a training that follows a check asks for the same one.

    Args:
        features: pooled features (N, D).
        y: class indices (N,), 0 to ``n_classes`` - 1.
        n_classes: number of classes C.
        folds: number (N,) of the fold in which each photo is held out.
        C_values: inverse penalties in ascending order, by default those of ``C_VALUES`` that suit N.
        shrinkage: how the features are scaled, see ``SHRINKAGES``; chosen by cross-validation where it is None.
    """
    C_values = C_values or (C_VALUES if len(y) < SMALL else _C_VALUES_LARGE)
    key = _fingerprint(features, y, folds, np.array([n_classes, *C_values, shrinkage or 0.0]))
    with _lock:
        head = _cache.get(key)
    if head is None:
        with devices.all_cores(features.size * n_classes >= _WORTH_DIVIDING):
            head = _fit(features, y, n_classes, folds, C_values, shrinkage)
        with _lock:
            _cache[key] = head
            while len(_cache) > _CACHE_SIZE or (len(_cache) > 1 and _cached_bytes() > _CACHE_BYTES):
                _cache.popitem(last=False)
    return replace(head, weight=head.weight.copy(), bias=head.bias.copy(), probabilities=head.probabilities.copy())


def _cached_bytes() -> int:
    return sum(head.probabilities.nbytes for head in _cache.values())


def _fingerprint(*arrays: NDArray[np.generic]) -> bytes:
    """Return a SHA-256 of the contents, types and shapes of arrays."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


def _fit(
    features: Floats, y: Ints, n_classes: int, folds: Ints, C_values: tuple[float, ...], shrinkage: float | None
) -> LinearHead:
    if shrinkage is None:
        shrinkage = _choose_shrinkage(features, y, n_classes, folds)
    shift, scale = compute_standardization(features, shrinkage)
    basis, rows = _reduce(features, shift, scale, n_classes)
    y_true = torch.from_numpy(y)
    masks = _fold_masks(folds)  # (P, N): P - 1 folds, then all photos
    counts = torch.zeros(len(masks), n_classes).index_add_(1, y_true, masks)  # (P, C)
    weights = masks * _balance(masks, counts)[:, y_true]
    fold = (masks[:-1] == 0).float().argmax(0)  # (N,)
    # The problem without a class that is all in one group, such as a burst, tells nothing of it.
    is_known = counts[fold, y_true] > 0
    # Where each problem is solved by itself, that on all photos can wait until the penalty is chosen.
    first = 1 if len(y) >= _ONE_FOLD else len(masks) - is_large(rows, n_classes)
    deciding = is_known & (fold < first)
    if not deciding.any():
        C_values = (C_values[len(C_values) // 2],)  # nothing tells which is best
    solution = torch.zeros(first, rows.shape[1] + 1, n_classes)
    best: _Solution | None = None
    for C in C_values:
        solution = _solve(rows, y_true, weights[:first], solution, C)
        logits = _out_of_fold_logits(rows, solution, fold)
        loss = _loss(logits[deciding], y_true[deciding])
        if best is not None and loss > (1 - _MIN_IMPROVEMENT) * best.loss:
            break
        best = _Solution(loss, C, shrinkage, solution, logits)
    assert best is not None
    if first < len(masks):
        start = best.coefficients[-1].expand(len(masks) - first, -1, -1)
        others = _solve(rows, y_true, weights[first:], start, best.C)
        solution = torch.cat([best.coefficients, others])
        best = best._replace(coefficients=solution, logits=_out_of_fold_logits(rows, solution, fold))
    return _to_head(best, y_true, is_known, basis, shift, scale)


class _Solution(NamedTuple):
    """Coefficients (P, R + 1, C) of the problems for one penalty; the out-of-fold logits (N, C)."""

    loss: float
    C: float
    shrinkage: float
    coefficients: Tensor
    logits: Tensor


def _to_head(
    best: _Solution, y_true: Tensor, is_known: Tensor, basis: Tensor | None, shift: Floats, scale: Floats
) -> LinearHead:
    """Return the head on the features as they come: undo reduction and standardization, apply the temperature."""
    temperature = _fit_temperature(best.logits[is_known], y_true[is_known]) if is_known.any() else 1.0
    coefficients = best.coefficients[-1]
    slope = coefficients[:-1] if basis is None else basis @ coefficients[:-1]  # (D, C)
    weight = slope.T.numpy() / scale / temperature
    bias = coefficients[-1].numpy() / temperature - weight @ shift
    calibrated = best.logits / temperature
    return LinearHead(
        weight=weight.astype(np.float32),
        bias=bias.astype(np.float32),
        C=best.C,
        shrinkage=best.shrinkage,
        temperature=temperature,
        probabilities=calibrated.softmax(1).numpy(),
        loss=_loss(calibrated, y_true),
    )


def _choose_shrinkage(features: Floats, y: Ints, n_classes: int, folds: Ints) -> float:
    sample = np.unique(np.linspace(0, len(y) - 1, _SHRINKAGE_PHOTOS).astype(np.int64))
    first, second = (
        cross_validated_ridge(features[sample], y[sample], n_classes, folds[sample], shrinkage)[0]
        for shrinkage in SHRINKAGES
    )
    return SHRINKAGES[1] if is_significantly_better(second, first) else SHRINKAGES[0]


def is_significantly_better(
    correct: NDArray[np.bool_], baseline: NDArray[np.bool_], standard_errors: float = 1.0
) -> bool:
    """Return whether more photos are correct (N,) than in a baseline (N,), by more than ``standard_errors``.

    Only photos on which the two differ count (McNemar, Psychometrika 12, 1947). One is added to their number, so
    that a single photo never decides.
    """
    lead = int(correct.sum()) - int(baseline.sum())
    return bool(lead > standard_errors * np.sqrt(np.count_nonzero(correct != baseline) + 1))


def compute_standardization(features: Floats, shrinkage: float) -> tuple[Floats, Floats]:
    """Return shift and scale (D,) that center the features and give them a mean squared length of one."""
    shift = features.mean(0)
    variance = np.sum([np.square(features[rows] - shift).sum(0) for rows in blocks(len(features))], 0) / len(features)
    spread = np.sqrt(variance + shrinkage * variance.mean() + 1e-12)
    length = np.sqrt((variance / spread**2).sum() + 1e-12)
    return shift, (spread * length).astype(np.float32)


def _reduce(features: Floats, shift: Floats, scale: Floats, n_classes: int) -> tuple[Tensor | None, Tensor]:
    """Return the photos' principal coordinates (N, R), and the basis (D, R) that maps coefficients back to features.

    Features (N, D) are standardized some rows at a time, so that a large set has no second copy.

    With fewer photos than features R is at most N: the penalized solution lies in the span of the photos, so nothing
    is lost, and a step costs R/D as much. Above ``_MAX_COST`` the directions with the least variance are discarded:
    the penalty keeps their coefficients small, and the accuracy stays. By an exact decomposition, because
    ``torch.pca_lowrank`` needs R before the spectrum is known.
    """
    count, width = features.shape
    large = count * min(count, width) * n_classes > _MAX_COST

    def scaled() -> Iterator[Tensor]:
        return (torch.from_numpy((features[rows] - shift) / scale) for rows in blocks(count))

    if count >= width and not large:
        return None, _gather(scaled(), count, width)
    inner = torch.zeros(0)
    for part in scaled():  # a single one where there are fewer photos than features
        product = part @ part.T if count < width else part.T @ part
        inner = product if not len(inner) else inner + product
    # The smallest ones, which need double precision, are discarded in a large problem.
    values, vectors = torch.linalg.eigh(inner if large else inner.double())  # smallest first
    selected = values > values[-1].clamp(min=1e-30) * 1e-7
    if large:
        selected &= values.cumsum(0) > _DISCARDED_VARIANCE * values.sum()
    selected[-1] = True  # where all photos have the same features none varies
    lengths, directions = values[selected].clamp(min=1e-30).sqrt().float(), vectors[:, selected].float()
    if count >= width:
        return directions, _gather((part @ directions for part in scaled()), count, directions.shape[1])
    return next(scaled()).T @ (directions / lengths), directions * lengths


def _gather(parts: Iterable[Tensor], count: int, width: int) -> Tensor:
    """Return parts as one tensor (count, width), which is in a mapped file where it is large."""
    rows = torch.from_numpy(allocate((count, width)))
    for block, part in zip(blocks(count), parts):
        rows[block] = part
    return rows


def _fold_masks(folds: Ints) -> Tensor:
    """Return which photos each problem is trained on (P, N): one problem per fold, then one on all photos."""
    numbers = torch.from_numpy(np.unique(folds))
    outside = torch.from_numpy(folds)[None] != numbers[:, None]
    return torch.cat([outside, torch.ones(1, len(folds), dtype=torch.bool)]).float()


def _balance(masks: Tensor, counts: Tensor) -> Tensor:
    """Return the weights (P, C) of a photo of each class by which every class counts the same, with ``counts`` (P, C).

    The weights of all photos add up to their number.
    """
    n_present = (counts > 0).sum(1, keepdim=True)
    return masks.sum(1, keepdim=True) / (n_present * counts).clamp(min=1e-9)


def _solve(rows: Tensor, y_true: Tensor, weights: Tensor, start: Tensor, C: float) -> Tensor:
    """Minimize the sum over problems of weighted cross-entropy + |W|²/(2 C); returns coefficients (P, R + 1, C).

    The problems share the rows (N, R), so one matrix product serves all. Each coordinate is divided by the root of
    its curvature (diagonal preconditioning), which needs a third of the steps.
    """
    squares = rows.new_zeros(rows.shape[1])
    for part in blocks(len(rows)):  # not a list of sums, between which the freed squares leave holes of their size
        squares += rows[part].square().sum(0)
    unit = (_CURVATURE * squares + 1 / C).rsqrt()[:, None]  # (R, 1)
    solve = solve_apart if is_large(rows, start.shape[2]) else solve_together
    return solve(rows, y_true, weights, start, C, unit)


def is_large(rows: Tensor, n_classes: int) -> bool:
    """Whether the heads are solved one fold after another; with fewer classes they are faster together."""
    return n_classes >= _MANY_CLASSES and rows.numel() * n_classes > _MAX_COST


def _out_of_fold_logits(rows: Tensor, solution: Tensor, fold: Tensor) -> Tensor:
    """Return the logits (N, C) of each photo from the problem that was not trained on it; 0 where that is not solved.

    Args:
        rows: coordinates of the photos (N, R).
        solution: coefficients (…, R + 1, C) of the problems of the first folds; those after the last fold are ignored.
        fold: number (N,) of the fold in which each photo is held out.
    """
    logits = torch.zeros(len(rows), solution.shape[2])
    for block in blocks(len(rows)):
        for problem in fold[block].unique().tolist():
            if problem < len(solution):
                chosen, coefficients = fold[block] == problem, solution[problem]
                logits[block][chosen] = torch.addmm(coefficients[-1], rows[block][chosen], coefficients[:-1])
    return logits


def _loss(logits: Tensor, y_true: Tensor) -> float:
    return float(torch.nn.functional.cross_entropy(logits, y_true))


def fit_temperature(logits: Floats, y: Ints) -> float:
    """Return the divisor of logits (N, C) under which the classes ``y`` (N,) are likeliest (temperature scaling)."""
    return _fit_temperature(torch.from_numpy(logits), torch.from_numpy(y))


def _fit_temperature(logits: Tensor, y_true: Tensor) -> float:
    """Temperature scaling (Guo et al., arXiv 1706.04599) with a prior.

    The prior keeps the temperature within about a factor of two of one, so that a few photos that are all correct
    do not make the model certain of everything. The best of 81 candidates, in ever smaller steps down from one.
    """
    candidates = torch.logspace(-1, 1, 81).tolist()

    @cache
    def objective(place: int) -> float:
        value = candidates[place]
        return _loss(logits / value, y_true) + 2 * math.log(value) ** 2 / len(logits)

    best, step = len(candidates) // 2, 16
    while step:
        places = (place for place in (best, best - step, best + step) if 0 <= place < len(candidates))
        before, best = best, min(places, key=objective)
        step = step // 2 if best == before else step
    return candidates[best]


def cross_validated_ridge(
    features: Floats, y: Ints, n_classes: int, folds: Ints, shrinkage: float = SHRINKAGES[0]
) -> tuple[NDArray[np.bool_], Floats]:
    """Return whether each photo is classified correctly out of fold (N,), and its squared error (N,).

    Ridge regression on class indicators, whose out-of-fold predictions follow from one decomposition of the photos'
    inner products without refitting (block form of the leave-one-out identity; Hastie, Tibshirani and Friedman, “The
    Elements of Statistical Learning”, 7.10). Takes milliseconds, which is enough to compare preprocessings of the
    same photos; scikit-learn's ``RidgeCV`` leaves out single photos only, never groups.

    Args:
        features: pooled features (N, D).
        y: class indices (N,).
        n_classes: number of classes.
        folds: number (N,) of the fold in which each photo is held out.
        shrinkage: how the features are scaled, see ``SHRINKAGES``.
    """
    shift, scale = compute_standardization(features, shrinkage)
    scaled = torch.from_numpy((features - shift) / scale)
    targets = torch.nn.functional.one_hot(torch.from_numpy(y), n_classes).float()
    targets -= targets.mean(0)
    values, vectors = torch.linalg.eigh(scaled @ scaled.T)
    val_indices = [torch.from_numpy(np.flatnonzero(folds == fold)) for fold in np.unique(folds)]
    outputs = [_ridge_outputs(values.clamp(min=0), vectors, targets, val_indices, alpha) for alpha in _RIDGE_PENALTIES]
    errors = [(output - targets).square().sum(1).numpy() for output in outputs]
    best = int(np.argmin([error.mean() for error in errors]))
    return outputs[best].argmax(1).numpy() == y, errors[best]


def _ridge_outputs(values: Tensor, vectors: Tensor, targets: Tensor, val_indices: list[Tensor], alpha: float) -> Tensor:
    """Return the out-of-fold outputs (N, C) for the penalty ``alpha``."""
    inverse = (vectors / (values + alpha)) @ vectors.T  # (N, N)
    residuals = inverse @ targets
    outputs = torch.empty_like(targets)
    for val_idx in val_indices:
        outputs[val_idx] = targets[val_idx] - torch.linalg.solve(inverse[val_idx][:, val_idx], residuals[val_idx])
    return outputs
