"""The heads of all folds, solved in one problem or one after another.

In one problem the steps share their matrix products. With many photos and classes the products are as fast apart, and
what is kept between steps (for each of them twice the coefficients of all folds) takes gigabytes: there each fold has
its own steps, on its own photos only, in a fraction of the memory.

L-BFGS by own code: that of torch and of scipy begin with a step as short as the gradient is long, from which a line
search needs five evaluations to come to one of the right length; here the coordinates are scaled such that a step of
one is right from the beginning, for each fold and each penalty.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

from ..data.large_arrays import blocks

_STEPS = 40
_HISTORY = 8  # pairs of steps and changes of the gradient
_DECREASE = 1e-4  # proportion of the expected decrease that a step must have (Armijo)
_SHORTEST = 1e-4  # step that is taken in any case
_GRADIENT = 1e-2  # largest derivative at which the search ends
_CHANGE = 1e-5  # proportion of the loss, from ten on, at which it ends

Objective = Callable[[Tensor], tuple[float, Tensor]]  # coordinates -> loss and gradient


def solve_together(rows: Tensor, y: Tensor, weights: Tensor, start: Tensor, C: float, unit: Tensor) -> Tensor:
    """Minimize the sum over problems of what ``solve_apart`` minimizes, with the same arguments and result."""
    n_problems, _, n_classes = start.shape
    penalty, photo_weights = unit.square() / C, weights.T[..., None]  # (N, P, 1)

    def objective(coefficients: Tensor) -> tuple[float, Tensor]:
        slope, bias = coefficients[:, :-1], coefficients[:, -1]
        columns = (slope * unit).transpose(0, 1).reshape(rows.shape[1], -1)  # not rows * unit: a copy of all photos
        penalized = slope * penalty
        loss = float((slope * penalized).sum()) / 2
        gradient, bias_gradient = torch.zeros_like(columns), torch.zeros_like(bias)
        for part in blocks(len(rows)):  # the memory of the logits does not grow with the set
            log_probs = ((rows[part] @ columns).view(-1, n_problems, n_classes) + bias).log_softmax(2)  # (n, P, C)
            own = y[part, None, None].expand(-1, n_problems, 1)
            loss -= float((log_probs.gather(2, own) * photo_weights[part]).sum())
            error = log_probs.exp_()
            error.scatter_add_(2, own, error.new_full(own.shape, -1))
            error *= photo_weights[part]
            gradient.addmm_(rows[part].T, error.view(len(error), -1))
            bias_gradient += error.sum(0)
        slopes = torch.addcmul(penalized, gradient.view(-1, n_problems, n_classes).transpose(0, 1), unit)
        return loss, torch.cat([slopes, bias_gradient[:, None]], 1)

    found = minimize(objective, torch.cat([start[:, :-1] / unit, start[:, -1:]], 1))
    return torch.cat([found[:, :-1] * unit, found[:, -1:]], 1)


def solve_apart(rows: Tensor, y: Tensor, weights: Tensor, start: Tensor, C: float, unit: Tensor) -> Tensor:
    """Minimize weighted cross-entropy + |W|²/(2 C) for each problem; returns coefficients (P, R + 1, C).

    Args:
        rows: coordinates of the photos (N, R).
        y: class indices (N,).
        weights: of the photos in each problem (P, N); zero for those that it is not trained on. All are in the last.
        start: coefficients to start from (P, R + 1, C); zeros where there are none yet.
        C: inverse penalty.
        unit: length of a coordinate (R, 1), by which steps of one are right.
    """
    penalty = unit.square() / C
    solved = torch.empty_like(start)
    for problem in reversed(range(len(weights))):
        initial = start[problem]
        if not initial.any() and problem + 1 < len(weights):
            initial = solved[-1]  # most of its photos are the same
        inside = torch.nonzero(weights[problem])[:, 0]
        own = rows if len(inside) == len(rows) else rows[inside]
        objective = _objective(own, y[inside], weights[problem, inside], penalty, unit)
        found = minimize(objective, torch.cat([initial[:-1] / unit, initial[-1:]]))
        solved[problem] = torch.cat([found[:-1] * unit, found[-1:]])
    return solved


def _objective(rows: Tensor, y: Tensor, weights: Tensor, penalty: Tensor, unit: Tensor) -> Objective:
    numbers = torch.arange(len(y))

    def objective(coefficients: Tensor) -> tuple[float, Tensor]:
        slope, bias = coefficients[:-1], coefficients[-1]
        log_probs = torch.addmm(bias, rows, slope * unit).log_softmax(1)  # (N, C)
        penalized = slope * penalty
        loss = float((slope * penalized).sum()) / 2 - float((log_probs[numbers, y] * weights).sum())
        error = log_probs.exp_()
        error[numbers, y] -= 1
        error *= weights[:, None]
        return loss, torch.cat([torch.addcmul(penalized, rows.T @ error, unit), error.sum(0)[None]])

    return objective


def minimize(objective: Objective, start: Tensor) -> Tensor:
    """Return where a smooth convex function is smallest, by L-BFGS (Nocedal and Wright, Algorithms 7.4 and 7.5).

    ``start`` and the result have the shape of the coordinates, which are scaled to a curvature of about one.
    """
    at = start
    loss, gradient = objective(at)
    history: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=_HISTORY)
    for _ in range(_STEPS):
        if float(gradient.abs().max()) <= _GRADIENT:
            break
        direction = _direction(gradient, history)
        before, old_gradient = loss, gradient
        step, loss, gradient = _search(objective, at, direction, before, float((old_gradient * direction).sum()))
        moved, change = direction.mul_(step), gradient - old_gradient
        at = at + moved
        curvature = float((moved * change).sum())
        if curvature > 0:
            history.append((moved, change, curvature))
        if abs(before - loss) < _CHANGE * max(10.0, abs(loss)):
            break
    return at


def _direction(gradient: Tensor, history: deque[tuple[Tensor, Tensor, float]]) -> Tensor:
    """Return minus the product of the approximated inverse Hessian with the gradient (two-loop recursion)."""
    direction = -gradient
    factors = []
    for moved, change, curvature in reversed(history):
        factors.append(float((moved * direction).sum()) / curvature)
        direction.add_(change, alpha=-factors[-1])
    if history:
        _, change, curvature = history[-1]
        direction.mul_(curvature / float(change.square().sum()))
    for (moved, change, curvature), factor in zip(history, reversed(factors), strict=True):
        direction.add_(moved, alpha=factor - float((change * direction).sum()) / curvature)
    return direction


def _search(
    objective: Objective, at: Tensor, direction: Tensor, before: float, slope: float
) -> tuple[float, float, Tensor]:
    """Return the length of a step that decreases the loss enough, first one, and loss and gradient there."""
    step = 1.0
    while True:
        loss, gradient = objective(torch.add(at, direction, alpha=step))
        if loss <= before + _DECREASE * step * slope or step <= _SHORTEST:
            return step, loss, gradient
        lowest = -slope * step**2 / (2 * (loss - before - slope * step))  # of the parabola through what is known
        step *= min(0.5, max(0.1, lowest / step))
