"""Photos to look at -> HTML: what was taken for what, class by class, and cards with answers. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from ...data.catalog import Asset
from ...evaluation.metrics import ClassScore
from ...evaluation.report import Report
from ...workflows.review import PhotoPrediction
from .. import html


def matrix(report: Report) -> str:
    """The confusion matrix; a number is a button that names its cell by the places of the two classes."""
    heads = "".join(f'<th scope="col"><span>{escape(label)}</span></th>' for label in report.labels)
    rows = "".join(
        f'<tr><th scope="row" title="{escape(label)}">{escape(label)}</th>{_cells(report, true)}</tr>'
        for true, label in enumerate(report.labels)
    )
    return (
        '<div class="pc-matrix"><table><caption>What was taken for what</caption>'
        f'<thead><tr><td class="pc-quiet">is ↓ taken for →</td>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        '<p class="pc-quiet">Blue is right, orange is wrong. Press a number to see its photos.</p>'
    )


def _cells(report: Report, true: int) -> str:
    counts = report.confusion[true]
    total = max(sum(counts), 1)
    return "".join(
        _cell(report.labels, true, taken, count, count / total) if count else "<td></td>"
        for taken, count in enumerate(counts)
    )


def _cell(labels: Sequence[str], true: int, taken: int, count: int, share: float) -> str:
    kind = "pc-hit" if true == taken else "pc-miss"
    name = f"{html.photos(count)} of {labels[true]} taken for {labels[taken]}"
    return (
        f'<td><button type="button" class="{kind}" style="--share:{share:.2f}" data-true="{true}" '
        f'data-taken="{taken}" aria-label="{escape(name)}" title="{escape(name)}">{count}</button></td>'
    )


def classes(report: Report) -> str:
    """Each class: how many of its photos are recognised, and how often its name is right; a name is a button."""
    rows = "".join(
        f'<tr><th scope="row"><button type="button" class="pc-link-button" data-true="{place}">{escape(row.label)}'
        f"</button></th><td>{_recognised(row)}</td><td>{_precision(report, place)}</td></tr>"
        for place, row in enumerate(report.per_class)
    )
    return (
        '<div class="pc-compare"><table><caption>Class by class</caption><thead><tr><th>Class</th>'
        "<th>Recognised</th><th>Right when it says so</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
        '<p class="pc-quiet">Press a class to see its photos that were taken for something else.</p>'
    )


def _recognised(row: ClassScore) -> str:
    return f"{round(row.recall * row.images):,} of {row.images:,}" if row.images else "not judged"


def _precision(report: Report, place: int) -> str:
    claimed = sum(row[place] for row in report.confusion)
    return f"{report.confusion[place][place]:,} of {claimed:,}" if claimed else "never says so"


# -- cards


def taken_for(answer: PhotoPrediction, report: Report) -> str:
    """What a photo is and was taken for, as HTML."""
    label, sure = escape(answer.photo.label), html.percent(answer.confidence)
    if answer.correct:
        return f"<b>{label}</b>, recognised ({sure} sure)."
    known = "You called it right." if answer.photo.confirmed else ""
    return f"In <b>{label}</b>, looks like <b>{escape(answer.predicted)}</b> ({sure} sure). {known}"


def card(photo: Asset, jpeg: bytes, said: str, suggested: str | None, labels: Sequence[str]) -> str:
    """One photo, what is said of it (HTML), and the answers: move it, it is right, remove it."""
    name = photo.source.rsplit("/", 1)[-1]
    return (
        f'<article class="pc-look" data-id="{photo.id}"><figure title="{escape(photo.source)}">'
        f"{html.picture(jpeg, name)}</figure><div><p>{said}</p>"
        f'<div class="pc-actions">{_buttons(photo, escape(name), suggested, labels)}</div></div></article>'
    )


def _buttons(photo: Asset, name: str, suggested: str | None, labels: Sequence[str]) -> str:
    label = escape(photo.label)
    move = (
        f'<button type="button" class="pc-button pc-main" data-do="move" data-label="{escape(suggested)}">'
        f"Move to {escape(suggested)}</button>"
        if suggested and suggested != photo.label
        else ""
    )
    others = "".join(f"<option>{escape(other)}</option>" for other in labels if other not in (photo.label, suggested))
    choose = (
        f'<select class="pc-button" aria-label="Move {name} to another class"><option value="">Move to…</option>'
        f"{others}</select>"
        if others
        else ""
    )
    return (
        f'{move}<button type="button" class="pc-button" data-do="right">It is {label}</button>{choose}'
        f'<button type="button" class="pc-button" data-do="remove" aria-label="Remove {name}">Remove</button>'
    )


def group(title: str, cards: Sequence[str]) -> str:
    """Cards that belong together, under a line that says why; the title is HTML."""
    return f'<section class="pc-together"><p><b>{title}</b></p>{"".join(cards)}</section>'


def headline(before: Report | None, after: Report, seconds: float) -> str:
    """What a training after corrections brought, in one sentence."""
    took = f"Trained in {seconds:.1f} seconds"
    if before is None or before.evaluated_on != after.evaluated_on:
        return html.note(f"{took}: {html.in_ten(after.accuracy).lower()}.", "good")
    old, new = html.percent(before.accuracy), html.percent(after.accuracy)
    told = f"as many right as before ({new})" if old == new else f"{old} right before, {new} now"
    return html.note(f"{took}: {told}.", "good")


def counts(sizes: Mapping[str, int], names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Choices of what to show, with how many photos each has."""
    return [(f"{names[key]} ({size:,})", key) for key, size in sizes.items()]
