"""What ``training.json`` tells of a training: written, read again, and read where it is damaged."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from classifier import Finished
from classifier.data.run_history import RunAsset
from classifier.events import Epoch
from classifier.messages import message
from classifier.messages.training import TrainingCode
from classifier.models import training_record

ROOT = Path(__file__).parents[2]
EPOCHS = (Epoch(1, 3, 1.5, 0.5, 1.25, 0.625, 1), Epoch(2, 3, 1.0, 0.75, float("inf"), 0.5, 1))
NOTE = message(TrainingCode.NOT_BETTER, total=8, correct=5, baseline=6)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    photos = [{"sha256": f"{number:064x}", "split": "train", "use": "trained"} for number in range(3)]
    record = {"seed": 1, **training_record.history(EPOCHS, "quick", "deep", [NOTE]), "photos": photos}
    text = training_record.dump(record)
    assert json.loads(text) == record
    (tmp_path / "training.json").write_text(text)
    read = training_record.read_record(tmp_path)
    assert read == record
    assert training_record.without_photos(read).keys() == record.keys() - {"photos"}
    assert training_record.read_epochs(read)[0] == EPOCHS[0]
    assert str(training_record.read_epochs(read)[1].val_loss) == "nan"
    assert training_record.read_verdict(read) == NOTE
    assert read["best_epoch"] == 1


def test_the_use_of_each_photo_is_that_of_the_run() -> None:
    photos = [("a", "train"), ("b", "train"), ("c", "test"), ("d", "test"), ("e", "held_out")]
    contents = [(sha, "cat", split) for sha, split in photos]
    training = [RunAsset("a", "cat", "train"), RunAsset("b", "cat", "held_out")]
    evaluated = [RunAsset("c", "cat", "test"), RunAsset("d", "cat", "near_training")]
    uses = {photo["sha256"]: photo["use"] for photo in training_record.photo_uses(contents, training, evaluated)}
    assert uses == {"a": "trained", "b": "held_out", "c": "judged", "d": "near_training", "e": "unused"}


def test_quick_training_has_no_epochs_and_no_verdict(trained: Finished) -> None:
    record = training_record.read_record(trained.folder)
    assert (record["epochs"], record["best_epoch"], record["verdict"]) == ([], None, None)
    assert [(photo["split"], photo["use"]) for photo in record["photos"]] == [("train", "trained")] * 32


@pytest.mark.parametrize(
    "details",
    [
        {}, {"epochs": 5, "verdict": []}, {"epochs": [1]}, {"epochs": [{}]}, {"epochs": [{"number": "x"}]},
        {"epochs": [{**vars(EPOCHS[0]), "loss": 1e300}], "verdict": {"why": 3}},
        {"epochs": [{**vars(EPOCHS[0]), "loss": True}], "verdict": {"why": ""}},
    ],
)  # fmt: skip
def test_damaged_details_are_none(details: dict[str, Any]) -> None:
    assert training_record.read_epochs(details) == ()
    assert training_record.read_verdict(details) is None


def test_a_verdict_of_another_version_is_its_sentence() -> None:
    verdict = {"kept": "deep", "why": "Because.", "code": "of_later", "arguments": 3}
    assert str(training_record.read_verdict({"verdict": verdict})) == "Because."


def test_damaged_records_are_empty(tmp_path: Path) -> None:
    assert training_record.read_record(tmp_path) == {}
    for text in ("[]", "{", '{"a": NaN}', "[" * 100_000):
        (tmp_path / "training.json").write_text(text)
        assert training_record.read_record(tmp_path) == {}


def test_the_program_tells_the_commit_that_it_runs_from() -> None:
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True)
    expected = commit.stdout.strip() if (ROOT / ".git").exists() and commit.returncode == 0 else None
    assert training_record.program()["commit"] in (expected, None)
    assert expected is None or training_record.program()["commit"] == expected
