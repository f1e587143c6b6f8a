"""Keypoints of a picture, and how many of them two pictures share in one arrangement.

Two photos show one thing when details of the one lie in the other as after a shift, turn, change of size or mirroring
(SIFT; Lowe, IJCV 2004, whose descriptors are stored here as bits, as in Peker, “Binary SIFT”, 2011). Own code, because
OpenCV and scikit-image are large packages for this, and find several hundred keypoints where a few must do.
"""

from __future__ import annotations

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
_PLACE = 4  # numbers for x, y, scale, angle
KEYPOINTS_SIZE = _COUNT * (_PLACE + _WORDS)
_MIN_AGREEMENT = 0.35  # of bits, as a correlation, from which two keypoints may be the same
_MATCHES = 24  # of two pictures, at most, that are compared by place
_OFF, _OFF_PER_DISTANCE = 0.04, 0.15  # allowed error of place, in longer sides, and its growth with the distance
_TURN, _OCTAVES = 0.5, 0.75  # by which the changes of angle (radians) and of scale of two keypoints may differ
_BLOCK = 128  # pairs of pictures compared at a time
_THREADS = 2  # that compare pairs

# Bits of the mirror image of a keypoint: the cells from the other side, directions the other way round.
_MIRRORED = np.arange(_BITS).reshape(_CELLS, _CELLS, _BINS)[::-1, :, -np.arange(_BINS) % _BINS].ravel()

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
    """Keypoints of N pictures: x, y, scale and angle (N, K, 4), scale 0 where there is none; bits as ±1 (N, K, 128)."""

    places: Floats
    bits: Floats


def compute_keypoints(gray: Image.Image) -> Floats:
    """Return the keypoints (KEYPOINTS_SIZE,) of a gray picture (mode L): those of most contrast, then 0."""
    places, gradients = _find(gray)
    result = np.zeros((_COUNT, _PLACE + _WORDS), np.float32)
    if len(places):
        places, bits = _describe(places, gradients)
        padded = np.zeros((len(bits), _WORDS * _WORD), np.int64)
        padded[:, :_BITS] = bits
        result[: len(places), :_PLACE] = places
        result[: len(places), _PLACE:] = padded.reshape(-1, _WORDS, _WORD) @ (1 << np.arange(_WORD))
    return result.ravel()


def count_matches(keypoints: Floats, pairs: Ints, least: float = 0) -> Ints:
    """Return for pairs (P, 2) of pictures how many keypoints they share in one arrangement, or in its mirror image.

    ``keypoints`` (N, KEYPOINTS_SIZE) are those of ``compute_keypoints``; unknown ones (NaN) match nothing. Of fewer
    than ``least`` may be returned 0: arrangements that cannot reach it are not compared.
    """

    def count(start: int) -> Ints:
        photos, places = np.unique(pairs[start : start + _BLOCK], return_inverse=True)
        known = _unpack(keypoints[photos])  # once, though in several pairs
        one, other = places.reshape(-1, 2).T
        first = _take(known, one)
        return np.maximum(_count(first, _take(known, other), least), _count(first, _take(_mirror(known), other), least))

    with ThreadPoolExecutor(_THREADS) as pool:
        return np.concatenate([np.zeros(0, np.int64), *pool.map(count, range(0, len(pairs), _BLOCK))])


def count_keypoints(keypoints: Floats) -> Ints:
    """Return how many keypoints each picture has (N,)."""
    with np.errstate(invalid="ignore"):  # unknown ones are no keypoints
        return np.asarray((keypoints[:, 2 :: _PLACE + _WORDS] > 0).sum(1), np.int64)  # their scales


def _find(gray: Image.Image) -> tuple[Floats, list[tuple[Floats, Floats]]]:
    """Return the places (k, 4) of keypoints, as column, row, number of the scale and contrast, and all gradients."""
    found, gradients = [], []
    for number, scale in enumerate(_SCALES):
        factor = scale * _SIDE / max(gray.size)
        size = tuple(max(_SMALLEST, round(side * factor)) for side in gray.size)
        method = Image.Resampling.BOX if factor < 1 else Image.Resampling.BILINEAR
        shrunk = np.asarray(gray.resize((size[0], size[1]), method), np.float32)
        smooth = _blur(shrunk, _SMOOTHED)
        contrast = np.abs(_blur(smooth, _SMOOTHED_MORE) - smooth)
        rows, columns = _find_peaks(contrast)
        down, across = _differences(smooth), _differences(smooth.T).T
        gradients.append((across, down))
        peaks = np.stack([columns, rows, np.full(len(rows), number), contrast[rows, columns]], 1)
        found.append(peaks[_is_corner(across, down, columns, rows)])
    places = np.concatenate(found)
    return places[np.argsort(-places[:, 3], kind="stable")[:_COUNT]].astype(np.float32), gradients


def _blur(pixels: Floats, weights: Floats) -> Floats:
    """Return pixels (h, w) after a symmetric filter in both directions, as ``scipy.ndimage.gaussian_filter``.

    The import of that takes as long as the descriptors of a hundred photos.
    """
    turned = np.ascontiguousarray(_blur_down(pixels, weights).T)  # whose rows are next to one another in memory
    return _blur_down(turned, weights).T


def _blur_down(pixels: Floats, weights: Floats) -> Floats:
    """Return pixels (h, w) after a symmetric filter from row to row; beyond the border they are mirrored."""
    count, reach = len(pixels), len(weights) // 2
    padded = np.concatenate([pixels[reach - 1 :: -1], pixels, pixels[: -reach - 1 : -1]])
    total = padded[reach : reach + count] * weights[reach]
    term = np.empty_like(total)
    for step in range(reach, 0, -1):
        np.add(padded[reach - step :][:count], padded[reach + step :][:count], out=term)
        term *= weights[reach + step]
        total += term
    return total


def _differences(pixels: Floats) -> Floats:
    """Return how values (h, w) change from row to row, as ``np.gradient``, in a fifth of its time for small ones."""
    changes = np.empty(pixels.shape, np.float32)
    np.subtract(pixels[2:], pixels[:-2], out=changes[1:-1])
    changes[1:-1] /= 2
    changes[0], changes[-1] = pixels[1] - pixels[0], pixels[-1] - pixels[-2]
    return changes


def _find_peaks(contrast: Floats) -> tuple[Ints, Ints]:
    """Return rows and columns (k,) where the contrast (h, w) is the largest of 5 by 5 pixels, outside the margin."""
    inside = contrast[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    height, width = inside.shape
    steps = range(_MARGIN - 2, _MARGIN + 3)
    of_rows = reduce(np.maximum, [contrast[step : step + height] for step in steps])
    highest = reduce(np.maximum, [of_rows[:, step : step + width] for step in steps])
    rows, columns = np.nonzero((inside == highest) & (inside > _MIN_CONTRAST))
    return rows + _MARGIN, columns + _MARGIN


def _is_corner(across: Floats, down: Floats, columns: Ints, rows: Ints) -> Flags:
    """Return (k,) at which places the gradients of the surrounding 7 by 7 pixels have both directions."""
    reach = np.arange(-3, 4)  # within the margin
    index = (rows * across.shape[1] + columns)[:, None] + (reach[:, None] * across.shape[1] + reach).ravel()
    one, other = across.ravel()[index], down.ravel()[index]
    squares = (one**2).sum(1), (other**2).sum(1)
    product = (one * other).sum(1)
    corner = squares[0] * squares[1] - product**2
    return np.asarray(corner > _MIN_CORNER * (squares[0] + squares[1]) ** 2, np.bool_)


def _describe(places: Floats, gradients: list[tuple[Floats, Floats]]) -> tuple[Floats, Flags]:
    """Return x, y, scale and angle (k, 4), lengths in longer sides of the picture, and the bits (k, 128)."""
    across, down = (np.concatenate([pair[axis].ravel() for pair in gradients]) for axis in (0, 1))
    shapes = np.array([pair[0].shape for pair in gradients])
    level = places[:, 2].astype(int)
    # Places in memory as float32, in which they are exact: in whole numbers the same takes twice as long.
    offsets = np.concatenate([[0], np.cumsum(shapes.prod(1))])[level].astype(np.float32)[:, None, None]
    limits = (shapes[level] - 1).astype(np.float32)[..., None, None]  # (k, 2, 1, 1)

    def gather(right: Floats, below: Floats) -> tuple[Floats, Floats]:
        index = _nearest(places[:, 1], below, limits[:, 0])
        index *= limits[:, 1] + 1
        index += _nearest(places[:, 0], right, limits[:, 1])
        index += offsets
        where = index.astype(np.intp)
        return across.take(where), down.take(where)

    angles = _find_angles(*gather(_ACROSS, _DOWN))
    cos, sin = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    right, below = gather(cos * _ACROSS - sin * _DOWN, sin * _ACROSS + cos * _DOWN)
    histogram = _bin_directions(cos * right + sin * below, cos * below - sin * right)
    cells = _CELL_WEIGHTS @ histogram.reshape(len(places), _PATCH, -1)
    cells = _CELL_WEIGHTS @ cells.reshape(len(places), _CELLS, _PATCH, _BINS)
    values = cells.reshape(len(places), _BITS)
    scale = np.array(_SCALES, np.float32)[level]
    lengths = places[:, :2] / (scale * _SIDE)[:, None]
    return np.concatenate([lengths, 1 / scale[:, None], angles[:, None]], 1), values > values.mean(1, keepdims=True)


def _nearest(place: Floats, steps: Floats, limit: Floats) -> Floats:
    """Return the pixels (k, 16, 16) nearest to so many steps from a place (k,), from 0 to the limit (k, 1, 1)."""
    pixels = np.rint(place[:, None, None] + steps)
    np.maximum(pixels, 0, out=pixels)
    return np.minimum(pixels, limit, out=pixels)


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
    bits = bits.reshape(len(keypoints), _COUNT, -1)[..., :_BITS]
    return Keypoints(known[..., :_PLACE], bits.astype(np.float32) * 2 - 1)


def _take(keypoints: Keypoints, photos: Ints) -> Keypoints:
    return Keypoints(keypoints.places[photos], keypoints.bits[photos])


def _mirror(keypoints: Keypoints) -> Keypoints:
    """Return the keypoints of the mirror images: the order of the cells across the main direction is reversed."""
    places = keypoints.places.copy()
    places[..., 0] *= -1
    places[..., 3] = np.pi - places[..., 3]
    return Keypoints(places, np.take(keypoints.bits, _MIRRORED, 2))


def _count(first: Keypoints, second: Keypoints, least: float) -> Ints:
    """Return how many keypoints (P,) of each pair of pictures agree on one shift, turn and change of size.

    0 where fewer than ``least`` are alike.
    """
    # In halves, which are exact: products beyond 2¹⁸ OpenBLAS divides among threads that then wait for one another.
    half, others = _BITS // 2, second.bits.transpose(0, 2, 1)
    agreement = first.bits[..., :half] @ others[:, :half]
    agreement += first.bits[..., half:] @ others[:, half:]
    agreement /= _BITS  # (P, K, K)
    known = (first.places[..., 2] > 0)[:, :, None] & (second.places[..., 2] > 0)[:, None]
    agreement = np.where(known, agreement, -1)
    best = agreement.argmax(2)
    mutual = np.take_along_axis(agreement.argmax(1), best, 1) == np.arange(_COUNT)
    value = np.where(mutual, np.take_along_axis(agreement, best[..., None], 2)[..., 0], -1)
    # The best matches are enough, and far fewer than all.
    chosen = np.argpartition(-value, _MATCHES, axis=1)[:, :_MATCHES]
    good = np.take_along_axis(value, chosen, 1) > _MIN_AGREEMENT
    enough = good.sum(1) >= max(1, least)
    chosen, best = chosen[enough], best[enough]
    one = np.take_along_axis(first.places[enough], chosen[..., None], 1)
    other = np.take_along_axis(second.places[enough], np.take_along_axis(best, chosen, 1)[..., None], 1)
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
