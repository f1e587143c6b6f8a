"""The color of each class: a number of ``--pc-class-…`` in ``page.css``, kept with the project."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable

from ..data.project import Project

COLORS = 8
_CHOICE, _MOST_KEPT = "colors", 2000


def class_colors(project: Project, classes: Collection[str] | None = None) -> dict[str, int]:
    """Return the color of each class of a project, also of those that are no longer there.

    A class keeps its color whatever classes come and go; a new one gets the color that the fewest others have.
    ``classes`` are those of the project, where they are known.
    """
    known = _read(project)
    classes = project.classes() if classes is None else classes
    new = [label for label in classes if label not in known]
    if new:
        known = _complete(known, classes)
        _store(project, known)
    return known


def model_colors(project: Project | None, labels: Iterable[str]) -> dict[str, int]:
    """Return the color of each class of a model: that of the project where it has the class."""
    return _complete({} if project is None else class_colors(project), labels)


def rename(project: Project, old: str, new: str) -> None:
    """Give a class that was renamed the color that it had; one that was joined to another has that one's."""
    known = _read(project)
    if old in known and new not in known:
        _store(project, {**known, new: known[old]})


def _store(project: Project, colors: dict[str, int]) -> None:
    newest = dict(list(colors.items())[-_MOST_KEPT:])
    project.catalog.choose(_CHOICE, json.dumps(newest))


def _complete(known: dict[str, int], labels: Iterable[str]) -> dict[str, int]:
    colors, wanted = dict(known), list(labels)
    used = Counter(colors[label] for label in wanted if label in colors)
    for label in wanted:
        if label not in colors:
            colors[label] = min(range(COLORS), key=used.__getitem__)
            used[colors[label]] += 1
    return colors


def _read(project: Project) -> dict[str, int]:
    """Return what is stored, which may come from a project file of somebody else."""
    try:
        stored = json.loads(project.catalog.choice(_CHOICE) or "{}")
    except ValueError:
        return {}
    pairs = stored.items() if isinstance(stored, dict) else ()
    return {label: number for label, number in pairs if type(number) is int and 0 <= number < COLORS}
