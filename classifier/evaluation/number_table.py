"""The numbers of a report as rows of a table, to be saved as CSV."""

from __future__ import annotations

from collections.abc import Iterator

from ..messages.pictures import NumberCode
from .report import Report

Row = tuple[str | float | None, ...]


def number_rows(report: Report) -> Iterator[Row]:
    """Yield the header and the rows: measure, class, predicted class, value; shares are 0 to 1.

    First the scores of all photos, then those of each class, then the counts of the confusion matrix. A class that
    nobody judged has no scores.
    """
    yield tuple(map(str, (NumberCode.MEASURE, NumberCode.CLASS, NumberCode.PREDICTED, NumberCode.VALUE)))
    for code, value in _totals(report):
        yield str(code), "", "", value
    for row in report.per_class:
        yield str(NumberCode.PHOTOS), row.label, "", row.images
        scores = ((NumberCode.PRECISION, row.precision), (NumberCode.RECALL, row.recall), (NumberCode.F1, row.f1))
        for code, value in scores:
            yield str(code), row.label, "", value if row.images else None
    for label, counts in zip(report.labels, report.confusion):
        for predicted, count in zip(report.labels, counts):
            yield str(NumberCode.COUNT), label, predicted, count


def _totals(report: Report) -> Iterator[tuple[NumberCode, float | None]]:
    is_evaluated, macro = report.evaluated_count > 0, report.macro
    yield NumberCode.TRAINED, report.images
    yield NumberCode.JUDGED, report.evaluated_count
    yield NumberCode.ACCURACY, report.accuracy if is_evaluated else None
    yield NumberCode.ACCURACY_LOW, report.accuracy_low if is_evaluated else None
    yield NumberCode.ACCURACY_HIGH, report.accuracy_high if is_evaluated else None
    yield NumberCode.MACRO_PRECISION, None if macro is None else macro.precision
    yield NumberCode.MACRO_RECALL, None if macro is None else macro.recall
    yield NumberCode.MACRO_F1, None if macro is None else macro.f1
    yield NumberCode.LOSS, report.loss
    yield NumberCode.CONFLICTING, report.conflicting
    yield NumberCode.UNUSABLE, report.unusable
