"""The page through a real server and Gradio's own client, and its rooms one by one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import gradio as gr
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from classifier import ClassifierError, Predictor, Project, TrainConfig, train
from classifier.catalog import Asset
from classifier.errors import DataError
from classifier.example import draw_example
from classifier.intake import LeftOut
from classifier.metrics import ClassScore, Report
from classifier.predictor import Guess, Prediction
from classifier.training import Progress
from classifier.ui import build_app, launch_settings, photos_tab, plots, predict_tab
from classifier.ui.events import plain
from classifier.ui.session import Home, is_token, welcome
from classifier.ui.uploads import received

SHA = "a" * 64
NASTY = "<script>alert(1)</script>"


@dataclass(frozen=True)
class Server:
    """A running page, the folder it works over, and a photo to try."""

    url: str
    home: Home
    photo: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    draw_example(folder / "drawn", per_class=6)
    with Project.over(folder / "drawn", features=folder / "features") as project:
        list(train(project, TrainConfig(), out=folder / "checkpoints" / "tiny"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "home" / "uploads"))
        page = build_app(folder / "home", folder / "checkpoints")
        _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **launch_settings())
        home = Home(folder / "home", folder / "checkpoints")
        yield Server(url, home, next((folder / "drawn" / "mug").iterdir()))
        page.close()


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    client = Client(server.url, verbose=False)
    yield client
    client.close()


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An upload folder of Gradio's with one uploaded photo, ``uploads/<sha>/a.jpg``."""
    folder = tmp_path / "uploads"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    (folder / SHA).mkdir(parents=True)
    draw_example(tmp_path / "one", per_class=1)
    (folder / SHA / "a.jpg").write_bytes((tmp_path / "one" / "key" / "key 01.jpg").read_bytes())
    return folder


def fill(home: Home, token: str, folder: Path) -> None:
    with home.open(token) as project:
        project.add(folder)


def claim(path: object, name: object = "cat/a.jpg") -> dict[str, Any]:
    return {"files": [{"path": path if path is None else str(path), "name": name}], "label": ""}


# -- over the network


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
def test_an_unknown_model_gets_a_sentence_that_names_the_known_ones(server: Server, client: Client, name: str) -> None:
    with pytest.raises(AppError, match=r"There is no model called.*“tiny”"):
        client.predict(image=handle_file(server.photo), model=name, top_k=3, api_name="/predict")


def test_a_visitors_own_model_is_out_of_reach_over_the_network(server: Server, client: Client) -> None:
    token = welcome(None)
    with server.home.open(token) as project:
        folder = project.models / "2025-01-02-030405-quick"
        folder.mkdir()
        for file in (server.home.checkpoints / "tiny").iterdir():
            os.link(file, folder / file.name)
    (own,) = predict_tab.own_models(server.home, token)
    assert own.title.startswith("2 Jan 2025, 03:04:05")
    assert predict_tab.own_models(server.home, welcome(None)) == []
    with pytest.raises(AppError, match="There is no model called"):
        client.predict(image=handle_file(server.photo), model=own.name, top_k=3, api_name="/predict")


def test_a_file_that_is_no_photo_gets_its_reason(server: Server, client: Client, tmp_path: Path) -> None:
    (tmp_path / "note.jpg").write_text("hello")
    with pytest.raises(AppError, match="This is a text, not a picture"):
        client.predict(image=handle_file(tmp_path / "note.jpg"), model="tiny", top_k=3, api_name="/predict")


def test_predict_is_the_only_endpoint_offered(client: Client) -> None:
    described = client.view_api(return_format="dict", print_info=False)
    assert set(described["named_endpoints"]) == {"/predict"}
    names = [row["parameter_name"] for row in described["named_endpoints"]["/predict"]["parameters"]]
    assert names == ["image", "model", "top_k"]


def test_no_file_of_a_project_has_an_address(server: Server) -> None:
    token = welcome(None)
    with server.home.open(token) as project:
        project.add(server.photo.parent, "mug")
        stored = project.photo_path(project.photos()[0])
    for path in (stored, stored.parents[2] / "project.sqlite", server.home.root / "browser-secret"):
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{server.url}gradio_api/file={path}")
        assert refused.value.code in (403, 404)


# -- which project belongs to this browser


@pytest.mark.parametrize("stored", [None, "", "short", "../" * 15, 7, ["x"], {"a": 1}, "ä" * 43, "A" * 43 + "\n"])
def test_a_hostile_or_missing_token_is_replaced(stored: object) -> None:
    assert is_token(welcome(stored))
    assert welcome(stored) != stored


def test_a_token_of_ours_stays_and_is_not_written_on_the_disk(tmp_path: Path) -> None:
    token = welcome(None)
    assert welcome(token) == token
    home = Home(tmp_path / "home", tmp_path / "checkpoints")
    home.open(token).close()
    written = {part for path in home.root.rglob("*") for part in path.parts}
    assert token not in written
    assert home.folder(token).parent == home.root


def test_what_is_no_token_opens_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", tmp_path)
    with pytest.raises(ClassifierError, match="reload"):
        home.open("../../etc")
    assert home.find("../../etc") is None
    assert home.find(welcome(None)) is None
    assert not home.root.exists()


def test_the_secret_outlives_a_restart(tmp_path: Path) -> None:
    first = Home(tmp_path / "home", tmp_path).secret()
    assert Home(tmp_path / "home", tmp_path).secret() == first
    assert len(first) >= 32


@pytest.mark.parametrize(("hours", "kept"), [(24, False), (48, True), (None, True)])
def test_projects_nobody_visits_are_deleted_when_their_time_is_up(
    tmp_path: Path, hours: float | None, kept: bool
) -> None:
    home = Home(tmp_path / "home", tmp_path, hours)
    old, young = welcome(None), welcome(None)
    for token in (old, young):
        home.open(token).close()
    day_ago = home.folder(old).stat().st_mtime - 25 * 3600
    os.utime(home.folder(old), (day_ago, day_ago))
    (home.root / "notes").mkdir()
    os.utime(home.root / "notes", (0, 0))
    home.sweep()
    assert home.folder(old).exists() is kept
    assert home.folder(young).exists()
    assert (home.root / "notes").exists()


def test_uploads_left_lying_are_deleted(tmp_path: Path, uploads: Path) -> None:
    Home(tmp_path, tmp_path).sweep()
    assert (uploads / SHA / "a.jpg").exists()
    (uploads / "tmpbroken1").write_bytes(b"half a photo")
    for entry in uploads.iterdir():
        os.utime(entry, (0, 0))
    Home(tmp_path, tmp_path).sweep()
    assert list(uploads.iterdir()) == []


def test_delete_takes_everything_of_one_visitor_and_nothing_of_another(tmp_path: Path, make_folder: Any) -> None:
    home = Home(tmp_path / "home", tmp_path)
    one, other = welcome(None), welcome(None)
    for token in (one, other):
        fill(home, token, make_folder({"cat": 2, "dog": 2}))
    home.forget(one)
    assert home.find(one) is None
    assert photos_tab.show(home, one).grid == ""
    assert "pc-card" in photos_tab.show(home, other).grid


# -- what came from a drop area is only a claim


def test_an_upload_is_taken_with_its_folder_name(uploads: Path) -> None:
    came = received(claim(uploads / SHA / "a.jpg"))
    assert came.files == (("cat/a.jpg", (uploads / SHA / "a.jpg").resolve()),)


def test_a_path_that_is_no_upload_is_refused(uploads: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"x")
    (uploads / SHA / "link.jpg").symlink_to(secret)
    (uploads / "loose.jpg").write_bytes(b"x")
    hostile = [
        secret, uploads / SHA / ".." / ".." / "secret.jpg", uploads / SHA / "link.jpg", uploads / SHA, uploads,
        uploads / "loose.jpg", uploads / SHA / "missing.jpg", "/etc/passwd", "a\0b", "", None,
    ]  # fmt: skip
    for path in hostile:
        came = received(claim(path))
        assert came.files == (), path
        assert len(came.missing) == 1


@pytest.mark.parametrize("data", [None, "x", {}, {"files": "x"}, {"files": None}])
def test_what_is_no_list_of_files_gets_a_sentence(data: object, uploads: Path) -> None:
    with pytest.raises(DataError, match="choose them again"):
        received(data)


def test_rows_that_are_no_files_count_as_missing(uploads: Path) -> None:
    came = received({"files": [1, None, [], {"path": {}, "name": 3}], "label": 5})
    assert (len(came.missing), came.files, came.label) == (4, (), None)


def test_a_hostile_name_neither_leaves_its_folder_nor_reaches_the_page_as_html(tmp_path: Path, uploads: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path), welcome(None)
    rows = [
        {"path": str(uploads / SHA / "a.jpg"), "name": name}
        for name in (f"../../{NASTY}.jpg", f"{NASTY.replace('/', '')}/a.jpg", "b/a.jpg")
    ]
    message = photos_tab.add(home, token, gr.EventData(None, {"files": rows, "label": ""}))
    view = photos_tab.show(home, token)
    assert "Added 2 photos. 1 file was left out" in message
    shown = "".join(str(part) for part in (message, view.counts, view.grid, view.notes))
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert not (uploads / SHA).exists()  # taken in, so it does not lie there twice
    assert not list(tmp_path.glob("*script*"))


def test_a_hostile_choice_of_photos_changes_nothing(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), welcome(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    for data in (None, {"ids": ["1; DROP TABLE assets", None, {}, 10**30], "action": "remove"}, {"ids": 5}):
        with pytest.raises(DataError, match="No photos were chosen"):
            photos_tab.edit(home, token, gr.EventData(None, data))
    with home.open(token) as project:
        assert project.classes() == {"cat": 2, "dog": 2}


def test_moving_renaming_removing_and_undoing(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), welcome(None)
    fill(home, token, make_folder({"apple": 2, "key": 3, "mug": 2}))
    with home.open(token) as project:
        ids = [photo.id for photo in project.photos("key")[:2]]
    photos_tab.edit(home, token, gr.EventData(None, {"action": "move", "ids": ids, "label": "spare"}))
    photos_tab.rename(home, token, "mug", "cup")
    photos_tab.remove_class(home, token, "apple")
    with home.open(token) as project:
        assert project.classes() == {"cup": 2, "key": 1, "spare": 2}
    assert "Took back" in photos_tab.undo(home, token)
    with home.open(token) as project:
        assert project.classes()["apple"] == 2


# -- messages


def test_an_error_on_purpose_becomes_its_sentence_with_names_escaped() -> None:
    def handler(home: str, name: str) -> None:
        raise ClassifierError(f"There is no {name}.")

    with pytest.raises(gr.Error) as caught:
        plain(handler, "home")("<b>x</b>")
    assert caught.value.message == "There is no &lt;b&gt;x&lt;/b&gt;."


def test_a_bug_is_logged_and_the_page_says_one_calm_sentence(caplog: pytest.LogCaptureFixture) -> None:
    def handler() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError("secret detail")

    events = plain(handler)()
    assert next(events) == 1
    with pytest.raises(gr.Error) as caught:
        next(events)
    assert "secret detail" not in caught.value.message
    assert "secret detail" in caplog.text


# -- results as HTML


def report(**changes: Any) -> Report:
    values: dict[str, Any] = {
        "labels": ("cat", "<b>dog</b>"), "images": 40, "judged_on": "out_of_fold", "accuracy": 0.9,
        "accuracy_low": 0.77, "accuracy_high": 0.96, "balanced_accuracy": 0.9,
        "per_class": (ClassScore("cat", 20, 0.9, 0.9, 0.9), ClassScore("<b>dog</b>", 20, 0.9, 0.9, 0.9)),
        "confusion": ((18, 2), (2, 18)), "threshold": 0.5, "temperature": 1.0,
        "warnings": (f"Few photos of {NASTY}.",), "fit": "crop", "backbone": "x",
    }  # fmt: skip
    return Report(**{**values, **changes})


def test_the_score_is_said_in_words_with_its_interval_and_mistakes() -> None:
    shown = plots.score(report())
    assert "About 9 in 10 right" in shown
    assert "<b>77</b> to <b>96 %</b>" in shown
    assert "18 of 20" in shown
    assert "<b>cat</b> taken for <b>&lt;b&gt;dog&lt;/b&gt;</b>: 2 photos" in shown
    assert "<script" not in shown
    assert "<b>dog" not in shown


@pytest.mark.parametrize(
    ("share", "words"),
    [(1.0, "Every photo right"), (0.997, "Nearly every"), (0.97, "97 in 100"), (0.5, "About 5 in 10 right")],
)
def test_a_share_is_said_as_people_say_it(share: float, words: str) -> None:
    assert words in plots.in_ten(share)


@pytest.mark.parametrize(
    ("share", "text"), [(1.0, "100 %"), (0.9999, "over 99 %"), (0.99, "99 %"), (0.001, "under 1 %"), (0.0, "0 %")]
)
def test_percent_never_says_a_flat_hundred_or_nought_undeserved(share: float, text: str) -> None:
    assert plots.percent(share) == text


def test_progress_says_the_step_the_count_and_the_time_left() -> None:
    shown = plots.progress(Progress("Looking at the photos", 30, 120, 42.0))
    assert "30 of 120 photos · about 40 seconds left" in shown
    assert 'aria-valuenow="25"' in shown


def test_an_unsure_answer_says_so_before_anything_else() -> None:
    guesses = (Guess("<i>a</i>", 0.4), Guess("b", 0.3))
    unsure = plots.answer(Prediction(guesses, True), b"jpeg", NASTY)
    assert unsure.index("Not sure") < unsure.index("&lt;i&gt;a")
    assert "<i>a" not in unsure
    assert "<script" not in unsure
    assert "Perhaps &lt;i&gt;a" in plots.answer(Prediction(guesses, False), b"jpeg", "x.jpg")


def test_left_out_files_stand_together_by_reason_and_are_all_named() -> None:
    files = [LeftOut(f"{number}.jpg", f"the same photo as “{number}.png”, here already") for number in range(3)]
    shown = plots.left_out([*files, LeftOut(NASTY, "This is a text, not a picture.")])
    assert shown.count("<summary>") == 3  # the whole, and two reasons
    assert "<b>3</b> the same photo as another file" in shown
    assert all(f"<li>{number}.jpg" in shown for number in range(3))
    assert "<script" not in shown
    assert plots.left_out([]) == ""


def test_a_photo_in_two_classes_is_shown_with_both() -> None:
    photos = [Asset(1, "p", SHA, label, "train", None, "in/a.jpg", 1, 1, 1, "") for label in ("cat", "<b>dog</b>")]
    shown = plots.conflicts([photos])
    assert "a.jpg: <b>cat</b> and <b>&lt;b&gt;dog&lt;/b&gt;</b>" in shown
    assert plots.conflicts([]) == ""
