"""Live answers of the Try it tab: a panel whose script sends frames of the camera, one at a time."""

from __future__ import annotations

import base64
import binascii
import json
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import gradio as gr

from ...errors import ClassifierError, DataError
from ...messages.bringing import CameraProblem
from ...messages.models import UnsureCode
from ...messages.try_page import LiveCode, LiveScript, TryCode
from ...models.predictor import Prediction
from .. import html
from ..colors import model_colors
from ..components import CAMERA_SCRIPT, scripted_html
from ..handlers import Action, event_data, plain
from ..queue import PREDICT
from ..sessions import Home
from .models import model_folder, open_model

_SCRIPT = Path(__file__).parent / "live.js"
_PREFIX = "data:image/jpeg;base64,"
_LONGEST = 400_000  # letters of a frame; one of 320 pixels has about a tenth
_CLASSES = 10  # of one answer
_REASONS = {UnsureCode.OUT_OF_DISTRIBUTION: "unlike", UnsureCode.LOW_CONFIDENCE: "unsure"}


def answer(home: Home, token: str, model: str | None, event: gr.EventData) -> str:
    """Answer one frame, as JSON for the script; a sentence in it says why there is no answer. Nothing is kept."""
    data = event_data(event)
    frame = data["frame"] if type(data.get("frame")) is int else 0
    try:
        predicted = _predict(model_folder(home, token, model), _decode(data.get("picture")))
    except ClassifierError as error:
        return json.dumps({"frame": frame, "error": str(error.message)})
    top = [(one.label, round(one.confidence, 4)) for one in predicted.top]
    reason = None if predicted.reason is None else _REASONS[predicted.reason]
    return json.dumps({"frame": frame, "top": top, "reason": reason, "colors": _colors(home, token, predicted)})


def _colors(home: Home, token: str, predicted: Prediction) -> dict[str, int]:
    project = home.find(token)
    with project or nullcontext():
        colors = model_colors(project, [one.label for one in predicted.top])
    return {one.label: colors[one.label] for one in predicted.top}


def _decode(claimed: object) -> bytes:
    """Return the picture that a browser sent, which may be anything; raises ``DataError`` for what is none."""
    if isinstance(claimed, str) and claimed.startswith(_PREFIX) and len(claimed) <= _LONGEST:
        try:
            return base64.b64decode(claimed.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            pass
    raise DataError(LiveCode.NO_FRAME)


def _predict(folder: Path, jpeg: bytes) -> Prediction:
    """Predict a picture of a stranger: as a file, which is decoded in another process."""
    with TemporaryDirectory(prefix="live-") as scratch:
        path = Path(scratch) / "frame.jpg"
        path.write_bytes(jpeg)
        return open_model(folder).predict(path, _CLASSES)[0]


def build(home: Home, token: gr.BrowserState | gr.State, model: gr.components.Component) -> gr.HTML:
    """Create the panel; its event ``select`` brings a picture that is to be tried as those that are dropped."""
    shown = scripted_html(_template(), _SCRIPT, "try-live", [*LiveScript, *CameraProblem], [CAMERA_SCRIPT])
    # “once”: a frame that comes while one is answered is dropped.
    Action(plain(answer, home), [token, model], [shown], PREDICT).on(shown.submit, trigger_mode="once")
    return shown


def _template() -> str:
    start, stop, answered = (html.text(code) for code in (LiveCode.START, LiveCode.STOP, LiveCode.ANSWER))
    toggle = f'<button type="button" class="pc-button pc-live-toggle" data-start="{start}" data-stop="{stop}">'
    row = html.bar("", 0.0, "")
    return (
        f'<div class="pc-live"><div class="pc-buttons">{toggle}{start}</button></div>'
        f'<p class="pc-status" role="status"></p><div class="pc-live-on" hidden>'
        f'<video muted playsinline aria-label="{html.text(LiveCode.VIDEO)}"></video><div>'
        f'<p class="pc-big pc-live-answer" role="status" aria-label="{answered}"></p><ul class="pc-bars"></ul>'
        f'<button type="button" class="pc-button pc-live-keep" data-name="{html.text(TryCode.CAMERA_PHOTO)}">'
        f"{html.text(LiveCode.KEEP)}</button>{html.quiet(html.text(LiveCode.HINT))}"
        f"</div></div><template>{row}</template></div>"
    )
