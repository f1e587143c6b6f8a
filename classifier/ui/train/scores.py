"""A report -> HTML: the score in words, its interval, each class, the confusions, and more numbers. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from ...evaluation.intervals import PRECISE
from ...evaluation.metrics import ClassScore
from ...evaluation.remarks import remarks
from ...evaluation.report import Report
from ...evaluation.report_values import EvaluatedOn
from ...messages import Code, number, percent, sentence
from ...messages.evaluation import correct_in_words, how_little, more_photos, tells_nothing
from ...messages.groups import GroupCode
from ...messages.guide import WhatCode
from ...messages.page import PageCode
from ...messages.training_page import RunsCode, ScoreCode
from .. import guides, html

_EVALUATED_ON: dict[EvaluatedOn, ScoreCode] = {
    "out_of_fold": ScoreCode.ON_OUT_OF_FOLD,
    "val": ScoreCode.ON_VAL,
    "test": ScoreCode.ON_TEST,
}
_MAX_CONFUSIONS = 5
_MAX_REMARKS = 4
_MAX_CLASSES = 12  # bars in view


def in_words(report: Report) -> str:
    """Return the accuracy of a report in the words of page and command line."""
    return correct_in_words(report.accuracy, report.evaluated_count, report.correct_count)


def render(report: Report, evaluated_on: Code | None = None) -> str:
    """Return how far a model can be trusted: its score with the interval, and what to know of it.

    ``evaluated_on`` says what it was judged on, where that is not what the report says.
    """
    known = _range(report, evaluated_on or _EVALUATED_ON[report.evaluated_on]) if report.evaluated_count else ""
    return (
        f'<section class="pc-score" aria-label="{html.text(ScoreCode.HEADING)}">'
        f'<p class="pc-big" data-say>{escape(in_words(report))}</p>{known}</section>'
        f"{_left_out(report)}{_remarks(report)}"
    )


def _range(report: Report, evaluated_on: Code) -> str:
    """Return the interval of a score in words and as a line, and which photos the score is of."""
    low, high, total = report.accuracy_low, report.accuracy_high, report.evaluated_count
    little = how_little(low, high, total)
    details = [] if little is None else [escape(str(little))]
    if tells_nothing(low, high, total):
        return f"<p>{' '.join([*details, escape(more_photos()), html.text(evaluated_on)])}</p>"
    details.append(html.rich(ScoreCode.RANGE, low=round(low * 100), high=round(high * 100)))
    details += [html.text(evaluated_on), *_photos_needed(report)]
    return f"<p>{' '.join(details)}</p>{_interval(report)}{guides.what(WhatCode.RANGE)}"


def _left_out(report: Report) -> str:
    """Return what was not learned from, in view and apart from what is to be known of the score."""
    found = [str(one) for one in report.not_used()]
    if not found:
        return ""
    learned = sentence(ScoreCode.LEARNED_FROM, count=report.images)
    return html.note(" ".join((learned, *found)), "warn")


def _remarks(report: Report) -> str:
    """Return what to know of the score, the first few in view; groups of photos have a panel of their own."""
    shown_apart = report.not_used()
    found = [str(one) for one in remarks(report) if one not in shown_apart and not isinstance(one.code, GroupCode)]
    if len(found) < 2:
        return "".join(html.note(one, "warn") for one in found)
    first, others = found[:_MAX_REMARKS], found[_MAX_REMARKS:]
    more = (
        f"<details><summary>{html.text(ScoreCode.KNOW_MORE, count=len(others))}</summary>{html.items(others)}</details>"
        if others
        else ""
    )
    return (
        '<div class="pc-note pc-warn pc-know" role="status"><span aria-hidden="true">!</span>'
        f"<div><b>{html.text(ScoreCode.KNOW)}</b>{html.items(first)}{more}</div></div>"
    )


def render_details(report: Report, colors: Mapping[str, int]) -> str:
    """Return each class in its color, see ``colors``, the confusions, and more numbers."""
    return (
        f'<h2 class="pc-h">{html.text(ScoreCode.PER_CLASS)}</h2>'
        f"{_classes(report, colors)}{_confusions(report)}{_more_numbers(report)}"
    )


def _classes(report: Report, colors: Mapping[str, int]) -> str:
    """Return a bar for each class; of many those that are recognized least are in view."""
    rows = report.per_class
    if len(rows) <= _MAX_CLASSES:
        return _bars(rows, colors)
    worst = sorted((row for row in rows if row.images), key=lambda row: row.recall)[:_MAX_CLASSES]
    every = f"<summary>{html.text(ScoreCode.EVERY_CLASS, count=len(rows))}</summary>"
    return (
        f"{html.quiet(html.text(ScoreCode.WORST_CLASSES, count=len(worst)))}{_bars(worst, colors)}"
        f'<details class="pc-details">{every}<div class="pc-inside">{_bars(rows, colors)}</div></details>'
    )


def _bars(rows: Sequence[ClassScore], colors: Mapping[str, int]) -> str:
    bars = "".join(html.bar(row.label, row.recall, recognized(row), colors.get(row.label)) for row in rows)
    return f'<ul class="pc-bars">{bars}</ul>'


def _photos_needed(report: Report) -> list[str]:
    """Return how many photos it takes for a narrow interval, where the interval is wide."""
    evaluated = report.evaluated_count
    if report.photos_needed <= evaluated or report.accuracy_high - report.accuracy_low <= 2 * PRECISE:
        return []
    rough = -(-report.photos_needed // 50) * 50
    return [html.text(ScoreCode.PHOTOS_NEEDED, points=round(PRECISE * 100), needed=rough, evaluated=evaluated)]


def _interval(report: Report) -> str:
    left, width = report.accuracy_low * 100, (report.accuracy_high - report.accuracy_low) * 100
    return (
        '<div class="pc-scale" aria-hidden="true">'
        f'<i style="left:{left:.1f}%;width:{max(width, 0.8):.1f}%"></i>'
        f'<b style="left:{report.accuracy * 100:.1f}%"></b></div>'
        f'<div class="pc-ends" aria-hidden="true"><span>{escape(percent(0))}</span>'
        f"<span>{escape(percent(1))}</span></div>"
    )


def recognized(row: ClassScore) -> str:
    """Return how many photos of a class were recognized, in words."""
    if not row.images:
        return str(ScoreCode.NOT_JUDGED)
    return sentence(PageCode.COUNT_OF, count=round(row.recall * row.images), total=row.images)


class Confusion(NamedTuple):
    """How many photos of a class were taken for another one; classes are given by their index."""

    photos: int
    label: int
    predicted: int


def confusions(report: Report, most: int = 10) -> list[Confusion]:
    """Return the most frequent confusions of two classes, the worst first."""
    found = [
        Confusion(count, i, j)
        for i, row in enumerate(report.confusion)
        for j, count in enumerate(row)
        if i != j and count
    ]
    return sorted(found, key=lambda one: (-one.photos, one.label, one.predicted))[:most]


def _confusions(report: Report) -> str:
    worst = confusions(report, _MAX_CONFUSIONS)
    if not worst:
        return ""
    names = report.labels
    rows = "".join(
        f"<li>{html.rich(ScoreCode.CONFUSION, label=names[i], predicted=names[j], count=count)}</li>"
        for count, i, j in worst
    )
    return f'<h2 class="pc-h">{html.text(ScoreCode.CONFUSIONS)}</h2><ul class="pc-list">{rows}</ul>'


def _more_numbers(report: Report) -> str:
    """Return the numbers that papers on classifiers report."""
    table = "".join(f"<tr><td>{html.text(name)}</td><td>{value}</td></tr>" for name, value in _figures(report))
    heads = "".join(
        f"<th>{html.text(name)}</th>" for name in (ScoreCode.CLASS, ScoreCode.PRECISION, ScoreCode.RECALL, ScoreCode.F1)
    )
    classes = "".join(
        f"<tr><th scope='row'>{escape(row.label)}</th>{''.join(f'<td>{value}</td>' for value in _class_figures(row))}"
        "</tr>"
        for row in report.per_class
    )
    return (
        f'<details class="pc-details"><summary>{html.text(ScoreCode.MORE)}</summary>'
        f'<div class="pc-inside pc-compare"><table class="pc-wide-first"><tbody>{table}</tbody></table>'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{classes}</tbody></table></div></details>"
    )


def _class_figures(row: ClassScore) -> list[str]:
    """Return precision, recall and F1; a class that nobody judged has none."""
    values = (row.precision, row.recall, row.f1)
    return [percent(value) if row.images else str(RunsCode.UNKNOWN) for value in values]


def _figures(report: Report) -> list[tuple[ScoreCode, str]]:
    rows = [(ScoreCode.ACCURACY, sentence(ScoreCode.EXACT, value=100 * report.accuracy))]
    rows.append((ScoreCode.BALANCED, percent(report.balanced_accuracy)))
    macro = report.macro
    if macro is None:
        return []
    rows += [
        (ScoreCode.MACRO_PRECISION, percent(macro.precision)),
        (ScoreCode.MACRO_F1, percent(macro.f1)),
    ]
    if report.loss is not None:
        rows.append((ScoreCode.LOSS, sentence(ScoreCode.LOSS_VALUE, value=report.loss)))
    if len(report.labels) > 3 and len(report.top_accuracy) > 2:
        rows.append((ScoreCode.TOP_THREE, percent(report.top_accuracy[2])))
    if report.calibration_error or report.calibration_error_before:
        rows.append((ScoreCode.CALIBRATION, _points(report.calibration_error)))
        rows.append((ScoreCode.CALIBRATION_BEFORE, _points(report.calibration_error_before)))
    if report.group_count:
        rows.append((ScoreCode.GROUPS, number(report.group_count)))
    return rows


def _points(difference: float) -> str:
    return sentence(ScoreCode.POINTS, points=100 * difference)
