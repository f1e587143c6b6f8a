"""Programs and agents that call a running page: what they get, and that they get no further."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from classifier import DataError, Finished, Predictor, SettingError
from classifier.ui import server as ui_server
from classifier.ui.predict import endpoints
from classifier.ui.sessions import Home
from classifier.ui.share import api
from tests.ui.visitors import SECONDS, serve

pytestmark = pytest.mark.slow
API = "/gradio_api"
needs_mcp = pytest.mark.skipif(find_spec("mcp") is None, reason="needs the package mcp")


@pytest.fixture(scope="module")
def page(trained: Finished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Home]]:
    """A page that answers agents, too, where their package is installed, with the model “o'b 1”."""
    folder = tmp_path_factory.mktemp("endpoints")
    shutil.copytree(trained.folder, folder / "checkpoints" / MODEL)
    with serve(folder, agents=find_spec("mcp") is not None) as (url, home):
        yield url, home


MODEL = "o'b 1"


@pytest.fixture(scope="module")
def http(page: tuple[str, Home]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=page[0], timeout=SECONDS) as http:
        yield http


def upload(home: Home, number: int) -> str:
    path = home.root / "uploads" / f"{number:064x}" / "a.jpg"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    return str(path)


def uploads(home: Home) -> list[Path]:
    return [path for path in (home.root / "uploads").rglob("*") if path.is_file() and path.stat().st_size]


def test_many_photos_are_answered_in_order_with_a_reason_for_a_broken_one(
    page: tuple[str, Home], trained: Finished, example_set: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8nothing")
    photos = [example_set / "mug/mug 01.jpg", tmp_path / "broken.jpg", example_set / "key/key 01.jpg"]
    client = Client(page[0], verbose=False)
    (model,) = client.predict(api_name="/models")
    assert (model["name"], sorted(model["classes"])) == (MODEL, ["apple", "key", "leaf", "mug"])
    assert model["accuracy"] == trained.report.accuracy
    answers = client.predict(images=list(map(handle_file, photos)), model=MODEL, top_k=2, api_name="/predict_many")
    assert [answer["answer"] for answer in answers] == ["mug", None, "key"]
    assert [len(answer["top"]) for answer in answers] == [2, 0, 2]
    assert "damaged" in answers[1]["error"]
    expected = Predictor(trained.folder).predict(photos[0], 2)[0]
    assert answers[0]["top"][0]["confidence"] == pytest.approx(expected.top[0].confidence, abs=1e-4)
    with pytest.raises(AppError, match="Not all of"):
        client.predict(images=[], model=MODEL, top_k=2, api_name="/predict_many")
    client.close()
    with pytest.raises(DataError, match="up to 50"):
        endpoints.predict_many(page[1], [upload(page[1], number) for number in range(51)], MODEL, 2)
    assert not uploads(page[1])


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash")
def test_the_lines_for_curl_on_the_page_give_an_answer(
    page: tuple[str, Home], example_set: Path, tmp_path: Path
) -> None:
    shutil.copy(example_set / "mug/mug 01.jpg", tmp_path / "a.jpg")
    script = api.curl(MODEL).replace("ADDRESS", page[0])
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    event, data = done.stdout.strip().splitlines()[-2:]
    assert event == "event: complete"
    assert json.loads(data.removeprefix("data: "))[0]["answer"] == "mug"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_the_lines_for_javascript_on_the_page_give_an_answer(
    page: tuple[str, Home], example_set: Path, tmp_path: Path
) -> None:
    shutil.copy(example_set / "mug/mug 01.jpg", tmp_path / "a.jpg")
    (tmp_path / "ask.mjs").write_text(api.javascript(MODEL).replace("ADDRESS", page[0]), "utf-8")
    done = subprocess.run(["node", "ask.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert (answer["answer"], len(answer["top"])) == ("mug", 3)


def test_the_lines_for_python_on_the_page_give_an_answer(
    page: tuple[str, Home], example_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    for name in "ab":
        shutil.copy(example_set / "mug/mug 01.jpg", tmp_path / f"{name}.jpg")
    monkeypatch.chdir(tmp_path)
    exec(api.python(MODEL).replace("ADDRESS", page[0]), {})
    assert capsys.readouterr().out.count("'answer': 'mug'") == 3


def test_the_panel_shows_a_model_that_programs_can_use(page: tuple[str, Home], tmp_path: Path) -> None:
    for chosen in (MODEL, "mine/x", None, "<b>"):
        shown = api.show(page[1], chosen)
        assert "o&#x27;b 1" in shown
        assert "<b>" not in shown
        assert "data-address" in shown
    assert "No model is offered" in api.show(Home(tmp_path, tmp_path), None)


def test_private_events_are_refused_by_name_and_by_number(page: tuple[str, Home], http: httpx.Client) -> None:
    config = http.get("/config").json()
    private = [one for one in config["dependencies"] if one["api_visibility"] != "public"]
    assert len(private) > 30
    names = {str(one["api_name"]) for one in private} | {"accept", "save_csv"}
    public = {"predict", "predict_many", "models"}
    assert {one["api_name"] for one in config["dependencies"]} - {one["api_name"] for one in private} == public
    for name in names - public:
        body = {"data": [], "fn_index": private[0]["id"]}
        assert http.post(f"{API}/call/{name}", json=body).status_code == 404, name
    for one in private[::10]:  # the name of a public one does not open it
        answer = http.post(f"{API}/call/models", json={"data": [None] * len(one["inputs"]), "fn_index": one["id"]})
        assert answer.status_code in (200, 422)
        if answer.status_code == 200:
            assert MODEL in http.get(f"{API}/call/models/{answer.json()['event_id']}").text


def test_the_address_for_agents_is_not_there_unless_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_MCP_SERVER", "True")  # which Gradio would read by itself
    with serve(tmp_path) as (url, _):
        for path in ("", "/", "/schema", "/sse", "/messages/", "/http"):
            assert httpx.post(f"{url}{API}/mcp{path}", json={}).status_code == 404
            assert httpx.get(f"{url}{API}/mcp{path}").status_code == 404


@needs_mcp
def test_an_agent_lists_the_endpoints_and_gets_an_answer(page: tuple[str, Home], example_photo: bytes) -> None:
    photo = f"data:image/jpeg;base64,{base64.b64encode(example_photo).decode()}"

    async def ask(session: Any) -> None:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert set(tools) == {"predict", "predict_many", "models"}
        assert "likeliest classes" in tools["predict"].description
        listed = await session.call_tool("models", {})
        assert MODEL in listed.content[0].text
        answer = await session.call_tool("predict", {"image": photo, "model": MODEL, "top_k": 1})
        assert not answer.isError, answer
        assert '"answer": "key"' in answer.content[0].text.replace("'", '"')
        several = await session.call_tool("predict_many", {"images": [photo, photo], "model": MODEL, "top_k": 1})
        assert not several.isError, several
        assert several.content[0].text.replace("'", '"').count('"answer": "key"') == 2
        for wrong in ("http://127.0.0.1:1/x.jpg", "/etc/passwd", "data:,x"):
            refused = await session.call_tool("predict", {"image": wrong, "model": MODEL, "top_k": 1})
            assert refused.isError, wrong
            refused = await session.call_tool("predict_many", {"images": [photo, wrong], "model": MODEL, "top_k": 1})
            assert refused.isError, wrong
        private = await session.call_tool("accept", {})
        assert private.isError

    async def run() -> None:
        from mcp import ClientSession
        from mcp.client.streamable_http import streamable_http_client

        async with (
            streamable_http_client(f"{page[0]}{API}/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            await ask(session)

    asyncio.run(run())


@needs_mcp
def test_requests_of_agents_pass_the_same_checks(page: tuple[str, Home], http: httpx.Client) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Accept": "application/json, text/event-stream"}
    assert http.post(f"{API}/mcp/", json=call, headers=headers).status_code == 200
    for wrong, status in (({"Host": "evil.example"}, 421), ({"Origin": "https://evil.example"}, 403)):
        assert http.post(f"{API}/mcp/", json=call, headers={**headers, **wrong}).status_code == status
    large = {**call, "params": {"x": "y" * 9_000_000}}
    assert http.post(f"{API}/mcp/", json=large, headers=headers).status_code == 413
    deep: Any = 1
    for _ in range(30):
        deep = [deep]
    assert http.post(f"{API}/mcp/", json={**call, "params": deep}, headers=headers).status_code == 400
    assert http.get(f"{API}/mcp/", headers={"Accept": "text/event-stream"}).status_code == 405
    for path in ("sse", "messages/", "http", "x"):
        assert http.post(f"{API}/mcp/{path}", json=call, headers=headers).status_code == 404
    schema = http.get(f"{API}/mcp/schema")
    assert {tool["name"] for tool in schema.json()} == {"predict", "predict_many", "models"}
    assert schema.headers["X-Content-Type-Options"] == "nosniff"


def test_agents_without_their_package_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_MCP_SERVER", "true")
    if find_spec("mcp") is None:
        with pytest.raises(SettingError, match="gradio\\[mcp\\]"):
            ui_server.wants_agents()
    else:
        assert ui_server.wants_agents()
    monkeypatch.setenv("GRADIO_MCP_SERVER", "False")
    assert not ui_server.wants_agents()
