"""Groups of near-duplicates: photos of one subject in one scene, which must not be divided by a split.

Two photos are near-duplicates by two measures: the cosine of their rooted, centered features, and the similarity of
their perceptual hashes. Roots (Hellinger distance; Arandjelović and Zisserman, CVPR 2012) keep single strong
features from dominating. The network recognizes a scene from another viewpoint but not a photo turned on its side,
where the hash is reliable; so both are added. Augmented copies differ in both; there keypoints in one arrangement
decide (``data.matching``). Own code, because imagededup uses either features or hashes.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .keypoints import KEYPOINTS_SIZE
from .large_arrays import scale_to_unit, signed_roots
from .linking import connect, link
from .matching import Neighbors, find_mismatches, match_neighbors, rank_neighbors
from .neighborhood import find_repeats, rank_range
from .parts import divide
from .perceptual_hash import HASH_SIZE, compute_similarity, whiten_hashes

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Thresholds in pairs: a value, and how much it must exceed that of each photo and its further neighbors, because
# photos with one background are all similar. Cosine and hash similarity together: set on 120 photos of seven sets
# with 14 changed copies each and on all pairs of those sets, inspected by eye; above 1.6 nearly all pairs are true,
# at 1.45 two dandelions are joined. The cosine may also decide alone, for a subject photographed from nearer or at an
# angle has another hash: set on subjects of four sets photographed six times, 8° and 30 % of the view apart.
_SIMILAR, _SIMILAR_FEATURES = (1.6, 0.65), (0.75, 0.45)
_RELATED, _RELATED_FEATURES = (1.2, 0.5), (0.65, 0.4)  # the same for a photo and half of a group
_MIN_LINKS = 2  # different photos of a group that a photo must be related to
_ROUNDS = 3  # of joining photos to groups
_SAME_HASH = 0.7  # share of the squared distance to further neighbors below which a hash may be the same
# Hashes and cosines of the features as they are from which two photos are one picture, whatever their neighbors are:
# small things before one camera change one of the two.
_ONE_PICTURE = 0.999, 0.99
_LARGE_GROUP = 20  # photos, or a twentieth of all: a larger group has a common background and is no burst
_FEWEST = 3  # photos of a set in which two can be nearer than by chance
_BLOCK = 512  # rows compared at a time, so that memory stays bounded
_COMPARED = 4096  # photos that each is compared with at most; in a larger set with those near it
NEAR_DUPLICATE_COSINE = 0.8  # from which on two photos are joined where their hashes are not known
_STRICTER_COSINES = (NEAR_DUPLICATE_COSINE, 0.85, 0.9, 0.95)


def near_duplicate_groups(features: Floats, descriptors: Floats | None = None, compared: int = _COMPARED) -> Ints:
    """Return the group number (N,) of each photo: the index of the first photo of its group.

    A group holds re-saved, cropped, mirrored, turned, darker and brighter copies, and bursts; joined transitively.

    Args:
        features: pooled features (N, D) of any network.
        descriptors: descriptors (N, W) of ``data.descriptors`` or only their hashes; NaN where unknown. Without
            them only features decide, by a cosine that becomes stricter while one group is as large as no burst is
            (slides, cells).
        compared: photos that each is compared with at most, so that the time for each does not grow with the set.
    """
    if len(features) < _FEWEST:
        return np.arange(len(features))
    unit = _normalize(features)
    if descriptors is not None:
        return _group_by_both(features, unit, descriptors, compared)
    for cosine in _STRICTER_COSINES:
        groups = connect(len(unit), _pairs_above(unit, cosine))
        if np.bincount(groups).max() <= max(_LARGE_GROUP, len(groups) // 20):
            break
    return groups


def split_spanning_groups(groups: Ints, y: Ints) -> tuple[Ints, tuple[int, ...]]:
    """Return group numbers (N,) without the groups that span classes, and the numbers of those groups.

    A group found by look alone that holds more than a third of the photos of each of two classes is more likely what
    all photos have in common than one thing; it is to be confirmed by the person before it is used.

    Args:
        groups: numbers (N,) of ``near_duplicate_groups``.
        y: class indices (N,).
    """
    names, members = np.unique(groups, return_inverse=True)
    classes = int(y.max(initial=0)) + 1
    pairs, counts = np.unique(members * classes + y, return_counts=True)  # of a group and a class, where there are any
    group, label = np.divmod(pairs, classes)
    large = (counts > np.bincount(y, minlength=classes)[label] / 3) & (counts > 1)
    spanning = np.bincount(group[large], minlength=len(names)) > 1
    return np.where(spanning[members], np.arange(len(groups)), groups), tuple(names[spanning].tolist())


def _normalize(features: Floats) -> Floats:
    """Return signed square roots of features (N, D), centered, each of length 1."""
    rooted = signed_roots(features)
    rooted -= rooted.mean(0)
    return scale_to_unit(rooted)


def _group_by_both(features: Floats, unit: Floats, descriptors: Floats, compared: int) -> Ints:
    """Return group numbers (N,) by features (N, D), as they are and as unit vectors, and descriptors (N, W).

    Two photos must be more similar than they are to their further neighbors (CSLS; Conneau et al., arXiv
    1710.04087): photos before one wall are all similar, and only repeats exceed that. Then a photo joins a group
    when it is related to half of the photos in it, as some photos of a burst are.
    """
    pairs, similarity, usual, neighbors = _find_candidates(unit, descriptors, compared)
    margin = similarity[:2] - usual[:2, pairs].mean(2)
    same_hash = find_repeats(similarity[2], pairs, usual[2:], min(compared, len(unit)))
    similar = _exceeds(similarity, margin, _SIMILAR, _SIMILAR_FEATURES)
    keypoints = _select_keypoints(descriptors)
    matching = match_neighbors(keypoints, neighbors, connect(len(unit), pairs[similar | same_hash]))
    matched = connect(len(unit), matching.pairs)
    doubtful = similar & (matched[pairs[:, 0]] != matched[pairs[:, 1]])
    similar[doubtful] = ~find_mismatches(keypoints, pairs[doubtful], matching.usual)
    same_hash |= _show_one_picture(features, descriptors, pairs)
    similar |= same_hash
    groups = link(len(unit), np.concatenate([pairs[similar], matching.pairs]))
    related = pairs[_exceeds(similarity, margin, _RELATED, _RELATED_FEATURES)]
    # Copies of one picture count once.
    copies = connect(len(unit), np.concatenate([pairs[same_hash], matching.pairs]))
    for _ in range(_ROUNDS):
        joins = _find_joins(groups, copies, related)
        if not len(joins):
            break
        members = np.stack([np.arange(len(groups)), groups], 1)
        groups = connect(len(groups), np.concatenate([members, joins]))
    return groups


def _show_one_picture(features: Floats, descriptors: Floats, pairs: Ints) -> Flags:
    """Return which pairs (P, 2) of photos are one picture by their hashes and by their features, as they are.

    Only where so many are that a photo's further neighbors are copies of it too, and nothing can exceed them.
    """
    found = np.ones(len(pairs), np.bool_)
    count = len(features)
    hashes = np.nan_to_num(descriptors[:, : HASH_SIZE // 2])
    for values, least in zip((hashes, features), _ONE_PICTURE):
        lengths = np.sqrt(np.einsum("nd,nd->n", values, values))  # without a copy of all
        for chunk in np.array_split(np.flatnonzero(found), found.sum() // _BLOCK + 1):
            one, other = pairs[chunk].T
            products = np.einsum("pd,pd->p", values[one], values[other])
            found[chunk] = products > np.maximum(least * lengths[one] * lengths[other], 1e-9)
    partners = np.bincount(pairs[found].ravel(), minlength=count)
    return np.asarray(found & (partners[pairs].max(1) >= rank_range(count)[0]), np.bool_)


def _select_keypoints(descriptors: Floats) -> Floats:
    """Return the keypoints (N, KEYPOINTS_SIZE) of descriptors (N, W), NaN where these are only hashes."""
    if descriptors.shape[1] < HASH_SIZE + KEYPOINTS_SIZE:
        return np.full((len(descriptors), KEYPOINTS_SIZE), np.nan, np.float32)
    return descriptors[:, HASH_SIZE : HASH_SIZE + KEYPOINTS_SIZE]


def _find_joins(groups: Ints, copies: Ints, related: Ints) -> Ints:
    """Return pairs (J, 2) of a photo and a group to join it to, from related pairs (P, 2) of photos."""
    sizes = Counter(group for group, _ in set(zip(groups.tolist(), copies.tolist())))
    linked = {
        (photo, int(groups[other]), int(copies[other]))
        for photo, other in np.concatenate([related, related[:, ::-1]]).tolist()
    }
    links = Counter((photo, group) for photo, group, _ in linked)
    joins = [
        (photo, group)
        for (photo, group), count in links.items()
        if groups[photo] != group and count >= max(_MIN_LINKS, sizes[group] / 2)
    ]
    return np.array(joins, np.int64).reshape(-1, 2)


class _Found(NamedTuple):
    """What the comparison of some photos (n) with those near them gives; see ``_find_candidates``."""

    pairs: Ints
    similarity: Floats
    usual: Floats
    neighbors: Neighbors


def _find_candidates(unit: Floats, descriptors: Floats, compared: int) -> _Found:
    """Return the pairs of photos that are at least related, with what their thresholds are compared with.

    The pairs (P, 2); their similarities (3, P), by cosine and hash together, by cosine, and by hash; the similarities
    (4, N) of each photo to its further neighbors; and its neighbors by cosine and hash together.
    """
    whitened = whiten_hashes(descriptors)
    whole = np.nan_to_num(descriptors[:, : HASH_SIZE // 2])
    rows, found = [], []
    for own, others in divide(unit, compared):
        columns = unit[others], whitened[others], whole[others]
        for start in range(0, len(own), _BLOCK):
            rows.append(own[start : start + _BLOCK])
            values = unit[rows[-1]], whitened[rows[-1]], whole[rows[-1]]
            found.append(_compare(values, columns, rows[-1], others, np.isin(others, own)))
    order = np.argsort(np.concatenate(rows))
    pairs, similarity = (
        np.concatenate([one.pairs for one in found]),
        np.concatenate([one.similarity for one in found], 1),
    )
    if len(unit) > compared:  # photos of two parts may have found one another
        pairs, firsts = np.unique(np.sort(pairs, axis=1), axis=0, return_index=True)
        similarity = similarity[:, firsts]
    usual = np.concatenate([one.usual for one in found], 1)[:, order]
    usual[2:, ~whitened.any(1)] = np.nan
    neighbors = Neighbors(*(np.concatenate(ranked)[order] for ranked in zip(*(one.neighbors for one in found))))
    return _Found(pairs, similarity, usual, neighbors)


def _compare(
    values: tuple[Floats, Floats, Floats], columns: tuple[Floats, Floats, Floats], rows: Ints, others: Ints,
    is_own: Flags,
) -> _Found:  # fmt: skip
    """Compare photos with others; each pair of two photos that are both compared (``is_own``, (m,)) is found once.

    Args:
        values: unit vectors, whitened hashes and whole hashes (n, …).
        columns: the same of the others (m, …).
        rows: indices (n,) of the photos.
        others: indices (m,), ascending.
        is_own: which of the others are compared with these in turn.
    """
    count = len(others)
    # The cosine alone is compared with that of the nearest neighbors, whatever the size of the set: otherwise a class
    # of similar photos in a large mixed set would become one group.
    near, far = min(_LARGE_GROUP, count // 2), min(max(_LARGE_GROUP, count // 20), count // 2)
    ranks = rank_range(count)
    cosine, hashes = values[0] @ columns[0].T, compute_similarity(values[1], columns[1])
    both = cosine + hashes
    ranked = rank_neighbors(both, far)
    usual = np.empty((4, len(rows)), np.float32)
    usual[0] = np.take_along_axis(both, ranked.further[:, :1], 1)[:, 0]
    usual[1] = -np.partition(-cosine, near, axis=1)[:, near]
    usual[2:] = -np.partition(-hashes, ranks, axis=1)[:, ranks].T
    candidates = 1 - hashes < _SAME_HASH * (1 - usual[2, :, None])
    candidates |= values[2] @ columns[2].T > _ONE_PICTURE[0]
    candidates |= (both > _RELATED[0]) | (cosine > _RELATED_FEATURES[0])
    candidates &= (others > rows[:, None]) | (~is_own & (others != rows[:, None]))
    index = np.nonzero(candidates)
    pairs = np.stack([rows[index[0]], others[index[1]]], 1)
    similarity = np.stack([both[index], cosine[index], hashes[index]])
    return _Found(pairs, similarity, usual, Neighbors(*(others[one] for one in ranked)))


def _exceeds(similarity: Floats, margin: Floats, both: tuple[float, float], features: tuple[float, float]) -> Flags:
    """Return whether pairs (P,) exceed one of two pairs of thresholds; ``similarity`` and ``margin`` are (3, P)."""
    thresholds = np.array([both, features], np.float32).T[..., None]  # (2, 2, 1): similarity, then margin
    return np.asarray(((similarity[:2] > thresholds[0]) & (margin[:2] > thresholds[1])).any(0), np.bool_)


def _pairs_above(unit: Floats, cosine: float) -> Ints:
    """Return the pairs (P, 2) of rows of ``unit`` (N, D) whose cosine is above ``cosine``."""
    blocks = [
        np.argwhere(np.triu(unit[start : start + _BLOCK] @ unit[start:].T > cosine, 1)) + start
        for start in range(0, len(unit), _BLOCK)
    ]
    return np.concatenate(blocks)
