from __future__ import annotations

import shutil
from pathlib import Path

from classifier import Finished, Predictor, Project, TrainConfig, evaluate, train
from classifier.data.intake import LeftOut
from classifier.messages import message
from classifier.messages.data import NotEvaluatedCode, PhotoCode

NOT_TRAINED = message(NotEvaluatedCode.CLASS_NOT_TRAINED, label="mug")


def copy_photos(example_set: Path, folder: Path, label: str, chosen: slice) -> None:
    folder.mkdir(parents=True)
    for path in sorted((example_set / label).iterdir())[chosen]:
        shutil.copy(path, folder)


def train_on_project(project: Project, out: Path) -> Finished:
    *_, last = train(project, TrainConfig(resize_modes=("whole",)), out)
    assert isinstance(last, Finished)
    return last


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
