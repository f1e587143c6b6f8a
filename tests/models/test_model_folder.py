"""Which folder may be the target of a training, and how its files are replaced."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from classifier.errors import ModelError, StorageError
from classifier.messages.files import StorageCode
from classifier.messages.models import CheckpointCode
from classifier.models import model_folder
from tests import processes

ROOT = Path(__file__).parents[2]
JUNK = (".DS_Store", "Thumbs.db", "desktop.ini", "._model.safetensors", ".gitattributes", "lost+found")
HOLD = """
import sys, time
from pathlib import Path
from classifier.files import Lock
lock = Lock(Path(sys.argv[1], ".training.lock"))
assert lock.acquire() is None
print("held", flush=True)
time.sleep(60)
"""
MOUNT = """
set -e
mount -t tmpfs none "$1"
"$2" - "$1" <<'END'
import sys
from pathlib import Path
from tests.models.test_model_folder import names, write
folder = Path(sys.argv[1])
for value in (1, 2):
    write(folder, value)
print(folder.is_mount(), names(folder))
END
"""
NO_RIGHTS = """
import os, sys
from pathlib import Path
from tests.models.test_model_folder import model_folder, names, write
folder = Path(sys.argv[1], "model")
if not os.geteuid():  # root may write anywhere
    os.chown(folder, 65534, 65534)
    os.setuid(65534)
with model_folder.reserve(folder):
    write(folder, 1)
write(folder, 2)
print(names(folder))
"""
INTERRUPT = """
import os, sys
from pathlib import Path
from classifier.models import model_folder
from tests.models.test_model_folder import is_whole, names, write

def end_at(step):
    def watch(event, arguments):
        nonlocal step
        if event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir") and str(arguments[0]).startswith(sys.argv[1]):
            step -= 1
            if not step:
                os._exit(9)
    sys.addaudithook(watch)

for step in range(1, 100):
    folder = Path(sys.argv[1], str(step))
    write(folder, 1)
    child = os.fork()
    if not child:
        end_at(step)
        write(folder, 2, ood=False)
        os._exit(0)
    _, code = os.waitpid(child, 0)
    if not code:
        break
    model_folder.check_target(folder)
    model_folder.recover(folder)
    print(is_whole(folder, 1) + 2 * is_whole(folder, 2), end="")
"""


def write(folder: Path, value: int, ood: bool = True) -> None:
    """Write a folder of all files, each of which holds ``value``."""
    texts = {name: str(value) for name in model_folder.FILES if not name.endswith(".safetensors")}
    tensor = {"x": torch.full((3,), float(value))}
    arrays = ("model.safetensors", model_folder.EVALUATED, *([model_folder.OOD] if ood else []))
    model_folder.write(folder, texts, dict.fromkeys(arrays, tensor))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def is_whole(folder: Path, value: int) -> bool:
    """Whether the folder holds what ``write`` wrote last, with the files of ``value`` only."""
    expected = set(model_folder.FILES) - (set() if value == 1 else {model_folder.OOD})
    if set(names(folder)) != expected:
        return False
    texts = {(folder / name).read_text() for name in expected if not name.endswith(".safetensors")}
    return texts == {str(value)} and float(load_file(folder / "model.safetensors")["x"][0]) == value


def refusal(folder: Path) -> ModelError:
    """The error with which a training into the folder ends at its start."""
    with pytest.raises(ModelError) as caught, model_folder.reserve(folder):
        pytest.fail("the training began")
    return caught.value


# -- the target


def test_folders_with_other_files_are_never_touched(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/holiday.jpg").write_bytes(b"dear")
    for folder in (tmp_path / "photos", tmp_path / "photos/holiday.jpg"):
        with pytest.raises(ModelError, match="name a new folder"):
            model_folder.check_target(folder)
        with pytest.raises(ModelError, match="name a new folder"):
            write(folder, 1)
        assert "name a new folder" in str(refusal(folder))
    assert (tmp_path / "photos/holiday.jpg").read_bytes() == b"dear"
    assert names(tmp_path / "photos") == ["holiday.jpg"]


def test_a_readme_alone_is_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("my repository")
    assert refusal(tmp_path).code is CheckpointCode.OTHER_FILES
    assert (tmp_path / "README.md").read_text() == "my repository"


@pytest.mark.parametrize("name", [*JUNK, ".git/", ".cache/"])
def test_what_other_programs_put_into_a_folder_is_left_alone(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    write(folder, 1)
    other = folder / name
    other.mkdir() if name.endswith("/") else other.write_text("mine")
    with model_folder.reserve(folder):
        write(folder, 2)
    assert set(names(folder)) == {*model_folder.FILES, other.name}
    assert other.is_dir() or other.read_text() == "mine"
    assert (folder / "report.json").read_text() == "2"


def test_an_empty_folder_can_be_the_target_and_so_can_a_long_name(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "x" * 250, "new/deep"):
        write(tmp_path / name, 1)
        assert is_whole(tmp_path / name, 1)


def test_the_current_folder_can_be_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with model_folder.reserve(Path()):
        write(Path(), 1)
    assert is_whole(tmp_path, 1)


def test_a_symbolic_link_to_a_model_stays_one(tmp_path: Path) -> None:
    write(tmp_path / "disk/model", 1)
    (tmp_path / "link").symlink_to(tmp_path / "disk/model", target_is_directory=True)
    write(tmp_path / "link", 1)
    assert (tmp_path / "link").is_symlink()
    assert is_whole(tmp_path / "disk/model", 1)


@pytest.mark.slow
def test_a_mount_point_can_be_the_target(tmp_path: Path) -> None:
    """As in a container with “-v model:/model --out /model”: such a folder cannot be renamed."""
    alone = ["unshare", "--mount"]  # the mount is seen by this process alone and ends with it
    try:
        allowed = subprocess.run(
            [*alone, "mount", "-t", "tmpfs", "none", str(tmp_path)], capture_output=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("needs Linux")
    if allowed.returncode:
        pytest.skip("needs the right to mount")
    command = [*alone, "sh", "-c", MOUNT, "sh", str(tmp_path), sys.executable]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == f"True {sorted(model_folder.FILES)}\n", done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions")
def test_a_folder_that_cannot_be_renamed_can_be_the_target() -> None:
    with tempfile.TemporaryDirectory() as parent:  # pytest's own are open to their owner only
        Path(parent, "model").mkdir()
        Path(parent).chmod(0o555)
        done = processes.run(["-c", NO_RIGHTS, parent])
        Path(parent).chmod(0o755)
    assert done.stdout == f"{sorted(model_folder.FILES)}\n", done.stderr


@pytest.mark.parametrize("name", ["x" * 300, "file/model"])
def test_a_place_that_cannot_be_written_is_a_plain_message(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"model|xxx.*cannot be written") as caught:
        write(tmp_path / name, 1)
    assert caught.value.code is StorageCode.NOT_WRITTEN_TO
    with pytest.raises(StorageError, match=r"model|xxx.*cannot be written"), model_folder.reserve(tmp_path / name):
        pytest.fail("the training began")
    assert names(tmp_path) == ["file"]


# -- an interrupted write


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_write_killed_at_any_step_leaves_one_whole_model(tmp_path: Path) -> None:
    done = processes.run(["-c", INTERRUPT, tmp_path])
    assert re.fullmatch("1{2,}2{10,}", done.stdout), (done.stdout, done.stderr)


def test_leftovers_inside_the_folder_are_replaced_and_a_resume_folder_too(tmp_path: Path) -> None:
    write(tmp_path / "model", 1)
    (tmp_path / "model" / f".{'0af' * 10}00.part").write_text("half a report")
    (tmp_path / "model/resume").mkdir()
    model_folder.check_target(tmp_path / "model")
    write(tmp_path / "model", 2, ood=False)
    assert is_whole(tmp_path / "model", 2)


# -- two trainings at once


def test_a_second_training_is_refused_and_names_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    first = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        error = refusal(folder)
        assert error.code is CheckpointCode.IN_USE
        assert re.search(rf"process {first.pid}, since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\)", str(error))
    finally:
        first.kill()  # as a crash: its file stays
        first.communicate()
    assert names(folder) == [".training.lock"]
    with model_folder.reserve(folder):
        write(folder, 1)
    assert is_whole(folder, 1)


def test_two_trainings_of_one_process_are_refused_too(tmp_path: Path) -> None:
    with model_folder.reserve(tmp_path / "model"):
        assert f"process {os.getpid()}," in str(refusal(tmp_path / "model"))
        with model_folder.reserve(tmp_path / "other"):
            pass
    with model_folder.reserve(tmp_path / "model"):
        pass


def test_a_training_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    def fail() -> None:
        with model_folder.reserve(tmp_path / "new/model"):
            assert names(tmp_path / "new/model") == [".training.lock"]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names(tmp_path) == []
