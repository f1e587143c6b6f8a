from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from classifier.config import Limits
from classifier.data.intake import (
    LabeledFile,
    LeftOut,
    assign_classes,
    check_regular_file,
    clean_name,
    is_junk,
    is_outside,
    scan,
    sha256,
)
from classifier.errors import DataError
from classifier.messages import message
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


def labels(*names: str) -> list[str | None]:
    return [file.label for file in assign_classes(names)[0]]


def splits(*names: str) -> list[tuple[str, str | None]]:
    return [(file.split, file.label) for file in assign_classes(names)[0]]


# names -> classes and splits


def test_class_folders_are_the_classes_and_the_order_is_kept() -> None:
    files, left_out = assign_classes(["cat/1.jpg", "dog/2.jpg", "cat/0.jpg"])
    assert files == [
        LabeledFile("cat/1.jpg", "cat", "train"),
        LabeledFile("dog/2.jpg", "dog", "train"),
        LabeledFile("cat/0.jpg", "cat", "train"),
    ]
    assert left_out == []


def test_no_names_give_no_classes() -> None:
    assert assign_classes([]) == ([], [])


def test_windows_separators_mean_the_same() -> None:
    assert labels("my pets\\cat\\1.jpg", "my pets\\dog\\2.jpg") == ["cat", "dog"]


def test_a_dot_in_a_path_means_nothing() -> None:
    assert labels("./cat/1.jpg", "./dog/./2.jpg") == ["cat", "dog"]


def test_wrappers_of_any_depth_are_skipped() -> None:
    assert labels("a/b/cat/1.jpg", "a/b/dog/2.jpg", "a/b/dog/old/3.jpg") == ["cat", "dog", "dog"]


def test_loose_files_in_a_wrapper_do_no_harm() -> None:
    names = ("w/cat/1.jpg", "w/dog/2.jpg", "w/README.txt", "w/labels.csv", "w/cover.jpg", "notes/n.txt")
    assert labels(*names) == ["cat", "dog", None, None, None, None]


def test_a_wrapper_has_twice_as_many_pictures_in_folders_as_loose() -> None:
    assert labels("w/cat/1.jpg", "w/dog/2.jpg", "w/3.jpg") == ["cat", "dog", None]
    assert labels("w/cat/1.jpg", "w/dog/2.jpg", "w/dog/3.jpg", "w/4.jpg", "w/5.jpg") == ["w"] * 5


def test_one_class_folder_alone_is_that_class() -> None:
    assert labels("roses/1.jpg") == ["roses"]
    assert labels("roses/1.jpg", "roses/more/2.jpg") == ["roses", "roses"]
    assert labels("roses/1.jpg", "roses/2.jpg", "roses/a/3.jpg", "roses/b/4.jpg") == ["roses"] * 4


def test_loose_pictures_have_no_class() -> None:
    assert labels("1.jpg", "cat/2.jpg", "dog/3.jpg") == [None, "cat", "dog"]
    assert labels("1.jpg") == [None]


@pytest.mark.parametrize(
    "suffix",
    ["", ".JPG", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp",
     ".avif", ".heic", ".heif", ".hif", ".ico", ".jp2", ".j2k", ".ppm", ".pgm", ".pbm"],
)  # fmt: skip
def test_only_names_like_a_picture_decide_what_is_a_wrapper(suffix: str) -> None:
    assert labels(f"w/cat/1{suffix}", f"w/dog/2{suffix}", "other/3.txt") == ["cat", "dog", None]


def test_names_without_any_picture_are_arranged_by_themselves() -> None:
    assert labels("w/cat/1.txt", "w/dog/2.txt") == ["cat", "dog"]


@pytest.mark.parametrize(
    ("folder", "split"),
    [("val", "val"), ("valid", "val"), ("VALIDATION", "val"), ("dev", "val"), ("Test", "test"), (" testing ", "test")],
)
@pytest.mark.parametrize("train", ["train", "Training"])
def test_split_folders_are_recognized_in_any_spelling(train: str, folder: str, split: str) -> None:
    names = (f"d/{train}/cat/1.jpg", f"d/{folder}/cat/2.jpg", f"d/{train}/dog/deep/3.jpg")
    assert splits(*names) == [("train", "cat"), (split, "cat"), ("train", "dog")]


def test_three_splits_are_kept_apart() -> None:
    names = ("train/cat/1.jpg", "val/cat/2.jpg", "test/dog/3.jpg")
    assert splits(*names) == [("train", "cat"), ("val", "cat"), ("test", "dog")]


def test_a_train_folder_alone_is_a_wrapper() -> None:
    assert splits("train/cat/1.jpg", "train/dog/2.jpg") == [("train", "cat"), ("train", "dog")]


def test_a_train_folder_beside_other_classes_is_a_class() -> None:
    names = ("train/1.jpg", "car/2.jpg", "bus/3.jpg")
    assert splits(*names) == [("train", "train"), ("train", "car"), ("train", "bus")]
    names = ("train/old/1.jpg", "train/new/2.jpg", "car/3.jpg", "test/4.jpg")
    assert splits(*names) == [("train", "train"), ("train", "train"), ("train", "car"), ("train", "test")]


def test_split_names_without_classes_below_are_classes() -> None:
    assert splits("train/1.jpg", "test/2.jpg") == [("train", "train"), ("train", "test")]
    assert splits("train/1.jpg", "test/cat/2.jpg") == [("train", "train"), ("train", "test")]
    assert splits("val/cat/1.jpg", "test/cat/2.jpg") == [("train", "val"), ("train", "test")]
    assert splits("train/cat/1.jpg", "training/dog/2.jpg") == [("train", "train"), ("train", "training")]


def test_files_of_a_split_outside_its_class_folders_have_no_class() -> None:
    assert splits("train/cat/1.jpg", "train/dog/2.jpg", "test/3.jpg")[-1] == ("test", None)
    assert splits("train/cat/1.jpg", "test/cat/2.jpg", "test")[-1] == ("train", None)
    assert splits("w/train/cat/1.jpg", "w/test/cat/2.jpg", "other/test/3.txt")[-1] == ("train", None)


JUNK = ["__MACOSX/cat/1.jpg", "cat/._1.jpg", "cat/.DS_Store", "cat/Thumbs.db", "desktop.ini", "ehthumbs.db",
        "cat/Icon\r", "@eaDir/1.jpg", ".git/x/1.jpg"]  # fmt: skip


def test_files_of_the_operating_system_are_left_out() -> None:
    files, left_out = assign_classes(["cat/1.jpg", *JUNK])
    assert [file.name for file in files] == ["cat/1.jpg"]
    assert left_out == [LeftOut(name, message(LeftOutCode.JUNK)) for name in JUNK]
    assert left_out[0].code is LeftOutCode.JUNK
    assert left_out[0].reason == "a file the computer keeps for itself, not a photo"
    assert all(map(is_junk, JUNK))
    assert not is_junk("cat/1.jpg")


@pytest.mark.parametrize("name", ["../1.jpg", "a/../1.jpg", "/etc/1.jpg", "C:\\a\\1.jpg", "a//1.jpg", "", "a\\..\\b"])
def test_names_that_point_outside_are_left_out(name: str) -> None:
    assert is_outside(name)
    assert assign_classes([name]) == ([], [LeftOut(name, message(LeftOutCode.NAME_OUTSIDE))])


def test_two_dots_within_a_name_do_not_point_outside() -> None:
    assert not is_outside("a..b/c...jpg")
    assert not is_outside("ab:/c.jpg")


@pytest.mark.parametrize("letter", [0xD800, 0xDCFF, 0xDFFF])
def test_an_undecodable_name_is_left_out_and_can_be_shown(letter: int) -> None:
    files, left_out = assign_classes([f"cat/{chr(letter)}.jpg"])
    assert files == []
    assert left_out == [LeftOut("cat/?.jpg", message(LeftOutCode.NAME_UNREADABLE))]
    assert clean_name("cat/é.jpg") == "cat/é.jpg"


@pytest.mark.parametrize("letter", ["\ud7ff", "\ue000", "😀"])
def test_unusual_letters_in_a_name_do_no_harm(letter: str) -> None:
    assert labels(f"cat/{letter}.jpg") == ["cat"]


def test_equal_names_get_equal_classes() -> None:
    assert labels("a/1.jpg", "a/1.jpg") == ["a", "a"]


def test_a_folder_whose_name_is_invisible_is_no_class() -> None:
    assert labels("\u200b/1.jpg") == [None]


def test_a_long_folder_name_is_cut_to_the_limit() -> None:
    assert assign_classes(["x" * 99 + "/1.jpg"], Limits(label_letters=12))[0][0].label == "x" * 12


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


def test_scan_does_not_follow_links(tmp_path: Path) -> None:
    write_files(tmp_path, "secret/1.jpg", "data/2.jpg")
    (tmp_path / "data" / "loop").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "out").symlink_to(tmp_path / "secret")
    found = dict(scan(tmp_path / "data"))
    assert list(found) == ["2.jpg", "loop", "out"]
    assert [check_regular_file(path) for path in found.values()] == [None, LeftOutCode.LINK, LeftOutCode.LINK]
    assert check_regular_file(tmp_path) is LeftOutCode.NOT_A_FILE


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
