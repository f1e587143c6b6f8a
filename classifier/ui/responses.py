"""How the page answers: the headers of every answer, and what becomes of the page itself and of names in answers."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import re
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Scope, Send

from ..messages.languages import spoken
from ..messages.server import RequestCode
from . import metrics, opening
from .uploads import uploaded_file
from .visitors import Owners, new_cookie

API = "/gradio_api"
FRAMES = "frame-ancestors 'self' https://huggingface.co https://*.hf.space"
# Components of HTML run their scripts by “new Function”, and Svelte sets styles; all else comes from this server.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'{hashes}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; connect-src 'self'{space}; "
    f"manifest-src 'self'; worker-src 'self' blob:; base-uri 'self'; form-action 'self'; {FRAMES}"
)
_OTHER_POLICY = f"default-src 'none'; sandbox; {FRAMES}"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), display-capture=(), payment=(), usb=()",
}
_STORAGE_SCRIPT = (Path(__file__).parent / "storage.js").read_bytes()
_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


class PageSender:
    """Sends the page with a policy that allows just the scripts in it, and a cookie to browsers that have none.

    The first script is our own: it must run before Gradio's, whose ``head`` is added later.
    """

    def __init__(self, scope: Scope, visitor: str | None, send: Send, with_opening: bool = False) -> None:
        self._with_opening = with_opening
        self._asked, self._is_https = Headers(scope=scope), scope["scheme"] == "https"
        self._visitor, self._send = visitor, send
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        headers = MutableHeaders(raw=self._start["headers"])
        script = b"<head><script>" + _STORAGE_SCRIPT + b"</script>"
        if self._body:  # none is asked for by HEAD
            self._body = self._body.replace(b"<head>", script, 1).replace(b'lang="en"', self._language(), 1)
            if self._with_opening:
                self._body = opening.put_into(self._body.decode()).encode()
            headers["Content-Length"] = str(len(self._body))
        digests = [hashlib.sha256(script).digest() for script in _INLINE_SCRIPT.findall(self._body)]
        hashes = "".join(f" 'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
        headers["Content-Security-Policy"] = _PAGE_POLICY.format(hashes=hashes, space=self._space())
        headers["Cache-Control"] = "no-store"
        if self._visitor is None:
            is_https = self._is_https or self._asked.get("x-forwarded-proto") == "https"
            headers.append("Set-Cookie", new_cookie(is_https))
        if "gzip" in self._asked.get("accept-encoding", "") and self._body:
            self._body = await asyncio.to_thread(gzip.compress, self._body, 5)
            headers["Content-Encoding"] = "gzip"
            headers["Content-Length"] = str(len(self._body))
        await self._send({**self._start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": self._body})

    def _language(self) -> bytes:
        """Return the attributes of the page for the language in which it was made."""
        language = spoken()
        return f'lang="{language.tag}" dir="{language.direction}"'.encode()

    def _space(self) -> str:
        """Return where else a page below hf.space, whose scripts ask for the state of their Space, may connect to."""
        host = self._asked.get("host", "").partition(":")[0]
        return " https://huggingface.co/api/spaces/" if host.endswith(".hf.space") else ""


class NameSender:
    """Sends the answer to a call or an upload; the event or the files in it belong to the browser that gets it."""

    def __init__(self, owners: Owners, visitor: str | None, send: Send) -> None:
        self._owners, self._visitor, self._send = owners, visitor, send
        self._body = b""

    async def __call__(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                self._owners.claim(self._names(), self._visitor)
        await self._send(message)

    def _names(self) -> list[str]:
        try:
            answer = json.loads(self._body)
        except ValueError:
            return []
        if isinstance(answer, list):
            return [f"upload:{path.parent.name}" for path in map(uploaded_file, answer) if path is not None]
        return [f"event:{answer['event_id']}"] if isinstance(answer, dict) and answer.get("event_id") else []


def with_headers(scope: Scope, send: Send) -> Send:
    """Return what sends an answer with the headers that every one has, and counts it."""

    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            metrics.REQUESTS.add(str(message["status"]))
            headers = MutableHeaders(raw=list(message.get("headers", [])))
            headers.update(_HEADERS)
            headers.setdefault("Content-Security-Policy", _OTHER_POLICY)
            if scope["path"].startswith(API):
                headers["Cache-Control"] = "no-store"
                if "file=" in scope["path"]:
                    headers["Content-Disposition"] = "attachment"
            message = {**message, "headers": headers.raw}
        await send(message)

    return sender


def lost_session() -> Response:
    """Return what Gradio says to a page whose events it does not know, and that the page understands."""
    lost = {
        "msg": "unexpected_error",
        "message": str(RequestCode.NO_EVENT),
        "session_not_found": True,
        "success": False,
    }
    return PlainTextResponse(f"data: {json.dumps(lost)}\n\n", media_type="text/event-stream")
