"""Past trainings: listed, compared, tried and deleted, whatever a browser may claim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from classifier.data.catalog import Changes, Run
from classifier.errors import DataError
from classifier.evaluation.report import Report
from classifier.ui.sessions import Home, welcome
from classifier.ui.train import history
from classifier.ui.train import runs as runs_panel
from tests.helpers import NASTY, fill, report, unanswered


def recorded(home: Home, token: str, name: str, data: Report, seconds: float = 5.0) -> int:
    with home.open(token) as project:
        return project.catalog.record_run(
            name, name.rsplit("-", 1)[-1], data.to_json(), unanswered(project.catalog.assets()), seconds
        )


def asked(data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def test_past_trainings_are_listed_compared_chosen_and_deleted(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), welcome(None)
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    one = recorded(home, token, "2025-01-02-030405-quick", report(accuracy=0.5, accuracy_low=0.4, accuracy_high=0.6))
    with home.open(token) as project:
        project.remove([1])
        folder = project.models / "2025-01-02-040506-deep"
        folder.mkdir()
        (folder / "config.json").write_text("{}")
    two = recorded(home, token, folder.name, report(), 61.0)
    shown = runs_panel.show(home, token).list
    assert shown.index("2 Jan 2025, 04:05:06 · Deep") < shown.index("2 Jan 2025, 03:04:05 · Quick")
    assert "About 9 in 10 right; could be 77 to 96 %" in shown
    assert "40 photos judged · about 60 seconds" in shown
    assert "Its model is gone." in shown
    assert runs_panel.use(home, token, asked({"id": two})) == f"mine/{folder.name}"
    with pytest.raises(DataError, match="train again"):
        runs_panel.use(home, token, asked({"id": one}))
    compared = runs_panel.compare(home, token, asked({"ids": [two, one]}))
    assert compared.index("Quick") < compared.index("Deep")
    assert "<td>50 %</td><td>90 %</td><td>+40</td>" in compared
    assert "The later one is better by more than chance." in compared
    assert "1 photo went" in compared
    _, question, number = runs_panel.ask(home, token, asked({"id": two}))
    assert "Delete the training of 2 Jan 2025, 04:05:06 · Deep" in question
    assert "04:05:06" not in runs_panel.delete(home, token, number).list
    assert not folder.exists()


def test_hostile_choices_among_past_trainings_change_nothing(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), welcome(None)
    for action in (runs_panel.use, runs_panel.ask, runs_panel.compare):
        with pytest.raises(DataError):
            action(home, token, asked({"id": 1, "ids": [1, 2]}))
    fill(home, token, make_folder({"cat": 2, "dog": 2}))
    secret = tmp_path / "home" / "secret"
    secret.mkdir()
    bad = recorded(home, token, "../../secret", report(backbone=NASTY, labels=(NASTY, "dog")))
    shown = runs_panel.show(home, token).list
    assert "<script" not in shown
    for id in (None, "1 OR 1", True, 99, [bad], {}):
        for action in (runs_panel.use, runs_panel.ask):
            with pytest.raises(DataError):
                action(home, token, asked({"id": id}))
        with pytest.raises(DataError):
            runs_panel.compare(home, token, asked({"ids": [bad, id]}))
    for data in (None, [], {}, {"ids": [bad, bad]}, {"ids": bad}):
        with pytest.raises(DataError):
            runs_panel.compare(home, token, asked(data))
    runs_panel.delete(home, token, bad)
    assert secret.exists()
    assert runs_panel.show(home, token).list == ""


def entry(name: str, data: dict[str, Any]) -> history.Entry:
    return history.Entry.of(Run(1, "", name, "deep", data, 0.0), True)


def test_a_training_whose_report_cannot_be_read_is_listed_and_not_compared() -> None:
    odd, good, none = entry("x", {"a": 1}), entry("y", report().to_json()), Changes((), (), ())
    assert "Its score cannot be read" in history.listing([odd])
    assert "cannot be compared" in history.comparison(odd, good, none, none)
    assert "Both are equally good" in history.comparison(good, good, none, none)
    assert "<b>dog" not in history.comparison(good, good, none, none)
