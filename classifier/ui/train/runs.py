"""Past trainings on the Train tab: choose one for predictions, set two side by side, delete."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from ...data.project import Project
from ...errors import DataError
from ..handlers import FREE, plain
from ..sessions import Home
from . import history

_HERE = Path(__file__).parent
_LIST = """
<ul class="pc-runs">${value}</ul>
<button type="button" class="pc-button pc-do-compare" disabled>Compare the two ticked</button>
"""


class View(NamedTuple):
    """What the panel shows, in the order of its outputs."""

    whole: Any
    list: str
    compared: str
    ask: Any


@dataclass(frozen=True)
class RunsPanel:
    """What others need: the model chosen for predictions and the event of it, the event of a deletion, drawing anew."""

    chosen: gr.State
    used: Any
    deleted: Any
    refresh: Callable[..., Any]
    inputs: list[Any]
    outputs: list[Any]


# -- handlers


def show(home: Home, token: str) -> View:
    """Draws the list as it is now, newest first."""
    project = home.find(token)
    entries: list[history.Entry] = []
    if project is not None:
        with project:
            entries = _entries(project)
    shown = gr.update(visible=bool(entries), label=f"Past trainings ({len(entries)})")
    return View(shown, history.listing(entries), "", gr.update(visible=False))


def _entries(project: Project) -> list[history.Entry]:
    there = {folder.name for folder in project.model_folders()}
    return [history.Entry.of(run, run.name in there) for run in project.catalog.runs()]


def _find(project: Project | None, claimed: object) -> history.Entry:
    """The run of an id, which is what the browser says and may be anything."""
    entries = [] if project is None else _entries(project)
    for entry in entries:
        if type(claimed) is int and entry.run.id == claimed:
            return entry
    raise DataError("This training is no longer in the list; reload the page.")


def _data(event: gr.EventData) -> dict[str, Any]:
    return event._data if isinstance(event._data, dict) else {}


def use(home: Home, token: str, event: gr.EventData) -> str:
    """The name by which the Try it tab knows the model of a run."""
    with _opened(home, token) as project:
        entry = _find(project, _data(event).get("id"))
    if not entry.has_model:
        raise DataError("The model of this training is gone; train again.")
    return f"mine/{entry.run.name}"


def compare(home: Home, token: str, event: gr.EventData) -> str:
    """Two runs side by side."""
    ids = _data(event).get("ids")
    if not isinstance(ids, list) or len(ids) != 2 or ids[0] == ids[1]:
        raise DataError("Tick two trainings to compare them.")
    with _opened(home, token) as project:
        one, two = sorted((_find(project, id) for id in ids), key=lambda entry: entry.run.id)
        between = project.catalog.changed_since(one.run.id, two.run.id)
        return history.comparison(one, two, between, project.catalog.changed_since(two.run.id))


def ask(home: Home, token: str, event: gr.EventData) -> tuple[dict[str, Any], str, int]:
    """Asks before a run is deleted."""
    with _opened(home, token) as project:
        entry = _find(project, _data(event).get("id"))
    question = (
        f"<p><b>Delete the training of {escape(entry.title)} and its model?</b> Nothing brings it back. "
        "Your photos stay.</p>"
    )
    return gr.update(visible=True), question, entry.run.id


def delete(home: Home, token: str, number: int) -> View:
    """Deletes a run and its model."""
    with _opened(home, token) as project:
        name = _find(project, number).run.name
        # Compared, never joined to a path: a project may be a stranger's, and its names anything.
        for folder in project.models.iterdir():
            if folder.name == name:
                shutil.rmtree(folder, ignore_errors=True)
        project.catalog.delete_run(name)
    return show(home, token)


def _opened(home: Home, token: str) -> Project:
    project = home.find(token)
    if project is None:
        raise DataError("There are no trainings yet; train first.")
    return project


# -- layout


def build(home: Home, token: gr.BrowserState) -> RunsPanel:
    """Draws the panel and wires its own events."""
    with gr.Accordion("Past trainings", open=False, visible=False, elem_id="runs") as whole:
        gr.HTML('<p class="pc-quiet">Newest first. Tick two to see what changed.</p>')
        runs = gr.HTML(
            html_template=_LIST,
            js_on_load=(_HERE / "runs.js").read_text("utf-8"),
            elem_id="runs-list",
            apply_default_css=False,
        )
        with gr.Column(visible=False, elem_id="runs-ask") as sure:
            question = gr.HTML()
            with gr.Row():
                no = gr.Button("Keep it", elem_id="runs-no")
                yes = gr.Button("Delete it", variant="stop", elem_id="runs-yes")
        compared = gr.HTML(elem_id="runs-compared")
    number, chosen = gr.State(0), gr.State("")
    view: list[Any] = [whole, runs, compared, sure]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", **FREE}
    used = runs.select(plain(use, home), [token], [chosen], **quiet)
    runs.submit(plain(compare, home), [token], [compared], **quiet)
    runs.delete(plain(ask, home), [token], [sure, question, number], **quiet)
    no.click(lambda: gr.update(visible=False), None, [sure], queue=False, **quiet)
    deleted = yes.click(plain(delete, home), [token, number], view, **quiet)
    return RunsPanel(chosen, used, deleted, plain(show, home), [token], view)
