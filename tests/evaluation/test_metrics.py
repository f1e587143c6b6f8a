from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics as oracle

from classifier.evaluation import metrics
from classifier.messages.evaluation import ComparisonCode
from tests.evaluation.helpers import predictions


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_the_confusion_matrix_counts_true_rows_and_predicted_columns(classes: int) -> None:
    probs, y_true = predictions(classes)
    y_pred = probs.argmax(1)
    confusion = metrics.confusion_matrix(y_true, y_pred, classes + 1)
    for true, predicted in product(range(classes + 1), repeat=2):
        assert confusion[true, predicted] == ((y_true == true) & (y_pred == predicted)).sum()


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_class_scores_follow_from_the_counts(classes: int) -> None:
    probs, y_true = predictions(classes)
    y_pred = probs.argmax(1)
    rows = metrics.class_scores(y_true, y_pred, [f"name {index}" for index in range(classes)])
    for label, row in enumerate(rows):
        hits = ((y_true == label) & (y_pred == label)).sum()
        assert (row.label, row.images) == (f"name {label}", (y_true == label).sum())
        assert row.precision == pytest.approx(hits / (y_pred == label).sum())
        assert row.recall == pytest.approx(hits / (y_true == label).sum())
        assert row.f1 == pytest.approx(2 / (1 / row.precision + 1 / row.recall))
    assert metrics.balanced_accuracy(y_true, y_pred) == pytest.approx(np.mean([row.recall for row in rows]))


def test_classes_without_photos_or_predictions_score_zero() -> None:
    y_true, y_pred = np.array([0, 0, 1]), np.array([0, 0, 2])
    rows = metrics.class_scores(y_true, y_pred, "abcd")
    assert [row.images for row in rows] == [2, 1, 0, 0]
    assert [row.precision for row in rows] == [1, 0, 0, 0]
    assert [row.recall for row in rows] == [1, 0, 0, 0]
    assert [row.f1 for row in rows] == [1, 0, 0, 0]
    assert metrics.balanced_accuracy(y_true, y_pred) == 0.5  # over the two classes that have photos


def test_no_photos_have_scores_of_zero() -> None:
    nothing = np.zeros(0, np.int64)
    assert metrics.confusion_matrix(nothing, nothing, 2).tolist() == [[0, 0], [0, 0]]
    assert metrics.class_scores(nothing, nothing, "a") == (metrics.ClassScore("a", 0, 0, 0, 0),)
    assert metrics.balanced_accuracy(nothing, nothing) == 0
    assert metrics.top_k_accuracy(np.zeros((0, 2), np.float32), nothing) == ()


def test_softmax_does_not_overflow() -> None:
    probs = metrics.softmax(np.array([[1000.0, 0.0], [-1000.0, -1000.0], [0.0, np.log(3)]], np.float32))
    np.testing.assert_allclose(probs, [[1, 0], [0.5, 0.5], [0.25, 0.75]], rtol=1e-6)


@pytest.mark.parametrize("classes", [2, 4, 5, 8])
def test_top_k_accuracy_is_that_of_scikit_learn(classes: int) -> None:
    probs, y_true = predictions(classes)
    found = metrics.top_k_accuracy(probs, y_true)
    assert len(found) == min(classes, 5)
    for k, accuracy in enumerate(found, 1):
        if k < classes and classes > 2:
            expected = oracle.top_k_accuracy_score(y_true, probs, k=k, labels=range(classes))
            assert accuracy == pytest.approx(expected)
    assert found[0] == pytest.approx(oracle.accuracy_score(y_true, probs.argmax(1)))
    if classes <= 5:
        assert found[-1] == 1


def test_the_first_of_equal_probabilities_is_the_prediction() -> None:
    assert metrics.top_k_accuracy(np.full((2, 3), 1 / 3, np.float32), np.array([0, 1])) == (0.5, 1, 1)


# McNemar's test


def outcomes(both: int, gained: int, lost: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Which photos the earlier and the later model have right (N,)."""
    earlier = np.repeat([True, False, True, False], [both, gained, lost, neither])
    later = np.repeat([True, True, False, False], [both, gained, lost, neither])
    return earlier, later


@pytest.mark.parametrize(
    ("gained", "lost"), [(0, 0), (0, 1), (5, 0), (6, 0), (1, 8), (7, 7), (20, 8), (8, 20), (40, 61)]
)
def test_the_p_value_is_that_of_the_binomial_distribution(gained: int, lost: int) -> None:
    total = gained + lost
    by_hand = min(1, 2 * sum(comb(total, k) for k in range(min(gained, lost) + 1)) / 2**total)
    found = metrics.compare_models(*outcomes(30, gained, lost, 10))
    assert found.p_value == pytest.approx(by_hand)
    assert (found.gained, found.lost) == (gained, lost)
    if total:
        assert found.p_value == pytest.approx(binomtest(gained, total).pvalue)
    expected = ComparisonCode.BETTER if gained > lost else ComparisonCode.WORSE
    assert found.verdict is (expected if by_hand < 0.05 else ComparisonCode.UNDECIDED)


def test_photos_on_which_both_agree_do_not_change_the_verdict() -> None:
    few = metrics.compare_models(*outcomes(0, 12, 2, 0))
    assert few == metrics.compare_models(*outcomes(1000, 12, 2, 500))
    assert few.verdict is ComparisonCode.BETTER
    assert "12 photos more right, 2 photos fewer" in str(few.message)


def test_models_of_one_quality_seldom_differ() -> None:
    rng = np.random.default_rng(0)
    verdicts = [metrics.compare_models(*(rng.random((2, 100)) < 0.8)).verdict for _ in range(400)]
    assert 0.95 <= np.mean([verdict is ComparisonCode.UNDECIDED for verdict in verdicts]) < 1
    assert {ComparisonCode.BETTER, ComparisonCode.WORSE} <= set(verdicts)


def test_without_common_photos_nothing_can_be_told() -> None:
    nothing = np.zeros(0, np.bool_)
    found = metrics.compare_models(nothing, nothing)
    assert found == metrics.Comparison(ComparisonCode.NO_COMMON_PHOTOS, gained=0, lost=0, p_value=1.0)
    assert "no photo was judged by both" in str(found.message)


@pytest.mark.parametrize("seed", range(3))
def test_macro_scores_and_loss_agree_with_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, 4, 60)
    probs = rng.dirichlet(np.ones(5), 60).astype(np.float32)  # the fifth class has no photo
    y_pred = probs.argmax(1)
    judged = np.unique(y_true)
    macro = metrics.macro_scores(metrics.class_scores(y_true, y_pred, "abcde"))
    expected = oracle.precision_recall_fscore_support(y_true, y_pred, labels=judged, average="macro", zero_division=0)
    assert macro is not None
    np.testing.assert_allclose((macro.precision, macro.recall, macro.f1), expected[:3], rtol=1e-6)
    loss = metrics.cross_entropy(probs, y_true)
    np.testing.assert_allclose(loss, oracle.log_loss(y_true, probs, labels=range(5)), rtol=1e-5)


def test_without_photos_there_are_no_macro_scores_and_no_loss() -> None:
    nothing = np.zeros(0, np.int64)
    assert metrics.macro_scores(metrics.class_scores(nothing, nothing, "ab")) is None
    assert metrics.cross_entropy(np.zeros((0, 2), np.float32), nothing) is None
