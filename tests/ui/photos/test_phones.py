"""The panel that lets phones add photos: what it shows, and the limits that hold for phones, too."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest
from starlette.requests import Request

from classifier.errors import ClassifierError, DataError
from classifier.messages.page import PageCode
from classifier.messages.photos_page import ReadingCode
from classifier.ui import phone_links
from classifier.ui.host_limits import HostLimits
from classifier.ui.photos import phones
from classifier.ui.sessions import Home, ensure_token
from tests.helpers import draw_photo


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home", tmp_path, limits=HostLimits(project_photos=2))


@pytest.fixture
def page() -> gr.Blocks:
    page = gr.Blocks()
    page.server_name = "127.0.0.1"
    return page


def opened(address: str) -> gr.Request:
    return gr.Request(Request({"type": "http", "headers": [(b"referer", address.encode())]}))


PUBLIC = opened("https://photos.example/")


def press(home: Home, page: gr.Blocks, token: str, **data: object) -> phones.View:
    return phones.press(home, page, token, gr.EventData(None, data), PUBLIC)


def test_a_page_for_this_computer_alone_shows_how_to_start_it_and_no_code(home: Home, page: gr.Blocks) -> None:
    view = phones.show(home, page, ensure_token(None), opened("http://localhost:7860/"))
    assert "--host 0.0.0.0" in view.panel
    assert "<svg" not in view.panel
    assert "data-do" not in view.panel
    page.server_name = "0.0.0.0"
    assert 'data-do="open"' in phones.show(home, page, "", PUBLIC).panel


def test_a_link_is_shown_until_it_is_ended(home: Home, page: gr.Blocks) -> None:
    token = ensure_token(None)
    for text in ("", "  "):
        with pytest.raises(DataError) as caught:
            press(home, page, token, do="open", text=text)
        assert caught.value.code is ReadingCode.EMPTY_CLASS
    view = press(home, page, token, do="open", text=" my   <i>cat</i> ")
    link = phone_links.link_of(home.folder(token))
    assert link is not None
    assert link.label == "my <i>cat</i>"
    assert "my &lt;i&gt;cat&lt;/i&gt;" in view.panel
    assert f'href="https://photos.example/phone/{link.token}"' in view.panel
    assert "<svg" in view.panel
    assert phones.show(home, page, token, PUBLIC).seen == view.seen
    assert link.token not in phones.show(home, page, ensure_token(None), PUBLIC).panel
    assert "The link has ended" in press(home, page, token, do="end").panel
    assert phone_links.link_of(home.folder(token)) is None
    assert not home.root.exists()


def test_what_came_is_drawn_once_and_limits_hold_for_phones(home: Home, page: gr.Blocks, tmp_path: Path) -> None:
    token = ensure_token(None)
    view = press(home, page, token, do="open", text="cat")
    link = phone_links.link_of(home.folder(token))
    assert link is not None
    for number in range(2):
        draw_photo(number).save(tmp_path / f"{number}.jpg")
        link.take(f"{number}.jpg", tmp_path / f"{number}.jpg")
    now = phones.watch(home, page, token, view.seen, PUBLIC)
    assert (now.arrived, now.seen.photos) == (2, 2)
    assert "2 photos came so far" in now.panel
    again = phones.watch(home, page, token, now.seen, PUBLIC)
    assert [one["__type__"] for one in again] == ["update"] * 4  # nothing is drawn
    draw_photo(3).save(tmp_path / "3.jpg")
    with pytest.raises(ClassifierError) as caught:
        link.take("3.jpg", tmp_path / "3.jpg")
    assert caught.value.code is PageCode.PROJECT_FULL
    home.delete(token)
    assert "The link has ended" in phones.watch(home, page, token, now.seen, PUBLIC).panel
