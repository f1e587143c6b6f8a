"""Keypoints of a picture, and how many of them two pictures share in one arrangement.

Two photos show one thing when details of the one lie in the other as after a shift, turn, change of size or mirroring
(SIFT; Lowe, IJCV 2004, whose descriptors are stored here as bits, as in Peker, “Binary SIFT”, 2011). Own code, because
OpenCV and scikit-image are large packages for this, and find several hundred keypoints where a few must do.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_COUNT = 64  # keypoints of a picture at most
_SIDE = 128  # pixels of the longer side of the largest of the shrunk pictures
_SCALES = (1.0, 2**-0.5, 0.5, 2**-1.5)  # of the shrunk pictures in which keypoints are found
_SMALLEST = 18  # pixels of the shorter side at least
_MIN_CONTRAST = 1.0  # between a keypoint and its surroundings, in gray levels: below lies noise
_MIN_CORNER = 0.06  # product over squared sum of the two directions' gradients, at most 1/4: below lie straight edges
_MARGIN = 4  # pixels at the border without keypoints
_CELLS, _BINS, _PATCH = 4, 8, 16  # of a SIFT descriptor: cells and pixels in each direction, bins of direction
_BITS = _CELLS**2 * _BINS
_WORD = 11  # bits in one number: whole numbers up to 2048 are exact in the half precision of the cache
_WORDS = -(-_BITS // _WORD)
_BIT_VALUES = (1 << np.arange(_WORD)).astype(np.float32)
_PLACE = 4  # numbers for x, y, scale, angle
KEYPOINTS_SIZE = _COUNT * (_PLACE + _WORDS)
_MIN_AGREEMENT = 0.35  # of bits, as a correlation, from which two keypoints may be the same
_MATCHES = 24  # of two pictures, at most, that are compared by place
_OFF, _OFF_PER_DISTANCE = 0.04, 0.15  # allowed error of place, in longer sides, and its growth with the distance
_TURN, _OCTAVES = 0.5, 0.75  # by which the changes of angle (radians) and of scale of two keypoints may differ
_BLOCK = 128  # pairs of pictures compared at a time
_AT_ONCE, _DESCRIBED = 16, 256  # pictures and keypoints computed at a time: few, so that they stay in the cache
_THREADS = 2  # that compare pairs

# Bits of the mirror image of a keypoint: the cells from the other side, directions the other way round. Each is that of
# another bit, so that they are pairs.
_MIRRORED = np.arange(_BITS).reshape(_CELLS, _CELLS, _BINS)[::-1, :, -np.arange(_BINS) % _BINS].ravel()
_ONE_OF_PAIR = np.flatnonzero(np.arange(_BITS) < _MIRRORED)

_axis = np.arange(_PATCH, dtype=np.float32) - (_PATCH - 1) / 2
_DOWN, _ACROSS = np.meshgrid(_axis, _axis, indexing="ij")  # (16, 16)
_WEIGHT = np.exp(-(_ACROSS**2 + _DOWN**2) / (2 * (_PATCH / 2) ** 2))
_CENTER = np.exp(-(_ACROSS**2 + _DOWN**2) / (2 * (_PATCH / 5) ** 2))
_CELL_WEIGHTS = np.maximum(
    0, 1 - np.abs((_axis + _PATCH / 2) / _CELLS - 0.5 - np.arange(_CELLS, dtype=np.float32)[:, None])
)  # (4, 16): each row of pixels counts for the two nearest cells


def _gaussian(sigma: float) -> Floats:
    """Return the weights of a Gaussian filter as scipy's, cut off at three times ``sigma``."""
    steps = np.arange(-int(3 * sigma + 0.5), int(3 * sigma + 0.5) + 1)
    weights = np.exp(-0.5 / (sigma * sigma) * steps**2)
    return np.asarray(weights / weights.sum(), np.float32)


_SMOOTHED, _SMOOTHED_MORE = _gaussian(1.0), _gaussian(1.25)  # 1.6 in all


class Keypoints(NamedTuple):
    """Keypoints of N pictures: x, y, scale and angle (N, K, 4), scale 0 where there is none, and their bits.

    Of the bits as ±1, half of the sum and of the difference of each with that of the mirror image (N, K, 64): the
    products of the one stay the same where a picture is mirrored, those of the other change their sign.
    """

    places: Floats
    even: Floats
    odd: Floats


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
    result = np.zeros((len(grays), _COUNT, _PLACE + _WORDS), np.float32)
    for start in range(0, len(grays), _AT_ONCE):
        peaks, gradients = _find(grays[start : start + _AT_ONCE])
        corners = _select_corners(peaks, gradients)
        rank, pictures = _rank_within(corners.picture), start + corners.picture
        for first in range(0, len(rank), _DESCRIBED):
            chosen = slice(first, first + _DESCRIBED)
            places, bits = _describe(corners.take(chosen), gradients)
            padded = np.zeros((len(bits), _WORDS * _WORD), np.float32)
            padded[:, :_BITS] = bits
            result[pictures[chosen], rank[chosen], :_PLACE] = places
            result[pictures[chosen], rank[chosen], _PLACE:] = padded.reshape(-1, _WORDS, _WORD) @ _BIT_VALUES
    return result.reshape(len(grays), KEYPOINTS_SIZE)


def count_matches(keypoints: Floats, pairs: Ints, least: float = 0) -> Ints:
    """Return for pairs (P, 2) of pictures how many keypoints they share in one arrangement, or in its mirror image.

    ``keypoints`` (N, KEYPOINTS_SIZE) are those of ``compute_keypoints``; unknown ones (NaN) match nothing. Of fewer
    than ``least`` may be returned 0: arrangements that cannot reach it are not compared.
    """

    def count(start: int) -> Ints:
        photos, places = np.unique(pairs[start : start + _BLOCK], return_inverse=True)
        known = _unpack(keypoints[photos])  # once, though in several pairs
        one, other = places.reshape(-1, 2).T
        first, second = _take(known, one), _take(known, other)
        # No product beyond 2¹⁸: those OpenBLAS divides among threads that then wait for one another.
        even, odd = first.even @ second.even.transpose(0, 2, 1), first.odd @ second.odd.transpose(0, 2, 1)
        even *= 2 / _BITS
        odd *= 2 / _BITS
        as_it_is = _count(even + odd, first.places, second.places, least)
        return np.maximum(as_it_is, _count(even - odd, first.places, _mirror(second.places), least))

    with ThreadPoolExecutor(_THREADS) as pool:
        return np.concatenate([np.zeros(0, np.int64), *pool.map(count, range(0, len(pairs), _BLOCK))])


def count_keypoints(keypoints: Floats) -> Ints:
    """Return how many keypoints each picture has (N,)."""
    with np.errstate(invalid="ignore"):  # unknown ones are no keypoints
        return np.asarray((keypoints[:, 2 :: _PLACE + _WORDS] > 0).sum(1), np.int64)  # their scales


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
    for first in range(0, int(rank.max(initial=-1)) + 1, _COUNT):  # most pictures have enough among the first
        chosen = np.flatnonzero((rank >= first) & (rank < first + _COUNT) & ~enough[peaks.picture])
        corner[chosen] = _is_corner(peaks.take(chosen), gradients)
        enough = np.bincount(peaks.picture[corner], minlength=len(enough)) >= _COUNT
    corners = peaks.take(np.flatnonzero(corner))
    return corners.take(np.flatnonzero(_rank_within(corners.picture) < _COUNT))


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
    cells = _CELL_WEIGHTS @ cells.reshape(len(angles), _CELLS, _PATCH, _BINS)
    values = cells.reshape(len(angles), _BITS)
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
    position = np.arctan2(down, across) * np.float32(_BINS / (2 * np.pi))
    lower = np.floor(position)
    length = _lengths(across, down) * _WEIGHT
    of_next = (position - lower) * length
    histogram = np.zeros(across.size * _BINS, np.float32)
    bins, rows = lower.astype(np.int32).ravel(), np.arange(0, histogram.size, _BINS)
    # The remainder of a power of two by its bits, which takes a tenth of the time.
    histogram[rows + (bins & (_BINS - 1))] = (length - of_next).ravel()
    histogram[rows + ((bins + 1) & (_BINS - 1))] = of_next.ravel()
    return histogram.reshape(*across.shape, _BINS)


def _lengths(across: NDArray[Any], down: NDArray[Any]) -> NDArray[Any]:
    """Return the lengths of gradients; np.hypot, which also takes the largest numbers, takes seven times as long."""
    return np.asarray(np.sqrt(across * across + down * down))


def _unpack(keypoints: Floats) -> Keypoints:
    """Return the keypoints of N pictures (N, KEYPOINTS_SIZE), with the bits of their words."""
    known = np.nan_to_num(keypoints).reshape(len(keypoints), _COUNT, -1)
    bits = (known[..., _PLACE:].astype(np.int16)[..., None] >> np.arange(_WORD, dtype=np.int16)) & 1
    bits = bits.reshape(len(keypoints), _COUNT, -1)
    one, other = bits[..., _ONE_OF_PAIR], bits[..., _MIRRORED[_ONE_OF_PAIR]]
    return Keypoints(known[..., :_PLACE], (one + other - 1).astype(np.float32), (one - other).astype(np.float32))


def _take(keypoints: Keypoints, photos: Ints) -> Keypoints:
    return Keypoints(*(values[photos] for values in keypoints))


def _mirror(places: Floats) -> Floats:
    """Return the places (N, K, 4) of the mirror images."""
    mirrored = places.copy()
    mirrored[..., 0] *= -1
    mirrored[..., 3] = np.pi - mirrored[..., 3]
    return mirrored


def _count(agreement: Floats, first: Floats, second: Floats, least: float) -> Ints:
    """Return how many keypoints (P,) of each pair of pictures agree on one shift, turn and change of size.

    0 where fewer than ``least`` are alike.

    Args:
        agreement: correlation of the bits (P, K, K).
        first: places (P, K, 4).
        second: those in the other pictures.
    """
    known = (first[..., 2] > 0)[:, :, None] & (second[..., 2] > 0)[:, None]
    agreement = np.where(known, agreement, -1)
    best = agreement.argmax(2)
    mutual = np.take_along_axis(agreement.argmax(1), best, 1) == np.arange(_COUNT)
    value = np.where(mutual, np.take_along_axis(agreement, best[..., None], 2)[..., 0], -1)
    # The best matches are enough, and far fewer than all.
    chosen = np.argpartition(-value, _MATCHES, axis=1)[:, :_MATCHES]
    good = np.take_along_axis(value, chosen, 1) > _MIN_AGREEMENT
    enough = good.sum(1) >= max(1, least)
    chosen, best = chosen[enough], best[enough]
    one = np.take_along_axis(first[enough], chosen[..., None], 1)
    other = np.take_along_axis(second[enough], np.take_along_axis(best, chosen, 1)[..., None], 1)
    counts = np.zeros(len(good), np.int64)
    counts[enough] = _count_arranged(one, other, good[enough])
    return counts


def _count_arranged(one: Floats, other: Floats, good: Flags) -> Ints:
    """Return how many matches (P,) of places (P, M, 4) agree on one change, of those that are ``good`` (P, M)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        octaves = np.nan_to_num(np.log2(other[..., 2] / one[..., 2]), posinf=0, neginf=0)
    turns = other[..., 3] - one[..., 3]
    # Each match proposes a change of the picture, by which all matches are moved: (P, proposing, moved).
    moved = _complex(one)[:, None] - _complex(one)[:, :, None]
    expected = moved * (2**octaves * np.exp(1j * turns))[:, :, None]
    error = np.abs(expected - (_complex(other)[:, None] - _complex(other)[:, :, None]))
    turned = np.abs((turns[:, None] - turns[:, :, None] + np.pi) % (2 * np.pi) - np.pi)
    fits = (error < _OFF + _OFF_PER_DISTANCE * np.abs(moved)) & (turned < _TURN)
    fits &= np.abs(octaves[:, None] - octaves[:, :, None]) < _OCTAVES
    return np.asarray((fits & good[:, None] & good[:, :, None]).sum(2).max(1), np.int64)


def _complex(places: Floats) -> NDArray[np.complex64]:
    return np.asarray(places[..., 0] + 1j * places[..., 1], np.complex64)
