"""What to know of a score, in the order in which page, model card and command line show it."""

from __future__ import annotations

from collections.abc import Iterable

from ..messages import Code, Message
from ..messages.evaluation import ApartCode, ScoreCode, WarningCode
from ..messages.groups import GroupCode
from .report import Report

# What changes most how far a score is to be trusted comes first.
_ORDER: dict[Code, int] = {
    code: place
    for place, code in enumerate(
        (
            ApartCode.TEST_ALL_NEAR, ApartCode.TEST_NEAR, WarningCode.OTHER_PHOTOS, GroupCode.WITHOUT,
            GroupCode.WITHOUT_SAME, GroupCode.KEPT, GroupCode.ASKED, WarningCode.ONE_SESSION, WarningCode.FEW_THINGS,
            WarningCode.ONE_BACKGROUND, WarningCode.ONE_GROUP, ScoreCode.WIDE, WarningCode.ONE_CLASS,
            WarningCode.ONE_EACH, WarningCode.SINGLE_PHOTO, WarningCode.FEW_PHOTOS, WarningCode.IMBALANCED,
            WarningCode.TEXT, ScoreCode.CONFLICTING, ScoreCode.UNUSABLE, ApartCode.VALIDATION,
            ApartCode.VALIDATION_NEAR,
        )
    )
}  # fmt: skip


def remarks(report: Report, warnings: Iterable[Message] | None = None) -> tuple[Message, ...]:
    """Return the warnings and notes of a report, each once, those that matter most for the score first.

    ``warnings`` are by default those of the report.
    """
    found = (*(report.warnings if warnings is None else warnings), *report.notes())
    each = {str(one): one for one in found}.values()
    return tuple(sorted(each, key=lambda one: _ORDER.get(one.code, len(_ORDER))))
