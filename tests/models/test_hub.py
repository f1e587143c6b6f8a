"""Downloads from a Hub on this computer; the client reads where it is from the environment, at its import."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest
from huggingface_hub import constants

from classifier.models import hub
from tests import processes

SIZE = 40_000_000
SCRIPT = """
import json, sys
from classifier.models import hub
print(json.dumps([list(hub.download("someone/something", file)) for file in sys.argv[1:]]))
"""


class Hub(http.server.BaseHTTPRequestHandler):
    """Serves one file as the Hub does."""

    content = b"x" * SIZE

    def do_HEAD(self) -> None:
        found = self.path == "/someone/something/resolve/main/model.safetensors"
        self.send_response(200 if found else 404)
        if not found:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("ETag", '"abc"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        with suppress(ConnectionError):
            for start in range(0, len(self.content), 1_000_000):
                self.wfile.write(self.content[start : start + 1_000_000])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub_address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def download(address: str, home: Path, *files: str) -> tuple[list[list[list[int]]], str]:
    """What ``hub.download`` yields for each file, and what it prints to standard error."""
    settings = {"HF_ENDPOINT": address, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = processes.run(["-c", SCRIPT, *files], env=os.environ | settings)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.mark.slow
def test_a_download_yields_its_progress_and_is_cached(hub_address: str, tmp_path: Path) -> None:
    first, printed = download(hub_address, tmp_path, "model.safetensors", "model.safetensors", "other.bin")
    progress, again, missing = first
    done = [so_far for so_far, _ in progress]
    assert done == sorted(done)
    assert progress[-1] == [SIZE, SIZE]
    assert {total for _, total in progress} == {SIZE}
    assert (again, missing) == ([], [])
    (file,) = tmp_path.glob("hub/**/snapshots/*/model.safetensors")
    assert file.stat().st_size == SIZE
    assert "%" not in printed  # the client's own progress bar


@pytest.mark.slow
def test_a_cached_file_needs_no_connection(hub_address: str, tmp_path: Path) -> None:
    download(hub_address, tmp_path, "model.safetensors")
    assert download("http://127.0.0.1:1", tmp_path, "model.safetensors")[0] == [[]]


def test_weights_that_changed_on_the_disk_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    folder, content = tmp_path / "models--anna--network", b"weights" * 100
    blob = folder / "blobs" / hashlib.sha256(content).hexdigest()
    for path, written in ((blob, content), (folder / "refs/main", b"1" * 40)):
        path.parent.mkdir(parents=True)
        path.write_bytes(written)
    link = folder / "snapshots" / ("1" * 40) / "model.safetensors"
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    hub.discard_damaged("anna/network", "model.safetensors")
    assert hub.is_cached("anna/network", "model.safetensors")
    blob.write_bytes(content[:-1] + b"\0")
    hub.discard_damaged("anna/network", "model.safetensors")
    assert not hub.is_cached("anna/network", "model.safetensors")
    assert not blob.exists()
