"""What is said of a project's photos: why there is none to train on, groups in two splits, classes written alike."""

from __future__ import annotations

from dataclasses import replace

from ..data.group_rule import NO_RULE
from ..data.grouping import Grouping
from ..data.labels import name_difference
from ..data.project import Project
from ..data.reaching_groups import count_divided
from ..data.sources import none_usable
from ..errors import DataError
from ..evaluation.report import Report
from ..messages import Code, Message, message
from ..messages.data import LeftOutCode, PhotoCode, UploadNoteCode
from ..messages.layout import NoteCode
from ..messages.workflows import WorkflowCode


def no_photos(project: Project) -> DataError:
    """Return why there is no photo to train on: none came, all are for testing, or none can be used."""
    apart = sum(sum(counts.values()) for counts in project.catalog.balance().values())
    if apart:
        return DataError(WorkflowCode.ONLY_APART, count=apart)
    left_out = project.left_out()
    if not left_out:
        return DataError(WorkflowCode.NO_PHOTOS)
    return none_usable(left_out)


def with_not_used(report: Report, project: Project) -> Report:
    """Return a report that counts the training photos which are in several classes, and files that cannot be read."""
    conflicting = sum(photo.split == "train" for group in project.conflicts() for photo in group)
    unusable = sum(_is_unusable(left.code) for left in project.left_out())
    return replace(report, conflicting=conflicting, unusable=unusable)


def _is_unusable(code: Code) -> bool:
    return isinstance(code, (PhotoCode, LeftOutCode)) and code is not LeftOutCode.JUNK


def divided_groups(project: Project, grouping: Grouping) -> tuple[Message, ...]:
    """Return the warning that photos which belong together lie in two of the given splits.

    By the layout, or by the names and times that ``grouping`` keeps training photos together by.
    """
    count, total = project.catalog.divided_groups()
    if grouping.rule != NO_RULE:
        used = [asset for split in ("train", "val", "test") for asset in project.catalog.assets(split=split)]
        count, total = max((count, total), count_divided(used, grouping.rule))
    return (message(NoteCode.DIVIDED_GROUPS, count=count, total=total),) if count else ()


def similar_classes(project: Project) -> tuple[Message, ...]:
    """Return a note for each group of classes whose names look the same."""
    groups, counts = project.similar_classes(), project.classes()
    return tuple(
        message(
            UploadNoteCode.SIMILAR_CLASSES,
            classes=[(label, counts[label]) for label in group],
            difference=name_difference(group),
        )
        for group in groups
    )
