"""How good a finished model is on labeled photos that came later; they are kept for this answer only."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import gradio as gr
from gradio.utils import get_upload_folder

from ...data.assets import Asset
from ...data.decoding import open_apart
from ...data.project import Project
from ...data.run_history import RunAsset
from ...errors import DataError, LayoutError
from ...evaluation.report import Report
from ...evaluation.shift import shift_warnings
from ...messages.photos_page import PhotosCode, ReadingCode
from ...messages.review_page import ReviewCode
from ...messages.try_page import JudgeCode
from ...models.predictor import Predictor
from ...workflows.evaluate import NEAR_TRAINING, evaluate_photos
from .. import html
from ..components import scripted_html
from ..handlers import Action, event_data, plain
from ..photos import adding, grid
from ..queue import DEVICE
from ..sessions import Home, thumbnail_bytes
from ..train import scores
from ..uploads import delete_uploads, drop_area, parse_upload, ready_value
from .models import Model, own_models, select_model, shared_models

_MOST_WRONG = 12  # photos shown
_PRESS = Path(__file__).parents[1] / "photos" / "press.js"


@dataclass(frozen=True)
class Waiting:
    """The folder of photos that wait for the answer how they are to be read; None where none do."""

    folder: Path | None = None

    def discard(self) -> None:
        """Delete the photos."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


class View(NamedTuple):
    """What the panel shows, in the order of its outputs."""

    answer: str
    waiting: Waiting


class _Wrong(NamedTuple):
    """A photo with another class than its own predicted, and the confidence of that."""

    photo: Asset
    predicted: str
    confidence: float


def judge(home: Home, token: str, model: str | None, waiting: Waiting, event: gr.EventData) -> View:
    """Judge a model on the labeled photos that were dropped, or ask how these are to be read."""
    upload = parse_upload(event._data, home.limits.upload.files)
    try:
        chosen = _select(home, token, model)
        home.check_room()
        # A table may come after the photos. As forgotten uploads are, the folder is deleted in time where the program
        # ends meanwhile.
        folder = waiting.folder or Path(get_upload_folder()) / f"tmp{secrets.token_hex(16)}"
        return _judge(home, chosen, folder, lambda project: project.uploads.receive(upload.files, upload.label))
    finally:
        delete_uploads(path for _, path in upload.files)


def answer(home: Home, token: str, model: str | None, waiting: Waiting, event: gr.EventData) -> View:
    """Do what was pressed in the question: take a reading, put all photos into one class, or forget them."""
    data = event_data(event)
    if waiting.folder is None or not waiting.folder.is_dir():
        raise DataError(JudgeCode.GONE)
    do, option, label = data.get("do"), data.get("option"), data.get("text")
    if do == "cancel":
        waiting.discard()
        return View(html.note(ReadingCode.FORGOTTEN), Waiting())
    if do == "one-class" and (not isinstance(label, str) or not label.strip()):
        raise DataError(ReadingCode.EMPTY_CLASS)
    chosen = _select(home, token, model)
    if do == "one-class":
        return _judge(home, chosen, waiting.folder, lambda project: project.uploads.take_label(str(label)))
    return _judge(home, chosen, waiting.folder, lambda project: _take(project, option))


def _take(project: Project, option: object) -> None:
    incoming = project.uploads.last()
    if incoming is None or option not in [reading.option for reading in incoming.layout.readings]:
        raise DataError(ReadingCode.WHICH_READING)
    project.uploads.take(str(option))


def _select(home: Home, token: str, model: str | None) -> Model:
    return select_model([*own_models(home, token), *shared_models(home)], model)


def _judge(home: Home, model: Model, folder: Path, add: Callable[[Project], object]) -> View:
    """Add photos to the project in ``folder``, judge them and delete it, unless a question is open."""
    waits = False
    try:
        with Project.open(folder, home.limits.upload) as project:
            try:
                add(project)
            except LayoutError as error:
                if error.layout is None:  # nothing waits
                    raise
                waits = True
                return View(adding.waiting(project), Waiting(folder))
            return View(_evaluate(model, project), Waiting())
    finally:
        if not waits:
            shutil.rmtree(folder, ignore_errors=True)


def _evaluate(model: Model, project: Project) -> str:
    """Return the answer about the photos of a project as HTML."""
    try:
        report, rows = evaluate_photos(Predictor(model.folder, opener=open_apart), project)
    except DataError as error:  # shown with the reasons of the files
        return html.note(error.message, "warn") + _left_out(project)
    wrong = list(_wrong(project, rows))
    pictures = [thumbnail_bytes(project, one.photo) for one in wrong[:_MOST_WRONG]]
    kept = html.quiet(html.text(JudgeCode.DELETED))
    return f"{_score(report)}{_render_wrong(wrong, pictures)}{_left_out(project)}{kept}"


def _left_out(project: Project) -> str:
    return grid.left_out(project.catalog.left_out_by_code(grid.NAMED))


def _wrong(project: Project, rows: Sequence[RunAsset]) -> Iterator[_Wrong]:
    """Yield the photos, of those that the score is of, with a wrong prediction; the surest first."""
    photos = {(photo.sha256, photo.label): photo for photo in project.photos()}
    for row in sorted(rows, key=lambda row: -(row.confidence or 0.0)):
        photo = photos.get((row.sha256, row.label))
        if photo is not None and row.predicted not in (None, row.label) and row.split != NEAR_TRAINING:
            yield _Wrong(photo, str(row.predicted), row.confidence or 0.0)


def _score(report: Report) -> str:
    """Return the score; the warnings of the training are shown beside its own score, and not here."""
    if not report.evaluated_count:  # all look like training photos
        return "".join(html.note(note, "warn") for note in report.notes())
    shown = replace(report, warnings=shift_warnings(report.shift))
    return scores.render(shown, JudgeCode.JUDGED_ON) + scores.render_details(shown, {})


def _render_wrong(wrong: Sequence[_Wrong], pictures: Sequence[bytes]) -> str:
    if not wrong:
        return ""
    cards = "".join(_card(one, picture) for one, picture in zip(wrong, pictures))
    title = html.text(JudgeCode.WRONG, count=len(wrong))
    if len(pictures) < len(wrong):
        title += f" {html.text(JudgeCode.SOME, shown=len(pictures))}"
    return f'<h2 class="pc-h">{title}</h2><div class="pc-photos">{cards}</div>'


def _card(one: _Wrong, picture: bytes) -> str:
    name = one.photo.source.rsplit("/", 1)[-1]
    about = html.rich(
        ReviewCode.PHOTO_CONFUSED, label=one.photo.label, predicted=one.predicted, confidence=one.confidence
    )
    return (
        f'<article class="pc-photo"><figure title="{html.escape(one.photo.source)}">{html.enlargeable(picture, name)}'
        f"</figure><div><p>{about}</p></div></article>"
    )


def build(home: Home, token: gr.BrowserState, model: gr.HTML) -> None:
    """Create the panel and connect its events."""
    with gr.Accordion(str(JudgeCode.TITLE), open=False, elem_id="judge"):
        drop = drop_area(
            str(JudgeCode.DROP_TITLE),
            str(JudgeCode.DROP_HINT),
            str(PhotosCode.DROP_CHOOSE),
            limits=home.limits.upload,
            elem_id="judge-drop",
            folders=True,
            aside=True,
        )
        shown = scripted_html("${value}", _PRESS, "judge-result")
    waiting = gr.State(Waiting(), delete_callback=lambda old: old.discard())
    inputs, outputs = [token, model, waiting], [shown, waiting]
    ready = Action(ready_value, [], [drop])
    ready.after(Action(plain(judge, home), inputs, outputs, DEVICE).on(drop.submit), queue=False)
    ready.after(Action(plain(answer, home), inputs, outputs, DEVICE).on(shown.submit), queue=False)
    Action(lambda: "", [], [shown]).on(model.change, queue=False)
