"""The upload route, by raw HTTP: every upload is its sender's alone, and nothing stays of one that fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.routes import App, file_upload_statuses
from starlette.testclient import TestClient

from classifier.ui.upload_route import upload_routes
from classifier.ui.uploads import uploaded_file
from tests.helpers import draw_photo, encode

MOST = 100_000


def make_client(auth: Any = None) -> TestClient:
    with gr.Blocks() as page:
        gr.HTML("")
    page.auth = auth
    page.auth_message = None
    return TestClient(App.create_app(page, app_kwargs={"routes": upload_routes(MOST, 3)}))


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with make_client() as client:
        yield client


@pytest.fixture(scope="module")
def photo() -> bytes:
    return encode(draw_photo(1))


def send(client: TestClient, *files: tuple[str, bytes], path: str = "/gradio_api/upload") -> Any:
    return client.post(path, files=[("files", file) for file in files])


def stored(uploads: Path) -> set[str]:
    return {path.relative_to(uploads).as_posix() for path in uploads.rglob("*")}


@pytest.mark.parametrize("path", ["/gradio_api/upload", "/upload"])
def test_the_same_file_sent_twice_is_two_files(client: TestClient, photo: bytes, uploads: Path, path: str) -> None:
    first, second = (send(client, ("cat.jpg", photo), path=path).json()[0] for _ in range(2))
    assert first != second
    for claim in (first, second):
        found = uploaded_file(claim)
        assert found is not None
        assert found.read_bytes() == photo
        assert re.fullmatch(r"[0-9a-f]{64}/cat\.jpg", found.relative_to(uploads).as_posix())
    assert not list(uploads.glob("tmp*"))


def test_several_files_of_a_request_come_back_in_order(client: TestClient, uploads: Path) -> None:
    paths = send(client, ("a.txt", b"1"), ("a.txt", b"2"), ("b.txt", b"1")).json()
    assert [Path(path).read_bytes() for path in paths] == [b"1", b"2", b"1"]
    assert len({Path(path).parent for path in paths}) == 3


NAMES = [
    "../../x.jpg", "..", ".", "", "/etc/passwd", "a\\..\\b.jpg", "x" * 5000 + ".jpg", "a\nb.jpg", "ä" * 300, "<b>.jpg",
    "%00", "CON", "~", "日本.jpg", "a/b/c.png", "\u202e.jpg",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_stays_in_a_folder_of_its_own(client: TestClient, uploads: Path, name: str) -> None:
    answer = send(client, (name, b"x"))
    if answer.status_code == 200:
        (path,) = answer.json()
        assert uploaded_file(path) is not None, path
        assert len(Path(path).name.encode()) <= 255
    assert not list(uploads.glob("tmp*"))


HEAD = b'--B\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
BROKEN: dict[str, tuple[str, bytes]] = {
    "no form": ("application/json", b"{}"),
    "no type": ("", b"x"),
    "no boundary": ("multipart/form-data", HEAD + b"x\r\n--B--\r\n"),
    "long boundary": (f"multipart/form-data; boundary={'B' * 3000}", b"x"),
    "broken off": ("multipart/form-data; boundary=B", HEAD + b"x" * 5000),
    "second broken off": ("multipart/form-data; boundary=B", HEAD + b"x\r\n" + HEAD + b"x"),
    "a field": (
        "multipart/form-data; boundary=B",
        b'--B\r\nContent-Disposition: form-data; name="x"\r\n\r\n' + b"y" * 50_000 + b"\r\n--B--\r\n",
    ),
    "a file and a field": (
        "multipart/form-data; boundary=B",
        HEAD + b'x\r\n--B\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n--B--\r\n',
    ),
    "no name": ("multipart/form-data; boundary=B", b"--B\r\nX: y\r\n\r\nx\r\n--B--\r\n"),
    "other field": ("multipart/form-data; boundary=B", HEAD.replace(b'"files"', b'"file"') + b"x\r\n--B--\r\n"),
    "long header": ("multipart/form-data; boundary=B", b"--B\r\n" + b"X" * 50_000 + b": y\r\n\r\nx\r\n--B--\r\n"),
    "surrogate": (
        "multipart/form-data; boundary=B; charset=unicode_escape",
        HEAD.replace(b"a.jpg", b"\\\\udc80\\\\ud800\\\\x00.jpg") + b"x\r\n--B--\r\n" + b"--",
    ),
    "too many": ("multipart/form-data; boundary=B", (HEAD + b"x\r\n") * 4 + b"--B--\r\n"),
    "too large": ("multipart/form-data; boundary=B", HEAD + b"x" * 2 * MOST + b"\r\n--B--\r\n"),
    "too large together": (
        "multipart/form-data; boundary=B", (HEAD + b"x" * (MOST - 1) + b"\r\n") * 2 + b"--B--\r\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", [kind for kind in BROKEN if kind != "surrogate"])
def test_nothing_stays_of_a_request_that_fails(client: TestClient, uploads: Path, kind: str) -> None:
    before = stored(uploads)
    type, body = BROKEN[kind]
    answer = client.post("/gradio_api/upload?upload_id=u", content=body, headers={"Content-Type": type})
    assert answer.status_code in (400, 413)
    assert answer.text.endswith(".")
    assert str(uploads) not in answer.text
    assert stored(uploads) == before
    assert file_upload_statuses.is_done("u")
    file_upload_statuses.stop_tracking("u")


def test_a_name_that_no_system_can_write_is_no_error(client: TestClient, uploads: Path) -> None:
    type, body = BROKEN["surrogate"]
    answer = client.post("/gradio_api/upload", content=body, headers={"Content-Type": type})
    assert answer.status_code == 200
    assert uploaded_file(answer.json()[0]) is not None


def test_a_disk_that_cannot_be_written_gets_a_sentence(client: TestClient, uploads: Path, tmp_path: Path) -> None:
    uploads.rename(tmp_path / "away")
    uploads.write_bytes(b"")  # a file in place of the folder
    answer = send(client, ("a.jpg", b"x"))
    assert answer.status_code == 507
    assert answer.text.endswith(".")
    assert str(tmp_path) not in answer.text


def test_who_did_not_log_in_cannot_upload(uploads: Path) -> None:
    before = stored(uploads)
    with make_client(auth=[("anna", "secret")]) as client:
        assert send(client, ("a.jpg", b"x")).status_code == 401
        assert stored(uploads) == before
        client.post("/login", data={"username": "anna", "password": "secret"})
        assert send(client, ("a.jpg", b"x")).status_code == 200
