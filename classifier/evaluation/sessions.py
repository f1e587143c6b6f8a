"""Warnings of classes whose photos were nearly all taken on one or two occasions, so that a score holds only there.

Three signs: the camera's clock, groups of photos, and the background. A background is a sign only where the other
classes lack it; products before the same white ground are no occasion, and neither are slides or X-ray pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from ..data.perceptual_hash import reconstruct_pictures
from ..messages import Message, message
from ..messages.evaluation import WarningCode
from .class_balance import FEW, classes_of_one_group

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_NEARLY_ALL = 0.8  # of the photos of a class
_PAUSE = 600.0  # seconds without a photo that end a session
_THINGS = 2  # groups that nearly all photos of a class are in
# Borders of two pictures are the same above this correlation, and a photo has a background where it shares it with
# this part of its class, and with a third of that part of the other classes at most. At least 0.95 of the photos of
# classes before one or two backgrounds of their own do, drawn with a camera that moves by 5 % of the view; 0 of
# flowers, cats_dogs, hymenoptera, textures, trash, weather and cifar10_tiny, at most 0.71 of solar cells and X-rays.
_SAME_BORDER, _PART, _ELSEWHERE = 0.9, 0.3, 1 / 3
_MAX_PHOTOS = 2000  # that are compared with all others


def session_warnings(
    y: Ints, labels: Sequence[str], groups: Ints, taken: Sequence[str | None], descriptors: Floats
) -> tuple[Message, ...]:
    """Return which classes have nearly all their photos from one or two occasions; each is named once.

    Classes of few photos are not judged, nor those of one group, of which ``class_balance_warnings`` tells.

    Args:
        y: class index of each photo (N,), one of ``labels`` (C).
        labels: names of the classes.
        groups: numbers (N,), equal for photos that belong together.
        taken: times (N) in ISO 8601, None where unknown.
        descriptors: see ``data.descriptors`` (N, W).
    """
    single = classes_of_one_group(y, groups)
    counts = np.bincount(y, minlength=len(labels))
    open_classes = [index for index in range(len(labels)) if counts[index] >= FEW and index not in single]
    seconds = _seconds(taken)
    with_background = _share_with_background(y, descriptors, len(labels)) if open_classes else np.zeros(0)
    signs: tuple[tuple[WarningCode, Callable[[int], bool]], ...] = (
        (WarningCode.ONE_SESSION, lambda index: _largest_session(seconds[y == index]) >= _NEARLY_ALL),
        (WarningCode.FEW_THINGS, lambda index: _largest_groups(groups[y == index]) >= _NEARLY_ALL),
        (WarningCode.ONE_BACKGROUND, lambda index: bool(with_background[index] >= _NEARLY_ALL)),
    )
    warnings = []
    for code, applies in signs:
        found = [index for index in open_classes if applies(index)]
        if found:
            warnings.append(message(code, labels=tuple(labels[index] for index in found)))
        open_classes = [index for index in open_classes if index not in found]
    return tuple(warnings)


def _seconds(taken: Sequence[str | None]) -> NDArray[np.float64]:
    """Return times (N,) in seconds, NaN where unknown."""
    start = datetime(1970, 1, 1)
    return np.array(
        [np.nan if time is None else (datetime.fromisoformat(time) - start).total_seconds() for time in taken]
    )


def _largest_session(seconds: NDArray[np.float64]) -> float:
    """Return the part of the photos (n,) taken in the largest session: without a pause of ten minutes.

    0 where most photos have the very same time, as a camera whose clock was never set writes it.
    """
    known = np.sort(seconds[np.isfinite(seconds)])
    if not len(known) or np.unique(known, return_counts=True)[1].max() > len(seconds) / 2:
        return 0.0
    session = np.cumsum(np.diff(known, prepend=known[0]) > _PAUSE)
    return float(np.bincount(session).max()) / len(seconds)


def _largest_groups(groups: Ints) -> float:
    """Return the part of the photos (n,) that are in the largest two groups."""
    return float(np.sort(np.unique(groups, return_counts=True)[1])[-_THINGS:].sum()) / len(groups)


def _share_with_background(y: Ints, descriptors: Floats, class_count: int) -> Floats:
    """Return the part of each class (C,) whose border looks like that of many of its class and of few others."""
    borders = _borders(descriptors)
    shares = np.zeros(class_count, np.float32)
    for label in range(class_count):
        members, others = np.flatnonzero(y == label), np.flatnonzero(y != label)
        members, others = members[:_MAX_PHOTOS], others[:: max(1, len(others) // _MAX_PHOTOS)]
        if len(members) < FEW:
            continue
        same = borders[members] @ borders[members].T > _SAME_BORDER
        own = (same.sum(1) - np.diag(same)) / (len(members) - 1)
        elsewhere = (borders[members] @ borders[others].T > _SAME_BORDER).mean(1) if len(others) else 0.0
        shares[label] = ((own > _PART) & (elsewhere < _ELSEWHERE * own)).mean()
    return shares


def _borders(descriptors: Floats) -> Floats:
    """Return the outermost pixels (N, 28) of the pictures in 8 by 8 pixels, centered and of length 1."""
    is_border = np.ones((8, 8), np.bool_)
    is_border[1:-1, 1:-1] = False
    pixels = reconstruct_pictures(descriptors)[:, is_border]
    pixels = pixels - pixels.mean(1, keepdims=True)
    length = np.linalg.norm(pixels, axis=1, keepdims=True)
    return np.asarray(pixels / np.maximum(length, 1e-9), np.float32)
