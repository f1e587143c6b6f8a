"""Photos of the visitor that an export shows: offered where its format has a place for them, chosen one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ...data.catalog import Asset
from ...messages import sentence
from ...messages.share_page import ShareCode
from ...workflows.export import FORMATS, find_format
from .. import html
from ..components import scripted_html
from ..handlers import Action, event_data, plain
from ..predict.models import own_models
from ..sessions import Home, thumbnail_bytes

MOST = 3  # photos that are shown
_OFFERED = 24  # to choose from
_SCRIPT = Path(__file__).parent / "samples.js"


@dataclass(frozen=True)
class Samples:
    """The photos that were chosen, by their SHA-256, and the events at which others are."""

    chosen: gr.State
    changes: tuple[Any, ...]


def place(home: Home, token: str, model: str | None, format: str | None) -> tuple[Any, Any]:
    """Show the question where the format has a place for photos and the model is the visitor's; nothing is chosen."""
    shows = format in FORMATS and find_format(format).shows_photos
    fits = shows and any(one.name == model for one in own_models(home, token))
    return gr.update(visible=fits), False


def offer(home: Home, token: str, model: str | None, wanted: bool) -> tuple[str, list[str]]:
    """Return photos of all classes to choose from, as HTML, and that none is chosen; nothing where none is wanted."""
    project = home.find(token) if wanted and any(one.name == model for one in own_models(home, token)) else None
    if project is None:
        return "", []
    with project:
        photos = sorted(project.photos(), key=lambda photo: photo.label)
        count = min(_OFFERED, len(photos))
        offered = [photos[number * len(photos) // count] for number in range(count)]
        cards = "".join(_card(photo, thumbnail_bytes(project, photo)) for photo in offered)
    if not cards:
        return html.note(ShareCode.NO_PHOTOS), []
    warning = html.note(sentence(ShareCode.SEEN_BY_ALL, most=MOST), "warn")
    return f'{warning}<div class="pc-grid" data-most="{MOST}">{cards}</div>', []


def _card(photo: Asset, jpeg: bytes) -> str:
    name = sentence(ShareCode.SHOW_PHOTO, name=photo.source.rsplit("/", 1)[-1], label=photo.label)
    box = f'<input type="checkbox" value="{photo.id}" aria-label="{html.escape(name)}">'
    return html.card(box, html.enlargeable(jpeg, name, photo.id), name)


def choose(home: Home, token: str, event: gr.EventData) -> list[str]:
    """Return the photos that were chosen, by their SHA-256: of this visitor, and no more than may be shown."""
    ids = event_data(event).get("ids")
    project = home.find(token) if isinstance(ids, list) else None
    if project is None:
        return []
    with project:
        return _names(project.photos(), ids)


def _names(photos: Sequence[Asset], ids: object) -> list[str]:
    assert isinstance(ids, list)
    return [photo.sha256 for photo in photos if photo.id in ids][:MOST]


def build(home: Home, token: gr.BrowserState, model: gr.HTML, format: gr.Radio) -> Samples:
    """Create the question and the photos, and connect their events."""
    with gr.Column(visible=False) as column:
        wanted = gr.Checkbox(False, label=sentence(ShareCode.SHOW, most=MOST), elem_id="share-show")
        photos = scripted_html("${value}", _SCRIPT, "share-photos")
    chosen = gr.State([])
    for changed in (model.change, format.change):
        Action(plain(place, home), [token, model, format], [column, wanted]).on(changed)
    Action(plain(offer, home), [token, model, wanted], [photos, chosen]).on(wanted.change)
    Action(plain(choose, home), [token], [chosen]).on(photos.submit)
    return Samples(chosen, (wanted.input, photos.submit))
