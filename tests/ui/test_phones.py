"""Phones that join: the links, the addresses in them, and what the page for phones takes and tells."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from classifier.data.project import Project
from classifier.errors import DataError
from classifier.messages.bringing import PhoneCode
from classifier.ui import phone_links
from classifier.ui.access import Logins
from classifier.ui.phone_links import PhoneLink, end_links, find_address, find_link, link_of, open_link
from classifier.ui.sessions import Home
from tests.helpers import draw_photo, encode
from tests.ui.web import API, Answer, Served, serve

NETWORK = "192.168.1.5"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A page that asks for a name and a password."""
    with serve(tmp_path_factory.mktemp("page"), logins=Logins({})) as served:
        yield served


@pytest.fixture
def link(tmp_path: Path) -> Iterator[PhoneLink]:
    """An open link to the class “cat” of a project."""
    folder = tmp_path / "project"

    def add(name: str, path: Path) -> phone_links.IntakeResult:
        with Project.open(folder) as project:
            return project.add_files([(name, path)], "cat")

    yield open_link(PhoneLink(folder, "cat", add, most_bytes=100_000))
    end_links(folder)


def send(page: Served, token: str, content: bytes, name: str = "a.jpg") -> Answer:
    lines = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
    form = lines + content + b"\r\n--x--\r\n"
    return page.ask(f"/phone/{token}", form, form="multipart/form-data; boundary=x")


def classes(link: PhoneLink) -> dict[str, int]:
    with Project.open(link.folder) as project:
        return project.classes()


def test_a_photo_comes_into_the_class_of_the_link_and_leaves_no_upload(page: Served, link: PhoneLink) -> None:
    shown = page.ask(f"/phone/{link.token}")
    assert shown.status == 200
    assert "Add photos of “cat”" in shown.text
    assert "gradio_config" not in shown.text
    photo = encode(draw_photo(1))
    assert send(page, link.token, photo).status == 200
    assert send(page, link.token, photo, "again.jpg").status == 200
    assert (classes(link), link.photos) == ({"cat": 1}, 1)
    assert not list(page.uploads.glob("*"))


def test_what_is_no_photo_gets_a_sentence_and_is_not_added(page: Served, link: PhoneLink, tmp_path: Path) -> None:
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("dog/1.jpg", encode(draw_photo(2)))
    for content, name in ((archive.read_bytes(), "photos.zip"), (archive.read_bytes(), "a.jpg"), (b"x" * 99, "b.jpg")):
        answer = send(page, link.token, content, name)
        assert (answer.status, name in answer.text) == (415, True)
    assert send(page, link.token, b"x" * 300_000).status == 413
    assert send(page, link.token, b"", "../../x.jpg").status >= 400
    assert classes(link) == {}
    assert not list(page.uploads.glob("*"))


def test_a_link_is_the_key_to_nothing_else(page: Served, link: PhoneLink) -> None:
    assert send(page, link.token, encode(draw_photo(1))).status == 200
    shown = page.ask(f"/phone/{link.token}")
    assert "set-cookie" not in {name.lower() for name in shown.headers}
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    for path in ("/config", f"{API}/info", f"{API}/queue/data?session_hash=a", f"{API}/file=/etc/passwd"):
        assert page.ask(path).status == 401
    for body in ({"data": [link.token], "fn_index": 0, "session_hash": "a"}, {"data": []}):
        assert page.ask(f"{API}/queue/join", body).status == 401
    for path in (f"/phone/{link.token}/", f"/phone/{link.token}/photos", "/phone/", f"/phone/{'a' * 43}"):
        assert page.ask(path).status == 404
    assert page.ask(f"/phone/{link.token}", method="DELETE").status == 404
    other = page.ask(f"/phone/{link.token}", b"x", form="multipart/form-data; boundary=x", Origin="http://evil.example")
    assert other.status == 403


def test_a_link_ends_at_a_press_with_another_and_after_an_hour(page: Served, link: PhoneLink) -> None:
    assert link_of(link.folder) is link
    assert link.minutes_left == 60
    second = open_link(PhoneLink(link.folder, "dog", link.add, 1000))
    assert (find_link(link.token), find_link(second.token)) == (None, second)
    assert send(page, link.token, encode(draw_photo(1))).status == 404
    second.ends -= phone_links.SECONDS
    assert (find_link(second.token), link_of(link.folder), second.minutes_left) == (None, None, 0)
    assert "This link has ended" in page.ask(f"/phone/{second.token}").text
    third = open_link(PhoneLink(link.folder, "dog", link.add, 1000))
    end_links(link.folder)
    assert find_link(third.token) is None
    assert third.take("a.jpg", link.folder) is None
    assert not link.folder.exists()


def test_a_link_ends_with_the_project(tmp_path: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path), "a" * 43
    link = open_link(PhoneLink(home.folder(token), "cat", lambda name, path: pytest.fail("added"), 1000))
    home.delete(token)
    assert find_link(link.token) is None


@pytest.mark.parametrize(
    ("opened", "listens", "public", "expected"),
    [
        ("http://localhost:7860/", "0.0.0.0", None, f"http://{NETWORK}:7860/"),
        ("http://127.0.0.1:7860/?__theme=dark#x", "0.0.0.0", None, f"http://{NETWORK}:7860/"),
        ("http://[::1]:7860", "::", None, f"http://{NETWORK}:7860/"),
        ("http://localhost:7860/photos", "0.0.0.0", None, f"http://{NETWORK}:7860/photos/"),
        ("http://10.0.0.7:7860/", "10.0.0.7", None, "http://10.0.0.7:7860/"),
        ("https://photos.example/teach/?a=b", "127.0.0.1", None, "https://photos.example/teach/"),
        ("https://anna:secret@photos.example/", "127.0.0.1", None, "https://photos.example/"),
        ("http://localhost:7860/", "127.0.0.1", "https://0123.gradio.live", "https://0123.gradio.live/"),
    ],
)
def test_phones_get_the_address_that_reaches_the_page(
    opened: str, listens: str, public: str | None, expected: str
) -> None:
    assert find_address(opened, listens, public, NETWORK) == expected


@pytest.mark.parametrize(
    ("opened", "listens", "network", "code"),
    [
        ("http://localhost:7860/", "127.0.0.1", NETWORK, PhoneCode.ONLY_HERE),
        ("http://127.0.0.1:7860/", "localhost", NETWORK, PhoneCode.ONLY_HERE),
        ("http://localhost:7860/", "0.0.0.0", None, PhoneCode.NO_NETWORK),
        ("", "0.0.0.0", NETWORK, PhoneCode.NO_ADDRESS),
        ("http://", "0.0.0.0", NETWORK, PhoneCode.NO_ADDRESS),
        ("http://a:port/", "0.0.0.0", NETWORK, PhoneCode.NO_ADDRESS),
        ("javascript:alert(1)", "0.0.0.0", NETWORK, PhoneCode.NO_ADDRESS),
    ],
)
def test_why_phones_cannot_reach_the_page_is_said(
    opened: str, listens: str, network: str | None, code: PhoneCode
) -> None:
    with pytest.raises(DataError) as caught:
        find_address(opened, listens, None, network)
    assert caught.value.code is code
