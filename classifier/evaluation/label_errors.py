"""Labels that may be wrong, found by out-of-fold predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_RATIO = 2  # of the mean probability of the other classes to that of the label
_WEAK = 0.5  # accuracy; below it a model that questions no label says nothing of them


@dataclass(frozen=True)
class LabelIssue:
    """A photo whose label may be wrong: its index, the index of the suggested class, and a score of 0 to 1."""

    index: int
    suggested: int
    score: float


def find_label_issues(probs: Floats, y_true: Ints) -> list[LabelIssue]:
    """Return the photos whose out-of-fold prediction speaks against their label, worst first; see ``is_questioned``.

    ``probs`` (N, C), ``y_true`` (N,). The score is the probability of the suggested class where only it and the
    given one are possible. Where 5 % of the labels are flipped, the list holds more of them than that of confident
    learning (Northcutt et al., JAIR 2021) and is half as long; in its order they come earlier than by the margin
    between the two classes, a second round without the worst, and nearest neighbors. Measured as in
    benchmarks/honesty.py; no library has this list.
    """
    y_pred = probs.argmax(1)
    rows = np.arange(len(y_true))
    predicted, given = probs[rows, y_pred], probs[rows, y_true]
    score = predicted / (predicted + given)
    return [
        LabelIssue(index, int(y_pred[index]), float(score[index]))
        for index in map(int, np.argsort(-score, kind="stable"))
        if y_pred[index] != y_true[index] and is_questioned(float(given[index]), probs.shape[1])
    ]


def is_questioned(given: float, classes: int) -> bool:
    """Return whether a label of the probability ``given``, of so many ``classes``, may be wrong.

    The odds that a label is wrong are those of wrong labels in general times the mean probability of the other classes
    over that of the label (Bayes). A prediction that merely prefers another class is no evidence: of many classes
    a model is often wrong, and the label is nearly as likely.
    """
    return (1 - given) > _RATIO * (classes - 1) * given


def is_too_weak(accuracy: float) -> bool:
    """Return whether it says nothing that a model of this accuracy, 0 to 1, questions no label."""
    return accuracy < _WEAK
