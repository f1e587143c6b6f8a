"""Photos that belong to groups of the training photos by names and times: found, and not where names only coincide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from classifier.data.assets import Asset
from classifier.data.group_rule import NO_RULE, GroupRule
from classifier.data.grouping import group_photos
from classifier.data.name_groups import NameRule
from classifier.data.reaching_groups import burst_groups, count_divided, name_groups
from tests.data.test_proposals import PER_THING, SCHEMES, draw, take

PATIENTS = GroupRule(NameRule("first", 2))


def reached(scheme: str, is_same: bool) -> np.ndarray:
    """Which test photos, one of each thing, are grouped with training photos, the other three."""
    assets, features, things = draw(SCHEMES[scheme])
    if not is_same:
        features = np.where(np.arange(len(assets))[:, None] % PER_THING == 1, np.roll(features, 7, 0), features)
    y = np.unique([asset.label for asset in assets], return_inverse=True)[1]
    test = np.arange(len(assets)) % PER_THING == 1
    rows = [*np.flatnonzero(test), *np.flatnonzero(~test)]
    train = [assets[row] for row in np.flatnonzero(~test)]
    rule = group_photos(train, features[~test], np.arange(len(train)), "auto").rule
    count = int(test.sum())
    groups = name_groups(rule.keys([assets[row] for row in rows]), count, y[rows], features[rows], rule)
    assert len(np.unique(groups[count:])) == len(np.unique(things))
    return np.isin(groups[:count], groups[count:])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_photo_of_a_thing_among_the_training_photos_is_found(scheme: str) -> None:
    assert reached(scheme, is_same=True).mean() >= 0.95


@pytest.mark.parametrize("scheme", ["patients", "tracks", "augmented"])
def test_equal_names_of_other_things_reach_nothing(scheme: str) -> None:
    assert not reached(scheme, is_same=False).any()


def test_too_few_names_to_tell_count_as_the_same_things() -> None:
    features = np.random.default_rng(0).standard_normal((6, 50)).astype(np.float32)
    names = ["1", "2", None, "1", "1", "3"]
    groups = name_groups(names, 3, np.zeros(6, np.int64), features, PATIENTS)
    assert np.isin(groups[:3], groups[3:]).tolist() == [True, False, False]


def test_one_key_reaches_another_class_only_where_training_photos_do() -> None:
    names, y = ["1", "2", "1", "2"], np.array([0, 1, 0, 0])
    for is_across, reach in ((False, [True, False]), (True, [True, True])):
        groups = name_groups(names, 2, y, None, replace(PATIENTS, is_across=is_across))
        assert np.isin(groups[:2], groups[2:]).tolist() == reach


def test_a_key_of_many_more_photos_than_any_group_is_none() -> None:
    names = ["img"] * 30 + ["1", "1", "2"]
    groups = name_groups(names, 30, np.zeros(33, np.int64), None, PATIENTS)
    assert len(np.unique(groups)) == 32


def test_a_photo_within_a_burst_of_training_photos_is_found() -> None:
    assets, features, _ = draw(lambda label, thing, one, n: f"{label}/{n * 7919 % 1000003:x}x.jpg")
    rule = group_photos(take(assets, 60), features, np.arange(len(assets)), "auto").rule
    assert (rule.names, rule.burst_seconds) == (None, 3.0)
    times = rule.times([replace(assets[0], taken=time) for time in ("2024-05-01T00:00:08.5", "2024-05-01T01:30", None)])
    y = np.zeros(len(assets) + 3, np.int64)
    groups = burst_groups((*times, *rule.times(take(assets, 60))), y, rule)
    assert np.isin(groups[:3], groups[3:]).tolist() == [True, False, False]
    assert rule.keys(assets[:2]) == (None, None)


def test_groups_that_lie_in_two_parts_are_counted() -> None:
    def photo(name: str, label: str, split: str, group: str | None = None) -> Asset:
        return Asset(0, name, name, label, split, group, name, 1, 9, 9, "")

    photos = [photo(f"patient{n // 3}_slice{n}.png", "a", ("train", "train", "test")[n % 3]) for n in range(9)]
    photos += [photo(f"patient7_slice{n}.png", "a", "train") for n in range(2)]
    photos += [photo("patient0_slice99.png", "b", "test"), photo("patient8_slice1.png", "b", "train")]
    assert count_divided(photos, PATIENTS) == (3, 4)
    assert count_divided(photos, NO_RULE) == (0, 0)
