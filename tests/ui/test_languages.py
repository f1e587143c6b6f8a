"""The page in several languages, asked for as browsers do; the languages are pseudo ones made here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from classifier.events import Note
from classifier.messages import languages, message
from classifier.messages.languages import speaking
from classifier.messages.page import PageCode
from classifier.messages.photos_page import PhotosCode
from classifier.messages.try_page import TryCode
from classifier.ui.queue import Jobs
from tests import pseudo
from tests.ui.jobs import LONG
from tests.ui.visitors import Visitor, serve


@pytest.fixture(scope="module", autouse=True)
def _languages() -> Iterator[None]:
    yield from pseudo.offered()


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    with serve(tmp_path_factory.mktemp("page")) as (url, _):
        yield Visitor(url)


def told(code: Any, tag: str) -> str:
    with speaking(tag):
        return str(code)


def config(html: str) -> dict[str, Any]:
    """What the page gives Gradio's script."""
    found = re.search(r"window\.gradio_config = (\{.*?\});</script>", html, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


@pytest.mark.slow
@pytest.mark.parametrize(("tag", "direction"), [("en", "ltr"), ("de-XA", "ltr"), ("ar-XB", "rtl")])
def test_a_page_is_told_in_the_language_of_the_browser_or_the_cookie(
    visitor: Visitor, tag: str, direction: str
) -> None:
    by_header = visitor.http.get("/", headers={"Accept-Language": f"{tag},en;q=0.5"})
    by_cookie = visitor.http.get("/", headers={"Accept-Language": "fr", "Cookie": f"language={tag}; other=1"})
    for answer in (by_header, by_cookie):
        assert f'lang="{tag}" dir="{direction}"' in answer.text
        assert config(answer.text)["title"] == told(PageCode.TITLE, tag)
        assert told(PhotosCode.EXAMPLE, tag) in answer.text


@pytest.mark.slow
def test_components_and_events_have_the_same_numbers_in_all_languages(visitor: Visitor) -> None:
    pages = [config(visitor.http.get("/", headers={"Cookie": f"language={tag}"}).text) for tag in ("en", "de-XA")]
    english, other = ([(one["id"], one["type"], one["props"].get("elem_id")) for one in p["components"]] for p in pages)
    assert english == other
    assert pages[0]["dependencies"] == pages[1]["dependencies"]
    assert pages[0]["layout"] == pages[1]["layout"]


@pytest.mark.slow
def test_an_event_is_answered_in_the_language_of_who_caused_it(visitor: Visitor) -> None:
    number = visitor.event("delete-all-yes", "click")
    for tag in ("de-XA", "en"):
        visitor.http.headers["Accept-Language"] = tag
        assert told(PageCode.DELETED, tag) in str(visitor.send(number, [visitor.token]).values)
        assert visitor.send(number, ["no token"]).error == told(PageCode.LOST_PROJECT, tag)


def test_a_refused_request_is_answered_in_the_language_of_the_browser(visitor: Visitor) -> None:
    answer = visitor.http.get("/nothing", headers={"Accept-Language": "de-XA"})
    assert answer.status_code == 404
    assert not answer.json()["detail"].isascii()


def test_a_training_is_told_in_the_language_of_who_looks(tmp_path: Path) -> None:
    spoken = []

    def work(_: object) -> Iterator[Note]:
        spoken.append(languages.spoken().tag)
        yield Note(message(TryCode.SURE, label="cat"))
        yield Note(message(PhotosCode.MOVED, count=2))

    with speaking("de-XA"):
        job = Jobs().start(tmp_path, work, graceful=True)
    assert job.wait(LONG)
    assert spoken == ["en"]
    assert [str(note) for note in job.state.notes] == ["cat", "Moved 2 photos."]
    with speaking("de-XA"):
        assert str(job.state.notes[1]) == "Mövéd 2 phöťöššš."
