"""Sets in which all photos come out blank, show one picture, or are near copies: a sentence from check and train."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from classifier import Checked, DataError, Finished, Predictor, Project, TrainConfig, check, evaluate, train
from classifier.cli.output import train_json
from classifier.events import Note
from classifier.messages import Code
from classifier.messages.data import DatasetQualityCode
from classifier.messages.evaluation import WarningCode
from classifier.messages.training import TrainingCode
from tests.helpers import draw_photo
from tests.picture_files import png16

QUICK = TrainConfig(resize_modes=("whole",))
Draw = Callable[[str, int], Image.Image]


def write(folder: Path, draw: Draw, count: int = 6) -> Path:
    """Two classes of drawn pictures, all of different sizes, so that no two files are equal."""
    for label in ("a", "b"):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            picture = draw(label, number)
            enlarged = picture.resize((picture.width + 3 * number + ord(label) % 2, picture.height))
            enlarged.save(folder / label / f"{number}.png")
    return folder


def black(label: str, number: int) -> Image.Image:
    return Image.new("RGB", (100, 80))


def gray(label: str, number: int) -> Image.Image:
    return Image.new("RGB", (100, 80), (120, 130, 140))


def transparent(label: str, number: int) -> Image.Image:
    return Image.new("RGBA", (100, 80), (number, 0, 0, 0))


def white_drawing(label: str, number: int) -> Image.Image:
    """A white ring or cross somewhere on a transparent ground."""
    picture = Image.new("RGBA", (120, 100), (255, 255, 255, 0))
    x, y = np.random.default_rng(number).integers(5, 60, 2).tolist()
    pen = ImageDraw.Draw(picture)
    if label == "a":
        pen.ellipse((x, y, x + 30, y + 30), outline="white", width=4)
    else:
        pen.line((x, y, x + 30, y + 30), "white", 5)
        pen.line((x + 30, y, x, y + 30), "white", 5)
    return picture


def near_copy(label: str, number: int) -> Image.Image:
    picture = draw_photo(3, (200, 150))
    return ImageEnhance.Brightness(picture).enhance(0.9 + 0.02 * number + 0.01 * (label == "b"))


def run_check(folder: Path, features: Path) -> Checked:
    with Project.over(folder, features=features) as project:
        *_, checked = check(project)
    assert isinstance(checked, Checked)
    return checked


def run_train(folder: Path, features: Path, config: TrainConfig = QUICK) -> tuple[Finished, list[Code]]:
    """The result of a training and the codes of its notes."""
    with Project.over(folder, features=features) as project:
        *events, finished = train(project, config, folder.parent / "model")
    assert isinstance(finished, Finished)
    return finished, [event.message.code for event in events if isinstance(event, Note)]


@pytest.mark.slow
@pytest.mark.parametrize("draw", [black, gray, transparent])
def test_blank_photos_are_an_error_of_training_and_a_warning_of_check(
    draw: Draw, features: Path, tmp_path: Path
) -> None:
    folder = write(tmp_path / "photos", draw)
    checked = run_check(folder, features)
    assert checked.mislabeled == ()
    assert checked.classes == {"a": 6, "b": 6}
    assert DatasetQualityCode.ALL_BLANK in [warning.code for warning in checked.warnings]
    with pytest.raises(DataError, match=r"^All 12 photos come out blank.*Open one of them") as raised:
        run_train(folder, features)
    assert raised.value.code is DatasetQualityCode.ALL_BLANK
    assert not (tmp_path / "model").exists()


def test_deep_photos_that_are_blank_are_an_error(features: Path, tmp_path: Path) -> None:
    for label in ("a", "b"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(3):
            path = tmp_path / "photos" / label / f"{number}.png"
            path.write_bytes(png16(np.full((20 + number, 30 + ord(label)), 700, np.uint16)))
    with pytest.raises(DataError) as raised:
        run_train(tmp_path / "photos", features)
    assert raised.value.code is DatasetQualityCode.ALL_BLANK


def test_one_picture_in_all_files_is_an_error(features: Path, tmp_path: Path) -> None:
    for number, label in enumerate("aaabbb"):
        (tmp_path / "photos" / label).mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif[0x010E] = f"number {number}"  # a description
        draw_photo().save(tmp_path / "photos" / label / f"{number}.jpg", exif=exif)
    with pytest.raises(DataError, match=r"^All 6 photos show the same picture.*add photos") as raised:
        run_train(tmp_path / "photos", features)
    assert raised.value.code is DatasetQualityCode.ALL_SAME
    assert DatasetQualityCode.ALL_SAME in [one.code for one in run_check(tmp_path / "photos", features).warnings]


@pytest.mark.slow
def test_white_drawings_on_transparent_ground_are_told_apart(features: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "photos", white_drawing, 16)
    finished, _ = run_train(folder, features)
    of_groups = {WarningCode.ONE_GROUP, WarningCode.FEW_THINGS}  # the drawings of a class hardly differ
    assert {warning.code for warning in finished.report.warnings} <= {WarningCode.FEW_PHOTOS, *of_groups}
    predictor = Predictor(finished.folder, "cpu")
    fresh = [predictor.predict(white_drawing(label, number))[0] for label in "ab" for number in range(50, 56)]
    assert [one.top[0].label for one in fresh] == ["a"] * 6 + ["b"] * 6


@pytest.mark.slow
def test_a_blank_class_beside_another_is_trained(features: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "photos", lambda label, number: draw_photo(number) if label == "a" else black("b", 0))
    finished, _ = run_train(folder, features)
    (warning,) = [one for one in finished.report.warnings if one.code is WarningCode.ONE_GROUP]
    assert "“b” (6)" in str(warning)
    mislabeled = [issue.photo.label for issue in run_check(folder, features).mislabeled]
    assert "b" not in mislabeled  # the head that predicts them has not seen the class


@pytest.mark.slow
def test_near_copies_are_trained_with_a_warning_and_never_deeply(features: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "photos", near_copy)
    finished, notes = run_train(folder, features, TrainConfig(mode="deep", minutes=0.1, resize_modes=("whole",)))
    assert (finished.mode, notes) == ("quick", [TrainingCode.ONE_GROUP])
    with Project.over(folder, features=features) as project:
        told = train_json(project, None, finished, QUICK)
    assert [told[key] for key in ("accuracy", "accuracy_low", "balanced_accuracy")] == [None, None, None]
    assert WarningCode.ONE_GROUP in [warning.code for warning in finished.report.warnings]
    assert run_check(folder, features).mislabeled == ()
    with pytest.raises(DataError) as raised:
        run_train(folder, features, TrainConfig(mode="deep", backbone="small_cnn", minutes=0.1))
    assert raised.value.code is TrainingCode.ONE_GROUP_FROM_SCRATCH


@pytest.mark.slow
def test_blank_test_photos_are_evaluated(trained: Finished, features: Path, tmp_path: Path) -> None:
    for label in ("mug", "key"):
        (tmp_path / label).mkdir()
        for number in range(3):
            Image.new("RGB", (50 + number + 9 * len(label), 40)).save(tmp_path / label / f"{number}.png")
    with Project.over(tmp_path, features=features) as project:
        report = evaluate(Predictor(trained.folder, "cpu"), project)
    assert report.images == trained.report.images
    assert sum(map(sum, report.confusion)) == 6
