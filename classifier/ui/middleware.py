"""What stands between a browser and Gradio: which requests are answered, who may send them, and with what headers.

``protect`` puts it around the whole app, also around what Gradio itself adds. Every request passes, in this order, the
checks of its Host and Origin, its address, the login, the browser that its session belongs to, and its body.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import parse_qs

from gradio.routes import App
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..messages.languages import speak
from ..messages.server import RequestCode
from . import downloads, languages, metrics
from .agents import take_lists_of_pictures
from .health import HEALTH, METRICS
from .hosts import Hosts
from .phone_route import PATTERN as PHONE
from .request_values import BODY_BYTES, LIST_BYTES, Body, RequestError, read_agent_call, read_cancel, read_event
from .responses import API, NameSender, PageSender, lost_session, with_headers
from .session_states import keep_states_only
from .uploads import uploaded_file
from .visitors import Owners, find_visitor

_FORM_BYTES = 2**14
_SMALL_BODY = 2**14  # bytes
_BODY_SECONDS = 60.0
_DISCARDED_BYTES = 2**27
_DISCARD_SECONDS = 0.5  # between two parts
# Every address that is answered; all others of Gradio's are not there. The first column is the method, the last one
# whether it is also for those who still have to log in.
_READ = ("GET", "HEAD")
_SEND = ("POST",)
ROUTES: tuple[tuple[tuple[str, ...], str, bool], ...] = (
    (_READ, "/", True),
    (_READ, r"/(assets|static|svelte)/.+", True),
    (_READ, r"/(theme\.css|favicon\.ico|manifest\.json|robots\.txt)", True),
    (_READ, rf"{API}/startup-events", True),
    (_SEND, "/login/?", True),
    (_READ, "/login/(huggingface|callback)", False),  # there only on a Space that offers to sign in
    (_READ, "/logout", False),
    (_READ, "/config/?", False),
    (_READ, rf"{API}/info/?", False),
    (_READ, rf"{API}/file=(?P<file>.+)", False),
    (_READ, downloads.PATTERN, False),
    (_READ, HEALTH, True),  # the tools of a host have no login
    (_READ, PHONE, True),  # the link itself says who may: a phone has no login, and gets no other page
    (_SEND, PHONE, True),
    (_READ, rf"{API}/heartbeat/(?P<session>[^/]+)", False),
    (_READ, rf"{API}/queue/data", False),
    (_READ, rf"{API}/upload_progress", False),
    (_READ, rf"{API}/call/[^/]+/(?P<event>[^/]+)", False),
    (_SEND, rf"{API}/upload", False),
    (_SEND, rf"{API}/queue/join", False),
    (_SEND, rf"{API}/run/(?P<direct>[^/]+)/?", False),
    (_SEND, rf"{API}/call/(?P<name>[^/]+)/?", False),
    (_SEND, rf"{API}/cancel", False),
)
# What agents ask, by the Model Context Protocol, where the program was started for them.
AGENT_ROUTES: tuple[tuple[tuple[str, ...], str, bool], ...] = (
    (_READ, rf"{API}/mcp/schema", False),
    (_SEND, rf"{API}/mcp/?", False),
)
# What Prometheus asks, where the program was started for it.
METRICS_ROUTES: tuple[tuple[tuple[str, ...], str, bool], ...] = ((_READ, METRICS, True),)
_AGENT = re.compile(rf"{API}/mcp/?")


def _compile(
    routes: Iterable[tuple[tuple[str, ...], str, bool]],
) -> list[tuple[tuple[str, ...], re.Pattern[str], bool]]:
    return [(methods, re.compile(pattern, re.DOTALL), is_open) for methods, pattern, is_open in routes]


def protect(
    hosts: Hosts, agents: bool = False, with_opening: bool = False, with_metrics: bool = False
) -> Callable[[App], AbstractAsyncContextManager[None]]:
    """Return the ``lifespan`` of Gradio's app, which puts the checks around it before it answers anything.

    Args:
        hosts: names under which the page may be reached.
        agents: whether to answer the Model Context Protocol.
        with_opening: whether the page is shown at once, by what ``opening`` draws.
        with_metrics: whether to answer Prometheus.

    Example::

        page.launch(app_kwargs={"lifespan": protect(find_hosts("127.0.0.1", os.environ))})
    """

    @asynccontextmanager
    async def lifespan(app: App) -> AsyncIterator[None]:
        if app.middleware_stack is None:
            raise RuntimeError("the app must have been built when it starts")
        app.middleware_stack = _Guard(app.middleware_stack, app, hosts, agents, with_opening, with_metrics)
        take_lists_of_pictures(app)
        keep_states_only(app)
        yield

    return lifespan


@dataclass(frozen=True)
class _Call:
    """A request that may be answered: what its address names, who sends it, and its headers."""

    scope: Scope
    named: dict[str, str | None]
    visitor: str | None
    headers: Headers

    @property
    def path(self) -> str:
        """The address without its query."""
        return str(self.scope["path"])

    def query(self, name: str) -> str | None:
        """Return the value of a part of the query."""
        values = parse_qs(self.scope["query_string"].decode("latin-1")).get(name)
        return values[0] if values else None


class _Guard:
    """The checks, around the app."""

    def __init__(
        self, inner: ASGIApp, app: App, hosts: Hosts, agents: bool, with_opening: bool, with_metrics: bool
    ) -> None:
        self._with_opening = with_opening
        self._inner, self._app, self._hosts = inner, app, hosts
        self._agents = agents
        self._patterns = _compile(
            (*ROUTES, *(AGENT_ROUTES if agents else ()), *(METRICS_ROUTES if with_metrics else ()))
        )
        self._owners = Owners()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it with a sentence."""
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        if scope["type"] != "http":  # the page opens no web sockets
            await send({"type": "websocket.close", "code": 1008})
            return
        answer = with_headers(scope, send)
        speak(languages.of_headers(Headers(scope=scope)))
        try:
            call = self._check(scope)
            refusal = self._check_owner(call)
            if refusal is not None:
                await refusal(scope, receive, answer)
                return
            received = await self._check_body(call, receive)
        except RequestError as error:
            metrics.REFUSED.add(error.code.id)
            refused = JSONResponse({"detail": str(error), "error": str(error)}, error.status)
            await refused(scope, receive, answer)
            return
        await self._answer(call, received, answer)

    def _check(self, scope: Scope) -> _Call:
        """Check where a request comes from, its address and its login."""
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._hosts.is_ours(host):
            raise RequestError(421, RequestCode.NO_HOST, host=host[:80])
        if origin is not None and not self._hosts.is_same_site(origin, host):
            raise RequestError(403, RequestCode.OTHER_SITE, origin=origin[:80])
        for methods, pattern, is_open in self._patterns:
            found = pattern.fullmatch(scope["path"])
            if found and scope["method"] in methods:
                if not is_open and not self._is_logged_in(headers):
                    raise RequestError(401, RequestCode.LOGIN)
                return _Call(scope, found.groupdict(), find_visitor(headers.get("cookie", "")), headers)
        # Agents ask whether the server has something to say by itself, and take this status for no.
        is_agent = self._agents and _AGENT.fullmatch(scope["path"])
        raise RequestError(405 if is_agent else 404, RequestCode.NOT_HERE)

    def _is_logged_in(self, headers: Headers) -> bool:
        if self._app.auth is None:
            return True
        ours = {f"access-token-{self._app.cookie_id}", f"access-token-unsecure-{self._app.cookie_id}"}
        pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
        return any(name in ours and value in self._app.tokens for name, _, value in pairs)

    def _check_owner(self, call: _Call) -> Response | None:
        """Check the names in an address; return an answer where there is nothing to wait for."""
        queue = self._app.get_blocks()._queue
        session = call.named.get("session") or (call.query("session_hash") if call.path.endswith("/data") else None)
        if session is not None:
            self._claim([f"session:{session}"], call)
            if call.path.endswith("/queue/data") and session not in queue.pending_messages_per_session:
                return lost_session()
        event = call.named.get("event")
        if event is not None:
            self._claim([f"event:{event}"], call)
            if not any(event in events for events in queue.pending_event_ids_session.values()):
                raise RequestError(404, RequestCode.NO_EVENT)
        progress = call.query("upload_id")
        if progress is not None:
            self._claim([f"progress:{progress}"], call)
        file = call.named.get("file")
        if file is not None:
            path = uploaded_file(file)
            if path is None:
                raise RequestError(404, RequestCode.NO_FILE)
            self._claim([f"upload:{path.parent.name}"], call)
        return None

    def _claim(self, names: list[str], call: _Call) -> None:
        if not self._owners.claim(names, call.visitor):
            raise RequestError(404, RequestCode.NOT_YOURS)

    async def _check_body(self, call: _Call, receive: Receive) -> Receive:
        """Read and check the body of a request; return what gives the app the checked one."""
        if call.scope["method"] != "POST" or call.path == f"{API}/upload" or call.named.get("phone"):
            return receive  # an upload is bounded as it is written, by the route that takes it
        if call.path.startswith("/login"):
            return _replay(await _read(call, receive, _FORM_BYTES, RequestCode.FORM_TOO_LARGE), receive)
        queue = self._app.get_blocks()._queue
        if call.path != f"{API}/cancel" and queue.max_size is not None and len(queue) >= queue.max_size:
            raise RequestError(429, RequestCode.BUSY)  # Gradio would say so in English, with names of its own
        if "json" not in call.headers.get("content-type", "application/json"):
            raise RequestError(415, RequestCode.NO_JSON)
        limit = LIST_BYTES if call.path == f"{API}/queue/join" else BODY_BYTES  # only the page lists files
        content = await _read(call, receive, limit, RequestCode.BODY_TOO_LARGE)
        if len(content) < _SMALL_BODY:  # a change of threads takes longer
            body = self._read_body(call, content)
        else:
            body = await asyncio.to_thread(self._read_body, call, content)
        self._claim(list(body.names), call)
        call.scope["headers"] = [
            (name, str(len(body.content)).encode() if name == b"content-length" else value)
            for name, value in call.scope["headers"]
            if name not in (b"content-type", b"transfer-encoding")
        ] + [(b"content-type", b"application/json")]
        return _replay(body.content, receive)

    def _read_body(self, call: _Call, content: bytes) -> Body:
        if call.path == f"{API}/cancel":
            return read_cancel(content)
        if _AGENT.fullmatch(call.path):
            return read_agent_call(content)
        direct = call.named.get("direct")
        return read_event(self._app, content, direct or call.named.get("name"), direct is not None)

    async def _answer(self, call: _Call, receive: Receive, send: Send) -> None:
        """Let the app answer; the page gets its policy, and what an answer names belongs to the browser."""
        drop = {b"range"}  # Gradio answers it with the headers of the request
        if call.path == "/" or call.scope["method"] == "POST":
            drop.add(b"accept-encoding")
        scope = {**call.scope, "headers": [pair for pair in call.scope["headers"] if pair[0] not in drop]}
        if call.path == "/":
            await self._inner(scope, receive, PageSender(call.scope, call.visitor, send, self._with_opening))
        elif call.scope["method"] == "POST":
            await self._inner(scope, receive, NameSender(self._owners, call.visitor, send))
        else:
            await self._inner(scope, receive, send)


async def _read(call: _Call, receive: Receive, limit: int, too_large: RequestCode) -> bytes:
    """Read a body of at most ``limit`` bytes; raises ``RequestError`` for a longer one, of which nothing is kept."""
    length = call.headers.get("content-length", "")
    is_too_large = length.isdecimal() and int(length[:20]) > limit
    try:
        content = b"" if is_too_large else await asyncio.wait_for(_collect(receive, limit), _BODY_SECONDS)
    except asyncio.TimeoutError as error:
        raise RequestError(408, RequestCode.TOO_SLOW) from error
    if is_too_large or len(content) > limit:
        await _discard(receive)
        raise RequestError(413, too_large, limit=limit)
    return content


async def _discard(receive: Receive) -> None:
    """Let what is still sent pass, within bounds: who gets no further with sending never reads the answer."""
    left, is_more = _DISCARDED_BYTES, True
    with suppress(asyncio.TimeoutError):
        while is_more and left > 0:
            message = await asyncio.wait_for(receive(), _DISCARD_SECONDS)
            left -= len(message.get("body", b""))
            is_more = bool(message.get("more_body"))


async def _collect(receive: Receive, limit: int) -> bytes:
    """Read a body, or as much of it as shows that it is too long."""
    content = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestError(400, RequestCode.NOT_UNDERSTOOD)
        content += message.get("body", b"")
        if len(content) > limit or not message.get("more_body"):
            return bytes(content)


def _replay(content: bytes, receive: Receive) -> Receive:
    """Return what gives the app a body that was read, and then what the connection says."""
    left: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again
