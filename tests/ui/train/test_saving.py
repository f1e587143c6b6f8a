"""Numbers and pictures of the newest training, to save."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image
from starlette.requests import Request

from classifier.errors import DataError
from classifier.events import Epoch
from classifier.models.training_record import history
from classifier.ui.sessions import Home, ensure_token
from classifier.ui.train import saving
from classifier.workflows.train import Finished


def request() -> gr.Request:
    return gr.Request(Request({"type": "http", "headers": []}))


def test_numbers_and_the_confusion_picture_can_be_saved(trained: Finished, tmp_path: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    with home.open(token) as project:
        shutil.copytree(trained.folder, project.models / "2026-01-01-101010-quick")
    shown = saving.save(home, token, request())
    names = re.findall(r'href="download/[\w-]+/([^"]+)"', shown)
    assert names == ["2026-01-01-101010-quick-numbers.csv", "2026-01-01-101010-quick-confusion.png"]
    files = {path.name: path for path in (home.folder(token) / "downloads").rglob("*") if path.is_file()}
    with files[names[0]].open(encoding="utf-8-sig", newline="") as table:
        rows = {tuple(row[:3]): row[3] for row in csv.reader(table)}
    assert float(rows["accuracy", "", ""]) == pytest.approx(trained.report.accuracy)
    with Image.open(files[names[1]]) as picture:
        assert picture.format == "PNG"
    assert 'src="data:image/png;base64,' in shown


def test_curves_of_a_recorded_deep_training_can_be_saved_after_a_restart(trained: Finished, tmp_path: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    epochs = [Epoch(number, 3, 1 / number, 0.5, 1.2 / number, 0.5, number) for number in range(1, 4)]
    with home.open(token) as project:
        shutil.copytree(trained.folder, project.models / "2026-01-01-101010-deep")
        details = history(epochs, "deep", "deep", ())
        project.catalog.runs.record("2026-01-01-101010-deep", "deep", trained.report.to_json(), [], 1.0, details)
    shown = saving.save(home, token, request())
    assert "2026-01-01-101010-deep-curves.png" in shown


def test_without_a_model_there_is_nothing_to_save(tmp_path: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    with pytest.raises(DataError, match="train first"):
        saving.save(home, token, request())
    home.open(token).close()
    with pytest.raises(DataError, match="train first"):
        saving.save(home, token, request())
