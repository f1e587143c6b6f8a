"""A review -> HTML: the confusion matrix, the classes, and photos with what can be done with them. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from ...data.assets import Asset
from ...evaluation.report import Report
from ...messages import Message, sentence
from ...messages.guide import WhatCode
from ...messages.page import PageCode
from ...messages.review_page import ReviewCode
from ...messages.training_page import ScoreCode
from ...workflows.review import PhotoPrediction
from .. import guides, html
from ..html import escape
from ..train.scores import confusions, in_words, recognized

MOST_ADVICE = 3  # sentences in view
LISTED = "review-every-class"  # the list of all classes, where there are many
_FEW_CLASSES = 12  # up to which the whole matrix fits the page
_MOST_CLASSES = 100  # up to which there is one


def matrix(report: Report) -> str:
    """Return the worst confusions as a list, and the confusion matrix, which is closed at first for many classes.

    A confusion and a number of the matrix are buttons that name a cell by the indices of the two classes. So many that
    nobody would read them are left out: the cells grow with the square of the classes.
    """
    if not report.evaluated_count:
        return ""
    if len(report.labels) > _MOST_CLASSES:
        return _worst(report)
    heads = "".join(f'<th scope="col"><span>{escape(label)}</span></th>' for label in report.labels)
    rows = "".join(
        f'<tr><th scope="row" title="{escape(label)}">{escape(label)}</th>{_cells(report, index)}</tr>'
        for index, label in enumerate(report.labels)
    )
    table = (
        f'<div class="pc-matrix" tabindex="0" role="group" aria-label="{html.text(ReviewCode.MATRIX)}">'
        f"<table><caption>{html.text(ReviewCode.MATRIX)}</caption>"
        f'<thead><tr><td class="pc-quiet">{html.text(ReviewCode.MATRIX_CORNER)}</td>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{html.quiet(html.text(ReviewCode.MATRIX_HINT))}"
        f"{guides.what(WhatCode.MATRIX)}"
    )
    if len(report.labels) <= _FEW_CLASSES:
        return table
    return (
        f'{_worst(report)}<details class="pc-details"><summary>{html.text(ReviewCode.MATRIX_ALL)}</summary>'
        f'<div class="pc-inside pc-searched">{_search()}{table}</div></details>'
    )


def _worst(report: Report) -> str:
    """Return the most frequent confusions as buttons, above the matrix of many classes."""
    rows = "".join(_confusion(report.labels, *one) for one in confusions(report))
    found = f'<ol class="pc-worst">{rows}</ol>' if rows else html.note(ReviewCode.NONE_MISTAKES, "good")
    return f'<h2 class="pc-h">{html.text(ScoreCode.CONFUSIONS)}</h2>{found}'


def _confusion(labels: Sequence[str], count: int, label: int, predicted: int) -> str:
    words = html.rich(ScoreCode.CONFUSION, label=labels[label], predicted=labels[predicted], count=count)
    return (
        f'<li><button type="button" class="pc-link-button" data-label="{label}" data-predicted="{predicted}">'
        f"{words}</button></li>"
    )


def _search() -> str:
    """Return a field that leaves the rows of the table below it whose class has the typed letters."""
    return (
        f'<label class="pc-search"><span>{html.text(ReviewCode.SEARCH_CLASS)}</span>'
        '<input type="search" maxlength="80" autocomplete="off"></label>'
    )


def _cells(report: Report, label: int) -> str:
    counts = report.confusion[label]
    total = max(sum(counts), 1)
    return "".join(
        _cell(report.labels, label, predicted, count, count / total) if count else "<td></td>"
        for predicted, count in enumerate(counts)
    )


def _cell(labels: Sequence[str], label: int, predicted: int, count: int, fraction: float) -> str:
    kind = "pc-hit" if label == predicted else "pc-miss"
    name = html.text(ReviewCode.CELL, count=count, label=labels[label], predicted=labels[predicted])
    return (
        f'<td><button type="button" class="{kind}" style="--fraction:{fraction:.2f}" data-label="{label}" '
        f'data-predicted="{predicted}" aria-label="{name}" title="{name}">{count}</button></td>'
    )


def classes(report: Report) -> str:
    """Return the recall and precision of each class as counts; a name is a button. Empty where nothing was counted."""
    if not report.evaluated_count:
        return ""
    predicted = [sum(column) for column in zip(*report.confusion)]
    right = [row[index] for index, row in enumerate(report.confusion)]
    rows = "".join(
        f'<tr><th scope="row"><button type="button" class="pc-link-button" data-label="{index}">{escape(row.label)}'
        f"</button></th><td>{escape(recognized(row))}</td><td>{escape(_precision(right[index], total))}</td></tr>"
        for index, (row, total) in enumerate(zip(report.per_class, predicted))
    )
    heads = "".join(
        f'<th scope="col">{html.text(code)}</th>'
        for code in (ReviewCode.CLASS, ReviewCode.RECOGNIZED, ReviewCode.PRECISION)
    )
    title, hint = html.text(ReviewCode.CLASSES), html.quiet(html.text(ReviewCode.CLASSES_HINT))
    table = f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    if len(report.labels) <= _FEW_CLASSES:
        return f'<div class="pc-compare"><table><caption>{title}</caption>{table}</div>{hint}'
    return (
        f'<h2 class="pc-h">{title}</h2><div class="pc-searched">{_search()}<div class="pc-compare pc-scrolled" '
        f'tabindex="0" role="group" aria-label="{title}"><table>{table}</div></div>{hint}'
    )


def advice(messages: Sequence[Message]) -> str:
    """Return what would improve the model as one note, however many classes it is about."""
    if len(messages) < 2:
        return "".join(map(html.note, messages))
    first, others = messages[:MOST_ADVICE], messages[MOST_ADVICE:]
    more = ""
    if others:
        count = html.text(ReviewCode.ADVICE_MORE, count=len(others))
        more = f"<details><summary>{count}</summary>{html.items(others)}</details>"
    return (
        '<div class="pc-note pc-know" role="status"><span aria-hidden="true">ℹ</span>'
        f"<div><b>{html.text(ReviewCode.ADVICE)}</b>{html.items(first)}{more}</div></div>"
    )


def _precision(right: int, predicted: int) -> str:
    if not predicted:
        return str(ReviewCode.NEVER_PREDICTED)
    return sentence(PageCode.COUNT_OF, count=right, total=predicted)


def describe_prediction(prediction: PhotoPrediction) -> str:
    """Return the label of a photo and the class predicted for it, as HTML."""
    label, confidence = prediction.photo.label, prediction.confidence
    if label == prediction.predicted:
        return html.rich(ReviewCode.PHOTO_RECOGNIZED, label=label, confidence=confidence)
    words = html.rich(ReviewCode.PHOTO_CONFUSED, label=label, predicted=prediction.predicted, confidence=confidence)
    return f"{words} {html.text(ReviewCode.PHOTO_CONFIRMED)}" if prediction.photo.confirmed else words


def photo(
    asset: Asset, jpeg: bytes, about: str, suggested: str | None, labels: Sequence[str], color: int | None = None
) -> str:
    """Return one photo with what can be done with it.

    Args:
        asset: the photo.
        jpeg: its picture.
        about: HTML beside it.
        suggested: the class that it may belong to instead.
        labels: all classes.
        color: that of its class.
    """
    name = asset.source.rsplit("/", 1)[-1]
    return (
        f'<article class="pc-photo" data-id="{asset.id}"{html.class_color(color)}>'
        f'<figure title="{escape(asset.source)}">'
        f"{html.enlargeable(jpeg, name, asset.id)}</figure><div><p>{about}</p>"
        f'<div class="pc-actions">{_buttons(asset, name, suggested, labels)}</div></div></article>'
    )


def _buttons(asset: Asset, name: str, suggested: str | None, labels: Sequence[str]) -> str:
    move = (
        f'<button type="button" class="pc-button pc-main" data-do="move" data-label="{escape(suggested)}">'
        f"{html.text(ReviewCode.MOVE_TO, label=html.cut(suggested))}</button>"
        if suggested and suggested != asset.label
        else ""
    )
    others = [other for other in labels if other not in (asset.label, suggested)]
    to_other = html.text(ReviewCode.MOVE_TO_OTHER_LABEL, name=name)
    choose = html.class_choice(others, ReviewCode.MOVE_TO_OTHER, to_other, LISTED)
    confirm = (
        ""
        if asset.confirmed
        else f'<button type="button" class="pc-button" data-do="confirm">'
        f"{html.text(ReviewCode.CONFIRM, label=html.cut(asset.label))}</button>"
    )
    return (
        f"{move}{confirm}{choose}"
        f'<button type="button" class="pc-button" data-do="remove" '
        f'aria-label="{html.text(ReviewCode.REMOVE_LABEL, name=name)}">{html.text(ReviewCode.REMOVE)}</button>'
    )


def group(number: int, photos: Sequence[str]) -> str:
    """Return the same photo in several classes, below the question which is right."""
    title = html.text(ReviewCode.GROUP_CONFLICT, number=number)
    return f'<section class="pc-together"><p><b>{title}</b></p>{"".join(photos)}</section>'


def headline(before: Report | None, after: Report, seconds: float) -> str:
    """Return what a training after corrections changed, in one sentence."""
    is_measured = before is not None and before.evaluated_count > 0 and after.evaluated_count > 0
    if before is None or not is_measured or before.evaluated_on != after.evaluated_on:
        return html.note(sentence(ReviewCode.TRAINED, seconds=seconds, score=in_words(after)), "good")
    code = ReviewCode.TRAINED_SAME if round(before.accuracy * 100) == round(after.accuracy * 100) else None
    words = sentence(
        code or ReviewCode.TRAINED_CHANGED,
        seconds=seconds,
        accuracy=after.accuracy,
        before=before.accuracy,
        after=after.accuracy,
    )
    return html.note(words, "good")
