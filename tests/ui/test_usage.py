"""Limits of the host reached one by one, through the handlers of the page: a sentence, and what is there stays."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from classifier import ClassifierError, TrainConfig
from classifier.errors import DataError, LayoutError, SettingError
from classifier.messages.limits import LimitCode
from classifier.ui.host_limits import HOME_LIMITS, SPACE_LIMITS
from classifier.ui.sessions import Home, check_capacity, ensure_token
from classifier.ui.train import jobs, settings
from classifier.ui.train import tab as train_tab
from classifier.ui.usage import FolderSize
from tests.helpers import fill
from tests.ui.jobs import Steps, epoch, wait
from tests.ui.train.values import setting_values


def make_home(folder: Path, **limits: Any) -> Home:
    return Home(folder / "home", folder / "none", limits=replace(HOME_LIMITS, **limits))


def test_a_full_server_takes_nobody_new_and_keeps_those_it_has(tmp_path: Path, make_folder: Any) -> None:
    home = make_home(tmp_path, projects=2)
    one, other, late = (ensure_token(None) for _ in range(3))
    for token in (one, other):
        fill(home, token, make_folder({"cat": 2, "dog": 2}))
    with pytest.raises(DataError, match="room for the photos of 2 people") as caught:
        home.open(late)
    assert caught.value.code is LimitCode.PROJECTS
    assert home.find(late) is None
    with home.open(one) as project:
        assert project.classes() == {"cat": 2, "dog": 2}
    home.delete(other)
    home.open(late).close()


def test_a_full_disk_starts_no_training_and_keeps_the_photos(tmp_path: Path, make_folder: Any) -> None:
    home, token = make_home(tmp_path, host_megabytes=1), ensure_token(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    home.check_room()
    (home.root / "large").write_bytes(bytes(1_000_000))
    home = make_home(tmp_path, host_megabytes=1)
    with pytest.raises(DataError) as caught:
        train_tab.start(home, token, setting_values())
    assert caught.value.code is LimitCode.HOST_BYTES
    assert not jobs.is_training(home, token)
    with home.open(token) as project:
        assert project.classes() == {"cat": 2, "dog": 2}


def test_a_project_is_full_at_the_photos_of_its_host(tmp_path: Path, make_folder: Any) -> None:
    home, token = make_home(tmp_path, project_photos=5), ensure_token(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    with home.open(token) as project:
        check_capacity(project, 1)
        with pytest.raises(DataError, match="it can hold 5"):
            check_capacity(project, 2)


def test_a_training_beyond_the_queue_is_refused_with_a_sentence(tmp_path: Path, make_folder: Any) -> None:
    home, token = make_home(tmp_path, queue=1), ensure_token(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    running, waiting = Steps(epoch(1)), Steps(epoch(1))
    home.jobs.start(tmp_path / "other", Steps(epoch(1)), graceful=True)  # two first steps run at once
    first = home.jobs.start(tmp_path / "one", running, graceful=True)
    second = home.jobs.start(tmp_path / "two", waiting, graceful=True)
    with pytest.raises(ClassifierError, match="1 training waits already") as caught:
        train_tab.start(home, token, setting_values())
    assert caught.value.code is LimitCode.QUEUE
    assert "1 of the 1 training that can wait here" in str(home.nearly_full(token))
    running.step()
    waiting.step()
    wait(first)
    wait(second)
    train_tab.start(home, token, setting_values())
    job = jobs.get_job(home, token)
    assert job is not None
    assert job.wait(60)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"other_backbone": "resnet26d"}, LimitCode.NETWORKS),
        ({"mode": "deep", "minutes": 31}, LimitCode.MINUTES),
        ({"mode": "deep", "minutes": 0}, LimitCode.MINUTES_UNLIMITED),
        ({"mode": "deep", "epochs": "101"}, LimitCode.EPOCHS),
    ],
)
def test_settings_beyond_the_limits_of_a_space_are_refused(values: dict[str, Any], code: LimitCode) -> None:
    with pytest.raises(SettingError, match=r"\.$") as caught:
        settings.to_config(setting_values(**values), SPACE_LIMITS)
    assert caught.value.code is code
    assert settings.to_config(setting_values(**values)) is not None  # at home


def test_what_is_nearly_used_up_is_shown_from_80_percent_on(tmp_path: Path, make_folder: Any) -> None:
    home, token = make_home(tmp_path, project_photos=5, classes=3, projects=1, project_megabytes=1), ensure_token(None)
    assert home.nearly_full(token) is None
    fill(home, token, make_folder({"cat": 1, "dog": 2}))
    assert str(home.nearly_full(token)) == ("Nearly used up: 1 of the 1 project that this server has room for.")
    fill(home, token, make_folder({"owl": 1}))
    said = str(home.nearly_full(token))
    assert "3 of the 3 classes that your project can have" in said
    assert "4 of the 5 photos that your project can hold" in said
    assert "MB" not in said
    assert Home(tmp_path / "home", tmp_path).nearly_full(token) is None  # without limits


def test_a_time_near_the_limit_is_shown_before_the_training(tmp_path: Path, make_folder: Any) -> None:
    home, token = make_home(tmp_path, train_minutes=6, train_epochs=10), ensure_token(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    about = train_tab.show(home, token, setting_values(mode="deep", minutes=5.0, epochs="8")).about
    assert "5 of the 6 minutes" in about
    assert "8 of the 10 epochs" in about
    assert train_tab.show_about(home, token, setting_values(mode="deep", minutes=5.0, epochs="8")) == about
    assert "of the" not in train_tab.show(home, token, setting_values(mode="deep", minutes=3.0)).about


def test_a_training_ends_with_its_time(tmp_path: Path, make_folder: Any) -> None:
    home, token = make_home(tmp_path, train_minutes=1), ensure_token(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    late = iter([0.0, *[100.0] * 1000])
    work = jobs.training_work(home, token, TrainConfig(), clock=lambda: next(late))
    with pytest.raises(ClassifierError, match="The 1 minute that a training may take here"):
        list(work(lambda: False))


def test_the_size_of_a_folder_is_that_of_its_files(tmp_path: Path) -> None:
    assert FolderSize(tmp_path / "none").get() == 0
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(bytes(1000))
    (tmp_path / "d").write_bytes(bytes(24))
    os.link(tmp_path / "d", tmp_path / "a" / "the same")
    assert FolderSize(tmp_path).get() == 1024


def test_what_is_being_written_takes_room(tmp_path: Path) -> None:
    size = FolderSize(tmp_path)
    with size.reserve(600, limit=1000):
        assert size.get() == 600
        with pytest.raises(DataError) as caught, size.reserve(401, limit=1000):
            raise AssertionError("there is no room")
        assert caught.value.code is LimitCode.HOST_BYTES
    with pytest.raises(ValueError, match="broken"), size.reserve(400, limit=1000):
        raise ValueError("broken off")
    with size.reserve(400, limit=1000):
        pass


def test_nobody_waits_while_a_folder_is_measured_again(tmp_path: Path) -> None:
    size = FolderSize(tmp_path)
    assert size.get() == 0
    with size._measuring, size.reserve(600, limit=1000):  # as another thread does
        assert size.get() == 600


def test_what_is_written_while_a_folder_is_measured_counts(tmp_path: Path) -> None:
    size = FolderSize(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        for number in range(20):
            pool.submit(size.get)
            with size.reserve(10, limit=1000):
                (tmp_path / str(number)).write_bytes(bytes(10))
            assert size.get() >= 10 * (number + 1)


def test_photos_on_a_full_disk_can_be_read_in_another_way(tmp_path: Path, make_folder: Any) -> None:
    home, token = make_home(tmp_path, host_megabytes=1), ensure_token(None)
    folder = make_folder({"anna/cat": 3, "anna/dog": 3, "ben/cat": 3, "ben/dog": 3})
    files = [(path.relative_to(folder.parent).as_posix(), path) for path in sorted(folder.rglob("*.jpg"))]
    with home.open(token) as project:
        with suppress(LayoutError):  # several readings
            project.uploads.receive(files)
        project.uploads.take("folders:1")
        assert list(project.classes()) == ["anna", "ben"]
        (home.root / "large").write_bytes(bytes(1_000_000))
        project.uploads.take("folders:2")
        assert list(project.classes()) == ["cat", "dog"]
