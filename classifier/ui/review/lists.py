"""Which photos the Review tab lists: those to correct by kind, and those behind a cell of the confusion matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from ...data.assets import Asset
from ...data.explained_groups import Evidence
from ...data.grouping import GroupsFrom
from ...data.project import Project
from ...data.run_history import Run
from ...evaluation.report import Report
from ...messages import Message, message, sentence
from ...messages.evaluation import LabelIssueCode
from ...messages.review_page import ReviewCode
from ...workflows.review import PhotoPrediction, Review
from .. import html
from ..train.scores import in_words
from . import gallery

GROUPS = "groups"
TITLES: dict[str, ReviewCode] = {
    "label_issues": ReviewCode.LIST_LABEL_ISSUES,
    "mistakes": ReviewCode.LIST_MISTAKES,
    "conflicts": ReviewCode.LIST_CONFLICTS,
    "quality": ReviewCode.LIST_QUALITY,
    GROUPS: ReviewCode.LIST_GROUPS,
}
_EMPTY: dict[str, ReviewCode] = {
    "label_issues": ReviewCode.NONE_LABEL_ISSUES,
    "mistakes": ReviewCode.NONE_MISTAKES,
    "conflicts": ReviewCode.NONE_CONFLICTS,
    "quality": ReviewCode.NONE_QUALITY,
}
DEFAULT = "label_issues"
_OF_PREDICTIONS = (DEFAULT, "mistakes")
_ANY = -1  # in place of a predicted class: every other class


@dataclass(frozen=True)
class PhotoCheck:
    """The result of checking the photos themselves, by id.

    ``quality`` holds photos with advice, ``evidence`` what shows that photos belong together, ``more_photos`` what to
    add. ``checked`` is the number of what was checked, see ``number_of``: by it Gradio finds that the state changed.
    """

    quality: tuple[tuple[int, Message], ...] = field(default=(), hash=False)
    evidence: Evidence = field(default_factory=Evidence, hash=False)
    more_photos: tuple[Message, ...] = field(default=(), hash=False)
    checked: int = 0


def number_of(run: Run, photos: Iterable[Asset], groups_from: GroupsFrom) -> int:
    """Return a number that differs where a check of the photos may find something else, in this process."""
    compared = tuple((photo.id, photo.label, photo.own_group) for photo in photos if photo.split == "train")
    return hash((run.id, run.created, groups_from, compared))


class ListedPhoto(NamedTuple):
    """A photo to show: what returns HTML about it, the class it may belong to instead, and the number of its group.

    Of many photos few are shown, so that nothing is made of the others. The number is 0 where it is in no group.
    """

    photo: Asset
    describe: Callable[[], str]
    suggested: str | None = None
    group: int = 0


def cell_name(label: object, predicted: object) -> str:
    """Return the name of the list behind a cell; ``validate`` checks it."""
    return f"cell:{label}:{predicted}"


def validate(which: str | None, report: Report) -> str:
    """Return the name of a list or cell; anything else, which a browser may claim, gives the first list.

    A cell is “cell:2:0” by the indices of label and predicted class; “cell:2:-1” are the mistakes of a class.
    """
    if which in TITLES:
        return which
    parts = (which or "").split(":")
    if len(parts) == 3 and parts[0] == "cell" and all(part.lstrip("-").isdecimal() for part in parts[1:]):
        label, predicted = (int(part[:9]) for part in parts[1:])
        if 0 <= label < len(report.labels) and _ANY <= predicted < len(report.labels):
            return cell_name(label, predicted)
    return DEFAULT


def cell(name: str, reviewed: Review) -> tuple[str, list[ListedPhoto]]:
    """Return the title and the photos of a cell or a class, by a name that ``validate`` returned."""
    label, predicted = (int(part) for part in name.split(":")[1:])
    labels = reviewed.report.labels
    if predicted == _ANY:
        photos = [one for one in reviewed.mistakes() if one.photo.label == labels[label]]
        return sentence(ReviewCode.TITLE_MISTAKES, label=labels[label]), _listed(photos)
    code = ReviewCode.TITLE_RECOGNIZED if label == predicted else ReviewCode.TITLE_CONFUSED
    title = sentence(code, label=labels[label], predicted=labels[predicted])
    return title, _listed(reviewed.cell(labels[label], labels[predicted]))


def _listed(predictions: Sequence[PhotoPrediction]) -> list[ListedPhoto]:
    return [
        ListedPhoto(one.photo, partial(gallery.describe_prediction, one), None if one.correct else one.predicted)
        for one in predictions
    ]


def lists(project: Project, reviewed: Review, found: PhotoCheck) -> dict[str, list[ListedPhoto]]:
    """Return the photos of every list but that of groups, most pressing first."""
    photos = {photo.id: photo for photo in reviewed.photos}
    return {
        "label_issues": _listed(reviewed.label_issues()),
        "mistakes": _listed(reviewed.mistakes()),
        "conflicts": list(_conflicts(project)),
        "quality": list(_quality(found, photos)),
    }


def _conflicts(project: Project) -> Iterator[ListedPhoto]:
    for number, group in enumerate(project.conflicts(), 1):
        for photo in group:
            yield ListedPhoto(photo, partial(html.rich, ReviewCode.PHOTO_IN, label=photo.label), None, number)


def _quality(found: PhotoCheck, photos: dict[int, Asset]) -> Iterator[ListedPhoto]:
    for id, advice in found.quality:
        if id in photos and not photos[id].confirmed:
            yield ListedPhoto(
                photos[id], partial(html.rich, ReviewCode.PHOTO_ADVICE, label=photos[id].label, advice=advice)
            )


def empty(which: str, reviewed: Review) -> str:
    """Return what to show where a list has no photos, as HTML."""
    report = reviewed.report
    if not report.evaluated_count and which in _OF_PREDICTIONS:
        return html.note(in_words(report))
    if reviewed.too_weak and which == DEFAULT:
        return html.note(message(LabelIssueCode.TOO_WEAK, accuracy=report.accuracy), "warn")
    return html.note(_EMPTY.get(which, ReviewCode.NONE_LEFT), "good")
