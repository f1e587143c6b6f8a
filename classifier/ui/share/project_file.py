"""The panel of project files on the Share tab: save everything in one file, and open such a file in its place."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from ...data.project_opening import OpenedProject
from ...errors import ClassifierError, DataError
from ...messages import sentence
from ...messages.project_files import ProjectFilePage
from ...workflows.project_file import open_project, save_project
from .. import downloads, html
from ..handlers import Action, plain
from ..queue import FREE, INTAKE
from ..sessions import Home
from ..uploads import delete_uploads, drop_area, parse_upload, ready_value, uploaded_file

_WITH, _WITHOUT = "with", "without"


class Waiting(NamedTuple):
    """A project file that waits for an answer: its path, and what the visitor calls it; empty where none does."""

    path: str = ""
    name: str = ""


class View(NamedTuple):
    """What the panel shows, in the order of its outputs."""

    drop: str  # a new value: the server is ready again
    result: str
    question: Any
    words: str
    waiting: Waiting
    opened: int  # grows with each project that was opened, which the other tabs follow


@dataclass(frozen=True)
class ProjectFilePanel:
    """A number that grows when a project was opened: then all tabs have to be drawn again."""

    opened: gr.State


def save(home: Home, token: str, choice: str | None, request: gr.Request) -> Iterator[str]:
    """Save the project in a file; yields that it is being done, then the link, or why there is none."""
    project = home.find(token)
    if project is None:
        yield html.note(ProjectFilePage.NOTHING)
        return
    yield html.busy(ProjectFilePage.SAVING)
    with project:
        folders, photos = project.model_folders(), project.photos()
        if not photos and not folders:
            yield html.note(ProjectFilePage.NOTHING)
            return
        with_photos = choice != _WITHOUT
        files = [file for folder in folders for file in folder.iterdir() if file.is_file()]
        files += [project.photo_path(photo) for photo in photos] if with_photos else []
        file = downloads.new_file(project.folder, f"project {date.today().isoformat()}.zip")
        try:
            with project.storage.room(sum(path.stat().st_size for path in files if path.is_file())):
                save_project(project, file, with_photos)
        except ClassifierError as error:
            yield html.note(error.message, "warn")
            return
    yield f"<p>{downloads.link(downloads.offer(file, request), file)}</p>"


def receive(home: Home, token: str, opened: int, event: gr.EventData) -> View:
    """Open a project file that was dropped, or ask first where the visitor has photos or models."""
    upload = parse_upload(event._data, home.limits.upload.files)
    if len(upload.files) != 1 or upload.missing:
        delete_uploads(path for _, path in upload.files)
        raise DataError(ProjectFilePage.ONE_FILE)
    ((name, path),) = upload.files
    project = home.find(token)
    photos = models = 0
    if project is not None:
        with project:
            photos, models = len(project.photos()), len(project.model_folders())
    if not photos and not models:
        return _open(home, token, path, name, opened)
    words = f"<p>{html.rich(ProjectFilePage.QUESTION, photos=photos, models=models, name=name)}</p>"
    return View(ready_value(), "", gr.update(visible=True), words, Waiting(str(path), name), opened)


def replace(home: Home, token: str, waiting: Waiting, opened: int) -> View:
    """Open the project file that waits, in the place of the visitor's project."""
    path = uploaded_file(waiting.path)
    if path is None:
        raise DataError(ProjectFilePage.UPLOAD_GONE)
    return _open(home, token, path, waiting.name, opened)


def keep(home: Home, token: str, waiting: Waiting, opened: int) -> View:
    """Forget the project file that waits."""
    path = uploaded_file(waiting.path)
    delete_uploads([] if path is None else [path])
    return _view(html.note(ProjectFilePage.KEPT), opened)


def _open(home: Home, token: str, file: Path, name: str, opened: int) -> View:
    """Open a project file beside the project, and put it in its place when it is complete."""
    folder = home.root / f".{secrets.token_hex(16)}.opening"
    try:
        home.check_room()
        home.root.mkdir(parents=True, exist_ok=True)
        found = open_project(file, folder, home.limits.upload, home.room, name)
        home.replace(token, folder)
    finally:
        delete_uploads([file])
        shutil.rmtree(folder, ignore_errors=True)
    return _view(_summary(found), opened + 1)


def _view(result: str, opened: int) -> View:
    return View(ready_value(), result, gr.update(visible=False), "", Waiting(), opened)


def _summary(found: OpenedProject) -> str:
    code = ProjectFilePage.OPENED if found.has_photos else ProjectFilePage.OPENED_WITHOUT
    words = html.note(sentence(code, photos=found.photos, models=found.models), "good")
    if found.left_out:
        words += html.note(sentence(ProjectFilePage.LEFT_OUT, count=len(found.left_out)), "warn")
    models = [
        sentence(ProjectFilePage.MODEL_LEFT_OUT, name=one.file, reason=one.reason) for one in found.left_out_models
    ]
    return words + "".join(html.note(one, "warn") for one in models)


def _failed(waiting: Waiting) -> tuple[str, Any, Waiting]:
    """Return what ends a question whose answer could not be carried out."""
    return ready_value(), gr.update(visible=False), Waiting()


def build(home: Home, token: gr.BrowserState) -> ProjectFilePanel:
    """Create the components of the panel and connect its own events."""
    gr.HTML(f'<h2 class="pc-h">{html.text(ProjectFilePage.TITLE)}</h2>{html.quiet(html.text(ProjectFilePage.ABOUT))}')
    choices = [(str(ProjectFilePage.WITH_PHOTOS), _WITH), (str(ProjectFilePage.WITHOUT_PHOTOS), _WITHOUT)]
    choice = gr.Radio(
        choices, value=_WITH, label=str(ProjectFilePage.CHOICE), elem_id="project-choice", elem_classes="pc-stack"
    )
    save_button = gr.Button(str(ProjectFilePage.SAVE), elem_id="project-save")
    saved = gr.HTML(elem_id="project-saved")
    drop = drop_area(
        str(ProjectFilePage.OPEN_TITLE),
        str(ProjectFilePage.OPEN_HINT),
        str(ProjectFilePage.OPEN_CHOOSE),
        limits=home.limits.upload,
        elem_id="project-drop",
        most=1,
        accept=".zip",
    )
    with gr.Column(visible=False, elem_id="project-ask") as question:
        words = gr.HTML()
        with gr.Row():
            no = gr.Button(str(ProjectFilePage.KEEP), elem_id="project-no")
            yes = gr.Button(str(ProjectFilePage.REPLACE), variant="stop", elem_id="project-yes")
    result = gr.HTML(elem_id="project-opened")
    waiting, opened = gr.State(Waiting()), gr.State(0)
    view: list[Any] = [drop, result, question, words, waiting, opened]
    Action(plain(save, home), [token, choice], [saved], INTAKE).on(save_button.click)
    Action(lambda: "", [], [saved]).on(choice.input, queue=False)
    for event, handler, inputs, concurrency in (
        (drop.submit, receive, [token, opened], INTAKE),
        (yes.click, replace, [token, waiting, opened], INTAKE),
        (no.click, keep, [token, waiting, opened], FREE),
    ):
        done = Action(plain(handler, home), inputs, view, concurrency).on(event)
        Action(_failed, [waiting], [drop, question, waiting]).on(done.failure, queue=False)
    return ProjectFilePanel(opened)
