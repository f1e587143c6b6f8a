from __future__ import annotations

import numpy as np

from classifier.evaluation.label_errors import LabelIssue, find_label_issues, is_questioned


def test_label_issues_are_photos_predicted_otherwise_worst_first() -> None:
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.7, 0.3]], np.float32)
    issues = find_label_issues(probs, np.array([0, 1, 1, 1]))
    assert [(issue.index, issue.suggested) for issue in issues] == [(1, 0), (3, 0)]
    np.testing.assert_allclose([issue.score for issue in issues], [0.8, 0.7], rtol=1e-6)


def test_the_score_compares_the_suggested_class_with_the_given_one_only() -> None:
    probs = np.array([[0.05, 0.5, 0.45], [0.1, 0.85, 0.05]], np.float32)
    first, second = find_label_issues(probs, np.array([0, 0]))
    assert first == LabelIssue(0, 1, float(np.float32(0.5) / np.float32(0.55)))
    assert (second.index, second.suggested) == (1, 1)


def test_a_label_that_the_others_are_hardly_likelier_than_is_no_issue() -> None:
    assert is_questioned(0.3, 2)
    assert not is_questioned(0.4, 2)
    assert is_questioned(0.1, 5)
    assert not is_questioned(0.1, 40)  # four times as likely as a class taken at random


def test_a_model_that_is_often_wrong_questions_few_of_the_labels_it_misses() -> None:
    rng = np.random.default_rng(0)
    y_true = np.repeat(np.arange(40), 10)
    logits = rng.normal(size=(400, 40)) + 1.4 * np.eye(40)[y_true]
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    y = y_true.copy()
    y[::20] = (y[::20] + rng.integers(1, 40, 20)) % 40
    mistakes = (probs.argmax(1) != y).sum()
    issues = [issue.index for issue in find_label_issues(probs.astype(np.float32), y)]
    assert mistakes > 200
    assert len(issues) < mistakes / 4
    assert sum(index % 20 == 0 for index in issues) >= 8


def test_correct_predictions_raise_no_issue() -> None:
    assert find_label_issues(np.eye(3, dtype=np.float32), np.arange(3)) == []
