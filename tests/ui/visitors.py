"""Visitors of a running page by raw HTTP: what their browsers send, and what they could send."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from classifier.ui.app import build_app, launch_settings
from classifier.ui.host_limits import HOME_LIMITS, HostLimits
from classifier.ui.sessions import Home, ensure_token

_JSON = {"Content-Type": "application/json"}
SECONDS = 120.0  # never reached by a test that passes


@contextmanager
def serve(
    folder: Path, limits: HostLimits = HOME_LIMITS, agents: bool = False, demo: bool = False
) -> Iterator[tuple[str, Home]]:
    """Serve the page over a folder; give its address and the projects."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "home" / "uploads"))
        page = build_app(folder / "home", folder / "checkpoints", limits=limits, agents=agents, demo=demo)
        _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **launch_settings(limits=limits, agents=agents))
        yield url.rstrip("/"), Home(folder / "home", folder / "checkpoints", limits=limits)
        page.close()


@dataclass(frozen=True)
class Answer:
    """What an event answered: the values of its outputs, or the sentence of its error, and all words of it.

    ``ran`` is false where the request was refused before; ``changed`` are the states that it gave another value.
    """

    values: list[Any]
    error: str | None
    text: str
    ran: bool = True
    changed: tuple[int, ...] = ()


@dataclass
class Visitor:
    """One browser: its cookies, its session, the token of its project."""

    url: str
    token: str = field(default_factory=lambda: ensure_token(None))
    session: str = field(default_factory=lambda: secrets.token_hex(8))
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.url, timeout=SECONDS)
        self.seen.append(self.http.get("/").text)
        self.config: dict[str, Any] = self.http.get("/config").json()

    def upload(self, name: str, content: bytes) -> str:
        """Send one file, as the drop area does, and return its path."""
        (path,) = self.http.post("/gradio_api/upload", files=[("files", (name, content))]).json()
        return str(path)

    def event(self, elem_id: str, event: str) -> int:
        """Return the number of the event of an element."""
        ids = [one["id"] for one in self.config["components"] if one["props"].get("elem_id") == elem_id]
        return next(one["id"] for one in self.config["dependencies"] if [ids[0], event] in map(list, one["targets"]))

    def send(self, number: int, values: list[Any], event_data: Any = None, session: str | None = None) -> Answer:
        """Run an event and wait for its end."""
        return self.send_all({number: values}, event_data, session)[number]

    def send_all(
        self, events: dict[int, list[Any]], event_data: Any = None, session: str | None = None
    ) -> dict[int, Answer]:
        """Run events with the values of their inputs, side by side, and wait for the end of all."""
        answers: dict[int, Answer] = {}
        waiting: dict[str, int] = {}
        for number, values in events.items():
            body = {"data": values, "event_data": event_data, "fn_index": number}
            content = json.dumps({**body, "session_hash": session or self.session})
            joined = self.http.post("/gradio_api/queue/join", content=content, headers=_JSON)
            if joined.status_code == 200:
                waiting[joined.json()["event_id"]] = number
            else:
                answers[number] = Answer([], joined.text, joined.text, ran=False)
        texts: dict[str, list[str]] = {one: [] for one in waiting}
        for message in self._messages(session or self.session) if waiting else ():
            one = message.get("event_id")
            assert one in waiting or message["msg"] != "unexpected_error", message
            if one in waiting:
                texts[one].append(json.dumps(message, ensure_ascii=False))
            if one in waiting and message["msg"] in ("process_completed", "unexpected_error"):
                output = message.get("output") or {"error": message.get("message")}
                error = None if message.get("success") else str(output.get("error"))
                self.seen += texts[one]
                changed = tuple(output.get("changed_state_ids") or ())
                text = "\n".join(texts[one])
                answers[waiting.pop(one)] = Answer(output.get("data") or [], error, text, changed=changed)
            if not waiting:
                break
        assert not waiting, "an event did not end"
        return answers

    def _messages(self, session: str) -> Iterator[dict[str, Any]]:
        with self.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line[5:])

    def drop(self, files: dict[str, bytes]) -> Answer:
        """Send files and have them added, as the drop area of the Photos tab does."""
        rows = [{"path": self.upload(name, content), "name": name} for name, content in files.items()]
        return self.send(self.event("photos-drop", "submit"), [self.token], {"files": rows, "label": ""})


def values_of(visitor: Visitor, event: dict[str, Any], known: dict[str, Any]) -> list[Any]:
    """Values for the inputs of an event: those that are known by the kind of component, others as on a new page."""
    components = {one["id"]: one for one in visitor.config["components"]}
    kinds = {**known, "browserstate": known.get("token", "")}
    return [
        kinds.get(_kind(components[number]), components[number]["props"].get("value")) for number in event["inputs"]
    ]


def _kind(component: dict[str, Any]) -> str:
    """Return the type of a component; a list to choose from is HTML that has choices."""
    return "dropdown" if "choices" in (component["props"].get("props") or {}) else str(component["type"])
