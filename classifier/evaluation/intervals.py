"""How far a share can be trusted that was counted on so and so many photos, some of them of one scene."""

from __future__ import annotations

from math import lgamma, log

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_Z = 1.959964  # standard errors of a 95 % interval
_MISSED = 0.025  # beyond either end of it
_NEW = 1 / 3  # new photos to each one judged, for whose share right an interval is given
PRECISE = 0.05  # half the width of an interval that says enough
_BURSTS_ASSUMED = 5  # scenes in which all photos stand or fall together, counted in beside those seen


def accuracy_interval(right: NDArray[np.bool_], scenes: Ints | None = None) -> tuple[float, float]:
    """The 95 % prediction interval of the share right among new photos, a third as many as these (N,).

    What a person sees next is the share of so and so many new photos, which varies by itself, and more the
    fewer they are. It is predicted by the beta-binomial distribution that follows from Jeffreys's prior, which
    needs no large numbers (Brown, Cai and DasGupta, Statistical Science 16, 2001). Photos of one scene
    (``scenes``, (N,), numbers) tell less than as many different ones.
    """
    count = effective_sample_size(right, scenes)
    if not count:
        return 0.0, 1.0
    share, new = float(right.mean()), max(1, round(count * _NEW))
    chances = _beta_binomial(new, share * count + 0.5, (1 - share) * count + 0.5)
    below = np.cumsum(chances)
    low, high = (int(np.searchsorted(below, quantile)) / new for quantile in (_MISSED, 1 - _MISSED))
    return min(low, share), max(high, share)


def _beta_binomial(count: int, right: float, wrong: float) -> NDArray[np.float64]:
    """The probabilities of 0, 1, … ``count`` right, after so many ``right`` and ``wrong``."""

    def log_beta(one: float, other: float) -> float:
        return lgamma(one) + lgamma(other) - lgamma(one + other)

    none = log_beta(right, wrong)
    logs = [
        -log_beta(hits + 1, count - hits + 1) - log(count + 1) + log_beta(hits + right, count - hits + wrong) - none
        for hits in range(count + 1)
    ]
    return np.exp(np.array(logs))


def effective_sample_size(right: NDArray[np.bool_], scenes: Ints | None) -> float:
    """How many independent photos tell as much as these (N,) do.

    By the design effect of clusters (Kish, “Survey Sampling”, 1965; unequal sizes as in Donner and Klar,
    2000), with the analysis of variance's estimate of how much the photos of a scene stand or fall together.
    That estimate is drawn towards “wholly”, the more the fewer scenes there are to learn it from.
    """
    total = len(right)
    if scenes is None or total < 2:
        return float(total)
    _, places = np.unique(scenes, return_inverse=True)
    sizes = np.bincount(places).astype(np.float64)
    count, several = len(sizes), int((sizes > 1).sum())
    mean_size = float((sizes**2).sum() / total)  # of the scene of a photo picked at random
    if not several or count < 2:
        return total / mean_size
    hits = np.bincount(places, right)
    between = float((sizes * (hits / sizes - right.mean()) ** 2).sum()) / (count - 1)
    within = float((hits * (1 - hits / sizes)).sum()) / (total - count)
    usual_size = (total - mean_size) / (count - 1)
    spread = between + (usual_size - 1) * within
    together = min(1.0, max(0.0, (between - within) / spread)) if spread > 0 else 1.0
    together = (several * together + _BURSTS_ASSUMED) / (several + _BURSTS_ASSUMED)
    return total / (1 + (mean_size - 1) * together)


def photos_needed(share: float, scenes_per_photo: float = 1.0) -> int:
    """About how many photos have to be judged until ``accuracy_interval`` reaches no further than 5 points to either side."""
    spread = min(max(share, 0.05), 0.95)
    return int(np.ceil((1 + 1 / _NEW) * _Z * _Z * spread * (1 - spread) / PRECISE**2 / max(scenes_per_photo, 1e-3)))
