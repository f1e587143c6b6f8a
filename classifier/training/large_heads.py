"""The heads of a large problem, such as hundreds of classes: one fold after another, in a fraction of the memory.

``linear_head`` solves all folds in one problem, whose steps share their matrix products. With many photos and classes
the products are as fast apart, and what is kept between steps (for each of them twice the coefficients of all folds)
takes gigabytes. Here each fold has its own steps, on its own photos only.

L-BFGS by own code: that of torch and of scipy begin with a step as short as the gradient is long, from which a line
search needs five evaluations to come to one of the right length; here the coordinates are scaled such that a step of
one is right from the beginning, for each fold and each penalty.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

_STEPS = 40
_HISTORY = 8  # pairs of steps and changes of the gradient
_DECREASE = 1e-4  # proportion of the expected decrease that a step must have (Armijo)
_SHORTEST = 1e-4  # step that is taken in any case
_GRADIENT, _CHANGE = 1e-2, 1e-4  # of the loss, at which the search ends

Objective = Callable[[Tensor], tuple[float, Tensor]]  # coordinates -> loss and gradient


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
        if abs(before - loss) < _CHANGE:
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
