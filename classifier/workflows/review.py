"""What to look at after a training: the photos behind the score, and those whose class may be wrong."""

from __future__ import annotations

from dataclasses import dataclass

from ..data.catalog import Asset, Changes, Run
from ..data.project import Project
from ..evaluation.report import Report


@dataclass(frozen=True)
class PhotoPrediction:
    """A photo and what was said of it by a model that had not seen it.

    ``confidence`` is that of the class ``predicted``, ``doubt`` the probability that the photo's own class is
    wrong; both 0 to 1. ``judged``: it is among the photos that make up the score.
    """

    photo: Asset
    predicted: str
    confidence: float
    doubt: float
    judged: bool

    @property
    def right(self) -> bool:
        """Whether the photo was taken for what it is."""
        return self.predicted == self.photo.label

    @property
    def suspicion(self) -> float:
        """How likely the photo is of the class ``predicted`` where only that and its own are possible."""
        return self.confidence / (self.confidence + 1 - self.doubt)


@dataclass(frozen=True)
class Review:
    """A training seen photo by photo: those that are still in the class they had then, and what changed since."""

    run: Run
    report: Report
    answers: tuple[PhotoPrediction, ...]
    changes: Changes

    def cell(self, true: str, taken: str) -> list[PhotoPrediction]:
        """The judged photos of one class that were taken for another, or for itself; the surest answers first."""
        behind = [one for one in self.answers if one.judged and (one.photo.label, one.predicted) == (true, taken)]
        return sorted(behind, key=lambda one: -one.confidence)

    def mistakes(self) -> list[PhotoPrediction]:
        """The judged photos that were taken for something else; the surest answers first."""
        return sorted((one for one in self.answers if one.judged and not one.right), key=lambda one: -one.confidence)

    def suspects(self) -> list[PhotoPrediction]:
        """The photos whose class may be wrong, worst first (``audit.suspects``); not those the person called right."""
        doubtful = (one for one in self.answers if not one.right and not one.photo.confirmed)
        return sorted(doubtful, key=lambda one: -one.suspicion)


def review(project: Project, name: str | None = None) -> Review | None:
    """The newest training of a project, or the one of that name, photo by photo; None where there is none.

    Raises ``ModelError`` when its report cannot be read.
    """
    run = next((run for run in project.catalog.runs() if name in (None, run.name)), None)
    if run is None:
        return None
    today = {(asset.sha256, asset.label): asset for asset in project.photos()}
    judged = set(project.catalog.evaluated_assets(run.id))
    answers = [
        PhotoPrediction(photo, said.predicted, said.confidence or 0.0, said.doubt or 0.0, said in judged)
        for said in project.catalog.run_assets(run.id)
        if said.predicted is not None and (photo := today.get((said.sha256, said.label))) is not None
    ]
    changes = project.catalog.changed_since(run.id)
    return Review(run, Report.from_json(run.report), tuple(answers), changes)
