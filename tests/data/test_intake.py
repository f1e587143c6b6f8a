from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from classifier.config import Limits
from classifier.data.intake import (
    check_name,
    check_regular_file,
    clean_name,
    is_junk,
    is_outside,
    normalize_name,
    scan,
    sha256,
)
from classifier.errors import DataError
from classifier.messages.data import STORED_CODES, IntakeCode, LeftOutCode

SCAN = """
import os, sys
from pathlib import Path
from classifier.data.intake import scan
from classifier.errors import DataError
os.geteuid() or os.setuid(65534)  # root may read anything
try:
    list(scan(Path(sys.argv[1])))
except DataError as error:
    print(error)
"""


# names


JUNK = ["__MACOSX/cat/1.jpg", "cat/._1.jpg", "cat/.DS_Store", "cat/Thumbs.db", "desktop.ini", "ehthumbs.db",
        "cat/Icon\r", "@eaDir/1.jpg", ".git/x/1.jpg"]  # fmt: skip


def test_files_of_the_operating_system_are_named_as_such() -> None:
    assert {check_name(name) for name in JUNK} == {LeftOutCode.JUNK}
    assert all(map(is_junk, JUNK))
    assert not is_junk("cat/1.jpg")


@pytest.mark.parametrize(
    "name", ["../1.jpg", "a/../1.jpg", "/etc/1.jpg", "C:\\a\\1.jpg", "\\\\server\\1.jpg", "", "a\\..\\b"]
)
def test_names_that_point_outside_are_refused(name: str) -> None:
    assert is_outside(name)
    assert check_name(name) is LeftOutCode.NAME_OUTSIDE


@pytest.mark.parametrize(
    "name", ["a..b/c...jpg", "ab:/c.jpg", "photos//bees/1.jpg", "A: rust/1.jpg", "C:rust/1.jpg", "./a/./1.jpg"]
)
def test_unusual_names_inside_a_folder_are_not_refused(name: str) -> None:
    assert not is_outside(name)
    assert check_name(name) is None


def test_a_normalized_name_has_slashes_and_no_empty_parts() -> None:
    assert normalize_name(".\\photos//bees/./1.jpg") == "photos/bees/1.jpg"


@pytest.mark.parametrize("letter", [0xD800, 0xDCFF, 0xDFFF])
def test_an_undecodable_name_is_refused_and_can_be_shown(letter: int) -> None:
    name = f"cat/{chr(letter)}.jpg"
    assert check_name(name) is LeftOutCode.NAME_UNREADABLE
    assert clean_name(name) == "cat/?.jpg"
    assert clean_name("cat/é.jpg") == "cat/é.jpg"


@pytest.mark.parametrize("name", ["a/" * 101 + "1.jpg", "a\\" * 20_000 + "1.jpg", "x" * 5000 + ".jpg"])
def test_a_name_too_long_for_any_disk_is_left_out(name: str) -> None:
    assert check_name(name) is LeftOutCode.NAME_TOO_LONG


@pytest.mark.parametrize("letter", ["\ud7ff", "\ue000", "😀"])
def test_unusual_letters_in_a_name_do_no_harm(letter: str) -> None:
    assert check_name(f"cat/{letter}.jpg") is None


def test_codes_that_a_catalog_stores_have_different_ids() -> None:
    ids = [code.id for codes in STORED_CODES for code in codes]
    assert len(set(ids)) == len(ids)


# folders


def write_files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def test_scan_yields_names_and_paths_in_natural_order(tmp_path: Path) -> None:
    write_files(tmp_path, "b/10.jpg", "b/2.jpg", "b/1/0.jpg", "a/1.jpg")
    names = ["a/1.jpg", "b/1/0.jpg", "b/2.jpg", "b/10.jpg"]
    assert list(scan(tmp_path)) == [(name, tmp_path / name) for name in names]


def test_scan_yields_a_dot_folder_and_does_not_enter_it(tmp_path: Path) -> None:
    write_files(tmp_path, ".git/objects/1", "__MACOSX/._1.jpg", "cat/1.jpg")
    assert [name for name, _ in scan(tmp_path)] == [".git", "__MACOSX/._1.jpg", "cat/1.jpg"]


def test_scan_follows_links_that_stay_inside(tmp_path: Path) -> None:
    write_files(tmp_path, "data/all/1.jpg", "data/all/2.jpg", "data/all/more/3.jpg")
    (tmp_path / "data/cat").mkdir()
    (tmp_path / "data/cat/one.jpg").symlink_to("../all/1.jpg")
    (tmp_path / "data/dog").symlink_to("all/more")
    found = dict(scan(tmp_path / "data"))
    assert list(found) == ["all/1.jpg", "all/2.jpg", "all/more/3.jpg", "cat/one.jpg", "dog/3.jpg"]
    assert found["cat/one.jpg"] == (tmp_path / "data/all/1.jpg").resolve()
    assert {check_regular_file(path) for path in found.values()} == {None}


def test_scan_says_which_links_it_does_not_follow(tmp_path: Path) -> None:
    write_files(tmp_path, "secret/1.jpg", "data/2.jpg", "data/a/3.jpg")
    for name, target in {
        "loop": ".",
        "out": "../secret",
        "file": "../secret/1.jpg",
        "gone": "4.jpg",
        "self": "self",
    }.items():
        (tmp_path / "data" / name).symlink_to(target)
    found = dict(scan(tmp_path / "data"))
    assert list(found) == ["2.jpg", "a/3.jpg", "file", "gone", "loop", "out", "self"]
    reasons = {name: check_regular_file(path) for name, path in found.items()}
    assert {reasons[name] for name in ("loop", "out", "file")} == {LeftOutCode.LINK}
    assert {reasons[name] for name in ("gone", "self")} == {LeftOutCode.LINK_BROKEN}
    assert check_regular_file(tmp_path) is LeftOutCode.NOT_A_FILE


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    write_files(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "a/to b").symlink_to("../b")
    (tmp_path / "b/to a").symlink_to("../a")
    names = [name for name, _ in scan(tmp_path)]
    assert {"a/1.jpg", "b/2.jpg"} <= set(names)
    assert len(names) < 12


def test_a_folder_that_is_missing_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="missing") as caught:
        list(scan(tmp_path / "missing"))
    assert caught.value.code is IntakeCode.MISSING
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="“empty” is empty") as caught:
        list(scan(tmp_path / "empty"))
    assert caught.value.code is IntakeCode.EMPTY_FOLDER


def test_a_folder_of_more_files_than_the_limit_is_refused(tmp_path: Path) -> None:
    write_files(tmp_path / "data", "1.jpg", "a/2.jpg", "a/3.jpg")
    assert len(list(scan(tmp_path / "data", Limits(files=3)))) == 3
    with pytest.raises(DataError, match="“data” holds more than 2 files") as caught:
        list(scan(tmp_path / "data", Limits(files=2)))
    assert caught.value.code is IntakeCode.TOO_MANY_FILES


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions")
def test_an_unreadable_folder_is_named() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are open to their owner only
        Path(folder).chmod(0o755)
        Path(folder, "locked").mkdir(mode=0)
        done = subprocess.run([sys.executable, "-c", SCAN, folder], capture_output=True, text=True, check=False)
        Path(folder, "locked").chmod(0o755)
    assert done.stdout.strip() == "The folder “locked” cannot be read; check that you may open it.", done.stderr


def test_sha256_is_that_of_the_whole_content(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    (tmp_path / "y").write_bytes(bytes(3_000_000))
    assert sha256(tmp_path / "y") == "35bce4eae54ec8e6cc2868baa8d157914d6ae2858811b4cc0c078c94460fa26f"
