"""Keypoints of a picture, with a descriptor of what is around each; ``keypoint_matches`` compares two pictures by them.

Those of SIFT (Lowe, IJCV 2004), whose descriptors are stored as bits, as in Peker, “Binary SIFT”, 2011. Own code,
because OpenCV and scikit-image are large packages for this, and find several hundred keypoints where a few must do.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

COUNT = 64  # keypoints of a picture at most
_SIDE = 128  # pixels of the longer side of the largest of the shrunk pictures
_SCALES = (1.0, 2**-0.5, 0.5, 2**-1.5)  # of the shrunk pictures in which keypoints are found
_SMALLEST = 18  # pixels of the shorter side at least
_MIN_CONTRAST = 1.0  # between a keypoint and its surroundings, in gray levels: below lies noise
_MIN_CORNER = 0.06  # product over squared sum of the two directions' gradients, at most 1/4: below lie straight edges
_MARGIN = 4  # pixels at the border without keypoints
CELLS, BINS, _PATCH = 4, 8, 16  # of a SIFT descriptor: cells and pixels in each direction, bins of direction
BITS = CELLS**2 * BINS
WORD = 11  # bits in one number: whole numbers up to 2048 are exact in the half precision of the cache
_WORDS = -(-BITS // WORD)
_BIT_VALUES = (1 << np.arange(WORD)).astype(np.float32)
PLACE = 4  # numbers for x, y, scale, angle
KEYPOINTS_SIZE = COUNT * (PLACE + _WORDS)
_AT_ONCE, _DESCRIBED = 16, 256  # pictures and keypoints computed at a time: few, so that they stay in the cache

_axis = np.arange(_PATCH, dtype=np.float32) - (_PATCH - 1) / 2
_DOWN, _ACROSS = np.meshgrid(_axis, _axis, indexing="ij")  # (16, 16)
_WEIGHT = np.exp(-(_ACROSS**2 + _DOWN**2) / (2 * (_PATCH / 2) ** 2))
_CENTER = np.exp(-(_ACROSS**2 + _DOWN**2) / (2 * (_PATCH / 5) ** 2))
_CELL_WEIGHTS = np.maximum(
    0, 1 - np.abs((_axis + _PATCH / 2) / CELLS - 0.5 - np.arange(CELLS, dtype=np.float32)[:, None])
)  # (4, 16): each row of pixels counts for the two nearest cells


def _gaussian(sigma: float) -> Floats:
    """Return the weights of a Gaussian filter as scipy's, cut off at three times ``sigma``."""
    steps = np.arange(-int(3 * sigma + 0.5), int(3 * sigma + 0.5) + 1)
    weights = np.exp(-0.5 / (sigma * sigma) * steps**2)
    return np.asarray(weights / weights.sum(), np.float32)


_SMOOTHED, _SMOOTHED_MORE = _gaussian(1.0), _gaussian(1.25)  # 1.6 in all


class _Peaks(NamedTuple):
    """Where contrast is highest in shrunk pictures: k places.

    The number of the picture and of the scale, column and row, the contrast there, where the gradients of this shrunk
    picture begin among those of all, and its width and height.
    """

    picture: Ints
    level: Ints
    column: Ints
    row: Ints
    contrast: Floats
    begin: Ints
    width: Ints
    height: Ints

    def take(self, chosen: Ints | slice) -> _Peaks:
        return _Peaks._make(values[chosen] for values in self)


class _Gradients(NamedTuple):
    """How all shrunk pictures change from pixel to pixel, in one row."""

    across: Floats
    down: Floats


def compute_keypoints(grays: Sequence[Image.Image]) -> Floats:
    """Return the keypoints (N, KEYPOINTS_SIZE) of gray pictures (mode L): of each those of most contrast, then 0.

    Several pictures together take less time: the operations on one are so small that threads, each with a picture of
    its own, mostly wait for Python's lock.
    """
    result = np.zeros((len(grays), COUNT, PLACE + _WORDS), np.float32)
    for start in range(0, len(grays), _AT_ONCE):
        peaks, gradients = _find(grays[start : start + _AT_ONCE])
        corners = _select_corners(peaks, gradients)
        rank, pictures = _rank_within(corners.picture), start + corners.picture
        for first in range(0, len(rank), _DESCRIBED):
            chosen = slice(first, first + _DESCRIBED)
            places, bits = _describe(corners.take(chosen), gradients)
            padded = np.zeros((len(bits), _WORDS * WORD), np.float32)
            padded[:, :BITS] = bits
            result[pictures[chosen], rank[chosen], :PLACE] = places
            result[pictures[chosen], rank[chosen], PLACE:] = padded.reshape(-1, _WORDS, WORD) @ _BIT_VALUES
    return result.reshape(len(grays), KEYPOINTS_SIZE)


def count_keypoints(keypoints: Floats) -> Ints:
    """Return how many keypoints each picture has (N,)."""
    with np.errstate(invalid="ignore"):  # unknown ones are no keypoints
        return np.asarray((keypoints[:, 2 :: PLACE + _WORDS] > 0).sum(1), np.int64)  # their scales


def _find(grays: Sequence[Image.Image]) -> tuple[_Peaks, _Gradients]:
    """Return the peaks of contrast of pictures at all scales, and the gradients of all shrunk pictures."""
    peaks, across, down, begin = [], [], [], 0
    for level, scale in enumerate(_SCALES):
        shrunk = [_shrink(gray, scale) for gray in grays]
        for shape, pictures in _group_by_shape(shrunk).items():
            smooth = _blur(np.stack([shrunk[picture] for picture in pictures]).astype(np.float32), _SMOOTHED)
            contrast = np.abs(_blur(smooth, _SMOOTHED_MORE) - smooth)
            place, row, column = _find_peaks(contrast)
            values = np.array(pictures)[place], np.full(len(place), level), column, row, contrast[place, row, column]
            height, width = (np.full(len(place), side) for side in shape)
            peaks.append(_Peaks(*values, begin + place * (shape[0] * shape[1]), width, height))
            across.append(_turn(_differences(_turn(smooth))).ravel())
            down.append(_differences(smooth).ravel())
            begin += smooth.size
    return _Peaks(*map(np.concatenate, zip(*peaks))), _Gradients(np.concatenate(across), np.concatenate(down))


def _shrink(gray: Image.Image, scale: float) -> NDArray[np.uint8]:
    factor = scale * _SIDE / max(gray.size)
    width, height = (max(_SMALLEST, round(side * factor)) for side in gray.size)
    return np.asarray(gray.resize((width, height), Image.Resampling.BOX if factor < 1 else Image.Resampling.BILINEAR))


def _group_by_shape(pictures: Sequence[NDArray[np.uint8]]) -> dict[tuple[int, ...], list[int]]:
    """Return the indices of pictures by their shapes."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, picture in enumerate(pictures):
        groups.setdefault(picture.shape, []).append(index)
    return groups


def _turn(pixels: Floats) -> Floats:
    """Return pictures (n, h, w) with rows as columns (n, w, h), next to one another in memory."""
    return np.ascontiguousarray(pixels.transpose(0, 2, 1))


def _blur(pixels: Floats, weights: Floats) -> Floats:
    """Return pictures (n, h, w) after a symmetric filter in both directions, as ``scipy.ndimage.gaussian_filter``.

    The import of that takes as long as the descriptors of a hundred photos.
    """
    return _turn(_blur_down(_turn(_blur_down(pixels, weights)), weights))


def _blur_down(pixels: Floats, weights: Floats) -> Floats:
    """Return pictures (n, h, w) after a symmetric filter from row to row; beyond the border they are mirrored."""
    count, reach = pixels.shape[1], len(weights) // 2
    padded = np.concatenate([pixels[:, reach - 1 :: -1], pixels, pixels[:, : -reach - 1 : -1]], 1)
    total = padded[:, reach : reach + count] * weights[reach]
    term = np.empty_like(total)
    for step in range(reach, 0, -1):
        np.add(padded[:, reach - step :][:, :count], padded[:, reach + step :][:, :count], out=term)
        term *= weights[reach + step]
        total += term
    return total


def _differences(pixels: Floats) -> Floats:
    """Return how pictures (n, h, w) change from row to row, as ``np.gradient``, in less time."""
    changes = np.empty(pixels.shape, np.float32)
    np.subtract(pixels[:, 2:], pixels[:, :-2], out=changes[:, 1:-1])
    changes[:, 1:-1] /= 2
    changes[:, 0], changes[:, -1] = pixels[:, 1] - pixels[:, 0], pixels[:, -1] - pixels[:, -2]
    return changes


def _find_peaks(contrast: Floats) -> tuple[Ints, Ints, Ints]:
    """Return numbers of pictures, rows and columns (k,) where the contrast (n, h, w) is the largest of 5 by 5 pixels.

    Outside the margin, in the order of the pictures.
    """
    inside = contrast[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    height, width = inside.shape[1:]
    steps = range(_MARGIN - 2, _MARGIN + 3)
    of_rows = reduce(np.maximum, [contrast[:, step : step + height] for step in steps])
    highest = reduce(np.maximum, [of_rows[:, :, step : step + width] for step in steps])
    pictures, rows, columns = np.nonzero((inside == highest) & (inside > _MIN_CONTRAST))
    return pictures, rows + _MARGIN, columns + _MARGIN


def _select_corners(peaks: _Peaks, gradients: _Gradients) -> _Peaks:
    """Return of each picture the peaks of most contrast that are corners, in this order; see ``_is_corner``."""
    peaks = peaks.take(np.lexsort((-peaks.contrast, peaks.picture)))
    rank, corner = _rank_within(peaks.picture), np.zeros(len(peaks.picture), np.bool_)
    enough = np.zeros(int(peaks.picture.max(initial=-1)) + 1, np.bool_)
    for first in range(0, int(rank.max(initial=-1)) + 1, COUNT):  # most pictures have enough among the first
        chosen = np.flatnonzero((rank >= first) & (rank < first + COUNT) & ~enough[peaks.picture])
        corner[chosen] = _is_corner(peaks.take(chosen), gradients)
        enough = np.bincount(peaks.picture[corner], minlength=len(enough)) >= COUNT
    corners = peaks.take(np.flatnonzero(corner))
    return corners.take(np.flatnonzero(_rank_within(corners.picture) < COUNT))


def _rank_within(pictures: Ints) -> Ints:
    """Return how many values before each of ascending ones (k,) are the same."""
    return np.asarray(np.arange(len(pictures)) - np.searchsorted(pictures, pictures), np.int64)


def _is_corner(peaks: _Peaks, gradients: _Gradients) -> Flags:
    """Return (k,) at which places the gradients of the surrounding 7 by 7 pixels have both directions."""
    reach, start = np.arange(-3, 4), peaks.begin + peaks.row * peaks.width + peaks.column  # within the margin
    index = start[:, None, None] + reach[:, None] * peaks.width[:, None, None] + reach
    one, other = (values.take(index.reshape(len(start), reach.size**2)) for values in gradients)
    squares = (one**2).sum(1), (other**2).sum(1)
    corner = squares[0] * squares[1] - (one * other).sum(1) ** 2
    return np.asarray(corner > _MIN_CORNER * (squares[0] + squares[1]) ** 2, np.bool_)


def _describe(peaks: _Peaks, gradients: _Gradients) -> tuple[Floats, Flags]:
    """Return x, y, scale and angle (k, 4), lengths in longer sides of the picture, and the bits (k, 128)."""
    # As float32, in which they are exact: in whole numbers the same takes twice as long.
    column, row, width, height = (
        values.astype(np.float32)[:, None, None] for values in (peaks.column, peaks.row, peaks.width, peaks.height)
    )

    def gather(right: Floats, below: Floats) -> tuple[Floats, Floats]:
        index = _nearest(row + below, height - 1)
        index *= width
        index += _nearest(column + right, width - 1)
        where = index.astype(np.int64)
        where += peaks.begin[:, None, None]
        return gradients.across.take(where), gradients.down.take(where)

    angles = _find_angles(*gather(_ACROSS, _DOWN))
    cos, sin = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    right, below = gather(cos * _ACROSS - sin * _DOWN, sin * _ACROSS + cos * _DOWN)
    histogram = _bin_directions(cos * right + sin * below, cos * below - sin * right)
    cells = _CELL_WEIGHTS @ histogram.reshape(len(angles), _PATCH, -1)
    cells = _CELL_WEIGHTS @ cells.reshape(len(angles), CELLS, _PATCH, BINS)
    values = cells.reshape(len(angles), BITS)
    scale = np.array(_SCALES, np.float32)[peaks.level]
    x, y = (place.ravel() / (scale * _SIDE) for place in (column, row))
    return np.stack([x, y, 1 / scale, angles], 1), values > values.mean(1, keepdims=True)


def _nearest(places: Floats, limit: Floats) -> Floats:
    """Return the pixels nearest to places (k, 16, 16), from 0 to the limit (k, 1, 1); changes ``places``."""
    np.rint(places, out=places)
    np.maximum(places, 0, out=places)
    return np.minimum(places, limit, out=places)


def _find_angles(across: Floats, down: Floats) -> Floats:
    """Return the main direction (k,) of gradients (k, 16, 16), in radians."""
    bins, count = 36, len(across)
    angles = np.rint(np.arctan2(down, across) * np.float32(bins / (2 * np.pi)))  # -18 to 18
    angles[angles < 0] += bins
    index = (angles + np.arange(0, count * bins, bins, dtype=np.float32)[:, None, None]).astype(np.intp).ravel()
    weights = (_lengths(across, down) * _CENTER).ravel()
    histogram = np.bincount(index, weights, count * bins).reshape(count, bins)
    for _ in range(3):
        histogram = np.roll(histogram, 1, 1) + histogram + np.roll(histogram, -1, 1)
    peak, rows = histogram.argmax(1), np.arange(count)
    left, middle, right = (histogram[rows, (peak + step) % bins] for step in (-1, 0, 1))
    parabola = 0.5 * (left - right) / np.minimum(left - 2 * middle + right, -1e-6)
    return np.asarray((peak + parabola) / bins * 2 * np.pi, np.float32)


def _bin_directions(across: NDArray[Any], down: NDArray[Any]) -> Floats:
    """Return gradients (k, 16, 16) by direction (k, 16, 16, 8): each one's length counts for the two nearest bins."""
    position = np.arctan2(down, across) * np.float32(BINS / (2 * np.pi))
    lower = np.floor(position)
    length = _lengths(across, down) * _WEIGHT
    of_next = (position - lower) * length
    histogram = np.zeros(across.size * BINS, np.float32)
    bins, rows = lower.astype(np.int32).ravel(), np.arange(0, histogram.size, BINS)
    # The remainder of a power of two by its bits, which takes a tenth of the time.
    histogram[rows + (bins & (BINS - 1))] = (length - of_next).ravel()
    histogram[rows + ((bins + 1) & (BINS - 1))] = of_next.ravel()
    return histogram.reshape(*across.shape, BINS)


def _lengths(across: NDArray[Any], down: NDArray[Any]) -> NDArray[Any]:
    """Return the lengths of gradients; np.hypot, which also takes the largest numbers, takes seven times as long."""
    return np.asarray(np.sqrt(across * across + down * down))
