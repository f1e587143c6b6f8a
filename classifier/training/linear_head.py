"""Multinomial logistic regression on pooled features, its strength chosen by cross-validation."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# Inverse weights of the penalty, weak models first; features have a mean squared length of one.
C_VALUES: tuple[float, ...] = (10.0, 30.0, 100.0, 300.0, 1000.0)
# How much of the mean variance is added to the variance of each feature before dividing by it. Fully
# standardised features (0) let rare ones shout; unscaled ones (large) lose fine differences.
# The first is the rule; the second is taken where it is clearly better, as on textures. Measured in
# benchmarks/accuracy.py.
SHRINKAGES = (1.0, 0.1)
# Share by which the loss has to fall for a weaker penalty: where the curve is flat, the stronger one is the safer
# choice (the idea of the one-standard-error rule; Breiman et al., “Classification and Regression Trees”, 1984).
_WORTH = 0.005
SMALL = 1000  # photos up to which trying all penalties costs next to nothing
_OF_MANY = C_VALUES[1:]  # with more photos so strong a penalty does not pay
_JUDGES = 300  # photos that decide between them; more would seldom change the decision
_CURVATURE = 0.02  # a typical p(1 - p) near the solution, for the scale of the steps only
_LARGE = 15_000_000  # photos times directions times classes: a second of two cores
_LEFT_OUT = 0.05  # of the variance, where there is more
_RIDGE_PENALTIES = (0.01, 0.03, 0.1)
_KEPT = 4  # fits
_last: OrderedDict[bytes, LinearHead] = OrderedDict()
_turn = Lock()


@dataclass(frozen=True)
class LinearHead:
    """A fitted linear head and what cross-validation says of it.

    ``weight`` (C, D) and ``bias`` (C,) apply to features as they come from the network: standardisation
    and temperature are folded in. ``probabilities`` (N, C) are out of fold: those of each photo come
    from a head that has not seen its group. ``loss`` is their mean negative log-likelihood. ``strength``
    and ``shrinkage`` are the inverse penalty and the scaling that were chosen.
    """

    weight: Floats
    bias: Floats
    strength: float
    shrinkage: float
    temperature: float
    probabilities: Floats
    loss: float


def fit_linear_head(
    features: Floats,
    labels: Ints,
    classes: int,
    folds: Ints,
    strengths: tuple[float, ...] | None = None,
    shrinkage: float | None = None,
) -> LinearHead:
    """ResizeMode a class-balanced linear head by L-BFGS.

    ``features`` (N, D); ``labels`` (N,) in 0 to ``classes`` - 1; ``folds`` (N,) numbers the part in which
    a photo is held out. The heads of all folds and the final one are fitted together, from the strongest penalty
    of ``strengths`` (by default those of ``C_VALUES`` that suit the number of photos) to the weakest, each
    starting where the one before ended; the search ends once the out-of-fold loss no longer falls by enough to
    tell it from chance. ``shrinkage`` scales the features (``SHRINKAGES``); it is chosen by cross-validation
    where it is not given. The last few fits are remembered: a training that follows a check asks for the same.
    """
    strengths = strengths or (C_VALUES if len(labels) < SMALL else _OF_MANY)
    asked = _fingerprint(features, labels, folds, np.array([classes, *strengths, shrinkage or 0.0]))
    with _turn:
        found = _last.get(asked)
    if found is None:
        found = _fit(features, labels, classes, folds, strengths, shrinkage)
        with _turn:
            _last[asked] = found
            while len(_last) > _KEPT:
                _last.popitem(last=False)
    return replace(found, weight=found.weight.copy(), bias=found.bias.copy(), probabilities=found.probabilities.copy())


def _fingerprint(*arrays: NDArray[np.generic]) -> bytes:
    """What tells arrays from all others: their contents and shapes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


def _fit(
    features: Floats, labels: Ints, classes: int, folds: Ints, strengths: tuple[float, ...], shrinkage: float | None
) -> LinearHead:
    if shrinkage is None:
        shrinkage = _shrinkage(features, labels, classes, folds)
    shift, scale = compute_standardization(features, shrinkage)
    scaled = torch.from_numpy((features - shift) / scale)  # (N, D)
    basis, reduced = _reduce(scaled, classes)
    targets = torch.nn.functional.one_hot(torch.from_numpy(labels), classes).float()  # (N, C)
    masks = _fold_masks(folds)  # (P, N): P - 1 folds, then all photos
    weights = masks * _balance(masks, targets)
    solution = torch.zeros(len(masks), reduced.shape[1] + 1, classes)
    best: _Solved | None = None
    for strength in strengths:
        solution = _solve(reduced, targets, weights, solution, strength)
        held_out = _held_out_logits(reduced, solution, masks)
        loss = _loss(held_out, targets)
        if best is not None and loss > (1 - _WORTH) * best.loss:
            break
        best = _Solved(loss, strength, shrinkage, solution[-1].clone(), held_out)
    assert best is not None
    return _finish(best, targets, basis, shift, scale)


class _Solved(NamedTuple):
    """The coefficients (R + 1, C) for one penalty, fitted to all photos, and the held-out logits (N, C)."""

    loss: float
    strength: float
    shrinkage: float
    solution: Tensor
    held_out: Tensor


def _finish(best: _Solved, targets: Tensor, basis: Tensor | None, shift: Floats, scale: Floats) -> LinearHead:
    solution, held_out = best.solution, best.held_out
    temperature = _temperature(held_out, targets)
    slope = solution[:-1] if basis is None else basis @ solution[:-1]  # (D, C)
    weight = slope.T.numpy() / scale / temperature
    bias = solution[-1].numpy() / temperature - weight @ shift
    calibrated = held_out / temperature
    return LinearHead(
        weight=weight.astype(np.float32),
        bias=bias.astype(np.float32),
        strength=best.strength,
        shrinkage=best.shrinkage,
        temperature=temperature,
        probabilities=calibrated.softmax(1).numpy(),
        loss=_loss(calibrated, targets),
    )


def _shrinkage(features: Floats, labels: Ints, classes: int, folds: Ints) -> float:
    judges = np.unique(np.linspace(0, len(labels) - 1, _JUDGES).astype(np.int64))
    usual, other = (
        cross_validated_ridge(features[judges], labels[judges], classes, folds[judges], shrinkage)[0]
        for shrinkage in SHRINKAGES
    )
    return SHRINKAGES[1] if is_significantly_better(other, usual) else SHRINKAGES[0]


def is_significantly_better(one: NDArray[np.bool_], other: NDArray[np.bool_], errors: float = 1.0) -> bool:
    """Whether the first recognises more of the same photos (N,), by over so many standard errors.

    Only photos on which the two differ tell anything (McNemar, Psychometrika 12, 1947); one is added
    to their number, so that a single photo never decides.
    """
    lead = int(one.sum()) - int(other.sum())
    return bool(lead > errors * np.sqrt(np.count_nonzero(one != other) + 1))


def compute_standardization(features: Floats, shrinkage: float) -> tuple[Floats, Floats]:
    """Shift and scale (D,) that centre the features and give them a mean squared length of one."""
    shift = features.mean(0)
    variance = features.var(0)
    spread = np.sqrt(variance + shrinkage * variance.mean() + 1e-12)
    length = np.sqrt((variance / spread**2).sum() + 1e-12)
    return shift, (spread * length).astype(np.float32)


def _reduce(scaled: Tensor, classes: int) -> tuple[Tensor | None, Tensor]:
    """The photos' principal coordinates (N, R), largest first last, and the basis (D, R) that leads back.

    With fewer photos than features R is at most N: the penalised solution lies in the span of the
    photos, so nothing is lost, and a step costs R/D as much. Where the fit would take seconds, the directions
    in which the photos hardly differ are left out: the penalty keeps them small, and the share right stays.
    """
    count, width = scaled.shape
    large = count * min(count, width) * classes > _LARGE
    if count >= width and not large:
        return None, scaled
    inner = scaled @ scaled.T if count < width else scaled.T @ scaled
    values, vectors = torch.linalg.eigh(inner.double())  # smallest first
    kept = values > values[-1].clamp(min=1e-30) * 1e-7
    if large:
        kept &= values.cumsum(0) > _LEFT_OUT * values.sum()
    lengths, directions = values[kept].sqrt().float(), vectors[:, kept].float()
    if count >= width:
        return directions, scaled @ directions
    return scaled.T @ (directions / lengths), directions * lengths


def _fold_masks(folds: Ints) -> Tensor:
    numbers = torch.from_numpy(np.unique(folds))
    seen = torch.from_numpy(folds)[None] != numbers[:, None]
    return torch.cat([seen, torch.ones(1, len(folds), dtype=torch.bool)]).float()


def _balance(masks: Tensor, targets: Tensor) -> Tensor:
    """Weights (P, N) that make every class count the same and add up to the number of photos."""
    present = masks @ targets  # (P, C)
    kinds = (present > 0).sum(1, keepdim=True)
    per_class = masks.sum(1, keepdim=True) / (kinds * present).clamp(min=1e-9)
    return per_class @ targets.T


def _solve(rows: Tensor, targets: Tensor, weights: Tensor, start: Tensor, strength: float) -> Tensor:
    """Minimise the sum over problems of weighted cross-entropy + |W|²/(2·strength); solutions (P, D + 1, C).

    The problems share the rows, so one matrix product serves them all. Each coordinate is first
    divided by the root of its curvature, which needs a third of the steps.
    """
    problems, _, classes = start.shape
    unit = (_CURVATURE * rows.square().sum(0) + 1 / strength).rsqrt()[:, None]  # (D, 1)
    scaled, penalty, shares = rows * unit.T, unit.square() / strength, weights.T[..., None]
    solution = torch.cat([start[:, :-1] / unit, start[:, -1:]], 1).requires_grad_(True)
    optimizer = torch.optim.LBFGS(
        [solution], max_iter=40, tolerance_grad=1e-2, tolerance_change=1e-4, line_search_fn="strong_wolfe"
    )

    def objective() -> Tensor:
        value = solution.detach()
        slope = value[:, :-1]
        logits = (scaled @ slope.transpose(0, 1).reshape(scaled.shape[1], -1)).view(-1, problems, classes)
        logs = (logits + value[:, -1]).log_softmax(2)  # (N, P, C)
        error = (logs.exp() - targets[:, None]) * shares
        gradient = (scaled.T @ error.reshape(len(rows), -1)).view(-1, problems, classes).transpose(0, 1)
        solution.grad = torch.cat([gradient + slope * penalty, error.sum(0)[:, None]], 1)
        return (slope.square() * penalty).sum() / 2 - (logs * targets[:, None] * shares).sum()

    optimizer.step(objective)
    found = solution.detach()
    return torch.cat([found[:, :-1] * unit, found[:, -1:]], 1)


def _held_out_logits(rows: Tensor, solution: Tensor, masks: Tensor) -> Tensor:
    fold = (masks[:-1] == 0).float().argmax(0)  # (N,) the problem that has not seen the photo
    logits = torch.einsum("nd,pdc->pnc", rows, solution[:-1, :-1]) + solution[:-1, -1:]
    return logits[fold, torch.arange(len(rows))]


def _loss(logits: Tensor, targets: Tensor) -> float:
    return float(-(logits.log_softmax(1) * targets).sum(1).mean())


def temperature(logits: Floats, labels: Ints) -> float:
    """The divisor of the logits (N, C) that makes the confidences in the ``labels`` (N,) most likely."""
    values = torch.from_numpy(logits)
    return _temperature(values, torch.nn.functional.one_hot(torch.from_numpy(labels), values.shape[1]).float())


def _temperature(logits: Tensor, targets: Tensor) -> float:
    """The divisor of the logits that makes the out-of-fold confidences most likely (Guo et al., arXiv 1706.04599).

    A prior keeps it within about a factor of two of one, so that a few photos, all right, do not make
    the model certain of everything.
    """
    candidates = torch.logspace(-1, 1, 81)
    losses = [_loss(logits / float(value), targets) + 2 * float(value.log() ** 2) / len(logits) for value in candidates]
    return float(candidates[int(np.argmin(losses))])


def cross_validated_ridge(
    features: Floats, labels: Ints, classes: int, folds: Ints, shrinkage: float = SHRINKAGES[0]
) -> tuple[NDArray[np.bool_], float]:
    """Whether each photo would be recognised out of its fold (N,), and the mean squared error.

    By ridge regression on class indicators, whose held-out answers follow from one decomposition of
    the photos' inner products with no refit (block form of the leave-one-out identity; Hastie,
    Tibshirani and Friedman, “The Elements of Statistical Learning”, 7.10). Milliseconds, and good enough
    to compare preparations of the same photos.
    """
    shift, scale = compute_standardization(features, shrinkage)
    scaled = torch.from_numpy((features - shift) / scale)
    targets = torch.nn.functional.one_hot(torch.from_numpy(labels), classes).float()
    targets -= targets.mean(0)
    values, vectors = torch.linalg.eigh(scaled @ scaled.T)
    parts = [torch.from_numpy(np.flatnonzero(folds == fold)) for fold in np.unique(folds)]
    answers = [_ridge_answers(values.clamp(min=0), vectors, targets, parts, penalty) for penalty in _RIDGE_PENALTIES]
    errors = [float((answer - targets).square().sum(1).mean()) for answer in answers]
    best = int(np.argmin(errors))
    return answers[best].argmax(1).numpy() == labels, errors[best]


def _ridge_answers(values: Tensor, vectors: Tensor, targets: Tensor, parts: list[Tensor], penalty: float) -> Tensor:
    inverse = (vectors / (values + penalty)) @ vectors.T  # (N, N)
    fitted = inverse @ targets
    answers = torch.empty_like(targets)
    for part in parts:
        answers[part] = targets[part] - torch.linalg.solve(inverse[part][:, part], fitted[part])
    return answers
