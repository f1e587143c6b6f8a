"""Prediction intervals of an accuracy, also where photos come in groups of near-duplicates."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

PRECISE = 0.05  # half the width of an interval that is narrow enough
_Z = 1.959964  # standard errors of half a 95 % interval
_QUANTILES = (0.025, 0.975)
_NEW_PER_EVALUATED = 1 / 3  # size of the new set that an interval predicts
# Weight, in groups, of the assumption that all photos of a group are right or wrong together. With 1 the intervals of
# simulated groups of five distributions of sizes, with correlations from 0 to 1, cover 93 to 100 % of new photos; with
# 5 they cover as many and are up to half as wide again where photos of a group are independent.
_PRIOR_GROUPS = 1
_WIDENED = 1.3, 0.2  # times the width for independent photos, and width, from which on groups are named as the reason
_EXTREMES = (0.05, 0.95)  # accuracies beyond which the normal approximation would ask for too few photos
_MIN_SHARE = 1e-3  # of independent photos, so that nothing is divided by zero


def accuracy_interval(correct: Bools, groups: Ints | None = None) -> tuple[float, float]:
    """Return the 95 % prediction interval of the accuracy on a third as many new photos as these (N,).

    The accuracy on a few new photos varies by itself, and more the fewer there are. It is predicted by the
    beta-binomial distribution that follows from Jeffreys's prior, which needs no large numbers (Brown, Cai and
    DasGupta, Statistical Science 16, 2001). Photos of one group (``groups``, (N,)) count as fewer than as many
    independent ones, see ``effective_sample_size``.
    """
    count = effective_sample_size(correct, groups)
    if not count:
        return 0.0, 1.0
    accuracy, new = float(correct.mean()), max(1, round(count * _NEW_PER_EVALUATED))
    low, high = _beta_binomial_quantiles(new, accuracy * count + 0.5, (1 - accuracy) * count + 0.5) / new
    return min(float(low), accuracy), max(float(high), accuracy)


def _beta_binomial_quantiles(n: int, a: float, b: float) -> NDArray[np.float64]:
    """Return the smallest numbers whose cumulative probabilities reach ``_QUANTILES``.

    As ``scipy.stats.betabinom.ppf``, whose import takes as long as the training of a small head.
    """
    k = np.arange(n + 1.0)
    log_probs = _betaln(k + a, n - k + b) - _betaln(k + 1, n - k + 1) - np.log(n + 1) - _betaln(a, b)
    return np.searchsorted(np.cumsum(np.exp(log_probs)), _QUANTILES).clip(0, n).astype(np.float64)


def _betaln(a: Any, b: Any) -> NDArray[np.float64]:
    """Return the logarithm of the beta function, as ``scipy.special.betaln``."""
    logs = [torch.lgamma(torch.as_tensor(value, dtype=torch.float64)) for value in (a, b, a + b)]
    return np.asarray((logs[0] + logs[1] - logs[2]).numpy())


def effective_sample_size(correct: Bools, groups: Ints | None) -> float:
    """Return the number of independent photos that are worth as much as these (N,).

    This is N over the design effect of cluster samples (Kish, “Survey Sampling”, 1965; unequal sizes as in Donner
    and Klar, 2000). The intraclass correlation is the estimate of one-way analysis of variance, shrunk towards 1,
    the more the fewer groups it is estimated from.
    """
    total = len(correct)
    if groups is None or total < 2:
        return float(total)
    _, group = np.unique(groups, return_inverse=True)
    sizes = np.bincount(group).astype(np.float64)
    mean_size = float((sizes**2).sum() / total)  # of the group of a random photo
    several = int((sizes > 1).sum())
    if not several or len(sizes) < 2:
        return total / mean_size
    correlation = (several * _intraclass_correlation(correct, group, sizes) + _PRIOR_GROUPS) / (several + _PRIOR_GROUPS)
    return total / (1 + (mean_size - 1) * correlation)


def main_group_count(groups: Ints) -> int:
    """Return the smallest number of groups (N,) that hold more than half of the photos."""
    sizes = -np.sort(-np.unique(groups, return_counts=True)[1])
    return int((np.cumsum(sizes) <= len(groups) / 2).sum()) + 1 if len(groups) else 0


def is_widened_by_groups(low: float, high: float, correct: int, total: int) -> bool:
    """Return whether an interval is much wider than that of ``correct`` of ``total`` independent photos."""
    times, width = _WIDENED
    if high - low < width or not total:
        return False
    independent_low, independent_high = accuracy_interval(np.arange(total) < correct)
    return high - low > times * (independent_high - independent_low)


def _intraclass_correlation(correct: Bools, group: Ints, sizes: NDArray[np.float64]) -> float:
    """Return the ANOVA estimate, 0 to 1, from at least two groups (N,) of ``sizes`` (G,), one of them larger than 1."""
    total, count = len(correct), len(sizes)
    hits = np.bincount(group, correct)
    between = float((sizes * (hits / sizes - correct.mean()) ** 2).sum()) / (count - 1)  # mean square
    within = float((hits * (1 - hits / sizes)).sum()) / (total - count)  # mean square
    adjusted_size = (total - float((sizes**2).sum()) / total) / (count - 1)
    variance = between + (adjusted_size - 1) * within
    return min(1.0, max(0.0, (between - within) / variance)) if variance > 0 else 1.0


def photos_needed(accuracy: float, effective_share: float = 1.0) -> int:
    """Return about how many photos have to be evaluated until ``accuracy_interval`` reaches 5 points to either side.

    By the normal approximation; ``effective_share`` is the effective sample size per photo, 0 to 1.
    """
    low, high = _EXTREMES
    p = min(max(accuracy, low), high)
    variance = (1 + 1 / _NEW_PER_EVALUATED) * p * (1 - p)  # times 1/N: of the estimate, and of the new photos
    return int(np.ceil(_Z * _Z * variance / PRECISE**2 / max(effective_share, _MIN_SHARE)))
