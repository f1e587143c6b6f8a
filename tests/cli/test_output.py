"""The keys of the JSON that each command prints: other programs rely on them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from classifier import Finished
from classifier.cli import labeling
from classifier.cli.main import main

Capture = pytest.CaptureFixture[str]
RUN = {"name", "created", "mode", "accuracy", "judged", "added", "removed", "relabelled"}
SCORES = {
    "images", "judged_on", "accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "per_class", "fit",
    "warnings", "classes", "left_out", "layout", "validation", "macro", "loss", "not_used",
}  # fmt: skip
TESTED = {
    "test_accuracy", "test_near_training", "test_accuracy_new", "test_accuracy_new_low", "test_accuracy_new_high",
}  # fmt: skip


@pytest.fixture(scope="module")
def photos(example_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos with a repeat, a wrong label, one photo in two classes and a file that is no photo."""
    folder = Path(shutil.copytree(example_set, tmp_path_factory.mktemp("photos") / "photos"))
    shutil.copy(folder / "key/key 01.jpg", folder / "key/copy.jpg")
    shutil.copy(folder / "key/key 02.jpg", folder / "mug/both.jpg")
    (folder / "leaf/leaf 01.jpg").replace(folder / "apple/stray.jpg")
    (folder / "key/notes.txt").write_text("hello")
    return folder


def run(capsys: Capture, *args: object) -> Any:
    assert main([*map(str, args), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    return json.loads(line)


def keys(rows: list[dict[str, Any]]) -> set[str]:
    assert rows
    assert len({frozenset(row) for row in rows}) == 1
    return set(rows[0])


@pytest.mark.slow
def test_the_keys_of_check(photos: Path, capsys: Capture) -> None:
    result = run(capsys, "check", photos)
    assert set(result) == {
        "classes", "images", "left_out", "exact_duplicates", "near_duplicates", "suspects", "warnings", "quality",
        "more_photos", "conflicts", "splits", "photos", "runs", "layout",
    }  # fmt: skip
    assert keys(result["left_out"]) == {"file", "reason"}
    assert sorted(result["exact_duplicates"]) == ["key/key 01.jpg", "key/key 02.jpg", "mug/both.jpg"]
    assert keys(result["suspects"]) == {"file", "label", "suggested", "score"}
    assert keys(result["more_photos"]) == {"label", "add", "gain", "advice"}
    assert result["conflicts"] == [{"files": ["key/key 02.jpg", "mug/both.jpg"], "classes": ["key", "mug"]}]
    assert all(isinstance(warning, str) for warning in result["warnings"])
    assert keys(result["photos"]) == {
        "file", "label", "split", "sha256", "width", "height", "bytes", "added", "called_right", "archive",
    }  # fmt: skip


def test_the_layout_of_a_check_says_how_the_photos_were_read(photos: Path, capsys: Capture) -> None:
    layout = run(capsys, "check", photos)["layout"]
    assert set(layout) >= {"labels", "splits", "groups", "left_out", "evidence", "others"}
    assert layout["labels"] == {"from": "folders", "option": "folders:1"}
    assert layout["splits"] == {"train": 34}
    assert set(layout["groups"]) == {"from", "count"}
    assert (layout["left_out"], layout["others"]) == ({}, [])


def test_the_quality_of_a_photo_has_a_problem_and_advice(photos: Path, tmp_path: Path, capsys: Capture) -> None:

    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    Image.new("RGB", (300, 200), (3, 3, 3)).save(folder / "mug/dark.jpg")
    (row,) = run(capsys, "check", folder)["quality"]
    assert (row["file"], row["label"], row["problem"]) == ("mug/dark.jpg", "mug", "dark")
    assert row["advice"].startswith("it is very dark: ")


def test_the_keys_of_train(photos: Path, tmp_path: Path, capsys: Capture) -> None:
    result = run(capsys, "train", photos, "--out", tmp_path / "model", "--test", photos)
    assert set(result) == SCORES | TESTED | {
        "seconds", "mode", "kept", "notes", "backbone", "checkpoint", "grouping", "accuracy_ungrouped",
    }  # fmt: skip
    assert result["test_near_training"] >= result["images"]
    assert [text for text in result["warnings"] if "look like" in text], result["warnings"]
    assert keys(list(result["per_class"].values())) == {"images", "precision", "recall", "f1"}
    reasons = {row["file"]: row["reason"] for row in result["left_out"]}
    assert reasons["mug/both.jpg"] == "it lies in “key” and “mug” at once: keep it in one of them"
    assert result["classes"] == {"apple": 9, "key": 7, "leaf": 7, "mug": 8}
    assert result["not_used"] == {"in_several_classes": 2, "unreadable": 1}
    assert "2 photos were not used: each lies in several classes at once." in result["warnings"]
    assert result["macro"]["recall"] == pytest.approx(result["balanced_accuracy"])
    assert result["loss"] > 0


@pytest.mark.slow
def test_the_keys_of_evaluate(trained: Finished, photos: Path, capsys: Capture) -> None:
    assert set(run(capsys, "evaluate", trained.folder, photos)) == SCORES | TESTED


def test_the_keys_of_review(photos: Path, capsys: Capture) -> None:
    result = run(capsys, "review", photos)
    assert set(result) == RUN | {"confusion", "suspects", "mistakes", "layout"}
    assert keys(result["confusion"]) == {"label", "predicted", "files"}
    for name in ("suspects", "mistakes"):
        assert keys(result[name]) == {"file", "label", "predicted", "confidence", "doubt"}


def test_the_keys_of_predict(trained: Finished, photos: Path, capsys: Capture) -> None:
    rows = run(capsys, "predict", trained.folder, photos / "key")
    for row in rows:
        assert set(row) == ({"file", "top", "answer", "unsure"} | ({"reason"} if row["unsure"] else set()))
    assert keys([one for row in rows for one in row["top"]]) == {"label", "confidence"}


def test_the_keys_of_suggest(trained: Finished, photos: Path, capsys: Capture) -> None:
    result = run(capsys, "suggest", trained.folder, photos / "key", "--questions", 2)
    assert set(result) == {"photos", "sure", "questions"}
    assert result["photos"] > 5
    assert all(set(group) == {"label", "files"} and len(group["files"]) > 1 for group in result["sure"])
    assert len(result["questions"]) <= 2
    assert all(len(row["top"]) == 2 for row in result["questions"])
    lines = list(labeling.lines(result))
    assert len(lines) >= sum(len(group["files"]) for group in result["sure"]) + len(result["questions"])


def test_the_keys_of_threshold_and_example(trained: Finished, tmp_path: Path, capsys: Capture) -> None:
    result = run(capsys, "threshold", trained.folder)
    assert set(result) == {
        "threshold", "answered", "right", "cost", "thresholds", "costs", "unsure_cost", "expected_cost",
        "expected_cost_before", "per_class",
    }  # fmt: skip
    assert keys(result["cost"]) == {"threshold", "answered", "right"}
    assert set(run(capsys, "example", tmp_path / "new", "--per-class", 1)) == {"folder", "per_class"}
