from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save

from classifier.errors import ModelError
from classifier.evaluation import ood
from classifier.evaluation.metrics import softmax
from classifier.evaluation.ood import OODModel
from classifier.messages.evaluation import FileCode


def clouds(count: int, first: int = 0, classes: int = 3, width: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, D) of clouds about centers that depend on the class's number, and the classes (N,)."""
    centers = np.random.default_rng(7).gamma(0.5, size=(20, width)) + 0.05
    labels = np.arange(count) % classes
    rng = np.random.default_rng(first + count)
    return (centers[first + labels] * rng.uniform(0.6, 1.6, (count, width))).astype(np.float32), labels


def confident(labels: np.ndarray, classes: int = 3) -> np.ndarray:
    """Probabilities (N, C) of a model that predicts the classes given, about equally confident of each."""
    logits = np.random.default_rng(len(labels)).normal(0, 0.5, (len(labels), classes))
    logits[np.arange(len(labels)), labels] += 6
    return softmax(logits.astype(np.float32))


def fitted(count: int = 300, proportion: float = 0.91) -> OODModel:
    features, labels = clouds(count)
    return ood.fit_ood(features, labels, np.arange(count), confident(labels), proportion)[0]


@pytest.mark.parametrize("proportion", [0.8, 0.95])
def test_new_photos_of_the_classes_are_mostly_accepted_and_others_not(proportion: float) -> None:
    model = fitted(proportion=proportion)
    features, labels = clouds(299)
    assert abs(model.in_distribution(features, confident(labels)).mean() - proportion) < 0.08
    foreign, y_pred = clouds(299, first=10)
    assert model.in_distribution(foreign, confident(y_pred)).mean() < 0.05


def test_a_photo_predicted_as_another_class_is_out_of_distribution() -> None:
    features, labels = clouds(90)
    assert fitted().in_distribution(features, confident((labels + 1) % 3)).mean() < 0.05


def test_small_logits_raise_the_score_at_the_same_distance() -> None:
    model = fitted()
    features, labels = clouds(299)
    probs = confident(labels)
    hesitant = softmax(np.log(probs) / 6)
    assert np.array_equal(hesitant.argmax(1), labels)
    assert (model.ood_score(features, hesitant) > model.ood_score(features, probs)).all()
    assert model.in_distribution(features, hesitant).mean() < model.in_distribution(features, probs).mean() - 0.1
    surer = model.in_distribution(clouds(299, first=10)[0], softmax(3 * np.log(probs)))
    assert surer.mean() < 0.05  # large logits alone bring no photo into the distribution


def test_the_score_adds_up_two_negative_log_p_values() -> None:
    """Survival functions of logistic distributions, by the median and the scale that the model keeps."""
    features, labels = clouds(300)
    probs = confident(labels)
    model, own_score = ood.fit_ood(features, labels, np.arange(300), probs)
    assert model.usual is not None
    values = np.stack([model.distances(features, labels), np.log(probs).mean(1)])
    survival = 1 / (1 + np.exp((values - model.usual[:, :1]) / model.usual[:, 1:]))
    expected = -np.log(survival[0]) - 0.5 * np.log(survival[1])
    np.testing.assert_allclose(model.ood_score(features, probs), expected, rtol=1e-3)
    assert (model.ood_score(features, probs) <= own_score + 1e-4).all()  # the photo itself is the nearest then
    energy = np.log(probs).mean(1)
    low, median, high = np.quantile(energy, (0.25, 0.5, 0.75))
    assert model.usual[1] == pytest.approx([median, max((high - low) / np.log(9), 0.05 * abs(median))], rel=1e-4)


def test_the_limit_is_the_conformal_quantile_of_the_training_scores() -> None:
    features, labels = clouds(300)
    model, score = ood.fit_ood(features, labels, np.arange(300), confident(labels), 0.91)
    assert model.limit == np.sort(score)[273]  # ceil(301 * 0.91) is 274
    model, score = ood.fit_ood(features, labels, np.arange(300), confident(labels), 1.0)
    assert model.limit == score.max()


@pytest.mark.parametrize(("count", "factor"), [(19, 1.5), (20, 1.0)])
def test_fewer_than_twenty_photos_have_a_wider_limit(count: int, factor: float) -> None:
    features, labels = clouds(count)
    model, score = ood.fit_ood(features, labels, np.arange(count), confident(labels), 0.999)
    assert model.limit == pytest.approx(factor * score.max())


def test_a_model_of_an_older_version_scores_by_distance_alone() -> None:
    features, labels = clouds(299)
    written = {key: value for key, value in fitted().tensors().items() if key != "usual"}
    model = OODModel.from_tensors({**written, "limit": np.array([0.02], np.float32)})
    distances = model.distances(features, labels)
    assert 0 < (distances <= 0.02).mean() < 1
    assert np.array_equal(model.in_distribution(features, confident(labels)), distances <= np.float32(0.02))
    assert "usual" not in model.tensors()


def test_equal_photos_still_have_a_limit() -> None:
    same = np.ones((30, 60), np.float32)
    labels = np.arange(30) % 3
    probs = np.full((30, 3), 0.05, np.float32) + 0.85 * np.eye(3, dtype=np.float32)[labels]
    model = ood.fit_ood(same, labels, np.arange(30), probs)[0]
    assert model.in_distribution(same, probs).all()
    foreign, y_pred = clouds(30)
    assert not model.in_distribution(foreign, confident(y_pred)).any()


def test_the_distance_is_that_of_the_five_nearest_of_the_class() -> None:
    features, labels = clouds(40)
    model = ood.fit_ood(features, labels, np.arange(40), confident(labels))[0]
    new, y_pred = clouds(10)
    one, other = (np.sqrt(rows) / np.linalg.norm(np.sqrt(rows), axis=1, keepdims=True) for rows in (new, features))
    projected = model.squared_distances(new)
    for row, label in enumerate(y_pred):
        nearest = np.sort(projected[row, labels == label])[:5]
        assert model.distances(new, y_pred)[row] == pytest.approx(nearest.mean(), rel=1e-4)
        squares = ((one[row] - other[labels == label]) ** 2).sum(1)
        assert model.distances(new, y_pred)[row] == pytest.approx(np.sort(squares)[:5].mean(), abs=2e-3)
    assert model.distances(new[:0], y_pred[:0]).shape == (0,)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_distance_is_the_mean_where_a_class_has_fewer_than_five_points(count: int) -> None:
    features, _ = clouds(40)
    labels = (np.arange(40) < count).astype(np.int64)
    model = ood.fit_ood(features, labels, np.arange(40), confident(labels, 2))[0]
    squares = model.squared_distances(features[20:21])[0, :count]
    assert model.distances(features[20:21], np.array([1])) == pytest.approx(squares.mean(), rel=1e-4)


def test_a_class_without_points_is_infinitely_far() -> None:
    features, labels = clouds(40)
    model = ood.fit_ood(features, labels, np.arange(40), confident(labels, 4))[0]
    assert np.isinf(model.distances(features[:2], np.array([3, 3]))).all()
    assert not model.in_distribution(features[:2], confident(np.array([3, 3]), 4)).any()


def test_negative_features_have_distances_of_their_own() -> None:
    features, labels = clouds(40)
    features[:, ::2] *= -1
    model = ood.fit_ood(features, labels, np.arange(40), confident(labels))[0]
    assert (model.distances(-features, labels) > 4 * model.distances(features, labels)).all()


def test_a_photo_is_not_measured_against_its_own_group() -> None:
    features, labels = clouds(60)
    twice, both = np.concatenate([features, features]), np.concatenate([labels, labels])
    groups = np.tile(np.arange(60), 2)
    probs = confident(both)
    models = [
        ood.fit_ood(features, labels, np.arange(60), probs[:60])[0],
        ood.fit_ood(twice, both, groups, probs)[0],
        ood.fit_ood(twice, both, np.arange(120), probs)[0],
    ]
    alone, grouped, ungrouped = (float(model.tensors()["usual"][0, 0]) for model in models)
    assert 0.6 * alone < grouped <= alone + 1e-3  # the five nearest now count twice
    assert ungrouped < 0.9 * grouped


@pytest.mark.parametrize("count", [2, 3, 7])
def test_a_handful_of_photos_has_a_wide_limit(count: int) -> None:
    features, labels = clouds(count)
    assert fitted(count).in_distribution(features, confident(labels)).all()


def test_every_class_of_many_photos_keeps_points() -> None:
    """An even step over all photos leaves out small classes and rejects all of their photos."""
    sizes = np.array([4000, 3, 2, 3, 2, 4000])
    features, labels = clouds(6 * 4000, classes=6)
    chosen = np.concatenate([np.flatnonzero(labels == label)[:size] for label, size in enumerate(sizes)])
    features, labels = features[chosen], labels[chosen]
    small = (labels > 0) & (labels < 5)
    features[small] = features[np.searchsorted(labels, labels[small])]  # equal within each small class
    probs = confident(labels, 6)
    model = ood.fit_ood(features, labels, np.arange(len(labels)), probs)[0]
    assert np.array_equal(np.unique(model.labels), np.arange(6))
    assert len(model.labels) <= 2000
    assert model.in_distribution(features[small], probs[small]).mean() > 0.8


def test_many_photos_stay_within_a_megabyte() -> None:
    features, labels = clouds(2500, width=1280)
    model = ood.fit_ood(features, labels, np.arange(2500), confident(labels))[0]
    assert sum(part.nbytes for part in model.tensors().values()) < 1_000_000
    assert model.in_distribution(features[::7], confident(labels)[::7]).mean() > 0.85


@pytest.mark.parametrize("count", [200, 400])
def test_the_basis_holds_the_principal_directions(count: int) -> None:
    """Nearly as much variance as the largest singular values; of few photos all of it."""
    rng = np.random.default_rng(0)
    scales = 0.97 ** np.arange(640)
    features = (1 + np.abs(rng.normal(size=(count, 640)) * scales)).astype(np.float32)
    torch.manual_seed(count)
    labels = np.arange(count) % 2
    state = torch.random.get_rng_state()
    first, second = (ood.fit_ood(features, labels, np.arange(count), confident(labels, 2))[0] for _ in range(2))
    assert np.array_equal(first.basis, second.basis)
    assert torch.equal(torch.random.get_rng_state(), state)
    rank = min(count, 170_000 // 640)
    assert first.basis.shape == (640, rank)
    np.testing.assert_allclose(first.basis.T @ first.basis, np.eye(rank), atol=0.02)
    rows = np.sqrt(features) / np.linalg.norm(np.sqrt(features), axis=1, keepdims=True)
    rows -= rows.mean(0)
    largest = np.square(np.linalg.svd(rows, compute_uv=False))[:rank].sum()
    assert np.square(rows @ first.basis).sum() > 0.98 * largest


def test_the_file_gives_the_same_scores() -> None:
    model = fitted()
    again = OODModel.from_tensors(load(save(model.tensors())))
    features, labels = clouds(50)
    assert np.array_equal(model.ood_score(features, confident(labels)), again.ood_score(features, confident(labels)))
    assert again.limit == pytest.approx(model.limit)
    assert model.tensors()["points"].dtype == np.float16


def test_scores_do_not_depend_on_how_many_photos_come_at_once() -> None:
    features, labels = clouds(1500)
    model = fitted()
    together = model.ood_score(features, confident(labels))
    probs = confident(labels)
    apart = [model.ood_score(features[row : row + 1], probs[row : row + 1])[0] for row in (0, 1023, 1024, 1499)]
    np.testing.assert_allclose(together[[0, 1023, 1024, 1499]], apart, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        {"centre": np.zeros(3)}, {"labels": np.zeros(2)}, {"points": np.zeros((0, 5))}, {"limit": np.array([np.nan])},
        {"limit": np.zeros(0)}, {"basis": np.zeros(4)}, {"centre": np.zeros((60, 1))},
        {"points": np.zeros((0, 60)), "labels": np.zeros(0)},
        {"usual": np.ones(2)}, {"usual": np.zeros((2, 2))}, {"usual": np.full((2, 2), np.nan)},
        {"usual": np.array([[1, 1], [1, -1]])},
    ],
)  # fmt: skip
def test_tensors_that_do_not_fit_together_raise_a_model_error(change: dict[str, np.ndarray]) -> None:
    with pytest.raises(ModelError, match="damaged") as raised:
        OODModel.from_tensors({**fitted().tensors(), **change})
    assert raised.value.code is FileCode.OOD_DAMAGED


@pytest.mark.parametrize("missing", ["centre", "basis", "points", "labels", "limit"])
def test_missing_tensors_raise_a_model_error(missing: str) -> None:
    with pytest.raises(ModelError, match="damaged"):
        OODModel.from_tensors({key: value for key, value in fitted().tensors().items() if key != missing})


def drawn_together(features: np.ndarray, labels: np.ndarray, idx: np.ndarray) -> np.ndarray:
    """Features of a network that was trained on the photos ``idx``: these lie closer to the center of their class."""
    found = features.copy()
    for label in np.unique(labels):
        rows = idx[labels[idx] == label]
        found[rows] = 0.9 * features[rows].mean(0) + 0.1 * features[rows]
    return found


def test_new_photos_of_a_fine_tuned_network_are_mostly_accepted() -> None:
    features, labels = clouds(300)
    idx, new = np.arange(200), np.arange(200, 300)
    folds = []
    for val_idx in np.array_split(np.random.default_rng(0).permutation(idx), 5):
        folds.append((drawn_together(features, labels, np.setdiff1d(idx, val_idx))[idx], val_idx))
    probs = confident(labels[np.concatenate([val_idx for _, val_idx in folds])])
    trained = drawn_together(features, labels, idx)
    model, scores = ood.fit_fine_tuned_ood(trained[idx], labels[idx], folds, probs)
    assert len(scores) == 200
    assert abs(model.in_distribution(trained[new], confident(labels[new])).mean() - 0.91) < 0.08
    foreign, y_pred = clouds(299, first=10)
    assert model.in_distribution(foreign, confident(y_pred)).mean() < 0.1
    naive, _ = ood.fit_ood(trained[idx], labels[idx], idx, confident(labels[idx]))
    assert naive.in_distribution(trained[new], confident(labels[new])).mean() < 0.5
