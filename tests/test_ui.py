"""The page through a real server and Gradio's own client, and its rooms one by one."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import gradio as gr
import pytest
from conftest import unanswered
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from classifier import ClassifierError, Predictor, Project, TrainConfig, train
from classifier.catalog import Asset, Changes, Run
from classifier.errors import DataError, SettingError
from classifier.example import draw_example
from classifier.finetune import Epoch, Note
from classifier.intake import LeftOut
from classifier.metrics import ClassScore, Report
from classifier.predictor import Guess, Prediction
from classifier.training import Progress
from classifier.ui import (
    build_app,
    history,
    launch_settings,
    photos_tab,
    plots,
    predict_tab,
    runs_panel,
    scores,
    settings,
    train_tab,
    trainings,
)
from classifier.ui.curves import curves
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


# -- training, in the background


DEFAULT = TrainConfig()
CHOSEN: dict[str, Any] = {
    "mode": "quick", "minutes": DEFAULT.minutes, "domain": DEFAULT.domain, "backbone": DEFAULT.backbone, "other": "",
    "learning_rate": DEFAULT.learning_rate, "epochs": "", "batch": DEFAULT.batch, "optimiser": DEFAULT.optimiser,
    "thaw": "", "seed": DEFAULT.seed,
}  # fmt: skip


def chosen(**changes: Any) -> list[Any]:
    """The values of the settings on the page, in their order."""
    return list({**CHOSEN, **changes}.values())


def test_the_page_as_it_comes_gives_the_default_settings() -> None:
    assert settings.config(*chosen()) == TrainConfig()


def test_every_setting_on_the_page_reaches_the_training() -> None:
    made = settings.config(
        *chosen(
            mode="deep", minutes=0, domain="aerial", backbone="tf_efficientnet_lite1", learning_rate=1e-3, epochs=" 7 ",
            batch=8, optimiser="sgd", thaw="2", seed=3,
        )
    )  # fmt: skip
    assert made == TrainConfig(
        mode="deep", minutes=0.0, domain="aerial", backbone="tf_efficientnet_lite1", learning_rate=1e-3, epochs=7,
        batch=8, optimiser="sgd", thaw=2, seed=3,
    )  # fmt: skip
    assert settings.config(*chosen(other=" resnet26d ")).backbone == "resnet26d"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epochs": "many"}, "number of rounds is “many”"),
        ({"epochs": "-1"}, "write a whole number"),
        ({"thaw": "0"}, "must be from 1"),
        ({"seed": 1.5}, "must be a whole number"),
        ({"seed": None}, "is empty"),
        ({"batch": 0}, "batch size"),
        ({"learning_rate": None}, "step size is empty"),
        ({"backbone": NASTY}, "not among those offered"),
        ({"other": "x" * 500}, "longer than 100 letters"),
        ({"domain": "sea"}, "domain"),
        ({"mode": "magic"}, "mode"),
    ],
)
def test_a_setting_that_cannot_work_is_one_sentence(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingError, match=words):
        settings.config(*chosen(**changes))


def trained_by_handlers(home: Home, token: str, *values: Any) -> train_tab.View:
    """Press Train and look again and again, as the page does, until it is over."""
    view = train_tab.start(home, token, *values)
    job = home.jobs.find(home.folder(token))
    assert job is not None
    assert job.wait(120)
    assert view.seen >= 0
    return train_tab.tick(home, token, view.seen, *values)


def test_a_training_goes_on_without_the_page_and_is_there_for_the_next_one(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), welcome(None)
    assert train_tab.show(home, token, *chosen()).button["interactive"] is False
    fill(home, token, make_folder({"cat": 4, "dog": 4}))
    view = trained_by_handlers(home, token, *chosen())
    assert "pc-score" in view.result
    assert view.newest.endswith("-quick")
    again = train_tab.arrive(Home(tmp_path / "home", tmp_path), token, *chosen())  # after a restart
    assert again.result == view.result
    assert again.newest == view.newest


def test_a_training_under_way_is_shown_to_whoever_opens_the_page_and_can_be_stopped(tmp_path: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path), welcome(None)
    go = threading.Event()

    def work(to_stop: Callable[[], bool]) -> Iterator[object]:
        yield Progress("Fine-tuning", 3, 12, 50.0)
        yield Epoch(1, 4, 1.0, 0.5, 1.1, 0.6, 1)
        while not to_stop():
            assert go.wait(20)
            yield Note(f"It takes longer {NASTY}.")
        yield Note("The end.")

    job = home.jobs.start(home.folder(token), work, gentle=True)
    other = welcome(None)
    home.jobs.start(home.folder(other), lambda to_stop: iter(()), gentle=True)
    waiting = train_tab.arrive(home, other, *chosen())
    assert "Waiting for its turn: 1 training is before yours" in waiting.progress
    while not job.state.epochs:
        assert not job.wait(0.01)
    view = train_tab.arrive(home, token, *chosen())
    assert "3 of 12 photos · about 50 seconds left" in view.progress
    assert "<svg" in view.progress
    assert view.timer.active
    assert train_tab.tick(home, token, view.seen, *chosen()).progress == gr.skip()  # nothing new, nothing sent
    train_tab.stop(home, token, *chosen())
    go.set()
    assert job.wait(20)
    after = train_tab.tick(home, token, view.seen, *chosen())
    assert "The end." in after.result
    assert "How the training went" in after.result
    assert "<script" not in after.result + view.progress
    assert not after.timer.active


def cut_short(home: Home, token: str, config: TrainConfig) -> Path:
    """A project with a deep training that ended with the program; its folder."""
    with home.open(token) as project:
        folder = project.models / "2025-01-02-030405-deep"
        (folder / "resume").mkdir(parents=True)
        (folder / "resume" / "settings.json").write_text(json.dumps({"config": asdict(config), "photos": ""}))
    return folder


def test_a_deep_training_that_ended_with_the_program_goes_on_when_the_page_is_opened(
    tmp_path: Path, make_folder: Any
) -> None:
    home, token = Home(tmp_path / "home", tmp_path), welcome(None)
    fill(home, token, make_folder({"cat": 4, "dog": 4}))
    folder = cut_short(home, token, TrainConfig(mode="deep", seed=5))
    assert not trainings.under_way(home, token)
    train_tab.arrive(home, token, *chosen())
    job = home.jobs.find(home.folder(token))
    assert job is not None
    assert job.wait(120)
    assert job.state.finished is not None
    assert job.state.finished.folder == folder
    assert json.loads((folder / "training.json").read_text())["config"]["seed"] == 5
    assert train_tab.arrive(home, token, *chosen()).newest == folder.name  # and that is the end of it


@pytest.mark.parametrize("same", [True, False])
def test_train_takes_up_what_failed_with_the_same_settings_and_replaces_any_other(
    tmp_path: Path, make_folder: Any, same: bool
) -> None:
    home, token = Home(tmp_path / "home", tmp_path), welcome(None)
    fill(home, token, make_folder({"cat": 4, "dog": 4}))
    folder = cut_short(home, token, TrainConfig(mode="deep", seed=5))
    view = trained_by_handlers(home, token, *chosen(mode="deep", seed=5 if same else 6))
    assert (view.newest == folder.name) is same
    assert not (folder / "resume").exists()


def test_why_a_training_failed_is_still_there_when_the_page_is_opened_later(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), welcome(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    train_tab.start(home, token, *chosen(other="no_such_network"))
    job = home.jobs.find(home.folder(token))
    assert job is not None
    assert job.wait(60)
    view = train_tab.arrive(home, token, *chosen())
    assert "There is no network called “no_such_network”" in view.result
    assert view.button["interactive"] is True


def test_one_photo_is_shown_in_eight_ways_for_deep_training_only(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), welcome(None)
    assert settings.strip(home, token, "deep", "photo") == ""
    fill(home, token, make_folder({"cat": 2}))
    assert settings.strip(home, token, "quick", "photo") == ""
    assert settings.strip(home, token, "deep", NASTY) == ""
    strips = [settings.strip(home, token, "deep", domain) for domain in ("photo", "medical", "aerial", "document")]
    for strip in strips:
        assert strip.count("<img") == 8
    views = [strip.split("<img") for strip in strips]
    assert len({first for _, first, *_ in views}) == 1  # the photo as it is
    assert len({rest for *_, rest in views}) == 4
    assert settings.strip(home, token, "deep", "photo") == strips[0]


# -- past trainings


def recorded(home: Home, token: str, name: str, data: Report, seconds: float = 5.0) -> int:
    with home.open(token) as project:
        return project.catalog.record_run(
            name, name.rsplit("-", 1)[-1], data.to_json(), unanswered(project.catalog.assets()), seconds
        )


def asked(data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def test_past_trainings_are_listed_compared_chosen_and_deleted(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), welcome(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    one = recorded(home, token, "2025-01-02-030405-quick", report(accuracy=0.5, accuracy_low=0.4, accuracy_high=0.6))
    with home.open(token) as project:
        project.remove([1])
        folder = project.models / "2025-01-02-040506-deep"
        folder.mkdir()
        (folder / "config.json").write_text("{}")
    two = recorded(home, token, folder.name, report(), 61.0)
    shown = runs_panel.show(home, token).list
    assert shown.index("2 Jan 2025, 04:05:06 · Deep") < shown.index("2 Jan 2025, 03:04:05 · Quick")
    assert "About 9 in 10 right; could be 77 to 96 %" in shown
    assert "40 photos judged · about 60 seconds" in shown
    assert "Its model is gone." in shown
    assert runs_panel.use(home, token, asked({"id": two})) == f"mine/{folder.name}"
    with pytest.raises(DataError, match="train again"):
        runs_panel.use(home, token, asked({"id": one}))
    compared = runs_panel.compare(home, token, asked({"ids": [two, one]}))
    assert compared.index("Quick") < compared.index("Deep")
    assert "<td>50 %</td><td>90 %</td><td>+40</td>" in compared
    assert "The later one is better by more than chance." in compared
    assert "1 photo went" in compared
    _, question, number = runs_panel.ask(home, token, asked({"id": two}))
    assert "Delete the training of 2 Jan 2025, 04:05:06 · Deep" in question
    assert "04:05:06" not in runs_panel.delete(home, token, number).list
    assert not folder.exists()


def test_hostile_choices_among_past_trainings_change_nothing(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), welcome(None)
    for action in (runs_panel.use, runs_panel.ask, runs_panel.compare):
        with pytest.raises(DataError):
            action(home, token, asked({"id": 1, "ids": [1, 2]}))
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    secret = tmp_path / "home" / "secret"
    secret.mkdir()
    bad = recorded(home, token, "../../secret", report(backbone=NASTY, labels=(NASTY, "dog")))
    shown = runs_panel.show(home, token).list
    assert "<script" not in shown
    for id in (None, "1 OR 1", True, 99, [bad], {}):
        for action in (runs_panel.use, runs_panel.ask):
            with pytest.raises(DataError):
                action(home, token, asked({"id": id}))
        with pytest.raises(DataError):
            runs_panel.compare(home, token, asked({"ids": [bad, id]}))
    for data in (None, [], {}, {"ids": [bad, bad]}, {"ids": bad}):
        with pytest.raises(DataError):
            runs_panel.compare(home, token, asked(data))
    runs_panel.delete(home, token, bad)
    assert secret.exists()
    assert runs_panel.show(home, token).list == ""


def entry(name: str, data: dict[str, Any]) -> history.Entry:
    return history.Entry.of(Run(1, "", name, "deep", data, 0.0), True)


def test_a_training_whose_report_cannot_be_read_is_listed_and_not_compared() -> None:
    odd, good, none = entry("x", {"a": 1}), entry("y", report().to_json()), Changes((), (), ())
    assert "Its score cannot be read" in history.listing([odd])
    assert "cannot be compared" in history.comparison(odd, good, none, none)
    assert "Both are equally good" in history.comparison(good, good, none, none)
    assert "<b>dog" not in history.comparison(good, good, none, none)


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
    shown = scores.score(report())
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


def epochs(count: int, **changes: float) -> list[Epoch]:
    return [
        Epoch(number, 10, **{"loss": 1 / number, "accuracy": 0.7, "held_out_loss": 1.2 / number, **changes},
              held_out_accuracy=0.5 + number / 50 % 0.5, best=number)
        for number in range(1, count + 1)
    ]  # fmt: skip


def test_the_curves_can_be_read_aloud_and_mark_the_best_round() -> None:
    shown = curves(epochs(6))
    assert shown.count("<svg") == shown.count("<title>") == shown.count("<desc>") == 2
    assert "Photos held out: from 52 % to 62 %. Best round: 6." in shown
    assert "best so far: round 6, 62 % of the held-out photos right" in shown
    for drawing in re.findall("<svg.*?</svg>", shown):
        places = [float(place) for place in re.findall(r"[\d.]+", " ".join(re.findall('points="(.*?)"', drawing)))]
        assert len(places) == 2 * 2 * 6
        assert min(places) >= 0
        assert max(places) <= 340


def test_very_many_rounds_are_thinned_to_what_can_be_told_apart() -> None:
    many = [replace(epoch, best=777) for epoch in epochs(2000)]
    shown = curves(many)
    assert len(shown) < 20_000
    assert "to 2000." in shown
    assert "best so far: round 777" in shown


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("loss", [0.0, 1e-9, 1.0, 1e9, float("nan"), float("inf")])
def test_the_curves_of_few_or_odd_rounds_are_drawn_or_left_out(count: int, loss: float) -> None:
    shown = curves(epochs(count, loss=loss, held_out_loss=loss, accuracy=1.0))
    assert ("<svg" in shown) is (count > 0 and loss < 1e10)
    assert "nan" not in shown
    assert "inf" not in shown


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
