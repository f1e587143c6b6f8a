"""A page that is really served, in this process, and raw requests to it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from classifier.ui.app import build_app, launch_settings
from classifier.ui.sessions import ensure_token

API = "/gradio_api"


@dataclass(frozen=True)
class Answer:
    """The answer to a request, as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


@dataclass(frozen=True)
class Served:
    """A page that answers on a port of this machine."""

    blocks: gr.Blocks
    port: int
    uploads: Path
    token: str = field(default_factory=lambda: ensure_token(None))

    def ask(
        self, path: str, body: object = None, method: str | None = None, form: str | None = None, **headers: str
    ) -> Answer:
        """Send one request.

        Args:
            path: the address after the host.
            body: sent as JSON, bytes as they are, None for no body, an iterator in chunks without a length.
            method: GET without a body and POST with one, if it is not given.
            form: content type of the body, if it is no JSON.
            headers: others; “_” in a name stands for “-”.
        """
        is_raw = body is None or isinstance(body, (bytes, Iterator))
        content: Any = body if is_raw else json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent["Content-Type"] = form or "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method or ("GET" if body is None else "POST"), path, content, sent)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def upload(self, content: bytes, name: str = "a.jpg", **headers: str) -> str:
        """Send a file as the page does, and return its path."""
        lines = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
        answer = self.ask(
            f"{API}/upload", lines + content + b"\r\n--x--\r\n", form="multipart/form-data; boundary=x", **headers
        )
        assert answer.status == 200, answer.text
        return str(json.loads(answer.body)[0])

    def cookie(self) -> str:
        """Open the page as a new browser and return its cookie."""
        return self.ask("/").headers["set-cookie"].partition(";")[0]

    def usual_values(self, event: int) -> list[Any]:
        """What the page sends for an event before anybody did anything."""
        blocks = self.blocks.fns[event].inputs
        return [self.token if isinstance(block, gr.BrowserState) else _initial(block) for block in blocks]


def _initial(block: Any) -> Any:
    return None if block.stateful or getattr(block, "data_model", None) else getattr(block, "value", None)


@contextmanager
def serve(folder: Path, **settings: Any) -> Iterator[Served]:
    """Serve a page over an empty folder; ``settings`` are those of ``launch_settings``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "home" / "uploads"))
        page = build_app(folder / "home", folder / "checkpoints")
        page.launch(prevent_thread_lock=True, quiet=True, **launch_settings(**settings))
        try:
            yield Served(page, page.server_port, folder / "home" / "uploads")
        finally:
            page.close()
