from __future__ import annotations

import errno
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from classifier.errors import StorageError
from classifier.files import (
    Holder,
    Lock,
    atomic_write,
    cache_folder,
    check_writable,
    created_folder,
    data_folder,
    is_disk_full,
    remove,
    storage_error,
)
from classifier.messages.data import IntakeCode
from classifier.messages.files import StorageCode

SCRIPT = """
import os, resource, sys
from pathlib import Path
import numpy as np
from safetensors.numpy import save_file
from classifier.errors import StorageError
from classifier.files import atomic_write

{prepare}
try:
    with atomic_write(Path(sys.argv[1])) as part:
        {write}
except StorageError as error:
    print(error.code.name, error)
"""
FULL_DISK = "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"  # a write above that fails
NO_ROOT = "os.geteuid() or os.setuid(65534)"  # root may write anywhere
CACHE = """
import os
from pathlib import Path
from classifier.files import cache_folder
{prepare}
folders = [cache_folder("features"), cache_folder("features"), cache_folder("other")]
for folder in folders:
    (folder / "x").write_text("x")
print(len(set(folders)), len({{folder.parent for folder in folders}}), folders[0].parent, os.environ.get("HF_HOME"))
"""
WRITES = {
    "bytes": "part.write_bytes(bytes(1_000_000))",
    "safetensors": "save_file({'x': np.zeros(1_000_000)}, part)",
}
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions and limits")


def write_in_another_process(target: Path, prepare: str, write: str) -> str:
    command = [sys.executable, "-c", SCRIPT.format(prepare=prepare, write=write), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_text("old")
    return path


def test_the_new_file_replaces_the_old_one_and_nothing_else_stays(target: Path) -> None:
    with atomic_write(target) as part:
        part.write_text("new")
        assert target.read_text() == "old"
        assert part.parent == target.parent
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_missing_folders_are_created(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a" / "b" / "c.txt") as part:
        part.write_text("x")
    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "x"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, GeneratorExit])
def test_an_interrupted_write_leaves_the_old_file_whole(error: type[BaseException], target: Path) -> None:
    def write() -> None:
        with atomic_write(target) as part:
            part.write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert target.read_text() == "old"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_a_safetensors_file_is_as_readable_as_its_neighbors(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        (tmp_path / "neighbor.txt").write_text("x")
        with atomic_write(tmp_path / "model.safetensors") as part:
            save_file({"x": np.zeros(3)}, part)
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {0o666 & ~umask}


@pytest.mark.parametrize("write", WRITES)
def test_on_a_full_disk_the_old_file_stays_whole(write: str, target: Path) -> None:
    assert write_in_another_process(target, FULL_DISK, WRITES[write]).startswith("DISK_FULL The disk is full")
    assert target.read_text() == "old"
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_without_permission_to_write_is_named() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are open to their owner only
        target = Path(folder, "report.json")
        target.write_text("old")
        Path(folder).chmod(0o555)
        shown = write_in_another_process(target, NO_ROOT, WRITES["bytes"])
        Path(folder).chmod(0o755)
        assert target.read_text() == "old"
    assert shown.startswith(f"NOT_WRITTEN_TO “{target}” cannot be written (Permission denied)")


def test_a_folder_in_the_place_of_the_file_is_an_error_of_storage(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(StorageError, match="taken") as caught, atomic_write(tmp_path / "taken") as part:
        part.write_text("x")
    assert caught.value.code is StorageCode.NOT_WRITTEN_TO
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_safetensors_own_error_becomes_an_error_of_storage(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="os error"), atomic_write(tmp_path / "model.safetensors"):
        save_file({"x": np.zeros(3)}, tmp_path / "missing" / "x.safetensors")


def test_the_file_is_not_named_where_that_is_asked(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    with pytest.raises(StorageError) as caught, atomic_write(tmp_path / "secret", name_target=False) as part:
        part.write_text("x")
    assert caught.value.code is StorageCode.NOT_WRITTEN
    assert "secret" not in str(caught.value)


def test_a_caller_may_have_its_own_code_for_a_full_disk(target: Path) -> None:
    with pytest.raises(StorageError) as caught, atomic_write(target, IntakeCode.ZIP_LOCKED):
        raise OSError(errno.ENOSPC, "no space")
    assert caught.value.code is IntakeCode.ZIP_LOCKED


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_told_by_the_number_of_the_error(number: int) -> None:
    assert is_disk_full(OSError(number, "any words"))
    assert storage_error(OSError(number, "any words"), Path("x")).code is StorageCode.DISK_FULL


def test_other_errors_are_not_a_full_disk_whatever_their_words() -> None:
    for error in (OSError(errno.EACCES, "disk is full"), ValueError("No space left"), OSError("no number")):
        assert not is_disk_full(error)
        assert storage_error(error).code is StorageCode.NOT_WRITTEN


def test_a_full_database_is_a_full_disk_and_a_locked_one_is_not(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as db:
        db.execute("CREATE TABLE t (a)")
        db.execute("PRAGMA max_page_count = 2")
        with pytest.raises(sqlite3.OperationalError) as full:
            db.execute("INSERT INTO t VALUES (zeroblob(100000))")
    db.close()
    one, other = (sqlite3.connect(tmp_path / "b.db", timeout=0) for _ in range(2))
    one.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError) as locked:
        other.execute("CREATE TABLE t (a)")
    one.close()
    other.close()
    assert is_disk_full(full.value)
    assert not is_disk_full(locked.value)


def test_removing_what_is_gone_is_no_error(tmp_path: Path) -> None:
    remove(tmp_path / "gone")
    (tmp_path / "here").write_text("x")
    remove(tmp_path / "here")
    assert not (tmp_path / "here").exists()


# -- folders


def test_caches_and_data_are_where_the_system_keeps_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    below = {"darwin": ("Library/Caches", "Library/Application Support")}
    cache, data = below.get(sys.platform, (".cache", ".local/share"))
    assert data_folder() == tmp_path / data / "photo-classifier"
    assert list(tmp_path.iterdir()) == []
    assert cache_folder("features") == tmp_path / cache / "photo-classifier/features"
    assert list(cache_folder("features").iterdir()) == []


@pytest.mark.parametrize(
    ("prepare", "shown"),
    [
        ("os.environ['XDG_CACHE_HOME'] = '/dev/null/cache'", "“/dev/null/cache/photo-classifier/features”"),
        ("os.environ['HOME'] = '/dev/null'", "“/dev/null/.cache/photo-classifier/features”"),
        pytest.param(
            "os.environ.pop('HOME', None); os.setuid(4_000_000)", "“~/.cache/photo-classifier/features”",
            marks=pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="needs another user"),
        ),
    ],
)  # fmt: skip
def test_without_a_cache_that_can_be_written_there_is_a_temporary_one(prepare: str, shown: str) -> None:
    environment = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", CACHE.format(prepare=prepare)], capture_output=True, text=True, check=False,
        env=environment,
    )  # fmt: skip
    assert done.stderr.startswith(f"The cache folder {shown} cannot be written"), done.stderr
    assert done.stderr.count("\n") == 1  # said once
    folders, parents, folder, hub = done.stdout.split()
    assert (folders, parents, hub) == ("2", "1", f"{folder}/huggingface")
    assert not Path(folder).exists()  # it ends with the process


def test_a_folder_is_writable_if_a_file_can_be_made(tmp_path: Path) -> None:
    check_writable(tmp_path / "a/b")
    assert list((tmp_path / "a/b").iterdir()) == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="file"):
        check_writable(tmp_path / "file")


def test_folders_that_stay_empty_are_deleted_again(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    with created_folder(tmp_path / "before/new/deep"):
        assert (tmp_path / "before/new/deep").is_dir()
    assert [path.name for path in tmp_path.rglob("*")] == ["before"]
    with created_folder(tmp_path / "before/new/deep"):
        (tmp_path / "before/new/file").write_text("x")
    assert {path.name for path in tmp_path.rglob("*")} == {"before", "new", "file"}


# -- locks


def test_a_lock_has_one_holder_and_is_free_afterwards(tmp_path: Path) -> None:
    one, other = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    assert one.acquire() is None
    holder = other.acquire()
    assert isinstance(holder, Holder)
    assert holder.process == str(os.getpid())
    other.release()  # it has nothing to release
    assert other.acquire() == holder
    one.release()
    assert list(tmp_path.iterdir()) == []
    assert other.acquire() is None
    other.release()


def test_a_lock_file_without_a_holder_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("left by a crash")
    lock = Lock(tmp_path / "lock")
    assert lock.acquire() is None
    lock.release()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "7"])
def test_a_holder_that_has_not_yet_written_its_name_is_unknown(content: str, tmp_path: Path) -> None:
    one, other = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    one.acquire()
    (tmp_path / "lock").write_text(content)
    assert other.acquire() == Holder("?", "?")
    one.release()
