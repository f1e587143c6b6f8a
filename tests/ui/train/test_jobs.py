"""Trainings step by step: corrected photos let them begin again, a restart goes on, earlier steps are used again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from classifier import TrainConfig, train
from classifier.errors import DataError
from classifier.events import Step
from classifier.messages.steps_page import StepsCode
from classifier.ui.background import Job, Overall
from classifier.ui.sessions import Home, ensure_token
from classifier.ui.train import jobs, runs, steps, waiting
from classifier.ui.train import tab as train_tab
from tests.helpers import fill
from tests.ui.jobs import Steps, progress, wait
from tests.ui.train.values import setting_values

CONFIG = TrainConfig(mode="auto", max_steps=1, resize_modes=("whole",))
VALUES = setting_values(mode="auto", max_steps="1")
LITE1 = "tf_efficientnet_lite1"


def job_of(home: Home, token: str) -> Job:
    job = jobs.get_job(home, token)
    assert job is not None
    return job


@contextmanager
def another_first_step(home: Home, start: Callable[[], object]) -> Iterator[None]:
    """Start a training, and another one behind it whose first step lasts until the end of the block."""
    first_step = Steps(progress(1))
    start()
    other = home.jobs.start(home.root / "other", first_step, graceful=True)
    yield
    first_step.step()
    wait(other)


def take_slots(home: Home) -> None:
    """Let the first steps of others run that do not end."""
    for name in ("other", "another"):
        home.jobs.start(home.root / name, Steps(progress(1)), graceful=True)


@pytest.mark.slow
def test_a_photo_corrected_during_a_training_lets_it_begin_again(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 4, "dog": 4}))
    with another_first_step(home, lambda: jobs.start(home, token, CONFIG)):
        job = job_of(home, token)
        while not job.state.held:
            assert not job.wait(0.01)
        shown = train_tab.show(home, token, VALUES)
        assert "pc-score" in shown.result
        assert "Step 1:" in shown.steps
        assert shown.stop["value"].startswith("Stop here")
        assert "A first model is there" in train_tab.news(home, token, "")
        with home.open(token) as project:
            project.move([project.photos("cat")[0].id], "dog")
    wait(job)
    assert (job.state.phase, job.state.restarts) == ("finished", 1)
    assert train_tab.watch(home, token, 0, shown.stage).outdated != gr.skip()
    after = train_tab.show(home, token, VALUES)
    assert after.newest > shown.newest
    listed = runs.show(home, token).list
    assert listed.count("since then, 1 photo changed class") == 1  # the earlier one, on the old labels
    assert "First step" in listed
    assert not list(home.folder(token).glob("models/*/resume"))


@pytest.mark.slow
def test_a_training_that_ended_with_the_program_goes_on_at_its_step(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 4, "dog": 4}))
    with home.open(token) as project, closing(train(project, TrainConfig(mode="auto", max_steps=2))) as events:  # type: ignore[type-var]
        assert any(isinstance(event, Step) for event in events)
    home = Home(tmp_path / "home", tmp_path)  # after a restart
    with another_first_step(home, lambda: train_tab.resume(home, token, VALUES)):
        job = job_of(home, token)
        while not job.state.held:
            assert not job.wait(0.01)
        assert "Step 1:" in train_tab.show(home, token, VALUES).steps  # at once
    wait(job)
    view = train_tab.show(home, token, VALUES)
    (folder,) = (path for path in home.folder(token).glob("models/*") if path.is_dir())
    assert [step.number for step in steps.Tried.read(folder).steps] == [1, 2]
    assert "Step 2:" in view.steps
    assert "Step 1 is in use now" in steps.take_back(home, token, folder, 1)
    for claimed in (None, "1", True, 3, 1.0, [1], {}):
        with pytest.raises(DataError, match="no longer there"):
            steps.use_of_newest(home, token, gr.EventData(None, {"step": claimed}))
    with pytest.raises(DataError) as caught:
        steps.use_of_newest(home, ensure_token(None), gr.EventData(None, {"step": 1}))
    assert caught.value.code is StepsCode.NO_STEPS


@pytest.mark.slow
def test_an_interrupted_training_goes_on_with_more_time(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 4, "dog": 4}))
    with home.open(token) as project, closing(train(project, replace(CONFIG, max_steps=2))) as events:  # type: ignore[type-var]
        assert any(isinstance(event, Step) for event in events)
    jobs.start(home, token, replace(CONFIG, minutes=30))
    assert wait(job_of(home, token)).state.phase == "finished"
    with home.open(token) as project:
        (folder,) = project.model_folders()
    assert [step.number for step in steps.Tried.read(folder).steps] == [1]


@pytest.mark.slow
@pytest.mark.parametrize("corrected", [False, True])
def test_a_network_that_was_asked_for_is_tried_after_a_restart(
    corrected: bool, tmp_path: Path, make_folder: Any
) -> None:
    """It follows the steps before it, or is tried in another folder where photos were corrected since."""
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 4, "dog": 4}))
    jobs.start(home, token, CONFIG)
    wait(job_of(home, token))
    with home.open(token) as project:
        (run,) = (folder.name for folder in project.model_folders())
    take_slots(home)
    jobs.try_network(home, token, replace(CONFIG, max_steps=2), LITE1, run)
    cut_off = job_of(home, token).work(lambda: False)
    while not isinstance(next(cut_off), Overall):
        pass
    cut_off.close()  # it began to read photos, and the program is killed
    home = Home(tmp_path / "home", tmp_path)
    if corrected:
        with home.open(token) as project:
            project.move([project.photos("cat")[0].id], "dog")
    jobs.resume(home, token)
    assert wait(job_of(home, token)).state.phase == "finished"
    with home.open(token) as project:
        folders = project.model_folders()
    tried = [[step.backbone for step in steps.Tried.read(folder).steps] for folder in folders]
    both = [CONFIG.backbone, LITE1]
    assert tried == ([both, [CONFIG.backbone]] if corrected else [both])


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["quick", "auto"])
def test_a_training_that_waits_begins_after_a_restart(mode: str, tmp_path: Path, make_folder: Any) -> None:
    values = setting_values(mode=mode, max_steps="1")
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 4, "dog": 4}))
    take_slots(home)
    train_tab.start(home, token, values)
    assert home.jobs.position(job_of(home, token)) == 2
    home = Home(tmp_path / "home", tmp_path)  # after a restart
    train_tab.resume(home, token, values)
    assert wait(job_of(home, token)).state.phase == "finished"
    with home.open(token) as project:
        assert len(project.catalog.runs.newest()) == 1
    home = Home(tmp_path / "home", tmp_path)
    train_tab.resume(home, token, values)
    assert jobs.get_job(home, token) is None  # it began once


def test_a_training_that_was_stopped_while_it_waited_does_not_begin(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 4, "dog": 4}))
    take_slots(home)
    jobs.start(home, token, CONFIG)
    train_tab.stop(home, token, VALUES)
    home = Home(tmp_path / "home", tmp_path)
    train_tab.resume(home, token, VALUES)
    assert jobs.get_job(home, token) is None


@pytest.mark.slow
@pytest.mark.parametrize("kills", [1, 2])
def test_a_quick_training_that_a_restart_cut_off_begins_again_once(
    kills: int, tmp_path: Path, make_folder: Any
) -> None:
    values = setting_values(mode="quick")
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 4, "dog": 4}))
    take_slots(home)
    train_tab.start(home, token, values)  # waits for ever
    cut_off = []
    for _ in range(kills):
        cut_off.append(job_of(home, token).work(lambda: False))
        next(cut_off[-1])  # it began, and the program is killed
        home = Home(tmp_path / "home", tmp_path)
        if len(cut_off) < kills:  # as the restart would, but behind another one
            take_slots(home)
            train_tab.resume(home, token, values)
    view = train_tab.resume(home, token, values)
    if kills == 2:
        assert jobs.get_job(home, token) is None
        assert "The last training twice ended the program" in view.result
        train_tab.start(home, token, values)  # asked for
    assert wait(job_of(home, token)).state.phase == "finished"
    assert "twice" not in train_tab.show(home, token, values).result
    home = Home(tmp_path / "home", tmp_path)
    train_tab.resume(home, token, values)
    assert jobs.get_job(home, token) is None  # it has ended


@pytest.mark.slow
def test_a_quick_training_that_failed_does_not_begin_again(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 4}))  # one class
    jobs.start(home, token, TrainConfig(mode="quick"))
    assert wait(job_of(home, token)).state.phase == "failed"
    assert waiting.find(home.folder(token)) is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"config": {"mode": "x"}, "model": null, "networks": []}'])
def test_a_damaged_note_of_what_waits_is_none(content: str, tmp_path: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    home.folder(token).mkdir(parents=True)
    (home.folder(token) / "waiting.json").write_text(content)
    jobs.resume(home, token)
    assert jobs.get_job(home, token) is None
