"""The camera of the Photos tab: bursts of frames for a class, and frames of a short video, each one group."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import gradio as gr

from ...errors import DataError
from ...messages.bringing import CameraCode, CameraProblem, CameraScript
from ...messages.page import UploadCode
from ...messages.photos_page import ReadingCode
from .. import html
from ..components import CAMERA_SCRIPT, scripted_html
from ..sessions import Home, check_capacity
from ..uploads import SEND_SCRIPT, delete_uploads, parse_upload, ready_value
from .adding import summarize

_SCRIPT = Path(__file__).parent / "camera.js"
_MOST_FRAMES = 100  # of one burst or video
_LIVE = '<div aria-live="polite">${value}</div>'


class CameraPanel(NamedTuple):
    """The camera, and what came of its last burst."""

    camera: gr.HTML
    message: gr.HTML


def build() -> CameraPanel:
    """Create the camera, which triggers ``submit`` with the frames of each burst."""
    gr.HTML(html.quiet(html.text(CameraCode.ABOUT)))
    camera = scripted_html(
        _template(), _SCRIPT, "photos-camera", [*CameraScript, *CameraProblem], [SEND_SCRIPT, CAMERA_SCRIPT]
    )
    return CameraPanel(camera, gr.HTML(html_template=_LIVE, elem_id="photos-camera-result"))


def add_burst(home: Home, token: str, event: gr.EventData) -> tuple[str, str]:
    """Add the frames of one burst or video as one group of a class.

    They are nowhere else: they are kept until they were taken in, or cannot be used. Returns what was added, and a
    value by which the script knows.
    """
    upload = parse_upload(event._data, _MOST_FRAMES)
    if upload.label is None:
        raise DataError(ReadingCode.EMPTY_CLASS)
    if not upload.files:
        raise DataError(UploadCode.NO_FILES)
    home.check_room()
    with home.open(token) as project:
        check_capacity(project, len(upload.files))
        words = summarize(project.add_burst(upload.files, upload.label), len(upload.missing))
    delete_uploads(path for _, path in upload.files)
    return words, ready_value()


def refuse_burst() -> tuple[str, str]:
    """Return no message, and a value by which the script knows that the burst was not added."""
    return "", f"refused {ready_value()}"


def _template() -> str:
    code = CameraCode
    return (
        f'<div class="pc-camera" data-most="{_MOST_FRAMES}"><div class="pc-ask"><label>{html.text(code.CLASS)}'
        f'<input type="text" list="pc-classes" maxlength="80" placeholder="{html.text(code.CLASS_EXAMPLE)}" '
        f'autocomplete="off"></label>{_button("pc-nothing", code.NOTHING, code.NOTHING_LABEL)}</div>'
        f'<p class="pc-quiet pc-why"></p><div class="pc-stage" hidden><video playsinline muted '
        f'aria-label="{html.text(code.VIEW)}"></video><span class="pc-taken" aria-hidden="true"></span></div>'
        f'<div class="pc-buttons">{_button("pc-main pc-shoot", code.SHOOT, hidden=True)}'
        f"{_button('pc-main pc-open', code.OPEN)}"
        f"{_button('pc-switch', code.SWITCH, hidden=True)}{_button('pc-close', code.CLOSE, hidden=True)}"
        f'<label class="pc-button pc-still" hidden>{html.text(code.STILL)}'
        '<input type="file" accept="image/*" capture="environment"></label>'
        f'<label class="pc-button pc-video">{html.text(code.VIDEO)}<input type="file" accept="video/*"></label>'
        f"{_button('pc-stop', code.CANCEL, hidden=True)}{_button('pc-again', code.AGAIN, hidden=True)}</div>"
        '<p class="pc-status" role="status" aria-live="polite"></p>'
        '<span class="pc-track" hidden aria-hidden="true"><i></i></span></div>'
    )


def _button(kind: str, words: CameraCode, label: CameraCode | None = None, hidden: bool = False) -> str:
    named = f' aria-label="{html.text(label)}"' if label else ""
    shown = " hidden" if hidden else ""
    return f'<button type="button" class="pc-button {kind}"{named}{shown}>{html.text(words)}</button>'
