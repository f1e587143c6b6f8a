"""One training as a background job: its state, and how it ends."""

from __future__ import annotations

import contextvars
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import torch

from classifier.errors import StorageError
from classifier.events import Note
from classifier.messages import message
from classifier.messages.files import StorageCode
from classifier.messages.models import PredictCode
from classifier.messages.page import PageCode
from classifier.messages.training_page import TrainCode
from classifier.ui.background import ShouldStop, Work
from classifier.ui.queue import Jobs
from tests.ui.jobs import Steps, epoch, finished, progress, wait

NOTE = message(TrainCode.STARTING)


def test_the_state_holds_all_events_so_far_for_a_page_opened_later(tmp_path: Path) -> None:
    end = finished(tmp_path)
    work = Steps(progress(1), epoch(1), Note(NOTE), epoch(2), last=end)
    job = Jobs().start(tmp_path, work, graceful=True)
    for _ in range(3):
        work.step()
    state = job.state
    assert (state.phase, state.progress, state.epochs) == ("running", progress(1), (epoch(1),))
    assert state.notes == (NOTE,)
    work.step()
    wait(job)
    assert (job.state.phase, job.state.finished, len(job.state.epochs)) == ("finished", end, 2)
    assert job.state.version > state.version


def test_a_resumed_training_that_repeats_epochs_lists_each_once(tmp_path: Path) -> None:
    def work(should_stop: ShouldStop) -> Generator[Any, None, None]:
        yield from (epoch(1), epoch(2), epoch(2), epoch(3))

    job = wait(Jobs().start(tmp_path, work, graceful=True))
    assert [one.number for one in job.state.epochs] == [1, 2, 3]


def test_stop_lets_a_graceful_training_end_with_the_best_so_far(tmp_path: Path) -> None:
    work = Steps(epoch(1), epoch(2), epoch(3), last=finished(tmp_path))
    job = Jobs().start(tmp_path, work, graceful=True)
    work.step()
    job.stop()
    assert job.state.phase == "stopping"
    work.allowed.release()
    wait(job)
    assert job.state.phase == "finished"
    assert [one.number for one in job.state.epochs] == [1]


def test_stop_closes_any_other_training(tmp_path: Path) -> None:
    work = Steps(progress(1), progress(2), progress(3))
    job = Jobs().start(tmp_path, work, graceful=False)
    work.step()
    job.stop()
    work.allowed.release()
    wait(job)
    assert (job.state.phase, work.closed.is_set()) == ("stopped", True)


def test_an_error_on_purpose_is_kept_as_its_code_and_a_bug_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(error: Exception) -> Work:
        def work(should_stop: ShouldStop) -> Generator[Any, None, None]:
            yield Note(NOTE)
            raise error

        return work

    jobs = Jobs()
    full = wait(jobs.start(tmp_path / "a", fails(StorageError(StorageCode.DISK_FULL)), graceful=True))
    assert (full.state.phase, full.state.error) == ("failed", message(StorageCode.DISK_FULL))
    assert caplog.text == ""
    bug = wait(jobs.start(tmp_path / "b", fails(ZeroDivisionError("secret detail")), graceful=True))
    assert (bug.state.phase, bug.state.error) == ("failed", message(PageCode.BUG))
    assert "secret detail" in caplog.text
    assert bug.state.notes == (NOTE,)


def test_memory_that_runs_out_in_a_training_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def work(should_stop: ShouldStop) -> Generator[Any, None, None]:
        yield torch.empty(2**60, dtype=torch.uint8)  # which no computer has

    job = wait(Jobs().start(tmp_path, work, graceful=True))
    assert (job.state.phase, job.state.error) == ("failed", message(PredictCode.NO_MEMORY))
    assert caplog.text == ""


def test_the_context_of_the_request_that_started_a_training_reaches_it(tmp_path: Path) -> None:
    request: contextvars.ContextVar[int] = contextvars.ContextVar("request")
    received: list[int] = []

    def work(should_stop: ShouldStop) -> Generator[Any, None, None]:
        received.append(request.get(0))
        yield Note(NOTE)

    request.set(7)
    wait(Jobs().start(tmp_path, work, graceful=True))
    assert received == [7]
