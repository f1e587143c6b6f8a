"""The Train tab: its settings, and trainings that go on in the background."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from classifier import TrainConfig
from classifier.events import Epoch, Note
from classifier.messages import message
from classifier.messages.photos_page import PhotosCode
from classifier.messages.training_page import TrainCode
from classifier.messages.workflows import StepCode
from classifier.training import attempts
from classifier.ui.background import Overall, ShouldStop
from classifier.ui.sessions import Home, ensure_token
from classifier.ui.train import jobs
from classifier.ui.train import tab as train_tab
from classifier.workflows.train import train as train_project
from tests.helpers import NASTY, fill
from tests.ui.jobs import Steps, progress
from tests.ui.train.values import setting_values


def train(home: Home, token: str, values: dict[str, Any]) -> train_tab.View:
    """Press Train, wait until the training has ended, and draw the page as its timer lets it."""
    view = train_tab.start(home, token, values)
    job = home.jobs.get(home.folder(token))
    assert job is not None
    assert job.wait(120)
    assert train_tab.watch(home, token, 0, view.stage).outdated != gr.skip()
    return train_tab.show(home, token, values)


@pytest.mark.slow
def test_a_training_goes_on_without_the_page(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    assert train_tab.show(home, token, setting_values()).button["interactive"] is False
    fill(home, token, make_folder({"cat": 4, "dog": 4}))
    view = train(home, token, setting_values())
    assert "pc-score" in view.result
    assert view.newest.endswith("-quick")
    again = train_tab.resume(Home(tmp_path / "home", tmp_path), token, setting_values())  # after a restart
    assert again.result == view.result
    assert again.newest == view.newest


def _nothing(should_stop: ShouldStop) -> Generator[Any, None, None]:
    yield from ()


def test_a_training_is_offered_for_two_classes_of_training_photos(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    with home.open(token) as project:
        project.set_split([photo.id for photo in project.photos("dog")], "test")
    assert train_tab.show(home, token, setting_values()).button["interactive"] is False
    with home.open(token) as project:
        project.set_split([project.photos("dog")[0].id], "train")
    assert "3 photos in 2 classes" in train_tab.show(home, token, setting_values()).about


def test_a_running_training_is_shown_on_a_new_page_and_can_be_stopped(tmp_path: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    go = threading.Event()

    def work(should_stop: ShouldStop) -> Generator[Any, None, None]:
        yield Overall(StepCode.EXTRACT_FEATURES, 0.25, 50.0, until_first=False)
        yield Epoch(1, 4, 1.0, 0.5, 1.1, 0.6, 1)
        while not should_stop():
            assert go.wait(120)
            yield Note(message(PhotosCode.CLASS_REMOVED, label=NASTY, count=3))
        yield Note(message(TrainCode.STOPPING))

    before = train_tab.show(home, token, setting_values())  # may be drawn when the training has begun
    job = home.jobs.start(home.folder(token), work, graceful=True)
    assert before.timer == gr.skip()
    assert train_tab.watch(home, token, 0, before.stage).outdated != gr.skip()
    other = ensure_token(None)
    home.jobs.start(home.root / "third", Steps(progress(1)), graceful=True)
    home.jobs.start(home.folder(other), _nothing, graceful=True)
    waiting = train_tab.resume(home, other, setting_values())
    assert "Waiting for its turn: 2 trainings are before yours" in waiting.progress
    while not job.state.epochs:
        assert not job.wait(0.01)
    view = train_tab.resume(home, token, setting_values())
    assert "Looking at the photos</span><span>about 50 seconds left" in view.progress
    assert "<svg" in view.progress
    assert view.timer.active
    watched = train_tab.watch(home, token, 0, view.stage)
    assert (watched.progress, watched.outdated) == (view.progress, gr.skip())
    nothing_new = train_tab.watch(home, token, watched.version, view.stage)
    assert nothing_new == (gr.skip(),) * len(nothing_new)
    stopping = train_tab.stop(home, token, setting_values())
    assert train_tab.watch(home, token, 0, view.stage).outdated != gr.skip()
    go.set()
    assert job.wait(120)
    assert train_tab.watch(home, token, 0, stopping.stage).outdated != gr.skip()
    after = train_tab.show(home, token, setting_values())
    assert str(TrainCode.STOPPING) in after.result
    assert "How the training went" in after.details
    assert "<script" not in after.result + after.details + view.progress
    assert after.timer == gr.skip()
    assert not train_tab.watch(home, token, 0, after.stage).timer.active


def interrupt(home: Home, token: str, config: TrainConfig) -> Path:
    """A project with a deep training that ended with the program; its folder."""
    with home.open(token) as project:
        folder = project.models / "2025-01-02-030405-deep"
        (folder / "resume").mkdir(parents=True)
        (folder / "resume" / "settings.json").write_text(json.dumps({"config": asdict(config), "photos": ""}))
    return folder


@pytest.mark.slow
def test_a_deep_training_that_ended_with_the_program_resumes(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 4, "dog": 4}))
    folder = interrupt(home, token, TrainConfig(mode="deep", seed=5))
    assert not jobs.is_training(home, token)
    train_tab.resume(home, token, setting_values())
    job = home.jobs.get(home.folder(token))
    assert job is not None
    assert job.wait(120)
    assert job.state.finished is not None
    assert job.state.finished.folder == folder
    assert json.loads((folder / "training.json").read_text())["config"]["seed"] == 5
    assert train_tab.resume(home, token, setting_values()).newest == folder.name  # and that is the end of it


@pytest.mark.slow
def test_a_training_that_ended_the_program_is_resumed_once(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 4, "dog": 4}))
    resume_folder = interrupt(home, token, TrainConfig(mode="deep")) / "resume"
    with home.open(token) as project:
        for starts in (1, 2):  # ended while it began: nothing of it is left but the count
            train_work = train_project(project, TrainConfig(mode="deep"), resume_folder.parent)
            next(iter(train_work))
            assert attempts.count_starts(resume_folder) == starts
            del train_work
    view = train_tab.resume(home, token, setting_values())
    assert not jobs.is_training(home, token)
    assert "twice ended the program" in view.result
    assert view.button["interactive"] is True
    train_tab.start(home, token, setting_values(mode="deep"))  # when asked, in smaller steps
    job = home.jobs.get(home.folder(token))
    assert job is not None
    assert job.wait(120)
    assert job.state.finished is not None
    assert "twice ended" not in train_tab.show(home, token, setting_values()).result


@pytest.mark.slow
@pytest.mark.parametrize("same", [True, False])
def test_train_resumes_an_interrupted_training_with_the_same_settings_only(
    tmp_path: Path, make_folder: Any, same: bool
) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 4, "dog": 4}))
    folder = interrupt(home, token, TrainConfig(mode="deep", seed=5))
    view = train(home, token, setting_values(mode="deep", seed=5 if same else 6))
    assert (view.newest == folder.name) is same
    assert not (folder / "resume").exists()


def test_why_a_training_failed_is_shown_on_a_page_opened_later(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    train_tab.start(home, token, setting_values(other_backbone="no_such_network"))
    job = home.jobs.get(home.folder(token))
    assert job is not None
    assert job.wait(60)
    view = train_tab.resume(home, token, setting_values())
    assert "There is no network called “no_such_network”" in view.result
    assert view.button["interactive"] is True
