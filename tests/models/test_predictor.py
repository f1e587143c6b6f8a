from __future__ import annotations

import json
import os
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import ExifTags, Image
from safetensors.numpy import load_file, save_file
from timm.data import create_transform, resolve_model_data_config
from timm.models import save_for_hf

from classifier import ClassConfidence, Finished, Prediction, Predictor
from classifier import device as devices
from classifier.config import Limits
from classifier.data.decoding import open_apart
from classifier.errors import ModelError, PhotoError, SettingError
from classifier.messages.data import PhotoCode
from classifier.messages.device import DeviceCode
from classifier.messages.models import CheckpointCode, PredictCode, UnsureCode
from classifier.models import checkpoint
from classifier.models import predictor as predictors
from classifier.models.checkpoint import set_threshold
from tests.helpers import draw_photo, encode

GREEN = Image.new("RGB", (80, 80), "green")


@pytest.fixture
def predictor(trained: Finished) -> Predictor:
    return Predictor(trained.folder, "cpu")


@pytest.fixture
def folder(trained: Finished, tmp_path: Path) -> Path:
    """A copy of the model that may be changed."""
    return Path(shutil.copytree(trained.folder, tmp_path / "model"))


def edit_report(folder: Path, **entries: object) -> None:
    path = folder / "report.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **entries}), encoding="utf-8")


# Pictures


@pytest.mark.slow
def test_pictures_of_several_threads_are_answered_as_each_alone(trained: Finished, example_set: Path) -> None:
    photos = sorted(example_set.glob("*/*01.jpg")) * 3
    passes = predictors.Passes()
    with ThreadPoolExecutor(len(photos)) as pool:
        together = list(pool.map(lambda photo: Predictor(trained.folder, passes=passes).predict(photo), photos))
    for photo, (answer,) in zip(photos, together, strict=True):
        (alone,) = Predictor(trained.folder).predict(photo)
        assert [one.label for one in answer.top] == [one.label for one in alone.top]
        assert [one.confidence for one in answer.top] == pytest.approx([one.confidence for one in alone.top], abs=1e-6)
    with pytest.raises(PhotoError):
        Predictor(trained.folder, passes=passes).predict(b"no picture")


def test_a_picture_may_come_in_any_form(predictor: Predictor, example_set: Path) -> None:
    path = example_set / "mug" / "mug 03.jpg"
    picture = Image.open(path).convert("RGB")
    forms = [path, str(path), path.read_bytes(), picture, np.asarray(picture)]
    alone = [predictor.predict(form) for form in forms]
    assert all(len(predictions) == 1 and predictions == alone[0] for predictions in alone)
    assert alone[0][0].top[0].label == "mug"
    assert predictor.predict(forms) == [alone[0][0]] * len(forms)
    assert predictor.predict(tuple(forms[:2])) == [alone[0][0]] * 2


@pytest.mark.slow
def test_pictures_are_predicted_in_order_and_reproducibly(predictor: Predictor, example_set: Path) -> None:
    paths = sorted(example_set.glob("*/*"))[::-1]
    predictions = predictor.predict(paths)
    assert [prediction.top[0].label for prediction in predictions] == [path.parent.name for path in paths]
    assert predictor.predict(paths) == predictions
    together = {path: prediction.top[0].confidence for path, prediction in zip(paths, predictions)}
    for path in paths[:3]:
        assert predictor.predict(path)[0].top[0].confidence == pytest.approx(together[path], abs=1e-4)
    assert predictor.predict([]) == []


@pytest.mark.slow
def test_pictures_of_strangers_get_the_same_predictions(
    trained: Finished, predictor: Predictor, example_set: Path, tmp_path: Path
) -> None:
    paths = [example_set / "mug/mug 03.jpg", tmp_path / "thread.png", example_set / "mug/mug 01.jpg"]
    paths[1].write_bytes(encode(Image.new("1", (1, 65_535)), "PNG"))
    apart = Predictor(trained.folder, "cpu", opener=open_apart)
    first, thread, last = apart.predict_each(paths)
    assert isinstance(thread, PhotoError)
    assert thread.code is PhotoCode.TOO_ELONGATED
    assert [first, last] == predictor.predict([paths[0], paths[2]])
    assert np.array_equal(apart.explain(paths[0]).heatmap, predictor.explain(paths[0]).heatmap)


def test_confidences_are_those_of_timm_with_the_same_folder(
    trained: Finished, predictor: Predictor, example_set: Path
) -> None:
    network = timm.create_model(f"local-dir:{trained.folder}", pretrained=True).eval()
    transform = create_transform(**resolve_model_data_config(network), is_training=False)
    for path in sorted(example_set.glob("*/* 01.jpg")):
        with torch.inference_mode():
            probs = network(transform(Image.open(path).convert("RGB"))[None]).softmax(1)[0]
        prediction = predictor.predict(path, top_k=4)[0]
        assert {one.label: one.confidence for one in prediction.top} == pytest.approx(
            dict(zip(predictor.labels, probs.tolist())), abs=1e-4
        )


def test_confidences_sum_to_one_and_the_best_comes_first(predictor: Predictor, example_set: Path) -> None:
    (prediction,) = predictor.predict(next(example_set.glob("key/*")), top_k=99)
    probs = [one.confidence for one in prediction.top]
    assert {one.label for one in prediction.top} == set(predictor.labels)
    assert probs == sorted(probs, reverse=True)
    assert sum(probs) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_top_k_is_the_number_of_classes_in_a_prediction(predictor: Predictor, top_k: int) -> None:
    assert len(predictor.predict(draw_photo(), top_k)[0].top) == top_k


@pytest.mark.parametrize("top_k", [0, -3])
def test_top_k_under_one_is_a_setting_error(predictor: Predictor, top_k: int) -> None:
    with pytest.raises(SettingError, match=f"is {top_k}; it must be at least 1") as raised:
        predictor.predict(draw_photo(), top_k)
    assert raised.value.code is PredictCode.TOO_FEW_ANSWERS


def test_predictions_have_five_classes_unless_asked(folder: Path) -> None:
    labels = [*"abcdef"]
    foreign = save_with_timm(folder.parent / "foreign", "test_resnet", labels)
    assert len(Predictor(foreign, "cpu").predict(draw_photo())[0].top) == 5
    assert len(next(Predictor(foreign, "cpu").predict_each([draw_photo()])).top) == 5  # type: ignore[union-attr]


def test_a_damaged_photo_is_an_error_and_the_others_go_on(predictor: Predictor, tmp_path: Path) -> None:
    good = encode(draw_photo())
    several = [good, good[: len(good) // 2], tmp_path / "missing.jpg", b"", good]
    results = list(predictor.predict_each(several))
    assert [isinstance(result, PhotoError) for result in results] == [False, True, True, True, False]
    assert results[0] == results[4]
    assert [result.code for result in results if isinstance(result, PhotoError)] == [
        PhotoCode.CUT_OFF, PhotoCode.CANNOT_OPEN, PhotoCode.EMPTY_FILE
    ]  # fmt: skip
    assert str(results[2]) == str(PhotoError(PhotoCode.CANNOT_OPEN, why="No such file or directory"))
    with pytest.raises(PhotoError, match=r"^[A-Z].*\.$") as raised:
        predictor.predict(several)
    assert raised.value.code is PhotoCode.CUT_OFF


def test_a_photo_beyond_the_limits_is_refused(trained: Finished) -> None:
    small = Predictor(trained.folder, "cpu", Limits(pixels=1000))
    for use in (small.predict, small.explain):
        with pytest.raises(PhotoError, match="too large"):
            use(draw_photo(size=(64, 48)))


def test_the_exif_orientation_is_applied(predictor: Predictor, example_set: Path) -> None:
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
def test_an_array_that_is_no_picture_is_a_setting_error(predictor: Predictor, array: np.ndarray) -> None:
    with pytest.raises(SettingError, match="expected is a picture") as raised:
        predictor.predict(array)
    assert raised.value.code is PredictCode.WRONG_ARRAY
    assert str(array.shape) in str(raised.value)
    assert str(array.dtype) in str(raised.value)


@pytest.mark.parametrize("shape", [(0, 4, 3), (4, 0, 3), (0, 0)])
def test_a_picture_without_pixels_is_a_photo_error(predictor: Predictor, shape: tuple[int, ...]) -> None:
    with pytest.raises(PhotoError, match=r"^[A-Z].*\.$"):
        predictor.predict(np.zeros(shape, np.uint8))


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (1, 100), (200, 2)])
def test_pictures_of_any_usual_aspect_ratio_are_predicted(predictor: Predictor, size: tuple[int, int]) -> None:
    assert len(predictor.predict(Image.new("RGB", size))) == 1


def test_gray_and_transparent_arrays_are_pictures_too(predictor: Predictor) -> None:
    gray = np.asarray(draw_photo().convert("L"))
    (prediction,) = predictor.predict(gray)
    assert predictor.predict(np.dstack([gray] * 3)) == [prediction]
    assert predictor.predict(np.dstack([gray] * 3 + [np.full_like(gray, 255)])) == [prediction]


# “Not sure”


@pytest.mark.parametrize(("threshold", "reason"), [(0.0, None), (1.0, UnsureCode.LOW_CONFIDENCE)])
def test_the_answer_is_not_sure_under_the_threshold(
    threshold: float, reason: UnsureCode | None, folder: Path, example_set: Path
) -> None:
    edit_report(folder, threshold=threshold)
    predictor = Predictor(folder)
    (prediction,) = predictor.predict(next(example_set.glob("apple/*")))
    assert (predictor.threshold, prediction.reason, prediction.unsure) == (threshold, reason, reason is not None)


@pytest.mark.parametrize(
    ("reason", "threshold", "expected"),
    [
        (None, 0.7, None),
        (None, 0.71, UnsureCode.LOW_CONFIDENCE),
        (UnsureCode.LOW_CONFIDENCE, 0.69, None),
        (UnsureCode.LOW_CONFIDENCE, 0.9, UnsureCode.LOW_CONFIDENCE),
        (UnsureCode.OUT_OF_DISTRIBUTION, 0.0, UnsureCode.OUT_OF_DISTRIBUTION),
        (UnsureCode.OUT_OF_DISTRIBUTION, 1.0, UnsureCode.OUT_OF_DISTRIBUTION),
    ],
)
def test_another_threshold_changes_low_confidence_only(
    reason: UnsureCode | None, threshold: float, expected: UnsureCode | None
) -> None:
    top = (ClassConfidence("cat", 0.7), ClassConfidence("dog", 0.3))
    assert Prediction(top, reason).at(threshold) == Prediction(top, expected)


@pytest.mark.parametrize(
    ("thresholds", "answer", "unsure"),
    [
        ({"cat": 0.7, "dog": 0.3}, "cat", False),
        ({"cat": 0.7, "dog": 0.29}, "dog", False),
        ({"cat": 1.0, "dog": 0.25}, "dog", False),
        ({"cat": 0.8, "dog": 0.31}, "cat", True),
    ],
)
def test_thresholds_per_class_can_answer_another_class(thresholds: dict[str, float], answer: str, unsure: bool) -> None:
    prediction = Prediction((ClassConfidence("cat", 0.7), ClassConfidence("dog", 0.3))).at(thresholds)
    assert (prediction.answer.label, prediction.unsure, prediction.top[0].label) == (answer, unsure, "cat")
    assert prediction.at(0.5) == Prediction(prediction.top)


def test_a_new_threshold_counts_at_once_without_loading_again(folder: Path, example_set: Path) -> None:
    photo = next(example_set.glob("apple/*"))
    (before,) = Predictor(folder).predict(photo)
    loaded = predictors._load.misses
    set_threshold(folder, 1.0)
    (after,) = Predictor(folder).predict(photo)
    assert (before.unsure, after.unsure, after.reason) == (False, True, UnsureCode.LOW_CONFIDENCE)
    assert after.top == before.top
    assert predictors._load.misses == loaded
    assert before.at(1.0) == after
    assert after.at(0.0) == before


@pytest.mark.slow
def test_a_photo_unlike_all_training_photos_is_out_of_distribution(predictor: Predictor, example_set: Path) -> None:
    known = predictor.predict(sorted(example_set.glob("*/*")))
    assert np.mean([prediction.unsure for prediction in known]) < 0.15
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    for strange in (noise, GREEN):
        (prediction,) = predictor.predict(strange)
        assert (prediction.unsure, prediction.reason) == (True, UnsureCode.OUT_OF_DISTRIBUTION)
        assert str(prediction.reason) == "it looks like none of the training photos"


def test_a_model_without_an_ood_model_decides_by_confidence_alone(folder: Path) -> None:
    (before,) = Predictor(folder).predict(GREEN)
    shutil.copytree(folder, folder.with_name("without"))
    (folder.with_name("without") / "familiar.safetensors").unlink()
    edit_report(folder.with_name("without"), threshold=0.0)
    (after,) = Predictor(folder.with_name("without")).predict(GREEN)
    assert (before.reason, after.reason) == (UnsureCode.OUT_OF_DISTRIBUTION, None)
    assert after.top == before.top


# Folders


@pytest.mark.parametrize("content", [b"", b"none", "other"])
def test_a_damaged_ood_model_is_a_model_error(folder: Path, content: bytes | str) -> None:
    path = folder / "familiar.safetensors"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        tensors = load_file(path)
        save_file({**tensors, "labels": tensors["labels"] + 9}, path)
    with pytest.raises(ModelError, match=r"familiar\.safetensors.*get the folder again"):
        Predictor(folder)


@pytest.mark.parametrize("loaded_before", [True, False])
def test_a_report_of_another_model_is_a_model_error(folder: Path, loaded_before: bool) -> None:
    if loaded_before:
        Predictor(folder)
    text = (folder / "report.json").read_text(encoding="utf-8")
    for old, new in (('"mug"', '"cup"'), ("tf_efficientnet_lite0", "tf_efficientnet_lite1")):
        (folder / "report.json").write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(ModelError, match="of another model") as raised:
            Predictor(folder)
        assert raised.value.code is CheckpointCode.REPORT_OF_OTHER_MODEL


@pytest.mark.parametrize("name", [".", "missing"])
def test_a_folder_without_a_model_is_a_model_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model in") as raised:
        Predictor(tmp_path / name)
    assert raised.value.code is CheckpointCode.NO_MODEL


def test_missing_weights_are_a_model_error(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        Predictor(folder)


def test_a_model_trained_anew_in_the_same_folder_is_loaded_again(folder: Path, example_set: Path) -> None:
    assert Predictor(folder).labels == ("apple", "key", "leaf", "mug")
    for name in ("config.json", "report.json"):
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace('"mug"', '"cup"'), encoding="utf-8")
    os.utime(folder / "model.safetensors", ns=(1, 1))
    assert Predictor(folder).predict(next(example_set.glob("mug/*")))[0].top[0].label == "cup"


def test_a_folder_may_be_named_by_a_string_or_through_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    plain = Predictor(folder, "cpu")
    loaded = predictors._load.misses
    for name in (str(folder), tmp_path / "link"):
        assert Predictor(name, "cpu").predict(GREEN) == plain.predict(GREEN)
    assert predictors._load.misses == loaded


def test_the_predictor_tells_its_model(trained: Finished, predictor: Predictor) -> None:
    assert predictor.folder == trained.folder
    assert predictor.labels == trained.report.labels
    assert predictor.report == trained.report
    assert predictor.preprocessing.resize_mode == trained.report.resize_mode
    assert predictor.device == devices.choose("cpu")


def test_an_unknown_device_is_a_setting_error(trained: Finished) -> None:
    with pytest.raises(SettingError) as raised:
        Predictor(trained.folder, "potato")
    assert raised.value.code is DeviceCode.UNKNOWN


def test_loading_leaves_the_network_of_the_checkpoint_as_it_is(folder: Path) -> None:
    plain = checkpoint.load(folder).network
    Predictor(folder, "cpu").predict(GREEN)
    Predictor(folder, "cpu").explain(GREEN)
    network = predictors._load(predictors._current_version(folder)).network
    pixels = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(network(pixels), plain(pixels), atol=1e-3)  # no features beside the logits


# Folders of other programs


def save_with_timm(folder: Path, architecture: str, labels: list[str]) -> Path:
    """A classifier folder as somebody else saves it."""
    torch.manual_seed(0)
    network = timm.create_model(architecture, num_classes=len(labels)).eval()
    config = {"num_classes": len(labels), "label_names": labels}
    save_for_hf(network, folder, model_config=config, safe_serialization=True)
    return folder


@pytest.mark.parametrize("architecture", ["test_resnet", "test_vit", "test_efficientnet"])
def test_a_classifier_saved_with_timm_predicts_as_in_timm(architecture: str, tmp_path: Path) -> None:
    folder = save_with_timm(tmp_path / "foreign", architecture, ["cat", "dog", "owl"])
    predictor = Predictor(folder, "cpu")
    network = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    transform = create_transform(**resolve_model_data_config(network), is_training=False)
    photo = draw_photo(size=(200, 170))
    with torch.inference_mode():
        probs = network(transform(photo)[None]).softmax(1)[0].tolist()
    (prediction,) = predictor.predict(photo)
    found = {one.label: one.confidence for one in prediction.top}
    assert found == pytest.approx(dict(zip(["cat", "dog", "owl"], probs)), abs=1e-4)
    assert predictor.threshold == 0.5
    assert prediction.reason is (UnsureCode.LOW_CONFIDENCE if max(probs) < 0.5 else None)
    assert prediction.at(0.0).reason is None
    assert predictor.explain(photo, "owl").label == "owl"


def test_a_model_of_another_program_has_no_report(tmp_path: Path) -> None:
    predictor = Predictor(save_with_timm(tmp_path / "foreign", "test_resnet", ["cat", "dog"]), "cpu")
    with pytest.raises(ModelError, match=r"no report\.json") as raised:
        _ = predictor.report
    assert raised.value.code is CheckpointCode.REPORT_MISSING


# Explanations


def test_an_explanation_is_of_the_likeliest_class_unless_asked(predictor: Predictor, example_set: Path) -> None:
    photo = example_set / "mug" / "mug 02.jpg"
    explanation = predictor.explain(photo)
    assert explanation.label == "mug"
    assert explanation.features.shape == (1280,)
    assert (explanation.pixels.shape, explanation.pixels.dtype) == ((256, 256, 3), np.uint8)
    other = predictor.explain(photo, "key")
    assert other.label == "key"
    assert other.heatmap.sum() < explanation.heatmap.sum()
    assert np.array_equal(other.features, explanation.features)


def test_the_pixels_of_an_explanation_are_what_the_network_gets(predictor: Predictor) -> None:
    red_left = Image.new("RGB", (300, 300), "blue")
    red_left.paste((255, 0, 0), (0, 0, 150, 300))
    pixels = predictor.explain(red_left).pixels
    assert pixels[144, 40].tolist() == [255, 0, 0]
    assert pixels[144, 250].tolist() == [0, 0, 255]


def test_an_explanation_of_an_unknown_class_is_a_setting_error(predictor: Predictor) -> None:
    with pytest.raises(SettingError, match="no class “zebra”; choose one of apple, key, leaf, mug") as raised:
        predictor.explain(GREEN, "zebra")
    assert raised.value.code is PredictCode.UNKNOWN_CLASS
    with pytest.raises(PhotoError):
        predictor.explain(b"")


def test_results_and_errors_can_cross_processes(predictor: Predictor) -> None:
    """A ZeroGPU Space runs the network in another process."""
    (error, prediction) = predictor.predict_each([b"", GREEN])
    assert isinstance(error, PhotoError)
    assert pickle.loads(pickle.dumps(prediction)) == prediction
    assert pickle.loads(pickle.dumps(error)).code is error.code
