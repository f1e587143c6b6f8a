"""The example photos of the Try it tab: none was trained on, and one is of no class."""

from __future__ import annotations

import io
import secrets
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from ...data.example import EXAMPLE_LABELS, draw_unseen
from ...errors import DataError
from ...files import storage_error
from ...messages import sentence
from ...messages.try_page import ExamplesCode
from .. import html
from ..handlers import event_data
from ..sessions import Home
from ..uploads import delete_uploads
from . import answers, trying
from .answers import PredictState

SCRIPT = Path(__file__).parent / "examples.js"
_FIRST = 3  # the photo that is shown after the training with example photos


@cache
def _photos() -> tuple[tuple[str, bytes], ...]:
    """Return the photos as JPEGs, each with its class; that of no class has “”."""
    drawn = []
    for label, picture in draw_unseen():
        jpeg = io.BytesIO()
        picture.save(jpeg, "JPEG", quality=88)
        drawn.append((label, jpeg.getvalue()))
    return tuple(drawn)


def offer(home: Home, token: str) -> str:
    """Return the photos as buttons where the visitor's project has the classes of the example photos."""
    project = home.find(token)
    if project is None:
        return ""
    with project:
        if not set(EXAMPLE_LABELS) <= set(project.classes()):
            return ""
    buttons = "".join(_button(number, label, jpeg) for number, (label, jpeg) in enumerate(_photos()))
    about = html.quiet(html.text(ExamplesCode.ABOUT))
    return f'<h2 class="pc-h">{html.text(ExamplesCode.TITLE)}</h2>{about}<div class="pc-tryable">{buttons}</div>'


def _button(number: int, label: str, jpeg: bytes) -> str:
    name = sentence(ExamplesCode.PHOTO_OF, label=label) if label else sentence(ExamplesCode.STRANGE_PHOTO)
    words = sentence(ExamplesCode.PHOTO, number=number + 1) if label else sentence(ExamplesCode.STRANGE)
    return (
        f'<button type="button" data-example="{number}" aria-label="{html.escape(name)}">{html.picture(jpeg, "")}'
        f"<span>{html.escape(words)}</span></button>"
    )


def pick(home: Home, token: str, model: str | None, top_k: float, previous: PredictState, event: gr.EventData) -> Any:
    """Predict the example photo that was pressed; the photos on view before are deleted."""
    number = event_data(event).get("example")
    if type(number) is not int or not 0 <= number < len(_photos()):
        raise DataError(ExamplesCode.WHICH)
    return _predict(home, token, model, top_k, previous, number)


def answer_newest(home: Home, token: str, model: str | None, top_k: float, state: PredictState, is_first: bool) -> Any:
    """Predict the photos on view by the newest model, see ``answer_again``.

    ``is_first``: after the training that the example button began one of the example photos, where none is on view.
    """
    if is_first and not state.photos:
        return _predict(home, token, model, top_k, state, _FIRST)
    return trying.answer_again(home, token, top_k, state)


def _predict(home: Home, token: str, model: str | None, top_k: float, previous: PredictState, number: int) -> Any:
    label, jpeg = _photos()[number]
    name = sentence(ExamplesCode.PHOTO, number=number + 1) if label else sentence(ExamplesCode.STRANGE)
    path = Path(get_upload_folder()) / secrets.token_hex(32) / "example.jpg"
    try:
        path.parent.mkdir(parents=True)
        path.write_bytes(jpeg)
    except OSError as error:
        raise storage_error(error, path) from error
    try:
        shown = trying.predict_photos(home, token, model, top_k, answers.new_state(((name, path),), previous))
    except BaseException:
        delete_uploads([path])
        raise
    delete_uploads(previous.paths())
    return shown
