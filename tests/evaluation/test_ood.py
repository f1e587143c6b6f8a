from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load, save

from classifier.errors import ModelError
from classifier.evaluation import ood
from classifier.evaluation.metrics import softmax
from classifier.evaluation.ood import OODModel


def kinds(count: int, first: int = 0, classes: int = 3, width: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, D) of clouds about centres that depend on the class's number, and the classes (N,)."""
    centres = np.random.default_rng(7).gamma(0.5, size=(20, width)) + 0.05
    labels = np.arange(count) % classes
    rng = np.random.default_rng(first + count)
    return (centres[first + labels] * rng.uniform(0.6, 1.6, (count, width))).astype(np.float32), labels


def sure(labels: np.ndarray, classes: int = 3) -> np.ndarray:
    """Probabilities (N, C) of a model that takes each photo for the class given and is about as sure of each."""
    logits = np.random.default_rng(len(labels)).normal(0, 0.5, (len(labels), classes))
    logits[np.arange(len(labels)), labels] += 6
    return softmax(logits.astype(np.float32))


def learnt(count: int = 300, keep: float = 0.91) -> OODModel:
    features, labels = kinds(count)
    return ood.fit_ood(features, labels, np.arange(count), sure(labels), keep)[0]


@pytest.mark.parametrize("keep", [0.8, 0.95])
def test_new_photos_of_the_same_kind_are_mostly_familiar_and_others_are_not(keep: float) -> None:
    found = learnt(keep=keep)
    features, labels = kinds(299)
    assert abs(found.in_distribution(features, sure(labels)).mean() - keep) < 0.08
    strange, guesses = kinds(299, first=10)
    assert found.in_distribution(strange, sure(guesses)).mean() < 0.05


def test_a_photo_taken_for_the_wrong_class_is_not_familiar() -> None:
    features, labels = kinds(90)
    assert learnt().in_distribution(features, sure((labels + 1) % 3)).mean() < 0.05


def test_a_photo_for_which_little_speaks_is_stranger_than_one_at_the_same_distance() -> None:
    found = learnt()
    features, labels = kinds(299)
    shares = sure(labels)
    doubted = softmax(np.log(shares) / 6)
    assert np.array_equal(doubted.argmax(1), labels)
    assert (found.ood_score(features, doubted) > found.ood_score(features, shares)).all()
    assert found.in_distribution(features, doubted).mean() < found.in_distribution(features, shares).mean() - 0.1
    surer = found.in_distribution(kinds(299, first=10)[0], softmax(3 * np.log(shares)))
    assert surer.mean() < 0.05  # to be sure of a class makes no photo familiar


def test_a_model_of_an_older_version_goes_by_distance_alone() -> None:
    features, labels = kinds(299)
    written = {key: value for key, value in learnt().tensors().items() if key != "usual"}
    found = OODModel.from_tensors({**written, "limit": np.array([0.02], np.float32)})
    distances = found.distances(features, labels)
    assert 0 < (distances <= 0.02).mean() < 1
    assert np.array_equal(found.in_distribution(features, sure(labels)), distances <= np.float32(0.02))
    assert "usual" not in found.tensors()


def test_photos_that_are_all_the_same_still_leave_a_limit() -> None:
    same = np.ones((30, 60), np.float32)
    labels = np.arange(30) % 3
    shares = np.full((30, 3), 0.05, np.float32) + 0.85 * np.eye(3, dtype=np.float32)[labels]
    found = ood.fit_ood(same, labels, np.arange(30), shares)[0]
    assert found.in_distribution(same, shares).all()
    strange, guesses = kinds(30)
    assert not found.in_distribution(strange, sure(guesses)).any()


def test_the_distance_is_that_of_the_five_nearest_of_the_class() -> None:
    features, labels = kinds(40)
    found = ood.fit_ood(features, labels, np.arange(40), sure(labels))[0]
    new, guesses = kinds(10)
    one, other = (np.sqrt(rows) / np.linalg.norm(np.sqrt(rows), axis=1, keepdims=True) for rows in (new, features))
    for place, guess in enumerate(guesses):
        squares = ((one[place] - other[labels == guess]) ** 2).sum(1)
        assert found.distances(new, guesses)[place] == pytest.approx(np.sort(squares)[:5].mean(), abs=2e-3)


def test_a_photo_is_not_measured_against_its_own_scene() -> None:
    features, labels = kinds(60)
    twice, both = np.concatenate([features, features]), np.concatenate([labels, labels])
    scenes = np.tile(np.arange(60), 2)
    shares = sure(both)
    fitted = [
        ood.fit_ood(features, labels, np.arange(60), shares[:60]),
        ood.fit_ood(twice, both, scenes, shares),
        ood.fit_ood(twice, both, np.arange(120), shares),
    ]
    alone, again, careless = (float(known.tensors()["usual"][0, 0]) for known, _ in fitted)
    assert 0.6 * alone < again <= alone + 1e-3  # the five nearest now count twice
    assert careless < 0.9 * again


@pytest.mark.parametrize("count", [2, 3, 7])
def test_a_handful_of_photos_draws_a_wide_limit(count: int) -> None:
    found = learnt(count)
    features, labels = kinds(count)
    assert found.in_distribution(features, sure(labels)).all()


def test_many_photos_stay_within_a_megabyte() -> None:
    features, labels = kinds(5000, width=1280)
    found = ood.fit_ood(features, labels, np.arange(5000), sure(labels))[0]
    assert sum(part.nbytes for part in found.tensors().values()) < 1_000_000
    assert found.in_distribution(features[::7], sure(labels)[::7]).mean() > 0.85


def test_what_is_written_down_gives_the_same_answers() -> None:
    found = learnt()
    again = OODModel.from_tensors(load(save(found.tensors())))
    features, labels = kinds(50)
    assert np.array_equal(found.ood_score(features, sure(labels)), again.ood_score(features, sure(labels)))
    assert again.limit == pytest.approx(found.limit)


@pytest.mark.parametrize(
    "change",
    [
        {"centre": np.zeros(3)}, {"labels": np.zeros(2)}, {"points": np.zeros((0, 5))}, {"limit": np.array([np.nan])},
        {"limit": np.zeros(0)}, {"basis": np.zeros(4)},
        {"usual": np.ones(2)}, {"usual": np.zeros((2, 2))}, {"usual": np.full((2, 2), np.nan)},
    ],
)  # fmt: skip
def test_tensors_that_do_not_belong_together_are_a_plain_message(change: dict[str, np.ndarray]) -> None:
    with pytest.raises(ModelError, match="damaged"):
        OODModel.from_tensors({**learnt().tensors(), **change})


@pytest.mark.parametrize("missing", ["centre", "basis", "points", "labels", "limit"])
def test_tensors_that_are_missing_are_a_plain_message(missing: str) -> None:
    with pytest.raises(ModelError, match="damaged"):
        OODModel.from_tensors({key: value for key, value in learnt().tensors().items() if key != missing})
