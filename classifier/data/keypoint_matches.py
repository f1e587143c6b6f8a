"""How many keypoints two pictures share in one arrangement, from what ``keypoints`` finds in each of them.

Two photos show one thing when details of the one lie in the other as after a shift, turn, change of size or mirroring
(Lowe, IJCV 2004).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .keypoints import BINS, BITS, CELLS, COUNT, PLACE, WORD

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_MIN_AGREEMENT = 0.35  # of bits, as a correlation, from which two keypoints may be the same
_MATCHES = 24  # of two pictures, at most, that are compared by place
_OFF, _OFF_PER_DISTANCE = 0.04, 0.15  # allowed error of place, in longer sides, and its growth with the distance
_TURN, _OCTAVES = 0.5, 0.75  # by which the changes of angle (radians) and of scale of two keypoints may differ
_BLOCK = 128  # pairs of pictures compared at a time
_THREADS = 2  # that compare pairs

# Bits of the mirror image of a keypoint: the cells from the other side, directions the other way round. Each is that of
# another bit, so that they are pairs.
_MIRRORED = np.arange(BITS).reshape(CELLS, CELLS, BINS)[::-1, :, -np.arange(BINS) % BINS].ravel()
_ONE_OF_PAIR = np.flatnonzero(np.arange(BITS) < _MIRRORED)


class Keypoints(NamedTuple):
    """Keypoints of N pictures: x, y, scale and angle (N, K, 4), scale 0 where there is none, and their bits.

    Of the bits as ±1, half of the sum and of the difference of each with that of the mirror image (N, K, 64): the
    products of the one stay the same where a picture is mirrored, those of the other change their sign.
    """

    places: Floats
    even: Floats
    odd: Floats


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
        even *= 2 / BITS
        odd *= 2 / BITS
        as_it_is = _count(even + odd, first.places, second.places, least)
        return np.maximum(as_it_is, _count(even - odd, first.places, _mirror(second.places), least))

    with ThreadPoolExecutor(_THREADS) as pool:
        return np.concatenate([np.zeros(0, np.int64), *pool.map(count, range(0, len(pairs), _BLOCK))])


def _unpack(keypoints: Floats) -> Keypoints:
    """Return the keypoints of N pictures (N, KEYPOINTS_SIZE), with the bits of their words."""
    known = np.nan_to_num(keypoints).reshape(len(keypoints), COUNT, -1)
    bits = (known[..., PLACE:].astype(np.int16)[..., None] >> np.arange(WORD, dtype=np.int16)) & 1
    bits = bits.reshape(len(keypoints), COUNT, -1)
    one, other = bits[..., _ONE_OF_PAIR], bits[..., _MIRRORED[_ONE_OF_PAIR]]
    return Keypoints(known[..., :PLACE], (one + other - 1).astype(np.float32), (one - other).astype(np.float32))


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
    mutual = np.take_along_axis(agreement.argmax(1), best, 1) == np.arange(COUNT)
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
