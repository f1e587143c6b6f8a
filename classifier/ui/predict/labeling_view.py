"""Unlabeled photos -> HTML: groups to accept together, and questions to answer one by one. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...data.answer_rows import AnswerRow
from ...messages.labeling import LabelPageCode
from ...workflows.labeling import ToLabel
from .. import html
from ..html import escape

Picture = Callable[[AnswerRow], bytes]

_LISTED = "labeling-classes"  # the list of all classes, where there are many
MOST_KEYS = 9  # classes that have a key
SHOWN_GROUPS = 3  # at once, so that the page stays small


def render_sure(found: ToLabel, picture: Picture) -> str:
    """Return the groups to accept together, the largest first."""
    if not found.sure:
        return _section(LabelPageCode.SURE_TITLE, html.quiet(html.text(LabelPageCode.SURE_NONE)))
    groups = "".join(_group(label, rows, picture) for label, rows in found.sure[:SHOWN_GROUPS])
    others = len(found.sure) - SHOWN_GROUPS
    more = html.quiet(html.text(LabelPageCode.SURE_MORE, count=others)) if others > 0 else ""
    return _section(LabelPageCode.SURE_TITLE, f"{html.quiet(html.text(LabelPageCode.SURE_HINT))}{groups}{more}")


def _section(title: LabelPageCode, content: str) -> str:
    return f'<section class="pc-unlabeled"><h2 class="pc-h">{html.text(title)}</h2>{content}</section>'


def _group(label: str, rows: Sequence[AnswerRow], picture: Picture) -> str:
    cards = "".join(_card(label, row, picture(row)) for row in rows)
    accept = html.text(LabelPageCode.ACCEPT, count=len(rows), label=label)
    title = html.rich(LabelPageCode.GROUP, label=label)
    return (
        f'<fieldset class="pc-trusted" data-label="{escape(label)}"><legend>{title}</legend>'
        f'<div class="pc-grid">{cards}</div>'
        f'<button type="button" class="pc-button pc-main pc-accept">{accept}</button></fieldset>'
    )


def _card(label: str, row: AnswerRow, jpeg: bytes) -> str:
    name = row.file.rsplit("/", 1)[-1]
    words = html.text(LabelPageCode.TAKE_OUT, name=name, label=label)
    box = f'<input type="checkbox" value="{row.id}" checked aria-label="{words}">'
    return html.card(box, html.enlargeable(jpeg, name), row.file, "pc-pick")


def render_questions(rows: Sequence[AnswerRow], classes: Sequence[str], picture: Picture) -> str:
    """Return the questions, of which a script shows one at a time; ``classes`` are those to choose from."""
    if not rows:
        return _section(LabelPageCode.ASK_TITLE, html.quiet(html.text(LabelPageCode.ASK_NONE)))
    cards = "".join(_question(number, len(rows), row, classes, picture(row)) for number, row in enumerate(rows, 1))
    hint = html.quiet(html.text(LabelPageCode.ASK_HINT))
    listed = html.datalist(_LISTED, classes) if len(classes) > html.MOST_OPTIONS else ""
    return _section(LabelPageCode.ASK_TITLE, f'{hint}<div class="pc-asked">{cards}</div>{listed}')


def _question(number: int, total: int, row: AnswerRow, classes: Sequence[str], jpeg: bytes) -> str:
    name = row.file.rsplit("/", 1)[-1]
    hidden = "" if number == 1 else " hidden"
    return (
        f'<article class="pc-asks" data-id="{row.id}" tabindex="-1" '
        f'aria-label="{html.text(LabelPageCode.PHOTO)}"{hidden}>'
        f'<figure title="{escape(row.file)}">{html.enlargeable(jpeg, name)}</figure>'
        f'<div><p class="pc-quiet">{html.text(LabelPageCode.NUMBER_OF, number=number, total=total)}</p>'
        f'<p>{_looks_like(row)}</p><div class="pc-choices">{_choices(row, classes)}</div></div></article>'
    )


def _looks_like(row: AnswerRow) -> str:
    values = {"label": row.label or "", "confidence": row.confidence or 0.0}
    if row.second is None:
        words = html.rich(LabelPageCode.LOOKS_LIKE_ONE, **values)
    else:
        second = {"second": row.second, "second_confidence": row.second_confidence or 0.0}
        words = html.rich(LabelPageCode.LOOKS_LIKE, **values, **second)
    return f"{words} {html.text(LabelPageCode.UNLIKE)}" if row.unlike else words


def _choices(row: AnswerRow, classes: Sequence[str]) -> str:
    """Return a button for each of the first classes; for more a list; and one for none of them."""
    likely = (row.label, row.second)
    keyed = list(classes[:MOST_KEYS])
    if len(classes) > MOST_KEYS:  # the likeliest two have a key always
        guessed = [label for label in classes if label in likely]
        keyed = [*guessed, *(label for label in classes if label not in guessed)][:MOST_KEYS]
    buttons = "".join(
        f'<button type="button" class="pc-button{" pc-likely" if label in likely else ""}" data-key="{key}" '
        f'data-label="{escape(label)}"><kbd>{key}</kbd>{escape(label)}</button>'
        for key, label in enumerate(keyed, 1)
    )
    others = [label for label in classes if label not in keyed]
    more = html.class_choice(others, LabelPageCode.OTHER_CLASS, html.text(LabelPageCode.OTHER_CLASS), _LISTED)
    none = html.text(LabelPageCode.NONE_OF_THEM)
    return (
        f'{buttons}{more}<button type="button" class="pc-button" data-key="0" data-label=""><kbd>0</kbd>{none}</button>'
    )
