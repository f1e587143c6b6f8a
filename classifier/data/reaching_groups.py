"""Which photos belong to groups of the training photos by names and times, as it was found on the training photos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from . import chance, series
from .assets import Asset
from .group_rule import GroupRule
from .grouping import join_groups
from .proposals import number_groups

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_ENOUGH_KEYS = 5  # on both sides, from which on looks can show that they are of other things
_LESS_ALIKE = 0.01  # probability of the difference by chance
_PERMUTATIONS = 19  # none of which may reach what is observed: p < 0.05
_LARGER = 2  # times as large as the largest group of the training photos: more photos are of no one thing


def burst_groups(times: Sequence[int | None], y: Ints, rule: GroupRule) -> Ints:
    """Return group numbers (N,) by when photos were taken, in seconds since 1970, and their classes (N,)."""
    taken = [None if time is None else series.from_seconds(time) for time in times]
    return series.burst_groups(taken, y.tolist(), rule.burst_seconds)


def name_groups(names: Sequence[str | None], count: int, y: Ints, features: Floats | None, rule: GroupRule) -> Ints:
    """Return group numbers (n + N,) by the keys of names, of one class unless training photos are joined across.

    Names that only happen to be equal, as those of another camera's videos 1 to 9, show in the looks: photos of equal
    keys are then no nearer than others are, and the keys of the photos are other ones than those of the training.

    Args:
        names: keys of the photos (n) and of the training photos (N).
        count: n.
        y: classes (n + N,).
        features: reduced or pooled features (n + N, D), None where those of the two cannot be compared.
        rule: by which the keys were made.
    """
    keys: list[object] = [
        None if name is None else (name, None if rule.is_across else label) for name, label in zip(names, y.tolist())
    ]
    sizes, known = Counter(keys[:count]), Counter(key for key in keys[count:] if key is not None)
    largest = _LARGER * max(known.values(), default=0)
    keys[:count] = [None if sizes[key] > largest else key for key in keys[:count]]
    if features is not None and _are_of_other_things(keys, count, y, features):
        keys[:count] = [None if key is None else ("apart", key) for key in keys[:count]]
    return number_groups(keys)


def count_divided(photos: Sequence[Asset], rule: GroupRule) -> tuple[int, int]:
    """Return how many groups of photos of all splits lie in several of these, and how many there are.

    Groups of two and more photos, by names, times, the layout and the person; looks play no part.
    """
    ordered = sorted(photos, key=lambda photo: photo.split == "train")
    y = np.unique([photo.label for photo in ordered], return_inverse=True)[1].astype(np.int64)
    divisions: list[Sequence[object] | Ints] = [[photo.layout_group for photo in ordered]]
    if rule.names is not None:
        count = sum(photo.split != "train" for photo in ordered)
        divisions.append(name_groups(rule.keys(ordered), count, y, None, rule))
    if rule.burst_seconds:
        divisions.append(burst_groups(rule.times(ordered), y, rule))
    groups = join_groups(divisions, [photo.own_group for photo in ordered]).tolist()
    sizes = Counter(groups)
    parts = Counter(group for group, _ in {(group, photo.split) for group, photo in zip(groups, ordered)})
    return sum(parts[group] > 1 for group in sizes), sum(size > 1 for size in sizes.values())


def _are_of_other_things(keys: list[object], count: int, y: Ints, features: Floats) -> bool:
    """Return whether photos (the first ``count``) are of other things than the training photos of their keys.

    They are where they are less alike to these than these are to one another (t-test over keys, p < 0.01), and no
    nearer than chance explains. Where too few keys are on both sides to tell, they are not.
    """
    groups, is_photo = number_groups(keys), np.arange(len(keys)) < count
    chosen = np.flatnonzero([key is not None for key in keys])
    unit = chance.comparable(features, y)[chosen]
    groups, y, is_photo = groups[chosen], y[chosen], is_photo[chosen]
    within, between = _similarities(unit, groups, is_photo)
    if len(within) < _ENOUGH_KEYS:
        return False
    from scipy.stats import ttest_rel  # 0.3 s, which commands that group nothing need not wait for

    if not ttest_rel(within, between, alternative="greater").pvalue < _LESS_ALIKE:
        return False
    for side in (is_photo, ~is_photo):  # what all photos of one side have in common, as another day's light
        unit[side] -= unit[side].mean(0)
    return not chance.are_nearer(unit, y, groups, 2 * groups + is_photo, permutations=_PERMUTATIONS)


def _similarities(unit: Floats, groups: Ints, is_photo: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return how similar training photos of a group are to one another (K,), and photos to these (K,).

    Of groups (N,) with a photo and two training photos; mean cosines of unit vectors (N, D).
    """
    index = np.unique(groups, return_inverse=True)[1]
    size = int(index.max(initial=-1)) + 1
    sums = np.zeros((2, size, unit.shape[1]), np.float32)
    np.add.at(sums, (is_photo.astype(np.int64), index), unit)
    known, new = (np.bincount(index[side], minlength=size) for side in (~is_photo, is_photo))
    kept = (known > 1) & (new > 0)
    squares = np.bincount(index[~is_photo], (unit[~is_photo] ** 2).sum(1), size)
    known, new, sums, squares = known[kept], new[kept], sums[:, kept], squares[kept]
    within = ((sums[0] ** 2).sum(1) - squares) / (known * (known - 1))
    return within, (sums[0] * sums[1]).sum(1) / (known * new)
