"""Whether a photo looks like any of the training photos: where those lie in feature space, in a few hundred kilobytes.

A classifier that knows five flowers is sure of a flower also before a dustbin. So an answer is asked for a
second time: how far is the photo from the nearest training photos of the class that it is taken for? (Deep
nearest neighbours, Sun et al., ICML 2022, there without the class.) And how much speaks for any class at all?
(The energy of the logits; Liu et al., NeurIPS 2020.) A bee on a flower is not far from flowers, but less speaks for
one of them. Neither says enough alone; both together find more strange photos at the same number of known ones
than either, than Mahalanobis's distance, than what is left over beside the main directions, and than the network's
own thousand classes; measured on 56 pairs of sets and on classes kept back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

KEEP = 0.91  # share of the training photos that have to look familiar to the others
_DOUBT = 0.5  # of what little evidence counts beside distance; from a quarter to three quarters little changes
_QUARTILES = 2 * np.log(3)  # how far the quartiles of a logistic distribution lie apart, in its scales
_NEAREST = 5
_MOST_PHOTOS = 2000  # that are kept; of more, an even choice
_MOST_NUMBERS = 170_000  # in the basis: with 16 bits each, a third of a megabyte
_SPARE, _ROUNDS = 16, 4  # directions more than wanted, and times they are drawn towards the largest
_BLOCK = 1024  # photos compared at a time, so that memory stays bounded
_FEW = 20  # photos from which a limit cannot be read off with any confidence


@dataclass(frozen=True)
class OODModel:
    """The training photos as ``points`` (N, R) on a ``basis`` (D, R) about a ``centre`` (D,), and their classes (N,).

    A photo is familiar when its ood_score is at most ``limit``. Strangeness adds up two things: the mean squared
    distance to the five nearest points of its class, and how little speaks for any class; each measured by what is
    ``usual`` (2, 2): a row of middle and spread for each. A model of an older version has only the first, as it is.
    """

    centre: Floats
    basis: Floats
    points: Floats
    labels: Ints
    limit: float
    usual: Floats | None = None

    def distances(self, features: Floats, guesses: Ints) -> Floats:
        """Mean squared distance (n,) of pooled features (n, D) to the nearest training photos of the class guessed."""
        found = [self._distances(features[rows], guesses[rows]) for rows in _blocks(len(features))]
        return np.concatenate(found) if found else np.zeros(0, np.float32)

    def ood_score(self, features: Floats, shares: Floats) -> Floats:
        """How strange photos are (n,), from their pooled features (n, D) and probabilities (n, C)."""
        distances = self.distances(features, shares.argmax(1))
        return distances if self.usual is None else _strangeness(distances, shares, self.usual)

    def in_distribution(self, features: Floats, shares: Floats) -> NDArray[np.bool_]:
        """Whether photos look like training photos of the class they are taken for (n,); given as above."""
        return np.asarray(self.ood_score(features, shares) <= self.limit, np.bool_)

    def _distances(self, features: Floats, guesses: Ints) -> Floats:
        return _nearest(self._squares(features), self.labels[None] == guesses[:, None])

    def _squares(self, features: Floats) -> Floats:
        rows = _directions(features) - self.centre
        inner = (rows @ self.basis) @ self.points.T
        squares = np.square(rows).sum(1)[:, None] - 2 * inner + np.square(self.points).sum(1)
        return np.asarray(np.maximum(squares, 0), np.float32)

    def tensors(self) -> dict[str, NDArray[np.generic]]:
        """What is written down, in 16 bits where that is fine enough."""
        half = {name: getattr(self, name).astype(np.float16) for name in ("centre", "basis", "points")}
        usual = {} if self.usual is None else {"usual": self.usual}
        return {**half, "labels": self.labels.astype(np.int32), "limit": np.array([self.limit], np.float32), **usual}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[np.generic]]) -> OODModel:
        """The inverse of ``tensors``; raises ``ModelError`` where they do not belong together."""
        try:
            centre, basis, points = (np.asarray(tensors[name], np.float32) for name in ("centre", "basis", "points"))
            labels, limit = np.asarray(tensors["labels"], np.int64), float(np.asarray(tensors["limit"])[0])
            usual = np.asarray(tensors["usual"], np.float32) if "usual" in tensors else None
            numbers = basis.shape == (len(centre), points.shape[1]) and labels.shape == (len(points),)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ModelError(_DAMAGED) from error
        if not numbers or centre.ndim != 1 or not len(points) or np.isnan(limit):
            raise ModelError(_DAMAGED)
        if usual is not None and (usual.shape != (2, 2) or not (usual[:, 1] > 0).all()):
            raise ModelError(_DAMAGED)
        return cls(centre, basis, points, labels, limit, usual)


_DAMAGED = "What the model keeps of its training photos (familiar.safetensors) is damaged; get the folder again."


def fit_ood(
    features: Floats, labels: Ints, scenes: Ints, shares: Floats, keep: float = KEEP
) -> tuple[OODModel, Floats]:
    """Learn from the training photos' features (N, D) how strange they are to one another; also gives that (N,).

    ``shares`` (N, C) are their probabilities out of fold. Each photo is measured against those of other
    ``scenes`` (N,), and the limit set so that the share ``keep`` of them is familiar.
    """
    guesses = shares.argmax(1)
    rows = _directions(features)
    centre = rows.mean(0)
    basis = _basis(rows - centre)
    kept = np.unique(np.linspace(0, len(rows) - 1, _MOST_PHOTOS).astype(np.int64))  # photos come class by class
    points = (rows[kept] - centre) @ basis
    found = OODModel(_half(centre), _half(basis), _half(points), labels[kept], np.inf)
    distances = np.concatenate(
        [
            _nearest(
                found._squares(features[part]),
                (labels[kept][None] == guesses[part][:, None]) & (scenes[kept][None] != scenes[part][:, None]),
            )
            for part in _blocks(len(features))
        ]
    )
    usual = np.stack([_usual(distances), _usual(_doubt(shares))])
    ood_score = _strangeness(distances, shares, usual)
    return replace(found, limit=_limit(ood_score, keep), usual=usual), ood_score


def _doubt(shares: Floats) -> Floats:
    """How little speaks for any class (n,): the mean logarithm of the probabilities (n, C).

    It is the energy of the logits, their mean taken away: high where all classes are equally likely, low where all
    but one are impossible.
    """
    return np.asarray(np.log(np.maximum(shares, np.float32(1e-30))).mean(1), np.float32)


def _usual(values: Floats) -> Floats:
    """The middle and the spread (2,) of values, as of a logistic distribution; of few, the spread is never small."""
    known = values[np.isfinite(values)]
    low, middle, high = np.quantile(known, (0.25, 0.5, 0.75)) if len(known) else (0.0, 0.0, 0.0)
    return np.array([middle, max((high - low) / _QUARTILES, 0.05 * abs(middle), 1e-6)], np.float32)


def _strangeness(distances: Floats, shares: Floats, usual: Floats) -> Floats:
    """Distance and doubt (n,), each as minus the logarithm of the share of photos that have as much of it or more.

    Added up, as Fisher combines tests (“Statistical Methods for Research Workers”, 1925). The share follows a
    logistic distribution, for beyond the last training photo all would else be equally strange.
    """
    measured = np.stack([distances, _doubt(shares)], 1)
    scales = (measured - usual[:, 0]) / usual[:, 1]
    return np.asarray(np.logaddexp(0, scales) @ (1, _DOUBT), np.float32)


def _limit(ood_score: Floats, keep: float) -> float:
    """The ood_score up to which a new photo of the same kind comes with probability ``keep``.

    Read off as in conformal prediction (Vovk et al., 2005). From a handful of photos it cannot be: then half as
    much again as the largest seen.
    """
    known = np.sort(ood_score[np.isfinite(ood_score)])
    if len(known) < _FEW:
        return 1.5 * float(known[-1]) if len(known) else float(np.inf)
    return float(known[min(len(known), int(np.ceil((len(known) + 1) * keep))) - 1])


def _nearest(squares: Floats, same: NDArray[np.bool_]) -> Floats:
    """The mean of the five smallest squares (n, N) that count, of all there are if fewer, infinite if none."""
    counted = np.where(same, squares, np.inf)
    count = min(_NEAREST, counted.shape[1])
    smallest = np.partition(counted, count - 1, axis=1)[:, :count]
    known = np.isfinite(smallest)
    sums = np.where(known, smallest, 0).sum(1)
    return np.where(known.any(1), sums / np.maximum(known.sum(1), 1), np.inf).astype(np.float32)


def _directions(features: Floats) -> Floats:
    """Rooted features of length one: Hellinger's distance between them, as for look-alikes."""
    rooted = np.sign(features) * np.sqrt(np.abs(features))
    unit: Floats = rooted / np.maximum(np.linalg.norm(rooted, axis=1, keepdims=True), 1e-9)
    return unit


def _basis(rows: Floats) -> Floats:
    """The main directions (D, R) in which the photos (N, D) differ."""
    count, width = rows.shape
    rank = max(1, min(count, width, _MOST_NUMBERS // width))
    if count <= width:
        values, vectors = _largest(rows @ rows.T, rank)
        return np.asarray((rows.T @ vectors) / np.sqrt(np.maximum(values, 1e-12)), np.float32)
    return np.asarray(_largest(rows.T @ rows, rank)[1], np.float32)


def _largest(inner: Floats, rank: int) -> tuple[Floats, Floats]:
    """The largest eigenvalues (R,) of a symmetric matrix (n, n), smallest first, and their vectors (n, R).

    Of a large matrix by subspace iteration from a random start (Halko, Martinsson and Tropp, SIAM Review 53,
    2011), in a fifth of the time of all of them.
    """
    if len(inner) < 4 * rank:
        values, vectors = np.linalg.eigh(inner)
        return values[-rank:], vectors[:, -rank:]
    span = np.random.default_rng(0).standard_normal((len(inner), rank + _SPARE), np.float32)
    for _ in range(_ROUNDS):
        span, _ = np.linalg.qr(inner @ span)
    values, vectors = np.linalg.eigh(span.T @ inner @ span)
    return values[-rank:], span @ vectors[:, -rank:]


def _half(values: Floats) -> Floats:
    """Rounded as it will be read from the file, so that both give the same answers."""
    return values.astype(np.float16).astype(np.float32)


def _blocks(count: int) -> list[slice]:
    return [slice(start, start + _BLOCK) for start in range(0, count, _BLOCK)]
