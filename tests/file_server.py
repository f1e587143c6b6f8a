"""A server of files on this computer that takes up downloads, and ends, refuses or changes them when told."""

from __future__ import annotations

import http.server
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any


@dataclass
class FileServer:
    """What is served, by name.

    ``cut_after`` ends each connection after so many bytes of a file; ``takes_up`` is whether a part of a file may be
    asked for, and ``starts`` holds where the parts begin that were asked for; ``status`` refuses everything.
    """

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cut_after: int | None = None
    takes_up: bool = True
    status: int | None = None
    starts: list[int] = field(default_factory=list)

    def url(self, name: str) -> str:
        """The address of a file."""
        return f"{self.address}/{name}"


@contextmanager
def serve_files() -> Iterator[FileServer]:
    """Serve what the test adds to ``files``."""
    served = FileServer()
    handler = type("Handler", (_Handler,), {"served": served})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    served.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    served: FileServer

    def do_GET(self) -> None:
        content = self.served.files.get(self.path.rpartition("/")[2])
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(found[1]) if found and self.served.takes_up else 0
        if self.served.status or content is None:
            return self._answer(self.served.status or 404, b"")
        self.served.starts.append(start)
        if start >= len(content) > 0:
            return self._answer(416, b"")
        return self._answer(206 if start else 200, content[start:])

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: self.served.cut_after])
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Print nothing."""
