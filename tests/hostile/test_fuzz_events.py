"""Any values for any event of the page, as raw JSON: an answer or a sentence, never a bug, and the page stays up."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import draw_photo, encode
from tests.ui.visitors import Visitor

from .fuzzing import fuzzed, json_values
from .served import Page

PHOTOS = {f"{label}/{number}.jpg": encode(draw_photo(number)) for label in ("cat", "dog") for number in range(3)}
_JOIN = "/gradio_api/queue/join"


@pytest.fixture(scope="module")
def visitor(served: Page) -> Visitor:
    """A visitor with a few photos."""
    one = Visitor(served.url)
    assert one.drop(PHOTOS).error is None
    return one


PLAUSIBLE = st.one_of(
    st.sampled_from(
        ["cat", "dog", "Cat", "x", "quick", "deep", "mistakes", "move", "remove", "take", "cancel", "one-class"]
    ),
    st.integers(-1, 8),
    st.lists(st.integers(0, 8), max_size=3),
    json_values(),
)
KEYS = st.sampled_from(
    "files label ids id action do option text old new photo value index number list path name run".split()
)
EVENT_DATA = st.one_of(json_values(), st.dictionaries(KEYS, PLAUSIBLE, max_size=5))


@st.composite
def calls(draw: st.DrawFn) -> tuple[int, dict[int, Any], Any]:
    """Draw the place of an event, other values for some of its inputs, and what a script sends."""
    changes = draw(st.dictionaries(st.integers(0, 40), PLAUSIBLE, max_size=3))
    return draw(st.integers(0, 10_000)), changes, draw(EVENT_DATA)


def usual(visitor: Visitor, event: dict[str, Any]) -> list[Any]:
    """Return what the page sends for an event that nothing was done to."""
    components = {one["id"]: one for one in visitor.config["components"]}
    kinds = [components[number] for number in event["inputs"]]
    return [visitor.token if one["type"] == "browserstate" else one["props"].get("value") for one in kinds]


@pytest.mark.slow
@given(st.lists(calls(), min_size=1, max_size=3))
@fuzzed(25)
def test_any_values_for_any_event_are_answered(served: Page, visitor: Visitor, drawn: list[Any]) -> None:
    events = visitor.config["dependencies"]
    for place, changes, event_data in drawn:
        event = events[place % len(events)]
        values = usual(visitor, event)
        for number, value in changes.items():
            if values:
                values[number % len(values)] = value
        answer = visitor.send(event["id"], values, event_data)
        assert answer.ran or json.loads(answer.text)["detail"]
    assert served.is_alive()
    assert "Traceback" not in served.log, served.log[-3000:]


@pytest.mark.slow
@given(
    st.one_of(
        json_values(), st.dictionaries(st.sampled_from("data fn_index session_hash event_data".split()), json_values())
    )
)
@fuzzed(60)
def test_any_body_is_refused_or_answered(served: Page, visitor: Visitor, body: object) -> None:
    content = json.dumps(body).encode("utf-8", "replace")
    for path in (_JOIN, "/gradio_api/call/predict", "/gradio_api/run/predict", "/gradio_api/cancel"):
        answer = visitor.http.post(path, content=content, headers={"content-type": "application/json"})
        assert answer.status_code < 500, answer.text
    assert httpx.get(f"{served.url}/theme.css", trust_env=False).status_code == 200
    assert "Traceback" not in served.log
