"""How a picture is fitted into the square: chosen by cross-validation among crop, whole and squashed.

On long photos the choice is worth up to ten points. Every way is tried on some photos, and only the
promising ones on all of them, which costs about half of trying everything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import head, models, split
from .config import Fit
from .features import Embedder, Progress, gather

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Hits = NDArray[np.bool_]

_SCOUTS = 128  # photos that try every way
_JUDGES = 1000  # photos that decide; more would not change the decision
_FOLDS = 5


@dataclass(frozen=True)
class Sample:
    """A labelled photo: its content's name, its file, its class, and its size in pixels."""

    sha256: str
    path: Path
    label: int
    width: int
    height: int


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
    fits = tuple(fit for fit in fits if remembered in (None, fit))
    places, table, reasons, fits = yield from _race(tools, samples, fits, seed)
    best = 0
    if len(fits) > 1 and places:
        best = int(np.argmax([_score(judged) for judged in _judge(samples, places, table, seed)]))
    if remembered is None:
        tools.store.remember(question, photos, fits[best])
    back = np.argsort(places)
    return Fitted(fits[best], [places[i] for i in back], np.ascontiguousarray(table[back, best]), reasons)


def _race(
    tools: Embedder, samples: Sequence[Sample], fits: tuple[Fit, ...], seed: int
) -> Generator[Progress, None, tuple[list[int], Floats, dict[int, str], tuple[Fit, ...]]]:
    """Readable places, features (n, V, D), reasons, and the V ways not clearly behind after the first photos."""
    order = _shuffled(samples, seed)
    scouts, rest = (order[:_SCOUTS], order[_SCOUTS:]) if len(fits) > 1 else ([], order)
    places, table, reasons = yield from _gather(tools, samples, scouts, fits, "Looking at the first photos")
    if not rest:
        return places, table, reasons, fits
    if places:
        judged = _judge(samples, places, table, seed)
        leader = max(judged, key=_score)[0]
        kept = [view for view, (hits, _) in enumerate(judged) if not head.ahead(leader, hits)]
        fits, table = tuple(fits[view] for view in kept), table[:, kept]
    more, others, why = yield from _gather(tools, samples, rest, fits, "Looking at the photos")
    table = np.concatenate([part for part in (table, others) if len(part)] or [others])
    return places + more, table, reasons | why, fits


def _gather(
    tools: Embedder, samples: Sequence[Sample], chosen: Sequence[int], fits: Sequence[Fit], step: str
) -> Generator[Progress, None, tuple[list[int], Floats, dict[int, str]]]:
    base = models.preprocessing(tools.backbone)
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


def _judge(samples: Sequence[Sample], places: Sequence[int], table: Floats, seed: int) -> list[tuple[Hits, float]]:
    """For each view, which photos are recognised out of fold, and the squared error."""
    truth = np.array([samples[place].label for place in places[:_JUDGES]], np.int64)
    folds = split.folds(truth, np.arange(len(truth)), _FOLDS, seed)
    classes = max(sample.label for sample in samples) + 1
    return [head.held_out_ridge(table[: len(truth), view], truth, classes, folds) for view in range(table.shape[1])]


def _score(judged: tuple[Hits, float]) -> float:
    """Share recognised; the squared error decides between equals."""
    return float(judged[0].mean()) - 0.01 * judged[1]
