"""What to look at after a training."""

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


def finish(project: Project, config: TrainConfig = QUICK) -> Finished:
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
        finish(project)
        yield project


def named(project: Project, name: str) -> int:
    return next(photo.id for photo in project.photos() if photo.source.endswith(name))


def test_the_photos_behind_each_number_are_those_that_were_counted(project: Project) -> None:
    seen = review(project)
    assert seen is not None
    labels = seen.report.labels
    behind = [[len(seen.cell(true, taken)) for taken in labels] for true in labels]
    assert np.array_equal(behind, seen.report.confusion)
    assert len(seen.mistakes()) == np.sum(behind) - np.trace(behind)
    sure = [one.confidence for one in seen.mistakes()]
    assert sure == sorted(sure, reverse=True)
    assert seen.changes == ((), (), ())


def test_photos_in_the_wrong_class_come_first_and_are_gone_once_they_are_moved(project: Project) -> None:
    seen = review(project)
    assert seen is not None
    wrong = {named(project, name) for name in ("apple 01.jpg", "apple 02.jpg")}
    assert wrong < {one.photo.id for one in seen.suspects()[:3]}
    first = [one for one in seen.suspects() if one.photo.id in wrong]
    assert {(one.photo.label, one.predicted) for one in first} == {("mug", "apple")}
    assert all(0.5 < one.doubt <= 1 for one in first)
    *_, checked = check(project, TrainConfig(resize_modes=(seen.report.resize_mode,)))
    assert [one.photo.id for one in seen.suspects()] == [one.photo.id for one in checked.suspects]
    assert [one.suspicion for one in seen.suspects()] == pytest.approx(
        [one.score for one in checked.suspects], abs=1e-5
    )

    project.move([one.photo.id for one in first], "apple")
    again = review(project)
    assert again is not None
    assert not {one.photo.id for one in first} & {one.photo.id for one in again.answers}
    assert len(again.changes.relabeled) == 2
    before = seen.report.accuracy
    assert finish(project).report.accuracy > before
    now = review(project)
    assert now is not None
    assert not any(now.changes)

    project.undo()
    back = review(project)
    assert back is not None
    assert len(back.changes.relabeled) == 2


def test_a_photo_called_right_is_no_suspect_any_more_also_after_the_next_training_and_in_check(
    project: Project,
) -> None:
    right = named(project, "apple 01.jpg")
    project.confirm([right])
    for _ in range(2):
        seen = review(project)
        assert seen is not None
        assert right not in {one.photo.id for one in seen.suspects()}
        assert right in {one.photo.id for one in seen.mistakes()}  # it still counts
        finish(project)
    *_, checked = check(project, QUICK)
    assert isinstance(checked, Checked)
    assert right not in {suspect.photo.id for suspect in checked.suspects}
    assert named(project, "apple 02.jpg") in {suspect.photo.id for suspect in checked.suspects}


def test_photos_set_apart_are_the_ones_behind_the_numbers(example_set: Path, features: Path, tmp_path: Path) -> None:
    for split, chosen in (("train", slice(0, 5)), ("test", slice(5, 8))):
        for label in ("apple", "key"):
            (tmp_path / "data" / split / label).mkdir(parents=True)
            for path in sorted((example_set / label).iterdir())[chosen]:
                shutil.copy(path, tmp_path / "data" / split / label)
    with Project.over(tmp_path / "data", features=features) as project:
        finish(project)
        seen = review(project)
        assert seen is not None
        assert {one.photo.split for one in seen.answers if one.judged} == {"test"}
        assert sum(one.judged for one in seen.answers) == 6
        assert len(seen.answers) == 16


def test_without_a_training_there_is_nothing_to_review(make_folder: object, tmp_path: Path) -> None:
    with Project.open(tmp_path / "project") as project:
        assert review(project) is None
        draw_photo(1).save(tmp_path / "one.jpg")
        project.add_files([("one.jpg", tmp_path / "one.jpg")], "cat")
        assert review(project) is None
