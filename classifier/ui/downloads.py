"""Files that a visitor may download: each under a random ticket, for an hour, as long as it and its project exist.

``new_file`` names a file in the visitor's project, ``offer`` gives it an address, ``link`` makes that a link. Gradio's
own route for files is not used: whoever learns an address of it can fetch the file until it is deleted.
"""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import gradio as gr
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from ..data.labels import folder_name
from ..messages import sentence
from ..messages.exporting import DownloadCode
from . import html
from .visitors import find_visitor

PATTERN = r"/download/[^/]+/[^/]+"  # of the addresses
SECONDS = 3600.0  # that a ticket lasts, and the file with it
_FOLDER = "downloads"  # in the project
_MOST = 10_000  # tickets of all visitors; the oldest are forgotten first


@dataclass(frozen=True)
class _Ticket:
    """A file that is offered, the browser it is for (None for all), and until when, in seconds of ``monotonic``."""

    path: Path
    visitor: str | None
    ends: float


class _Tickets:
    """What is offered now, by tickets."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tickets: OrderedDict[str, _Ticket] = OrderedDict()

    def add(self, ticket: _Ticket) -> str:
        name = secrets.token_urlsafe(32)
        with self._lock:
            self._tickets[name] = ticket
            while len(self._tickets) > _MOST:
                self._tickets.popitem(last=False)
        return name

    def find(self, name: str) -> _Ticket | None:
        with self._lock:
            found = self._tickets.get(name)
            if found is not None and found.ends < time.monotonic():
                del self._tickets[name]
                return None
            return found


_TICKETS = _Tickets()


def new_file(project: Path, name: str) -> Path:
    """Return a path for a file to be downloaded, in a folder of its own in a project; files of an hour ago go.

    Args:
        project: folder of the visitor's project, see ``Home.folder``.
        name: what the file is to be called; what is not safe in it is replaced.
    """
    delete_old(project)
    folder = project / _FOLDER / secrets.token_hex(16)
    folder.mkdir(parents=True)
    return folder / folder_name(name)


def delete_old(project: Path, seconds: float = SECONDS) -> None:
    """Delete the files of a project that were made to be downloaded, and are older than a ticket lasts."""
    with suppress(OSError):
        for folder in (project / _FOLDER).iterdir():
            if folder.stat().st_mtime < time.time() - seconds:
                shutil.rmtree(folder, ignore_errors=True)


def offer(path: Path, request: gr.Request | None = None, seconds: float = SECONDS) -> str:
    """Return the address under which a file can be downloaded from now on, relative to the page.

    Args:
        path: a file that ``new_file`` named.
        request: that of the event, so that only the browser that it came from gets the file.
        seconds: how long.
    """
    visitor = find_visitor(request.headers.get("cookie", "")) if request is not None else None
    return f"download/{_TICKETS.add(_Ticket(path, visitor, time.monotonic() + seconds))}/{quote(path.name)}"


def link(address: str, path: Path) -> str:
    """Return a link to an offered file, with its size, as HTML."""
    words = html.text(DownloadCode.LINK, name=path.name, size=path.stat().st_size)
    return f'<a class="pc-download" href="{html.escape(address)}" download>{words}</a>'


def download_routes() -> list[BaseRoute]:
    """Return the route that hands out what is offered."""
    return [Route("/download/{ticket}/{name}", _answer, methods=["GET"])]


def _answer(request: Request) -> Response:
    found = _TICKETS.find(request.path_params["ticket"])
    visitor = find_visitor(request.headers.get("cookie", ""))
    if found is None or found.visitor not in (None, visitor) or request.path_params["name"] != found.path.name:
        return _gone()
    if not found.path.is_file() or found.path.is_symlink():  # deleted, with its project or without
        return _gone()
    headers = {"Cache-Control": "no-store"}
    return FileResponse(found.path, media_type="application/octet-stream", filename=found.path.name, headers=headers)


def _gone() -> Response:
    return PlainTextResponse(sentence(DownloadCode.GONE), 404, {"Cache-Control": "no-store"})
