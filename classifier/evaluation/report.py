"""The report of a model: its scores on labeled photos, and what to say with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ..config import ResizeMode
from ..data.grouping import GroupsFrom
from ..errors import ModelError
from ..messages import Message, message, percent
from ..messages.evaluation import AccuracyCode, ApartCode, FileCode, ScoreCode, correct_in_words, score_in_words
from ..messages.groups import GroupCode, groups_in_words
from ..messages.retelling import retold
from . import report_json
from .calibration import CoveragePoint
from .costs import UNSURE_COST
from .intervals import is_widened_by_groups
from .metrics import ClassScore, MacroScores, macro_scores
from .report_values import EvaluatedOn, GroupSummary, SecondScore
from .shift import Shift

_LONGEST_WHY = 200  # letters
_SAME_SCORE = 0.01  # difference from which on a score without groups is higher


@dataclass(frozen=True)
class Report:
    """The scores of a model. Proportions are 0 to 1.

    ``images`` is the number of training photos; the scores are of other photos, or out of fold, as ``evaluated_on``
    tells, so that no photo is scored by a model that was trained on it. ``labels`` are the classes in the order of the
    network's outputs, ``backbone`` and ``resize_mode`` what it was trained with; ``warnings`` are to be shown with the
    scores.

    - ``accuracy`` is the proportion of correct predictions, ``balanced_accuracy`` the mean of the classes' recalls,
      and ``per_class`` holds precision, recall and F1; those of a class without evaluated photos are 0 and not to be
      shown. ``loss`` is the cross entropy. ``macro`` are the means of the classes that have evaluated photos.
    - ``accuracy_low`` to ``accuracy_high`` is the 95 % prediction interval of the accuracy on a third as many new
      photos (see ``intervals``); ``photos_needed`` is how many have to be evaluated until it reaches 5 points to
      either side; ``group_count`` counts the groups of near-duplicates among the evaluated photos, and
      ``main_groups`` how many of the largest hold most of them.
    - ``confusion``: entry [i][j] counts photos of class i with class j predicted. ``top_accuracy``: entry [k - 1] is
      the proportion whose class is among the k most probable ones.
    - ``threshold`` is the confidence below which a prediction is “not sure”; ``coverage_curve`` gives coverage and
      accuracy for other thresholds.
    - ``temperature`` divides the logits; the weights contain it already. ``calibration_error`` is measured with it,
      ``calibration_error_before`` without.

    - ``near_training`` counts the person's test photos that look like a training photo or are of the same thing by name
      or time. ``accuracy_all`` is of all test photos; every other score is of the others, or out of fold where there
      are no others.
    - ``conflicting`` counts photos that were not used because each lies in several classes, ``unusable`` those that
      cannot be read.
    - ``validation`` is the score on the person's validation photos.
    - ``grouping``: which training photos are kept together besides near duplicates, and the score without.
      ``groups_offered``: which may belong together by evidence that is too thin, in words. ``groups_from``: what the
      person chose, see ``Project.choose_groups``.
    - ``shift``: how well the test photos are told apart from the training photos.
    - ``thresholds`` of each class follow from the ``costs``, weights of missing a class by its label, and
      ``unsure_cost`` (see ``costs``); empty where ``threshold`` is that of all classes. ``expected_cost`` is the mean
      of a photo with them, ``expected_cost_before`` with ``threshold``.

    What a report of an older version lacks is 0 or empty.

    Example::

        report = Predictor("model").report
        print(report.in_words(), report.accuracy_low, report.accuracy_high)
    """

    labels: tuple[str, ...]
    images: int
    evaluated_on: EvaluatedOn
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    balanced_accuracy: float
    per_class: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    threshold: float
    temperature: float
    warnings: tuple[Message, ...]
    resize_mode: ResizeMode
    backbone: str
    group_count: int = 0
    photos_needed: int = 0
    top_accuracy: tuple[float, ...] = ()
    calibration_error: float = 0.0
    calibration_error_before: float = 0.0
    coverage_curve: tuple[CoveragePoint, ...] = ()
    near_training: int = 0
    accuracy_all: float = 0.0
    validation: SecondScore | None = None
    shift: Shift | None = None
    main_groups: int = 0
    grouping: GroupSummary | None = None
    groups_offered: str = ""
    groups_from: GroupsFrom = "auto"
    thresholds: tuple[float, ...] = ()
    costs: Mapping[str, float] = field(default_factory=dict, hash=False)
    unsure_cost: float = UNSURE_COST
    expected_cost: float | None = None
    expected_cost_before: float | None = None
    loss: float | None = None
    conflicting: int = 0
    unusable: int = 0

    @property
    def macro(self) -> MacroScores | None:
        """The means of precision, recall and F1; None where no photo was evaluated."""
        return macro_scores(self.per_class)

    @property
    def class_thresholds(self) -> tuple[float, ...]:
        """The threshold of each class (C,); all the same where none has one of its own."""
        return self.thresholds or (self.threshold,) * len(self.labels)

    @property
    def evaluated_count(self) -> int:
        """The number of photos that the scores are of."""
        return sum(map(sum, self.confusion))

    @property
    def correct_count(self) -> int:
        """The number of these photos whose class was predicted."""
        return sum(row[index] for index, row in enumerate(self.confusion))

    def in_words(self) -> str:
        """Return the accuracy and its interval in plain sentences."""
        if not self.evaluated_count:
            return " ".join(map(str, self.notes())) if self.near_training else str(AccuracyCode.NO_PHOTOS)
        return score_in_words(
            self.accuracy, self.accuracy_low, self.accuracy_high, self.evaluated_count, self.correct_count
        )

    def notes(self) -> tuple[Message, ...]:
        """Return what to show with the score.

        How many test photos look like training photos, why the interval is wide, and the second score.
        """
        return (
            *self._near_training_notes(),
            *self._interval_notes(),
            *self._validation_notes(),
            *self._group_notes(),
            *self.not_used(),
        )

    def not_used(self) -> list[Message]:
        """Return how many photos were left out of the training, and why."""
        counts = ((ScoreCode.CONFLICTING, self.conflicting), (ScoreCode.UNUSABLE, self.unusable))
        return [message(code, count=count) for code, count in counts if count]

    def _interval_notes(self) -> list[Message]:
        low, high, total = self.accuracy_low, self.accuracy_high, self.evaluated_count
        if not self.main_groups or not is_widened_by_groups(low, high, self.correct_count, total):
            return []
        return [message(ScoreCode.WIDE, count=self.main_groups)]

    def _near_training_notes(self) -> list[Message]:
        near, others = self.near_training, self.evaluated_count
        if not near:
            return []
        if self.evaluated_on == "out_of_fold" or not others:
            return [message(ApartCode.TEST_ALL_NEAR, near=near)]
        return [message(ApartCode.TEST_NEAR, near=near, total=near + others, others=others, right=self.correct_count)]

    def _group_notes(self) -> list[Message]:
        found = self.grouping
        if self.evaluated_on != "out_of_fold":
            return []
        if found is None:
            return (
                [message(GroupCode.ASKED, what=retold(self.groups_offered, GroupCode))] if self.groups_offered else []
            )
        what = groups_in_words(found.origin, found.count, found.example)
        if found.accuracy_ungrouped is None or not self.evaluated_count:
            return [message(GroupCode.KEPT, what=what)]
        code = GroupCode.WITHOUT if found.accuracy_ungrouped > self.accuracy + _SAME_SCORE else GroupCode.WITHOUT_SAME
        return [message(code, what=what, score=percent(found.accuracy_ungrouped))]

    def _validation_notes(self) -> list[Message]:
        second = self.validation
        if second is None:
            return []
        found = []
        if second.count:
            score = correct_in_words(second.accuracy, second.count)
            found.append(message(ApartCode.VALIDATION, score=score, count=second.count))
        if second.near_training:
            total = second.count + second.near_training
            found.append(message(ApartCode.VALIDATION_NEAR, near=second.near_training, total=total))
        return found

    def coverage_at(self, threshold: float) -> CoveragePoint | None:
        """Return coverage and accuracy at a threshold of 0 to 1, interpolated; None without a coverage curve."""
        if not self.coverage_curve:
            return None
        points = sorted((point.threshold, point.coverage, point.selective_accuracy) for point in self.coverage_curve)
        thresholds, coverages, accuracies = zip(*points)
        coverage, accuracy = (float(np.interp(threshold, thresholds, values)) for values in (coverages, accuracies))
        return CoveragePoint(threshold, coverage, accuracy)

    def to_json(self) -> dict[str, Any]:
        """Return the report as lists, dicts, strings and numbers, under the keys of the file."""
        return report_json.to_json(vars(self), self.macro)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """Read what ``to_json`` of this or an older version wrote.

        Raises ``ModelError`` where an entry is missing or cannot be one: of another type, not finite, or of another
        number of classes than the names.
        """
        try:
            return cls(**report_json.read(data, frozenset(field.name for field in fields(cls))))
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError) as error:
            raise ModelError(FileCode.REPORT_INCOMPLETE, why=str(error)[:_LONGEST_WHY]) from error
