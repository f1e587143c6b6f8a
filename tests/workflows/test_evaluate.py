"""Evaluation on photos that a model was not trained on: the person's splits, separate ones, near duplicates."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from classifier import DataError, Finished, Predictor, Project, TrainConfig, evaluate, train
from classifier.data.intake import LeftOut
from classifier.evaluation.intervals import accuracy_interval
from classifier.evaluation.report_values import SecondScore
from classifier.messages import message
from classifier.messages.data import NotEvaluatedCode, PhotoCode
from classifier.messages.evaluation import WarningCode
from classifier.messages.workflows import WorkflowCode
from classifier.models import backbones, networks
from classifier.models.feature_cache import FeatureCache
from tests.helpers import MakeFolder, draw_photo, train_on

NOT_TRAINED = message(NotEvaluatedCode.CLASS_NOT_TRAINED, label="mug")


def copy_photos(example_set: Path, folder: Path, label: str, chosen: slice) -> None:
    folder.mkdir(parents=True)
    for path in sorted((example_set / label).iterdir())[chosen]:
        shutil.copy(path, folder)


def train_on_project(project: Project, out: Path) -> Finished:
    *_, last = train(project, TrainConfig(resize_modes=("whole",)), out)
    assert isinstance(last, Finished)
    return last


@pytest.mark.slow
def test_test_photos_of_a_class_added_later_are_no_longer_left_out(example_set: Path, tmp_path: Path) -> None:
    for label in ("apple", "key"):
        copy_photos(example_set, tmp_path / "data/train" / label, label, slice(0, 5))
    for label in ("apple", "key", "mug"):
        copy_photos(example_set, tmp_path / "data/test" / label, label, slice(6, 8))
    (tmp_path / "data/test/mug/notes.txt").write_text("hello")
    copy_photos(example_set, tmp_path / "mugs", "mug", slice(0, 5))
    with Project.open(tmp_path / "home") as project:
        project.add(tmp_path / "data")
        notes = LeftOut("test/mug/notes.txt", message(PhotoCode.TEXT))
        names = ["test/mug/mug 07.jpg", "test/mug/mug 08.jpg"]
        first = train_on_project(project, project.models / "one")
        assert first.report.labels == ("apple", "key")
        assert project.left_out() == [notes, *(LeftOut(name, NOT_TRAINED) for name in names)]
        train_on_project(project, project.models / "two")
        assert project.left_out() == [notes, *(LeftOut(name, NOT_TRAINED) for name in names)]
        project.add(tmp_path / "mugs", "mug")
        last = train_on_project(project, project.models / "three")
        assert sum(map(sum, last.report.confusion)) == 6
        assert project.left_out() == [notes]


@pytest.mark.slow
def test_evaluating_another_model_notes_anew_what_it_cannot_judge(
    trained: Finished, example_set: Path, tmp_path: Path
) -> None:
    for label in ("apple", "key"):
        copy_photos(example_set, tmp_path / "train" / label, label, slice(0, 5))
    with Project.over(tmp_path / "train") as project:
        two_classes = train_on_project(project, tmp_path / "two classes")
    for label in ("apple", "mug"):
        copy_photos(example_set, tmp_path / "test" / label, label, slice(6, 8))
    with Project.over(tmp_path / "test") as test:
        evaluate(Predictor(two_classes.folder), test)
        assert [left.message for left in test.left_out()] == [NOT_TRAINED] * 2
        evaluate(Predictor(trained.folder), test)
        assert test.left_out() == []


# near duplicates


def save_bursts(example_set: Path, folder: Path, copies: int) -> None:
    """Two photos of each of two classes, each saved several times; one of them under the wrong label."""
    for name, label in (("apple 01", "apple"), ("apple 02", "mug"), ("mug 01", "mug"), ("mug 02", "mug")):
        (folder / label).mkdir(parents=True, exist_ok=True)
        with Image.open(example_set / name.split()[0] / f"{name}.jpg") as photo:
            for quality in range(90, 90 + copies):
                photo.save(folder / label / f"{name} {quality}.jpg", quality=quality)


@pytest.mark.slow
def test_a_burst_counts_as_one_photo_in_the_interval(trained: Finished, example_set: Path, tmp_path: Path) -> None:
    save_bursts(example_set, tmp_path / "bursts", copies=5)
    forgetful = shutil.copytree(trained.folder, tmp_path / "model")
    (forgetful / "training_photos.json").unlink()  # the photos are training photos
    with Project.over(tmp_path / "bursts") as project:
        report = evaluate(Predictor(forgetful), project)
    assert sum(map(sum, report.confusion)) == 20
    assert report.group_count == 4
    correct = np.arange(20) < round(20 * report.accuracy)
    low, high = accuracy_interval(correct)
    assert report.accuracy_high - report.accuracy_low > 1.3 * (high - low)


@pytest.mark.slow
def test_evaluation_and_training_agree_on_a_burst(
    trained: Finished, example_set: Path, features: Path, tmp_path: Path
) -> None:
    save_bursts(example_set, tmp_path / "bursts", copies=3)
    with Project.over(example_set, features=features) as project, Project.over(tmp_path / "bursts") as test:
        *_, finished = train(project, TrainConfig(resize_modes=("whole",)), tmp_path / "model", test)
    assert isinstance(finished, Finished)
    assert finished.test is not None
    with Project.over(tmp_path / "bursts") as test:
        report = evaluate(Predictor(tmp_path / "model"), test)
    expected = finished.test
    assert (report.group_count, report.confusion) == (expected.group_count, expected.confusion)
    assert (report.accuracy_low, report.accuracy_high) == (expected.accuracy_low, expected.accuracy_high)
    assert report.photos_needed == expected.photos_needed


# which photos


@pytest.mark.slow
def test_photos_the_person_set_apart_evaluate_the_model(example_set: Path, features: Path, tmp_path: Path) -> None:
    for split, chosen in (("train", slice(0, 4)), ("val", slice(4, 6)), ("test", slice(6, 8))):
        for label in ("apple", "key", "mug"):
            copy_photos(example_set, tmp_path / "data" / split / label, label, chosen)
    report = train_on(tmp_path / "data", features, tmp_path / "one", resize_modes=("whole",)).report
    assert (report.evaluated_on, report.images, sum(map(sum, report.confusion))) == ("test", 12, 6)
    shutil.rmtree(tmp_path / "data" / "test")
    report = train_on(tmp_path / "data", features, tmp_path / "two", resize_modes=("whole",)).report
    assert (report.evaluated_on, report.images, sum(map(sum, report.confusion))) == ("out_of_fold", 12, 12)
    assert report.validation is not None
    assert report.validation.count == 6


@pytest.mark.slow
def test_separate_test_photos_are_predicted_as_the_predictor_does(
    example_set: Path, features: Path, tmp_path: Path
) -> None:
    (tmp_path / "test" / "zebra").mkdir(parents=True)
    shutil.copytree(example_set / "leaf", tmp_path / "test" / "leaf")
    draw_photo(5).save(tmp_path / "test" / "zebra" / "1.jpg")
    left_out = LeftOut("zebra/1.jpg", message(NotEvaluatedCode.CLASS_NOT_TRAINED, label="zebra"))
    with (
        Project.over(example_set, features=features) as project,
        Project.over(tmp_path / "test", features=features) as test,
    ):
        *_, finished = train(project, TrainConfig(resize_modes=("whole",)), tmp_path / "model", test)
        assert isinstance(finished, Finished)
        assert finished.test is not None
        assert (finished.test.evaluated_on, finished.report.evaluated_on) == ("test", "out_of_fold")
        assert test.left_out() == [left_out]
    with Project.over(tmp_path / "test", features=features) as test:
        report = evaluate(Predictor(tmp_path / "model"), test)
        assert report.confusion == finished.test.confusion
        assert report.evaluated_on == "test"
        assert test.left_out() == [left_out]


@pytest.mark.slow
@pytest.mark.parametrize("layers_are_trained", [False, True])
def test_the_pretrained_network_runs_beside_the_model_only_where_that_is_another(
    trained: Finished, example_set: Path, tmp_path: Path, layers_are_trained: bool
) -> None:
    folder = shutil.copytree(trained.folder, tmp_path / "model")
    if layers_are_trained:
        tensors = load_file(folder / "model.safetensors")
        save_file({**tensors, "conv_stem.weight": 1.001 * tensors["conv_stem.weight"]}, folder / "model.safetensors")
    with Project.over(example_set, features=tmp_path / "features") as project:
        evaluate(Predictor(folder), project)
        contents = [photo.sha256 for photo in project.photos()]
    backbone = backbones.resolve(trained.report.backbone)
    preprocessing = networks.preprocessing(backbone).with_resize_mode(trained.report.resize_mode)
    with closing(FeatureCache(tmp_path / "features")) as cache:
        assert len(cache.get(backbone.name, preprocessing, contents)) == layers_are_trained * len(contents)


def test_unreadable_test_photos_are_left_out_with_the_reason(
    trained: Finished, example_set: Path, features: Path, tmp_path: Path
) -> None:
    copy_photos(example_set, tmp_path / "test" / "mug", "mug", slice(0, 3))
    with Project.over(tmp_path / "test", features=features) as test:
        first, second, _ = test.photos()
        test.photo_path(first).write_bytes(b"\xff\xd8 no more")
        report = evaluate(Predictor(trained.folder), test)
        assert report.near_training == 2
        assert [left.file for left in test.left_out()] == [first.source]
        for photo in test.photos():
            test.photo_path(photo).write_bytes(b"\xff\xd8 no more")
        with pytest.raises(DataError) as error:
            evaluate(Predictor(trained.folder), test)
        assert error.value.code is WorkflowCode.TEST_UNREADABLE
        assert second.source in {left.file for left in test.left_out()}


def test_photos_of_no_known_class_are_an_error(trained: Finished, make_folder: MakeFolder, features: Path) -> None:
    with (
        Project.over(make_folder({"zebra": 1, "lion": 1}), features=features) as test,
        pytest.raises(DataError) as error,
    ):
        evaluate(Predictor(trained.folder), test)
    assert error.value.code is WorkflowCode.TEST_CLASSES_UNKNOWN


def test_test_photos_of_no_known_class_end_a_training_before_its_first_model(
    example_set: Path, make_folder: MakeFolder, features: Path, tmp_path: Path
) -> None:
    with (
        Project.over(example_set, features=features) as project,
        Project.over(make_folder({"zebra": 1, "lion": 1}), features=features) as test,
        pytest.raises(DataError) as error,
    ):
        list(train(project, TrainConfig(mode="auto"), tmp_path / "model", test))
    assert error.value.code is WorkflowCode.TEST_CLASSES_UNKNOWN
    assert not (tmp_path / "model").exists()


@pytest.mark.slow
def test_photos_unlike_the_training_photos_lower_the_coverage(
    trained: Finished, example_set: Path, features: Path, tmp_path: Path
) -> None:
    copy_photos(example_set, tmp_path / "test" / "mug", "mug", slice(0, 4))
    for seed in range(4):
        draw_photo(seed, (300, 300)).save(tmp_path / "test" / "mug" / f"noise {seed}.png")
    with Project.over(tmp_path / "test", features=features) as test:
        report = evaluate(Predictor(trained.folder), test)
    point = report.coverage_at(0)
    assert point is not None
    assert point.coverage <= 0.5


# photos that look like training photos


def save_again(example_set: Path, folder: Path, chosen: slice) -> None:
    """Save photos of three classes in another size and quality."""
    for label in ("apple", "key", "mug"):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for path in sorted((example_set / label).iterdir())[chosen]:
            with Image.open(path) as photo:
                smaller = photo.resize((photo.width * 3 // 4, photo.height * 3 // 4))
                smaller.save(folder / label / f"again {path.name}", quality=70)


@pytest.mark.slow
def test_a_model_of_another_network_than_its_training_began_with_knows_its_training_photos(
    trained: Finished, example_set: Path, features: Path, tmp_path: Path
) -> None:
    model = train_on(example_set, features, tmp_path / "model", backbone="tf_efficientnet_lite1")
    shutil.copy(trained.folder / "training_photos.json", model.folder)  # as of a step of mode auto
    save_again(example_set, tmp_path / "test", slice(0, 2))
    with Project.over(tmp_path / "test") as test:
        report = evaluate(Predictor(model.folder), test)
    assert (report.near_training, report.evaluated_count) == (3 * 2, 0)


@pytest.mark.slow
def test_the_same_photos_have_the_same_score_whichever_command_judges_them(
    example_set: Path, features: Path, tmp_path: Path
) -> None:
    for label in ("apple", "key", "mug"):
        copy_photos(example_set, tmp_path / "data/train" / label, label, slice(0, 4))
        copy_photos(example_set, tmp_path / "data/test" / label, label, slice(4, 8))
    save_again(example_set, tmp_path / "data/test", slice(1, 4))
    own = train_on(tmp_path / "data", features, tmp_path / "one", resize_modes=("whole",)).report
    with (
        Project.over(tmp_path / "data/train", features=features) as project,
        Project.over(tmp_path / "data/test", features=features) as test,
    ):
        *_, finished = train(project, TrainConfig(resize_modes=("whole",)), tmp_path / "two", test)
    assert isinstance(finished, Finished)
    with Project.over(tmp_path / "data/test") as test:
        later = evaluate(Predictor(tmp_path / "two"), test)
    assert own.near_training + own.evaluated_count == 21
    assert own.near_training in (9, 10)  # the nine saved again; one drawn mug is near enough to be taken for another
    assert own.group_count == own.evaluated_count
    assert finished.test is not None
    for report in (finished.test, later):
        for name in ("near_training", "group_count", "accuracy_low", "accuracy_high", "accuracy_all", "confusion"):
            assert getattr(report, name) == getattr(own, name)


@pytest.mark.slow
def test_saved_again_training_photos_are_no_measure_of_new_ones(
    trained: Finished, example_set: Path, features: Path, tmp_path: Path
) -> None:
    for label in ("apple", "key", "mug"):
        copy_photos(example_set, tmp_path / "data/train" / label, label, slice(0, 6))
    save_again(example_set, tmp_path / "data/test", slice(0, 6))
    report = train_on(tmp_path / "data", features, tmp_path / "model", resize_modes=("whole",)).report
    assert (report.evaluated_on, report.near_training, report.evaluated_count) == ("out_of_fold", 18, 18)
    assert any("look like training photos" in str(note) for note in report.notes())
    with Project.over(example_set, features=features) as same:
        again = evaluate(Predictor(trained.folder), same)
    assert (again.near_training, again.evaluated_count, again.accuracy_all) == (32, 0, 1)


@pytest.mark.slow
def test_what_is_true_of_other_photos_is_not_said_of_these(
    trained: Finished, example_set: Path, features: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(trained.folder, tmp_path / "model")
    shifted = message(WarningCode.OTHER_PHOTOS, times=97)
    report = replace(trained.report, warnings=(shifted,), validation=SecondScore(0.9, 0.8, 1.0, 30))
    (folder / "report.json").write_text(json.dumps(report.to_json()))
    with Project.over(example_set, features=features) as same:
        found = evaluate(Predictor(folder), same)
    assert (found.warnings, found.validation) == ((), None)
    assert found.in_words().startswith("All of the test photos (32) look like training photos")
