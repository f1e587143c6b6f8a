"""A trained project saved, moved and opened in another process: photos, labels, models, scores and splits are there."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file

from classifier import Finished, Predictor, Project, TrainConfig, open_project, review, save_project, train
from classifier.cli.main import main
from classifier.errors import DataError
from classifier.messages.data import RepeatCode
from classifier.messages.project_files import ProjectFileCode
from classifier.models import checkpoint
from tests import processes
from tests.models.test_joined import joined_model

QUICK = TrainConfig(resize_modes=("whole",))


@pytest.fixture(scope="module")
def project(example_set: Path, features: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project with test photos, an edit and a model; not to be changed."""
    with Project.open(tmp_path_factory.mktemp("trained") / "project") as project:
        project.features = features
        project.add(example_set)
        project.set_split([photo.id for photo in project.photos()][::4], "test")
        *_, finished = train(project, QUICK)
        assert isinstance(finished, Finished)
        project.rename_run(finished.folder.name, "First try")
        project.move([project.photos("key")[0].id], "mug")
        yield project


@pytest.mark.slow
def test_a_project_opens_in_another_process_as_it_was(project: Project, tmp_path: Path) -> None:
    save_project(project, tmp_path / "p.zip")
    done = processes.run(["-m", "classifier", "project", "open", tmp_path / "p.zip", tmp_path / "new", "--json"])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"folder": str(tmp_path / "new"), "photos": 32, "models": 1, "left_out": []}
    with Project.open(tmp_path / "new") as opened:
        assert opened.photos() == project.photos()
        assert opened.catalog.balance() == project.catalog.balance()
        assert opened.catalog.runs.newest() == project.catalog.runs.newest()
        one, two = review(opened), review(project)
        assert one is not None
        assert two is not None
        assert (one.mistakes(), one.label_issues()) == (two.mistakes(), two.label_issues())
        (before,), (after,) = project.model_folders(), opened.model_folders()
        first, second = load_file(before / "model.safetensors"), load_file(after / "model.safetensors")
        assert all(bool((first[key] == second[key]).all()) for key in first)
        paths = [opened.photo_path(photo) for photo in opened.photos(split="test")]
        assert Predictor(after, "cpu").predict(paths[:2]) == Predictor(before, "cpu").predict(paths[:2])


@pytest.mark.slow
def test_a_model_made_to_do_harm_is_left_out(project: Project, tmp_path: Path) -> None:
    save_project(project, tmp_path / "p.zip", photos=False)
    with zipfile.ZipFile(tmp_path / "p.zip") as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    data = json.loads(members["project.json"])
    ((name, files),) = data["models"].items()
    weights = f"models/{name}/model.safetensors"
    members[weights] = b"\xff" * 8 + members[weights][8:]  # a header of 2^64 bytes
    files.pop("model.safetensors")
    members["project.json"] = json.dumps(data).encode()
    with zipfile.ZipFile(tmp_path / "hostile.zip", "w") as packed:
        for member, content in members.items():
            packed.writestr(member, content)
    opened = open_project(tmp_path / "hostile.zip", tmp_path / "new")
    assert (opened.models, [left.file for left in opened.left_out_models]) == (0, [name])
    assert not list((tmp_path / "new/models").iterdir())


def test_the_command_line_saves_and_renames(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, name = str(project.folder), project.catalog.runs.newest()[0].name
    assert main(["project", "save", folder, str(tmp_path / "p.zip"), "--without-photos"]) == 0
    assert "Saved the labels of 32 photos and 1 model" in capsys.readouterr().out
    assert main(["project", "rename", folder, name, "First try", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"name": name, "title": "First try"}
    for arguments in (
        ["rename", folder, "x"],
        ["rename", folder],
        ["undo", str(tmp_path)],
        ["save", str(tmp_path), "y.zip"],
        ["open", "no.zip", str(tmp_path / "n")],
    ):
        assert main(["project", *arguments]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "n").exists()


@pytest.mark.slow
def test_a_command_keeps_its_catalog(example_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = ["--project", str(tmp_path / "kept"), "--json"]
    assert main(["check", str(example_set / "key"), str(example_set / "mug"), "--labels", "folders", *kept]) == 0
    with Project.open(tmp_path / "kept") as project:
        moved = project.photos("key")[0]
        project.move([moved.id], "mug")
    assert main(["train", str(example_set / "key"), str(example_set / "mug"), "--labels", "folders", *kept]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (result["images"], result["classes"]) == (16, {"key": 7, "mug": 9})
    assert Path(result["checkpoint"]).parent == tmp_path / "kept/models"
    assert main(["review", *kept]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["name"] == Path(result["checkpoint"]).name
    with Project.open(tmp_path / "kept") as project:
        assert project.catalog.asset(moved.id).label == "mug"
        project.remove([moved.id, project.photos("key")[0].id])
        save_project(project, tmp_path / "kept.zip")
    open_project(tmp_path / "kept.zip", tmp_path / "moved")
    for folder in ("kept", "moved"):
        named = ["check", str(example_set / "key"), str(example_set / "mug"), "--labels", "folders"]
        assert main([*named, "--project", str(tmp_path / folder), "--json"]) == 0
        result = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert result["classes"] == {"key": 6, "mug": 8}
        assert [one["reason"] for one in result["left_out"]] == [str(RepeatCode.REMOVED_BEFORE)] * 2
    for words in ("removing 2 photos", "moving 1 photo to “mug”", "adding 16 photos", None):
        assert main(["project", "undo", str(tmp_path / "moved"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["undone"] == words
    with Project.open(tmp_path / "kept") as project:
        project.undo()
        assert len(project.photos()) == 16
        assert not project.catalog.edits.removed()
        assert project.photo_path(moved).is_file()


def test_a_folder_that_is_no_project_is_not_made_one(
    example_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter.txt").write_text("x")
    assert main(["check", str(example_set), "--project", str(tmp_path)]) == 2
    assert main(["check", "--project", str(tmp_path / "new")]) == 2
    assert main(["check", str(tmp_path / "missing"), "--project", str(tmp_path / "new")]) == 2
    assert main(["check"]) == main(["train"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_project_over_a_folder_is_not_saved(example_set: Path, tmp_path: Path) -> None:
    with Project.over(example_set) as project, pytest.raises(DataError) as error:
        save_project(project, tmp_path / "p.zip")
    assert error.value.code is ProjectFileCode.NO_PROJECT


@pytest.mark.slow
def test_a_project_file_takes_both_models_of_a_joined_one_along(tmp_path: Path) -> None:
    with Project.open(tmp_path / "old") as project:
        checkpoint.save(project.models / "joined", joined_model(), {})
        checkpoint.save(project.models / "joined" / "steps" / "1", joined_model(), {})
        (project.models / "harm").mkdir()
        shutil.copytree(project.models / "joined", project.models / "harm", dirs_exist_ok=True)
        (project.models / "harm" / "single" / "model.safetensors").write_bytes(b"\xff" * 1000)
        save_project(project, tmp_path / "p.zip")
    opened = open_project(tmp_path / "p.zip", tmp_path / "new")
    assert [left.file for left in opened.left_out_models] == ["harm"]
    folder = tmp_path / "new" / "models" / "joined"
    assert (len(checkpoint.load(folder).members), checkpoint.load(folder / "single").members) == (2, ())
    assert not (folder / "steps").exists()
