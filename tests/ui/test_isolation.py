"""Two visitors: whatever one of them saw, the other tries at every event and address, and gets nothing by it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from classifier import TrainConfig, train
from classifier.ui.predict.models import own_models
from classifier.ui.sessions import Home, ensure_token
from tests.helpers import draw_photo, encode
from tests.ui.visitors import Answer, Visitor, serve, values_of

pytestmark = pytest.mark.slow

SECRET = "zebrafish"  # in every name of hers
FORGED: list[Any] = [
    "", "x", None, 5, {}, [], "../../etc/passwd", "a" * 43, "a" * 43 + "\n", "a\0b", "\ud800", "<b>", "/", "x" * 10**7,
]  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """Anna, who has photos, a model and an upload; Ben, who knows all that her browser was sent but her token."""

    home: Home
    anna: Visitor
    ben: Visitor
    upload: str
    ids: list[int]
    model: str
    pictures: list[str]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with serve(tmp_path_factory.mktemp("page")) as (url, home):
        anna, ben = Visitor(url), Visitor(url)
        names = [f"{SECRET}s/{SECRET}{kind}/{SECRET}{number}.jpg" for kind in "ab" for number in range(6)]
        anna.drop({name: encode(draw_photo(number)) for number, name in enumerate(names)})
        with home.open(anna.token) as project:
            list(train(project, TrainConfig(resize_modes=("whole",)), home.folder(anna.token) / "models" / SECRET))
            ids = [photo.id for photo in project.photos()]
        for event in anna.config["dependencies"]:
            if ["load"] in [target[1:] for target in event["targets"]]:
                anna.send(event["id"], values_of(anna, event, {"token": anna.token}))
        for number in _events_of(anna, "select"):
            anna.send(number["id"], values_of(anna, number, {"token": anna.token}))
        upload = anna.upload(f"{SECRET}.jpg", encode(draw_photo(99)))
        model = own_models(home, anna.token)[0].name
        pictures = sorted(set(re.findall(r"base64,([A-Za-z0-9+/=]{200,})", "".join(anna.seen))))
        yield Pair(home, anna, ben, upload, ids, model, pictures)


def _events_of(visitor: Visitor, kind: str) -> list[dict[str, Any]]:
    return [one for one in visitor.config["dependencies"] if kind in [target[1] for target in one["targets"]]]


def _tree(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-shm", "-wal"))]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _leaks(pair: Pair, answer: Answer) -> list[str]:
    """Return what is hers in an answer, but for the names that he sent himself."""
    text = re.sub(rf"{re.escape(str(pair.home.root))}/uploads/\w+/\w+\.jpg", "", answer.text).replace(pair.model, "")
    names = [name for name in (SECRET, pair.anna.token, str(pair.home.root)) if name in text]
    return names + [picture[:20] for picture in pair.pictures if picture in text]


def _try_all(pair: Pair, visitor: Visitor, token: str, upload: str) -> dict[int, Answer]:
    """Run every event of the page with all that her browser saw, but for her token, and with an upload."""
    file = {"path": upload, "meta": {"_type": "gradio.FileData"}}
    event_data = {
        "ids": pair.ids, "id": pair.ids[0], "photo": pair.ids[0], "value": pair.ids[0], "number": 0, "index": [0, 0],
        "action": "remove", "do": "take", "label": "x", "files": [{"path": upload, "name": "x.jpg"}],
        "run": pair.model.rpartition("/")[2], "name": pair.model, "list": "mistakes",
    }  # fmt: skip
    known = {"dropdown": pair.model, "textbox": pair.model, "image": file, "file": file, "token": token}
    events = visitor.config["dependencies"]
    return visitor.send_all({one["id"]: values_of(visitor, one, known) for one in events}, event_data)


def test_the_walk_finds_what_is_hers_with_her_token(pair: Pair) -> None:
    assert len(pair.pictures) >= 6
    known = {"token": pair.anna.token}
    shown = [pair.anna.send(one["id"], values_of(pair.anna, one, known)) for one in _events_of(pair.anna, "select")]
    assert sum(bool(_leaks(pair, answer)) for answer in shown) >= 3


def test_no_event_gives_or_changes_what_is_hers(pair: Pair) -> None:
    before = _tree(pair.home.folder(pair.anna.token))
    nobody = Visitor(pair.anna.url)
    nobody.http.cookies.clear()
    own = pair.ben.upload("x.jpg", encode(draw_photo(98)))
    ran = [_try_all(pair, pair.ben, token, own) for token in (ensure_token(None), "")]
    refused = [_try_all(pair, visitor, ensure_token(None), pair.upload) for visitor in (pair.ben, nobody)]
    assert all(sum(answer.ran for answer in answers.values()) > 0.8 * len(answers) for answers in ran)
    assert not any(answer.ran for answers in refused for answer in answers.values())
    for number, answer in (one for answers in (*ran, *refused) for one in answers.items()):
        assert not _leaks(pair, answer), (number, answer.text[:500])
    assert _tree(pair.home.folder(pair.anna.token)) == before
    assert Path(pair.upload).is_file()


def test_odd_tokens_are_harmless(pair: Pair) -> None:
    ben = pair.ben
    for number in (
        _events_of(ben, "load")[0]["id"],
        ben.event("photos-drop", "submit"),
        ben.event("delete-all-yes", "click"),
    ):
        event = next(one for one in ben.config["dependencies"] if one["id"] == number)
        for token in (*FORGED, pair.home.folder(pair.anna.token).name):
            answer = ben.send(number, values_of(ben, event, {"token": token}), {"files": [], "label": ""})
            assert "Traceback" not in answer.text
            assert str(pair.home.root) not in answer.text
            assert SECRET not in answer.text
    assert pair.home.folder(pair.anna.token).is_dir()


def test_her_session_is_no_key_to_what_she_sees(pair: Pair) -> None:
    for event in pair.ben.config["dependencies"]:
        values = values_of(pair.ben, event, {"token": ""})
        body = {"data": values, "fn_index": event["id"], "session_hash": pair.anna.session}
        answer = pair.ben.http.post("/gradio_api/queue/join", json=body)
        assert answer.status_code == 404
    answer = pair.ben.http.get("/gradio_api/queue/data", params={"session_hash": pair.anna.session})
    assert SECRET not in answer.text


def test_no_address_that_she_saw_gives_anything_to_another(pair: Pair) -> None:
    seen = "".join(pair.anna.seen)
    addresses = set(re.findall(r"/gradio_api/[^\s\"'\\<>)]+", seen)) | {f"/gradio_api/file={pair.upload}"}
    project = pair.home.folder(pair.anna.token)
    addresses |= {f"/gradio_api/file={path}" for path in project.rglob("*") if path.is_file()}
    for address in addresses:
        answer = pair.ben.http.get(address)
        assert answer.status_code >= 400 or "file=" not in address, address
        assert SECRET.encode() not in answer.content, address
    own = pair.anna.http.get(f"/gradio_api/file={pair.upload}")
    assert own.status_code == 200
    Path(pair.upload).unlink()
    assert pair.anna.http.get(f"/gradio_api/file={pair.upload}").status_code == 404
    Path(pair.upload).parent.mkdir(exist_ok=True)
    Path(pair.upload).write_bytes(own.content)


def test_a_token_is_in_no_address_name_or_log(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    token = pair.anna.token
    with caplog.at_level("DEBUG"):
        pair.anna.drop({"cat/new.jpg": encode(draw_photo(50))})
    assert token not in caplog.text
    assert not [path for path in pair.home.root.rglob("*") if token in path.name]
    assert not [path for path in pair.home.root.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]
    assert token not in str(pair.anna.http.get("/config").json())
