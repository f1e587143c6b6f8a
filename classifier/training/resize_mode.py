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

from ..config import ResizeMode
from ..data import splits
from ..data.dataset import Sample
from ..events import Progress
from ..models import networks
from ..models.features import FeatureExtractor, extract_features
from . import linear_head

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Hits = NDArray[np.bool_]

_SCOUTS = (48, 128)  # photos that try every way, and those that try the one that then leads
_FOLDS = 5
_CLEARLY = 1.5  # standard errors; on near-square photos differences are chance, and a wrong choice costs points


@dataclass(frozen=True)
class ResizeModeChoice:
    """The chosen way, the places of the photos that could be read with their features (n, D), the others' reasons."""

    resize_mode: ResizeMode
    places: list[int]
    features: Floats
    reasons: dict[int, str]


def choose_resize_mode(
    extractor: FeatureExtractor, samples: Sequence[Sample], resize_modes: tuple[ResizeMode, ...], seed: int
) -> Generator[Progress, None, ResizeModeChoice]:
    """Embed the photos in the way of fitting under which their classes are told apart best.

    The choice is remembered with the features and holds until a fifth of the labelled photos is
    another: corrections, or a few photos more, then cost nothing but what is new.
    """
    resize_modes = _distinct(samples, resize_modes)
    question = json.dumps([extractor.backbone, resize_modes, seed])
    photos = [f"{sample.sha256} {sample.label}" for sample in samples]
    remembered = extractor.cache.get_choice(question, photos)
    if remembered is None:
        resize_mode = yield from _tried(extractor, samples, resize_modes, seed)
        extractor.cache.put_choice(question, photos, resize_mode)
    else:
        resize_mode = next(resize_mode for resize_mode in resize_modes if resize_mode == remembered)
    places, table, reasons = yield from _gather(
        extractor, samples, range(len(samples)), [resize_mode], "Looking at the photos"
    )
    return ResizeModeChoice(resize_mode, places, np.ascontiguousarray(table[:, 0]), reasons)


def _tried(
    extractor: FeatureExtractor, samples: Sequence[Sample], resize_modes: tuple[ResizeMode, ...], seed: int
) -> Generator[Progress, None, ResizeMode]:
    """The first way, unless another tells some of the photos apart clearly better.

    Of the others only the one that leads most on the first few is tried on more, and none if none leads.
    """
    if len(resize_modes) == 1:
        return resize_modes[0]
    order = _shuffled(samples, seed)
    few, more = _SCOUTS
    usual, *others = yield from _judged(extractor, samples, order[:few], resize_modes, seed)
    leading = {resize_mode: way for resize_mode, way in zip(resize_modes[1:], others) if way[0].sum() > usual[0].sum()}
    if not leading:
        return resize_modes[0]
    rival = max(leading, key=lambda resize_mode: _score(leading[resize_mode]))
    other = leading[rival]
    if few < len(order):
        usual, other = yield from _judged(extractor, samples, order[:more], (resize_modes[0], rival), seed)
    return rival if linear_head.is_significantly_better(other[0], usual[0], _CLEARLY) else resize_modes[0]


def _judged(
    extractor: FeatureExtractor,
    samples: Sequence[Sample],
    scouts: Sequence[int],
    resize_modes: Sequence[ResizeMode],
    seed: int,
) -> Generator[Progress, None, list[tuple[Hits, float]]]:
    """For each way, which scouts are recognised out of fold, and the squared error."""
    places, table, _ = yield from _gather(extractor, samples, scouts, resize_modes, "Trying how the photos resize_mode")
    if not places:
        return [(np.zeros(0, np.bool_), 0.0) for _ in resize_modes]
    truth = np.array([samples[place].label for place in places], np.int64)
    folds = splits.stratified_group_folds(truth, np.arange(len(truth)), _FOLDS, seed)
    classes = max(sample.label for sample in samples) + 1
    return [
        linear_head.cross_validated_ridge(table[:, view], truth, classes, folds) for view in range(len(resize_modes))
    ]


def _gather(
    extractor: FeatureExtractor,
    samples: Sequence[Sample],
    chosen: Sequence[int],
    resize_modes: Sequence[ResizeMode],
    step: str,
) -> Generator[Progress, None, tuple[list[int], Floats, dict[int, str]]]:
    base = networks.preprocessing(extractor.backbone)
    photos = [(samples[place].sha256, samples[place].path) for place in chosen]
    good, table, reasons = yield from extract_features(
        extractor, photos, [base.with_resize_mode(resize_mode) for resize_mode in resize_modes], step
    )
    return [chosen[i] for i in good], table, {chosen[i]: reason for i, reason in reasons.items()}


def _distinct(samples: Sequence[Sample], resize_modes: tuple[ResizeMode, ...]) -> tuple[ResizeMode, ...]:
    """Without squashing where nearly all photos are square: it would be the whole picture again."""
    square = sum(abs(sample.width - sample.height) <= 0.02 * sample.height for sample in samples)
    if "whole" in resize_modes and square >= 0.95 * len(samples):
        return tuple(resize_mode for resize_mode in resize_modes if resize_mode != "squash")
    return resize_modes


def _shuffled(samples: Sequence[Sample], seed: int) -> list[int]:
    """Places in an order that depends on each photo's content alone: new labels or more photos hardly change it."""
    keys = [hashlib.sha256(f"{seed} {sample.sha256}".encode()).digest() for sample in samples]
    return sorted(range(len(samples)), key=keys.__getitem__)


def _score(judged: tuple[Hits, float]) -> float:
    """How many are recognised; the squared error decides between equals."""
    return float(judged[0].sum()) - 0.01 * judged[1]
