"""Proposals of groups: what names, times and order may show, proved or not by the photos' features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..messages import Code, Message, message
from ..messages.groups import GroupCode
from . import chance, series
from .assets import Asset
from .duplicates import split_spanning_groups
from .group_rule import GroupRule
from .name_groups import NameGroups, NameRule, find_name_groups

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Origin = Literal["names", "times", "series", "look"]

_LARGEST = 0.1  # share of the photos that one group may hold
_CLEAR = 0.8  # share of the photos in groups of two and more from which on unproved groups are asked about
_FEWEST_ASKED = 20  # photos from which on unproved groups are asked about; of fewer any part of the names may seem one
_KEPT_WHOLE = 0.95  # share of the groups of the layout that others must not divide


@dataclass(frozen=True)
class Proposal:
    """Photos that may belong together, by one kind of evidence.

    ``description`` says so in words with an example. ``groups`` (N,) are numbers, equal for photos of one group; a
    photo of none has a number of its own. ``count`` is the number of groups of two and more photos, ``size`` how many
    photos a typical one of them has. ``proved``: whether the evidence is enough to keep the photos together unasked;
    ``applied``: whether they are kept together, by the evidence or because the person wants it. ``rule``: by which
    other photos belong to these groups, None where there is none.
    """

    origin: Origin
    description: Message
    groups: Ints
    count: int
    size: int
    proved: bool
    applied: bool
    rule: GroupRule | None = None


def propose(
    photos: Sequence[Asset], features: Floats, near_duplicates: Ints, is_forced: bool = False
) -> tuple[Proposal, ...]:
    """Return the groups that names, times and order show; those of the order only where nothing else explains it.

    Args:
        photos: rows of the catalog (N).
        features: pooled features (N, D).
        near_duplicates: groups (N,) by look.
        is_forced: whether names count without proof, and nothing else does.
    """
    if len(photos) < 4:
        return ()
    found = _Evidence(photos, features, near_duplicates)
    by_names = found.by_names(is_forced)
    if is_forced:
        return tuple(filter(None, [by_names]))
    proposals = [one for one in (by_names, found.by_times()) if one is not None]
    if not found.is_known and not any(one.applied for one in proposals):
        proposals += filter(None, [found.by_series()])
    return tuple(proposals)


class _Evidence:
    """The photos with what is compared of them."""

    def __init__(self, photos: Sequence[Asset], features: Floats, near_duplicates: Ints) -> None:
        self.names = [photo.source for photo in photos]
        self.labels = [photo.label for photo in photos]
        self.y: Ints = np.unique(self.labels, return_inverse=True)[1].astype(np.int64)
        self.features = features
        self.times = series.read_times([photo.taken for photo in photos], self.names)
        self.near_duplicates = near_duplicates
        layout = [photo.layout_group for photo in photos]
        self.is_known = sum(group is not None for group in layout) >= 0.5 * len(photos)
        self.known = number_groups(layout) if any(layout) else None

    @cached_property
    def unit(self) -> Floats:
        """The photos (N, D) as vectors that compare; computed only where there is something to prove."""
        return chance.comparable(self.features, self.y)

    def by_names(self, is_forced: bool) -> Proposal | None:
        """Return the groups by the part of the names that keeps the most alike photos together."""
        candidates = [(one, number_groups(one.keys, self.labels)) for one in self._candidates()]
        candidates = [one for one in candidates if self._adds(one[1])]
        proved = [one for one in candidates if chance.are_nearer(self.unit, self.y, one[1], self.known)]
        if not proved:
            is_asked = len(self.names) >= _FEWEST_ASKED
            clear = [one for one in candidates if is_forced or (is_asked and self._grouped_share(one[1]) >= _CLEAR)]
            return self._by_name_rule(clear[0][0].rule, clear[0][1], is_forced) if clear else None
        names, groups = max(proved, key=lambda one: chance.mean_similarity(self.unit, one[1]))
        for other, coarser in proved:
            if _contains(coarser, groups) and chance.are_nearer(self.unit, self.y, coarser, groups):
                names, groups = other, coarser
        across = number_groups(names.keys)  # one thing may have photos in several classes
        if self._is_small(across) and chance.are_nearer(self.unit, self.y, across, groups):
            return self._by_name_rule(names.rule, across, True, is_across=True)
        return self._by_name_rule(names.rule, groups, True)

    def by_times(self) -> Proposal | None:
        """Return the bursts: photos of one class that were taken within seconds."""
        if sum(time is not None for time in self.times) < 4:
            return None
        best: Ints | None = None
        rule = GroupRule()
        for seconds in series.BURST_SECONDS:
            groups = series.burst_groups(self.times, self.labels, seconds)
            inner = self.known if best is None else best
            if self._adds(groups) and self._is_small(groups) and chance.are_nearer(self.unit, self.y, groups, inner):
                best, rule = groups, GroupRule(burst_seconds=seconds)
        return None if best is None else self._proposal("times", GroupCode.BY_TIMES, best, True, rule)

    def by_series(self) -> Proposal | None:
        """Return the parts of the order in which neighbors are alike, where that is more than near duplicates."""
        for order, sequences in series.find_orders(self.names, self.labels, self.times):
            firsts = np.unique(self.near_duplicates[order], return_index=True)[1]
            distinct = order[np.sort(firsts)]
            if chance.are_neighbors_nearer(self.unit, self.y, sequences, distinct):
                groups = series.series_groups(self.unit, sequences, order)
                return self._proposal("series", GroupCode.BY_SERIES, groups, self._is_small(groups))
        return None

    def _candidates(self) -> list[NameGroups]:
        return find_name_groups(self.names, self.labels)

    def _adds(self, groups: Ints) -> bool:
        """Return whether groups join photos that the layout does not, and divide none of its groups."""
        if len(np.unique(groups)) == len(groups):
            return False
        return self.known is None or (_contains(groups, self.known) and not _contains(self.known, groups))

    def _is_small(self, groups: Ints) -> bool:
        return int(np.unique(groups, return_counts=True)[1].max()) <= max(_LARGEST * len(groups), 2)

    def _grouped_share(self, groups: Ints) -> float:
        counts = np.unique(groups, return_counts=True)[1]
        return float(counts[counts > 1].sum() / len(groups))

    def _by_name_rule(self, names: NameRule, groups: Ints, proved: bool, is_across: bool = False) -> Proposal:
        return self._proposal("names", GroupCode.BY_NAMES, groups, proved, GroupRule(names, is_across))

    def _proposal(
        self, origin: Origin, code: Code, groups: Ints, proved: bool, rule: GroupRule | None = None
    ) -> Proposal:
        sizes = Counter(groups.tolist())
        several = sorted(size for size in sizes.values() if size > 1)
        largest = max(sizes, key=lambda group: sizes[group])
        first, second = (self.names[photo] for photo in np.flatnonzero(groups == largest)[:2])
        size = several[len(several) // 2]
        what = message(code, size=size, count=len(several), first=_base(first), second=_base(second))
        return Proposal(origin, what, groups, len(several), size, proved, proved, rule)


def propose_spanning(photos: Sequence[Asset], near_duplicates: Ints) -> tuple[Ints, tuple[Proposal, ...]]:
    """Return groups (N,) by look without those that are not certain, and the proposal of these where there are any.

    Not certain is a group that holds over a third of the photos of each of two classes, see ``duplicates``, but for one
    of all photos: these are one picture.
    """
    y: Ints = np.unique([photo.label for photo in photos], return_inverse=True)[1].astype(np.int64)
    certain, spanning = split_spanning_groups(near_duplicates, y)
    sizes = [int((near_duplicates == group).sum()) for group in spanning]
    if not spanning or max(sizes) == len(photos):
        return near_duplicates, ()
    members = np.flatnonzero(near_duplicates == spanning[int(np.argmax(sizes))])
    first, second = members[0], members[np.flatnonzero(y[members] != y[members[0]])[0]]
    names = (_base(photos[int(photo)].source) for photo in (first, second))
    what = message(GroupCode.BY_LOOK, size=max(sizes), **dict(zip(("first", "second"), names)))
    return certain, (Proposal("look", what, near_duplicates, len(spanning), max(sizes), False, False),)


def number_groups(keys: Sequence[object], labels: Sequence[object] | None = None) -> Ints:
    """Return group numbers (N,), equal for equal keys (N), of one class if ``labels`` (N) are given; None is alone."""
    numbers: dict[object, int] = {}
    return np.array(
        [
            numbers.setdefault((photo,) if key is None else (key, labels and labels[photo]), photo)
            for photo, key in enumerate(keys)
        ],
        np.int64,
    )


def _contains(outer: Ints, inner: Ints) -> bool:
    """Return whether nearly every inner group of several photos lies in one outer group."""
    index, counts = np.unique(inner, return_inverse=True, return_counts=True)[1:]
    pairs = np.unique(np.stack([index, outer], 1), axis=0)
    parts = np.bincount(pairs[:, 0], minlength=len(counts))[counts > 1]
    return not len(parts) or float((parts == 1).mean()) >= _KEPT_WHOLE


def _base(name: str) -> str:
    return name.rpartition("/")[2]
