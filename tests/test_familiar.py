from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load, save

from classifier import familiar
from classifier.errors import ModelError
from classifier.familiar import Familiar


def kinds(count: int, first: int = 0, classes: int = 3, width: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, D) of clouds about centres that depend on the class's number, and the classes (N,)."""
    centres = np.random.default_rng(7).gamma(0.5, size=(20, width)) + 0.05
    labels = np.arange(count) % classes
    rng = np.random.default_rng(first + count)
    return (centres[first + labels] * rng.uniform(0.6, 1.6, (count, width))).astype(np.float32), labels


def learnt(count: int = 300, keep: float = 0.93) -> Familiar:
    features, labels = kinds(count)
    return familiar.fit(features, labels, np.arange(count), labels, keep)[0]


@pytest.mark.parametrize("keep", [0.8, 0.95])
def test_new_photos_of_the_same_kind_are_mostly_familiar_and_others_are_not(keep: float) -> None:
    found = learnt(keep=keep)
    features, labels = kinds(299)
    assert abs(found.knows(features, labels).mean() - keep) < 0.08
    strange, guesses = kinds(299, first=10)
    assert found.knows(strange, guesses).mean() < 0.05


def test_a_photo_taken_for_the_wrong_class_is_not_familiar() -> None:
    features, labels = kinds(90)
    assert learnt().knows(features, (labels + 1) % 3).mean() < 0.05


def test_the_distance_is_that_of_the_five_nearest_of_the_class() -> None:
    features, labels = kinds(40)
    found = familiar.fit(features, labels, np.arange(40), labels)[0]
    new, guesses = kinds(10)
    one, other = (np.sqrt(rows) / np.linalg.norm(np.sqrt(rows), axis=1, keepdims=True) for rows in (new, features))
    for place, guess in enumerate(guesses):
        squares = ((one[place] - other[labels == guess]) ** 2).sum(1)
        assert found.distances(new, guesses)[place] == pytest.approx(np.sort(squares)[:5].mean(), abs=2e-3)


def test_a_photo_is_not_measured_against_its_own_scene() -> None:
    features, labels = kinds(60)
    twice, both = np.concatenate([features, features]), np.concatenate([labels, labels])
    scenes = np.tile(np.arange(60), 2)
    alone = familiar.fit(features, labels, np.arange(60), labels)[1]
    again = familiar.fit(twice, both, scenes, both)[1]
    assert (again[:60] <= alone + 1e-3).all()  # the five nearest now count twice
    assert again.min() > 0.001
    careless = familiar.fit(twice, both, np.arange(120), both)[1]
    assert careless.mean() < 0.9 * again.mean()


@pytest.mark.parametrize("count", [2, 3, 7])
def test_a_handful_of_photos_draws_a_wide_limit(count: int) -> None:
    found = learnt(count)
    assert found.knows(*kinds(count)).all()


def test_many_photos_stay_within_a_megabyte() -> None:
    features, labels = kinds(5000, width=1280)
    found = familiar.fit(features, labels, np.arange(5000), labels)[0]
    assert sum(part.nbytes for part in found.tensors().values()) < 1_000_000
    assert found.knows(features[::7], labels[::7]).mean() > 0.85


def test_what_is_written_down_gives_the_same_answers() -> None:
    found = learnt()
    again = Familiar.from_tensors(load(save(found.tensors())))
    features, labels = kinds(50)
    assert np.array_equal(found.distances(features, labels), again.distances(features, labels))
    assert again.limit == pytest.approx(found.limit)


@pytest.mark.parametrize(
    "change",
    [
        {"centre": np.zeros(3)}, {"labels": np.zeros(2)}, {"points": np.zeros((0, 5))}, {"limit": np.array([np.nan])},
        {"limit": np.zeros(0)}, {"basis": np.zeros(4)},
    ],
)  # fmt: skip
def test_tensors_that_do_not_belong_together_are_a_plain_message(change: dict[str, np.ndarray]) -> None:
    with pytest.raises(ModelError, match="damaged"):
        Familiar.from_tensors({**learnt().tensors(), **change})
    with pytest.raises(ModelError, match="damaged"):
        Familiar.from_tensors({key: value for key, value in learnt().tensors().items() if key not in change})
