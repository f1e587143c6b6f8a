"""Groups of photos: near duplicates, and those that the layout of the files shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from classifier.data.catalog import Asset
from classifier.models.asset_features import join_layout_groups

ASSET = Asset(0, "a.jpg", "a", "cat", "train", None, "a.jpg", 10, 64, 48, "")


def join(groups: list[int], layout_groups: list[str | None]) -> list[list[int]]:
    """The joined groups as lists of indices."""
    assets = [replace(ASSET, id=number, layout_group=name) for number, name in enumerate(layout_groups)]
    joined = join_layout_groups(assets, np.array(groups, np.int64))
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
