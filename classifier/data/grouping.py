"""Which photos belong together: near duplicates, groups of the layout, of names, times and series, and the person's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..messages import Message, message
from ..messages.groups import GroupCode
from .assets import Asset
from .group_rule import GroupRule
from .linking import connect
from .proposals import Proposal, propose, propose_spanning

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

GroupsFrom = Literal["auto", "all", "names", "folders", "none"]  # what is grouped besides near duplicates


@dataclass(frozen=True)
class Grouping:
    """The groups (N,) of photos that no split divides, and where they come from.

    ``near_duplicates`` (N,) are the groups by look alone that are certain: those that are left where nothing else is
    grouped.
    ``proposals`` hold what was found besides, applied or not; ``warnings`` say so in words. ``chosen`` is what
    the person wants to be grouped.
    """

    groups: Ints
    near_duplicates: Ints
    proposals: tuple[Proposal, ...] = ()
    warnings: tuple[Message, ...] = ()
    chosen: GroupsFrom = "auto"

    @property
    def count(self) -> int:
        """The number of groups of two and more photos."""
        return int((np.unique(self.groups, return_counts=True)[1] > 1).sum())

    @property
    def offered(self) -> str:
        """What may belong together by evidence that is too thin, in words; empty where nothing does."""
        return next((str(one.description) for one in self.proposals if not one.proved), "")

    @property
    def rule(self) -> GroupRule:
        """By which other photos belong to the groups that are kept together."""
        rules = [one.rule for one in self.proposals if one.applied and one.rule is not None]
        return GroupRule(
            next((rule.names for rule in rules if rule.names is not None), None),
            any(rule.is_across for rule in rules),
            max((rule.burst_seconds for rule in rules), default=0.0),
        )

    @property
    def is_grouped(self) -> bool:
        """Whether photos are kept together that are no near duplicates, or near duplicates are not."""
        return not is_same_division(self.groups, self.near_duplicates)


def group_photos(photos: Sequence[Asset], features: Floats, near_duplicates: Ints, chosen: GroupsFrom) -> Grouping:
    """Return which photos belong together.

    Args:
        photos: rows of the catalog (N).
        features: their pooled features (N, D).
        near_duplicates: groups (N,) by look, see ``duplicates``.
        chosen: what is grouped besides these.
    """
    near_duplicates, proposals = propose_spanning(photos, near_duplicates)
    divisions: list[Sequence[object] | Ints] = [near_duplicates]
    if chosen != "none":
        divisions.append([photo.layout_group for photo in photos])
    if chosen in ("auto", "all", "names"):
        proposals += propose(photos, features, near_duplicates, is_forced=chosen == "names")
    if chosen == "all":
        proposals = tuple(replace(proposal, applied=True) for proposal in proposals)
    divisions += [proposal.groups for proposal in proposals if proposal.applied]
    groups = join_groups(divisions, [photo.own_group for photo in photos])
    warnings = tuple(
        message(GroupCode.KEPT if proposal.applied else GroupCode.ASKED, what=proposal.description)
        for proposal in proposals
    )
    return Grouping(groups, near_duplicates, proposals, warnings, chosen)


def join_groups(divisions: Iterable[Sequence[object] | Ints], own_groups: Sequence[str | None]) -> Ints:
    """Return the group number (N,) of each photo, equal where any division has photos in one group; transitively.

    Args:
        divisions: for each a group of every photo (N); None stands for a photo in no group.
        own_groups: the person's own groups (N); a photo that has one is only with others of the same.
    """
    count = len(own_groups)
    if not count:
        return np.zeros(0, np.int64)
    own = np.array([group is not None for group in own_groups])
    edges = [_edges(division, ~own) for division in divisions] + [_edges(own_groups, own)]
    return np.asarray(np.unique(connect(count, np.concatenate(edges)), return_inverse=True)[1], np.int64)


def is_same_division(first: Ints, second: Ints) -> bool:
    """Return whether two arrays of group numbers (N,) divide photos alike."""
    pairs = len(set(zip(first.tolist(), second.tolist())))
    return pairs == len(np.unique(first)) == len(np.unique(second))


def _edges(division: Sequence[object] | Ints, counts: NDArray[np.bool_]) -> Ints:
    """Return pairs (P, 2) that connect each photo, of those that count, with the first one of its group."""
    firsts: dict[object, int] = {}
    pairs = [
        (firsts.setdefault(group, photo), photo)
        for photo, group in enumerate(division.tolist() if isinstance(division, np.ndarray) else division)
        if group is not None and counts[photo]
    ]
    return np.array(pairs, np.int64).reshape(-1, 2)
