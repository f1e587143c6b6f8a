from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from safetensors.numpy import load_file, save_file

from classifier import Finished, Predictor
from classifier.config import Limits
from classifier.errors import ModelError, PhotoError, SettingError
from classifier.models.checkpoint import set_threshold
from classifier.models.predictor import _open
from tests.helpers import draw_photo, encode


@pytest.fixture
def predictor(trained: Finished) -> Predictor:
    return Predictor(trained.folder, "cpu")


def test_a_photo_may_come_in_any_form(predictor: Predictor, example_set: Path) -> None:
    path = example_set / "mug" / "mug 03.jpg"
    picture = Image.open(path).convert("RGB")
    forms = [path, str(path), path.read_bytes(), picture, np.asarray(picture)]
    alone = [predictor.predict(form) for form in forms]
    assert all(len(answers) == 1 and answers == alone[0] for answers in alone)
    assert alone[0][0].top[0].label == "mug"


def test_several_photos_are_answered_in_order_and_the_same_every_time(predictor: Predictor, example_set: Path) -> None:
    paths = sorted(example_set.glob("*/*"))[::-1]
    answers = predictor.predict(paths)
    assert [answer.top[0].label for answer in answers] == [path.parent.name for path in paths]
    assert predictor.predict(paths) == answers
    together = {path: answer.top[0].confidence for path, answer in zip(paths, answers)}
    for path in paths[:3]:
        assert predictor.predict(path)[0].top[0].confidence == pytest.approx(together[path], abs=1e-4)
    assert predictor.predict([]) == []


def test_confidences_add_up_and_the_best_comes_first(predictor: Predictor, example_set: Path) -> None:
    (answer,) = predictor.predict(next(example_set.glob("key/*")), top_k=99)
    shares = [guess.confidence for guess in answer.top]
    assert {guess.label for guess in answer.top} == set(predictor.labels)
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_as_many_answers_come_as_were_asked_for(predictor: Predictor, top_k: int) -> None:
    assert len(predictor.predict(draw_photo(), top_k)[0].top) == top_k


@pytest.mark.parametrize("top_k", [0, -3])
def test_no_answers_cannot_be_asked_for(predictor: Predictor, top_k: int) -> None:
    with pytest.raises(SettingError, match="at least 1"):
        predictor.predict(draw_photo(), top_k)


def test_a_damaged_photo_is_an_error_and_outcomes_go_on(predictor: Predictor, tmp_path: Path) -> None:
    good = encode(draw_photo())
    several = [good, good[: len(good) // 2], tmp_path / "missing.jpg", b"", good]
    outcomes = list(predictor.outcomes(several))
    assert [isinstance(outcome, PhotoError) for outcome in outcomes] == [False, True, True, True, False]
    assert "empty" in str(outcomes[3])
    with pytest.raises(PhotoError, match=r"^[A-Z].*\.$"):
        predictor.predict(several)


def test_a_photo_beyond_the_limits_is_refused(trained: Finished) -> None:
    small = Predictor(trained.folder, "cpu", Limits(pixels=1000))
    with pytest.raises(PhotoError, match="too large"):
        small.predict(draw_photo(size=(64, 48)))


def test_a_photo_taken_with_the_camera_turned_is_answered_like_its_upright_copy(
    predictor: Predictor, example_set: Path
) -> None:
    upright = Image.open(example_set / "leaf" / "leaf 02.jpg").convert("RGB")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # “turn by 90° to see it”
    turned = encode(upright.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)
    assert predictor.predict(turned) == predictor.predict(upright)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((4, 4, 1), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
    ],
)
def test_an_array_that_is_no_picture_is_a_plain_message(predictor: Predictor, array: np.ndarray) -> None:
    with pytest.raises(SettingError, match="expected is a picture"):
        predictor.predict(array)


@pytest.mark.parametrize("shape", [(0, 4, 3), (4, 0, 3), (0, 0)])
def test_a_picture_of_no_pixels_is_a_plain_message(predictor: Predictor, shape: tuple[int, ...]) -> None:
    with pytest.raises(PhotoError, match=r"^[A-Z].*\.$"):
        predictor.predict(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (3000, 2)])
def test_pictures_of_any_shape_are_answered(predictor: Predictor, size: tuple[int, int]) -> None:
    assert len(predictor.predict(Image.new("RGB", size))) == 1


def test_grey_and_see_through_arrays_are_pictures_too(predictor: Predictor) -> None:
    grey = np.asarray(draw_photo().convert("L"))
    (answer,) = predictor.predict(grey)
    assert predictor.predict(np.dstack([grey] * 3)) == [answer]
    assert predictor.predict(np.dstack([grey] * 3 + [np.full_like(grey, 255)])) == [answer]


def test_the_model_says_not_sure_under_its_threshold(trained: Finished, example_set: Path, tmp_path: Path) -> None:
    photo = next(example_set.glob("apple/*"))
    for threshold, unsure in ((0.0, False), (1.1, True)):
        folder = Path(shutil.copytree(trained.folder, tmp_path / str(threshold)))
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        (folder / "report.json").write_text(json.dumps({**report, "threshold": threshold}), encoding="utf-8")
        assert Predictor(folder).predict(photo)[0].unsure is unsure


def test_how_sure_it_must_be_is_noticed_at_once_and_the_network_is_not_opened_again(
    trained: Finished, example_set: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(trained.folder, tmp_path / "model"))
    photo = next(example_set.glob("apple/*"))
    (before,) = Predictor(folder).predict(photo)
    opened = _open.cache_info().misses
    set_threshold(folder, 1.0)
    (after,) = Predictor(folder).predict(photo)
    assert (before.unsure, after.unsure, after.reason) == (False, True, "no class is likely enough")
    assert after.top == before.top
    assert _open.cache_info().misses == opened
    assert before.at(1.0) == after
    assert after.at(0.0) == before


def test_no_sureness_makes_an_answer_of_a_photo_unlike_all_others(trained: Finished) -> None:
    (strange,) = Predictor(trained.folder).predict(Image.new("RGB", (80, 80), "green"))
    assert strange.at(0.0) == strange


def test_a_report_of_another_model_is_a_plain_message_also_when_the_network_is_open(
    trained: Finished, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(trained.folder, tmp_path / "model"))
    Predictor(folder)
    report = (folder / "report.json").read_text(encoding="utf-8")
    (folder / "report.json").write_text(report.replace('"mug"', '"cup"'), encoding="utf-8")
    with pytest.raises(ModelError, match="of another model"):
        Predictor(folder)


def test_a_photo_unlike_all_training_photos_is_not_answered(trained: Finished, example_set: Path) -> None:
    predictor = Predictor(trained.folder, "cpu")
    known = predictor.predict(sorted(example_set.glob("*/*")))
    assert np.mean([answer.unsure for answer in known]) < 0.15
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    for strange in (noise, Image.new("RGB", (80, 80), "green")):
        (answer,) = predictor.predict(strange)
        assert (answer.unsure, answer.reason) == (True, "it looks like none of the training photos")
    assert all((answer.reason is None) != answer.unsure for answer in known)


def test_a_model_without_what_tells_strange_photos_answers_all(trained: Finished, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained.folder, tmp_path / "model"))
    (folder / "familiar.safetensors").unlink()
    assert Predictor(folder).predict(draw_photo())[0].reason in (None, "no class is likely enough")


@pytest.mark.parametrize("content", [b"", b"none", "other"])
def test_a_damaged_memory_of_the_training_photos_is_a_plain_message(
    trained: Finished, tmp_path: Path, content: bytes | str
) -> None:
    folder = Path(shutil.copytree(trained.folder, tmp_path / "model"))
    path = folder / "familiar.safetensors"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        tensors = load_file(path)
        save_file({**tensors, "labels": tensors["labels"] + 9}, path)
    with pytest.raises(ModelError, match=r"familiar\.safetensors.*get the folder again"):
        Predictor(folder)


def test_a_model_trained_anew_in_its_place_is_seen(trained: Finished, example_set: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained.folder, tmp_path / "model"))
    before = Predictor(folder)
    assert before.labels == ("apple", "key", "leaf", "mug")
    config = (folder / "config.json").read_text(encoding="utf-8").replace('"mug"', '"cup"')
    report = (folder / "report.json").read_text(encoding="utf-8").replace('"mug"', '"cup"')
    weights = (folder / "model.safetensors").read_bytes()
    for name, content in (("config.json", config), ("report.json", report)):
        (folder / name).write_text(content, encoding="utf-8")
    (folder / "model.safetensors").write_bytes(weights)
    assert Predictor(folder).predict(next(example_set.glob("mug/*")))[0].top[0].label == "cup"
