"""What a check finds before training."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from classifier import Checked, DataError, Progress, Project, TrainConfig, check
from classifier.messages.data import QualityCode
from classifier.messages.evaluation import MorePhotosCode, WarningCode
from classifier.messages.workflows import StepCode, WorkflowCode
from tests.helpers import MakeFolder


def run_check(data: Path, features: Path, **more: object) -> Checked:
    with Project.over(data, features=features) as project:
        *events, checked = check(project, **more)
    assert isinstance(checked, Checked)
    assert all(isinstance(event, Progress) and event.step is StepCode.EXTRACT_FEATURES for event in events)
    return checked


def test_a_swapped_label_and_a_second_copy_are_found(example_set: Path, features: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(example_set, tmp_path / "data"))
    (data / "mug" / "mug 01.jpg").rename(data / "leaf" / "not a leaf.jpg")
    with Image.open(data / "key" / "key 02.jpg") as photo:
        photo.save(data / "key" / "saved again.jpg", quality=95)
    checked = run_check(data, features)
    assert checked.classes == {"apple": 8, "key": 9, "leaf": 9, "mug": 7}
    assert checked.mislabeled[0].photo.source == "leaf/not a leaf.jpg"
    assert checked.mislabeled[0].suggested == "mug"
    scores = [suspect.score for suspect in checked.mislabeled]
    assert scores == sorted(scores, reverse=True)
    (group,) = checked.near_duplicates
    assert {photo.source for photo in group} == {"key/key 02.jpg", "key/saved again.jpg"}
    assert [(more.label, more.count, more.reason) for more in checked.more_photos] == [
        ("mug", 13, MorePhotosCode.FEW), ("apple", 12, MorePhotosCode.FEW), ("key", 11, MorePhotosCode.FEW),
        ("leaf", 11, MorePhotosCode.FEW),
    ]  # fmt: skip
    assert checked.more_photos[0].advice.startswith("Add about 13 photos of “mug”: ")
    (warning,) = checked.warnings
    assert warning.code is WarningCode.FEW_PHOTOS
    assert "“apple” (8)" in str(warning)


def test_photos_to_fix_and_photos_in_two_classes_are_listed(example_set: Path, features: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(example_set, tmp_path / "data"))
    Image.new("RGB", (300, 200), (3, 3, 3)).save(data / "mug" / "lens cap.jpg")
    with Image.open(data / "key" / "key 03.jpg") as photo:
        photo.resize((1200, 90)).save(data / "key" / "long.jpg")
    shutil.copy(data / "key" / "key 04.jpg", data / "mug" / "both.jpg")
    checked = run_check(data, features)
    assert {(poor.photo.source, poor.kind, poor.code) for poor in checked.quality} == {
        ("mug/lens cap.jpg", "dark", QualityCode.DARK), ("key/long.jpg", "odd-shaped", QualityCode.ODD_SHAPED),
    }  # fmt: skip
    assert all(poor.advice == str(poor.code) for poor in checked.quality)
    assert [{asset.label for asset in group} for group in checked.conflicts] == [{"key", "mug"}]


def test_one_class_is_a_warning_and_no_photo_is_an_error(
    make_folder: MakeFolder, features: Path, tmp_path: Path
) -> None:
    checked = run_check(make_folder({"cat": 2}), features)
    assert [warning.code for warning in checked.warnings][:2] == [WarningCode.ONE_CLASS, WarningCode.FEW_PHOTOS]
    assert "only one class, “cat”" in str(checked.warnings[0])
    assert checked.mislabeled == ()
    with Project.open(tmp_path / "empty") as project, pytest.raises(DataError) as error:
        list(check(project))
    assert error.value.code is WorkflowCode.NO_PHOTOS


def test_without_suspects_everything_else_is_the_same(example_set: Path, features: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(example_set, tmp_path / "data"))
    (data / "mug" / "mug 01.jpg").rename(data / "leaf" / "not a leaf.jpg")
    whole, part = run_check(data, features), run_check(data, features, label_issues=False)
    assert whole.mislabeled
    assert part.mislabeled == ()
    assert [more.label for more in part.more_photos] == [more.label for more in whole.more_photos]
    assert part.warnings == whole.warnings


def test_only_training_photos_are_checked(example_set: Path, features: Path, tmp_path: Path) -> None:
    for split, label in (("train", "apple"), ("train", "mug"), ("test", "key")):
        shutil.copytree(example_set / label, tmp_path / "data" / split / label)
    checked = run_check(tmp_path / "data", features, config=TrainConfig(resize_modes=("crop",)))
    assert checked.classes == {"apple": 8, "key": 8, "mug": 8}
    assert {more.label for more in checked.more_photos} == {"apple", "mug"}


@pytest.mark.slow
def test_a_class_taken_in_one_go_is_warned_of(example_set: Path, features: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(example_set, tmp_path / "data"))
    for number, path in enumerate(sorted((data / "key").iterdir())):
        with Image.open(path) as photo:
            exif = photo.getexif()
            exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = f"2024:05:01 12:{number:02}:30"
            photo.save(path, exif=exif, quality=95)
            photo.rotate(20, expand=True).save(path.with_stem(f"{path.stem} turned"), exif=exif)
    warnings = {warning.code: str(warning) for warning in run_check(data, features, label_issues=False).warnings}
    assert warnings[WarningCode.ONE_SESSION].startswith("Nearly all photos of “key” were taken in one go")
