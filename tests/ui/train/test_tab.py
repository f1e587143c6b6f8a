"""The Train tab: its settings, and trainings that go on in the background."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from classifier import TrainConfig
from classifier.errors import SettingError
from classifier.events import Epoch, Note, Progress
from classifier.ui.sessions import Home, welcome
from classifier.ui.train import jobs, settings
from classifier.ui.train import tab as train_tab
from tests.helpers import NASTY, fill

DEFAULT = TrainConfig()
CHOSEN: dict[str, Any] = {
    "mode": "quick", "minutes": DEFAULT.minutes, "domain": DEFAULT.domain, "backbone": DEFAULT.backbone, "other": "",
    "learning_rate": DEFAULT.learning_rate, "epochs": "", "batch": DEFAULT.batch, "optimizer": DEFAULT.optimizer,
    "unfreeze": "", "seed": DEFAULT.seed,
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
            batch=8, optimizer="sgd", unfreeze="2", seed=3,
        )
    )  # fmt: skip
    assert made == TrainConfig(
        mode="deep", minutes=0.0, domain="aerial", backbone="tf_efficientnet_lite1", learning_rate=1e-3, epochs=7,
        batch=8, optimizer="sgd", unfreeze=2, seed=3,
    )  # fmt: skip
    assert settings.config(*chosen(other=" resnet26d ")).backbone == "resnet26d"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epochs": "many"}, "number of rounds is “many”"),
        ({"epochs": "-1"}, "write a whole number"),
        ({"unfreeze": "0"}, "must be from 1"),
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
    assert not jobs.under_way(home, token)
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
