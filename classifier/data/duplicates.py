"""Groups of near-duplicates: photos of one subject in one scene, which must not be divided by a split.

Two photos are near-duplicates by two measures: the cosine of their rooted, centered features, and the similarity of
their perceptual hashes. Roots (Hellinger distance; Arandjelović and Zisserman, CVPR 2012) keep single strong
features from dominating. The network recognizes a scene from another viewpoint but not a photo turned on its side,
where the hash is reliable; so both are added. Augmented copies differ in both; there keypoints in one arrangement
decide (``data.matching``). Own code, because imagededup uses either features or hashes.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from .keypoints import KEYPOINTS_SIZE
from .matching import Neighbors, find_mismatches, match_neighbors, rank_neighbors
from .perceptual_hash import HASH_SIZE, compute_similarity

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
# Hashes from which on the cosine needs only to be positive, provided that one of the two exceeds by so much that of the
# photos' further neighbors: before one camera that stands still all hashes are the same.
_SAME_HASH, _SAME_HASH_MARGIN = 0.95, 0.4
# Hashes and cosines of the features as they are from which two photos are one picture, whatever their neighbors are:
# small things before one camera change one of the two.
_ONE_PICTURE = 0.999, 0.99
_LARGE_GROUP = 20  # photos, or a twentieth of all: a larger group has a common background and is no burst
_BLOCK = 1024  # rows compared at a time, so that memory stays bounded
NEAR_DUPLICATE_COSINE = 0.8  # from which on two photos are joined where their hashes are not known
_STRICTER_COSINES = (NEAR_DUPLICATE_COSINE, 0.85, 0.9, 0.95)


def near_duplicate_groups(features: Floats, descriptors: Floats | None = None) -> Ints:
    """Return the group number (N,) of each photo: the index of the first photo of its group.

    A group holds re-saved, cropped, mirrored, turned, darker and brighter copies, and bursts; joined transitively.

    Args:
        features: pooled features (N, D) of any network.
        descriptors: descriptors (N, W) of ``data.descriptors`` or only their hashes; NaN where unknown. Without
            them only features decide, by a cosine that becomes stricter while one group is as large as no burst is
            (slides, cells).
    """
    if not len(features):
        return np.zeros(0, np.int64)
    unit = _normalize(features)
    if descriptors is not None:
        return _group_by_both(features, unit, descriptors)
    for cosine in _STRICTER_COSINES:
        groups = _connect(len(unit), _pairs_above(unit, cosine))
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
    counts = np.zeros((len(names), int(y.max(initial=0)) + 1))
    np.add.at(counts, (members, y), 1)
    large = (counts > np.maximum(np.bincount(y, minlength=counts.shape[1]), 1) / 3) & (counts > 1)
    spanning = large.sum(1) > 1
    return np.where(spanning[members], np.arange(len(groups)), groups), tuple(names[spanning].tolist())


def _normalize(features: Floats) -> Floats:
    """Return signed square roots of features (N, D), centered, each of length 1."""
    rooted = np.sign(features) * np.sqrt(np.abs(features))
    centered = rooted - rooted.mean(0)
    unit: Floats = centered / np.maximum(np.linalg.norm(centered, axis=1, keepdims=True), 1e-9)
    return unit


def _group_by_both(features: Floats, unit: Floats, descriptors: Floats) -> Ints:
    """Return group numbers (N,) by features (N, D), as they are and as unit vectors, and descriptors (N, W).

    Two photos must be more similar than they are to their further neighbors (CSLS; Conneau et al., arXiv
    1710.04087): photos before one wall are all similar, and only repeats exceed that. Then a photo joins a group
    when it is related to half of the photos in it, as some photos of a burst are.
    """
    pairs, similarity, usual, neighbors = _find_candidates(unit, descriptors)
    margin = similarity - usual[:, pairs].mean(2)
    same_hash = (similarity[2] > _SAME_HASH) & (similarity[1] > 0) & (margin[1:] > _SAME_HASH_MARGIN).any(0)
    similar = _exceeds(similarity, margin, _SIMILAR, _SIMILAR_FEATURES)
    keypoints = _select_keypoints(descriptors)
    matching = match_neighbors(keypoints, neighbors, _connect(len(unit), pairs[similar | same_hash]))
    matched = _connect(len(unit), matching.pairs)
    same_hash[same_hash] = ~find_mismatches(keypoints, pairs[same_hash], matching.frequent)
    doubtful = similar & (matched[pairs[:, 0]] != matched[pairs[:, 1]])
    similar[doubtful] = ~find_mismatches(keypoints, pairs[doubtful], matching.usual)
    same_hash |= _show_one_picture(features, pairs, similarity[2])
    similar |= same_hash
    groups = _connect(len(unit), np.concatenate([pairs[similar], matching.pairs]))
    related = pairs[_exceeds(similarity, margin, _RELATED, _RELATED_FEATURES)]
    # Copies of one picture count once.
    copies = _connect(len(unit), np.concatenate([pairs[same_hash], matching.pairs]))
    for _ in range(_ROUNDS):
        joins = _find_joins(groups, copies, related)
        if not len(joins):
            break
        members = np.stack([np.arange(len(groups)), groups], 1)
        groups = _connect(len(groups), np.concatenate([members, joins]))
    return groups


def _show_one_picture(features: Floats, pairs: Ints, hashes: Floats) -> Flags:
    """Return which pairs (P, 2) of photos are one picture by the similarity of their hashes (P,) and by features."""
    found = np.asarray(hashes > _ONE_PICTURE[0], np.bool_)
    lengths = np.linalg.norm(features, axis=1)
    for chunk in np.array_split(np.flatnonzero(found), found.sum() // _BLOCK + 1):
        one, other = pairs[chunk].T
        products = np.einsum("pd,pd->p", features[one], features[other])
        found[chunk] = products > _ONE_PICTURE[1] * lengths[one] * lengths[other]
    return found


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


def _find_candidates(unit: Floats, descriptors: Floats) -> tuple[Ints, Floats, Floats, Neighbors]:
    """Return the pairs of photos that are at least related, with what their thresholds are compared with.

    The pairs (P, 2); their similarities (3, P), by cosine and hash together, by cosine, and by hash; the similarities
    (3, N) of each photo to its further neighbors; and its neighbors by cosine and hash together.
    """
    count = len(unit)
    # The cosine alone is compared with that of the nearest neighbors, whatever the size of the set: otherwise a class
    # of similar photos in a large mixed set would become one group.
    near, far = min(_LARGE_GROUP, count // 2), min(max(_LARGE_GROUP, count // 20), count // 2)
    usual = np.zeros((3, count), np.float32)
    pairs, similarities, ranked = [], [], []
    for start in range(0, count, _BLOCK):
        rows = slice(start, start + _BLOCK)
        cosine, hashes = unit[rows] @ unit.T, compute_similarity(descriptors[rows], descriptors)
        both = cosine + hashes
        ranked.append(rank_neighbors(both, far))
        usual[0, rows] = np.take_along_axis(both, ranked[-1].further[:, :1], 1)[:, 0]
        for row, values, rank in zip(usual[1:], (cosine, hashes), (near, far)):
            row[rows] = -np.partition(-values, rank, axis=1)[:, rank]
        same_hash = (hashes > _SAME_HASH) & (cosine > 0)
        candidates = same_hash | (both > _RELATED[0]) | (cosine > _RELATED_FEATURES[0])
        found = np.argwhere(np.triu(candidates, 1 + start))
        index = found[:, 0], found[:, 1]
        pairs.append(found + np.array([start, 0]))
        similarities.append(np.stack([both[index], cosine[index], hashes[index]]))
    neighbors = Neighbors(*(np.concatenate(rows) for rows in zip(*ranked)))
    return np.concatenate(pairs), np.concatenate(similarities, 1), usual, neighbors


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


def _connect(count: int, pairs: Ints) -> Ints:
    """Return the connected component (count,) of each of ``count`` nodes joined by ``pairs`` (P, 2).

    A component's number is its smallest node.
    """
    from scipy.sparse import coo_array  # 0.2 s, which commands that group nothing need not wait for
    from scipy.sparse.csgraph import connected_components

    edges = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, components = connected_components(edges, directed=False)
    _, smallest = np.unique(components, return_index=True)
    return np.asarray(smallest[components], np.int64)
