"""An exported page: what it needs, how it is made, and a web server for it."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from classifier import export
from classifier.exporters.web_runtime import VARIABLE
from tests.helpers import draw_photo

LABELS = ("<img src=x onerror=alert(1)>", "</script><b>key</b>", "leaf \" & 'x'", "mug {label} $title")
BOTH = ("config.json", "report.json")


def need_runtime() -> Path:
    """Return the folder with the files of ONNX Runtime Web; without it a test is skipped, but not in CI."""
    folder = os.environ.get(VARIABLE)
    if folder:
        return Path(folder)
    reason = f"needs ONNX Runtime Web in {VARIABLE}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def export_hostile_page(model: Path, folder: Path) -> None:
    """Write a model whose classes have the names ``LABELS`` to ``folder/renamed``, and its page to ``folder/page``."""
    need_runtime()
    renamed = folder / "renamed"
    copy_renamed(model, renamed)
    photos = [draw_photo(seed, (120, 90 + seed)) for seed in range(4)]
    for _ in export(renamed, "web", folder / "page", photos):
        pass


def copy_renamed(model: Path, renamed: Path) -> None:
    """Copy a model of the example set; its classes get the names ``LABELS``."""
    shutil.copytree(model, renamed)
    for name in BOTH:
        text = (model / name).read_text("utf-8")
        for old, new in zip(("apple", "key", "leaf", "mug"), LABELS):
            text = text.replace(f'"{old}"', json.dumps(new))
        (renamed / name).write_text(text, "utf-8")
    (renamed / "evaluated.safetensors").unlink(missing_ok=True)


@contextmanager
def served(folder: Path) -> Iterator[ThreadingHTTPServer]:
    """A web server for a folder, on this machine; in ``requests`` are the paths that were asked for."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            server.requests.append(self.path)  # type: ignore[attr-defined]

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    server.requests = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        stop(server)
        thread.join()


def stop(server: ThreadingHTTPServer) -> None:
    """Take the server away, as if the network were cut; may be called again."""
    server.shutdown()
    server.server_close()
