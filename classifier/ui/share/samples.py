"""Photos of the visitor that an export shows: offered where its format has a place for them, chosen one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ...data.assets import Asset
from ...messages import sentence
from ...messages.share_page import ShareCode
from ...workflows.export import FORMATS, find_format
from .. import html
from ..components import scripted_html
from ..handlers import Action, plain
from ..predict.models import own_models
from ..sessions import Home, thumbnail_bytes

MOST = 3  # photos that are shown
_OFFERED = 24  # to choose from
_SCRIPT = Path(__file__).parent / "samples.js"
# Script of an event whose fourth input is ``photos``: sends the ids of the photos that are ticked instead of its HTML.
# Read when an export is asked for, as events that tell of each tick could come later than that press.
SEND_CHOSEN = """(token, model, format) => {
  const boxes = document.querySelectorAll("#share-photos input:checked");
  return [token, model, format, [...boxes].map((box) => box.value).join(" ")];
}"""


@dataclass(frozen=True)
class Samples:
    """The photos to choose from, see ``SEND_CHOSEN``, and the events at which others are chosen."""

    photos: gr.HTML
    changes: tuple[Any, ...]


def place(home: Home, token: str, model: str | None, format: str | None) -> tuple[Any, Any]:
    """Show the question where the format has a place for photos and the model is the visitor's; nothing is chosen."""
    shows = format in FORMATS and find_format(format).shows_photos
    fits = shows and any(one.name == model for one in own_models(home, token))
    return gr.update(visible=fits), False


def offer(home: Home, token: str, model: str | None, wanted: bool) -> str:
    """Return photos of all classes to choose from, none of them chosen, as HTML; nothing where none is wanted."""
    project = home.find(token) if wanted and any(one.name == model for one in own_models(home, token)) else None
    if project is None:
        return ""
    with project:
        photos = sorted(project.photos(), key=lambda photo: photo.label)
        count = min(_OFFERED, len(photos))
        offered = [photos[number * len(photos) // count] for number in range(count)]
        cards = "".join(_card(photo, thumbnail_bytes(project, photo)) for photo in offered)
    if not cards:
        return html.note(ShareCode.NO_PHOTOS)
    warning = html.note(sentence(ShareCode.SEEN_BY_ALL, most=MOST), "warn")
    return f'{warning}<div class="pc-grid" data-most="{MOST}">{cards}</div>'


def _card(photo: Asset, jpeg: bytes) -> str:
    name = sentence(ShareCode.SHOW_PHOTO, name=photo.source.rsplit("/", 1)[-1], label=photo.label)
    box = f'<input type="checkbox" value="{photo.id}" aria-label="{html.escape(name)}">'
    return html.card(box, html.enlargeable(jpeg, name, photo.id), name)


def chosen_photos(photos: Sequence[Asset], sent: str | None) -> list[str]:
    """Return those photos whose ids a browser sent, by their SHA-256, and no more than may be shown."""
    ids = (sent or "").split()
    return [photo.sha256 for photo in photos if str(photo.id) in ids][:MOST]


def build(home: Home, token: gr.BrowserState, model: gr.HTML, format: gr.Radio) -> Samples:
    """Create the question and the photos, and connect their events."""
    with gr.Column(visible=False) as column:
        wanted = gr.Checkbox(False, label=sentence(ShareCode.SHOW, most=MOST), elem_id="share-show")
        photos = scripted_html("${value}", _SCRIPT, "share-photos")
    for changed in (model.change, format.change):
        Action(plain(place, home), [token, model, format], [column, wanted]).on(changed)
    Action(plain(offer, home), [token, model, wanted], [photos]).on(wanted.change)
    return Samples(photos, (wanted.input, photos.submit))
