"""Files to download: who gets one, how it comes, and when it is gone."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import gradio as gr
import pytest
from starlette.requests import Request

from classifier.ui import downloads
from classifier.ui.sessions import Home, ensure_token
from tests.ui.web import Served, serve

CONTENT = b"the model"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("page")) as served:
        yield served


@pytest.fixture
def file(page: Served) -> Path:
    """A file in the project of a visitor."""
    home = Home(page.uploads.parent, page.uploads)
    path = downloads.new_file(home.folder(ensure_token(None)), "my model.zip")
    path.write_bytes(CONTENT)
    return path


def event_from(cookie: str) -> gr.Request:
    """The request of an event that a browser with this cookie sent."""
    return gr.Request(Request({"type": "http", "headers": [(b"cookie", cookie.encode())]}))


def test_a_file_comes_whole_as_an_attachment_that_nobody_keeps(page: Served, file: Path) -> None:
    answer = page.ask("/" + downloads.offer(file))
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert "my%20model.zip" in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_only_the_browser_that_made_a_file_gets_it(page: Served, file: Path) -> None:
    hers, his = page.cookie(), page.cookie()
    address = "/" + downloads.offer(file, event_from(hers))
    assert page.ask(address, cookie=his).status == 404
    assert page.ask(address).status == 404
    assert page.ask(address, cookie=hers).body == CONTENT


def test_every_ticket_is_another_one(file: Path) -> None:
    tickets = {downloads.offer(file).split("/")[1] for _ in range(50)}
    assert len(tickets) == 50
    assert all(re.fullmatch(r"[\w-]{43}", ticket) for ticket in tickets)


@pytest.mark.parametrize(
    "change",
    [
        lambda address: address.replace("download/", "download/x"),
        lambda address: address.replace("my%20model.zip", "other.zip"),
        lambda address: address.replace("my%20model.zip", "..%2F..%2Fcatalog.sqlite"),
        lambda address: address.rpartition("/")[0],
        lambda address: address + "/x",
    ],
)
def test_another_address_gives_nothing(page: Served, file: Path, change: Callable[[str], str]) -> None:
    answer = page.ask("/" + change(downloads.offer(file)))
    assert answer.status == 404
    assert CONTENT not in answer.body


def test_a_file_can_only_be_read(page: Served, file: Path) -> None:
    address = "/" + downloads.offer(file)
    assert {page.ask(address, method=method).status for method in ("POST", "PUT", "DELETE")} == {404}
    assert page.ask(address, method="HEAD").status == 200


def test_a_ticket_ends(page: Served, file: Path) -> None:
    assert page.ask("/" + downloads.offer(file, seconds=-1)).status == 404


def test_a_ticket_ends_with_the_file_and_with_the_project(page: Served, file: Path) -> None:
    home, token = Home(page.uploads.parent, page.uploads), ensure_token(None)
    own = downloads.new_file(home.folder(token), "a.zip")
    own.write_bytes(CONTENT)
    address = "/" + downloads.offer(own)
    home.delete(token)
    assert page.ask(address).status == 404
    address = "/" + downloads.offer(file)
    file.unlink()
    assert page.ask(address).status == 404
    file.symlink_to("/etc/hostname")
    assert page.ask(address).status == 404


def test_files_of_an_hour_ago_are_deleted(page: Served, file: Path) -> None:
    project = file.parents[2]
    os.utime(file.parent, (0, 0))
    new = downloads.new_file(project, "b.zip")
    assert not file.exists()
    assert new.parent.is_dir()
    os.utime(new.parent, (0, 0))
    Home(page.uploads.parent, page.uploads).clean_up()
    assert not new.parent.exists()


def test_a_name_is_made_safe(tmp_path: Path) -> None:
    path = downloads.new_file(tmp_path, "../../<b>:x.zip")
    assert path.is_relative_to(tmp_path / "downloads")
    path.write_bytes(CONTENT)
    assert "<b>" not in downloads.link(downloads.offer(path), path)
