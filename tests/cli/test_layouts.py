"""How the commands read data sets: the line that says so, the options, and what ends with exit code 2."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from classifier import Finished
from classifier.cli.main import main
from tests import processes
from tests.data.test_readings import NEW_PETS, PETS, make_folder, make_zip
from tests.data.test_samples import write_shards
from tests.data.test_sources import write

ROOT = Path(__file__).parents[2]
Capture = pytest.CaptureFixture[str]
FLAT = [f"pets/{label}.{number}.jpg" for label in ("cat", "dog") for number in range(10)]


def program(*args: object) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    return processes.run(["-m", "classifier", *args])


def run(capsys: Capture, *args: object) -> Any:
    assert main([*map(str, args), "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def refused(capsys: Capture, *args: object) -> tuple[dict[str, Any], str]:
    """The JSON line and the sentence of a command that failed."""
    assert main([*map(str, args), "--json"]) == 2
    out, err = capsys.readouterr()
    (line,) = out.splitlines()
    assert err.count("\n") == 1
    return json.loads(line), err


@pytest.mark.slow
def test_train_and_test_zips_keep_their_splits_in_a_fresh_process(tmp_path: Path) -> None:
    data = make_zip(tmp_path / "train.zip", *PETS), make_zip(tmp_path / "test.zip", *NEW_PETS, seed=9)
    done = program("train", *data, "--out", tmp_path / "model")
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()[0]
    assert first.startswith("2 classes from folders; 6 photos to train on, 3 to test")
    training = json.loads((tmp_path / "model/training.json").read_text("utf-8"))
    assert training["data"]["splits"] == {"test": 3, "train": 6}


def test_classes_that_shards_state_are_not_said_to_come_from_folders(tmp_path: Path, capsys: Capture) -> None:
    assert main(["check", str(write_shards(tmp_path))]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("2 classes from the labels that come with the photos; ")


@pytest.mark.slow
def test_a_question_ends_a_fresh_process_with_2_and_names_the_options(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "data", *FLAT)
    done = program("check", folder)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "--labels names:first" in done.stderr
    done = program("train", folder, "--out", tmp_path / "model", "--json")
    assert done.returncode == 2
    (line,) = done.stdout.splitlines()
    (reading, *_) = json.loads(line)["readings"]
    assert reading["labels"] == {"from": "names", "option": "names:first"}
    assert not (tmp_path / "model").exists()
    done = program("check", folder, "--labels", "names:first", "--json")
    assert json.loads(done.stdout.splitlines()[-1])["classes"] == {"cat": 10, "dog": 10}


def test_the_reading_comes_first_on_the_output_of_a_check(tmp_path: Path, capsys: Capture) -> None:
    assert main(["check", str(make_folder(tmp_path / "pets", *PETS))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["2 classes from folders; 6 photos", "6 photos in 2 classes"]


@pytest.mark.slow
def test_every_command_says_how_it_read_the_photos(
    trained: Finished, example_set: Path, tmp_path: Path, capsys: Capture
) -> None:
    for command in (("evaluate", trained.folder), ("review",)):
        assert main([*map(str, command), str(example_set)]) == 0
        assert capsys.readouterr().out.splitlines()[0] == "4 classes from folders; 32 photos"
    assert run(capsys, "evaluate", trained.folder, example_set)["layout"]["labels"]["from"] == "folders"


@pytest.mark.slow
def test_labels_of_the_test_photos_are_read_by_their_own_option(
    example_set: Path, tmp_path: Path, capsys: Capture
) -> None:
    test = tmp_path / "test"
    test.mkdir()
    for label in ("mug", "key"):
        for path in sorted((example_set / label).iterdir())[:4]:
            write(test / "images" / f"{label}.{path.name.split()[-1]}", path.read_bytes())
    train = ("train", example_set, "--out", tmp_path / "model", "--test", test)
    found, sentence = refused(capsys, *train)
    assert [reading["labels"]["option"] for reading in found["readings"]] == ["names:first"]
    assert "--test-labels names:first" in sentence
    assert not (tmp_path / "model").exists()
    assert run(capsys, *train, "--test-labels", "names:first")["test_accuracy"] > 0.5
    assert main([*map(str, train), "--test-labels", "names:first"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("Of --test: 2 classes from the beginning of the file names; 8 photos")


def test_where_no_reading_fits_numbers_places_and_reasons_are_given(tmp_path: Path, capsys: Capture) -> None:
    folder = make_folder(tmp_path / "set", *(f"images/IMG_{number}.jpg" for number in range(7)))
    found, sentence = refused(capsys, "check", folder)
    assert "7 pictures" in sentence
    assert (found["readings"], found["photos"]) == ([], 7)
    assert found["not_taken"]
    assert all(row["reason"] for row in found["not_taken"])


def test_photos_that_are_all_unusable_are_counted_with_the_reasons(tmp_path: Path, capsys: Capture) -> None:
    for number in range(5):
        write(tmp_path / "set" / f"{'cat' if number % 2 else 'dog'}/{number}.jpg", b"")
    write(tmp_path / "set/cat/notes.txt", b"hello")
    found, sentence = refused(capsys, "train", tmp_path / "set", "--out", tmp_path / "model")
    assert sentence.startswith("None of the 6 files (3 in cat/, 3 in dog/) can be used: 5 files (")
    assert "1 file (This is a text, not a picture)" in sentence
    assert {row["file"] for row in found["left_out"]} >= {"cat/1.jpg", "dog/0.jpg", "cat/notes.txt"}


def test_a_single_file_that_cannot_be_used_is_named(tmp_path: Path, capsys: Capture) -> None:
    write(tmp_path / "set/cat/1.jpg", b"")
    _, sentence = refused(capsys, "train", tmp_path / "set", "--out", tmp_path / "model")
    assert sentence.startswith("The only file here, cat/1.jpg, cannot be used: ")


def test_photos_that_are_all_to_test_with_are_no_photos_to_train_on(tmp_path: Path, capsys: Capture) -> None:
    folder = make_folder(tmp_path / "set", *(f"test/{name}" for name in NEW_PETS))
    for number in range(4):
        write(folder / f"train/{'cat' if number % 2 else 'dog'}/{number}.jpg", b"")
    _, sentence = refused(capsys, "train", folder, "--out", tmp_path / "model")
    assert sentence.startswith("3 photos are there to test or validate with, and none to train on")


def test_more_files_than_asked_for_are_refused(tmp_path: Path, capsys: Capture) -> None:
    folder = make_folder(tmp_path / "pets", *PETS)
    assert run(capsys, "check", folder, "--max-files", 6)["images"] == 6
    assert main(["check", str(folder), "--max-files", "5"]) == 2
    assert "more than 5 files" in capsys.readouterr().err
    assert main(["check", str(folder), "--max-files", "0"]) == 2


@pytest.mark.slow
def test_groups_in_two_splits_are_warned_of(tmp_path: Path, capsys: Capture) -> None:
    names = [f"{split}/{label}/{label}{number}_jpg.rf.{split}.jpg"
             for split in ("train", "test") for label in ("cat", "dog") for number in range(3)]  # fmt: skip
    folder = make_folder(tmp_path / "set", *names)
    result = run(capsys, "check", folder)
    (warning,) = [text for text in result["warnings"] if "belong together" in text]
    assert warning.startswith("6 of 6 groups of photos that belong together lie in more than one")
    assert (result["layout"]["groups"]["from"], result["layout"]["groups"]["count"]) == ("roboflow", 6)
    notes = run(capsys, "train", folder, "--out", tmp_path / "model")["notes"]
    assert warning in notes
