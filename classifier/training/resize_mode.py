"""How a picture is fitted into the square: chosen by cross-validation among crop, whole and squashed.

On long photos the choice is worth up to ten points, on others hardly anything. So every way is tried on
some photos, and only the winner on all of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..config import Fit
from ..data import splits
from ..data.dataset import Sample
from ..events import Progress
from ..models import networks
from ..models.features import Embedder, gather
from . import linear_head

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Hits = NDArray[np.bool_]

_SCOUTS = (48, 128)  # photos that try every way, and those that try the one that then leads
_FOLDS = 5
_CLEARLY = 1.5  # standard errors; on near-square photos differences are chance, and a wrong choice costs points


@dataclass(frozen=True)
class Fitted:
    """The chosen way, the places of the photos that could be read with their features (n, D), the others' reasons."""

    fit: Fit
    places: list[int]
    features: Floats
    reasons: dict[int, str]


def choose(
    tools: Embedder, samples: Sequence[Sample], fits: tuple[Fit, ...], seed: int
) -> Generator[Progress, None, Fitted]:
    """Embed the photos in the way of fitting under which their classes are told apart best.

    The choice is remembered with the features and holds until a fifth of the labelled photos is
    another: corrections, or a few photos more, then cost nothing but what is new.
    """
    fits = _distinct(samples, fits)
    question = json.dumps([tools.backbone, fits, seed])
    photos = [f"{sample.sha256} {sample.label}" for sample in samples]
    remembered = tools.store.recall(question, photos)
    if remembered is None:
        fit = yield from _tried(tools, samples, fits, seed)
        tools.store.remember(question, photos, fit)
    else:
        fit = next(fit for fit in fits if fit == remembered)
    places, table, reasons = yield from _gather(tools, samples, range(len(samples)), [fit], "Looking at the photos")
    return Fitted(fit, places, np.ascontiguousarray(table[:, 0]), reasons)


def _tried(
    tools: Embedder, samples: Sequence[Sample], fits: tuple[Fit, ...], seed: int
) -> Generator[Progress, None, Fit]:
    """The first way, unless another tells some of the photos apart clearly better.

    Of the others only the one that leads most on the first few is tried on more, and none if none leads.
    """
    if len(fits) == 1:
        return fits[0]
    order = _shuffled(samples, seed)
    few, more = _SCOUTS
    usual, *others = yield from _judged(tools, samples, order[:few], fits, seed)
    leading = {fit: way for fit, way in zip(fits[1:], others) if way[0].sum() > usual[0].sum()}
    if not leading:
        return fits[0]
    rival = max(leading, key=lambda fit: _score(leading[fit]))
    other = leading[rival]
    if few < len(order):
        usual, other = yield from _judged(tools, samples, order[:more], (fits[0], rival), seed)
    return rival if linear_head.ahead(other[0], usual[0], _CLEARLY) else fits[0]


def _judged(
    tools: Embedder, samples: Sequence[Sample], scouts: Sequence[int], fits: Sequence[Fit], seed: int
) -> Generator[Progress, None, list[tuple[Hits, float]]]:
    """For each way, which scouts are recognised out of fold, and the squared error."""
    places, table, _ = yield from _gather(tools, samples, scouts, fits, "Trying how the photos fit")
    if not places:
        return [(np.zeros(0, np.bool_), 0.0) for _ in fits]
    truth = np.array([samples[place].label for place in places], np.int64)
    folds = splits.folds(truth, np.arange(len(truth)), _FOLDS, seed)
    classes = max(sample.label for sample in samples) + 1
    return [linear_head.held_out_ridge(table[:, view], truth, classes, folds) for view in range(len(fits))]


def _gather(
    tools: Embedder, samples: Sequence[Sample], chosen: Sequence[int], fits: Sequence[Fit], step: str
) -> Generator[Progress, None, tuple[list[int], Floats, dict[int, str]]]:
    base = networks.preprocessing(tools.backbone)
    photos = [(samples[place].sha256, samples[place].path) for place in chosen]
    good, table, reasons = yield from gather(tools, photos, [base.fitted(fit) for fit in fits], step)
    return [chosen[i] for i in good], table, {chosen[i]: reason for i, reason in reasons.items()}


def _distinct(samples: Sequence[Sample], fits: tuple[Fit, ...]) -> tuple[Fit, ...]:
    """Without squashing where nearly all photos are square: it would be the whole picture again."""
    square = sum(abs(sample.width - sample.height) <= 0.02 * sample.height for sample in samples)
    if "whole" in fits and square >= 0.95 * len(samples):
        return tuple(fit for fit in fits if fit != "squash")
    return fits


def _shuffled(samples: Sequence[Sample], seed: int) -> list[int]:
    """Places in an order that depends on each photo's content alone: new labels or more photos hardly change it."""
    keys = [hashlib.sha256(f"{seed} {sample.sha256}".encode()).digest() for sample in samples]
    return sorted(range(len(samples)), key=keys.__getitem__)


def _score(judged: tuple[Hits, float]) -> float:
    """How many are recognised; the squared error decides between equals."""
    return float(judged[0].sum()) - 0.01 * judged[1]
