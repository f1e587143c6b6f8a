"""The commands as a person or a program runs them: their effects, their errors, their exit codes."""

from __future__ import annotations

import csv
import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier import Finished, Project, TrainConfig, __version__, train
from classifier.cli.main import main
from classifier.files import cache_folder
from tests.data.packed_files import write_mnist
from tests.helpers import MakeFolder, draw_photo, encode

ROOT = Path(__file__).parents[2]
Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *args: object) -> Any:
    """What a command answers with ``--json``: the last line of its output."""
    assert main([*map(str, args), "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def refusal(capsys: Capture, *args: object) -> str:
    """The one sentence of a command that failed; before it there is at most the line that says what was read."""
    assert main([*map(str, args)]) == 2
    out, err = capsys.readouterr()
    assert out == "" or " from " in out
    assert err.count("\n") == 1
    assert err.endswith(".\n")
    return err


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder, its size and when it was written."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in [*files, folder]}


# what each command does


def test_an_example_is_drawn_into_a_new_folder(tmp_path: Path, capsys: Capture) -> None:
    assert run(capsys, "example", tmp_path / "new", "--per-class", 2) == {
        "folder": str(tmp_path / "new"),
        "per_class": 2,
    }
    assert len(list((tmp_path / "new").glob("*/*.jpg"))) == 8
    assert "name a new one" in refusal(capsys, "example", tmp_path / "new")
    assert "at least 1" in refusal(capsys, "example", tmp_path / "other", "--per-class", 0)


def test_a_public_set_is_fetched_into_a_new_folder(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache = cache_folder("sets") / "mnist"
    write_mnist(cache, {"train": 6, "t10k": 4})  # as if fetched before: nothing is asked for
    assert main(["example", str(tmp_path / "digits"), "--set", "mnist", "--per-class", "1", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "folder": str(tmp_path / "digits"), "set": "mnist", "photos": 4, "classes": ["3", "4"],
        "source": "https://yann.lecun.com/exdb/mnist/", "license": "CC BY-SA 3.0",
    }  # fmt: skip
    assert "12 MB to fetch. Source: https://yann.lecun.com/exdb/mnist/. License: CC BY-SA 3.0." in err
    assert len(list((tmp_path / "digits").glob("t*/*/*.png"))) == 4


def test_a_public_set_without_a_network_is_one_sentence(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nothing answers
    assert "does not answer" in refusal(capsys, "example", tmp_path / "pets", "--set", "oxford_pets")
    assert not (tmp_path / "pets").exists()
    assert "cifar10" in refusal(capsys, "example", tmp_path / "pets", "--set", "cats")


def test_a_check_finds_files_left_out_and_writes_nothing(make_folder: MakeFolder, capsys: Capture) -> None:
    data = make_folder({"cat": 3, "dog": 4})
    shutil.copy(data / "cat/1.jpg", data / "cat/copy.jpg")
    shutil.copy(data / "cat/2.jpg", data / "dog/same.jpg")
    (data / "dog/notes.txt").write_text("woof")
    before = state(data)
    result = run(capsys, "check", data)
    assert (result["classes"], result["images"]) == ({"cat": 3, "dog": 5}, 8)
    assert {row["file"] for row in result["left_out"]} == {"cat/copy.jpg", "dog/notes.txt"}
    assert sorted(result["exact_duplicates"]) == ["cat/2.jpg", "cat/copy.jpg", "dog/same.jpg"]
    assert (result["splits"], result["runs"]) == ({"train": {"cat": 3, "dog": 5}}, [])
    assert {(row["file"], row["width"], row["height"]) for row in result["photos"]} >= {("cat/1.jpg", 64, 48)}
    assert state(data) == before


@pytest.mark.slow
def test_a_check_of_a_project_lists_what_changed_since_each_training(
    example_set: Path, features: Path, tmp_path: Path, capsys: Capture
) -> None:
    with Project.open(tmp_path / "project") as project:
        project.add(example_set)
        project.features = features
        list(train(project, TrainConfig(resize_modes=("whole",))))
        one, other, *_ = project.photos("mug")
        project.move([one.id], "key")
        project.remove([other.id])
    result = run(capsys, "check", tmp_path / "project")
    (training,) = result["runs"]
    assert (training["mode"], training["judged"], training["added"]) == ("quick", 32, [])
    assert (training["relabelled"], training["removed"]) == ([one.source], [other.sha256])
    assert {row["file"] for row in result["photos"] if row["called_right"]} == {one.source}
    reviewed = run(capsys, "review", tmp_path / "project")
    assert (reviewed["name"], reviewed["relabelled"]) == (training["name"], [one.source])
    assert sum(len(cell["files"]) for cell in reviewed["confusion"]) == 30  # one was moved, one removed
    assert run(capsys, "review", tmp_path / "project", "--run", training["name"]) == reviewed
    assert "no training called “gone”" in refusal(capsys, "review", tmp_path / "project", "--run", "gone")


@pytest.mark.slow
def test_a_review_of_a_folder_shows_the_photos_behind_the_score(
    example_set: Path, tmp_path: Path, capsys: Capture
) -> None:
    data = Path(shutil.copytree(example_set, tmp_path / "photos"))
    (data / "mug/mug 01.jpg").replace(data / "apple/stray.jpg")
    before = state(data)
    result = run(capsys, "review", data)
    correct = sum(len(cell["files"]) for cell in result["confusion"] if cell["label"] == cell["predicted"])
    wrong = {(file, cell["predicted"]) for cell in result["confusion"] for file in cell["files"]
             if cell["label"] != cell["predicted"]}  # fmt: skip
    assert result["accuracy"] == correct / result["judged"] == correct / (correct + len(wrong))
    assert {(row["file"], row["predicted"]) for row in result["mistakes"]} == wrong
    assert (result["suspects"][0]["file"], result["suspects"][0]["predicted"]) == ("apple/stray.jpg", "mug")
    assert main(["review", str(data)]) == 0
    printed = capsys.readouterr().out
    assert "apple taken for mug: apple/stray.jpg\n" in printed
    assert "apple/stray.jpg: is it really apple? It looks like mug." in printed
    assert state(data) == before


@pytest.mark.slow
def test_training_scores_the_model_and_writes_nothing_else(example_set: Path, tmp_path: Path, capsys: Capture) -> None:
    before = state(example_set)
    out = tmp_path / "model"
    result = run(capsys, "train", example_set, "--out", out, "--test", example_set, "--seed", 3)
    assert result["classes"] == {"apple": 8, "key": 8, "leaf": 8, "mug": 8}
    assert result["images"] == 32
    assert result["accuracy_low"] <= result["accuracy"] <= result["accuracy_high"]
    assert set(result["per_class"]) == set(result["classes"])
    assert (result["mode"], result["checkpoint"]) == ("quick", str(out))
    assert json.loads((out / "training.json").read_text(encoding="utf-8"))["config"]["seed"] == 3
    assert state(example_set) == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.slow
def test_training_from_a_zip_with_odd_files_lists_every_one(example_set: Path, tmp_path: Path, capsys: Capture) -> None:
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for label in ("apple", "mug"):
            for path in sorted((example_set / label).iterdir())[:3]:
                packed.write(path, f"my photos/{label}/{path.name}")
        packed.write(example_set / "mug/mug 01.jpg", "my photos/apple/really a mug.jpg")
        packed.writestr("my photos/apple/cut.jpg", encode(draw_photo())[:400])
        packed.writestr("my photos/apple/.DS_Store", b"x")
    result = run(capsys, "train", archive, "--out", tmp_path / "model")
    left = {row["file"]: row["reason"] for row in result["left_out"]}
    assert set(left) == {
        "my photos/apple/cut.jpg", "my photos/apple/.DS_Store",
        "my photos/apple/really a mug.jpg", "my photos/mug/mug 01.jpg",
    }  # fmt: skip
    assert "“apple” and “mug”" in left["my photos/mug/mug 01.jpg"]
    assert (result["images"], result["classes"]) == (5, {"apple": 3, "mug": 2})


@pytest.mark.slow
def test_evaluating_counts_the_photos_that_it_evaluated(
    trained: Finished, example_set: Path, tmp_path: Path, capsys: Capture
) -> None:
    """Of ten photos three are under a wrong label, one is of an unknown class and one cannot be read."""
    data = tmp_path / "photos"
    for label, photos in {
        "apple": ["apple 01", "apple 02", "apple 03", "key 01"],
        "mug": ["mug 01", "mug 02", "leaf 01", "leaf 02"],
        "zebra": ["leaf 03"],
    }.items():
        (data / label).mkdir(parents=True)
        for name in photos:
            shutil.copy(example_set / name.split()[0] / f"{name}.jpg", data / label)
    (data / "mug" / "broken.jpg").write_bytes(encode(draw_photo())[:400])
    before = state(data)
    forgetful = Path(shutil.copytree(trained.folder, tmp_path / "model", ignore=lambda *_: ["training_photos.json"]))
    result = run(capsys, "evaluate", forgetful, data)
    assert (result["images"], trained.report.images) == (8, 32)
    assert (result["judged_on"], result["classes"]) == ("test", ["apple", "key", "leaf", "mug"])
    assert result["accuracy"] == 5 / 8
    assert result["accuracy_low"] < 5 / 8 < result["accuracy_high"]
    assert {label: row["images"] for label, row in result["per_class"].items()} == {
        "apple": 4, "key": 0, "leaf": 0, "mug": 4,
    }  # fmt: skip
    assert result["per_class"]["apple"]["recall"] == 3 / 4
    assert {row["file"] for row in result["left_out"]} == {"zebra/leaf 03.jpg", "mug/broken.jpg"}
    assert state(data) == before


@pytest.mark.slow
def test_predicting_reads_files_and_folders_and_names_what_it_cannot_read(
    trained: Finished, example_set: Path, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "mixed" / "deep").mkdir(parents=True)
    shutil.copy(example_set / "mug/mug 01.jpg", tmp_path / "mixed/deep/1.jpg")
    (tmp_path / "mixed/broken.jpg").write_bytes(b"\xff\xd8nothing")
    (tmp_path / "mixed/.DS_Store").write_bytes(b"x")
    rows = run(capsys, "predict", trained.folder, example_set / "key/key 01.jpg", tmp_path / "mixed", "--top-k", 2)
    assert [Path(row["file"]).name for row in rows] == ["key 01.jpg", "broken.jpg", "1.jpg"]
    assert [row["top"][0]["label"] if row["top"] else None for row in rows] == ["key", None, "mug"]
    assert [len(row["top"]) for row in rows] == [2, 0, 2]
    assert rows[1]["reason"]
    assert all(
        isinstance(row["unsure"], bool) and 0 <= guess["confidence"] <= 1 for row in rows for guess in row["top"]
    )


def test_photos_of_a_zip_are_predicted_and_sorted_into_folders(
    trained: Finished, example_set: Path, tmp_path: Path, capsys: Capture
) -> None:
    with zipfile.ZipFile(tmp_path / "new.zip", "w") as packed:
        packed.write(example_set / "key/key 01.jpg", "a/1.jpg")
        packed.writestr("a/broken.jpg", b"\xff\xd8nothing")
    sorted_into, photo = tmp_path / "sorted", example_set / "mug/mug 01.jpg"
    rows = run(capsys, "predict", trained.folder, tmp_path / "new.zip", photo, "--sort-into", sorted_into)
    assert [row["file"] for row in rows] == [f"{tmp_path / 'new.zip'}/a/1.jpg", f"{tmp_path / 'new.zip'}/a/broken.jpg",
                                             str(photo)]  # fmt: skip
    assert [row["answer"] for row in rows] == ["key", None, "mug"]
    files = {path.relative_to(sorted_into).as_posix() for path in sorted_into.rglob("*.*")}
    assert files == {"key/1.jpg", "mug/mug 01.jpg"}
    assert "not an empty folder" in refusal(capsys, "predict", trained.folder, photo, "--sort-into", sorted_into)


def test_a_threshold_is_shown_with_its_cost_and_saved(
    trained: Finished, example_set: Path, tmp_path: Path, capsys: Capture
) -> None:
    folder = Path(shutil.copytree(trained.folder, tmp_path / "model"))
    shown = run(capsys, "threshold", folder)
    assert shown["threshold"] == trained.report.threshold
    assert [point["threshold"] for point in shown["cost"]] == pytest.approx(np.linspace(0, 1, 21))
    assert 0 <= shown["answered"] <= 1
    changed = run(capsys, "threshold", folder, 1)
    assert (changed["threshold"], changed["cost"]) == (1.0, shown["cost"])
    assert run(capsys, "predict", folder, example_set / "mug/mug 01.jpg")[0]["unsure"] is True
    assert main(["threshold", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "It answers when it is at least 100% sure."
    assert len(lines) == 2 + 21 + 4
    assert main(["threshold", str(folder), "0.5"]) == 0
    assert "at least 50% sure. This is saved." in capsys.readouterr().out
    assert "from 0 to 1" in refusal(capsys, "threshold", folder, "1.5")
    assert "from 0 to 1" in refusal(capsys, "threshold", folder, "nan")
    assert "no model" in refusal(capsys, "threshold", tmp_path)
    assert "no model" in refusal(capsys, "threshold", tmp_path, "0.5")
    assert run(capsys, "threshold", folder)["threshold"] == 0.5


def test_costs_are_saved_shown_and_removed_by_a_threshold(trained: Finished, tmp_path: Path, capsys: Capture) -> None:
    folder = Path(shutil.copytree(trained.folder, tmp_path / "model"))
    result = run(capsys, "threshold", folder, "--cost", "mug=5", "--cost", "key=2", "--unsure-cost", "0.4")
    assert (result["costs"], result["unsure_cost"]) == ({"mug": 5, "key": 2}, 0.4)
    assert result["expected_cost"] <= result["expected_cost_before"]
    assert set(result["thresholds"]) == {"apple", "key", "leaf", "mug"}
    assert result["thresholds"] == run(capsys, "threshold", folder)["thresholds"]
    assert main(["threshold", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "Missing “mug” counts 5 times as much as a false alarm." in shown
    assert "of “mug” missed instead of" in shown
    assert run(capsys, "threshold", folder, "--cost", "mug=1")["costs"] == {"key": 2}
    for wrong in ("mug=0", "mug=nan", "mug", "cow=5", "mug=many"):
        assert refusal(capsys, "threshold", folder, "0.3", "--cost", wrong)
    plain = run(capsys, "threshold", folder, "0.5")
    assert (plain["costs"], plain["expected_cost"], set(plain["thresholds"].values())) == ({}, None, {0.5})


@pytest.mark.slow
def test_without_json_the_commands_print_sentences(
    trained: Finished, example_set: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert main(["predict", str(trained.folder), str(example_set / "mug/mug 01.jpg")]) == 0
    assert "mug 01.jpg: " in capsys.readouterr().out
    assert main(["evaluate", str(trained.folder), str(example_set)]) == 0
    assert "All of the test photos (32) look like training photos" in capsys.readouterr().out
    assert main(["check", str(example_set)]) == 0
    assert "32 photos in 4 classes" in capsys.readouterr().out
    assert main(["train", str(example_set), "--out", str(tmp_path / "model")]) == 0
    assert f"The model is in {tmp_path / 'model'}" in capsys.readouterr().out


def test_a_table_holds_no_formula_for_a_spreadsheet(
    trained: Finished, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(trained.folder, tmp_path / "model"))
    for name in ("config.json", "report.json"):
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace('"mug"', '"=HYPERLINK(1)"').replace('"key"', '"@Ä"'), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names = ["=1+1.jpg", "+1.jpg", "@sum.jpg", "plain.jpg"]
    for name in names:
        draw_photo().save(name)
    (tmp_path / "broken.jpg").write_bytes(b"")
    assert main(["predict", "model", *names, "broken.jpg", "--csv", "table.csv", "--top-k", "9"]) == 0
    with Path("table.csv").open(newline="", encoding="utf-8-sig") as file:
        header, *rows = csv.reader(file)
    assert header[:4] == ["file", "unsure", "label 1", "confidence 1"]
    assert [row[0] for row in rows] == ["'=1+1.jpg", "'+1.jpg", "'@sum.jpg", "plain.jpg", "broken.jpg"]
    assert {"'=HYPERLINK(1)", "'@Ä"} <= set(rows[0])
    assert not any(cell[:1] in "=+-@" for row in rows for cell in row if cell)


# errors


def test_data_that_cannot_be_used_is_an_error_of_one_sentence(
    make_folder: MakeFolder, trained: Finished, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "letter.txt").write_text("dear")
    (tmp_path / "no.zip").write_bytes(b"PK\x03\x04 and no more")
    out = tmp_path / "model"
    for data in ("missing", "empty", "letter.txt", "no.zip", "x" * 300):
        for command in (("check",), ("train", "--out", out), ("evaluate", trained.folder)):
            refusal(capsys, *command, tmp_path / data)
    assert "“cat”" in refusal(capsys, "train", make_folder({"cat": 2}), "--out", out)
    assert not out.exists()


@pytest.mark.parametrize("harm", ["slip", "absolute", "bomb"])
def test_a_harmful_zip_is_not_unpacked(harm: str, tmp_path: Path, capsys: Capture) -> None:
    archive = tmp_path / "in" / "photos.zip"
    archive.parent.mkdir()
    photo = encode(draw_photo())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("cat/1.jpg", photo)
        packed.writestr("dog/1.jpg", encode(draw_photo(1)))
        if harm == "slip":
            packed.writestr("../../evil.jpg", photo)
        elif harm == "absolute":
            packed.writestr("/evil.jpg", photo)
        elif harm == "bomb":
            packed.writestr("cat/2.bmp", bytes(64_000_000))
    assert "The zip" in refusal(capsys, "train", archive, "--out", tmp_path / "model")
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "photos.zip"]


def test_a_link_in_a_zip_is_left_out_and_not_followed(tmp_path: Path, capsys: Capture) -> None:
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for number, label in enumerate(("cat", "cat", "dog", "dog")):
            packed.writestr(f"{label}/{number}.jpg", encode(draw_photo(number)))
        link = zipfile.ZipInfo("cat/secret.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link, "/etc/passwd")
    (left,) = run(capsys, "check", archive)["left_out"]
    assert left["file"] == "cat/secret.jpg"
    assert "link" in left["reason"]


@pytest.mark.slow
def test_a_setting_that_cannot_work_is_an_error_of_one_sentence(
    trained: Finished, example_set: Path, tmp_path: Path, capsys: Capture
) -> None:
    train = ("train", example_set, "--out")
    assert "tf_efficientnet_lite0" in refusal(capsys, *train, tmp_path / "m", "--backbone", "no_such_network")
    assert "“potato”" in refusal(capsys, *train, tmp_path / "m", "--device", "potato")
    assert "seed" in refusal(capsys, *train, tmp_path / "m", "--seed", -1)
    assert "name a new folder" in refusal(capsys, *train, example_set)
    assert "name a new folder" in refusal(capsys, *train, example_set / "mug/mug 01.jpg")
    refusal(capsys, *train, tmp_path / ("x" * 300))
    predict = ("predict", trained.folder, example_set)
    assert "at least 1" in refusal(capsys, *predict, "--top-k", 0)
    assert "table" in refusal(capsys, *predict, "--csv", tmp_path / "missing/table.csv")
    assert "no file" in refusal(capsys, "predict", trained.folder, tmp_path / "missing.jpg")
    assert "no model" in refusal(capsys, "predict", tmp_path, example_set)
    assert "no model" in refusal(capsys, "evaluate", tmp_path, example_set)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    "args", [(), ("fly",), ("evaluate",), ("train", "x", "--out", "y", "--seed", "one"), ("predict", "m", "--top-k")]
)
def test_a_misspelled_command_exits_with_2(args: tuple[str, ...], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(args))
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""


# as a program


def program(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "classifier", *args], capture_output=True, text=True, encoding="utf-8", cwd=ROOT,
        env={**os.environ, **env}, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("command", ["", "example", "check", "train", "review", "evaluate", "predict", "threshold"])
def test_every_command_has_a_help(command: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    assert "usage: python -m classifier" in capsys.readouterr().out


@pytest.mark.slow
def test_help_is_shown_without_loading_torch() -> None:
    code = (
        "import sys; from classifier.__main__ import main\n"
        "try: main(['--help'])\n"
        "finally: print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.splitlines()[-1] == "False"
    assert program("--version").stdout.strip() == __version__


@pytest.mark.slow
def test_the_program_works_in_a_terminal_without_utf8(trained: Finished, example_set: Path, tmp_path: Path) -> None:
    photo = Path(shutil.copy(example_set / "mug/mug 01.jpg", tmp_path / "tässe 犬.jpg"))
    good = program("predict", str(trained.folder), str(photo), "--json", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout.splitlines()[-1])[0]["file"] == str(photo)
    bad = program("check", str(tmp_path / "missing"))
    assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (2, "", 1)
