from __future__ import annotations

import itertools
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

from classifier import Checked, Finished, Predictor, Progress, Project, TrainConfig, check, train
from classifier.errors import DataError, ModelError
from classifier.training import linear_head as head
from classifier.workflows.evaluate import evaluate
from classifier.workflows.train import estimate_seconds
from tests.helpers import MakeFolder, draw_photo, train_on

QUICK = TrainConfig(resize_modes=("whole",))


@pytest.fixture
def project(example_set: Path, tmp_path: Path) -> Iterator[Project]:
    """A person's project with four photos of each of two classes."""
    with Project.open(tmp_path / "project") as project:
        for label in ("apple", "mug"):
            project.add_files([(path.name, path) for path in sorted((example_set / label).iterdir())[:4]], label)
        yield project


def finish(story: Iterator[object]) -> Finished:
    *_, last = story
    assert isinstance(last, Finished)
    return last


def over(folder: Path, features: Path) -> Project:
    return Project.over(folder, features=features)


# -- the whole story


def test_a_drawn_set_is_learned_and_the_report_is_honest(trained: Finished, example_set: Path) -> None:
    report = trained.report
    assert report.labels == ("apple", "key", "leaf", "mug")
    assert (report.images, report.evaluated_on) == (32, "out_of_fold")
    assert report.accuracy > 0.8
    assert report.accuracy_low <= report.accuracy <= report.accuracy_high
    assert sum(map(sum, report.confusion)) == 32
    assert trained.seconds > 0
    assert any("few photos" in warning for warning in report.warnings)
    paths = sorted(example_set.glob("*/*"))
    answers = Predictor(trained.folder).predict(paths)
    assert np.mean([answer.top[0].label == path.parent.name for path, answer in zip(paths, answers)]) > 0.9


def test_progress_only_goes_forward_and_ends_with_the_result(example_set: Path, features: Path, tmp_path: Path) -> None:
    with over(example_set, features) as project:
        events = list(train(project, out=tmp_path / "model"))
    assert isinstance(events[-1], Finished)
    steps = [event for event in events[:-1] if isinstance(event, Progress)]
    assert len(steps) == len(events) - 1
    for before, after in itertools.pairwise(steps):
        assert before.step != after.step or before.done <= after.done
        assert 0 <= after.done <= after.total


def test_a_second_training_computes_nothing_again_and_gives_the_same_weights(project: Project, tmp_path: Path) -> None:
    first = finish(train(project, out=tmp_path / "one"))
    for photo in project.photos():
        project.photo_path(photo).unlink()  # not needed any more: the features are kept
    second = finish(train(project, out=tmp_path / "two"))
    one, two = (load_file(result.folder / "model.safetensors") for result in (first, second))
    assert all(bool((one[key] == two[key]).all()) for key in one)
    assert first.report == second.report


def test_the_run_is_written_into_the_catalogue(project: Project) -> None:
    finished = finish(train(project, QUICK))
    (run,) = project.catalog.runs()
    assert finished.folder in project.model_folders()
    assert (run.name, run.mode) == (finished.folder.name, "quick")
    assert run.report == json.loads(json.dumps(finished.report.to_json()))
    assert len(project.catalog.run_assets(run.id)) == 8
    assert run.report["scenes"] == 8
    assert finish(train(project, QUICK)).folder != finished.folder  # another training, another folder


def test_a_moved_photo_is_learned_under_its_new_class(project: Project, tmp_path: Path) -> None:
    finish(train(project, QUICK, tmp_path / "one"))
    moved = [photo.id for photo in project.photos("apple")][:2]
    project.move(moved, "green apple")
    again = finish(train(project, QUICK, tmp_path / "two"))
    assert again.report.labels == ("apple", "green apple", "mug")
    assert len(project.catalog.changed_since(project.catalog.runs()[-1].id).relabeled) == 2


def test_after_a_correction_a_large_set_keeps_its_penalty_and_stays_reproducible(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head, "SMALL", 0)  # as if it were large

    def trained_as(name: str) -> tuple[float, dict[str, object]]:
        finish(train(project, QUICK, tmp_path / name))
        settings = json.loads((tmp_path / name / "training.json").read_text(encoding="utf-8"))
        return settings["strength"], load_file(tmp_path / name / "model.safetensors")

    first, again = trained_as("one"), trained_as("two")
    project.move([project.photos("apple")[0].id], "mug")
    moved, moved_again = trained_as("three"), trained_as("four")
    assert first[0] == again[0] == moved[0] == moved_again[0]
    for one, other in ((first[1], again[1]), (moved[1], moved_again[1])):
        assert all(bool((one[key] == other[key]).all()) for key in one)


def test_a_run_tells_which_photos_it_was_judged_on(example_set: Path, features: Path, tmp_path: Path) -> None:
    for part in ("train", "test"):
        shutil.copytree(example_set / "key", tmp_path / "data" / part / "key")
        shutil.copytree(example_set / "mug", tmp_path / "data" / part / "mug")
        for number, path in enumerate(sorted((tmp_path / "data" / part).glob("*/*"))):
            if (number % 4 == 0) != (part == "test"):
                path.unlink()
    with over(tmp_path / "data", features) as project:
        report = finish(train(project, QUICK, tmp_path / "model")).report
        (run,) = project.catalog.runs()
        judged = project.catalog.evaluated_assets(run.id)
        assert report.evaluated_on == "test"
        assert {photo.sha256 for photo in judged} == {photo.sha256 for photo in project.catalog.assets(split="test")}
        assert len(project.catalog.run_assets(run.id)) == 16
    with over(example_set, features) as project:
        finish(train(project, QUICK, tmp_path / "other"))
        assert len(project.catalog.evaluated_assets(project.catalog.runs()[0].id)) == 32


def test_the_fingerprint_tells_data_apart_and_not_the_order(project: Project, tmp_path: Path) -> None:
    def fingerprint(name: str) -> str:
        finish(train(project, QUICK, tmp_path / name))
        return json.loads((tmp_path / name / "training.json").read_text(encoding="utf-8"))["data"]["fingerprint"]

    first, second = fingerprint("one"), fingerprint("two")
    project.rename_class("mug", "cup")
    assert first == second != fingerprint("three")


# -- too little, or not as it should be


def test_no_photos_and_a_single_class_are_plain_messages(project: Project, tmp_path: Path) -> None:
    project.remove_class("mug")
    with pytest.raises(DataError, match=r"only one class, “apple”.*at least one other"):
        finish(train(project, QUICK, tmp_path / "model"))
    project.remove_class("apple")
    for story in (train(project, QUICK, tmp_path / "model"), check(project)):
        with pytest.raises(DataError, match="no photos to learn from"):
            list(story)
    assert not (tmp_path / "model").exists()


def test_two_photos_in_all_give_a_model_that_claims_nothing(
    make_folder: MakeFolder, features: Path, tmp_path: Path
) -> None:
    report = train_on(make_folder({"cat": 1, "dog": 1}), features, tmp_path / "model").report
    assert report.accuracy_high - report.accuracy_low > 0.5
    assert "too few photos" in report.in_words()
    assert any("single photo of “cat”, “dog”" in warning for warning in report.warnings)
    assert Predictor(tmp_path / "model").predict(draw_photo())[0].top


def test_a_class_of_one_photo_is_warned_of_and_counts_as_wrong(
    make_folder: MakeFolder, features: Path, tmp_path: Path
) -> None:
    report = train_on(make_folder({"cat": 9, "dog": 1}), features, tmp_path / "model", resize_modes=("whole",)).report
    assert report.per_class[1].recall == 0
    assert any("single photo of “dog”" in warning for warning in report.warnings)
    assert any("“cat” has 9 photos and “dog” only 1" in warning for warning in report.warnings)


def test_a_photo_that_lies_in_two_classes_is_left_to_the_person(project: Project, tmp_path: Path) -> None:
    twin = project.photos("apple")[0]
    project.add_files([("again.jpg", project.photo_path(twin))], "mug")
    finished = finish(train(project, QUICK, tmp_path / "model"))
    assert finished.report.images == 7
    assert len(project.conflicts()) == 1
    assert len(project.photos()) == 9


def test_a_photo_that_turns_out_unreadable_is_listed_and_the_rest_is_learned(project: Project) -> None:
    broken = project.photos("apple")[0]
    path = project.photo_path(broken)
    path.write_bytes(path.read_bytes()[:600])
    finished = finish(train(project, QUICK))
    assert finished.report.images == 7
    (left,) = project.left_out()
    assert left.file == broken.source
    assert "cut off" in left.reason or "damaged" in left.reason


def test_a_class_of_which_nothing_can_be_read_is_named(project: Project) -> None:
    for photo in project.photos("mug"):
        project.photo_path(photo).write_bytes(b"\xff\xd8 no more")
    with pytest.raises(DataError, match=r"No photo of “mug” can be read"):
        finish(train(project, QUICK))


def test_a_folder_with_other_files_is_refused_before_any_work(project: Project, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ModelError, match=r"letter\.txt"):
        next(iter(train(project, QUICK, tmp_path / "mine")))


# -- stopping


def test_stopping_leaves_no_model_and_keeps_the_features(project: Project, tmp_path: Path) -> None:
    threads = threading.active_count()
    story = train(project, QUICK, tmp_path / "model")
    for event in story:
        assert isinstance(event, Progress)
        if event.done == 8:
            break
    story.close()  # type: ignore[attr-defined]
    assert not (tmp_path / "model").exists()
    assert project.catalog.runs() == []
    assert threading.active_count() <= threads
    for photo in project.photos():
        project.photo_path(photo).unlink()
    assert finish(train(project, QUICK, tmp_path / "model")).report.images == 8


# -- which photos judge


def test_photos_set_apart_by_the_person_judge_the_model(example_set: Path, features: Path, tmp_path: Path) -> None:
    for split, chosen in (("train", slice(0, 4)), ("val", slice(4, 6)), ("test", slice(6, 8))):
        for label in ("apple", "key", "mug"):
            target = tmp_path / "data" / split / label
            target.mkdir(parents=True)
            for path in sorted((example_set / label).iterdir())[chosen]:
                shutil.copy(path, target)
    report = train_on(tmp_path / "data", features, tmp_path / "one", resize_modes=("whole",)).report
    assert (report.evaluated_on, report.images, sum(map(sum, report.confusion))) == ("test", 12, 6)
    shutil.rmtree(tmp_path / "data" / "test")
    report = train_on(tmp_path / "data", features, tmp_path / "two", resize_modes=("whole",)).report
    assert (report.evaluated_on, report.images, sum(map(sum, report.confusion))) == ("val", 12, 6)


def test_separate_test_photos_are_judged_as_the_predictor_judges_them(
    trained: Finished, make_folder: MakeFolder, example_set: Path, features: Path, tmp_path: Path
) -> None:
    (tmp_path / "test" / "zebra").mkdir(parents=True)
    shutil.copytree(example_set / "leaf", tmp_path / "test" / "leaf")
    draw_photo(5).save(tmp_path / "test" / "zebra" / "1.jpg")
    with over(example_set, features) as project, over(tmp_path / "test", features) as test:
        finished = finish(train(project, QUICK, tmp_path / "model", test))
        assert finished.test is not None
        assert (finished.test.evaluated_on, finished.report.evaluated_on) == ("test", "out_of_fold")
        assert [left.file for left in test.left_out()] == ["zebra/1.jpg"]
        assert "no class “zebra”" in test.left_out()[0].reason
    with over(tmp_path / "test", features) as test:
        report = evaluate(Predictor(tmp_path / "model"), test)
        assert report.confusion == finished.test.confusion
        assert report.evaluated_on == "test"


def test_test_photos_of_no_known_class_are_a_plain_message(
    trained: Finished, make_folder: MakeFolder, features: Path
) -> None:
    with (
        over(make_folder({"zebra": 1, "lion": 1}), features) as test,
        pytest.raises(DataError, match="name of a class"),
    ):
        evaluate(Predictor(trained.folder), test)


def test_look_alikes_are_never_judged_by_a_model_that_saw_their_twin(
    example_set: Path, features: Path, tmp_path: Path
) -> None:
    """Half of one class is a single photo, saved again and again, with its label wrong: no twin may give it away."""
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
    assert report.confusion[0][1] >= 5  # all five are taken for keys, as nothing told the judge otherwise


# -- checking


def test_a_check_finds_the_swapped_label_and_the_second_copy(example_set: Path, features: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(example_set, tmp_path / "data"))
    (data / "mug" / "mug 01.jpg").rename(data / "leaf" / "not a leaf.jpg")
    with Image.open(data / "key" / "key 02.jpg") as photo:
        photo.save(data / "key" / "saved again.jpg", quality=95)
    with over(data, features) as project:
        *progress, checked = check(project)
        assert isinstance(checked, Checked)
        assert all(isinstance(event, Progress) for event in progress)
        assert checked.classes == {"apple": 8, "key": 9, "leaf": 9, "mug": 7}
        assert checked.suspects[0].photo.source == "leaf/not a leaf.jpg"
        assert checked.suspects[0].suggested == "mug"
        (scene,) = checked.near_duplicates
        assert {photo.source for photo in scene} == {"key/key 02.jpg", "key/saved again.jpg"}
        assert [(more.label, more.count) for more in checked.more_photos] == [
            ("mug", 13), ("apple", 12), ("key", 11), ("leaf", 11),
        ]  # fmt: skip
        assert "Add about 13 photos of “mug”" in checked.more_photos[0].advice
        assert any("few photos of “apple” (8)" in warning for warning in checked.warnings)


def test_a_check_lists_photos_to_fix(example_set: Path, features: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(example_set, tmp_path / "data"))
    Image.new("RGB", (300, 200), (3, 3, 3)).save(data / "mug" / "lens cap.jpg")
    with Image.open(data / "key" / "key 03.jpg") as photo:
        photo.resize((1200, 90)).save(data / "key" / "long.jpg")
    shutil.copy(data / "key" / "key 04.jpg", data / "mug" / "both.jpg")
    with over(data, features) as project:
        *_, checked = check(project)
    assert isinstance(checked, Checked)
    assert {(poor.photo.source, poor.kind) for poor in checked.quality} == {
        ("mug/lens cap.jpg", "dark"), ("key/long.jpg", "odd-shaped"),
    }  # fmt: skip
    assert all(poor.advice for poor in checked.quality)
    assert [{asset.label for asset in group} for group in checked.conflicts] == [{"key", "mug"}]


def test_a_check_of_one_class_says_what_is_missing(make_folder: MakeFolder, features: Path) -> None:
    with over(make_folder({"cat": 2}), features) as project:
        *_, checked = check(project)
    assert isinstance(checked, Checked)
    assert any("only one class, “cat”" in warning for warning in checked.warnings)
    assert checked.suspects == ()


def test_a_guess_of_the_time_grows_with_the_photos_and_the_network() -> None:
    few, many = (estimate_seconds(count, TrainConfig()) for count in (10, 1000))
    assert 0 < few < many < estimate_seconds(1000, TrainConfig(backbone="tf_efficientnet_lite2"))
