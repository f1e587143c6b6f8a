"""Which hyperparameters of the linear head are reused after a correction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifier.config import TrainConfig
from classifier.data.assets import Asset
from classifier.data.dataset import TrainingSet
from classifier.data.splits import stratified_group_folds
from classifier.models.feature_cache import FeatureCache
from classifier.training.cached_head import fit_cached_head, head_folds
from classifier.training.linear_head import SHRINKAGES, LinearHead, fit_linear_head

LABELS = ("cat", "dog")


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[FeatureCache]:
    cache = FeatureCache(tmp_path / "features")
    yield cache
    cache.close()


def make_set(features: np.ndarray, y: np.ndarray) -> TrainingSet:
    assets = tuple(
        Asset(
            id=index + 1, path=f"{index}.jpg", sha256=f"{index:064}", label=LABELS[label], split="train",
            duplicate_group=None, source=f"{index}.jpg", size=1, width=1, height=1, created="",
        )
        for index, label in enumerate(y)
    )  # fmt: skip
    return TrainingSet(assets, (), LABELS, y, np.arange(len(y)), features)


def make_noise() -> TrainingSet:
    """A set on which the strongest penalty and the first shrinkage are best."""
    rng = np.random.default_rng(0)
    return make_set(rng.normal(size=(60, 30)).astype(np.float32), np.arange(60) % 2)


def make_corrected() -> TrainingSet:
    """The same photos with one label changed, and features for which a weaker penalty is clearly better."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    y[0] = 1
    return make_set((rng.normal(size=(60, 30)) + 3 * y[:, None]).astype(np.float32), y)


def make_textures() -> TrainingSet:
    """A set on which the second shrinkage is significantly better."""
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    informative = np.where(y[:, None] == 1, 1.2, -1.2) + rng.normal(0, 1, (200, 4))
    return make_set(np.concatenate([rng.normal(0, 30, (200, 100)), informative], 1).astype(np.float32), y)


def flip_one_label(training_set: TrainingSet) -> TrainingSet:
    y = training_set.y.copy()
    y[0] = 1 - y[0]
    return make_set(training_set.features, y)


def fit(cache: FeatureCache, training_set: TrainingSet, small: int = 0, seed: int = 0) -> LinearHead:
    return fit_cached_head(cache, "backbone", training_set, folds(training_set), "whole", seed, small)


def folds(training_set: TrainingSet) -> np.ndarray:
    return stratified_group_folds(training_set.y, training_set.groups, 5, 0)


def fit_fresh(training_set: TrainingSet) -> LinearHead:
    return fit_linear_head(training_set.features, training_set.y, 2, folds(training_set))


def is_equal(one: LinearHead, other: LinearHead) -> bool:
    return np.array_equal(one.weight, other.weight) and (one.C, one.shrinkage) == (other.C, other.shrinkage)


def test_a_first_head_is_chosen_by_cross_validation(cache: FeatureCache) -> None:
    for training_set in (make_noise(), make_textures()):
        assert is_equal(fit(cache, training_set), fit_fresh(training_set))


def test_the_penalty_of_a_large_set_is_reused_after_a_correction(cache: FeatureCache) -> None:
    before, other = fit(cache, make_noise()), fit_fresh(make_corrected())
    after = fit(cache, make_corrected())  # the same photos, one label is new
    assert other.C != before.C == after.C


def test_the_penalty_of_a_small_set_is_chosen_again(cache: FeatureCache) -> None:
    fit(cache, make_noise(), small=61)
    corrected = make_corrected()
    assert fit(cache, corrected, small=61).C == fit_fresh(corrected).C


def test_a_set_of_exactly_the_limit_counts_as_large(cache: FeatureCache) -> None:
    before = fit(cache, make_noise(), small=60)
    assert fit(cache, make_corrected(), small=60).C == before.C


def test_the_shrinkage_is_reused_after_a_correction_of_any_set(cache: FeatureCache) -> None:
    training_set = make_textures()
    assert fit(cache, training_set, small=10_000).shrinkage == SHRINKAGES[1]
    easy = make_set(make_textures().features[:, -4:].repeat(26, 1), training_set.y)
    assert fit_fresh(flip_one_label(easy)).shrinkage == SHRINKAGES[0]
    assert fit(cache, flip_one_label(easy), small=10_000).shrinkage == SHRINKAGES[1]


def test_an_unchanged_set_gives_the_same_head_again(cache: FeatureCache) -> None:
    first = fit(cache, make_noise())
    assert is_equal(fit(cache, make_noise()), first)
    corrected = make_corrected()
    second = fit(cache, corrected)
    assert is_equal(fit(cache, corrected), second)
    assert second.C != fit_fresh(corrected).C  # also the second time it was reused, not chosen again


def test_a_head_that_was_not_reused_is_not_reused_for_the_same_set(cache: FeatureCache) -> None:
    fit(cache, make_noise())
    changed = replace(make_noise(), features=make_corrected().features)
    assert fit(cache, changed).C == fit_fresh(changed).C  # labels and photos are equal: nothing was corrected


def test_many_new_photos_choose_again(cache: FeatureCache) -> None:
    few = make_noise()
    part = make_set(few.features[:40], few.y[:40])
    fit(cache, part)
    whole = make_corrected()  # a third of it is new
    assert fit(cache, whole).C == fit_fresh(whole).C


def test_another_seed_chooses_again(cache: FeatureCache) -> None:
    fit(cache, make_noise())
    corrected = make_corrected()
    assert fit(cache, corrected, seed=1).C == fit_fresh(corrected).C


@pytest.mark.parametrize(("photos", "expected"), [(60, 10), (999, 10), (1000, 5)])
def test_few_photos_are_held_out_in_twice_as_many_folds(photos: int, expected: int) -> None:
    y, groups = np.arange(photos) % 2, np.arange(photos) // 2
    numbers = head_folds(y, groups, TrainConfig(), map(str, range(photos)))
    assert len(np.unique(numbers)) == expected
    assert all(len(np.unique(numbers[groups == group])) == 1 for group in range(30))
