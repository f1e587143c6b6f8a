"""Groups of photos: near duplicates, those that the layout of the files shows, and the person's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from classifier.data.grouping import Grouping, join_groups


def join(groups: list[int], layout_groups: Sequence[str | None], own: Sequence[str | None] = ()) -> list[list[int]]:
    """The joined groups as lists of indices."""
    joined = join_groups([np.array(groups, np.int64), layout_groups], own or [None] * len(groups))
    assert joined.dtype == np.int64
    return sorted(np.flatnonzero(joined == group).tolist() for group in np.unique(joined))


def test_without_groups_of_the_layout_near_duplicates_stay() -> None:
    assert join([5, 5, 7], [None, None, None]) == [[0, 1], [2]]
    assert join([], []) == []


def test_photos_of_one_group_of_the_layout_are_joined() -> None:
    assert join([0, 1, 2, 3], ["anna", None, "anna", "ben"]) == [[0, 2], [1], [3]]


def test_near_duplicates_join_groups_of_the_layout() -> None:
    assert join([0, 1, 1, 2, 3], ["anna", "anna", "ben", "ben", None]) == [[0, 1, 2, 3], [4]]
    assert join([0, 1, 1, 2], ["anna", "anna", None, None]) == [[0, 1, 2], [3]]


def test_a_photo_that_the_person_grouped_is_only_with_those_of_its_group() -> None:
    assert join([0, 0, 0, 1], [None] * 4, [None, None, "1", None]) == [[0, 1], [2], [3]]
    assert join([0, 0, 1, 2], ["anna", None, "anna", None], ["1", None, None, "1"]) == [[0, 3], [1], [2]]


@pytest.mark.parametrize(("groups", "is_grouped"), [([4, 4, 2], False), ([0, 1, 2], True), ([0, 0, 0], True)])
def test_a_grouping_knows_whether_more_than_look_alikes_are_joined(groups: list[int], is_grouped: bool) -> None:
    assert Grouping(np.array(groups), np.array([0, 0, 1])).is_grouped is is_grouped
