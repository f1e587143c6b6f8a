"""Trainings in the background: they take turns, outlive who started them, and end as they should."""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from classifier.errors import StorageError
from classifier.events import Epoch, Note, Progress
from classifier.ui.background import Job, Jobs, Work
from classifier.ui.handlers import SORRY
from classifier.ui.sessions import Home, welcome
from classifier.workflows.train import Finished

LONG = 20.0  # seconds; what never happens where all is well


def round_(number: int) -> Epoch:
    return Epoch(number, 3, 1.0, 0.5, 1.0, 0.5, best=1)


def finished(tmp_path: Path, **changes: Any) -> Finished:
    values: dict[str, Any] = {"report": None, "folder": tmp_path, "seconds": 1.0, "test": None, **changes}
    return Finished(**values)


def until_over(job: Job) -> Job:
    assert job.wait(LONG), "the training did not end"
    return job


class Steps:
    """A training that goes one event further each time it is allowed to."""

    def __init__(self, *events: object, last: object = None) -> None:
        self.events, self.last = events, last
        self.allowed, self.given = threading.Semaphore(0), threading.Semaphore(0)
        self.closed = threading.Event()

    def __call__(self, to_stop: Callable[[], bool]) -> Iterator[object]:
        try:
            for event in self.events:
                assert self.allowed.acquire(timeout=LONG)
                if to_stop() and self.last is not None:
                    break
                yield event
                self.given.release()
            if self.last is not None:
                yield self.last
        finally:
            self.closed.set()

    def step(self) -> None:
        self.allowed.release()
        assert self.given.acquire(timeout=LONG)


def test_what_happened_so_far_is_kept_for_whoever_comes_to_look(tmp_path: Path) -> None:
    end = finished(tmp_path)
    work = Steps(Progress("Fine-tuning", 1, 3, 9.0), round_(1), Note("It takes longer."), round_(2), last=end)
    job = Jobs().start(tmp_path, work, gentle=True)
    for _ in range(3):
        work.step()
    state = job.state
    assert (state.phase, state.progress, state.epochs) == ("running", Progress("Fine-tuning", 1, 3, 9.0), (round_(1),))
    assert state.notes == ("It takes longer.",)
    work.step()
    until_over(job)
    assert (job.state.phase, job.state.finished, len(job.state.epochs)) == ("finished", end, 2)
    assert job.state.version > state.version


def test_a_training_that_goes_on_tells_its_rounds_once(tmp_path: Path) -> None:
    def work(to_stop: Callable[[], bool]) -> Iterator[object]:
        yield from (round_(1), round_(2), round_(2), round_(3))

    job = until_over(Jobs().start(tmp_path, work, gentle=True))
    assert [epoch.number for epoch in job.state.epochs] == [1, 2, 3]


def test_stop_lets_a_gentle_training_end_by_itself_with_the_best_so_far(tmp_path: Path) -> None:
    work = Steps(round_(1), round_(2), round_(3), last=finished(tmp_path))
    job = Jobs().start(tmp_path, work, gentle=True)
    work.step()
    job.stop()
    assert job.state.phase == "stopping"
    work.allowed.release()
    until_over(job)
    assert job.state.phase == "finished"
    assert [epoch.number for epoch in job.state.epochs] == [1]


def test_stop_breaks_off_any_other_training_and_closes_it(tmp_path: Path) -> None:
    work = Steps(Progress("a", 1, 3, None), Progress("a", 2, 3, None), Progress("a", 3, 3, None))
    job = Jobs().start(tmp_path, work, gentle=False)
    work.step()
    job.stop()
    work.allowed.release()
    until_over(job)
    assert (job.state.phase, work.closed.is_set()) == ("stopped", True)


def test_a_mistake_is_its_sentence_and_a_bug_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fails(error: Exception) -> Work:
        def work(to_stop: Callable[[], bool]) -> Iterator[object]:
            yield Note("It began.")
            raise error

        return work

    jobs = Jobs()
    full = until_over(jobs.start(tmp_path / "a", fails(StorageError("The disk is full.")), gentle=True))
    assert (full.state.phase, full.state.problem) == ("failed", "The disk is full.")
    assert caplog.text == ""
    bug = until_over(jobs.start(tmp_path / "b", fails(ZeroDivisionError("secret detail")), gentle=True))
    assert (bug.state.phase, bug.state.problem) == ("failed", SORRY)
    assert "secret detail" in caplog.text
    assert bug.state.notes == ("It began.",)


def test_one_training_at_a_time_in_the_order_they_came(tmp_path: Path) -> None:
    jobs, first, last = Jobs(), Steps(round_(1)), Steps(round_(1))
    one = jobs.start(tmp_path / "one", first, gentle=True)
    two = jobs.start(tmp_path / "two", Steps(round_(1)), gentle=True)
    three = jobs.start(tmp_path / "three", last, gentle=True)
    assert [jobs.ahead(job) for job in (one, two, three)] == [0, 1, 2]
    assert (two.state.phase, three.state.phase) == ("waiting", "waiting")
    two.stop()  # while it waits
    assert (two.state.phase, jobs.ahead(three)) == ("stopped", 1)
    first.step()
    last.step()
    for job in (one, three):
        until_over(job)


def test_a_second_start_of_a_project_gives_the_training_under_way(tmp_path: Path) -> None:
    jobs, work = Jobs(), Steps(round_(1))
    job = jobs.start(tmp_path, work, gentle=True)
    assert jobs.start(tmp_path, Steps(), gentle=True) is job
    work.step()
    until_over(job)
    assert jobs.find(tmp_path) is job
    assert jobs.start(tmp_path, Steps(), gentle=True) is not job


def test_the_request_that_started_a_training_reaches_its_thread(tmp_path: Path) -> None:
    request: contextvars.ContextVar[str] = contextvars.ContextVar("request")

    def work(to_stop: Callable[[], bool]) -> Iterator[object]:
        yield Note(request.get("none"))

    request.set("of this visitor")
    job = until_over(Jobs().start(tmp_path, work, gentle=True))
    assert job.state.notes == ("of this visitor",)


def test_delete_everything_and_the_sweep_end_a_training_before_its_project_goes(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", tmp_path, keep_hours=24)
    for leave in (home.forget, lambda token: home.sweep()):
        token = welcome(None)
        home.open(token).close()
        folder = home.folder(token)
        there: list[bool] = []
        begun = threading.Event()

        def work(
            to_stop: Callable[[], bool], folder: Path = folder, there: list[bool] = there, begun: Any = begun
        ) -> Iterator[object]:
            try:
                while not to_stop():
                    begun.set()
                    yield Progress("Fine-tuning", 1, 2, None)
                yield Progress("Fine-tuning", 2, 2, None)
            finally:
                there.append(folder.exists())

        job = home.jobs.start(folder, work, gentle=True)
        assert begun.wait(LONG)
        os.utime(folder, (0, 0))
        leave(token)
        assert (job.state.over, there, folder.exists()) == (True, [True], False)
        assert home.jobs.find(folder) is None
