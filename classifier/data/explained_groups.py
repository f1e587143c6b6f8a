"""Which photos belong together, group by group, and by which evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from .assets import Asset
from .grouping import Grouping, GroupsFrom, join_groups

Origin = Literal["look", "layout", "names", "times", "series", "own"]


@dataclass(frozen=True)
class Evidence:
    """What shows that photos belong together, apart from the person: for each origin the group of each photo's id.

    A photo that an origin says nothing of has no entry. ``ids`` are all photos that were compared.
    """

    ids: frozenset[int] = frozenset()
    divisions: Mapping[Origin, Mapping[int, object]] = field(default_factory=dict)


@dataclass(frozen=True)
class ExplainedGroup:
    """Photos (two and more) that belong together, and the evidence for it."""

    photos: tuple[Asset, ...]
    origins: tuple[Origin, ...]


def evidence_of(photos: Sequence[Asset], grouping: Grouping, chosen: GroupsFrom) -> Evidence:
    """Return the evidence in a grouping of photos (N); ``chosen`` is what is grouped besides near duplicates."""
    ids = [photo.id for photo in photos]
    divisions: dict[Origin, Mapping[int, object]] = {"look": dict(zip(ids, grouping.near_duplicates.tolist()))}
    if chosen != "none":
        divisions["layout"] = {photo.id: photo.layout_group for photo in photos if photo.layout_group is not None}
    for proposal in grouping.proposals:
        if proposal.applied:
            divisions[proposal.origin] = dict(zip(ids, proposal.groups.tolist()))
    return Evidence(frozenset(ids), divisions)


def explain_groups(photos: Iterable[Asset], evidence: Evidence) -> list[ExplainedGroup]:
    """Return the groups of the photos that were compared, largest first, as the person's own groups are now."""
    compared = [photo for photo in photos if photo.id in evidence.ids]
    divisions = [[division.get(photo.id) for photo in compared] for division in evidence.divisions.values()]
    members: dict[int, list[Asset]] = {}
    for photo, group in zip(compared, join_groups(divisions, [photo.own_group for photo in compared]).tolist()):
        members.setdefault(group, []).append(photo)
    several = [ExplainedGroup(tuple(group), _origins(group, evidence)) for group in members.values() if len(group) > 1]
    return sorted(several, key=lambda group: -len(group.photos))


def _origins(group: Sequence[Asset], evidence: Evidence) -> tuple[Origin, ...]:
    """Return the origins that join at least two photos of a group; the person's own excludes all others."""
    if group[0].own_group is not None:
        return ("own",)
    found: list[Origin] = []
    for origin, division in evidence.divisions.items():
        keys = [division[photo.id] for photo in group if photo.id in division]
        if len(set(keys)) < len(keys):
            found.append(origin)
    return tuple(found)
