"""Groups with the evidence for them, as the person's own groups are now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from classifier.data.assets import Asset
from classifier.data.explained_groups import evidence_of, explain_groups
from classifier.data.grouping import Grouping, join_groups
from classifier.data.proposals import Proposal
from classifier.messages import message
from classifier.messages.groups import GroupCode
from tests.helpers import SHA


def photos(layout: Sequence[str | None]) -> list[Asset]:
    asset = Asset(0, "a.jpg", SHA, "cat", "train", None, "a.jpg", 100, 8, 8, "")
    return [replace(asset, id=id, layout_group=group) for id, group in enumerate(layout, 10)]


def grouping(look: Sequence[int], names: Sequence[int], applied: bool = True) -> Grouping:
    what = message(GroupCode.BY_NAMES, size=2, count=1, first="a", second="b")
    by_name = Proposal("names", what, np.array(names), 1, 2, proved=applied, applied=applied)
    near = np.array(look)
    return Grouping(join_groups([near], [None] * len(look)), near, (by_name,))


def explained(assets: list[Asset], found: Grouping, now: list[Asset]) -> list[tuple[list[int], tuple[str, ...]]]:
    groups = explain_groups(now, evidence_of(assets, found, "auto"))
    return [([photo.id for photo in group.photos], group.origins) for group in groups]


def test_a_group_names_each_kind_of_evidence_that_joins_photos_of_it() -> None:
    assets = photos([None, None, None, "anna", "anna", None])
    found = grouping([0, 0, 1, 2, 3, 4], [0, 1, 1, 2, 3, 4])
    assert explained(assets, found, assets) == [([10, 11, 12], ("look", "names")), ([13, 14], ("layout",))]


def test_what_the_person_joined_or_parted_since_counts_at_once() -> None:
    assets = photos([None] * 5)
    found = grouping([0, 0, 0, 1, 2], [0, 1, 2, 3, 4])
    now = [assets[0], assets[1], *(replace(one, own_group=own) for one, own in zip(assets[2:], ("1", "2", "2")))]
    assert explained(assets, found, now) == [([10, 11], ("look",)), ([13, 14], ("own",))]


def test_proposals_that_are_only_asked_about_join_nothing() -> None:
    assets = photos([None] * 3)
    assert explained(assets, grouping([0, 1, 2], [0, 0, 0], applied=False), assets) == []


def test_photos_that_are_gone_or_came_since_are_in_no_group() -> None:
    assets = photos([None] * 3)
    found = grouping([0, 0, 0], [0, 1, 2])
    assert explained(assets, found, [*assets[1:], replace(assets[0], id=99)]) == [([11, 12], ("look",))]
    assert explained(assets, found, assets[:1]) == []
