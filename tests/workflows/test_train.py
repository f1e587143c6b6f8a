"""Quick training of a project, from its photos to the checkpoint, the report and the run in the catalog."""

from __future__ import annotations

import itertools
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

from classifier import DataError, Finished, ModelError, Predictor, Progress, Project, SettingError, TrainConfig, train
from classifier.config import ResizeMode
from classifier.messages.data import PhotoCode
from classifier.messages.evaluation import AccuracyCode, WarningCode
from classifier.messages.training import TrainingCode
from classifier.messages.workflows import LearningNoteCode, StepCode, WorkflowCode
from classifier.workflows.train import estimate_seconds, feature_backbone, unfinished
from tests.helpers import MakeFolder, draw_photo, train_on

QUICK = TrainConfig(resize_modes=("whole",))


@pytest.fixture
def project(example_set: Path, tmp_path: Path) -> Iterator[Project]:
    """A person's project with four photos of each of two classes."""
    with Project.open(tmp_path / "project") as project:
        for label in ("apple", "mug"):
            project.add_files([(path.name, path) for path in sorted((example_set / label).iterdir())[:4]], label)
        yield project


def finish(events: Iterator[object]) -> Finished:
    *_, last = events
    assert isinstance(last, Finished)
    return last


def over(folder: Path, features: Path) -> Project:
    return Project.over(folder, features=features)


# the whole training


@pytest.mark.slow
def test_the_report_of_a_drawn_set_is_that_of_its_predictions(trained: Finished, example_set: Path) -> None:
    report = trained.report
    assert report.labels == ("apple", "key", "leaf", "mug")
    assert (report.images, report.evaluated_on) == (32, "out_of_fold")
    assert report.accuracy > 0.8
    assert report.accuracy_low <= report.accuracy <= report.accuracy_high
    assert sum(map(sum, report.confusion)) == 32
    assert trained.seconds > 0
    assert [warning.code for warning in report.warnings] == [WarningCode.FEW_PHOTOS]
    paths = sorted(example_set.glob("*/*"))
    predictions = Predictor(trained.folder).predict(paths)
    assert np.mean([one.top[0].label == path.parent.name for path, one in zip(paths, predictions)]) > 0.9


def test_progress_only_goes_forward_and_ends_with_the_result(example_set: Path, features: Path, tmp_path: Path) -> None:
    with over(example_set, features) as project:
        events = list(train(project, out=tmp_path / "model"))
    assert isinstance(events[-1], Finished)
    steps = [event for event in events[:-1] if isinstance(event, Progress)]
    assert len(steps) == len(events) - 1
    for before, after in itertools.pairwise(steps):
        assert before.step != after.step or before.done <= after.done
        assert 0 <= after.done <= after.total
    assert [step for step, _ in itertools.groupby(event.step for event in steps)][-3:] == [
        StepCode.EXTRACT_FEATURES, StepCode.TRAIN_HEAD, StepCode.SAVE,
    ]  # fmt: skip


@pytest.mark.slow
def test_a_second_training_reads_no_photo_and_gives_equal_weights(project: Project, tmp_path: Path) -> None:
    first = finish(train(project, out=tmp_path / "one"))
    for photo in project.photos():
        project.photo_path(photo).unlink()  # not needed any more: the features are cached
    second = finish(train(project, out=tmp_path / "two"))
    one, two = (load_file(result.folder / "model.safetensors") for result in (first, second))
    assert all(bool((one[key] == two[key]).all()) for key in one)
    assert first.report == second.report


def test_the_run_is_written_to_the_catalog(project: Project) -> None:
    finished = finish(train(project, QUICK))
    (run,) = project.catalog.runs.newest()
    assert finished.folder in project.model_folders()
    assert (run.name, run.mode) == (finished.folder.name, "quick")
    assert run.report == json.loads(json.dumps(finished.report.to_json()))
    assert len(project.catalog.runs.assets(run.id)) == 8
    assert run.report["scenes"] == 8
    assert finish(train(project, QUICK)).folder != finished.folder  # another training, another folder


@pytest.mark.slow
def test_a_moved_photo_is_trained_under_its_new_class(project: Project, tmp_path: Path) -> None:
    finish(train(project, QUICK, tmp_path / "one"))
    moved = [photo.id for photo in project.photos("apple")][:2]
    project.move(moved, "green apple")
    again = finish(train(project, QUICK, tmp_path / "two"))
    assert again.report.labels == ("apple", "green apple", "mug")
    assert len(project.catalog.runs.changed_since(project.catalog.runs.newest()[-1].id).relabeled) == 2


@pytest.mark.slow
def test_a_training_after_a_correction_is_reproducible(project: Project, tmp_path: Path) -> None:
    def weights(name: str) -> dict[str, object]:
        return load_file(finish(train(project, QUICK, tmp_path / name)).folder / "model.safetensors")

    first, again = weights("one"), weights("two")
    project.move([project.photos("apple")[0].id], "mug")
    moved, moved_again = weights("three"), weights("four")
    for one, other in ((first, again), (moved, moved_again)):
        assert all(bool((one[key] == other[key]).all()) for key in one)
    assert any(not bool((first[key] == moved[key]).all()) for key in first)


def test_a_run_lists_the_photos_it_was_evaluated_on(example_set: Path, features: Path, tmp_path: Path) -> None:
    for part in ("train", "test"):
        shutil.copytree(example_set / "key", tmp_path / "data" / part / "key")
        shutil.copytree(example_set / "mug", tmp_path / "data" / part / "mug")
        for number, path in enumerate(sorted((tmp_path / "data" / part).glob("*/*"))):
            if (number % 4 == 0) != (part == "test"):
                path.unlink()
    with over(tmp_path / "data", features) as project:
        report = finish(train(project, QUICK, tmp_path / "model")).report
        (run,) = project.catalog.runs.newest()
        evaluated = project.catalog.runs.evaluated(run.id)
        assert report.evaluated_on == "test"
        assert {photo.sha256 for photo in evaluated} == {photo.sha256 for photo in project.catalog.assets(split="test")}
        assert len(project.catalog.runs.assets(run.id)) == 16
    with over(example_set, features) as project:
        finish(train(project, QUICK, tmp_path / "other"))
        assert len(project.catalog.runs.evaluated(project.catalog.runs.newest()[0].id)) == 32


@pytest.mark.slow
def test_the_fingerprint_depends_on_photos_and_labels(project: Project, tmp_path: Path) -> None:
    def fingerprint(name: str) -> str:
        finish(train(project, QUICK, tmp_path / name))
        return json.loads((tmp_path / name / "training.json").read_text(encoding="utf-8"))["data"]["fingerprint"]

    first, second = fingerprint("one"), fingerprint("two")
    project.rename_class("mug", "cup")
    assert first == second != fingerprint("three")


# photos that cannot be used


def test_no_photos_and_a_single_class_are_errors(project: Project, tmp_path: Path) -> None:
    project.remove_class("mug")
    with pytest.raises(DataError, match=r"only one class, “apple”.*at least one other") as error:
        finish(train(project, QUICK, tmp_path / "model"))
    assert error.value.code is WorkflowCode.ONE_CLASS
    project.remove_class("apple")
    with pytest.raises(DataError, match="no photos to learn from") as error:
        finish(train(project, QUICK, tmp_path / "model"))
    assert error.value.code is WorkflowCode.NO_PHOTOS
    assert not (tmp_path / "model").exists()


def test_photos_that_all_lie_in_two_classes_are_an_error(example_set: Path, tmp_path: Path) -> None:
    with Project.open(tmp_path / "project") as project:
        for label in ("apple", "mug"):
            project.add(example_set / "apple", label)
        with pytest.raises(DataError) as error:
            finish(train(project, QUICK))
        assert error.value.code is WorkflowCode.ONLY_CONFLICTS


def test_a_network_without_weights_cannot_be_trained_quickly(project: Project, tmp_path: Path) -> None:
    config = TrainConfig(backbone="small_cnn")
    with pytest.raises(SettingError) as error:
        finish(train(project, config, tmp_path / "model"))
    assert error.value.code is WorkflowCode.UNTRAINED_NETWORK
    assert feature_backbone(TrainConfig(backbone="small_cnn", mode="deep")).name == TrainConfig().backbone


def test_two_photos_give_a_model_that_is_not_measured(make_folder: MakeFolder, features: Path, tmp_path: Path) -> None:
    finished = train_on(make_folder({"cat": 1, "dog": 1}), features, tmp_path / "model", mode="auto")
    report = finished.report
    assert (report.evaluated_count, report.accuracy_low, report.accuracy_high) == (0, 0, 1)
    assert report.in_words() == str(AccuracyCode.NO_PHOTOS)
    assert report.warnings[0].code is WarningCode.ONE_EACH
    assert [note.code for note in finished.notes] == [TrainingCode.ONE_PHOTO_EACH]
    assert Predictor(tmp_path / "model").predict(draw_photo())[0].top


@pytest.mark.parametrize("mode", ["quick", "auto"])
def test_six_photos_train_and_it_is_said_how_little_that_proves(
    make_folder: MakeFolder, features: Path, tmp_path: Path, mode: str
) -> None:
    data = make_folder({"cat": 3, "dog": 3})
    report = train_on(data, features, tmp_path / "model", mode=mode, resize_modes=("whole",), max_steps=1).report
    assert report.evaluated_count == 6
    assert "That proves little: 6 photos are too few to tell how often it is right on new ones." in report.in_words()


def test_it_is_said_where_only_the_middle_of_a_photo_counts(
    make_folder: MakeFolder, features: Path, tmp_path: Path
) -> None:
    modes: tuple[tuple[ResizeMode, list[LearningNoteCode]], ...]
    modes = (("zoom", [LearningNoteCode.MIDDLE]), ("squash", []))
    with over(make_folder({"cat": 3, "dog": 3}), features) as project:
        for mode, expected in modes:
            finished = finish(train(project, TrainConfig(resize_modes=(mode,)), out=tmp_path / mode))
            assert [note.code for note in finished.notes if isinstance(note.code, LearningNoteCode)] == expected


def test_a_class_of_one_photo_is_a_warning_and_counts_as_wrong(
    make_folder: MakeFolder, features: Path, tmp_path: Path
) -> None:
    report = train_on(make_folder({"cat": 9, "dog": 1}), features, tmp_path / "model", resize_modes=("whole",)).report
    assert report.per_class[1].recall == 0
    sentences = {warning.code: str(warning) for warning in report.warnings}
    assert "single photo of “dog”" in sentences[WarningCode.SINGLE_PHOTO]
    assert "“cat” has 9 photos and “dog” only 1" in sentences[WarningCode.IMBALANCED]


def test_a_photo_in_two_classes_is_not_trained_on(project: Project, tmp_path: Path) -> None:
    twin = project.photos("apple")[0]
    project.add_files([("again.jpg", project.photo_path(twin))], "mug")
    finished = finish(train(project, QUICK, tmp_path / "model"))
    assert finished.report.images == 7
    assert len(project.conflicts()) == 1
    assert len(project.photos()) == 9


def test_an_unreadable_photo_is_left_out_and_the_rest_trained_on(project: Project) -> None:
    broken = project.photos("apple")[0]
    path = project.photo_path(broken)
    path.write_bytes(path.read_bytes()[:600])
    finished = finish(train(project, QUICK))
    assert finished.report.images == 7
    (left,) = project.left_out()
    assert left.file == broken.source
    assert left.code in (PhotoCode.CUT_OFF, PhotoCode.DAMAGED)


def test_a_class_without_readable_photos_is_named(project: Project) -> None:
    for photo in project.photos("mug"):
        project.photo_path(photo).write_bytes(b"\xff\xd8 no more")
    with pytest.raises(DataError, match=r"No photo of “mug” can be read"):
        finish(train(project, QUICK))


def test_a_folder_with_other_files_is_refused_before_any_work(project: Project, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ModelError, match=r"letter\.txt"):
        next(iter(train(project, QUICK, tmp_path / "mine")))


# stopping


def test_stopping_leaves_no_model_and_keeps_the_features(project: Project, tmp_path: Path) -> None:
    threads = set(threading.enumerate())
    events = train(project, QUICK, tmp_path / "model")
    for event in events:
        assert isinstance(event, Progress)
        if event.done == 8:
            break
    events.close()  # type: ignore[attr-defined]
    assert not (tmp_path / "model").exists()
    assert project.catalog.runs.newest() == []
    for thread in set(threading.enumerate()) - threads:  # they end once the photos that they have begun are done
        thread.join(60)
        assert not thread.is_alive()
    for photo in project.photos():
        project.photo_path(photo).unlink()
    assert finish(train(project, QUICK, tmp_path / "model")).report.images == 8


# near duplicates


def test_a_longer_training_that_ends_while_it_reads_photos_can_go_on(project: Project, tmp_path: Path) -> None:
    config = TrainConfig(mode="deep", seed=5)
    with closing(train(project, config)) as events:  # type: ignore[type-var]
        next(iter(events))
    found = unfinished(project)
    assert found is not None
    assert found.config == config
    shutil.rmtree(found.folder)
    project.remove_class("mug")
    with pytest.raises(DataError):  # what fails is not begun again
        list(train(project, config))
    assert unfinished(project) is None
    assert list(project.models.iterdir()) == []


def test_near_duplicates_are_held_out_together(example_set: Path, features: Path, tmp_path: Path) -> None:
    """Half of a class is one photo, saved several times, with a wrong label that no copy in training may reveal."""
    for label in ("apple", "key"):
        shutil.copytree(example_set / label, tmp_path / "data" / label)
    with Image.open(example_set / "key" / "key 01.jpg") as photo:
        for quality in range(92, 97):
            photo.save(tmp_path / "data" / "apple" / f"copy {quality}.jpg", quality=quality)
    (tmp_path / "data" / "key" / "key 01.jpg").unlink()
    with over(tmp_path / "data", features) as project:
        report = finish(train(project, QUICK, tmp_path / "model")).report
        groups = {photo.duplicate_group for photo in project.photos("apple") if "copy" in photo.source}
        assert len(groups) == 1
        assert groups != {None}
        alone = [photo for photo in project.photos() if "copy" not in photo.source]
        assert all(photo.duplicate_group is None for photo in alone)
    assert report.confusion[0][1] >= 5


# duration


def test_the_estimated_duration_grows_with_photos_and_network() -> None:
    few, many = (estimate_seconds(count, TrainConfig()) for count in (10, 1000))
    assert 0 < few < many < estimate_seconds(1000, TrainConfig(backbone="tf_efficientnet_lite2"))
