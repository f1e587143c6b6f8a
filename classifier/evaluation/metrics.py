"""Scores of predictions: confusion matrix, per-class scores, top-k accuracy, comparison of two models.

scikit-learn and scipy are imported inside the functions: together they take about a second, which only training and
evaluation should pay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..messages import Message, message
from ..messages.evaluation import ComparisonCode

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_LARGEST_K = 5
_SIGNIFICANCE = 0.05
_SMALLEST_PROB = float(np.finfo(np.float32).eps)  # as in scikit-learn's ``log_loss`` for single precision


@dataclass(frozen=True)
class ClassScore:
    """The scores of one class: the number of evaluated photos, and precision, recall and F1, each 0 to 1."""

    label: str
    images: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class MacroScores:
    """The means of the scores of the classes, each counted the same, 0 to 1: scikit-learn's ``average="macro"``."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Comparison:
    """Two models on the same photos.

    ``gained`` counts the photos that only the later model has right, ``lost`` those that only the earlier one has;
    ``p_value`` is that of McNemar's exact test, two-sided.
    """

    verdict: ComparisonCode
    gained: int
    lost: int
    p_value: float

    @property
    def message(self) -> Message:
        """The verdict with its counts."""
        if self.verdict is ComparisonCode.NO_COMMON_PHOTOS:
            return message(self.verdict)
        return message(self.verdict, gained=self.gained, lost=self.lost)


def softmax(logits: Floats) -> Floats:
    """Return probabilities (N, C) from logits (N, C).

    Not scipy's: prediction needs it, too, and does not import scipy.
    """
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    probs: Floats = exponentials / exponentials.sum(1, keepdims=True)
    return probs


def confusion_matrix(y_true: Ints, y_pred: Ints, classes: int) -> Ints:
    """Return counts (C, C): the row is the true class, the column the predicted one.

    This and the scores from it are not scikit-learn's, whose import takes as long as a small training.
    """
    counts = np.bincount(np.asarray(y_true, np.int64) * classes + y_pred, minlength=classes**2)
    return counts.reshape(classes, classes)


def class_scores(y_true: Ints, y_pred: Ints, labels: Sequence[str]) -> tuple[ClassScore, ...]:
    """Return precision, recall and F1 of each class; 0 where the denominator is 0."""
    confusion = confusion_matrix(y_true, y_pred, len(labels))
    correct, images, predicted = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    columns = (correct / np.maximum(predicted, 1), correct / np.maximum(images, 1),
               2 * correct / np.maximum(images + predicted, 1))  # fmt: skip
    return tuple(
        ClassScore(label, int(count), float(precision), float(recall), float(f1))
        for label, count, precision, recall, f1 in zip(labels, images, *columns)
    )


def macro_scores(per_class: Sequence[ClassScore]) -> MacroScores | None:
    """Return the means over the classes that have evaluated photos; None where no class has."""
    evaluated = [row for row in per_class if row.images]
    if not evaluated:
        return None
    values = np.mean([(row.precision, row.recall, row.f1) for row in evaluated], 0)
    return MacroScores(*map(float, values))


def cross_entropy(probs: Floats, y_true: Ints) -> float | None:
    """Return the mean negative log-likelihood of the true classes (N,) by probabilities (N, C); None without photos.

    scikit-learn's ``log_loss`` is the same but takes no sets of photos in which a class does not occur.
    """
    if not len(y_true):
        return None
    likelihoods = probs[np.arange(len(y_true)), y_true].astype(np.float64)
    return float(-np.log(np.maximum(likelihoods, _SMALLEST_PROB)).mean())


def balanced_accuracy(y_true: Ints, y_pred: Ints) -> float:
    """Return the mean recall over the classes that occur in ``y_true``; 0 without photos.

    scikit-learn's ``balanced_accuracy_score`` is the same but warns of predicted classes that do not occur.
    """
    if not len(y_true):
        return 0.0
    images = np.bincount(y_true)
    correct = np.bincount(y_true[y_true == y_pred], minlength=len(images))
    return float((correct[images > 0] / images[images > 0]).mean())


def top_k_accuracy(probs: Floats, y_true: Ints) -> tuple[float, ...]:
    """Return the proportions of photos whose class is among the k most probable ones, for k = 1 to at most 5.

    Of equal probabilities (N, C) the first counts as larger, as ``argmax`` has it. scikit-learn's
    ``top_k_accuracy_score`` takes the last, and neither all of the classes as k nor two columns for two classes.
    """
    if not len(y_true):
        return ()
    own = probs[np.arange(len(y_true)), y_true][:, None]
    is_before = (probs > own) | ((probs == own) & (np.arange(probs.shape[1]) < y_true[:, None]))
    ranks = np.bincount(is_before.sum(1), minlength=probs.shape[1])[:_LARGEST_K]
    return tuple(map(float, np.cumsum(ranks / len(y_true))))


def compare_models(earlier: Bools, later: Bools) -> Comparison:
    """Compare two models by which of the same photos (N,) each has right.

    By McNemar's exact test (Psychometrika 12, 1947): of the photos that only one of the two has right, each is as
    likely to be the one's as the other's where the models are equally good. The level is 5 %.
    """
    from scipy.stats import binomtest

    gained, lost = int((later & ~earlier).sum()), int((earlier & ~later).sum())
    if not len(earlier):
        return Comparison(ComparisonCode.NO_COMMON_PHOTOS, 0, 0, 1.0)
    p_value = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    if p_value >= _SIGNIFICANCE:
        return Comparison(ComparisonCode.UNDECIDED, gained, lost, p_value)
    return Comparison(ComparisonCode.BETTER if gained > lost else ComparisonCode.WORSE, gained, lost, p_value)
