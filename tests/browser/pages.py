"""The program in a process of its own, and what is done on its page in a real browser."""

from __future__ import annotations

import json
import os
import shutil
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from classifier.ui.sessions import Home, ensure_token
from tests import processes

SLOW = 180_000  # milliseconds: long enough for a busy machine; a hang still fails
START = 300.0  # seconds that a program may take to answer
# Sends the token of a visitor in the place of none, as a browser does that has kept it.
_KNOWN = """{
  const send = window.fetch;
  window.fetch = (to, more) => {
    const asked = String(to).includes("/queue/join") && typeof more?.body === "string";
    return send(to, asked ? { ...more, body: more.body.replace('"data":[""]', `"data":[${TOKEN}]`) } : more);
  };
}"""
# Ends when nothing on the page has changed for a quarter of a second.
_SETTLED = """() => new Promise((give) => {
  let last = performance.now();
  const watch = new MutationObserver(() => (last = performance.now()));
  watch.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  const look = () => {
    if (performance.now() - last < 250) return setTimeout(look, 25);
    watch.disconnect();
    give();
  };
  look();
})"""


@dataclass
class Program:
    """``python app.py`` in a process of its own, over a folder of its own, with further environment variables."""

    home: Path
    port: int
    variables: dict[str, str] = field(default_factory=dict)
    process: processes.Process | None = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        empty = self.home.parent / "no-checkpoints"
        settings = {"CLASSIFIER_HOME": str(self.home), "CLASSIFIER_CHECKPOINTS": str(empty)}
        hidden = ("GRADIO_SERVER_NAME", "GRADIO_TEMP_DIR", "SPACE_ID")
        kept = {name: value for name, value in os.environ.items() if name not in hidden}
        variables = {**kept, **settings, **self.variables}
        self.process = processes.start(["app.py", "--port", self.port], env=variables)
        end = time.monotonic() + START
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(self.url, timeout=30).close()
                return
            except OSError:
                assert self.process.poll() is None, "the program ended at its start"
                time.sleep(0.2)
        self.kill()
        raise AssertionError(f"the program did not answer within {START:.0f} seconds")

    def becomes_idle(self) -> bool:
        """Wait until no training runs; return whether that is so in time."""
        end = time.monotonic() + SLOW / 1000
        while time.monotonic() < end:
            with urllib.request.urlopen(f"{self.url}/health", timeout=30) as answer:
                if not any(json.load(answer)["queue"].values()):
                    return True
            time.sleep(0.1)
        return False

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(60)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process:
            self.process.kill()
            self.process.wait(60)


def open_page(context: Any, problems: list[str]) -> Any:
    """A new page whose errors and dialogs are collected.

    After a restart of the program the tests open a new one, as a person would who comes back: the old
    one notices the restart and reloads itself, at a moment of its own choice.
    """
    page = context.new_page()
    page.set_default_timeout(SLOW)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: (problems.append(dialog.message), dialog.dismiss()))
    return page


def give_project(home: Path, project: Path) -> str:
    """Copy a project for a new visitor of the program over ``home``, and return the visitor's token."""
    token = ensure_token(None)
    shutil.copytree(project, Home(home, home).folder(token))
    return token


def be_known(page: Any, token: str) -> None:
    """Make the page that is loaded next one of the visitor with this token."""
    page.add_init_script(_KNOWN.replace("${TOKEN}", json.dumps(token)))


def drop_folder(page: Any, folder: Path) -> None:
    """Choose a folder on the Photos tab; its own name is part of the names of the files."""
    _wait_for_drop_area(page)
    page.locator("#photos-drop .pc-folder input").set_input_files(folder)


def drop_files(page: Any, *files: Path) -> None:
    """Choose loose files or zips on the Photos tab."""
    _wait_for_drop_area(page)
    page.locator("#photos-drop input[type=file]").nth(1).set_input_files(files)


def seconds_only(page: Any) -> None:
    """Choose on the Train tab that a training ends with its first step."""
    page.locator("#train-minutes").get_by_text("seconds only").click(timeout=SLOW)


def _wait_for_drop_area(page: Any) -> None:
    """Wait until the area takes files."""
    page.locator("#photos-drop [data-ready]:not(.pc-working)").wait_for(timeout=SLOW)


def settle(page: Any) -> None:
    """Wait until the page has drawn what the last press leads to."""
    page.evaluate(_SETTLED)


def fits_screen(page: Any) -> bool:
    """Whether nothing is wider than the screen."""
    width, shown = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    return bool(width <= shown)
