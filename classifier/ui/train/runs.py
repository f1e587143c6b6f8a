"""Past trainings on the Train tab: use one for predictions, compare two, rename one, delete one."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from gradio.events import Dependency

from ...data.project import Project
from ...data.run_history import Run
from ...errors import DataError, ModelError
from ...messages import sentence
from ...messages.models import CheckpointCode
from ...messages.training_page import RunsCode
from ...models import model_folder
from .. import html
from ..components import scripted_html
from ..handlers import QUIET, Action, Order, event_data, in_order, plain
from ..sessions import Home
from . import history, steps

_SCRIPT = Path(__file__).parent / "runs.js"
_MOST_COMPARED = 10  # trainings of which the list says what was changed since: each reads all its photos


class View(NamedTuple):
    """What the panel shows, in the order of its outputs."""

    panel: Any
    list: str
    comparison: str
    question: Any
    renaming: Any


@dataclass(frozen=True)
class RunsPanel:
    """The model chosen for predictions with the event of the choice, the events after changes, and how to redraw.

    ``stepped`` is the event of an earlier step that is used again.
    """

    chosen: gr.State
    used: Dependency
    stepped: Dependency
    deleted: Dependency
    renamed: Dependency
    refresh: Action


def show(home: Home, token: str) -> View:
    """Draw the list as it is now, newest first."""
    project = home.find(token)
    entries: list[history.Entry] = []
    if project is not None:
        with project:
            entries = _with_changes(project, _entries(project, project.catalog.runs.newest()))
    panel = gr.update(visible=bool(entries), label=sentence(RunsCode.TITLE, count=len(entries)))
    hidden = gr.update(visible=False)
    return View(panel, history.render_list(entries), "", hidden, hidden)


def _entries(project: Project, runs: Sequence[Run]) -> list[history.Entry]:
    names = {run.name for run in runs}
    tried = {folder.name: steps.Tried.read(folder) for folder in project.model_folders() if folder.name in names}
    return [history.Entry.of(run, run.name in tried, tried.get(run.name, steps.NONE)) for run in runs]


def _with_changes(project: Project, entries: list[history.Entry]) -> list[history.Entry]:
    """Return the entries with what was changed since the newest of them."""
    newest = entries[:_MOST_COMPARED]
    changes = project.catalog.runs.changed_since_each([one.run.id for one in newest])
    return [replace(one, since=since) for one, since in zip(newest, changes)] + entries[_MOST_COMPARED:]


def _find(project: Project, claimed: object) -> history.Entry:
    """Return the run of an id, which is what the browser claims and may be anything."""
    run = project.catalog.runs.find(id=claimed) if type(claimed) is int and abs(claimed) < 2**62 else None
    if run is None:
        raise DataError(RunsCode.NO_LONGER_LISTED)
    return _entries(project, [run])[0]


def use(home: Home, token: str, event: gr.EventData) -> str:
    """Return the name by which the Try it tab knows the model of a run."""
    with _open(home, token) as project:
        entry = _find(project, event_data(event).get("id"))
    if not entry.has_model:
        raise DataError(RunsCode.MODEL_MISSING)
    return f"mine/{entry.run.name}"


def use_step(home: Home, token: str, event: gr.EventData) -> str:
    """Put an earlier step of a past training to use again."""
    data = event_data(event)
    with _open(home, token) as project:
        entry = _find(project, data.get("id"))
        folders = [folder for folder in project.model_folders() if folder.name == entry.run.name]
    if not folders:
        raise DataError(RunsCode.MODEL_MISSING)
    return steps.take_back(home, token, folders[0], data.get("step"))


def compare(home: Home, token: str, event: gr.EventData) -> str:
    """Show two runs side by side."""
    ids = event_data(event).get("ids")
    if not isinstance(ids, list) or len(ids) != 2 or ids[0] == ids[1]:
        raise DataError(RunsCode.TICK_TWO)
    with _open(home, token) as project:
        return compare_entries(project, *sorted((_find(project, id) for id in ids), key=lambda entry: entry.run.id))


def compare_entries(project: Project, earlier: history.Entry, later: history.Entry) -> str:
    """Return two runs of a project side by side, as HTML."""
    if earlier.report is None or later.report is None:
        return html.note(RunsCode.NOT_COMPARABLE, "warn")
    catalog = project.catalog
    answers = (catalog.runs.evaluated(entry.run.id) for entry in (earlier, later))
    between = catalog.runs.changed_since(earlier.run.id, later.run.id)
    since = catalog.runs.changed_since(later.run.id)
    return history.render_comparison(earlier, later, history.compare_answers(*answers), between, since)


def ask(home: Home, token: str, event: gr.EventData) -> tuple[dict[str, Any], str, int]:
    """Ask before a run is deleted."""
    with _open(home, token) as project:
        entry = _find(project, event_data(event).get("id"))
    question = f"<p>{html.rich(RunsCode.DELETE_QUESTION, name=entry.title)}</p>"
    return gr.update(visible=True), question, entry.run.id


def ask_name(home: Home, token: str, event: gr.EventData) -> tuple[dict[str, Any], str, int]:
    """Ask what a run shall be called."""
    with _open(home, token) as project:
        entry = _find(project, event_data(event).get("id"))
    return gr.update(visible=True), entry.run.title, entry.run.id


def rename(home: Home, token: str, id: int, title: str | None) -> View:
    """Give a run and its model a title; an empty one is none."""
    with _open(home, token) as project:
        project.rename_run(_find(project, id).run.name, title or "")
    return show(home, token)


def delete(home: Home, token: str, id: int) -> View:
    """Delete a run and its model; its training ends first where it still goes on."""
    with _open(home, token) as project:
        name = _find(project, id).run.name
        # Compared, never joined to a path: a project may be a stranger's, and its names anything.
        for folder in project.models.iterdir():
            if folder.name == name:
                steps.change_model(home, token, partial(_delete_model, folder))
        project.catalog.runs.delete(name)
    return show(home, token)


def _delete_model(folder: Path) -> None:
    """Delete a model, or what is in its place; raises ``ModelError`` where a training is at work there."""
    try:
        with model_folder.reserve(folder):
            pass
    except ModelError as error:
        if error.code is CheckpointCode.IN_USE:
            raise
    shutil.rmtree(folder, ignore_errors=True)


def _open(home: Home, token: str) -> Project:
    project = home.find(token)
    if project is None:
        raise DataError(RunsCode.NONE_YET)
    return project


def _template() -> str:
    compare = html.text(RunsCode.COMPARE)
    return (
        '<ul class="pc-runs">${value}</ul>'
        f'<button type="button" class="pc-button pc-do-compare" disabled>{compare}</button>'
    )


def build(home: Home, token: gr.BrowserState) -> RunsPanel:
    """Create the components of the panel and connect its own events."""
    title = sentence(RunsCode.TITLE, count=0)
    with gr.Accordion(title, open=False, visible=False, elem_id="runs") as panel:
        gr.HTML(html.quiet(html.text(RunsCode.HINT)))
        runs = scripted_html(_template(), _SCRIPT, "runs-list")
        with gr.Column(visible=False, elem_id="runs-ask") as confirmation:
            question = gr.HTML()
            with gr.Row():
                no = gr.Button(str(RunsCode.DELETE_NO), elem_id="runs-no")
                yes = gr.Button(str(RunsCode.DELETE_YES), variant="stop", elem_id="runs-yes")
        with gr.Column(visible=False, elem_id="runs-renaming") as renaming:
            title_field = gr.Textbox(
                label=str(RunsCode.RENAME_FIELD), info=str(RunsCode.RENAME_HINT), max_length=80, elem_id="runs-title"
            )
            with gr.Row():
                cancel = gr.Button(str(RunsCode.RENAME_NO), elem_id="runs-rename-no")
                save = gr.Button(str(RunsCode.RENAME_YES), variant="primary", elem_id="runs-rename-yes")
        taken_back = gr.HTML(elem_id="runs-taken-back")
        comparison = gr.HTML(elem_id="runs-compared")
    id, chosen = gr.State(0), gr.State("")
    view: list[Any] = [panel, runs, comparison, confirmation, renaming]
    used = Action(plain(use, home), [token], [chosen]).on(runs.select)
    stepped = Action(plain(use_step, home), [token], [taken_back]).on(runs.input)
    Action(plain(compare, home), [token], [comparison]).on(runs.submit)
    Action(plain(ask, home), [token], [confirmation, question, id]).on(runs.delete)
    Action(plain(ask_name, home), [token], [renaming, title_field, id]).on(runs.edit)
    for button, column in ((no, confirmation), (cancel, renaming)):
        button.click(lambda: gr.update(visible=False), None, [column], queue=False, **QUIET)
    order = Order()
    deleted = Action(in_order(plain(delete, home), order, acts=True), [token, id], view).on(yes.click)
    rename_now = Action(in_order(plain(rename, home), order, acts=True), [token, id, title_field], view)
    renamed = rename_now.on(partial(gr.on, [save.click, title_field.submit]))
    return RunsPanel(chosen, used, stepped, deleted, renamed, Action(in_order(plain(show, home), order), [token], view))
