from __future__ import annotations

import hashlib

import numpy as np
import pytest

from classifier.data.splits import sample_groups, sample_per_class, stratified_group_folds


def labels_of(*counts: int) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts)


@pytest.mark.parametrize("counts", [(50, 50), (103, 11, 7), (6, 6, 6, 6), (40, 1)])
@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_every_class_is_spread_evenly(counts: tuple[int, ...], seed: int) -> None:
    labels = labels_of(*counts)
    result = stratified_group_folds(labels, np.arange(len(labels)), 5, seed)
    for label in range(len(counts)):
        per_fold = np.bincount(result[labels == label], minlength=5)
        assert per_fold.max() - per_fold.min() <= 1
    sizes = np.bincount(result, minlength=5)
    assert sizes.max() - sizes.min() <= len(counts)


def test_groups_are_never_divided() -> None:
    rng = np.random.default_rng(0)
    for seed in range(20):
        labels = rng.integers(0, 4, 90)
        groups = rng.integers(0, 25, 90) * 7  # groups cross the classes, and their numbers have gaps
        result = stratified_group_folds(labels, groups, 5, seed)
        assert set(result) == set(range(5))
        for group in np.unique(groups):
            assert len(set(result[groups == group])) == 1


def test_folds_stay_those_of_earlier_versions() -> None:
    """Written down once: scores before and after an upgrade are compared photo by photo."""
    y = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 0, 1])
    groups = np.array([0, 0, 2, 3, 4, 5, 6, 6, 6, 9, 10, 11, 12, 12, 14, 14])
    names = [f"photo {number}" for number in range(16)]
    expected = [0, 0, 1, 1, 2, 2, 0, 0, 0, 2, 1, 2, 1, 1, 2, 2]
    assert stratified_group_folds(y, groups, 3, 7, names).tolist() == expected
    assert stratified_group_folds(y, groups, 3, 7, iter(names)).tolist() == expected


@pytest.mark.parametrize("seed", range(10))
def test_each_group_goes_to_its_preferred_fold_or_the_emptiest(seed: int) -> None:
    """The rule of the docstring, group by group; for groups of one class each, whose order is by size and hash."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 3, 40)
    sizes = rng.integers(1, 5, 40)
    y, groups = np.repeat(kinds, sizes), np.repeat(np.arange(40), sizes)
    names = [f"{seed} {number}" for number in range(len(y))]

    def key(group: int) -> int:
        members = [name for name, other in zip(names, groups) if other == group]
        return min(int(hashlib.sha256(f"3 {name}".encode()).hexdigest()[:14], 16) for name in members)

    limits = np.bincount(y) // 4
    counts: dict[int, list[int]] = {fold: [0, 0, 0] for fold in range(4)}
    expected = {}
    for group in sorted(range(40), key=lambda group: (-sizes[group], key(group))):
        kind, size, fold = kinds[group], int(sizes[group]), key(group) % 4
        if counts[fold][kind] + size > limits[kind]:
            fold = min(counts, key=lambda fold: (counts[fold][kind], sum(counts[fold]), fold))
        counts[fold][kind] += size
        expected[group] = fold
    folds = stratified_group_folds(y, groups, 4, 3, names)
    assert folds.tolist() == [expected[group] for group in groups]


def test_the_seed_decides() -> None:
    labels, groups = labels_of(30, 30), np.arange(60)
    assert np.array_equal(stratified_group_folds(labels, groups, 5, 3), stratified_group_folds(labels, groups, 5, 3))
    assert not np.array_equal(
        stratified_group_folds(labels, groups, 5, 3), stratified_group_folds(labels, groups, 5, 4)
    )


def test_a_corrected_label_or_a_new_photo_moves_few_others() -> None:
    labels = np.random.default_rng(0).integers(0, 4, 200)
    names = [f"photo {number}" for number in range(200)]
    before = stratified_group_folds(labels, np.arange(200), 5, 0, names)
    corrected = labels.copy()
    corrected[17] = (labels[17] + 1) % 4
    assert np.count_nonzero(stratified_group_folds(corrected, np.arange(200), 5, 0, names) != before) < 20
    more = stratified_group_folds(np.append(1, labels), np.arange(201), 5, 0, ["new", *names])
    assert np.count_nonzero(more[1:] != before) < 20


def test_there_are_no_more_folds_than_groups() -> None:
    labels, groups = labels_of(6, 6), np.repeat([0, 1, 2], 4)
    assert sorted(set(stratified_group_folds(labels, groups, 5, 0))) == [0, 1, 2]


def test_one_group_is_in_one_fold() -> None:
    assert set(stratified_group_folds(labels_of(3, 3), np.zeros(6, np.int64), 5, 0)) == {0}


@pytest.mark.parametrize("seed", range(6))
def test_two_groups_make_two_folds_whatever_their_sizes(seed: int) -> None:
    folds = stratified_group_folds(np.zeros(12, np.int64), np.repeat([0, 1], [10, 2]), 5, seed)
    assert sorted(set(folds)) == [0, 1]


def test_two_photos_make_two_folds() -> None:
    assert sorted(stratified_group_folds(labels_of(1, 1), np.arange(2), 5, 0)) == [0, 1]


@pytest.mark.parametrize("sizes", [(2990, 5, 5), (1,) * 30 + (3000,), (1500, 1500, 1), (700, 701, 702), (2,) * 40])
@pytest.mark.parametrize("count", [20, 100, 2000])
def test_a_sample_has_as_many_of_each_class_as_fit(sizes: tuple[int, ...], count: int) -> None:
    labels = labels_of(*sizes)
    sample = sample_per_class(labels, count)
    assert (np.diff(sample) > 0).all()
    if len(labels) <= count:
        assert np.array_equal(sample, np.arange(len(labels)))
        return
    fitting = [limit for limit in range(1, max(sizes) + 1) if np.minimum(sizes, limit).sum() <= count]
    assert np.array_equal(np.bincount(labels[sample]), np.minimum(sizes, max(fitting, default=1)))


def test_a_sample_is_evenly_spaced_within_each_class() -> None:
    labels = np.arange(600) % 2
    sample = sample_per_class(labels, 60)
    for label in range(2):
        positions = sample[labels[sample] == label] // 2
        assert (positions[0], positions[-1], len(positions)) == (0, 299, 30)
        assert set(np.diff(positions)) <= {10, 11}


def test_a_sample_of_groups_has_the_share_of_each_class() -> None:
    rng = np.random.default_rng(1)
    for seed in range(20):
        groups = rng.integers(0, 60, 300)
        y = groups % 3
        sample = sample_groups(y, groups, 0.2, seed)
        assert not set(groups[sample]) & set(np.delete(groups, sample))
        shares = np.bincount(y[sample], minlength=3) / np.bincount(y)
        assert np.abs(shares - 0.2).max() < 0.05


def test_every_class_of_two_groups_has_photos_on_both_sides() -> None:
    y, groups = labels_of(2, 9, 4), np.array([0, 1, *[2] * 8, 3, *[4] * 4])
    for share in (0.01, 0.5, 0.99):
        sample = sample_groups(y, groups, share, 0)
        assert {len(np.unique(groups[sample][y[sample] == label])) for label in (0, 1)} == {1}
        assert not (y[sample] == 2).any()
