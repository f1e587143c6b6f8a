"""The Photos tab: add photos by class; move, rename and remove them; what they are for; undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.events import Dependency

from ...errors import DataError
from ...messages import sentence
from ...messages.bringing import CameraCode, PhoneCode
from ...messages.data import ProjectCode
from ...messages.photos_page import HelpCode, JoinCode, PhotosCode
from ...messages.sets import SetsPanelCode
from .. import colors, html, undo
from ..handlers import QUIET, Action, Handler, Order, event_data, in_order, plain
from ..queue import APART, FREE, INTAKE, Concurrency
from ..sessions import Home
from ..uploads import ready_value
from . import camera, help, joins, panels, phones, purposes, sets
from .adding import add, add_example, answer
from .view import View, show

ID = "photos"
TITLE = PhotosCode.TAB
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
            new = project.rename_class(old, name)
        except DataError as error:
            if error.code is not ProjectCode.CLASS_EXISTS:
                raise
            other = dict(error.message.arguments)["label"]
            return "", name, old, joins.exists(old, other, project.classes()[other])
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
        with project.catalog.edits.as_one_edit():
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
    drop = panels.build_drop_area(home.limits)
    reading = panels.live_html("photos-reading")
    with gr.Accordion(str(CameraCode.TITLE), open=False, elem_id="photos-camera-panel"):
        shots = camera.build()
    with gr.Accordion(str(PhoneCode.TITLE), open=False, elem_id="photos-phones-panel"):
        joined = phones.build(home, token)
    with gr.Column(visible=False) as empty:
        gr.HTML(html.quiet(html.rich(PhotosCode.ABOUT_CLASSES), "pc-center"))
        example = gr.Button(str(PhotosCode.EXAMPLE), elem_classes="pc-wide")
        with gr.Accordion(str(SetsPanelCode.TITLE), open=False, elem_id="photos-sets-panel") as sets_panel:
            known = sets.build(home, token, sets_panel)
    filled = panels.build_photos()
    with gr.Accordion(str(HelpCode.TITLE), open=False):
        gr.HTML(help.ways())
    notes = gr.HTML()
    bar = panels.build_bar()
    # What is chosen is read when a drawing begins; by the control itself one that was asked for before would win.
    page, chosen, split = gr.State(0), gr.State(""), gr.State(None)
    view: list[Any] = [
        drop, reading, bar.undo, empty, filled.panel, filled.purpose, split, filled.classes, chosen, filled.similar,
        filled.position, filled.photos, page, filled.pager, filled.edit.panel, notes, bar.next, filled.apart.plan,
        filled.apart.back,
    ]  # fmt: skip
    where: list[Any] = [token, chosen, page, split, filled.apart.share]
    order = Order()
    redraw = Action(in_order(plain(show, home), order), where, view)
    events = _Events(home, redraw, Action(ready_value, [], [drop]), order)
    examples_came = events.add(token, bar, (drop, reading), example)
    shot = events.connect(shots.camera.submit, camera.add_burst, [token], [shots.message, shots.camera], INTAKE)
    Action(camera.refuse_burst, [], [shots.message, shots.camera]).on(shot.failure, queue=False)
    events.edit(token, bar, filled, chosen)
    events.set_apart(token, bar, filled.apart)
    events.turn(filled, where, view)
    events.refresh.on(joined.arrived.change)
    events.refresh.on(Action(sets.tell, [known.arrived], [bar.message]).on(known.arrived.change).then)
    return PhotosTab(bar.next, examples_came, bar.message, [events.refresh, *joined.refresh, known.refresh])


@dataclass(frozen=True)
class _Events:
    """Connects the events of the tab; ``refresh`` redraws it, ``ready`` lets the area take photos again.

    ``order`` is that of everything that draws the photos.
    """

    home: Home
    refresh: Action
    ready: Action
    order: Order

    def connect(
        self,
        event: Callable[..., Any],
        handler: Callable[..., Any],
        inputs: list[Any],
        outputs: list[Any],
        concurrency: Concurrency = FREE,
        **settings: Any,
    ) -> Dependency:
        """Run a handler that changes the project at an event, and redraw the tab; the first output is a message."""
        done = Action(plain(handler, self.home), inputs, outputs, concurrency).on(event, **settings)
        done.failure(lambda: "", None, outputs[:1], queue=False, **QUIET)  # “Added 9 photos.” of the time before
        self.refresh.after(done)
        return done

    def add(
        self, token: gr.BrowserState, bar: panels.Bar, dropped: tuple[gr.HTML, gr.HTML], example: gr.Button
    ) -> Dependency:
        """Connect what adds photos; return the event after which the example photos are there."""
        for component, handler in zip(dropped, (add, answer)):
            self.ready.after(self.connect(component.submit, handler, [token], [bar.message], INTAKE))
        came = self.connect(example.click, add_example, [token], [bar.message], INTAKE, js=_SIGN)
        self.ready.after(came)
        return came

    def edit(self, token: gr.BrowserState, bar: panels.Bar, shown: panels.PhotosPanel, chosen: gr.State) -> None:
        """Connect what changes photos and classes, and what takes that back."""
        for edited in (shown.photos, shown.classes):
            self.connect(edited.submit, edit, [token], [bar.message], trigger_mode="multiple")  # every press counts
        self.connect(bar.undo.click, undo.undo, [token], [bar.message])
        name, question = shown.edit.name, shown.edit.question
        renamed = [bar.message, name, chosen, question]
        self.connect(shown.edit.rename.click, rename, [token, chosen, name], renamed)
        for asked in (question, shown.similar):
            self.connect(asked.submit, answer_question, [token, chosen], [bar.message, chosen, question])
        Action(plain(ask_remove, self.home), [token, chosen], [question]).on(shown.edit.remove.click)

    def set_apart(self, token: gr.BrowserState, bar: panels.Bar, panel: panels.ApartPanel) -> None:
        """Connect the panel that sets photos apart for testing."""
        self.connect(panel.press.click, purposes.set_share_apart, [token, panel.share], [panel.result], APART)
        self.connect(panel.back.click, purposes.move_back, [token], [panel.result])
        Action(_forget, [], [panel.result]).on(bar.undo.click)
        Action(plain(purposes.show_plan, self.home), [token, panel.share], [panel.plan]).on(panel.share.input)

    def turn(self, shown: panels.PhotosPanel, where: list[Any], view: list[Any]) -> None:
        """Connect what shows other photos; a drawing of the ones of before that begins meanwhile is no newer."""
        token, chosen, _, split, share = where

        def draw(handler: Handler, inputs: list[Any], *first: Any) -> Action:
            return Action(in_order(plain(handler, self.home, *first), self.order, acts=True), inputs, view)

        draw(choose, [token, split, share]).on(shown.classes.select, trigger_mode="always_last")
        draw(show_first_page, [token, chosen, shown.purpose, share]).on(shown.purpose.input)
        draw(turn_page, where, -1).on(shown.earlier.click)
        draw(turn_page, where, 1).on(shown.later.click)
