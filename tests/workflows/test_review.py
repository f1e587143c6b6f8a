"""A training photo by photo: the cells of its confusion matrix, its label issues, what changed since."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from classifier import Finished, Project, TrainConfig, check, review, train
from classifier.workflows.check import Checked
from tests.helpers import draw_photo

QUICK = TrainConfig(resize_modes=("whole",))


def train_quickly(project: Project, config: TrainConfig = QUICK) -> Finished:
    *_, last = train(project, config)
    assert isinstance(last, Finished)
    return last


@pytest.fixture
def project(example_set: Path, features: Path, tmp_path: Path) -> Iterator[Project]:
    """The example photos, of which two apples lie among the mugs; trained."""
    shutil.copytree(example_set, tmp_path / "photos")
    for name in ("apple 01.jpg", "apple 02.jpg"):
        shutil.move(tmp_path / "photos" / "apple" / name, tmp_path / "photos" / "mug" / name)
    with Project.open(tmp_path / "project") as project:
        project.features = features
        project.add(tmp_path / "photos")
        train_quickly(project)
        yield project


def id_of(project: Project, name: str) -> int:
    return next(photo.id for photo in project.photos() if photo.source.endswith(name))


def test_a_cell_holds_the_photos_that_the_confusion_matrix_counts(project: Project) -> None:
    reviewed = review(project)
    assert reviewed is not None
    labels = reviewed.report.labels
    behind = [[len(reviewed.cell(true, taken)) for taken in labels] for true in labels]
    assert np.array_equal(behind, reviewed.report.confusion)
    assert len(reviewed.mistakes()) == np.sum(behind) - np.trace(behind)
    sure = [one.confidence for one in reviewed.mistakes()]
    assert sure == sorted(sure, reverse=True)
    assert reviewed.changes == ((), (), ())


def test_swapped_labels_come_first_and_are_gone_once_corrected(project: Project) -> None:
    reviewed = review(project)
    assert reviewed is not None
    wrong = {id_of(project, name) for name in ("apple 01.jpg", "apple 02.jpg")}
    assert wrong == {one.photo.id for one in reviewed.label_issues()[:2]}
    first = [one for one in reviewed.label_issues() if one.photo.id in wrong]
    assert {(one.photo.label, one.predicted) for one in first} == {("mug", "apple")}
    assert all(0.5 < one.label_error_prob <= 1 for one in first)
    *_, checked = check(project, TrainConfig(resize_modes=(reviewed.report.resize_mode,)))
    assert [one.photo.id for one in reviewed.label_issues()] == [one.photo.id for one in checked.mislabeled]
    assert [one.score for one in reviewed.label_issues()] == pytest.approx(
        [one.score for one in checked.mislabeled], abs=1e-5
    )

    project.move([one.photo.id for one in first], "apple")
    again = review(project)
    assert again is not None
    assert not {one.photo.id for one in first} & {one.photo.id for one in again.predictions}
    assert len(again.changes.relabeled) == 2
    before = reviewed.report.accuracy
    assert train_quickly(project).report.accuracy > before
    now = review(project)
    assert now is not None
    assert not any(now.changes)

    project.undo()
    back = review(project)
    assert back is not None
    assert len(back.changes.relabeled) == 2


@pytest.mark.slow
def test_a_confirmed_label_is_no_issue_in_review_and_check(project: Project) -> None:
    right = id_of(project, "apple 01.jpg")
    project.confirm([right])
    for _ in range(2):
        reviewed = review(project)
        assert reviewed is not None
        assert right not in {one.photo.id for one in reviewed.label_issues()}
        assert right in {one.photo.id for one in reviewed.mistakes()}  # it still counts
        train_quickly(project)
    *_, checked = check(project, QUICK)
    assert isinstance(checked, Checked)
    assert right not in {suspect.photo.id for suspect in checked.mislabeled}
    assert id_of(project, "apple 02.jpg") in {suspect.photo.id for suspect in checked.mislabeled}


def test_photos_set_apart_are_those_of_the_confusion_matrix(example_set: Path, features: Path, tmp_path: Path) -> None:
    for split, chosen in (("train", slice(0, 5)), ("test", slice(5, 8))):
        for label in ("apple", "key"):
            (tmp_path / "data" / split / label).mkdir(parents=True)
            for path in sorted((example_set / label).iterdir())[chosen]:
                shutil.copy(path, tmp_path / "data" / split / label)
    with Project.over(tmp_path / "data", features=features) as project:
        train_quickly(project)
        reviewed = review(project)
        assert reviewed is not None
        assert {one.photo.split for one in reviewed.predictions if one.evaluated} == {"test"}
        assert sum(one.evaluated for one in reviewed.predictions) == 6
        assert len(reviewed.predictions) == 16


def test_without_a_training_there_is_no_review(tmp_path: Path) -> None:
    with Project.open(tmp_path / "project") as project:
        assert review(project) is None
        draw_photo(1).save(tmp_path / "one.jpg")
        project.add_files([("one.jpg", tmp_path / "one.jpg")], "cat")
        assert review(project) is None
