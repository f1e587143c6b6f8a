"""The linear head against scikit-learn, its out-of-fold probabilities, calibration and cache."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from classifier.data.splits import stratified_group_folds
from classifier.evaluation.metrics import softmax
from classifier.training import linear_head
from classifier.training.linear_head import C_VALUES, SHRINKAGES, LinearHead, fit_linear_head

Arrays = tuple[np.ndarray, np.ndarray]


def make_clusters(counts: tuple[int, ...], width: int = 60, distance: float = 3.0, seed: int = 0) -> Arrays:
    """Features (N, D) of one cluster per class, with features of very different variance; classes (N,)."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(counts)), counts)
    centers = rng.normal(0, distance / np.sqrt(width), (len(counts), width))
    rows = centers[y] + rng.normal(0, 1 / np.sqrt(width), (len(y), width)) * 3
    return (rows * np.geomspace(0.1, 3, width) + 5).astype(np.float32), y


def folds_of(y: np.ndarray, count: int = 5) -> np.ndarray:
    return stratified_group_folds(y, np.arange(len(y)), count, 0)


def fit(features: np.ndarray, y: np.ndarray, **more: object) -> LinearHead:
    return fit_linear_head(features, y, int(y.max()) + 1, folds_of(y), **more)


def logits_of(head: LinearHead, features: np.ndarray) -> np.ndarray:
    return features @ head.weight.T + head.bias


def scale_of(features: np.ndarray, shrinkage: float) -> np.ndarray:
    """The divisor (D,) of the features, from its definition."""
    variance = features.var(0)
    spread = np.sqrt(variance + shrinkage * variance.mean())
    return spread * np.sqrt((variance / spread**2).sum())


# the head


@pytest.mark.parametrize(("counts", "width"), [((40, 40, 40), 20), ((60, 15, 30), 200)])
@pytest.mark.parametrize("C", [10.0, 100.0])
@pytest.mark.parametrize("shrinkage", SHRINKAGES)
def test_the_head_is_the_logistic_regression_of_scikit_learn(
    counts: tuple[int, ...], width: int, C: float, shrinkage: float
) -> None:
    features, y = make_clusters(counts, width)
    head = fit(features, y, C_values=(C,), shrinkage=shrinkage)
    assert (head.C, head.shrinkage) == (C, shrinkage)
    scale = scale_of(features, shrinkage)
    scaled = (features - features.mean(0)) / scale
    oracle = LogisticRegression(C=C, class_weight="balanced", tol=1e-8, max_iter=5000).fit(scaled, y)
    ours = head.weight * scale * head.temperature
    difference = np.abs((ours - ours.mean(0)) - (oracle.coef_ - oracle.coef_.mean(0))).max()
    assert difference / np.abs(oracle.coef_).max() < 0.03
    probs = softmax(logits_of(head, features) * head.temperature)
    assert np.abs(probs - oracle.predict_proba(scaled)).max() < 0.02


def test_separable_classes_are_separated_also_out_of_fold() -> None:
    features, y = make_clusters((20, 20, 20), distance=60)
    head = fit(features, y)
    assert np.array_equal(head.probabilities.argmax(1), y)
    assert np.array_equal(logits_of(head, features).argmax(1), y)
    np.testing.assert_allclose(head.probabilities.sum(1), 1, atol=1e-5)


def test_a_small_class_counts_as_much_as_a_large_one() -> None:
    features, y = make_clusters((100, 12), distance=6)
    correct = fit(features, y).probabilities.argmax(1) == y
    assert correct[y == 1].mean() > 0.8


def test_noise_is_not_learned() -> None:
    rng = np.random.default_rng(0)
    features, y = rng.normal(size=(200, 50)).astype(np.float32), np.arange(200) % 2
    head = fit(features, y)
    assert abs((head.probabilities.argmax(1) == y).mean() - 0.5) < 0.15
    assert head.loss < 0.75  # that of equal probabilities is log 2 = 0.69
    assert C_VALUES[0] == head.C  # a weaker penalty does not lower the loss


def test_the_loss_is_the_log_loss_of_the_probabilities() -> None:
    features, y = make_clusters((30, 20))
    head = fit(features, y)
    assert head.loss == pytest.approx(-np.log(head.probabilities[np.arange(50), y]).mean(), rel=1e-4)


def test_equal_photos_give_a_bit_identical_head() -> None:
    features, y = make_clusters((30, 20))
    other_features, other_y = make_clusters((12, 12), seed=1)
    first = fit(features, y)
    for seed in range(5):  # so many that the first is no longer in the cache
        fit(*make_clusters((4, 4), seed=seed))
    second = fit(features, y)
    assert np.array_equal(first.weight, second.weight)
    assert np.array_equal(first.probabilities, second.probabilities)
    assert (first.C, first.temperature, first.loss) == (second.C, second.temperature, second.loss)
    assert fit(other_features, other_y).probabilities.shape == (24, 2)


# out of fold


def test_out_of_fold_probabilities_do_not_depend_on_the_own_label() -> None:
    features, y = make_clusters((30, 30))
    folds = folds_of(y)
    first = fit_linear_head(features, y, 2, folds, C_values=(30.0,))
    flipped = y.copy()
    flipped[folds == 2] = 1 - flipped[folds == 2]  # changes every head but the one of this fold
    second = fit_linear_head(features, flipped, 2, folds, C_values=(30.0,))
    one = first.probabilities[folds == 2] ** first.temperature
    other = second.probabilities[folds == 2] ** second.temperature
    np.testing.assert_allclose(one / one.sum(1, keepdims=True), other / other.sum(1, keepdims=True), atol=0.02)


def test_out_of_fold_probabilities_are_those_of_refitted_heads() -> None:
    features, y = make_clusters((30, 20, 12))
    folds, shrinkage = folds_of(y, 3), 1.0
    head = fit_linear_head(features, y, 3, folds, (30.0,), shrinkage)
    scaled = (features - features.mean(0)) / scale_of(features, shrinkage)
    probs = np.zeros((len(y), 3))
    for fold in range(3):
        inside = folds == fold
        weights = len(y[~inside]) / (3 * np.bincount(y[~inside]))
        oracle = LogisticRegression(C=30.0, class_weight=dict(enumerate(weights)), tol=1e-8, max_iter=5000)
        probs[inside] = oracle.fit(scaled[~inside], y[~inside]).predict_proba(scaled[inside])
    ours = head.probabilities**head.temperature
    np.testing.assert_allclose(ours / ours.sum(1, keepdims=True), probs, atol=0.03)


def test_classes_count_the_same_in_a_fold_that_lacks_one() -> None:
    features, y = make_clusters((30, 10, 20))
    folds = folds_of(y, 2)
    folds[y == 2] = 0  # the head that predicts fold 0 has two classes to train on
    head = fit_linear_head(features, y, 3, folds, (10.0,), 1.0)
    scaled = (features - features.mean(0)) / scale_of(features, 1.0)
    train_idx, val_idx = folds == 1, (folds == 0) & (y < 2)
    # Of two classes scikit-learn fits one row of weights, of which C counts half as much.
    oracle = LogisticRegression(C=20.0, class_weight="balanced", tol=1e-8).fit(scaled[train_idx], y[train_idx])
    ours = head.probabilities[val_idx, :2] ** head.temperature
    np.testing.assert_allclose(ours[:, 0] / ours.sum(1), oracle.predict_proba(scaled[val_idx])[:, 0], atol=0.01)


@pytest.mark.parametrize("counts", [(1, 1), (1, 9), (2, 1, 5), (3, 3)])
def test_a_handful_of_photos_gives_a_finite_head(counts: tuple[int, ...]) -> None:
    features, y = make_clusters(counts, distance=30)
    head = fit(features, y)
    for values in (head.weight, head.bias, head.probabilities, np.array([head.loss])):
        assert np.isfinite(values).all()
    assert head.weight.shape == (len(counts), 60)
    single = [label for label, count in enumerate(counts) if count == 1]
    assert not any(head.probabilities.argmax(1)[y == label][0] == label for label in single)


def test_equal_photos_and_constant_features_give_a_finite_head() -> None:
    y = np.arange(10) % 2
    wide = np.full((10, 40), 0.1), np.zeros((10, 40)), np.eye(10, 40)
    for features in (np.ones((10, 4)), np.zeros((10, 4)), np.eye(10)[:, :4], *wide):
        head = fit(features.astype(np.float32), y)
        assert np.isfinite(head.weight).all()
        assert np.isfinite(head.probabilities).all()


def test_a_class_in_one_fold_only_is_known_to_the_final_head() -> None:
    features, y = make_clusters((20, 20, 4), distance=30)
    folds = folds_of(y)
    folds[y == 2] = 0
    head = fit_linear_head(features, y, 3, folds)
    assert np.isfinite(head.probabilities).all()
    assert np.array_equal(head.probabilities.argmax(1)[y < 2], y[y < 2])
    assert np.array_equal(logits_of(head, features).argmax(1), y)


def test_one_fold_for_all_photos_gives_a_head() -> None:
    features, y = make_clusters((4, 4), distance=30)
    head = fit_linear_head(features, y, 2, np.zeros(8, np.int64))
    assert np.isfinite(head.probabilities).all()
    assert np.array_equal(logits_of(head, features).argmax(1), y)


# hyperparameters


def test_a_weaker_penalty_is_taken_where_the_loss_falls_clearly() -> None:
    features, y = make_clusters((60, 60), distance=9)
    head = fit(features, y)
    losses = {C: fit(features, y, C_values=(C,), shrinkage=head.shrinkage).loss for C in C_VALUES}
    assert C_VALUES[0] < head.C
    assert losses[head.C] < 0.995 * losses[C_VALUES[0]]


def test_a_large_set_never_tries_the_strongest_penalty() -> None:
    rng = np.random.default_rng(0)
    for count, C in ((linear_head.SMALL, C_VALUES[1]), (linear_head.SMALL - 1, C_VALUES[0])):
        features, y = rng.normal(size=(count, 4)).astype(np.float32), np.arange(count) % 2
        assert fit(features, y, shrinkage=1.0).C == C


def test_the_second_shrinkage_is_chosen_where_it_is_significantly_better() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    noise = rng.normal(0, 30, (200, 100))
    informative = np.where(y[:, None] == 1, 1.2, -1.2) + rng.normal(0, 1, (200, 4))  # a thousandth of the variance
    features = np.concatenate([noise, informative], 1).astype(np.float32)
    assert fit(features, y, C_values=(30.0,)).shrinkage == SHRINKAGES[1]
    assert fit(*make_clusters((60, 60)), C_values=(30.0,)).shrinkage == SHRINKAGES[0]


# reduction of large problems


@pytest.mark.slow
@pytest.mark.parametrize(("count", "width", "n_classes"), [(2560, 80, 80), (560, 640, 48)])
def test_a_large_problem_discards_the_last_twentieth_of_variance(count: int, width: int, n_classes: int) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(count) % n_classes
    centers = rng.normal(0, 1, (n_classes, width))
    features = (centers[y] + rng.normal(0, 0.3, (count, width))).astype(np.float32)
    features[:, width // 2 :] *= 0.02  # they separate the classes as well, with little variance
    head = fit_linear_head(features, y, n_classes, folds_of(y, 2), (30.0,), 1.0)
    assert (logits_of(head, features).argmax(1) == y).mean() > 0.99
    assert (head.probabilities.argmax(1) == y).mean() > 0.95
    scale = scale_of(features, 1.0)
    _, lengths, directions = np.linalg.svd((features - features.mean(0)) / scale, full_matrices=False)
    left = np.cumsum(lengths[::-1] ** 2)[::-1] / (lengths**2).sum()  # variance of this direction and all smaller ones
    coefficients = np.abs((head.weight * scale) @ directions.T).max(0)
    assert coefficients[left < 0.049].max() < 1e-3 * coefficients.max()
    assert coefficients[left > 0.06].min() > 10 * coefficients[left < 0.049].max()


def test_a_small_problem_keeps_every_direction() -> None:
    features, y = make_clusters((40, 40), 20)
    features[:, 0] = np.where(y == 1, 0.02, -0.02)  # a direction with next to no variance
    head = fit(features, y, C_values=(1000.0,), shrinkage=1.0)
    assert abs(head.weight[0, 0]) > 0.1 * np.abs(head.weight[0, 1:]).max()


# calibration


def test_the_temperature_is_bounded_and_few_photos_hardly_move_it() -> None:
    for counts, distance in (((2, 2), 60.0), ((30, 30), 60.0), ((30, 30), 0.0)):
        assert 0.1 <= fit(*make_clusters(counts, distance=distance)).temperature <= 10
    assert 0.4 <= fit(*make_clusters((3, 3), distance=60)).temperature <= 2.5


def test_the_temperature_undoes_a_scaling_of_the_logits() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 3)).astype(np.float32)
    y = np.array([rng.choice(3, p=row) for row in softmax(logits)])
    assert linear_head.fit_temperature(logits, y) == pytest.approx(1, rel=0.1)
    assert linear_head.fit_temperature(3 * logits, y) == pytest.approx(3, rel=0.1)
    assert linear_head.fit_temperature(logits / 3, y) == pytest.approx(1 / 3, rel=0.1)


@pytest.mark.parametrize("seed", range(6))
def test_the_prior_of_the_temperature_is_two_squared_logarithms(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, y = rng.normal(0, 1 + 2 * seed, (4 + seed, 3)).astype(np.float32), rng.integers(0, 3, 4 + seed)
    candidates = np.logspace(-1, 1, 81)
    objective = [
        -np.log(softmax(logits / value)[np.arange(len(y)), y]).mean() + 2 * np.log(value) ** 2 / len(y)
        for value in candidates
    ]
    assert linear_head.fit_temperature(logits, y) == pytest.approx(candidates[np.argmin(objective)], rel=1e-5)


def test_ridge_standardizes_with_the_first_shrinkage_unless_another_is_given() -> None:
    features, y = make_clusters((12, 12, 9), distance=1.0, seed=3)
    features[:, 0] *= 20
    folds = folds_of(y)
    default, first, second = (
        linear_head.cross_validated_ridge(features, y, 3, folds, *shrinkage)[1].sum()
        for shrinkage in ((), (1.0,), (0.1,))
    )
    assert default == first != second


def test_confidences_out_of_fold_are_as_often_correct_as_they_claim() -> None:
    features, y = make_clusters((150, 150, 150), width=20, distance=4)
    head = fit(features, y)
    correct = head.probabilities.argmax(1) == y
    assert abs(head.probabilities.max(1).mean() - correct.mean()) < 0.05


# cache of the last heads


def test_a_cached_head_cannot_be_changed_from_outside() -> None:
    features, y = make_clusters((12, 12))
    first = fit(features, y)
    copies = first.weight.copy(), first.bias.copy(), first.probabilities.copy()
    for array in (first.weight, first.bias, first.probabilities):
        array[:] = 0
    again = fit(features, y)
    assert all(map(np.array_equal, (again.weight, again.bias, again.probabilities), copies))


def test_a_cached_head_is_that_of_the_same_arguments() -> None:
    features, y = make_clusters((12, 12))
    cached = fit(features, y)
    others = (
        fit(features, y[::-1].copy()),
        fit(features[::-1].copy(), y),
        fit(features, y, C_values=(1000.0,)),
        fit(features, y, shrinkage=SHRINKAGES[1]),
        fit_linear_head(features, y, 2, folds_of(y, 2)),
        fit_linear_head(features, y, 3, folds_of(y)),
    )
    for other in others:
        assert other.probabilities.shape != cached.probabilities.shape or not np.allclose(
            other.probabilities, cached.probabilities
        )


# ridge regression


@pytest.mark.parametrize("counts", [(20, 20), (30, 9, 14)])
@pytest.mark.parametrize("shrinkage", SHRINKAGES)
def test_cross_validated_ridge_equals_refitting_every_fold(counts: tuple[int, ...], shrinkage: float) -> None:
    features, y = make_clusters(counts, distance=4)
    folds = folds_of(y)
    correct, errors = linear_head.cross_validated_ridge(features, y, len(counts), folds, shrinkage)
    scaled = (features - features.mean(0)) / scale_of(features, shrinkage)
    targets = np.eye(len(counts))[y]
    targets -= targets.mean(0)
    tried = []
    for alpha in (0.01, 0.03, 0.1):
        outputs = np.zeros_like(targets)
        for fold in range(5):
            train_idx = folds != fold
            ridge = Ridge(alpha=alpha, fit_intercept=False).fit(scaled[train_idx], targets[train_idx])
            outputs[~train_idx] = ridge.predict(scaled[~train_idx])
        tried.append((((outputs - targets) ** 2).sum(1).mean(), outputs))
    best = min(tried, key=lambda each: each[0])
    assert errors.mean() == pytest.approx(best[0], rel=0.01)
    top = np.sort(best[1], 1)
    clear = top[:, -1] - top[:, -2] > 0.01
    assert np.array_equal(correct[clear], (best[1].argmax(1) == y)[clear])


def test_significantly_better_is_a_lead_by_standard_errors() -> None:
    none, all_, half = np.zeros(40, bool), np.ones(40, bool), np.arange(40) % 2 == 0
    assert linear_head.is_significantly_better(all_, none)
    assert linear_head.is_significantly_better(all_, half)
    assert not linear_head.is_significantly_better(none, all_)
    assert not linear_head.is_significantly_better(half, half)


@pytest.mark.parametrize(("gained", "better"), [(1, False), (2, True), (3, True)])
def test_a_single_photo_never_makes_a_lead_significant(gained: int, better: bool) -> None:
    correct = np.arange(40) < gained
    assert linear_head.is_significantly_better(correct, np.zeros(40, bool)) is better


def test_more_standard_errors_ask_for_a_larger_lead() -> None:
    correct, baseline = np.arange(40) < 8, np.zeros(40, bool)  # a lead of 8 with a standard error of 3
    assert linear_head.is_significantly_better(correct, baseline, 2.6)
    assert not linear_head.is_significantly_better(correct, baseline, 2.7)


def test_photos_of_a_class_that_no_other_fold_has_decide_neither_penalty_nor_temperature() -> None:
    features, y = make_clusters((30, 30), 20)
    head = fit_linear_head(features, y, 2, y)  # each class is one group, as one burst
    assert C_VALUES[len(C_VALUES) // 2] == head.C
    assert head.temperature == 1
    assert (logits_of(head, features).argmax(1) == y).mean() > 0.9
    features, y = make_clusters((30, 30, 30), 20)
    known = fit_linear_head(features[y < 2], y[y < 2], 2, folds_of(y[y < 2], 2))
    head = fit_linear_head(features, y, 3, np.where(y < 2, np.arange(len(y)) % 2, 0))
    assert head.temperature < 2 * known.temperature
