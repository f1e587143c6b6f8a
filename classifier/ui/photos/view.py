"""What the Photos tab shows, drawn from the project as it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from ...data.labels import similar_labels
from ...data.project import Project, count_classes
from ...messages import harmless, sentence
from ...messages.photos_page import PhotosCode
from .. import colors, html, undo
from ..sessions import Home, is_token, thumbnail_bytes
from ..uploads import KNOWN
from . import grid, joins, purposes
from .adding import waiting

PAGE = 48  # photos shown at once
_ATTEMPTS = 3  # to draw a project that changes meanwhile


class View(NamedTuple):
    """What the tab shows, in the order of its outputs; ``split``, ``chosen`` and ``page`` say which photos."""

    drop: str
    reading: str
    undo: Any
    empty: Any
    filled: Any
    purpose: Any
    split: str | None
    classes: str
    chosen: str
    similar: str
    position: str
    grid: str
    page: int
    pager: Any
    edit: Any
    notes: str
    next: Any
    plan: str
    back: Any


def show(
    home: Home,
    token: str,
    label: str | None = None,
    page: int = 0,
    purpose: str | None = None,
    share: float | None = None,
) -> View:
    """Draw the tab as the project is now, again where it changed meanwhile.

    Args:
        home: the projects.
        token: of the visitor.
        label: the class whose photos are wanted.
        page: which of its photos, ``PAGE`` at a time.
        purpose: the split whose photos are wanted.
        share: the share that would be set apart for testing.
    """
    if not is_token(token):  # the opening page: the area waits with what is dropped until its visitor is known
        return _empty()._replace(drop="", empty=gr.skip())
    project = home.find(token)
    if project is None:
        return _empty()
    with project:
        for _ in range(_ATTEMPTS):
            version = project.catalog.foreign_changes()
            view = _draw(project, label, page, purpose, share)
            if project.catalog.foreign_changes() == version:
                break
    return view


def _draw(project: Project, label: str | None, page: int, purpose: str | None, share: float | None) -> View:
    balance = project.catalog.balance()
    reading = waiting(project)
    shown = _empty()._replace(empty=gr.update(visible=not reading))
    if balance:
        shown = _filled(project, balance, label, page, purpose, share)
    return shown._replace(reading=reading, notes=_notes(project), undo=undo.update_button(project))


def _notes(project: Project) -> str:
    """Return what was lost with the list of photos, which photos are in several classes, and what was left out."""
    lost, catalog = project.what_was_lost(), project.catalog
    return (
        (html.note(" ".join(map(str, lost)), "warn") if lost else "")
        + grid.conflicts(catalog.conflicts(grid.NAMED), catalog.count_conflicts())
        + grid.left_out(catalog.left_out_by_code(grid.NAMED))
    )


def _filled(
    project: Project,
    balance: purposes.Balance,
    label: str | None,
    page: int,
    purpose: str | None,
    share: float | None,
) -> View:
    split = purposes.to_show(balance, purpose)
    known, counts = count_classes(balance), count_classes(balance, split)
    label = label if isinstance(label, str) and label in counts else next(iter(counts))
    color_of = colors.class_colors(project, known)
    pages = -(-counts[label] // PAGE)
    page = min(max(int(page or 0), 0), pages - 1)
    first = page * PAGE
    photos = project.catalog.page(label, split, first, PAGE)
    tiles = "".join(grid.photo_card(photo, thumbnail_bytes(project, photo)) for photo in photos)
    return _empty()._replace(
        empty=gr.update(visible=False),
        filled=gr.update(visible=True),
        purpose=purposes.update_control(balance, split),
        split=split,
        classes=grid.class_bars(counts, label, color_of),
        chosen=label,
        similar=joins.similar(similar_labels(known, project.limits), known),
        position=_position(label, first, len(photos), counts[label], color_of.get(label)),
        grid=html.datalist("pc-classes", known) + tiles,
        page=page,
        pager=gr.update(visible=pages > 1),
        edit=gr.update(label=harmless(sentence(PhotosCode.EDIT_CLASS, label=html.cut(label)))),
        next=_next_button(len(balance.get("train", {}))),
        plan=purposes.plan(balance, share),
        back=purposes.update_back(balance),
    )


def _empty() -> View:
    hidden = gr.update(visible=False)
    return View(
        drop=KNOWN,
        reading="",
        undo=hidden,
        empty=gr.update(visible=True),
        filled=hidden,
        purpose=hidden,
        split=None,
        classes="",
        chosen="",
        similar="",
        position="",
        grid="",
        page=0,
        pager=hidden,
        edit=gr.skip(),
        notes="",
        next=hidden,
        plan="",
        back=hidden,
    )


def _position(label: str, first: int, count: int, total: int, color: int | None) -> str:
    """Return which photos of which class are on view."""
    code = PhotosCode.SHOWN if count == total else PhotosCode.SHOWN_PART
    words = html.text(code, label=html.cut(label), first=first + 1, last=first + count, total=total)
    return f'<h2 class="pc-h" title="{html.escape(label)}">{html.swatch(color)}{words}</h2>'


def _next_button(classes: int) -> Any:
    code = PhotosCode.NEXT if classes > 1 else PhotosCode.NEXT_NEEDS_CLASS
    return gr.update(interactive=classes > 1, value=str(code), visible=True)
