"""Many photos at once on the Try it tab: their progress, and the table of answers with its files to save."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from ...data.answer_files import sort_into_zip, write_answers
from ...data.answer_repair import REPAIRED
from ...data.answer_rows import ALL
from ...data.answer_table import COPIES, AnswerTable
from ...errors import DataError
from ...messages import sentence
from ...messages.bulk import BulkPageCode
from ...workflows.labeling import follow_project
from .. import downloads, html
from ..background import State
from ..components import scripted_html
from ..handlers import WITH_SIGN, Action, Handler, Order, event_data, in_order, plain
from ..queue import DEVICE, FREE, PACK, WATCH, Concurrency, Place
from ..reports import read_report
from ..sessions import Home
from . import bulk_jobs, bulk_table
from .bulk_table import Shown
from .mistakes import thresholds
from .models import own_models, select_model, shared_models

_SCRIPT = Path(__file__).parent / "bulk.js"
_INTERVAL = 1.0  # seconds between two requests for the progress


class View(NamedTuple):
    """What the panel shows, in the order of its outputs."""

    panel: Any
    words: Any
    stop: Any
    filled: Any
    rows: Any
    again: Any
    links: Any
    timer: Any
    seen: Any  # version of the job's state on view
    version: Any  # of the table, empty while there is none: changes whenever its answers do
    shown: Any


@dataclass(frozen=True)
class BulkPanel:
    """How to redraw the panel, also after another threshold was saved.

    ``version`` changes whenever the finished table does; it is empty without one.
    """

    refresh: Action
    answer_by_threshold: Action
    version: gr.State


def show(home: Home, token: str, model: str | None, shown: Shown) -> View:
    """Draw the panel as it is now: the progress of the photos, or their table."""
    bulk_jobs.clean_up(home, token)
    job = bulk_jobs.get_job(home, token)
    if job is not None and not job.state.ended:
        return _running(job.state, home.answering.place(job))
    problem = "" if job is None or job.state.error is None else html.note(job.state.error, "warn")
    table = bulk_jobs.open_table(home, token)
    if table is None:
        return _hidden(problem)
    with table:
        if (project := home.find(token)) is not None:
            with project:
                follow_project(project, table)
        return _finished(table, shown, problem, bool(model) and model != table.fact("model"))


def update(home: Home, token: str, model: str | None, shown: Shown, seen: int) -> View:
    """Draw the progress if it changed since ``seen``, and the table when it is there."""
    job = bulk_jobs.get_job(home, token)
    if job is not None and not job.state.ended and job.state.version == seen:
        return View(*[gr.skip()] * len(View._fields))
    return show(home, token, model, shown)


def select(home: Home, token: str, shown: Shown, event: gr.EventData) -> tuple[str, Shown]:
    """Draw the rows that a person asked for: another page, order or filter."""
    with bulk_jobs.need_table(home, token) as table:
        return bulk_table.render(table, bulk_table.change(shown, event_data(event)))


def stop(home: Home, token: str, model: str | None, shown: Shown) -> View:
    """End the job; what was answered so far stays."""
    job = bulk_jobs.get_job(home, token)
    if job is not None:
        job.stop()
    return show(home, token, model, shown)


def answer_again(home: Home, token: str, model: str | None, shown: Shown) -> View:
    """Answer for the same photos by the chosen model, in the background."""
    chosen = select_model([*own_models(home, token), *shared_models(home)], model)
    bulk_jobs.start_again(home, token, chosen)
    return show(home, token, model, shown)


def delete(home: Home, token: str, model: str | None, shown: Shown) -> View:
    """Delete the photos and their table."""
    bulk_jobs.delete(home, token)
    return show(home, token, model, shown)


def save_csv(home: Home, token: str, request: gr.Request) -> str:
    """Write the whole table as CSV; return a link to it."""
    home.check_room()
    with bulk_jobs.need_table(home, token) as table:
        path = downloads.new_file(home.folder(token), "answers.csv")
        write_answers(table, path)
    return downloads.link(downloads.offer(path, request), path)


def save_zip(home: Home, token: str, request: gr.Request) -> Iterator[str]:
    """Write the photos into a zip with a folder for each class; yield the progress, at last a link to it."""
    home.check_room()
    with bulk_jobs.need_table(home, token) as table, home.open(token) as project:
        size = sum(file.stat().st_size for file in (table.folder / COPIES).iterdir())
        path = downloads.new_file(home.folder(token), "sorted photos.zip")
        with project.storage.room(size):
            for event in sort_into_zip(table, path):
                if event.done % 100 == 0:
                    yield html.progress(event)
    if not path.is_file():
        raise DataError(BulkPageCode.GONE)
    yield downloads.link(downloads.offer(path, request), path)


def _running(state: State, place: Place) -> View:
    if state.phase == "waiting" and place.before:
        code = BulkPageCode.WAITING if place.seconds is None else BulkPageCode.WAITING_FOR
        words = html.busy(sentence(code, count=place.before, seconds=place.seconds))
    elif state.phase == "stopping":
        words = html.busy(BulkPageCode.STOPPING)
    else:
        words = html.busy(BulkPageCode.STARTING) if state.progress is None else html.progress(state.progress)
    stoppable = gr.update(visible=True, interactive=state.phase != "stopping")
    hidden, timer = gr.update(visible=False), gr.Timer(active=True)
    return View(gr.update(visible=True), words, stoppable, hidden, "", hidden, "", timer, state.version, "", gr.skip())


def _hidden(problem: str) -> View:
    hidden, timer = gr.update(visible=False), gr.Timer(active=False)
    return View(gr.update(visible=bool(problem)), problem, hidden, hidden, "", hidden, "", timer, 0, "", Shown())


def _finished(table: AnswerTable, shown: Shown, problem: str, other_model: bool) -> View:
    rows, now = bulk_table.render(table, shown)
    hidden, visible = gr.update(visible=False), gr.update(visible=True)
    complete = bool(table.fact("complete"))
    version = str(table.fact("version") or "") if complete else ""
    words = problem + _words(table, complete, other_model)
    again = visible if other_model or (not complete and table.fact(REPAIRED) is not None) else hidden
    return View(visible, words, hidden, visible, rows, again, gr.skip(), gr.Timer(active=False), 0, version, now)


def _words(table: AnswerTable, complete: bool, other_model: bool) -> str:
    """Return whose answers these are, and how many photos were looked at where not all were."""
    count = table.count(ALL)
    code = BulkPageCode.BY_MODEL
    sentences = [sentence(code, name=str(table.fact("title") or table.fact("model") or ""))]
    if other_model:
        sentences.append(str(BulkPageCode.OTHER_MODEL))
    sentences.append(str(BulkPageCode.KEPT))
    missing = "" if complete else html.note(_what_is_missing(table, count))
    return bulk_table.heading(count) + missing + html.quiet(html.escape(" ".join(sentences)))


def _what_is_missing(table: AnswerTable, count: int) -> str:
    kept, total = table.fact(REPAIRED), table.fact("total")
    if isinstance(kept, int):
        return sentence(BulkPageCode.REPAIRED, count=kept, button=str(BulkPageCode.ANSWER_AGAIN))
    return sentence(BulkPageCode.STOPPED, done=count, total=total if isinstance(total, int) else count)


def answer_by_threshold(home: Home, token: str, model: str | None, shown: Shown) -> View:
    """Answer by the threshold that was just saved in one of the visitor's own models, where that gave the answers."""
    own = select_model(own_models(home, token), model)
    bulk_jobs.set_threshold(home, token, own.name, thresholds(read_report(own.folder)))
    return show(home, token, model, shown)


def build(home: Home, token: gr.BrowserState, model: gr.HTML) -> BulkPanel:
    """Create the components of the panel and connect its own events."""
    with gr.Column(visible=False, elem_id="try-bulk") as panel:
        words = gr.HTML(elem_id="try-bulk-words")
        stop_button = gr.Button(str(BulkPageCode.STOP), visible=False, variant="stop", elem_id="try-bulk-stop")
        with gr.Column(visible=False) as filled:
            again = gr.Button(str(BulkPageCode.ANSWER_AGAIN), visible=False, elem_id="try-bulk-again")
            rows = scripted_html(bulk_table.template(), _SCRIPT, "try-bulk-table")
            with gr.Row():
                csv = gr.Button(str(BulkPageCode.SAVE_CSV), min_width=200, elem_id="try-bulk-csv")
                packed = gr.Button(str(BulkPageCode.SAVE_ZIP), min_width=200, elem_id="try-bulk-zip")
                delete_button = gr.Button(str(BulkPageCode.DELETE), min_width=200, elem_id="try-bulk-delete")
            links = gr.HTML(elem_id="try-bulk-links")
    timer, seen, version, shown = gr.Timer(_INTERVAL, active=False), gr.State(0), gr.State(""), gr.State(Shown())
    view: list[Any] = [panel, words, stop_button, filled, rows, again, links, timer, seen, version, shown]
    inputs: list[Any] = [token, model, shown]
    order = Order()

    def acting(handler: Handler, concurrency: Concurrency = FREE) -> Action:
        return Action(in_order(plain(handler, home), order, acts=True), inputs, view, concurrency)

    refresh = Action(in_order(plain(show, home), order), inputs, view)
    refresh.on(model.change)
    Action(in_order(plain(update, home), order), [*inputs, seen], view, WATCH).on(timer.tick)
    Action(plain(select, home), [token, shown], [rows, shown]).on(rows.select, trigger_mode="always_last")
    for handler, button in ((stop, stop_button), (answer_again, again), (delete, delete_button)):
        acting(handler).on(button.click)
    Action(plain(save_csv, home), [token], [links]).on(csv.click, **WITH_SIGN)
    Action(plain(save_zip, home), [token], [links], PACK).on(packed.click)
    return BulkPanel(refresh, acting(answer_by_threshold, DEVICE), version)
