"""Review a training: the photos behind its score, and those whose label may be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ..data.assets import Asset
from ..data.project import Project
from ..data.run_history import Changes, Run, compare_photos, evaluated_rows
from ..evaluation.label_errors import is_questioned, is_too_weak
from ..evaluation.report import Report
from ..messages.evaluation import WarningCode


class PhotoPrediction(NamedTuple):
    """A photo and the prediction of a model that was not trained on it.

    ``confidence`` is the probability of the class ``predicted``, ``label_error_prob`` the probability that the
    photo's own class is wrong; both 0 to 1. ``evaluated`` is True for the photos that make up the score.
    """

    photo: Asset
    predicted: str
    confidence: float
    label_error_prob: float
    evaluated: bool

    @property
    def correct(self) -> bool:
        """Whether the class predicted is the photo's own."""
        return self.predicted == self.photo.label

    @property
    def score(self) -> float:
        """The score of the label issue: the probability of ``predicted`` where only it and its own are possible."""
        return self.confidence / (self.confidence + 1 - self.label_error_prob)


@dataclass(frozen=True)
class Review:
    """A training photo by photo.

    ``run`` is its row of the catalog and ``report`` its report; ``predictions`` are of the photos that are still in the
    class they had then; ``changes`` are those since; ``photos`` are all of today.

    Example::

        with Project.open(Path("project")) as project:
            newest = review(project)
            if newest is not None:
                print([one.photo.source for one in newest.label_issues()])
    """

    run: Run
    report: Report
    predictions: tuple[PhotoPrediction, ...]
    changes: Changes
    photos: tuple[Asset, ...] = ()

    def cell(self, true: str, predicted: str) -> list[PhotoPrediction]:
        """Return the photos of one cell of the confusion matrix, highest confidence first."""
        cell = (true, predicted)
        return _by_confidence(
            [one for one in self.predictions if one.evaluated and (one.photo.label, one.predicted) == cell]
        )

    def mistakes(self) -> list[PhotoPrediction]:
        """Return the evaluated photos with a wrong prediction, highest confidence first."""
        return _by_confidence([one for one in self.predictions if one.evaluated and not one.correct])

    def label_issues(self) -> list[PhotoPrediction]:
        """Return the photos whose label may be wrong, worst first; without those the person confirmed.

        See ``label_errors.is_questioned``. Of a class whose photos are all of one group there are none: the model that
        predicts them does not know it.
        """
        classes, unknown = len(self.report.labels), self._unknown()
        issues = (
            one
            for one in self.predictions
            if not (one.correct or one.photo.confirmed or one.photo.label in unknown)
            and is_questioned(1 - one.label_error_prob, classes)
        )
        return sorted(issues, key=lambda one: -one.score)

    @property
    def too_weak(self) -> bool:
        """Whether the model is wrong so often that it says nothing where it questions no label."""
        return self.report.evaluated_count > 0 and is_too_weak(self.report.accuracy)

    def _unknown(self) -> set[str]:
        """Return the classes whose photos were predicted by models that had none of the class to learn from."""
        found = [dict(one.arguments)["counts"] for one in self.report.warnings if one.code is WarningCode.ONE_GROUP]
        return {label for counts in found for label, _ in counts}


def review(project: Project, name: str | None = None) -> Review | None:
    """Return the newest training of a project, or the one called ``name``, photo by photo; None where there is none.

    Raises ``ModelError`` when its report cannot be read.

    Example::

        with Project.open(Path("project")) as project:
            newest = review(project)
    """
    run = project.catalog.runs.find(name)
    if run is None:
        return None
    report, photos, rows = Report.from_json(run.report), project.photos(), project.catalog.runs.assets(run.id)
    assets = {(asset.sha256, asset.label): asset for asset in photos}
    evaluated = set(evaluated_rows(run.report, rows))
    predictions = [
        PhotoPrediction(asset, row.predicted, row.confidence or 0.0, row.label_error_prob or 0.0, row in evaluated)
        for row in rows
        if row.predicted is not None and (asset := assets.get((row.sha256, row.label))) is not None
    ]
    today = [(asset.sha256, asset.label, asset.split) for asset in photos]
    return Review(run, report, tuple(predictions), compare_photos(rows, today), tuple(photos))


def _by_confidence(predictions: list[PhotoPrediction]) -> list[PhotoPrediction]:
    return sorted(predictions, key=lambda one: -one.confidence)
