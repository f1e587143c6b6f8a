"""The Photos tab: add photos by class; move, rename and remove them; undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from ...errors import DataError
from ...messages import sentence
from ...messages.data import ProjectCode
from ...messages.page import GridScript, PageCode, PhotosCode
from ...messages.photos_page import HelpCode, JoinCode
from .. import html
from ..components import camera, dropdown, scripted_html
from ..handlers import QUIET, Action, event_data, plain
from ..queue import FREE, INTAKE, Concurrency
from ..sessions import Home, is_token, thumbnail_bytes
from ..uploads import drop_area, ready_value
from . import grid, help, joins
from .adding import add, add_example, add_snapshot, answer, waiting

ID = "photos"
TITLE = PhotosCode.TAB
PAGE = 60  # photos shown at once
_LIVE = '<div aria-live="polite">${value}</div>'
_GRID_SCRIPT = Path(__file__).parent / "grid.js"
_PRESS_SCRIPT = Path(__file__).parent / "press.js"


class View(NamedTuple):
    """What the tab shows, in the order of its outputs."""

    drop: str
    reading: str
    undo: Any
    empty: Any
    filled: Any
    counts: str
    similar: str
    classes: Any
    grid: str
    page: int
    pager: Any
    position: str
    notes: str
    next: Any


@dataclass(frozen=True)
class PhotosTab:
    """The button that leads to training, the line that says what was done, and how to redraw this tab."""

    next: gr.Button
    message: gr.HTML
    refresh: Sequence[Action]


def show(home: Home, token: str, label: str | None = None, page: int = 0) -> View:
    """Draw the tab as the project is now; ``label`` is the class whose photos are wanted."""
    if not is_token(token):  # the opening page: the area waits with what is dropped until its visitor is known
        return _empty()._replace(drop="")
    project = home.find(token)
    if project is None:
        return _empty()
    with project:
        counts = project.classes()
        notes = grid.conflicts(project.conflicts()) + grid.left_out(project.left_out())
        reading = waiting(project)
        if not counts:
            shown = _empty()._replace(reading=reading, notes=notes, undo=gr.update(visible=True))
            return shown._replace(empty=gr.update(visible=not reading))
        label = label if label in counts else next(iter(counts))
        pages = -(-counts[label] // PAGE)
        page = min(max(int(page or 0), 0), pages - 1)
        first = page * PAGE
        photos = project.photos(label)[first : first + PAGE]
        tiles = "".join(grid.photo_card(photo, thumbnail_bytes(project, photo)) for photo in photos)
        return View(
            ready_value(),
            reading,
            gr.update(visible=True),
            gr.update(visible=False),
            gr.update(visible=True),
            grid.class_counts(counts) + grid.split_counts(project.catalog.balance()),
            joins.similar(project.similar_classes(), counts),
            gr.update(choices=_choices(counts), value=label),
            html.datalist("pc-classes", counts) + tiles,
            page,
            gr.update(visible=pages > 1),
            html.text(PhotosCode.POSITION, first=first + 1, last=first + len(photos), total=counts[label]),
            notes,
            _next_button(len(counts)),
        )


def _empty() -> View:
    hidden = gr.update(visible=False)
    return View(
        drop=ready_value(),
        reading="",
        undo=hidden,
        empty=gr.update(visible=True),
        filled=hidden,
        counts="",
        similar="",
        classes=gr.update(choices=[], value=None),
        grid="",
        page=0,
        pager=hidden,
        position="",
        notes="",
        next=gr.skip(),
    )


def _choices(counts: dict[str, int]) -> list[tuple[str, str]]:
    return [(sentence(PhotosCode.CLASS_CHOICE, label=label, count=count), label) for label, count in counts.items()]


def _next_button(classes: int) -> Any:
    code = PhotosCode.NEXT if classes > 1 else PhotosCode.NEXT_NEEDS_CLASS
    return gr.update(interactive=classes > 1, value=str(code))


def edit(home: Home, token: str, event: gr.EventData) -> str:
    """Move or remove the selected photos."""
    data = event_data(event)
    claimed = data.get("ids")
    ids = [id for id in claimed if isinstance(id, int) and abs(id) < 2**62] if isinstance(claimed, list) else []
    if not ids:
        raise DataError(PhotosCode.NONE_SELECTED)
    with home.open(token) as project:
        if data.get("action") == "move":
            project.move(ids, str(data.get("label", "")))
            return html.note(sentence(PhotosCode.MOVED, count=len(ids)), "good")
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
    return html.note(sentence(PhotosCode.RENAMED, old=old, new=new), "good"), "", new, ""


def join(home: Home, token: str, label: str | None, event: gr.EventData) -> tuple[str, str, str]:
    """Join classes as pressed; return message, the class to show, and no question."""
    data = event_data(event)
    if data.get("do") == "keep":
        return "", label or "", ""
    new, old = data.get("label"), data.get("old")
    with home.open(token) as project:
        similar = next((group for group in project.similar_classes() if new in group), ())
        others = [old] if isinstance(old, str) else [other for other in similar if other != new]
        if not isinstance(new, str) or not others:
            raise DataError(JoinCode.WHICH_CLASSES)
        for other in others:
            project.rename_class(other, new, merge=True)
    return html.note(sentence(JoinCode.JOINED, labels=[*others, new], label=new), "good"), new, ""


def remove_class(home: Home, token: str, label: str | None) -> str:
    """Remove the class on view with its photos."""
    with home.open(token) as project:
        project.remove_class(label or "")
    return html.note(sentence(PhotosCode.CLASS_REMOVED, label=label), "good")


def undo(home: Home, token: str) -> str:
    """Undo the last change."""
    with home.open(token) as project:
        undone = project.undo()
    return html.note(sentence(PageCode.UNDONE, what=undone) if undone else PageCode.NOTHING_TO_UNDO)


def show_first_page(home: Home, token: str, label: str | None) -> View:
    """Draw the tab with the first photos of a class."""
    return show(home, token, label, 0)


def turn_page(home: Home, step: int, token: str, label: str | None, page: int) -> View:
    """Draw the tab with the photos ``step`` pages further."""
    return show(home, token, label, page + step)


def build(home: Home, token: gr.BrowserState) -> PhotosTab:
    """Create the components of the tab and connect its own events."""
    drop = drop_area(
        str(PhotosCode.DROP_TITLE),
        str(PhotosCode.DROP_HINT),
        str(PhotosCode.DROP_CHOOSE),
        folders=True,
        limit=home.limits.upload.files,
        elem_id="photos-drop",
    )
    message = gr.HTML()
    reading = scripted_html(_LIVE, _PRESS_SCRIPT, "photos-reading")
    undo_button = gr.Button(str(PhotosCode.UNDO), size="sm", visible=False, elem_classes="pc-link")
    with gr.Column(visible=False) as empty:
        gr.HTML(html.quiet(html.rich(PhotosCode.ABOUT_CLASSES), "pc-center"))
        example = gr.Button(str(PhotosCode.EXAMPLE), elem_classes="pc-wide")
    with gr.Column(visible=False) as filled:
        counts = gr.HTML()
        similar = scripted_html(_LIVE, _PRESS_SCRIPT, "photos-similar")
        forward = gr.Button(str(PhotosCode.NEXT), variant="primary", size="lg", elem_id="photos-next")
        classes = dropdown(PhotosCode.CLASSES)
        photos = scripted_html(grid.template(), _GRID_SCRIPT, "photos-grid", GridScript)
        with gr.Row(visible=False, elem_classes="pc-row pc-pager") as pager:
            back = gr.Button(str(PhotosCode.EARLIER), min_width=80)
            position = gr.HTML(elem_classes="pc-center")
            on = gr.Button(str(PhotosCode.LATER), min_width=80)
        with gr.Accordion(str(PhotosCode.EDIT_CLASS), open=False):
            with gr.Row(elem_classes="pc-row"):
                name = gr.Textbox(label=str(PhotosCode.NEW_NAME), max_length=80, scale=2, min_width=160)
                rename_button = gr.Button(str(PhotosCode.RENAME), min_width=100)
                remove_button = gr.Button(str(PhotosCode.REMOVE_CLASS), variant="stop", min_width=100)
            exists = scripted_html(_LIVE, _PRESS_SCRIPT, "photos-exists")
    with gr.Accordion(str(HelpCode.TITLE), open=False):
        gr.HTML(help.ways())
    with gr.Accordion(str(PhotosCode.CAMERA), open=False):
        snapshot_class = gr.Textbox(
            label=str(PhotosCode.CAMERA_CLASS), placeholder=str(PhotosCode.CAMERA_EXAMPLE), max_length=80
        )
        snapshot = camera()
        snapshot_button = gr.Button(str(PhotosCode.CAMERA_ADD))
    notes = gr.HTML()
    page = gr.State(0)
    view: list[Any] = [
        drop, reading, undo_button, empty, filled, counts, similar, classes, photos, page, pager, position, notes,
        forward,
    ]  # fmt: skip
    where: list[Any] = [token, classes, page]
    refresh = Action(plain(show, home), where, view)

    def connect(
        event: Callable[..., Any],
        handler: Callable[..., Any],
        inputs: list[Any],
        outputs: list[Any],
        concurrency: Concurrency = FREE,
    ) -> None:
        refresh.after(event(plain(handler, home), inputs, outputs, **QUIET, **concurrency))

    connect(drop.submit, add, [token], [message], INTAKE)
    connect(reading.submit, answer, [token], [message], INTAKE)
    connect(example.click, add_example, [token], [message], INTAKE)
    connect(photos.submit, edit, [token], [message])
    connect(undo_button.click, undo, [token], [message])
    connect(rename_button.click, rename, [token, classes, name], [message, name, classes, exists])
    for question in (exists, similar):
        connect(question.submit, join, [token, classes], [message, classes, exists])
    connect(remove_button.click, remove_class, [token, classes], [message])
    connect(snapshot_button.click, add_snapshot, [token, snapshot, snapshot_class], [message, snapshot], INTAKE)
    Action(plain(show_first_page, home), [token, classes], view).on(classes.input)
    Action(plain(turn_page, home, -1), where, view).on(back.click)
    Action(plain(turn_page, home, 1), where, view).on(on.click)
    return PhotosTab(forward, message, [refresh])
