"""How good a model is -> HTML: the score in words, its range, each class, and more numbers. Pure functions."""

from __future__ import annotations

from html import escape

from ...evaluation.intervals import PRECISE
from ...evaluation.metrics import ClassScore
from ...evaluation.report import Report
from .. import html

_JUDGED = {
    "out_of_fold": "Each photo was judged by a model that had not seen it.",
    "val": "Judged on the photos of your validation folder, which the model had not seen.",
    "test": "Judged on the photos of your test folder, which the model had not seen.",
}


def score(report: Report) -> str:
    """How far the model can be trusted: the score in words, its interval, each class, and warnings."""
    low, high = round(report.accuracy_low * 100), round(report.accuracy_high * 100)
    warnings = "".join(html.note(warning, "warn") for warning in report.warnings)
    return (
        '<section class="pc-score" aria-label="How good is it?">'
        f'<p class="pc-big">{html.in_ten(report.accuracy)}</p>'
        f"<p>With this many photos it could be anything from <b>{low}</b> to <b>{high} %</b>. "
        f"{_JUDGED[report.evaluated_on]}{_needed(report)}</p>{_interval(report)}</section>"
        f'{warnings}<h3 class="pc-h">How many of each class it recognises</h3>'
        f'<ul class="pc-bars">{"".join(_class_row(score) for score in report.per_class)}</ul>'
        f"{_mistakes(report)}{_more_numbers(report)}"
    )


def _needed(report: Report) -> str:
    """How many photos it takes for a narrow range, where the range is wide."""
    judged = sum(map(sum, report.confusion))
    if report.photos_needed <= judged or report.accuracy_high - report.accuracy_low <= 2 * PRECISE:
        return ""
    rough = -(-report.photos_needed // 50) * 50
    wanted = f"For a range of {PRECISE * 100:.0f} points to either side about {rough:,} photos have to be judged"
    return f" {wanted}; {judged:,} were."


def _more_numbers(report: Report) -> str:
    """For those who ask: what papers on classifiers report."""
    rows = [("Right, each class counted the same", html.percent(report.balanced_accuracy))]
    if len(report.labels) > 3 and len(report.top_accuracy) > 2:
        rows.append(("Right class among its first 3 answers", html.percent(report.top_accuracy[2])))
    if report.calibration_error or report.calibration_error_before:
        now, before = (f"{100 * error:.0f}" for error in (report.calibration_error, report.calibration_error_before))
        rows.append(("How sure it says it is, and how often it is right, differ by", f"{now} points"))
        rows.append(("The same before its confidence was adjusted", f"{before} points"))
    if report.group_count:
        rows.append(("Different scenes among the photos judged", f"{report.group_count:,}"))
    table = "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in rows)
    classes = "".join(
        f"<tr><th scope='row'>{escape(row.label)}</th><td>{html.percent(row.precision)}</td>"
        f"<td>{html.percent(row.recall)}</td><td>{html.percent(row.f1)}</td></tr>"
        for row in report.per_class
    )
    return (
        '<details class="pc-details"><summary>More numbers</summary><div class="pc-inside pc-compare">'
        f'<table class="pc-wide-first"><tbody>{table}</tbody></table>'
        "<table><thead><tr><th>Class</th><th>Precision</th><th>Recall</th><th>F1</th></tr></thead>"
        f"<tbody>{classes}</tbody></table></div></details>"
    )


def _interval(report: Report) -> str:
    left, width = report.accuracy_low * 100, (report.accuracy_high - report.accuracy_low) * 100
    return (
        '<div class="pc-scale" aria-hidden="true">'
        f'<i style="left:{left:.1f}%;width:{max(width, 0.8):.1f}%"></i>'
        f'<b style="left:{report.accuracy * 100:.1f}%"></b></div>'
        '<div class="pc-ends" aria-hidden="true"><span>0 %</span><span>100 %</span></div>'
    )


def _class_row(row: ClassScore) -> str:
    right = round(row.recall * row.images)
    return html.bar(row.label, row.recall, f"{right:,} of {row.images:,}" if row.images else "not judged")


def _mistakes(report: Report) -> str:
    """The commonest mix-ups, worst first."""
    mixed = sorted(
        (
            (-count, true, taken)
            for true, row in enumerate(report.confusion)
            for taken, count in enumerate(row)
            if true != taken and count
        ),
    )[:5]
    if not mixed:
        return ""
    rows = "".join(
        f"<li><b>{escape(report.labels[true])}</b> taken for <b>{escape(report.labels[taken])}</b>: "
        f"{html.photos(-count)}</li>"
        for count, true, taken in mixed
    )
    return f'<h3 class="pc-h">What it mixes up most</h3><ul class="pc-list">{rows}</ul>'
