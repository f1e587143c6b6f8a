"""Heads solved together and one after another: against scikit-learn, scipy and each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize as scipy_minimize
from sklearn.linear_model import LogisticRegression

from classifier.training import head_solver, linear_head
from classifier.training.linear_head import LinearHead, fit_linear_head

from .test_linear_head import folds_of, make_clusters


def fit(features: np.ndarray, y: np.ndarray) -> LinearHead:
    return fit_linear_head(features, y, int(y.max()) + 1, folds_of(y), (30.0, 100.0), 1.0)


def test_heads_solved_apart_are_those_solved_together(monkeypatch: pytest.MonkeyPatch) -> None:
    features, y = make_clusters((12,) * 30, width=80, distance=1.0)
    together = fit(features, y)
    linear_head._cache.clear()
    called: list[object] = []
    monkeypatch.setattr(linear_head, "is_large", lambda rows, n_classes: called.append(rows) or True)
    apart = fit(features, y)
    assert called
    assert (apart.C, apart.shrinkage) == (together.C, together.shrinkage)
    assert apart.loss == pytest.approx(together.loss, rel=0.01)
    assert np.abs(apart.probabilities - together.probabilities).max() < 0.02
    logits = [features @ head.weight.T + head.bias for head in (apart, together)]
    probs = [np.exp(one - one.max(1, keepdims=True)) for one in logits]
    assert np.abs(probs[0] / probs[0].sum(1, keepdims=True) - probs[1] / probs[1].sum(1, keepdims=True)).max() < 0.02


@pytest.mark.parametrize("is_apart", [False, True])
def test_heads_are_the_same_where_one_fold_chooses_the_penalty(is_apart: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    features, y = make_clusters((40,) * 6, width=80, distance=1.0)
    by_all = fit_linear_head(features, y, 6, folds_of(y), (30.0,), 1.0)
    linear_head._cache.clear()
    monkeypatch.setattr(linear_head, "_ONE_FOLD", 1)
    monkeypatch.setattr(linear_head, "is_large", lambda rows, n_classes: is_apart)
    by_one = fit_linear_head(features, y, 6, folds_of(y), (30.0,), 1.0)
    assert np.abs(by_one.probabilities - by_all.probabilities).max() < 0.02
    np.testing.assert_allclose(by_one.weight, by_all.weight, atol=0.05 * np.abs(by_all.weight).max())


@pytest.mark.parametrize("C", [10.0, 100.0])
def test_a_head_solved_apart_is_the_regression_of_scikit_learn(C: float) -> None:
    features, y = make_clusters((9,) * 25, width=40)
    rows = (features - features.mean(0)) / (features.std(0) * np.sqrt(40))
    weights = torch.ones(2, len(y))
    weights[0, ::5] = 0
    unit = (0.02 * torch.from_numpy(rows).square().sum(0) + 1 / C).rsqrt()[:, None]
    start = torch.zeros(2, 41, 25)
    solved = head_solver.solve_apart(torch.from_numpy(rows), torch.from_numpy(y), weights, start, C, unit).numpy()
    for problem in range(2):
        inside = weights[problem].numpy() > 0
        oracle = LogisticRegression(C=C, tol=1e-8, max_iter=5000).fit(rows[inside], y[inside])
        logits = rows @ solved[problem, :-1] + solved[problem, -1]
        probs = np.exp(logits - logits.max(1, keepdims=True))
        probs /= probs.sum(1, keepdims=True)
        assert np.abs(probs - oracle.predict_proba(rows)).max() < 0.02


def test_the_minimum_of_a_bent_function_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    matrix, center = rng.normal(size=(30, 8)), rng.normal(size=8) * 3

    def loss(at: np.ndarray) -> float:
        return float(np.logaddexp(0, matrix @ at).sum() + ((at - center) ** 2).sum())

    def objective(at: torch.Tensor) -> tuple[float, torch.Tensor]:
        at = at.detach().requires_grad_(True)
        value = torch.nn.functional.softplus(torch.from_numpy(matrix) @ at).sum()
        value = value + (at - torch.from_numpy(center)).square().sum()
        (gradient,) = torch.autograd.grad(value, at)
        return value.item(), gradient

    found = head_solver.minimize(objective, torch.full((8,), 20.0, dtype=torch.float64)).detach().numpy()
    oracle = scipy_minimize(loss, np.zeros(8), tol=1e-10).x
    assert loss(found) == pytest.approx(loss(oracle), abs=1e-3)
    np.testing.assert_allclose(found, oracle, atol=0.02)
