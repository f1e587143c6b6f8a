"""The page as a whole, through a real server and Gradio's own client."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from classifier import Finished, Predictor
from classifier.ui.app import build_app, launch_settings
from classifier.ui.predict.models import own_models
from classifier.ui.sessions import Home, ensure_token
from tests.helpers import NASTY, SHA

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Server:
    """A running page, the folder it works over, and a photo to try."""

    url: str
    home: Home
    photo: Path


@pytest.fixture(scope="module")
def server(trained: Finished, example_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    shutil.copytree(trained.folder, folder / "checkpoints" / "tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "home" / "uploads"))
        page = build_app(folder / "home", folder / "checkpoints")
        _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **launch_settings())
        home = Home(folder / "home", folder / "checkpoints")
        yield Server(url, home, example_set / "mug" / "mug 01.jpg")
        page.close()


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    client = Client(server.url, verbose=False)
    yield client
    client.close()


def test_predict_answers_like_the_predictor_itself(server: Server, client: Client) -> None:
    answer = client.predict(image=handle_file(server.photo), model="tiny", top_k=3, api_name="/predict")
    expected = Predictor(server.home.checkpoints / "tiny").predict(server.photo, 3)[0]
    assert [row["label"] for row in answer["top"]] == [guess.label for guess in expected.top]
    assert [row["confidence"] for row in answer["top"]] == pytest.approx(
        [guess.confidence for guess in expected.top], abs=1e-4
    )
    assert answer["unsure"] is expected.unsure


def test_a_photo_sent_for_a_prediction_is_not_kept(server: Server, client: Client) -> None:
    client.predict(image=handle_file(server.photo), model="tiny", top_k=1, api_name="/predict")
    assert not [path for path in (server.home.root / "uploads").rglob("*") if path.is_file() and path.stat().st_size]


@pytest.mark.parametrize("name", ["nothing", "../tiny", "/etc", "tiny/", f"mine/{SHA}", NASTY])
def test_an_unknown_model_is_an_error_that_names_the_known_ones(server: Server, client: Client, name: str) -> None:
    with pytest.raises(AppError, match=r"There is no model called.*“tiny”"):
        client.predict(image=handle_file(server.photo), model=name, top_k=3, api_name="/predict")


def test_a_visitors_own_model_is_out_of_reach_over_the_network(server: Server, client: Client) -> None:
    token = ensure_token(None)
    with server.home.open(token) as project:
        folder = project.models / "2025-01-02-030405-quick"
        folder.mkdir()
        for file in (server.home.checkpoints / "tiny").iterdir():
            os.link(file, folder / file.name)
    (own,) = own_models(server.home, token)
    assert own.title.startswith("2 Jan 2025, 03:04:05")
    assert own_models(server.home, ensure_token(None)) == []
    with pytest.raises(AppError, match="There is no model called"):
        client.predict(image=handle_file(server.photo), model=own.name, top_k=3, api_name="/predict")


def test_a_file_that_is_no_photo_gets_its_reason(server: Server, client: Client, tmp_path: Path) -> None:
    (tmp_path / "note.jpg").write_text("hello")
    with pytest.raises(AppError, match="This is a text, not a picture"):
        client.predict(image=handle_file(tmp_path / "note.jpg"), model="tiny", top_k=3, api_name="/predict")


def test_three_endpoints_are_offered_and_nothing_else(client: Client) -> None:
    described = client.view_api(return_format="dict", print_info=False)
    names = {
        name: [row["parameter_name"] for row in endpoint["parameters"]]
        for name, endpoint in described["named_endpoints"].items()
    }
    rest = ["model", "top_k"]
    assert names == {"/predict": ["image", *rest], "/predict_many": ["images", *rest], "/models": []}
    assert not described["unnamed_endpoints"]


def test_no_file_of_a_project_has_an_address(server: Server) -> None:
    token = ensure_token(None)
    with server.home.open(token) as project:
        project.add(server.photo.parent, "mug")
        stored = project.photo_path(project.photos()[0])
    for path in (stored, stored.parents[2] / "project.sqlite", server.home.root / "browser-secret"):
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{server.url}gradio_api/file={path}")
        assert refused.value.code in (403, 404)


def test_a_page_that_is_slow_to_answer_at_first_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))

    async def answer_late(request: Request) -> Response:  # as on a machine that is busy
        await asyncio.sleep(4)
        return Response()

    page = build_app(tmp_path / "home", tmp_path / "checkpoints")
    settings = launch_settings()
    settings["app_kwargs"]["routes"].insert(0, Route("/", answer_late, methods=["HEAD"]))
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **settings)
    with urlopen(url) as answer:
        assert answer.status == 200
    page.close()
