from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from classifier import TrainConfig
from classifier.config import Mode
from classifier.errors import ModelError
from classifier.training import attempts, resume
from classifier.training.schedule import TrainPlan
from tests.training.runs import equal, make_data, make_spec, make_state, train

CONFIG = TrainConfig(mode="deep", backbone="small_cnn", seed=4)
PHOTOS = ["a cat", "b dog"]
OLD_SETTINGS = {  # of the version before the folder had one
    "config": {
        "mode": "deep", "backbone": "small_cnn", "domain": "photo", "seed": 4, "folds": 5,
        "fits": ["whole", "squash", "crop"], "minutes": 3.0, "thaw": 2, "epochs": 4, "batch": 16,
        "learning_rate": 0.0003, "optimiser": "sgd",
    },
    "photos": "",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    resume.prepare_folder(tmp_path / "model" / "resume", CONFIG, PHOTOS)
    (tmp_path / "model/resume/state").touch()
    return tmp_path / "model" / "resume"


def test_a_folder_of_the_same_training_is_kept(folder: Path) -> None:
    assert resume.prepare_folder(folder, CONFIG, PHOTOS)
    assert (folder / "state").exists()


def test_a_folder_of_the_same_photos_in_another_order_is_not_kept(folder: Path) -> None:
    """States and views are of photos by their position."""
    assert not resume.prepare_folder(folder, CONFIG, PHOTOS[::-1])
    assert not (folder / "state").exists()


@pytest.mark.parametrize("mode", ["auto", "deep"])
def test_a_training_in_mode_auto_may_be_given_other_limits(mode: Mode, tmp_path: Path) -> None:
    """The plan of deep training is made for its minutes."""
    config = replace(CONFIG, mode=mode, minutes=1)
    longer = replace(config, minutes=9, max_steps=5)
    assert not resume.prepare_folder(tmp_path, config, PHOTOS)
    assert resume.prepare_folder(tmp_path, longer, PHOTOS) is (mode == "auto")
    assert resume.read_settings(tmp_path)[0] == longer
    assert not resume.prepare_folder(tmp_path, replace(longer, seed=5), PHOTOS)


def test_the_networks_that_an_interrupted_training_was_asked_for_are_kept(tmp_path: Path) -> None:
    config = replace(CONFIG, mode="auto")
    with resume.announced(tmp_path, config, ("x",)) as networks:
        assert networks == ("x",)
    with resume.announced(tmp_path, config) as networks:  # it was interrupted before its photos were read
        assert networks == ("x",)
    resume.prepare_folder(tmp_path, config, PHOTOS)
    with resume.announced(tmp_path, replace(config, minutes=9), ("y", "x")) as networks:  # and after that
        assert networks == ("x", "y")
    with resume.announced(tmp_path, replace(config, seed=5)) as networks:
        assert networks == ()


def test_the_time_that_a_training_worked_is_kept_with_it(folder: Path) -> None:
    assert resume.read_seconds(folder) == 0
    resume.record_seconds(folder, 12.5)
    assert resume.read_seconds(folder) == 12.5
    resume.prepare_folder(folder, replace(CONFIG, seed=9), PHOTOS)
    assert resume.read_seconds(folder) == 0
    shutil.rmtree(folder)
    resume.record_seconds(folder, 12.5)  # its project was deleted, and must not come back
    assert not folder.exists()


def test_the_starts_of_a_training_that_never_read_its_photos_are_counted(tmp_path: Path) -> None:
    for _ in range(2):
        with resume.announced(tmp_path, CONFIG):
            pass
    resume.prepare_folder(tmp_path, CONFIG, PHOTOS)
    assert attempts.count_starts(tmp_path) == 2


def test_what_another_training_left_is_removed(folder: Path) -> None:
    resume.prepare_folder(folder, CONFIG, [*PHOTOS, "c cat"])
    assert not (folder / "state").exists()
    (folder / "state").touch()
    resume.prepare_folder(folder, replace(CONFIG, seed=5), [*PHOTOS, "c cat"])
    assert not (folder / "state").exists()
    assert resume.read_settings(folder)[0].seed == 5


@pytest.mark.parametrize("version", [None, 1, resume.VERSION + 1])
def test_what_another_version_left_is_removed(folder: Path, version: int | None) -> None:
    settings = json.loads((folder / "settings.json").read_text())
    del settings["version"]
    (folder / "settings.json").write_text(json.dumps(settings | ({"version": version} if version else {})))
    resume.prepare_folder(folder, CONFIG, PHOTOS)
    assert not (folder / "state").exists()
    assert json.loads((folder / "settings.json").read_text())["version"] == resume.VERSION


@pytest.mark.parametrize("text", ["{", "[]", '"x"', ""])
@pytest.mark.parametrize("announced", [False, True])
def test_a_damaged_folder_is_begun_anew(folder: Path, text: str, announced: bool) -> None:
    (folder / "settings.json").write_text(text)
    if announced:
        with resume.announced(folder, CONFIG):
            pass
    resume.prepare_folder(folder, CONFIG, PHOTOS)
    assert not (folder / "state").exists()
    assert resume.read_settings(folder)[0] == CONFIG


def test_the_settings_of_an_unfinished_training_are_read(folder: Path) -> None:
    assert resume.read_settings(folder)[0] == CONFIG
    shutil.rmtree(folder)
    with pytest.raises(ModelError, match="no unfinished training"):
        resume.read_settings(folder)


def test_settings_under_their_old_names_are_read(folder: Path) -> None:
    (folder / "settings.json").write_text(json.dumps(OLD_SETTINGS))
    assert resume.read_settings(folder)[0] == replace(
        CONFIG, minutes=3.0, unfreeze=2, epochs=4, optimizer="sgd", resize_modes=("whole", "squash", "crop")
    )


def test_the_plan_that_a_training_began_with_is_kept(folder: Path) -> None:
    first, second = TrainPlan(1, 2, 3, 5), TrainPlan(2, 3, 4, 1)
    assert resume.load_plan(folder, lambda: first) == first
    assert resume.load_plan(folder, lambda: second) == first
    (folder / "plan.json").write_text('{"views": 96}')
    assert resume.load_plan(folder, lambda: second) == second


def test_a_saved_state_is_loaded_and_a_damaged_one_ignored(tmp_path: Path) -> None:
    path, spec, data = tmp_path / "state.safetensors", make_spec(), make_data()
    state, other, new = make_state(spec), make_state(spec), make_state(spec)
    resume.load_state(other, path)  # there is none yet
    train(state, data, spec)
    resume.save_state(state, path)
    assert list(tmp_path.iterdir()) == [path]
    resume.load_state(other, path)
    assert equal(other.state_dict(), state.state_dict())
    path.write_bytes(path.read_bytes()[:-100])
    resume.load_state(new, path)
    assert new.epoch == 0


@pytest.mark.parametrize("name", ["settings.json", "plan.json", "state.safetensors"])
def test_a_pipe_in_an_unfinished_training_is_not_waited_for(name: str, folder: Path) -> None:
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    if name == "settings.json":
        with pytest.raises(ModelError):
            resume.read_settings(folder)
    elif name == "plan.json":
        plan = TrainPlan(1, 2, 3, 5)
        assert resume.load_plan(folder, lambda: plan) == plan
    else:
        state = make_state(make_spec())
        resume.load_state(state, folder / name)
        assert state.epoch == 0


@pytest.mark.parametrize("value", ["many", -1, 10**9, 1.5, None, True, [1]])
def test_a_plan_of_odd_values_is_made_anew(value: object, folder: Path) -> None:
    plan = TrainPlan(1, 2, 3, 5)
    (folder / "plan.json").write_text(json.dumps({**vars(plan), "epochs": value}))
    assert resume.load_plan(folder, lambda: plan) == plan


@pytest.mark.parametrize("config", ["[]", "5", '{"resize_modes": 5}', '{"seed": -1, "resize_modes": ["crop"]}'])
def test_settings_of_odd_values_are_no_unfinished_training(config: str, folder: Path) -> None:
    (folder / "settings.json").write_text(f'{{"config": {config}}}')
    with pytest.raises(ModelError):
        resume.read_settings(folder)
