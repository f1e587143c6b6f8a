"""The threshold of a model that is evaluated by cross-validation."""

from __future__ import annotations

import numpy as np

from classifier.data.dataset import TrainingSet
from classifier.evaluation.calibration import unsure_threshold
from classifier.workflows.trained_models import out_of_fold_threshold

Y = np.repeat(np.arange(3), 4)
PROBS = np.full((12, 3), 0.3, np.float32)
PROBS[np.arange(12), Y] = 0.4
USUAL = np.ones(12, np.bool_)


def of_groups(*groups: int) -> TrainingSet:
    """Four photos of each of three classes, in groups."""
    return TrainingSet((), (), ("a", "b", "c"), Y, np.array(groups), np.zeros((12, 1), np.float32))


def test_the_threshold_of_one_fold_counts_classes_whose_other_groups_were_trained_on() -> None:
    training_set = of_groups(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5)
    idx = np.array([0, 1, 4, 5, 8, 9])  # of each class one of its two groups
    found = out_of_fold_threshold(training_set, idx, PROBS[idx], USUAL[idx])
    assert found == unsure_threshold(PROBS[idx], Y[idx]) == PROBS.max()


def test_the_threshold_leaves_out_classes_that_were_never_trained_on_while_evaluated() -> None:
    probs = PROBS.copy()
    probs[:4] = [0.1, 0.5, 0.4]  # all wrong
    found = out_of_fold_threshold(of_groups(0, 0, 0, 0, *range(1, 9)), np.arange(12), probs, USUAL)
    assert found == unsure_threshold(PROBS[4:], Y[4:])
