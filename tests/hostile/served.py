"""The page as ``python app.py`` serves it, in a process of its own that can be killed, over a folder that stays."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from classifier.ui.sessions import Home
from tests import processes

from .attacks import peak_memory

ROOT = Path(__file__).parents[2]
_START = 300.0  # seconds until the page answers, on a busy machine
_PATIENCE = 120.0  # seconds for an answer, and for the end


@dataclass
class Page:
    """A page over ``folder``; ``log`` is what it wrote so far, ``variables`` are further ones of its environment."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    idle: int = 0  # bytes of memory after the last start
    _process: processes.Process | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def home(self) -> Home:
        """The projects."""
        return Home(self.folder / "home", self.folder / "checkpoints")

    @property
    def pid(self) -> int:
        """The number of the process."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What the page wrote since the first start."""
        return (self.folder / "log.txt").read_text("utf-8", "replace")

    def start(self) -> None:
        """Start the page and wait until it answers."""
        self.port = processes.free_port()
        environment = {
            **os.environ,
            **self.variables,
            "CLASSIFIER_HOME": str(self.folder / "home"),
            "CLASSIFIER_CHECKPOINTS": str(self.folder / "checkpoints"),
            "GRADIO_ANALYTICS_ENABLED": "False",
        }
        environment.pop("GRADIO_TEMP_DIR", None)
        with (self.folder / "log.txt").open("ab") as log:
            command = [ROOT / "app.py", "--port", self.port]
            self._process = processes.start(command, self.folder, environment, stdout=log, stderr=log)
        end = time.monotonic() + _START
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise RuntimeError(f"the page did not start: {self.log[-2000:]}")
            time.sleep(0.2)
        self.idle = peak_memory(self.pid)

    def answers(self) -> bool:
        """Return whether the page answers."""
        try:
            return httpx.get(self.url, timeout=_PATIENCE, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def is_alive(self) -> bool:
        """Return whether the process has not ended."""
        return self._process is not None and self._process.poll() is None

    def end(self) -> int:
        """Ask the process to end, as a host does, and return its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(_PATIENCE)

    def kill(self) -> None:
        """End the process and its own processes at once, as a lack of memory or of power does."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def page(folder: Path, **variables: str) -> Iterator[Page]:
    """Serve the page over a folder until the end of the block, with further variables in its environment."""
    one = Page(folder, variables)
    one.start()
    try:
        yield one
    finally:
        one.kill()
