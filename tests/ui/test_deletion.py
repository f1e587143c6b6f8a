"""Deleting everything while a training runs: nothing of it comes back."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from classifier import TrainConfig
from classifier.messages.workflows import StepCode
from classifier.ui.background import Overall, ShouldStop
from classifier.ui.sessions import Home, ensure_token
from classifier.ui.train.jobs import training_work
from tests.helpers import fill
from tests.ui.jobs import LONG


@pytest.mark.slow
@pytest.mark.parametrize("waits", [True, False])
def test_no_model_appears_after_everything_was_deleted(tmp_path: Path, make_folder: Any, waits: bool) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 4, "dog": 4}))
    folder, work = home.folder(token), training_work(home, token, TrainConfig())
    started, go_on = threading.Event(), threading.Event()

    def late(should_stop: ShouldStop) -> Generator[Any, None, None]:
        for event in work(should_stop):
            yield event
            if isinstance(event, Overall) and event.stage is StepCode.TRAIN_HEAD:  # then it yields nothing for long
                started.set()
                assert go_on.wait(LONG)

    job = home.jobs.start(folder, late, graceful=False)
    assert started.wait(LONG)
    if waits:
        threading.Timer(0.1, go_on.set).start()
        home.delete(token)
    else:  # the training takes longer than the visitor can wait
        home.jobs.cancel(folder, 0)
        shutil.rmtree(folder)
        go_on.set()
    assert job.wait(LONG)
    assert not folder.exists()
    assert job.state.finished is None


def test_a_project_visited_while_its_training_ends_is_kept(tmp_path: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path, keep_hours=24), ensure_token(None)
    home.open(token).close()
    folder, begun = home.folder(token), threading.Event()

    def work(should_stop: ShouldStop) -> Generator[Any, None, None]:
        try:
            while not should_stop():
                begun.set()
                yield None
        finally:
            home.open(token).close()

    job = home.jobs.start(folder, work, graceful=True)
    assert begun.wait(LONG)
    os.utime(folder, (0, 0))
    home.clean_up()
    assert job.state.ended
    assert home.find(token) is not None


def test_what_a_deletion_left_when_the_program_ended_is_deleted(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    half = home.root / f".deleted-{'0' * 16}"
    home.folder(token).rename(half)
    (half / "project.sqlite").unlink()
    Home(tmp_path / "home", tmp_path).clean_up()
    assert not half.exists()
    assert home.find(token) is None
