"""A visitor's browser without a window: it holds the values of the page and follows the chains of its events."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.ui.visitors import Answer, Visitor


@dataclass
class Browser(Visitor):
    """A visitor whose components keep what the events put into them, as on a page that is shown."""

    shown: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._kinds = {one["id"]: one["type"] for one in self.config["components"]}
        self.shown = {one["id"]: one["props"].get("value") for one in self.config["components"]}
        self.shown |= {number: self.token for number, kind in self._kinds.items() if kind == "browserstate"}

    def press(self, elem_id: str, event: str, event_data: Any = None) -> Answer:
        """Run the event of an element and those that follow; return the answer of the first.

        Raises ``RuntimeError`` where the first one fails.
        """
        answer = self.run(self.event(elem_id, event), event_data)
        if answer.error is not None:
            raise RuntimeError(answer.error)
        return answer

    def open_tab(self, label: str) -> None:
        """Press on a tab; raises ``LookupError`` where there is none of this label, with whatever spaces."""
        labels = {one["id"]: " ".join(str(one["props"].get("label")).split()) for one in self.config["components"]}
        ids = [number for number, own in labels.items() if own == label]
        if not ids:
            raise LookupError(label)
        for one in self.config["dependencies"]:
            if any([number, "select"] in map(list, one["targets"]) for number in ids):
                self.run(one["id"])

    def load(self) -> None:
        """Run what the page runs when it is opened."""
        for one in self.config["dependencies"]:
            if any(target[1] == "load" for target in one["targets"]):
                self.run(one["id"])

    def run(self, number: int, event_data: Any = None) -> Answer:
        """Run an event by its number, put its values on the page, and run those that follow."""
        event = self._event(number)
        values = [None if self._kinds[one] == "state" else self.shown[one] for one in event["inputs"]]
        answer = self.send(number, values, event_data)
        if answer.error is None:
            for one, value in zip(event["outputs"], answer.values, strict=True):
                self._put(one, value)
        for after in self.config["dependencies"]:
            if after["trigger_after"] == number and (answer.error is None or not after["trigger_only_on_success"]):
                self.run(after["id"])
        return answer

    def drop_photos(self, files: dict[str, bytes]) -> Answer:
        """Send photos by their relative names, as the drop area of the Photos tab does."""
        return self.press("photos-drop", "submit", {"files": self._upload_all(files), "label": ""})

    def try_photos(self, files: dict[str, bytes]) -> Answer:
        """Send photos to be predicted."""
        return self.press("try-drop", "submit", {"files": self._upload_all(files), "label": ""})

    def _upload_all(self, files: dict[str, bytes]) -> list[dict[str, str]]:
        return [{"path": self.upload(name, content), "name": name} for name, content in files.items()]

    def train(self) -> None:
        """Press Train and wait for the end."""
        self.press("train", "click")
        self.wait_for_training()

    def wait_for_training(self) -> None:
        """Ask for the state of the training until it has ended."""
        self.follow("train")

    def follow(self, elem_id: str) -> None:
        """Ask for the state of what the press of a button began until it has ended."""
        written = self._event(self.event(elem_id, "click"))["outputs"]
        timer = next(one for one in written if self._kinds[one] == "timer")
        (tick,) = self._events_of(timer, "tick")
        self.shown[timer] = True
        while self.shown[timer]:
            time.sleep(0.5)
            for state in self.run(tick).changed:
                for number in self._events_of(state, "change"):
                    self.run(number)

    def leave(self) -> None:
        """Close the page."""
        self.http.close()

    def _events_of(self, component: int, event: str) -> list[int]:
        events = self.config["dependencies"]
        return [one["id"] for one in events if [component, event] in map(list, one["targets"])]

    def _event(self, number: int) -> dict[str, Any]:
        return next(one for one in self.config["dependencies"] if one["id"] == number)

    def _put(self, number: int, value: Any) -> None:
        if self._kinds[number] in ("state", "browserstate"):
            return
        if isinstance(value, dict) and value.get("__type__") == "update":
            if self._kinds[number] == "timer" and "active" in value:
                self.shown[number] = value["active"]
            elif "value" in value:
                self.shown[number] = value["value"]
        else:
            self.shown[number] = value
