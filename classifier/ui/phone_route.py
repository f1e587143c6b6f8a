"""The small page that a phone opens by a link, and the route that takes its photos. Nothing of Gradio is on it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..data.adding import IntakeResult
from ..data.photo_stream import is_packed
from ..errors import ClassifierError
from ..messages import Code, Message, message
from ..messages.bringing import PhonePageCode, PhoneScript
from ..messages.languages import available, spoken
from ..messages.page import PageCode
from . import html
from .components import load_script
from .phone_links import PhoneLink, find_link
from .responses import FRAMES
from .upload_route import take_files
from .uploads import delete_uploads

PATTERN = r"/phone/(?P<phone>[^/]+)"  # of the addresses
_HERE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; style-src '{style}'; script-src '{script}'; img-src data:; connect-src 'self'; "
    f"base-uri 'none'; form-action 'none'; {FRAMES}"
)
_KEEP_OUT = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
_WORKERS = ThreadPoolExecutor(4, "phone")  # photos of all phones that are taken in at once

log = logging.getLogger(__name__)


def phone_routes() -> list[BaseRoute]:
    """Return the routes of the page for phones."""
    return [
        Route("/phone/{token}", _show, methods=["GET"]),
        Route("/phone/{token}", _take, methods=["POST"]),
    ]


async def _show(request: Request) -> Response:
    link = find_link(request.path_params["token"])
    style, script = _assets(spoken().tag)
    if link is None:
        title, body, status = PhonePageCode.GONE_TITLE, f"<p>{html.text(PhonePageCode.GONE_HELP)}</p>", 404
        heading = html.text(title)
    else:
        heading, body, status = html.text(PhonePageCode.TITLE, label=link.label), _form(), 200
    page = (
        f'<!doctype html><html lang="{spoken().tag}" dir="{spoken().direction}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f'<title>{heading}</title><style>{style}</style></head><body class="pc-phone"><main class="gradio-container">'
        f"<h1>{heading}</h1>{body}</main>{f'<script>{script}</script>' if link else ''}</body></html>"
    )
    policy = _POLICY.format(style=_digest(style), script=_digest(script))
    return HTMLResponse(page, status, {**_KEEP_OUT, "Content-Security-Policy": policy})


def _form() -> str:
    def choose(kind: str, words: Code, more: str) -> str:
        field = f'<input type="file" accept="image/*" multiple {more}>'
        return f'<label class="pc-button {kind}">{html.text(words)}{field}</label>'

    return (
        f"{html.quiet(html.text(PhonePageCode.ABOUT))}"
        f'<div class="pc-buttons">{choose("pc-main", PhonePageCode.TAKE, "capture=environment")}'
        f"{choose('', PhonePageCode.CHOOSE, '')}</div>"
        '<p class="pc-status" role="status" aria-live="polite"></p>'
        '<span class="pc-track" hidden aria-hidden="true"><i></i></span><ul class="pc-problems"></ul>'
        f'<button type="button" class="pc-button pc-again" hidden>{html.text(PhonePageCode.AGAIN)}</button>'
    )


@lru_cache(maxsize=len(available()))
def _assets(tag: str) -> tuple[str, str]:
    """Return the style, which is that of the page, and the script in the language of the context, which is ``tag``."""
    return (_HERE / "page.css").read_text("utf-8"), load_script(_HERE / "phone.js", PhoneScript)


@lru_cache(maxsize=2 * len(available()))
def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


async def _take(request: Request) -> Response:
    link = find_link(request.path_params["token"])
    if link is None:
        return _say(message(PhonePageCode.GONE), 404)
    paths = await take_files(request, link.most_bytes, most_files=1)
    if isinstance(paths, Response):
        return _say(bytes(paths.body).decode(), paths.status_code)
    path = Path(paths[0])
    try:
        in_language = copy_context().run  # the thread tells its sentences in the language of the phone
        return await asyncio.get_running_loop().run_in_executor(_WORKERS, in_language, _add, link, path)
    finally:
        delete_uploads([path])


def _add(link: PhoneLink, path: Path) -> Response:
    """Add one photo to the class of a link; say why, where it was not."""
    if is_packed(path.name):
        return _say(message(PhonePageCode.NO_PHOTO, name=path.name), 415)
    try:
        result = link.take(path.name, path)
    except ClassifierError as error:
        return _say(error.message, 409)
    except Exception:
        log.exception("A bug, not a mistake of the visitor")
        return _say(message(PageCode.BUG), 500)
    if result is None:
        return _say(message(PhonePageCode.GONE), 404)
    return _outcome(path.name, result)


def _outcome(name: str, result: IntakeResult) -> Response:
    if result.added or result.already:
        return JSONResponse({"photos": 1}, headers=_KEEP_OUT)
    reason = result.left_out[0].reason if result.left_out else ""
    return _say(message(PhonePageCode.NOT_ADDED, name=name, reason=reason), 415)


def _say(words: Message | str, status: int) -> Response:
    return JSONResponse({"error": str(words)}, status, _KEEP_OUT)
