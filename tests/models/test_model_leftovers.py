"""What a training that was killed has left among a project's models."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from classifier import train
from classifier.data import scratch
from classifier.data.project import Project
from classifier.errors import ModelError
from classifier.events import Progress
from classifier.messages.workflows import StepCode
from classifier.models import backbones, checkpoint, model_folder, model_leftovers, networks
from classifier.ui.sessions import Home, ensure_token
from classifier.ui.train import runs
from tests.models.test_checkpoint import ROOT, save
from tests.models.test_model_folder import HOLD


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(scratch, "RECENT", -1.0)
    return Project.open(tmp_path / "project")


def clean_up(project: Project) -> set[str]:
    model_leftovers.clean_up(project.models, project.catalog)
    return {path.relative_to(project.models).as_posix() for path in project.models.rglob("*")}


def test_parts_of_models_are_neither_listed_nor_kept(project: Project) -> None:
    save(project.models / "one-quick")
    shutil.copytree(project.models / "one-quick", project.models / f".{'a' * 32}.part")
    shutil.copytree(project.models / "one-quick", project.models / "one-quick/.model.part")
    (project.models / "two-quick").mkdir()
    (project.models / "two-quick/.training.lock").write_text("{}")
    assert [folder.name for folder in project.model_folders()] == ["one-quick"]
    left = clean_up(project)
    assert {name for name in left if "/" not in name} == {"one-quick"}
    assert left == {"one-quick", *(f"one-quick/{path.name}" for path in (project.models / "one-quick").iterdir())}
    assert checkpoint.load(project.models / "one-quick").labels == ("cat", "dog")


def test_a_model_that_was_complete_is_finished(project: Project) -> None:
    folder = project.models / "one-quick"
    save(folder)
    (folder / ".model.complete").mkdir()
    for name in model_folder.FILES:
        if (folder / name).exists():
            (folder / name).rename(folder / ".model.complete" / name)
    assert not project.model_folders()
    clean_up(project)
    assert project.model_folders() == [folder]
    assert checkpoint.load(folder).labels == ("cat", "dog")


def test_a_model_without_its_run_can_be_deleted(tmp_path: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    with home.open(token) as project:
        save(project.models / "2026-01-02-030405-deep")
        model_leftovers.clean_up(project.models, project.catalog)
        model_leftovers.clean_up(project.models, project.catalog)
        (run,) = project.catalog.runs.newest()
        assert (run.name, run.mode, run.report["accuracy"]) == ("2026-01-02-030405-deep", "deep", 1.0)
    runs.delete(home, token, run.id)
    with home.open(token) as project:
        assert (project.model_folders(), project.catalog.runs.newest()) == ([], [])


def test_an_unfinished_deep_training_stays(project: Project) -> None:
    (project.models / "one-deep/resume").mkdir(parents=True)
    (project.models / "one-deep/resume/settings.json").write_text("{}")
    assert "one-deep/resume/settings.json" in clean_up(project)


@pytest.mark.slow
def test_a_model_that_another_process_trains_is_left_alone(project: Project) -> None:
    folder = project.models / "one-quick"
    folder.mkdir(parents=True)
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        (folder / ".model.part").mkdir()
        assert "one-quick/.model.part" in clean_up(project)
        process.kill()
    assert clean_up(project) == set()


@pytest.mark.slow
def test_a_model_of_a_project_deleted_during_training_does_not_come_back(example_set: Path, tmp_path: Path) -> None:
    with Project.open(tmp_path / "project") as project:
        project.add(example_set)
        events = train(project)
        next(event for event in events if isinstance(event, Progress) and event.step is StepCode.SAVE)
        shutil.rmtree(project.folder)
        with pytest.raises(ModelError, match="deleted during the training"):
            next(events)
    assert not (tmp_path / "project").exists()


def test_projects_share_one_copy_of_the_weights(project: Project, cache_home: Path) -> None:
    networks.backbone_tensors(backbones.ROWS["tf_efficientnet_lite0"])
    assert list((cache_home / "photo-classifier/networks").glob("tf_efficientnet_lite0 *.safetensors"))
    assert not list(project.features.glob("*.safetensors"))
