"""Errors that a damaged disk provokes at every event: a sentence, and no path of the server in it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from classifier.messages.page import PageCode
from classifier.ui.sessions import Home, ensure_token
from tests.helpers import draw_photo, encode
from tests.ui.visitors import Visitor, serve, values_of

NAMES = [f"set/{label}/{number}.jpg" for label in ("cat", "dog") for number in range(3)]
TELLTALES = re.compile(r"Traceback|unpacking-|\.part\b|/tmp|/site-packages|\.py\b|sqlite3|NoneType|Errno")


def _a_file_in_place(folder: Path, name: str) -> None:
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / name).write_bytes(b"x")


def _a_folder_in_place(folder: Path, name: str) -> None:
    for path in folder.glob(f"{name}*"):
        path.unlink()
    (folder / name).mkdir()


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "photos is a file": lambda folder: _a_file_in_place(folder, "photos"),
    "no photo is there": lambda folder: [path.unlink() for path in (folder / "photos").rglob("*.*")],
    "the catalog is no catalog": lambda folder: (folder / "project.sqlite").write_bytes(b"x" * 5000),
    "the catalog is a folder": lambda folder: _a_folder_in_place(folder, "project.sqlite"),
    "a model that is none": lambda folder: (folder / "models" / "x" / "config.json").mkdir(parents=True),
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Home]]:
    with serve(tmp_path_factory.mktemp("page")) as served:
        yield served


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
def test_no_sentence_holds_a_path_of_the_server(page: tuple[str, Home], damage: str) -> None:
    url, home = page
    visitor = Visitor(url, ensure_token(None))
    added = visitor.drop({name: encode(draw_photo(number)) for number, name in enumerate(NAMES)})
    assert "Added 6 photos." in added.text
    folder = home.folder(visitor.token)
    DAMAGES[damage](folder)
    upload = ""
    for event in _different_events(visitor):
        if not Path(upload).is_file():  # an event before has taken it
            upload = visitor.upload("a.jpg", encode(draw_photo(50)))
        file = {"path": upload, "meta": {"_type": "gradio.FileData"}}
        known = {"token": visitor.token, "image": file, "file": file, "textbox": "cat", "dropdown": "cat"}
        files = [{"path": upload, "name": "a/a.jpg"}]
        data = {"ids": [1, 2], "action": "move", "label": "cat", "number": 0, "files": files}
        answer = visitor.send(event["id"], values_of(visitor, event, known), data)
        words = re.sub(r"base64,[\w+/=]*", "", answer.text).replace(upload, "")
        assert str(home.root) not in words, (event["api_name"], answer.error)
        assert folder.name not in words, (event["api_name"], answer.error)
        assert TELLTALES.search(answer.error or "") is None, (event["api_name"], answer.error)
        assert str(PageCode.BUG) not in words, (event["api_name"], answer.error)


def _different_events(visitor: Visitor) -> list[dict[str, Any]]:
    """Return the events that read something of the visitor's, one of those that do the same."""
    events = {
        re.sub(r"_\d+$", "", str(one["api_name"])): one for one in visitor.config["dependencies"] if one["inputs"]
    }
    return [event for name, event in events.items() if name != "delete"]
