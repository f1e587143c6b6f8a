"""A page of the table of answers -> HTML, and what a person presses in it -> the page to show. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from ...data.answer_rows import AnswerRow, Kind, Query, Sort
from ...data.answer_table import AnswerTable
from ...messages import WordCode, in_row, number, percent, sentence
from ...messages.bulk import BulkPageCode
from ...messages.data import LeftOutCode, PhotoCode
from ...messages.retelling import retold
from .. import html
from ..html import escape

PAGE = 25  # photos
_LONGEST_TEXT = 200
_HEADS: tuple[tuple[Sort, BulkPageCode], ...] = (
    ("file", BulkPageCode.FILE),
    ("label", BulkPageCode.LABEL),
    ("confidence", BulkPageCode.CONFIDENCE),
    ("second", BulkPageCode.SECOND),
    ("state", BulkPageCode.STATE),
)


@dataclass(frozen=True)
class Shown:
    """Which rows are on view: the query, and the number of the page from 0."""

    query: Query = field(default_factory=Query)
    page: int = 0


def change(shown: Shown, sent: Mapping[str, Any]) -> Shown:
    """Return what to show after a press; ``sent`` is what the browser claims and may be anything."""
    query, page = shown.query, 0
    if sent.get("sort") in get_args(Sort):
        again = sent["sort"] == query.sort and sent["sort"] != "given"
        # What is least sure comes first, which is what a person looks for.
        query = replace(query, sort=sent["sort"], descending=again and not query.descending)
    elif sent.get("kind") in get_args(Kind):
        query = replace(query, kind=sent["kind"])
    elif isinstance(sent.get("label"), str):
        query = replace(query, label=sent["label"] or None)
    elif isinstance(sent.get("text"), str):
        query = replace(query, text=sent["text"][:_LONGEST_TEXT])
    elif isinstance(sent.get("page"), str) and sent["page"].isdecimal():
        page = int(sent["page"][:9])
    return Shown(query, page)


def template() -> str:
    """Return the HTML around the rows: what a person types into stays while these are drawn anew."""
    options = "".join(f'<option value="{sort}">{html.text(code)}</option>' for sort, code in _HEADS)
    return (
        '<div class="pc-bulk-tools">'
        f'<label><span>{html.text(BulkPageCode.SEARCH)}</span><input type="search" maxlength="{_LONGEST_TEXT}" '
        'autocomplete="off"></label>'
        f'<label><span>{html.text(BulkPageCode.SORT)}</span><select name="sort">'
        f'<option value="given">{html.text(BulkPageCode.SORT_GIVEN)}</option>{options}</select></label></div>'
        '<div class="pc-bulk-rows">${value}</div>'
    )


def render(table: AnswerTable, shown: Shown) -> tuple[str, Shown]:
    """Return the filters, one page of rows and the pager as HTML, and which page that is."""
    counts = table.counts()
    if shown.query.label is not None and shown.query.label not in counts:
        shown = replace(shown, query=replace(shown.query, label=None))
    total = table.count(shown.query)
    page = min(shown.page, max(0, (total - 1) // PAGE))
    rows = table.rows(shown.query, page * PAGE, PAGE)
    body = "".join(_row(row, _thumbnail(table, row)) for row in rows)
    drawn = _table(shown.query, body) if rows else html.quiet(html.text(BulkPageCode.NONE_FOUND))
    filters = f'<div class="pc-filters">{_kinds(table, shown.query)}{_classes(counts, shown.query)}</div>'
    return f"{filters}{drawn}{_pager(page, total)}", replace(shown, page=page)


def _kinds(table: AnswerTable, query: Query) -> str:
    totals = table.totals()
    counts: dict[Kind, int] = {
        "all": totals.photos, "sure": totals.sure, "unsure": totals.unsure, "unlike": totals.unlike,
        "error": totals.errors,
    }  # fmt: skip
    chips = "".join(
        f'<button type="button" class="pc-chip" data-kind="{kind}" aria-pressed="{str(kind == query.kind).lower()}">'
        f"{html.text(BulkPageCode[f'CHIP_{kind.upper()}'])} <span>{number(count)}</span></button>"
        for kind, count in counts.items()
        if count or kind in ("all", query.kind)
    )
    return f'<div class="pc-chipset" role="group" aria-label="{html.text(BulkPageCode.FILTER)}">{chips}</div>'


def _classes(counts: Mapping[str, int], query: Query) -> str:
    options = "".join(
        f'<option value="{escape(label)}"{" selected" if label == query.label else ""}>'
        f"{html.text(BulkPageCode.CLASS_COUNT, label=label, count=count)}</option>"
        for label, count in counts.items()
    )
    every = f'<option value="">{html.text(BulkPageCode.EVERY_CLASS)}</option>'
    return (
        f"<label><span>{html.text(BulkPageCode.LABEL)}</span>"
        f'<select name="label" data-value="{escape(query.label or "")}">{every}{options}</select></label>'
    )


def _table(query: Query, body: str) -> str:
    heads = "".join(_head(sort, code, query) for sort, code in _HEADS)
    return (
        f'<table class="pc-bulk"><thead><tr><th scope="col">{html.text(BulkPageCode.PHOTO)}</th>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _head(sort: Sort, code: BulkPageCode, query: Query) -> str:
    is_sorted = sort == query.sort
    order = ("descending" if query.descending else "ascending") if is_sorted else "none"
    sign = ("▼" if query.descending else "▲") if is_sorted else ""
    return (
        f'<th scope="col" aria-sort="{order}"><button type="button" data-sort="{sort}">{html.text(code)}'
        f'<span aria-hidden="true">{sign}</span></button></th>'
    )


def _row(row: AnswerRow, jpeg: bytes) -> str:
    name = row.file.replace("\\", "/").rpartition("/")[2]
    picture = html.enlargeable(jpeg, name) if row.error is None else ""
    first = f'<td>{picture}</td><td class="pc-td-file" title="{escape(row.file)}">{escape(name)}</td>'
    if row.error is not None:
        return f'<tr class="pc-unsure">{first}<td colspan="4" class="pc-td-remark">{_state(row)}</td></tr>'
    sure = "" if row.confidence is None else percent(row.confidence)
    second = ""
    if row.second is not None:
        second = html.text(BulkPageCode.PERCENT_OF, label=row.second, confidence=row.second_confidence or 0.0)
    return (
        f'<tr{" class=pc-unsure" if row.unsure else ""}>{first}<td class="pc-td-label"><b>{escape(row.label or "")}</b>'
        f'</td><td class="pc-td-sure">{escape(sure)}</td><td class="pc-td-second">{second}</td>'
        f'<td class="pc-td-remark">{_state(row)}</td></tr>'
    )


def _state(row: AnswerRow) -> str:
    """Return what to know of an answer beside the class."""
    words: list[str] = []
    if row.error is not None:
        words.append(html.text(BulkPageCode.NOT_USED, reason=retold(row.error, PhotoCode, LeftOutCode)))
    elif row.unlike:
        words.append(html.text(BulkPageCode.CHIP_UNLIKE))
    elif row.unsure:
        words.append(html.text(BulkPageCode.CHIP_UNSURE))
    if row.given is not None:
        words.append(html.text(BulkPageCode.GIVEN, label=row.given))
    return in_row(words, WordCode.SEMICOLON)


def _pager(page: int, total: int) -> str:
    if total <= PAGE:
        return ""
    first, last = page * PAGE + 1, min(total, (page + 1) * PAGE)
    return "".join(
        (
            '<nav class="pc-pages">',
            *_page_button(page - 1, BulkPageCode.PREVIOUS, page > 0),
            f'<span role="status">{html.text(BulkPageCode.PAGE, first=first, last=last, count=total)}</span>',
            *_page_button(page + 1, BulkPageCode.NEXT, last < total),
            "</nav>",
        )
    )


def _page_button(page: int, code: BulkPageCode, is_there: bool) -> Iterator[str]:
    disabled = "" if is_there else " disabled"
    yield f'<button type="button" class="pc-button" data-page="{page}"{disabled}>{html.text(code)}</button>'


def _thumbnail(table: AnswerTable, row: AnswerRow) -> bytes:
    with suppress(OSError):
        return table.thumbnail(row).read_bytes()
    return b""


def heading(count: int) -> str:
    """Return the title of the table as HTML."""
    return f'<h2 class="pc-h">{escape(sentence(BulkPageCode.TITLE, count=count))}</h2>'
