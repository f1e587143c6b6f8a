"""One photo, large: a dialog of the whole page, which shows every picture of ``html.enlargeable`` at a press."""

from __future__ import annotations

import base64
from contextlib import suppress
from pathlib import Path

import gradio as gr

from ..data.decoding import draw_small_apart
from ..errors import ClassifierError
from ..messages.page import ViewerScript
from .components import scripted_html
from .handlers import Action, event_data, plain
from .sessions import Home

_SCRIPT = Path(__file__).parent / "viewer.js"
_SIDE = 1600  # pixels


def enlarge(home: Home, token: str, event: gr.EventData) -> str:
    """Return a photo of the project in a size that fills a screen, as “ID:JPEG in base64”; empty where it is gone."""
    id = event_data(event).get("photo")
    if not isinstance(id, int) or abs(id) >= 2**62 or (project := home.find(token)) is None:
        return ""
    with project, suppress(ClassifierError, OSError):
        jpeg = draw_small_apart(project.photo_path(project.catalog.asset(id)), _SIDE, project.limits)
        return f"{id}:{base64.b64encode(jpeg).decode()}"
    return ""


def build(home: Home | None = None, token: gr.BrowserState | None = None) -> None:
    """Create the dialog; without a project it shows each picture as the page has it."""
    viewer = scripted_html("<span hidden></span>", _SCRIPT, "viewer", ViewerScript)
    if home is not None and token is not None:
        Action(plain(enlarge, home), [token], [viewer]).on(viewer.select, trigger_mode="always_last")
