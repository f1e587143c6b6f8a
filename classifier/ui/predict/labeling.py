"""Unlabeled photos of the table become training photos: sure ones together, the others by key or tap."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from ...data.answer_rows import AnswerRow
from ...data.answer_table import AnswerTable
from ...data.labels import natural_key
from ...data.project import Project
from ...errors import DataError
from ...messages import sentence
from ...messages.labeling import LabelPageCode, LabelScript
from ...workflows.labeling import (
    Given,
    ToLabel,
    can_take_back,
    follow_project,
    give_class,
    set_aside,
    take_back,
    take_out,
    to_label,
)
from .. import html
from ..components import scripted_html
from ..handlers import QUIET, Action, Order, event_data, in_order, plain
from ..queue import INTAKE
from ..sessions import Home, check_capacity
from ..train import history, retraining, runs
from . import bulk_jobs, labeling_view
from .bulk import BulkPanel
from .models import own_models

_HERE = Path(__file__).parent
_MOST_IDS = 1000  # of one event
_locks = tuple(threading.Lock() for _ in range(64))  # several answers of one visitor come at once


class View(NamedTuple):
    """What the panel shows, in the order of its outputs."""

    panel: Any
    hint: Any  # above the table, which is long
    about: Any
    sure: Any
    questions: Any
    undo: Any
    train: Any


@dataclass(frozen=True)
class LabelingPanel:
    """How to redraw the panel, and its button that trains again with its action.

    The action needs the settings as inputs, too. ``finished`` changes when a training that was started here has ended,
    and ``answer_again`` answers the photos that are left by the new model.
    """

    train: gr.Button
    train_again: Action
    finished: gr.State
    answer_again: Action
    refresh: Action


_HIDDEN = View(gr.update(visible=False), "", "", "", "", gr.skip(), gr.skip())


def show(home: Home, token: str) -> View:
    """Draw what there is to accept and to ask; nothing where there are no unlabeled photos."""
    table = bulk_jobs.open_table(home, token)
    if table is None:
        return _HIDDEN
    with table:
        if not table.fact("complete") or (project := home.find(token)) is None:
            return _HIDDEN
        with project:
            follow_project(project, table)
            return _draw(project, table)


def _draw(project: Project, table: AnswerTable) -> View:
    found, undoable = to_label(table), can_take_back(table)
    if not found.photos and not undoable:
        return _HIDDEN
    return View(
        gr.update(visible=True),
        f'<p><a class="pc-jump" href="#try-labeling">{html.text(LabelPageCode.HINT)}</a></p>' if found.photos else "",
        _about(found),
        labeling_view.render_sure(found, _pictures(table)) if found.photos else "",
        labeling_view.render_questions(found.questions, _classes(project, table), _pictures(table)),
        gr.update(interactive=undoable),
        gr.update(variant="primary" if undoable else "secondary", interactive=len(project.classes("train")) > 1),
    )


def _about(found: ToLabel) -> str:
    if not found.photos:
        return html.note(LabelPageCode.ALL_DONE, "good")
    return html.quiet(html.text(LabelPageCode.INTRO, photos=found.photos))


def _classes(project: Project, table: AnswerTable) -> list[str]:
    """Return the classes to choose from: those of the model and of the project."""
    return sorted({*table.labels, *project.classes("train")}, key=natural_key)


def _pictures(table: AnswerTable) -> labeling_view.Picture:
    def picture(row: AnswerRow) -> bytes:
        with suppress(OSError):
            return table.thumbnail(row).read_bytes()
        return b""

    return picture


def accept(home: Home, token: str, event: gr.EventData) -> str:
    """Make the photos of a group training photos of its class."""
    data = event_data(event)
    words = _give(home, token, _ids(data.get("ids")), data.get("label"))
    if out := _ids(data.get("out")):
        with _lock(home, token), bulk_jobs.need_table(home, token) as table:
            take_out(table, out)
    return words


def answer(home: Home, token: str, event: gr.EventData) -> tuple[str, bool]:
    """Make one photo a training photo of a class, or of none; return whether it was the last question on view."""
    data = event_data(event)
    label, is_last = data.get("label"), data.get("last") is True
    if label == "":
        return _set_aside(home, token, _ids([data.get("id")])), is_last
    return _give(home, token, _ids([data.get("id")]), label), is_last


def _set_aside(home: Home, token: str, ids: list[int]) -> str:
    with _lock(home, token), bulk_jobs.need_table(home, token) as table:
        if not ids or table.row(ids[0]) is None:
            raise DataError(LabelPageCode.WHICH)
        set_aside(table, ids[0])
    return html.note(LabelPageCode.SET_ASIDE)


def _ids(claimed: object) -> list[int]:
    """Return the ids that a browser claims, which may be anything."""
    ids = claimed[:_MOST_IDS] if isinstance(claimed, list) else []
    return [id for id in ids if type(id) is int and 0 < id < 2**62]


def _give(home: Home, token: str, ids: list[int], label: object) -> str:
    if not ids or not isinstance(label, str) or not label.strip():
        raise DataError(LabelPageCode.WHICH)
    home.check_room()
    with _lock(home, token), home.open(token) as project, bulk_jobs.need_table(home, token) as table:
        check_capacity(project, len(ids))
        given = give_class(project, table, ids, label)
    return _what_came(given, len(ids), label.strip())


def _what_came(given: Given, asked: int, label: str) -> str:
    notes = []
    if given.added:
        notes.append(html.note(sentence(LabelPageCode.GIVEN, count=given.added, label=label), "good"))
    if given.moved:
        notes.append(html.note(sentence(LabelPageCode.MOVED, count=given.moved, label=label), "good"))
    if given.problems:
        problem = sentence(LabelPageCode.NOT_USED, count=len(given.problems), reason=given.problems[0])
        notes.append(html.note(problem, "warn"))
    return "".join(notes) or html.note(sentence(LabelPageCode.ALREADY, count=asked, label=label))


def undo(home: Home, token: str) -> str:
    """Take the last answer or the last accepted group back."""
    with _lock(home, token), home.open(token) as project, bulk_jobs.need_table(home, token) as table:
        count = take_back(project, table)
    return html.note(sentence(LabelPageCode.TAKEN_BACK, count=count) if count else LabelPageCode.NOTHING_TO_UNDO)


def _lock(home: Home, token: str) -> threading.Lock:
    return _locks[hash(home.folder(token)) % len(_locks)]


def what_it_brought(home: Home, token: str) -> str:
    """Return the newest training beside the one before it, on the photos that both judged."""
    with home.open(token) as project:
        entries = [history.Entry.of(run, True) for run in project.catalog.runs.newest(2)]
        reports = [entry.report for entry in entries if entry.report is not None]
        if not reports:
            return ""
        after = reports[0].images
        if len(reports) == 1:
            words = sentence(LabelPageCode.FIRST, after=after, verdict=reports[0].in_words())
            return html.note(words, "good")
        (later, earlier), before = entries, reports[1].images
        catalog = project.catalog
        result = history.compare_answers(*(catalog.runs.evaluated(entry.run.id) for entry in (earlier, later)))
        table = runs.compare_entries(project, earlier, later)
    verdict = history.verdict(result)
    return (
        f"{html.note(sentence(LabelPageCode.BROUGHT, after=after, before=before, verdict=verdict), 'good')}"
        f'<details class="pc-details"><summary>{html.text(LabelPageCode.BROUGHT_MORE)}</summary>'
        f'<div class="pc-inside">{table}</div></details>'
    )


def answer_again(home: Home, token: str) -> None:
    """Answer the photos of the table by the newest model, in the background; nothing happens where there are none."""
    table = bulk_jobs.open_table(home, token)
    models = own_models(home, token)
    if table is None or not models:
        return
    table.close()
    bulk_jobs.start_again(home, token, models[0])


def build(home: Home, token: gr.BrowserState, many: BulkPanel, hint: gr.HTML) -> LabelingPanel:
    """Create the components of the panel and connect its own events.

    ``many`` is the table of the photos, and ``hint`` stands above it.
    """
    with gr.Column(visible=False, elem_id="try-labeling") as panel:
        gr.HTML(f'<h2 class="pc-h">{html.text(LabelPageCode.TITLE)}</h2>')
        about = gr.HTML()
        again = retraining.build(home, token, what_it_brought, "labeling-brought")
        sure = scripted_html("${value}", _HERE / "sure.js", "labeling-sure", LabelScript)
        questions = scripted_html("${value}", _HERE / "questions.js", "labeling-questions", LabelScript)
        with gr.Column(elem_classes="pc-bar"):
            message = gr.HTML(elem_id="labeling-message")
            with gr.Row(elem_classes="pc-row"):
                undo_button = gr.Button(str(LabelPageCode.UNDO), min_width=80, scale=0, elem_id="labeling-undo")
                train = gr.Button(str(LabelPageCode.TRAIN), min_width=180, elem_id="labeling-train")
    last = gr.State(False)
    view: list[Any] = [panel, hint, about, sure, questions, undo_button, train]
    order = Order()
    redraw = Action(in_order(plain(show, home), order), [token], view)
    accepted = Action(plain(accept, home), [token], [message], INTAKE).on(sure.submit, trigger_mode="multiple")
    undone = undo_button.click(plain(undo, home), [token], [message], **QUIET, **INTAKE)
    for changed in (accepted, undone):
        redraw.after(changed)
        many.refresh.on(changed.success)  # the table shows what the person said
    answered = Action(plain(answer, home), [token], [message, last], INTAKE)
    redraw_at_end = Action(in_order(plain(_show_at_end, home), order), [token, last], view)
    redraw_at_end.after(answered.on(questions.submit, trigger_mode="multiple"))
    redraw.on(many.version.change)
    answer_rest = Action(plain(answer_again, home), [token], [])
    return LabelingPanel(train, again.train_again, again.finished, answer_rest, redraw)


def _show_at_end(home: Home, token: str, is_last: bool) -> View:
    """Draw the panel anew after the last question on view; before, only what can be done now."""
    if is_last is True:
        return show(home, token)
    skip, enabled = gr.skip(), gr.update(interactive=True)
    return View(skip, skip, skip, skip, skip, enabled, gr.update(variant="primary", interactive=True))
