"""What was read before layouts were, is still read: one class folder for each class, in all wrappings."""

from __future__ import annotations

import pytest

from classifier.data.layout import Decision, Reading, read_layout
from classifier.messages.layout import NotTakenCode

SUFFIXES = (
    "", ".JPG", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp",
    ".avif", ".heic", ".heif", ".hif", ".ico", ".jp2", ".j2k", ".ppm", ".pgm", ".pbm",
)  # fmt: skip


def read(*names: str) -> Reading:
    layout = read_layout(names, {})
    assert layout.decision is Decision.READ, layout.error()
    return layout.readings[0]


def labels(*names: str) -> list[str | None]:
    reading = read(*names)
    return [reading.labels.get(name) for name in names]


def splits(*names: str) -> list[tuple[str | None, str | None]]:
    reading = read(*names)
    return [(reading.splits.get(name), reading.labels.get(name)) for name in names]


def test_class_folders_are_the_classes() -> None:
    assert splits("cat/1.jpg", "dog/2.jpg", "cat/0.jpg") == [("train", "cat"), ("train", "dog"), ("train", "cat")]


def test_a_dot_in_a_path_means_nothing() -> None:
    assert labels("./cat/1.jpg", "./dog/./2.jpg") == ["cat", "dog"]


def test_wrappers_of_any_depth_are_skipped() -> None:
    assert labels("a/b/cat/1.jpg", "a/b/dog/2.jpg", "a/b/dog/old/3.jpg") == ["cat", "dog", "dog"]


def test_loose_files_in_a_wrapper_do_no_harm() -> None:
    pictures = [f"w/{label}/{number}.jpg" for label in ("cat", "dog") for number in range(9)]
    others = ["w/README.txt", "w/labels.csv", "w/cover.jpg", "notes/n.txt"]
    assert labels(*pictures, *others)[-4:] == [None, None, None, None]


def test_a_wrapper_has_twice_as_many_pictures_in_folders_as_loose() -> None:
    assert labels("w/cat/1.jpg", "w/dog/2.jpg", "w/dog/3.jpg", "w/4.jpg", "w/5.jpg") == ["w"] * 5


def test_one_class_folder_alone_is_that_class() -> None:
    assert labels("roses/1.jpg") == ["roses"]
    assert labels("roses/1.jpg", "roses/more/2.jpg") == ["roses", "roses"]
    assert labels("roses/1.jpg", "roses/2.jpg", "roses/a/3.jpg", "roses/b/4.jpg") == ["roses"] * 4
    assert labels("5/1.jpg", "5/2.jpg") == ["5", "5"]
    assert labels("mask/1.jpg", "mask/2.jpg") == ["mask", "mask"]


@pytest.mark.parametrize(
    "folder", ["photos", "images", "dataset", "train", "test", "New folder", "100APPLE", "2024-05-01", "my photos"]
)
def test_a_folder_alone_whose_name_says_nothing_is_no_class(folder: str) -> None:
    assert read_layout([f"{folder}/x{number}.jpg" for number in range(9)], {}).decision is Decision.REFUSE


def test_loose_pictures_have_no_class() -> None:
    names = [*(f"{label}/{number}.jpg" for label in ("cat", "dog") for number in range(9)), "1.jpg"]
    reading = read(*names)
    assert "1.jpg" not in reading.labels
    assert reading.not_taken["1.jpg"] is NotTakenCode.OUTSIDE_CLASSES


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_only_names_like_a_picture_decide_what_is_a_wrapper(suffix: str) -> None:
    assert labels(f"w/cat/1{suffix}", f"w/dog/2{suffix}", "other/3.txt") == ["cat", "dog", None]


@pytest.mark.parametrize(
    ("folder", "split"),
    [("val", "val"), ("valid", "val"), ("VALIDATION", "val"), ("dev", "val"), ("Test", "test"), (" testing ", "test")],
)
@pytest.mark.parametrize("train", ["train", "Training"])
def test_split_folders_are_recognized_in_any_spelling(train: str, folder: str, split: str) -> None:
    names = (f"d/{train}/cat/1.jpg", f"d/{folder}/cat/2.jpg", f"d/{train}/dog/deep/3.jpg")
    assert splits(*names) == [("train", "cat"), (split, "cat"), ("train", "dog")]


def test_three_splits_are_kept_apart() -> None:
    names = ("train/cat/1.jpg", "train/dog/1.jpg", "val/cat/2.jpg", "test/dog/3.jpg")
    assert splits(*names)[1:] == [("train", "dog"), ("val", "cat"), ("test", "dog")]


def test_a_train_folder_alone_is_a_wrapper() -> None:
    assert splits("train/cat/1.jpg", "train/dog/2.jpg") == [("train", "cat"), ("train", "dog")]


def test_files_of_a_split_outside_its_class_folders_have_no_class() -> None:
    assert splits("train/cat/1.jpg", "train/dog/2.jpg", "test/3.jpg")[-1] == (None, None)
    assert splits("train/cat/1.jpg", "train/dog/1.jpg", "test/cat/2.jpg", "x.jpg")[-1] == (None, None)


JUNK = ["__MACOSX/cat/1.jpg", "cat/._1.jpg", "cat/.DS_Store", "cat/Thumbs.db", "desktop.ini", "ehthumbs.db",
        "cat/Icon\r", "@eaDir/1.jpg", ".git/x/1.jpg"]  # fmt: skip


def test_files_of_the_operating_system_are_no_photos() -> None:
    layout = read_layout(["cat/1.jpg", "dog/1.jpg", *JUNK], {})
    assert layout.photos == 2
    assert set(layout.readings[0].labels) | set(layout.readings[0].not_taken) == {"cat/1.jpg", "dog/1.jpg"}


@pytest.mark.parametrize("letter", ["\ud7ff", "\ue000", "😀"])
def test_unusual_letters_in_a_name_do_no_harm(letter: str) -> None:
    assert labels(f"cat/{letter}.jpg", f"{letter}/1.jpg") == ["cat", letter]


def test_equal_names_get_equal_classes() -> None:
    assert labels("a/1.jpg", "a/1.jpg", "b/1.jpg") == ["a", "a", "b"]


def test_raw_names_of_folders_are_kept_for_cleaning() -> None:
    assert set(labels("cat\u200b/1.jpg", "cat/1.jpg", f"{'x' * 99}/1.jpg")) == {"cat\u200b", "cat", "x" * 99}


def test_no_names_are_refused() -> None:
    assert read_layout([], {}).decision is Decision.REFUSE
