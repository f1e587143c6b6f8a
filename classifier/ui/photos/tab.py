"""The Photos tab: add photos by class; move, rename and remove them; what they are for; undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from ...errors import DataError
from ...messages import sentence
from ...messages.bringing import CameraCode, PhoneCode
from ...messages.data import ProjectCode
from ...messages.page import GridScript, PhotosCode
from ...messages.photos_page import HelpCode, JoinCode, SplitsCode
from .. import colors, html, undo
from ..components import scripted_html
from ..handlers import QUIET, Action, event_data, plain
from ..queue import APART, FREE, INTAKE, Concurrency
from ..sessions import Home
from ..uploads import drop_area, ready_value
from . import camera, grid, help, joins, phones, purposes
from .adding import add, add_example, answer
from .view import View, show

ID = "photos"
TITLE = PhotosCode.TAB
_LIVE = '<div aria-live="polite">${value}</div>'
_HERE = Path(__file__).parent
_PRESS_SCRIPT = _HERE / "press.js"
# For drop.js, at once: to draw the photos takes seconds.
_SIGN = "(token) => { document.dispatchEvent(new Event('pc-working')); return token; }"


@dataclass(frozen=True)
class PhotosTab:
    """The button that leads to training, the line that says what was done, and how to redraw this tab.

    ``example`` is the event after which the example photos are there.
    """

    next: gr.Button
    example: Dependency
    message: gr.HTML
    refresh: Sequence[Action]


def edit(home: Home, token: str, event: gr.EventData) -> str:
    """Move or remove the selected photos, or use them for something else."""
    data = event_data(event)
    claimed = data.get("ids")
    ids = [id for id in claimed if isinstance(id, int) and abs(id) < 2**62] if isinstance(claimed, list) else []
    if not ids:
        raise DataError(PhotosCode.NONE_SELECTED)
    with home.open(token) as project:
        if data.get("action") == "move":
            project.move(ids, str(data.get("label", "")))
            return html.note(sentence(PhotosCode.MOVED, count=len(ids)), "good")
        if data.get("action") == "use":
            return purposes.use(project, ids, data.get("label"))
        project.remove(ids)
        return html.note(sentence(PhotosCode.REMOVED, count=len(ids)), "good")


def rename(home: Home, token: str, label: str | None, name: str) -> tuple[str, str, str, str]:
    """Rename the class on view, or ask where the new name exists; return message, field, class to show and question."""
    old = label or ""
    with home.open(token) as project:
        try:
            project.rename_class(old, name)
        except DataError as error:
            if error.code is not ProjectCode.CLASS_EXISTS:
                raise
            new = dict(error.message.arguments)["label"]
            return "", name, old, joins.exists(old, new, project.classes()[new])
        new = next((known for known in project.classes() if known == " ".join(name.split())), old)
        colors.rename(project, old, new)
    return html.note(sentence(PhotosCode.RENAMED, old=old, new=new), "good"), "", new, ""


def answer_question(home: Home, token: str, label: str | None, event: gr.EventData) -> tuple[str, str, str]:
    """Join or remove classes as pressed; return message, the class to show, and no question."""
    data = event_data(event)
    if data.get("do") == "keep":
        return "", label or "", ""
    if data.get("do") == "remove":
        return _remove_class(home, token, data.get("label")), "", ""
    return _join(home, token, data.get("label"), data.get("old"))


def _join(home: Home, token: str, new: object, old: object) -> tuple[str, str, str]:
    with home.open(token) as project:
        similar = next((group for group in project.similar_classes() if new in group), ())
        others = [old] if isinstance(old, str) else [other for other in similar if other != new]
        if not isinstance(new, str) or not others:
            raise DataError(JoinCode.WHICH_CLASSES)
        with project.catalog.as_one_edit():
            for other in others:
                project.rename_class(other, new, merge=True)
    return html.note(sentence(JoinCode.JOINED, labels=[*others, new], label=new), "good"), new, ""


def ask_remove(home: Home, token: str, label: str | None) -> str:
    """Ask whether to remove the class on view, which the question names."""
    with home.open(token) as project:
        count = project.classes().get(label or "")  # whatever the photos are for
    if count is None:
        raise DataError(PhotosCode.NO_CLASS)
    return joins.removal(str(label), count)


def _remove_class(home: Home, token: str, label: object) -> str:
    """Remove a class with its photos."""
    if not isinstance(label, str):
        raise DataError(PhotosCode.NO_CLASS)
    with home.open(token) as project:
        count = project.classes().get(label, 0)
        project.remove_class(label)
    return html.note(sentence(PhotosCode.CLASS_REMOVED, label=label, count=count), "good")


def show_first_page(home: Home, token: str, label: str | None, purpose: str | None, share: float | None) -> View:
    """Draw the tab with the first photos of a class."""
    return show(home, token, label, 0, purpose, share)


def choose(home: Home, token: str, purpose: str | None, share: float | None, event: gr.EventData) -> View:
    """Draw the tab with the first photos of the class whose bar was pressed."""
    return show(home, token, event_data(event).get("label"), 0, purpose, share)


def turn_page(
    home: Home, step: int, token: str, label: str | None, page: int, purpose: str | None, share: float | None
) -> View:
    """Draw the tab with the photos ``step`` pages further."""
    return show(home, token, label, page + step, purpose, share)


def _forget() -> str:
    """Return nothing in place of what came of setting photos apart: it was taken back."""
    return ""


def build(home: Home, token: gr.BrowserState) -> PhotosTab:
    """Create the components of the tab and connect its own events."""
    drop = drop_area(
        str(PhotosCode.DROP_TITLE),
        str(PhotosCode.DROP_HINT),
        str(PhotosCode.DROP_CHOOSE),
        folders=True,
        limit=home.limits.upload.files,
        most_bytes=home.limits.upload.bytes_unpacked,
        elem_id="photos-drop",
    )
    reading = scripted_html(_LIVE, _PRESS_SCRIPT, "photos-reading")
    with gr.Accordion(str(CameraCode.TITLE), open=False, elem_id="photos-camera-panel"):
        shots = camera.build()
    with gr.Accordion(str(PhoneCode.TITLE), open=False, elem_id="photos-phones-panel"):
        joined = phones.build(home, token)
    with gr.Column(visible=False) as empty:
        gr.HTML(html.quiet(html.rich(PhotosCode.ABOUT_CLASSES), "pc-center"))
        example = gr.Button(str(PhotosCode.EXAMPLE), elem_classes="pc-wide")
    with gr.Column(visible=False) as filled:
        purpose = purposes.control()
        classes = scripted_html("${value}", _HERE / "classes.js", "photos-classes")
        similar = scripted_html(_LIVE, _PRESS_SCRIPT, "photos-similar")
        position = gr.HTML(elem_id="photos-shown")
        photos = scripted_html(grid.template(), _HERE / "grid.js", "photos-grid", GridScript)
        with gr.Row(visible=False, elem_classes="pc-row pc-pager") as pager:
            back = gr.Button(str(PhotosCode.EARLIER), min_width=80)
            on = gr.Button(str(PhotosCode.LATER), min_width=80)
        with gr.Accordion("", open=False, elem_id="photos-edit") as class_panel:
            with gr.Row(elem_classes="pc-row"):
                name = gr.Textbox(label=str(PhotosCode.NEW_NAME), max_length=80, scale=2, min_width=160)
                rename_button = gr.Button(str(PhotosCode.RENAME), min_width=100)
                remove_button = gr.Button(str(PhotosCode.REMOVE_CLASS), variant="stop", min_width=100)
            question = scripted_html(_LIVE, _PRESS_SCRIPT, "photos-question")
        with gr.Accordion(str(SplitsCode.TITLE), open=False):
            gr.HTML(html.quiet(html.text(SplitsCode.ABOUT)))
            share = purposes.share_control()
            plan = gr.HTML()
            apart = gr.Button(str(SplitsCode.PRESS), elem_id="photos-apart")
            apart_result = gr.HTML(html_template=_LIVE, elem_id="photos-apart-result")
            back_to_training = gr.Button(visible=False, elem_id="photos-back")
    with gr.Accordion(str(HelpCode.TITLE), open=False):
        gr.HTML(help.ways())
    notes = gr.HTML()
    with gr.Row(elem_classes="pc-bar pc-row"):  # on view wherever something is edited
        message = gr.HTML(html_template=_LIVE, elem_id="photos-message")
        undo_button = undo.button("photos-undo")
        forward = gr.Button(
            str(PhotosCode.NEXT), variant="primary", size="lg", min_width=160, visible=False, elem_id="photos-next"
        )
    page, chosen = gr.State(0), gr.State("")
    view: list[Any] = [
        drop, reading, undo_button, empty, filled, purpose, classes, chosen, similar, position, photos, page, pager,
        class_panel, notes, forward, plan, back_to_training,
    ]  # fmt: skip
    where: list[Any] = [token, chosen, page, purpose, share]
    refresh, ready = Action(plain(show, home), where, view), Action(ready_value, [], [drop])

    def connect(
        event: Callable[..., Any],
        handler: Callable[..., Any],
        inputs: list[Any],
        outputs: list[Any],
        concurrency: Concurrency = FREE,
        script: str | None = None,
    ) -> Dependency:
        done = event(plain(handler, home), inputs, outputs, js=script, **QUIET, **concurrency)
        done.failure(lambda: "", None, outputs[:1], queue=False, **QUIET)  # “Added 9 photos.” of the time before
        refresh.after(done)
        return done

    for event, handler in ((drop.submit, add), (reading.submit, answer)):
        ready.after(connect(event, handler, [token], [message], INTAKE))
    examples_came = connect(example.click, add_example, [token], [message], INTAKE, _SIGN)
    ready.after(examples_came)
    shot = connect(shots.camera.submit, camera.add_burst, [token], [shots.message, shots.camera], INTAKE)
    Action(camera.refuse_burst, [], [shots.message, shots.camera]).on(shot.failure, queue=False)
    for edited in (photos, classes):
        connect(edited.submit, edit, [token], [message])
    connect(undo_button.click, undo.undo, [token], [message])
    connect(rename_button.click, rename, [token, chosen, name], [message, name, chosen, question])
    for asked in (question, similar):
        connect(asked.submit, answer_question, [token, chosen], [message, chosen, question])
    Action(plain(ask_remove, home), [token, chosen], [question]).on(remove_button.click)
    connect(apart.click, purposes.set_share_apart, [token, share], [apart_result], APART)
    connect(back_to_training.click, purposes.move_back, [token], [apart_result])
    Action(_forget, [], [apart_result]).on(undo_button.click)
    Action(plain(purposes.show_plan, home), [token, share], [plan]).on(share.input)
    Action(plain(choose, home), [token, purpose, share], view).on(classes.select)
    Action(plain(show_first_page, home), [token, chosen, purpose, share], view).on(purpose.input)
    Action(plain(turn_page, home, -1), where, view).on(back.click)
    Action(plain(turn_page, home, 1), where, view).on(on.click)
    refresh.on(joined.arrived.change)
    return PhotosTab(forward, examples_came, message, [refresh, *joined.refresh])
