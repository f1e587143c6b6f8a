"""Sharpness and exposure of pictures, and the photos of a set that are blurred, dark, overexposed, empty or tiny.

A photo has an issue only where it differs from the usual in its set: photos before a white wall are all bright,
satellite tiles are all small. Own code, because cleanvision's measures of blur and exposure do not depend on the set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..messages import Message, message
from ..messages.data import DatasetQualityCode, QualityCode

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

SHARPNESS, DARKEST, MEDIAN, BRIGHTEST, OVEREXPOSED = range(5)  # positions in the measures of one picture
MEASURE_COUNT = 5
_SIDE = 256  # pixels, width and height of the middle part whose sharpness is measured
_ROUNDING = 0.3 / 255  # mean detail that rounding to 8 bits adds
_UNIFORM = 0.2  # difference of brightness, 0 to 1, up to which a surface is uniform
_WHITE = 249  # largest gray value, of 255, that is not overexposed

# Each threshold is between the values of 2,700 photos of eight sets and those of the same photos once they are
# blurred with a radius of a hundredth of the side, four times darker, or brightened until white.
_BLURRED = 0.12  # sharpness
_DARK = 0.22  # of the brightest twentieth; white is 1
_BRIGHT = 0.8  # of the darkest twentieth
_OVEREXPOSED = 0.75  # proportion of pixels
_EMPTY = 0.06  # between the darkest and the brightest twentieth
_TINY = 64  # pixels of the short side
_ELONGATED = 3.0  # long side over short side
_SAME = 0.002  # largest difference between the numbers of two descriptors of one picture
_COMPARED = 100  # photos that tell in most sets that not all are the same
_SAME_FEATURES = 0.02  # relative distance of features of one picture, which are rounded to bfloat16
_UNUSUAL = 2.5  # a value counts where it is that many times lower or higher than the median of the set


@dataclass(frozen=True)
class QualityIssue:
    """What is wrong with the photo at ``index``; ``str(issue.code)`` is the advice for it."""

    index: int
    code: QualityCode


def measure_quality(gray: Image.Image) -> Floats:
    """Return the measures (MEASURE_COUNT,), each 0 to 1, of a gray picture (mode L).

    Sharpness is the ratio of fine to coarse detail, so that a subject without texture does not count as blurred.
    Then follow the brightness of the darkest, the median and the brightest twentieth, and the proportion of pixels
    that are overexposed.
    """
    cumulative = np.cumsum(gray.histogram()) / (gray.width * gray.height)
    darkest, median, brightest = np.searchsorted(cumulative, (0.05, 0.5, 0.95)) / 255
    sharpness = _measure_sharpness(_crop_middle(gray))
    return np.array((sharpness, darkest, median, brightest, 1 - cumulative[_WHITE]), np.float32)


def find_quality_issues(descriptors: Floats, widths: Ints, heights: Ints) -> list[QualityIssue]:
    """Return the photos whose quality is unusually poor for their set, in order.

    ``descriptors`` (N, D) end with the measures of ``measure_quality``, NaN where unknown; ``widths`` and ``heights``
    (N,) are in pixels.
    """
    if not len(descriptors):
        return []
    measures = descriptors[:, -MEASURE_COUNT:]
    with np.errstate(invalid="ignore"):  # comparisons with unknown measures are false
        flags = dict(_flag_issues(measures, np.minimum(widths, heights), np.maximum(widths, heights)))
    return [QualityIssue(index, code) for index in range(len(measures)) for code in QualityCode if flags[code][index]]


def explain_sameness(features: Floats, descriptors: Floats) -> Message | None:
    """Return why photos cannot be told apart: all of them are blank, or one picture; None where they differ.

    ``features`` (N, D) are pooled features of any network, ``descriptors`` (N, W) those of ``data.descriptors``.
    """
    rows = np.flatnonzero(np.isfinite(descriptors.sum(1)))
    if len(features) < 2 or not len(rows) or np.ptp(descriptors[rows[:_COMPARED]], axis=0).max() > _SAME:
        return None  # the first photos differ, as nearly always: no copy of all is needed
    known = descriptors[rows]
    if np.ptp(known, axis=0).max() > _SAME:
        return None
    center = features.mean(0)
    if np.linalg.norm(features - center, axis=1).max() > _SAME_FEATURES * np.linalg.norm(center):
        return None
    code = DatasetQualityCode.ALL_BLANK if find_blank(known).all() else DatasetQualityCode.ALL_SAME
    return message(code, count=len(features))


def find_blank(descriptors: Floats) -> Flags:
    """Return whether each photo (N,) is one even color without anything in it; not where it is unknown."""
    return np.asarray((descriptors[:, :-MEASURE_COUNT] == 0).all(1), np.bool_)  # the hashes


def describe_set(descriptors: Floats, widths: Ints, heights: Ints) -> list[Message]:
    """Return what holds for most photos, so that it is an issue of none.

    ``descriptors`` (N, D) are those of ``data.descriptors``, ``widths`` and ``heights`` (N,) in pixels.
    """
    remarks = []
    blank = int(find_blank(descriptors).sum())
    if 2 * blank > len(descriptors):
        remarks.append(message(DatasetQualityCode.MOSTLY_BLANK, blank=blank, count=len(descriptors)))
    if len(widths) and float(np.median(np.minimum(widths, heights))) < _TINY:
        width, height = int(np.median(widths)), int(np.median(heights))
        remarks.append(message(DatasetQualityCode.MOSTLY_TINY, width=width, height=height))
    return remarks


def _crop_middle(gray: Image.Image) -> Floats:
    """Return the middle of a picture as floats 0 to 1: the subject is there, and blur around it is intended."""
    width, height = (min(_SIDE, side) for side in gray.size)
    left, top = (gray.width - width) // 2, (gray.height - height) // 2
    return np.asarray(gray.crop((left, top, left + width, top + height)), np.float32) / np.float32(255)


def _measure_sharpness(pixels: Floats) -> float:
    """Return the detail of the picture over that of the picture a quarter the size, both without rounding noise."""
    quarter = _halve(_halve(pixels))
    fine, coarse = (max(0.0, _measure_detail(part) - _ROUNDING) for part in (pixels, quarter))
    if coarse <= _ROUNDING:  # no detail at any scale: extremely blurred, or a uniform surface
        return 0.0 if float(np.ptp(pixels)) > _UNIFORM else 1.0
    return min(1.0, fine / coarse)


def _measure_detail(pixels: Floats) -> float:
    """Return the mean absolute Laplacian: the difference of a pixel from its neighbors (Pech-Pacheco et al., 2000)."""
    if min(pixels.shape) < 3:
        return 0.0
    middle = pixels[1:-1, 1:-1]
    around = pixels[:-2, 1:-1] + pixels[2:, 1:-1] + pixels[1:-1, :-2] + pixels[1:-1, 2:]
    return float(np.abs(middle - around / 4).mean())


def _halve(pixels: Floats) -> Floats:
    height, width = (side - side % 2 for side in pixels.shape)
    even = pixels[:height, :width]
    return np.asarray((even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4, np.float32)


def _flag_issues(measures: Floats, short: Ints, long: Ints) -> Iterator[tuple[QualityCode, Flags]]:
    """Yield for each code whether each photo (N,) has that issue; a photo has at most one issue of exposure."""
    sharpness, darkest, brightest, overexposed = (
        measures[:, position] for position in (SHARPNESS, DARKEST, BRIGHTEST, OVEREXPOSED)
    )
    contrast, elongation = brightest - darkest, long / np.maximum(short, 1)
    empty = (contrast < _EMPTY) & (_median(contrast) > _UNUSUAL * _EMPTY) & (darkest < _BRIGHT)
    dark = (brightest < _DARK) & (brightest * _UNUSUAL < _median(brightest))
    white = (darkest > _BRIGHT) & (_median(darkest) < _BRIGHT / 2)
    white |= (overexposed > _OVEREXPOSED) & (overexposed > _median(overexposed) * _UNUSUAL)
    blurred = (sharpness < _BLURRED) & (sharpness * _UNUSUAL < _median(sharpness))
    yield QualityCode.DARK, dark
    yield QualityCode.BLOWN_OUT, white & ~dark
    yield QualityCode.EMPTY, empty & ~dark & ~white
    yield QualityCode.BLURRED, blurred & ~empty & ~dark & ~white
    yield QualityCode.TINY, (short < _TINY) & (short * _UNUSUAL < _median(short))
    yield QualityCode.ODD_SHAPED, (elongation > _ELONGATED) & (elongation > _median(elongation) * _UNUSUAL / 2)


def _median(values: NDArray[np.floating] | Ints) -> float:
    """Return the median of the known values, 0 where none is known."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else 0.0
