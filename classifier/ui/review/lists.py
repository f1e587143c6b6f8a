"""Which photos the Review tab shows: its lists, the cells of its table, and what is said of each photo."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from ...data.catalog import Asset
from ...data.project import Project
from ...evaluation.report import Report
from ...workflows.review import PhotoPrediction, Review
from . import gallery

NAMES = {
    "suspects": "Maybe in the wrong class",
    "mistakes": "Taken for something else, the surest first",
    "twice": "The same photo in two classes",
    "poor": "Poor photos",
    "alike": "Look-alikes",
}
_NONE = {
    "suspects": "No photo looks as if it were in the wrong class.",
    "mistakes": "Every photo was taken for what it is.",
    "twice": "No photo is in two classes.",
    "poor": "No photo stands out as blurred, dark, blown-out, tiny or odd-shaped.",
    "alike": "No photos look alike.",
}


@dataclass(frozen=True)
class Checkup:
    """What a look at the photos themselves found: ids with advice, ids of one scene, what to add."""

    poor: tuple[tuple[int, str], ...] = ()
    alike: tuple[tuple[int, ...], ...] = ()
    more: tuple[str, ...] = ()


class Shown(NamedTuple):
    """A photo to show: what is said of it (HTML), the class to move it to, and the line above its group (HTML)."""

    photo: Asset
    said: str
    suggested: str | None = None
    group: str = ""


def chosen(which: str | None, report: Report) -> str:
    """One of the lists, or a cell “cell:2:0”, or the mistakes of a class “cell:2:-1”; anything else is the first."""
    if which in NAMES:
        return which
    parts = (which or "").split(":")
    if len(parts) == 3 and parts[0] == "cell" and all(part.lstrip("-").isdecimal() for part in parts[1:]):
        true, taken = (int(part[:9]) for part in parts[1:])
        if 0 <= true < len(report.labels) and -1 <= taken < len(report.labels):
            return f"cell:{true}:{taken}"
    return "suspects"


def cell(chosen: str, reviewed: Review) -> tuple[str, list[Shown]]:
    """The title and the photos of a cell or a class, by the name that ``chosen`` gives."""
    true, taken = (int(part) for part in chosen.split(":")[1:])
    labels = reviewed.report.labels
    if taken < 0:
        behind = [answer for answer in reviewed.mistakes() if answer.photo.label == labels[true]]
        return f"{labels[true]} taken for something else", _answers(behind, reviewed.report)
    behind = reviewed.cell(labels[true], labels[taken])
    title = f"{labels[true]} recognised" if true == taken else f"{labels[true]} taken for {labels[taken]}"
    return title, _answers(behind, reviewed.report)


def _answers(answers: Sequence[PhotoPrediction], report: Report) -> list[Shown]:
    return [
        Shown(answer.photo, gallery.taken_for(answer, report), None if answer.correct else answer.predicted)
        for answer in answers
    ]


def lists(project: Project, reviewed: Review, found: Checkup) -> dict[str, list[Shown]]:
    """The photos of every list, most pressing first."""
    photos = {photo.id: photo for photo in project.photos()}
    twice = [
        Shown(photo, f"In <b>{escape(photo.label)}</b>.", None, f"Which is right? Photo {number}")
        for number, group in enumerate(project.conflicts(), 1)
        for photo in group
    ]
    poor = [
        Shown(photos[id], f"In <b>{escape(photos[id].label)}</b>; {escape(advice)}.")
        for id, advice in found.poor
        if id in photos and not photos[id].confirmed
    ]
    alike = [
        Shown(photos[id], f"In <b>{escape(photos[id].label)}</b>.", None, _of_one_scene(number, len(scene)))
        for number, scene in enumerate(_still_there(found.alike, photos), 1)
        for id in scene
    ]
    return {
        "suspects": _answers(reviewed.label_issues(), reviewed.report),
        "mistakes": _answers(reviewed.mistakes(), reviewed.report),
        "twice": twice,
        "poor": poor,
        "alike": alike,
    }


def _of_one_scene(number: int, size: int) -> str:
    return f"Group {number}: {size} photos of one scene. They never stand on both sides when the model is judged."


def _still_there(scenes: Sequence[Sequence[int]], photos: dict[int, Asset]) -> Iterator[list[int]]:
    for scene in scenes:
        here = [id for id in scene if id in photos]
        if len(here) > 1:
            yield here


def empty(chosen: str) -> str:
    """What to say where a list has no photos."""
    return _NONE.get(chosen, "No photos are left here.")
