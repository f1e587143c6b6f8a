from __future__ import annotations

import numpy as np

from classifier.evaluation.label_errors import LabelIssue, find_label_issues


def test_label_issues_are_photos_predicted_otherwise_worst_first() -> None:
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.55, 0.45]], np.float32)
    issues = find_label_issues(probs, np.array([0, 1, 1, 1]))
    assert [(issue.index, issue.suggested) for issue in issues] == [(1, 0), (3, 0)]
    np.testing.assert_allclose([issue.score for issue in issues], [0.8, 0.55], rtol=1e-6)


def test_the_score_compares_the_suggested_class_with_the_given_one_only() -> None:
    probs = np.array([[0.1, 0.45, 0.45], [0.2, 0.75, 0.05]], np.float32)
    first, second = find_label_issues(probs, np.array([0, 0]))
    assert first == LabelIssue(0, 1, float(np.float32(0.45) / np.float32(0.55)))
    assert (second.index, second.suggested) == (1, 1)


def test_correct_predictions_raise_no_issue() -> None:
    assert find_label_issues(np.eye(3, dtype=np.float32), np.arange(3)) == []
