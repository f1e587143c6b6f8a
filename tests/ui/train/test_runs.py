"""The panel of past trainings: list, compare, use and delete, whatever a browser may claim."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from classifier.data.run_history import RunAsset
from classifier.errors import DataError
from classifier.evaluation.report import Report
from classifier.events import Epoch
from classifier.messages import message
from classifier.messages.training import TrainingCode
from classifier.models import model_folder, training_record
from classifier.ui.background import Job, ShouldStop
from classifier.ui.predict.models import own_models
from classifier.ui.sessions import Home, ensure_token
from classifier.ui.train import runs
from classifier.ui.train import tab as train_tab
from classifier.workflows import steps as kept_steps
from classifier.workflows.candidates import CatalogEntry
from tests.helpers import NASTY, fill, report, unanswered
from tests.ui.jobs import progress, step, wait
from tests.ui.train.values import setting_values


def record(home: Home, token: str, name: str, data: Report, seconds: float = 5.0) -> int:
    with home.open(token) as project:
        return project.catalog.runs.record(
            name, name.rsplit("-", 1)[-1], data.to_json(), unanswered(project.catalog.assets()), seconds
        )


def sent(data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def record_steps(home: Home, token: str, name: str) -> tuple[int, Path]:
    """Record a training of two steps with its models; return the run's id and the folder."""
    id, folder = record(home, token, name, report()), home.folder(token) / "models" / name
    folder.mkdir()
    for file, content in (("config.json", {}), ("report.json", report().to_json()), ("training.json", {})):
        (folder / file).write_text(json.dumps(content))
    kept_steps.record(folder, [replace(step(1), name="head"), step(2)], 2, "photos")
    kept_steps.keep(folder, 1, CatalogEntry("auto", 1.0, {}, ()))
    return id, folder


@contextmanager
def improving(home: Home, token: str, folder: Path) -> Iterator[Job]:
    """A training at work in ``folder`` that has a first model and goes on until it is stopped."""

    def work(should_stop: ShouldStop) -> Generator[Any, None, None]:
        with model_folder.reserve(folder):
            yield step(1)
            while not should_stop():
                yield progress(1)
                time.sleep(0.001)

    job = home.jobs.start(home.folder(token), work, graceful=True)
    while not job.state.is_improving:
        assert not job.wait(0.001)
    yield job
    job.stop()
    wait(job)


def test_an_earlier_step_ends_the_training_in_its_folder_and_no_other(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    id, folder = record_steps(home, token, "2025-01-02-030405-auto")
    with improving(home, token, folder.with_name("other")) as job:
        assert "Step 1 is in use now" in runs.use_step(home, token, sent({"id": id, "step": 1}))
        assert not job.state.ended
    with home.open(token) as project:
        (run,) = project.catalog.runs.newest()  # recorded anew with the model of that step
    with improving(home, token, folder) as job:
        assert "Step 1 is in use now" in runs.use_step(home, token, sent({"id": run.id, "step": 1}))
        assert job.state.ended


def test_deleting_a_training_that_goes_on_ends_it_first(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    id, folder = record_steps(home, token, "2025-01-02-030405-auto")
    with improving(home, token, folder) as job:
        assert runs.delete(home, token, id).list == ""
        assert job.state.phase == "stopped"
    assert not folder.exists()


def test_past_trainings_are_listed_compared_used_and_deleted(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    one = record(home, token, "2025-01-02-030405-quick", report(accuracy=0.5, accuracy_low=0.4, accuracy_high=0.6))
    with home.open(token) as project:
        project.remove([1])
        folder = project.models / "2025-01-02-040506-deep"
        folder.mkdir()
        (folder / "config.json").write_text("{}")
    two = record(home, token, folder.name, report(), 61.0)
    shown = runs.show(home, token).list
    assert shown.index("2 Jan 2025, 04:05:06 · Deep") < shown.index("2 Jan 2025, 03:04:05 · Quick")
    assert "About 9 in 10 (90 %) right; could be 77 to 96 %" in shown
    assert "40 photos judged · about 60 seconds" in shown
    assert "Its model is gone." in shown
    assert runs.use(home, token, sent({"id": two})) == f"mine/{folder.name}"
    with pytest.raises(DataError, match="train again"):
        runs.use(home, token, sent({"id": one}))
    compared = runs.compare(home, token, sent({"ids": [two, one]}))
    assert compared.index("Quick") < compared.index("Deep")
    assert "<td>50 %</td><td>90 %</td><td>+40</td>" in compared
    assert "no photo was judged by both" in compared
    assert "1 photo went" in compared
    _, question, number = runs.ask(home, token, sent({"id": two}))
    assert "Delete the training of 2 Jan 2025, 04:05:06 · Deep" in question
    assert "04:05:06" not in runs.delete(home, token, number).list
    assert not folder.exists()


def test_hostile_choices_among_past_trainings_change_nothing(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    for action in (runs.use, runs.ask, runs.compare):
        with pytest.raises(DataError):
            action(home, token, sent({"id": 1, "ids": [1, 2]}))
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    secret = tmp_path / "home" / "secret"
    secret.mkdir()
    bad = record(home, token, "../../secret", report(backbone=NASTY, labels=(NASTY, "dog")))
    shown = runs.show(home, token).list
    assert "<script" not in shown
    for id in (None, "1 OR 1", True, 99, [bad], {}):
        for action in (runs.use, runs.ask):
            with pytest.raises(DataError):
                action(home, token, sent({"id": id}))
        with pytest.raises(DataError):
            runs.compare(home, token, sent({"ids": [bad, id]}))
    for data in (None, [], {}, {"ids": [bad, bad]}, {"ids": bad}):
        with pytest.raises(DataError):
            runs.compare(home, token, sent(data))
    runs.delete(home, token, bad)
    assert secret.exists()
    assert runs.show(home, token).list == ""


def test_past_trainings_are_compared_by_their_answers_in_the_catalog(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 6, "dog": 6}))
    ids = []
    for name, right in (("2025-01-02-030405-quick", 0), ("2025-01-02-040506-quick", 12)):
        with home.open(token) as project:
            photos = project.catalog.assets()
            answers = [
                RunAsset(photo.sha256, photo.label, "train", photo.label if index < right else "<b>dog</b>", 0.9)
                for index, photo in enumerate(photos)
            ]
            data = report(labels=("cat", "dog"), accuracy=0.9)
            ids.append(project.catalog.runs.record(name, "quick", data.to_json(), answers, 1.0))
    shown = runs.compare(home, token, sent({"ids": ids}))
    assert "The later one is better by more than chance" in shown
    assert "12 photos were judged by both, and they differ on 12 photos." in shown


def test_a_training_and_its_model_are_renamed(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    name = "2025-01-02-030405-quick"
    id = record(home, token, name, report(thresholds=(0.4, 0.6), costs={"cat": 3.0}))
    with home.open(token) as project:
        (project.models / name).mkdir()
        (project.models / name / "config.json").write_text("{}")
    assert runs.ask_name(home, token, sent({"id": id}))[1:] == ("", id)
    shown = runs.rename(home, token, id, f" Cats  {NASTY}").list
    assert "<script" not in shown
    assert "2 Jan 2025, 03:04:05 · Quick" in shown
    assert runs.rename(home, token, id, "Cats or dogs").list.count("Cats or dogs") >= 1
    assert [model.title for model in own_models(home, token)] == ["Cats or dogs"]
    with home.open(token) as project:
        (run,) = project.catalog.runs.newest()
        assert (run.name, run.title) == (name, "Cats or dogs")
        assert Report.from_json(run.report).thresholds == (0.4, 0.6)
        with pytest.raises(DataError, match="no training called “x”"):
            project.rename_run("x", "y")
    runs.rename(home, token, id, None)
    assert [model.title for model in own_models(home, token)] == ["2 Jan 2025, 03:04:05"]


def test_curves_and_verdict_are_there_after_a_restart(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    epochs = [Epoch(number, 3, 1.0 / number, 0.5, 1.5 / number, 0.75, 2) for number in (1, 2, 3)]
    verdict = message(TrainingCode.NOT_BETTER, total=8, correct=5, baseline=6)
    details = training_record.history(epochs, "quick", "deep", [verdict])
    with home.open(token) as project:
        name = "2025-01-02-030405-deep"
        project.catalog.runs.record(name, "quick", report().to_json(), [], 5.0, details)
        (project.models / name).mkdir()
        (project.models / name / "report.json").write_text(json.dumps(report().to_json()))
        (project.models / name / "config.json").write_text("{}")
    later = Home(tmp_path / "home", tmp_path)  # of another process
    for shown in (runs.show(later, token).list, train_tab.show(later, token, setting_values()).details):
        assert "<svg" in shown
        assert "best so far: round 2" in shown
        assert str(verdict) in shown


def test_damaged_details_of_a_training_are_not_shown(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    for details in ({"epochs": [[1]]}, {"verdict": {"why": NASTY, "kept": 3}}, {"epochs": [{"number": 1}]}):
        with home.open(token) as project:
            project.catalog.runs.record("x", "deep", report().to_json(), [], 5.0, details)
        assert "<script" not in runs.show(home, token).list
