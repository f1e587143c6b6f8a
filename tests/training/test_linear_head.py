from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from classifier.data.splits import stratified_group_folds
from classifier.evaluation.metrics import softmax
from classifier.training import linear_head


def cloud(counts: tuple[int, ...], width: int = 60, apart: float = 3.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, D) of one cloud per class, features of very different spread; labels (N,)."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    centres = rng.normal(0, apart / np.sqrt(width), (len(counts), width))
    rows = centres[labels] + rng.normal(0, 1 / np.sqrt(width), (len(labels), width)) * 3
    return (rows * np.geomspace(0.1, 3, width) + 5).astype(np.float32), labels


def parts(labels: np.ndarray, count: int = 5) -> np.ndarray:
    return stratified_group_folds(labels, np.arange(len(labels)), count, 0)


def fit(features: np.ndarray, labels: np.ndarray, **more: object) -> linear_head.LinearHead:
    return linear_head.fit_linear_head(features, labels, int(labels.max()) + 1, parts(labels), **more)


@pytest.mark.parametrize(("counts", "width"), [((40, 40, 40), 20), ((60, 15, 30), 200)])
@pytest.mark.parametrize("strength", [10.0, 100.0])
def test_the_head_is_scikit_learns_logistic_regression(counts: tuple[int, ...], width: int, strength: float) -> None:
    features, labels = cloud(counts, width)
    fitted = fit(features, labels, strengths=(strength,))
    assert fitted.strength == strength
    best = None
    for shrinkage in linear_head.SHRINKAGES:  # the head decides between them by itself
        shift, variance = features.mean(0), features.var(0)
        spread = np.sqrt(variance + shrinkage * variance.mean())
        spread *= np.sqrt((variance / spread**2).sum())
        theirs = LogisticRegression(C=strength, class_weight="balanced", tol=1e-8, max_iter=5000)
        theirs.fit((features - shift) / spread, labels)
        ours = fitted.weight * spread * fitted.temperature
        difference = np.abs((ours - ours.mean(0)) - (theirs.coef_ - theirs.coef_.mean(0))).max()
        scale = np.abs(theirs.coef_).max()
        if best is None or difference / scale < best[0]:
            logits = (features @ fitted.weight.T + fitted.bias) * fitted.temperature
            best = difference / scale, softmax(logits), theirs.predict_proba((features - shift) / spread)
    assert best is not None
    assert best[0] < 0.03
    assert np.abs(best[1] - best[2]).max() < 0.02
    sure = np.sort(best[2], 1)[:, -1] - np.sort(best[2], 1)[:, -2] > 0.02
    assert np.array_equal(best[1].argmax(1)[sure], best[2].argmax(1)[sure])


def test_what_is_remembered_of_a_fit_cannot_be_changed_from_outside_and_is_of_that_very_question() -> None:
    features, labels = cloud((12, 12))
    first = fit(features, labels)
    kept = first.weight.copy(), first.bias.copy(), first.probabilities.copy()
    for array in (first.weight, first.bias, first.probabilities):
        array[:] = 0
    again = fit(features, labels)
    assert all(map(np.array_equal, (again.weight, again.bias, again.probabilities), kept))
    for other in (fit(features, labels[::-1].copy()), fit(features + features[0], labels, strengths=(10.0,))):
        assert not np.allclose(other.probabilities, again.probabilities)


def test_held_out_probabilities_come_from_heads_that_did_not_see_the_photo() -> None:
    features, labels = cloud((30, 30))
    held_out = parts(labels)
    first = linear_head.fit_linear_head(features, labels, 2, held_out, strengths=(30.0,))
    turned = labels.copy()
    turned[held_out == 2] = 1 - turned[held_out == 2]
    second = linear_head.fit_linear_head(features, turned, 2, held_out, strengths=(30.0,))
    # What the photos of a part are called changes every head but the one that judges them.
    one = first.probabilities[held_out == 2] ** first.temperature
    other = second.probabilities[held_out == 2] ** second.temperature
    np.testing.assert_allclose(one / one.sum(1, keepdims=True), other / other.sum(1, keepdims=True), atol=0.02)


def test_separable_classes_are_told_apart_also_out_of_fold() -> None:
    features, labels = cloud((20, 20, 20), apart=60)
    fitted = fit(features, labels)
    assert np.array_equal(fitted.probabilities.argmax(1), labels)
    assert np.array_equal((features @ fitted.weight.T + fitted.bias).argmax(1), labels)
    np.testing.assert_allclose(fitted.probabilities.sum(1), 1, atol=1e-5)


def test_noise_is_not_learned() -> None:
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(200, 50)).astype(np.float32), np.arange(200) % 2
    fitted = fit(features, labels)
    assert abs((fitted.probabilities.argmax(1) == labels).mean() - 0.5) < 0.15
    assert fitted.loss < 0.75  # hardly worse than saying “half and half”: log 2 is 0.69


def test_a_small_class_counts_as_much_as_a_large_one() -> None:
    features, labels = cloud((100, 12), apart=6)
    hits = fit(features, labels).probabilities.argmax(1) == labels
    assert hits[labels == 1].mean() > 0.8


@pytest.mark.parametrize("counts", [(1, 1), (1, 9), (2, 1, 5), (3, 3)])
def test_a_handful_of_photos_gives_a_head_all_the_same(counts: tuple[int, ...]) -> None:
    features, labels = cloud(counts, apart=30)
    fitted = fit(features, labels)
    for values in (fitted.weight, fitted.bias, fitted.probabilities, np.array([fitted.loss])):
        assert np.isfinite(values).all()
    assert fitted.weight.shape == (len(counts), 60)
    single = [label for label, count in enumerate(counts) if count == 1]
    assert not any(fitted.probabilities.argmax(1)[labels == label][0] == label for label in single)


def test_photos_that_are_all_alike_and_features_that_never_vary_break_nothing() -> None:
    labels = np.arange(10) % 2
    for features in (np.ones((10, 4)), np.zeros((10, 4)), np.eye(10)[:, :4]):
        fitted = fit(features.astype(np.float32), labels)
        assert np.isfinite(fitted.weight).all()
        assert np.isfinite(fitted.probabilities).all()


def test_a_class_that_lies_in_one_fold_only_is_survived() -> None:
    features, labels = cloud((20, 20, 4), apart=30)
    held_out = parts(labels)
    held_out[labels == 2] = 0
    fitted = linear_head.fit_linear_head(features, labels, 3, held_out)
    assert np.isfinite(fitted.probabilities).all()
    assert np.array_equal(fitted.probabilities.argmax(1)[labels < 2], labels[labels < 2])
    assert np.array_equal((features @ fitted.weight.T + fitted.bias).argmax(1), labels)  # the last head knows it


def test_one_fold_for_all_photos_is_survived() -> None:
    features, labels = cloud((4, 4), apart=30)
    fitted = linear_head.fit_linear_head(features, labels, 2, np.zeros(8, np.int64))
    assert np.isfinite(fitted.probabilities).all()
    assert np.array_equal((features @ fitted.weight.T + fitted.bias).argmax(1), labels)


def test_the_same_photos_give_the_same_head_to_the_last_bit() -> None:
    features, labels = cloud((30, 20))
    one, other = fit(features, labels), fit(features, labels)
    assert np.array_equal(one.weight, other.weight)
    assert np.array_equal(one.probabilities, other.probabilities)
    assert (one.strength, one.temperature, one.loss) == (other.strength, other.temperature, other.loss)


def test_the_temperature_is_bounded_and_few_photos_do_not_move_it_far() -> None:
    for counts, apart in (((2, 2), 60.0), ((30, 30), 60.0), ((30, 30), 0.0)):
        assert 0.1 <= fit(*cloud(counts, apart=apart)).temperature <= 10
    assert 0.4 <= fit(*cloud((3, 3), apart=60)).temperature <= 2.5


def test_confidences_out_of_fold_are_about_as_often_right_as_they_say() -> None:
    fitted_on = cloud((150, 150, 150), width=20, apart=4)
    fitted = fit(*fitted_on)
    right = fitted.probabilities.argmax(1) == fitted_on[1]
    assert abs(fitted.probabilities.max(1).mean() - right.mean()) < 0.05


@pytest.mark.parametrize("counts", [(20, 20), (30, 9, 14)])
@pytest.mark.parametrize("shrinkage", linear_head.SHRINKAGES)
def test_the_quick_judge_gives_what_refitting_for_every_fold_gives(counts: tuple[int, ...], shrinkage: float) -> None:
    features, labels = cloud(counts, apart=4)
    held_out = parts(labels)
    hits, error = linear_head.cross_validated_ridge(features, labels, len(counts), held_out, shrinkage)
    variance = features.var(0)
    spread = np.sqrt(variance + shrinkage * variance.mean())
    scaled = (features - features.mean(0)) / (spread * np.sqrt((variance / spread**2).sum()))
    targets = np.eye(len(counts))[labels]
    targets -= targets.mean(0)
    tried = []
    for penalty in (0.01, 0.03, 0.1):
        answers = np.zeros_like(targets)
        for part in range(5):
            seen = held_out != part
            ridge = Ridge(alpha=penalty, fit_intercept=False).fit(scaled[seen], targets[seen])
            answers[~seen] = ridge.predict(scaled[~seen])
        tried.append((((answers - targets) ** 2).sum(1).mean(), answers))
    best = min(tried, key=lambda each: each[0])
    assert error == pytest.approx(best[0], rel=0.01)
    top = np.sort(best[1], 1)
    clear = top[:, -1] - top[:, -2] > 0.01
    assert np.array_equal(hits[clear], (best[1].argmax(1) == labels)[clear])


def test_ahead_needs_more_than_chance() -> None:
    none, all_, half = np.zeros(40, bool), np.ones(40, bool), np.arange(40) % 2 == 0
    assert linear_head.is_significantly_better(all_, none)
    assert linear_head.is_significantly_better(all_, half)
    assert not linear_head.is_significantly_better(none, all_)
    assert not linear_head.is_significantly_better(half, half)
