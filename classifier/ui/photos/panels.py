"""The components of the Photos tab, panel by panel, without their events."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import gradio as gr

from ...messages.photos_page import GridScript, PhotosCode, SplitsCode
from .. import html, undo
from ..components import scripted_html
from ..host_limits import HostLimits
from ..uploads import drop_area
from . import grid, purposes

_HERE = Path(__file__).parent
_LIVE = '<div aria-live="polite">${value}</div>'


class ClassPanel(NamedTuple):
    """Renames or removes the class on view; ``question`` asks where that needs an answer."""

    panel: gr.Accordion
    name: gr.Textbox
    rename: gr.Button
    remove: gr.Button
    question: gr.HTML


class ApartPanel(NamedTuple):
    """Sets a share of the photos apart for testing, or takes the test photos back."""

    share: gr.Radio
    plan: gr.HTML
    press: gr.Button
    result: gr.HTML
    back: gr.Button


class PhotosPanel(NamedTuple):
    """The classes, and the photos of one of them, some at a time."""

    panel: gr.Column
    purpose: gr.Radio
    classes: gr.HTML
    similar: gr.HTML
    position: gr.HTML
    photos: gr.HTML
    pager: gr.Row
    earlier: gr.Button
    later: gr.Button
    edit: ClassPanel
    apart: ApartPanel


class Bar(NamedTuple):
    """The line that stays on view: what was done, how to take it back, and the way to training."""

    message: gr.HTML
    undo: gr.Button
    next: gr.Button


def live_html(elem_id: str) -> gr.HTML:
    """Create HTML that is read out when it changes, and whose buttons trigger ``submit``."""
    return scripted_html(_LIVE, _HERE / "press.js", elem_id)


def build_drop_area(limits: HostLimits) -> gr.HTML:
    """Create the area that takes photos, folders and zips."""
    return drop_area(
        str(PhotosCode.DROP_TITLE),
        str(PhotosCode.DROP_HINT),
        str(PhotosCode.DROP_CHOOSE),
        limits=limits.upload,
        elem_id="photos-drop",
        folders=True,
    )


def build_photos() -> PhotosPanel:
    """Create what is shown where there are photos."""
    with gr.Column(visible=False) as panel:
        purpose = purposes.control()
        classes = scripted_html("${value}", _HERE / "classes.js", "photos-classes")
        similar = live_html("photos-similar")
        position = gr.HTML(elem_id="photos-shown")
        photos = scripted_html(grid.template(), _HERE / "grid.js", "photos-grid", GridScript)
        with gr.Row(visible=False, elem_classes="pc-row pc-pager") as pager:
            earlier = gr.Button(str(PhotosCode.EARLIER), min_width=80)
            later = gr.Button(str(PhotosCode.LATER), min_width=80)
        edit = _build_class_panel()
        apart = _build_apart_panel()
    return PhotosPanel(
        panel, purpose, classes, similar, position, photos, pager, earlier, later, edit, apart
    )  # fmt: skip


def _build_class_panel() -> ClassPanel:
    with gr.Accordion("", open=False, elem_id="photos-edit") as panel:
        with gr.Row(elem_classes="pc-row"):
            name = gr.Textbox(label=str(PhotosCode.NEW_NAME), max_length=80, scale=2, min_width=160)
            rename = gr.Button(str(PhotosCode.RENAME), min_width=100)
            remove = gr.Button(str(PhotosCode.REMOVE_CLASS), variant="stop", min_width=100)
        question = live_html("photos-question")
    return ClassPanel(panel, name, rename, remove, question)


def _build_apart_panel() -> ApartPanel:
    with gr.Accordion(str(SplitsCode.TITLE), open=False):
        gr.HTML(html.quiet(html.text(SplitsCode.ABOUT)))
        share = purposes.share_control()
        plan = gr.HTML()
        press = gr.Button(str(SplitsCode.PRESS), elem_id="photos-apart")
        result = gr.HTML(html_template=_LIVE, elem_id="photos-apart-result")
        back = gr.Button(visible=False, elem_id="photos-back")
    return ApartPanel(share, plan, press, result, back)


def build_bar() -> Bar:
    """Create the line that stays on view wherever something is edited."""
    with gr.Row(elem_classes="pc-bar pc-row"):
        message = gr.HTML(html_template=_LIVE, elem_id="photos-message")
        undo_button = undo.button("photos-undo")
        forward = gr.Button(
            str(PhotosCode.NEXT), variant="primary", size="lg", min_width=160, visible=False, elem_id="photos-next"
        )
    return Bar(message, undo_button, forward)
