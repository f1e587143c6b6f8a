"""Photos of one thing by their keypoints: pairs of which more agree than chance within the set explains."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .keypoint_matches import count_matches
from .keypoints import count_keypoints

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

# The nearest photos of each whose keypoints are compared with its own: so many pairs in all, where that is possible.
_FEWEST_NEAREST, _MOST_NEAREST, _MOST_PAIRS = 2, 20, 4000
_CLOSE, _FURTHER = (6, 9), 3  # ranks of neighbors that are too many to be copies; number of the further ones
_CHANCE_PHOTOS = 100  # that tell how many keypoints of two unlike photos agree
_QUANTILES = 0.5, 0.75, 0.95  # of chance; the last is not higher, for some pairs that seem unlike are of one thing
# How often that number of keypoints must agree: measured on augmented copies of five sets, drawn sets and photos.
_MULTIPLE, _FEWEST_MATCHES = 2, 9
# Among few photos the close ones are of other kinds, and drawings of one kind, whose parts are alike, share up to 19:
# there so many must agree as one of the compared pairs reaches by chance in one set of thirty.
_FEW_PHOTOS, _FEWEST_OF_FEW, _WRONG_PAIRS = 100, 19, 0.03
_FEW_KEYPOINTS = 8  # below which nothing follows from keypoints


class Neighbors(NamedTuple):
    """Photos by their similarity to each of N photos.

    The nearest (N, M), which may include the photo itself; of these the close ones (N, 3), that are no copies where
    those are few; further ones (N, 3); and unlike ones (N, 2).
    """

    nearest: Ints
    close: Ints
    further: Ints
    unlike: Ints


def rank_neighbors(similarity: Floats, further: int) -> Neighbors:
    """Return the neighbors of photos by their similarity (n, N); the further ones from rank ``further`` on."""
    count = similarity.shape[1]
    nearest = min(max(_FEWEST_NEAREST, min(_MOST_NEAREST, _MOST_PAIRS // count)), count - 1)
    far = [min(further + step, count - 1) for step in range(_FURTHER)]
    unlike = [count // 3, count // 2]
    close = [min(rank, count - 1) for rank in range(*_CLOSE)]
    order = np.argpartition(-similarity, sorted({nearest, *close, *far, *unlike}), axis=1)
    return Neighbors(order[:, : nearest + 1], order[:, close], order[:, far], order[:, unlike])


class Matching(NamedTuple):
    """Pairs of photos (J, 2) that match, and the median of how many keypoints agree by chance."""

    pairs: Ints
    usual: float


def match_neighbors(keypoints: Floats, neighbors: Neighbors, groups: Ints) -> Matching:
    """Return the pairs of photos whose keypoints agree more than by chance.

    Chance is measured within the set: how many keypoints agree in photos that are unlike, and in photos of one kind,
    with one background or of one build, unless other signs join them to one of the ``groups`` (N,). Twice as many as
    one such pair in twenty reaches must agree.
    """
    known = count_keypoints(keypoints) >= _FEW_KEYPOINTS
    rows = np.arange(0, len(known), max(1, len(known) // _CHANCE_PHOTOS))
    others = np.concatenate([neighbors.close, neighbors.further, neighbors.unlike], 1)
    unjoined = _pair(rows, others[rows], known)
    chance = count_matches(keypoints, unjoined[groups[unjoined[:, 0]] != groups[unjoined[:, 1]]])
    if not len(chance):
        return Matching(np.zeros((0, 2), np.int64), 0)
    usual, frequent, rare = np.quantile(chance, _QUANTILES)
    pairs = np.unique(np.sort(_pair(np.arange(len(known)), neighbors.nearest, known), axis=1), axis=0)
    pairs = pairs[groups[pairs[:, 0]] != groups[pairs[:, 1]]]
    least = max(_MULTIPLE * rare, _FEWEST_MATCHES)
    if len(known) < _FEW_PHOTOS:
        decades = np.log10((1 - _QUANTILES[1]) / (1 - _QUANTILES[2]))
        tail = max((rare - frequent) / decades, 1)  # by how many more keypoints agree in a tenth of the cases
        extreme = rare + tail * np.log10(1 + (1 - _QUANTILES[2]) * len(pairs) / _WRONG_PAIRS)
        least = max(extreme, _FEWEST_OF_FEW)
    return Matching(pairs[count_matches(keypoints, pairs, least) > least], float(usual))


def find_mismatches(keypoints: Floats, pairs: Ints, chance: float) -> Flags:
    """Return for which pairs (P, 2) of photos at most ``chance`` keypoints agree, although both have enough of them."""
    mismatches: Flags = np.all((count_keypoints(keypoints) >= _FEW_KEYPOINTS)[pairs], axis=1)
    mismatches[mismatches] = count_matches(keypoints, pairs[mismatches]) <= chance
    return mismatches


def _pair(photos: Ints, others: Ints, known: Flags) -> Ints:
    """Return the pairs (P, 2) of photos (n,) and those in each one's row of ``others`` (n, m), where both are known."""
    pairs = np.stack([np.repeat(photos, others.shape[1]), others.ravel()], 1)
    return np.asarray(pairs[(pairs[:, 0] != pairs[:, 1]) & known[pairs].all(1)], np.int64)
