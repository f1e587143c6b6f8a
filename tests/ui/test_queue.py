"""The queue of trainings: one at a time, in order, one for each project."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from classifier import ClassifierError
from classifier.ui import queue
from classifier.ui.background import ShouldStop
from classifier.ui.foreground import PREDICTIONS, Foreground, going_first
from classifier.ui.queue import Jobs
from tests.ui.jobs import LONG, Steps, epoch, progress, step, wait


def test_trainings_run_one_at_a_time_in_the_order_they_came(tmp_path: Path) -> None:
    jobs, first, last = Jobs(), Steps(epoch(1)), Steps(epoch(1))
    one = jobs.start(tmp_path / "one", first, graceful=True)
    two = jobs.start(tmp_path / "two", Steps(epoch(1)), graceful=True)
    three = jobs.start(tmp_path / "three", last, graceful=True)
    assert [jobs.position(job) for job in (one, two, three)] == [0, 1, 2]
    assert (two.state.phase, three.state.phase) == ("waiting", "waiting")
    two.stop()  # while it waits
    assert (two.state.phase, jobs.position(three)) == ("stopped", 1)
    first.step()
    last.step()
    for job in (one, three):
        wait(job)


def test_a_second_start_of_a_project_returns_the_unfinished_training(tmp_path: Path) -> None:
    jobs, work = Jobs(), Steps(epoch(1))
    job = jobs.start(tmp_path, work, graceful=True)
    assert jobs.start(tmp_path, Steps(), graceful=True) is job
    work.step()
    wait(job)
    assert jobs.get(tmp_path) is job
    assert jobs.start(tmp_path, Steps(), graceful=True) is not job


def test_a_cancelled_training_has_ended_and_is_forgotten(tmp_path: Path) -> None:
    jobs = Jobs()

    def endless(should_stop: ShouldStop) -> Generator[Any, None, None]:
        while True:
            yield progress(1)

    job = jobs.start(tmp_path, endless, graceful=True)
    jobs.cancel(tmp_path)
    assert job.state.ended
    assert jobs.get(tmp_path) is None
    jobs.cancel(tmp_path)  # nothing is left to cancel


def test_only_the_latest_trainings_are_kept_in_memory(tmp_path: Path) -> None:
    jobs = Jobs()
    for number in range(queue.MAX_JOBS + 5):
        wait(jobs.start(tmp_path / str(number), Steps(), graceful=True))
    assert jobs.get(tmp_path / "0") is None
    assert jobs.get(tmp_path / "5") is not None


def test_as_many_trainings_run_side_by_side_as_the_host_allows(tmp_path: Path) -> None:
    jobs, works = Jobs(at_once=2, queue=1), [Steps(epoch(1)) for _ in range(3)]
    one, two, three = (jobs.start(tmp_path / str(number), work, graceful=True) for number, work in enumerate(works))
    assert [jobs.position(job) for job in (one, two, three)] == [0, 0, 2]
    with pytest.raises(ClassifierError, match="waits already"):
        jobs.start(tmp_path / "four", Steps(), graceful=True)
    for work in works:
        work.step()
    for job in (one, two, three):
        wait(job)
    assert jobs.count_waiting() == 0


def test_another_ones_first_step_goes_before_improving_steps(tmp_path: Path) -> None:
    jobs = Jobs()
    improves, begins = Steps(*map(step, range(1, 5))), Steps(progress(1), step(1), step(2))
    one = jobs.start(tmp_path / "one", improves, graceful=True)
    two = jobs.start(tmp_path / "two", begins, graceful=True)
    improves.allowed.release()
    begins.step()  # it runs as soon as the other one has its first step
    assert (len(one.state.steps), one.state.phase) == (1, "running")
    improves.allowed.release()
    begins.step()
    assert improves.yielded.acquire(timeout=LONG)  # then they take turns, step by step
    assert (len(one.state.steps), len(two.state.steps)) == (2, 1)
    begins.allowed.release()
    assert improves.yielded.acquire(timeout=LONG)
    assert (len(one.state.steps), len(two.state.steps)) == (2, 2)
    improves.allowed.release()
    wait(two)
    assert improves.yielded.acquire(timeout=LONG)

    improves.allowed.release()
    improves.allowed.release()
    wait(one)


def test_first_steps_go_before_fine_tuning_which_goes_on_after_them(tmp_path: Path) -> None:
    jobs, tunes = Jobs(), Steps(progress(1), progress(2), progress(3), epoch(1))
    waits, begins = Steps(progress(1)), Steps(progress(1), progress(2))
    fine_tuned = jobs.start(tmp_path / "one", tunes, graceful=True, long=True)
    tunes.step()
    later = jobs.start(tmp_path / "two", waits, graceful=True, long=True)
    tunes.step()  # fine-tuning that has not begun waits for an epoch of the one that runs
    assert (later.state.phase, jobs.place(later)) == ("waiting", (1, None))
    first = jobs.start(tmp_path / "three", begins, graceful=True)
    assert [jobs.position(job) for job in (first, later)] == [0, 1]
    begins.step()  # before the other one ends its batch, after which it is held
    tunes.allowed.release()
    while not fine_tuned.state.held:
        assert not fine_tuned.wait(0.01)
    begins.step()
    wait(first)
    waits.step()
    wait(later)
    tunes.allowed.release()
    wait(fine_tuned)


def test_first_steps_run_side_by_side_while_fine_tuning_waits_for_both(tmp_path: Path) -> None:
    jobs = Jobs(first_steps=2)
    first, second, third, long = (Steps(progress(1)) for _ in range(4))
    started = [jobs.start(tmp_path / name, work, graceful=True) for name, work in (("a", first), ("b", second))]
    waiting = jobs.start(tmp_path / "c", third, graceful=True)
    tuning = jobs.start(tmp_path / "d", long, graceful=True, long=True)
    assert [jobs.position(job) for job in (*started, waiting)] == [0, 0, 2]
    first.step()
    wait(started[0])
    third.step()
    wait(waiting)
    assert tuning.state.phase == "waiting"  # one first step still runs
    second.step()
    wait(started[1])
    long.step()
    wait(tuning)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads of one process have one priority")
def test_a_first_step_after_one_that_stepped_back_has_full_priority(tmp_path: Path) -> None:
    jobs, improving, seen = Jobs(), Steps(step(1), epoch(1)), []

    def first_step(should_stop: ShouldStop) -> Generator[Any, None, None]:
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        yield progress(1)

    other = jobs.start(tmp_path / "improving", improving, graceful=True)
    job = jobs.start(tmp_path / "first", first_step, graceful=True)
    improving.allowed.release(2)
    wait(job)
    wait(other)
    assert seen == [os.getpriority(os.PRIO_PROCESS, threading.get_native_id())]


def test_the_wait_is_estimated_from_those_before(tmp_path: Path) -> None:
    jobs, work = Jobs(), Steps(step(1), step(2))
    wait(jobs.start(tmp_path / "one", Steps(last=step(1)), graceful=True))
    one = jobs.start(tmp_path / "two", work, graceful=True)
    while jobs.position(one):
        assert not one.wait(0.01)
    place = jobs.place(jobs.start(tmp_path / "three", Steps(last=step(1)), graceful=True))
    assert place.before == 1
    assert place.seconds is not None
    assert 0 <= place.seconds < LONG
    for _ in range(2):
        work.allowed.release()
    wait(one)


def test_a_training_is_counted_until_its_first_step_is_done(tmp_path: Path) -> None:
    counted = Foreground()
    jobs, work, tunes = Jobs(counted=counted), Steps(progress(1), step(1), step(2)), Steps(progress(1))
    job = jobs.start(tmp_path / "one", work, graceful=True)
    work.step()
    assert counted.busy
    work.step()
    assert not counted.busy
    work.allowed.release()
    wait(job)
    fine_tuned = jobs.start(tmp_path / "two", tunes, graceful=True, long=True)
    tunes.step()
    wait(fine_tuned)
    assert not counted.busy


def test_fine_tuning_goes_on_however_long_predictions_run(tmp_path: Path) -> None:
    jobs, seen = Jobs(), threading.Event()

    def works(should_stop: ShouldStop) -> Generator[Any, None, None]:
        while not seen.is_set():
            yield progress(1)

    def predict() -> None:
        versions: set[int] = set()
        while len(versions) < 3:
            versions.add(job.state.version)
            assert not job.wait(0.01)

    job = jobs.start(tmp_path, works, graceful=True, long=True)
    going_first(predict)()
    seen.set()
    wait(job)
    assert not PREDICTIONS.busy


def test_a_training_that_is_held_can_be_stopped(tmp_path: Path) -> None:
    jobs, work, other = Jobs(), Steps(step(1), step(2), last=step(3)), Steps(progress(1))
    job = jobs.start(tmp_path / "one", work, graceful=True)
    other_job = jobs.start(tmp_path / "two", other, graceful=True)
    work.allowed.release()
    while not job.state.held:
        assert not job.wait(0.01)
    job.stop()
    work.allowed.release()
    wait(job)
    assert [one.number for one in job.state.steps] == [1, 3]
    other.step()
    wait(other_job)


def test_a_stream_holds_trainings_only_while_it_works() -> None:
    def answers(count: int) -> Generator[bool, None, None]:
        for _ in range(count):
            yield PREDICTIONS.busy

    stream = going_first(answers)(2)
    assert next(stream)
    assert not PREDICTIONS.busy
    assert list(stream) == [True]
