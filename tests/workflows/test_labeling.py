"""Which unlabeled photos to accept together and to ask about, and how they become training photos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classifier.data.answer_table import AnswerTable
from classifier.data.project import Project
from classifier.errors import DataError
from classifier.models.predictor import Predictor
from classifier.workflows import labeling
from classifier.workflows.predict_many import predict_many
from classifier.workflows.train import Finished


def probs_of(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32)


def test_the_photo_between_two_classes_is_asked_first() -> None:
    probs = probs_of((0.6, 0.3, 0.1), (0.4, 0.2, 0.4), (0.8, 0.1, 0.1))
    assert labeling.order(probs).tolist() == [1, 0, 2]


def test_near_duplicates_are_asked_once_and_come_last() -> None:
    probs = probs_of((0.5, 0.5), (0.51, 0.49), (0.6, 0.4), (0.7, 0.3))
    assert labeling.order(probs, np.array([0, 0, 1, 2])).tolist() == [0, 2, 3, 1]


def test_orders_hold_every_photo_once_whatever_the_probabilities() -> None:
    rng = np.random.default_rng(0)
    for classes in (1, 2, 7):
        probs = rng.dirichlet(np.ones(classes), 40).astype(np.float32)
        found = labeling.suggest(probs, rng.integers(0, 20, 40), rng.random(40) < 0.1)
        listed = [*found.questions, *(index for group in found.sure for index in group.photos)]
        assert sorted(listed) == list(range(40))


def test_sure_photos_are_grouped_by_class_and_the_rest_is_asked() -> None:
    probs = probs_of((0.95, 0.05), (0.97, 0.03), (0.05, 0.95), (0.6, 0.4), (0.99, 0.01))
    found = labeling.suggest(probs, unlike=np.array([False, False, False, False, True]))
    assert found.sure == (labeling.SureGroup(0, (1, 0)),)  # a single sure photo of the other class is no group
    assert found.questions == (3, 2, 4)


def test_a_group_has_as_many_photos_as_can_be_seen() -> None:
    (group,) = labeling.suggest(np.tile(probs_of((0.95, 0.05)), (100, 1))).sure
    assert len(group.photos) == labeling.GROUP


def test_pictures_that_look_the_same_are_asked_once() -> None:
    rng = np.random.default_rng(1)
    first, other = (Image.fromarray(rng.integers(0, 255, (6, 6, 3), np.uint8)).resize((96, 96)) for _ in range(2))
    same = first.resize((80, 80))
    alike = labeling.find_copies([first, other, same, None, None], np.array([0, 0, 0, 0, 0]))
    assert alike[0] == alike[2]
    assert len(set(alike.tolist())) == 4
    assert len(set(labeling.find_copies([first, same], np.array([0, 1])).tolist())) == 2


@dataclass(frozen=True)
class Unlabeled:
    """A project with some photos and a table of others."""

    project: Project
    table: AnswerTable

    def ids(self, count: int) -> list[int]:
        return labeling.open_photos(self.table).ids[:count]


@pytest.fixture
def unlabeled(trained: Finished, example_set: Path, tmp_path: Path) -> Iterator[Unlabeled]:
    photos = sorted(example_set.glob("*/*.jpg"))[::4]
    *_, answers = predict_many(Predictor(trained.folder), photos, tmp_path / "table")
    with answers.open() as table, Project.open(tmp_path / "project") as project:
        yield Unlabeled(project, table)


@pytest.mark.slow
def test_photos_become_training_photos_that_the_person_confirmed(unlabeled: Unlabeled) -> None:
    ids = unlabeled.ids(3)
    given = labeling.give_class(unlabeled.project, unlabeled.table, ids, " Key ")
    assert (given.added, given.moved, given.problems) == (3, 0, ())
    photos = unlabeled.project.photos()
    assert [(photo.label, photo.split, bool(photo.confirmed)) for photo in photos] == [("Key", "train", True)] * 3
    assert not set(ids) & set(unlabeled.ids(1000))
    assert labeling.give_class(unlabeled.project, unlabeled.table, ids, "Key").added == 0


@pytest.mark.slow
def test_what_was_given_can_be_taken_back_step_by_step(unlabeled: Unlabeled) -> None:
    project, table = unlabeled.project, unlabeled.table
    first, second, third = unlabeled.ids(3)
    labeling.give_class(project, table, [first, second], "key")
    labeling.give_class(project, table, [third], "leaf")
    labeling.give_class(project, table, [first], "leaf")  # moves it
    assert sorted(project.classes().items()) == [("key", 1), ("leaf", 2)]
    assert labeling.take_back(project, table) == 1
    assert sorted(project.classes().items()) == [("key", 2), ("leaf", 1)]
    assert (labeling.take_back(project, table), labeling.take_back(project, table)) == (1, 2)
    assert (project.classes(), unlabeled.ids(3)) == ({}, [first, second, third])
    assert not labeling.can_take_back(table)
    assert labeling.take_back(project, table) == 0


@pytest.mark.slow
def test_what_a_person_said_follows_the_project(unlabeled: Unlabeled) -> None:
    project, table = unlabeled.project, unlabeled.table
    first, second, third = unlabeled.ids(3)
    labeling.give_class(project, table, [first, second], "key")
    labeling.give_class(project, table, [third], "leaf")

    def said() -> list[str | None]:
        labeling.follow_project(project, table)
        return [row.given for row in table.rows() if row.id in (first, second, third)]

    project.remove([photo.id for photo in project.photos("key")])
    assert said() == [None, None, "leaf"]
    project.undo()
    project.move([photo.id for photo in project.photos("leaf")], "mug")
    assert said() == ["key", "key", "mug"]
    project.undo()
    assert labeling.take_back(project, table) == 1
    assert said() == ["key", "key", None]


@pytest.mark.slow
def test_photos_taken_out_are_asked_first_and_those_of_no_class_never(unlabeled: Unlabeled) -> None:
    project, table = unlabeled.project, unlabeled.table
    first, second, *_ = unlabeled.ids(2)
    labeling.take_out(table, [second])
    labeling.set_aside(table, first)
    found = labeling.to_label(table)
    assert found.questions[0].id == second
    assert second not in {row.id for _, rows in found.sure for row in rows}
    assert first not in unlabeled.ids(1000)
    assert labeling.take_back(project, table) == 1
    assert first in unlabeled.ids(1000)


@pytest.mark.slow
def test_photos_that_are_gone_are_refused_and_leave_no_trace(unlabeled: Unlabeled) -> None:
    with pytest.raises(DataError, match="reload the page"):
        labeling.give_class(unlabeled.project, unlabeled.table, [10**6, -1], "key")
    with pytest.raises(DataError):
        labeling.give_class(unlabeled.project, unlabeled.table, unlabeled.ids(1), "  ")
    assert not unlabeled.project.photos()
    assert not labeling.can_take_back(unlabeled.table)


@pytest.mark.slow
def test_a_table_says_what_to_accept_and_what_to_ask(unlabeled: Unlabeled) -> None:
    found = labeling.to_label(unlabeled.table, most=3)
    photos = labeling.open_photos(unlabeled.table)
    assert found.photos == len(photos.ids) > 5
    probs = unlabeled.table.probs(photos.ids)
    given = np.stack([probs[id] for id in photos.ids])
    two = np.sort(given, 1)[:, -2:]
    assert photos.y_pred.tolist() == given.argmax(1).tolist()
    assert photos.confidence == pytest.approx(two[:, 1], abs=1e-6)
    assert photos.margins == pytest.approx(two[:, 1] - two[:, 0], abs=1e-6)
    assert {label for label, _ in found.sure} <= set(unlabeled.table.labels)
    accepted = {row.id for _, group in found.sure for row in group}
    assert all(row.label == label and not row.unlike for label, group in found.sure for row in group)
    assert len(found.questions) <= 3
    assert not accepted & {row.id for row in found.questions}
