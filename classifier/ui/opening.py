"""What a browser shows until Gradio has drawn the page: its head, the tabs and the area for photos, in their places."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ..messages.page import PageCode, UploadCode
from ..messages.photos_page import PhotosCode
from ..messages.review_page import ReviewCode
from ..messages.share_page import ShareCode
from ..messages.training_page import TrainCode
from ..messages.try_page import TryCode
from . import gradio_versions, html

_HERE = Path(__file__).parent
_TABS = (PhotosCode.TAB, TrainCode.TAB, ReviewCode.TAB, TryCode.TAB, ShareCode.TAB)


def put_into(page: str) -> str:
    """Return Gradio's page with the opening in it, which ``opening.js`` removes."""
    page = page.replace("</head>", f"<style>{_style()}</style></head>", 1)
    return page.replace("<gradio-app", f"{_scripts()}{_draw()}<gradio-app", 1)


def _draw() -> str:
    tabs = "".join(f"<span>{html.escape(html.narrow(str(tab)))}</span>" for tab in _TABS)
    return (
        f'<div id="opening" class="gradio-container" data-failed="{html.text(PageCode.NOT_OPENED)}">'
        f'<header class="pc-header"><h1>{html.text(PageCode.TITLE)}</h1><p>{html.text(PageCode.SUBTITLE)}</p></header>'
        f'<div class="pc-opening-tabs">{tabs}</div>'
        f'<div class="pc-drop pc-working"><h2 class="pc-drop-title">{html.text(PhotosCode.DROP_TITLE)}</h2>'
        f"{html.quiet(html.text(PhotosCode.DROP_HINT))}"
        f'<div class="pc-buttons" aria-hidden="true"><span class="pc-button pc-main pc-folder">'
        f'{html.text(UploadCode.CHOOSE_FOLDER)}</span><span class="pc-button">{html.text(PhotosCode.DROP_CHOOSE)}'
        f"</span></div></div>{html.quiet(html.rich(PhotosCode.ABOUT_CLASSES), 'pc-center')}"
        f'<p class="pc-quiet pc-center" role="status">{html.text(PageCode.OPENING)}</p></div>'
    )


@cache
def _style() -> str:
    return (_HERE / "page.css").read_text("utf-8")


@cache
def _scripts() -> str:
    names = ["opening.js", *(["lighter.js"] if gradio_versions.is_known() else [])]
    return "".join(f'<script data-name="{name}">{(_HERE / name).read_text("utf-8")}</script>' for name in names)
