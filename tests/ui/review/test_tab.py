"""The Review tab's handlers: lists, answers, training again, and whatever a browser may claim."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import gradio as gr
import pytest

from classifier import Project, TrainConfig, train
from classifier.data.schema import FILE_NAME
from classifier.errors import DataError
from classifier.ui import undo
from classifier.ui.review import tab as review_tab
from classifier.ui.review.lists import PhotoCheck
from classifier.ui.sessions import Home, ensure_token
from classifier.ui.train import retraining
from tests.helpers import NASTY
from tests.ui.jobs import Steps, progress, wait
from tests.ui.train.values import setting_values


@dataclass(frozen=True)
class Visitor:
    """A home with one visitor whose photos are trained; two apples lie among the mugs."""

    home: Home
    token: str

    def ids(self, which: str | None, found: PhotoCheck | None = None) -> list[int]:
        view = review_tab.show(self.home, self.token, which, found=found)
        return [int(id) for id in re.findall(r'data-id="(\d+)"', view.photos)]

    def groups(self, found: PhotoCheck) -> list[tuple[list[int], str]]:
        """The ids of each group with the line above it."""
        photos = review_tab.show(self.home, self.token, "groups", found=found).photos
        sections = re.findall(r'data-ids="([\d ]+)">.*?<b>(.*?)</b>', photos)
        return [([int(id) for id in ids.split()], title) for ids, title in sections]

    def answer(self, **data: object) -> str:
        return review_tab.answer(self.home, self.token, gr.EventData(None, data))

    def label(self, id: int) -> str:
        with self.home.open(self.token) as project:
            return project.catalog.asset(id).label


@pytest.fixture(scope="module")
def trained_project(tmp_path_factory: pytest.TempPathFactory, example_set: Path, features: Path) -> Path:
    folder = tmp_path_factory.mktemp("review")
    shutil.copytree(example_set, folder / "photos")
    for name in ("apple 01.jpg", "apple 02.jpg"):
        shutil.move(folder / "photos" / "apple" / name, folder / "photos" / "mug" / name)
    with Project.open(folder / "project") as project:
        project.add(folder / "photos")
        project.features = features
        list(train(project, TrainConfig(resize_modes=("whole",))))
    return folder / "project"


@pytest.fixture
def visitor(trained_project: Path, tmp_path: Path) -> Visitor:
    home, token = Home(tmp_path / "home", tmp_path / "none"), ensure_token(None)
    shutil.copytree(trained_project, home.folder(token))
    return Visitor(home, token)


def retrain(visitor: Visitor) -> retraining.Retraining:
    """Press “Train again”, wait until the training has ended, and update the page as its timer does."""
    view = retraining.train_again(review_tab.what_changed, visitor.home, visitor.token, setting_values())
    assert view.timer.active
    job = visitor.home.jobs.get(visitor.home.folder(visitor.token))
    assert job is not None
    assert job.wait(120)
    return retraining.follow(review_tab.what_changed, visitor.home, visitor.token, view.version, "")


def test_before_a_training_the_tab_explains_itself(tmp_path: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    for _ in range(2):
        view = review_tab.show(home, token)
        assert (view.nothing["visible"], view.filled["visible"]) == (True, False)
        assert review_tab.check_photos(home, token) == PhotoCheck()
        home.open(token).close()


@pytest.mark.slow
def test_label_issues_have_a_suggestion_and_are_gone_once_answered(visitor: Visitor) -> None:
    first, second, *_ = visitor.ids(None)
    view = review_tab.show(visitor.home, visitor.token)
    assert "In <b>mug</b>, looks like <b>apple</b>" in view.photos
    assert "Nothing changed since the last training." in view.state
    assert "Moved 1 photo from “mug” to “apple”" in visitor.answer(id=first, action="move", label="apple")
    assert visitor.label(first) == "apple"
    visitor.answer(id=second, action="confirm", label="")
    assert not {first, second} & set(visitor.ids("label_issues"))
    assert second in visitor.ids("mistakes")
    view = review_tab.show(visitor.home, visitor.token)
    assert "1 photo changed class" in view.state
    assert view.train["variant"] == "primary"
    undo.undo(visitor.home, visitor.token)
    undo.undo(visitor.home, visitor.token)
    assert {first, second} <= set(visitor.ids("label_issues"))


def test_a_cell_opens_its_photos_and_a_class_its_mistakes(visitor: Visitor) -> None:
    matrix = review_tab.show(visitor.home, visitor.token).matrix
    cells = re.findall(r'data-label="(\d)" data-predicted="(\d)"[^>]*>(\d+)<', matrix)
    assert sum(int(count) for *_, count in cells) == 32
    for true, predicted, count in cells:
        which, shown = review_tab.open_cell(gr.EventData(None, {"label": int(true), "predicted": int(predicted)}))
        assert len(visitor.ids(which)) == int(count) <= shown
    which, _ = review_tab.open_cell(gr.EventData(None, {"label": 3, "predicted": -1}))
    wrong = sum(int(count) for true, predicted, count in cells if true == "3" != predicted)
    assert len(visitor.ids(which)) == wrong >= 2


def test_a_photo_in_two_classes_is_settled_by_one_answer(visitor: Visitor, example_set: Path) -> None:
    photo = example_set / "key" / "key 01.jpg"
    with visitor.home.open(visitor.token) as project:
        project.add_files([("leaf/again.jpg", photo)])
    both = visitor.ids("conflicts")
    assert [visitor.label(id) for id in both] == ["key", "leaf"]
    visitor.answer(id=both[0], action="confirm")
    assert visitor.ids("conflicts") == []
    assert visitor.label(both[0]) == "key"


@pytest.mark.slow
def test_poor_photos_and_look_alikes_are_listed(visitor: Visitor, example_set: Path) -> None:
    from PIL import Image

    with Image.open(example_set / "key" / "key 03.jpg") as picture:
        picture.resize((picture.width // 2, picture.height // 2)).save(visitor.home.root / "copy.jpg")
        Image.new("RGB", picture.size, (2, 2, 2)).save(visitor.home.root / "black.png")
    with visitor.home.open(visitor.token) as project:
        project.add_files([("copy.jpg", visitor.home.root / "copy.jpg")], "key")
        project.add_files([("black.png", visitor.home.root / "black.png")], "leaf")
    found = review_tab.check_photos(visitor.home, visitor.token)
    (poor,) = visitor.ids("quality", found)
    assert visitor.label(poor) == "leaf"
    ((together, title),) = visitor.groups(found)
    assert [visitor.label(id) for id in together] == ["key", "key"]
    assert title == "2 photos: they look like one thing"
    (advice,) = found.more_photos
    assert "4 classes have too few photos" in str(advice)
    assert "add up to 14 of each" in str(advice)
    visitor.answer(id=poor, action="remove")
    assert visitor.ids("quality", found) == []


def change(visitor: Visitor, statement: str) -> None:
    """Change the visitor's catalog as somebody else might."""
    with closing(sqlite3.connect(visitor.home.folder(visitor.token) / FILE_NAME)) as db, db:
        db.execute(statement)


def test_a_report_that_cannot_be_read_is_as_if_there_were_no_training(visitor: Visitor) -> None:
    change(visitor, "UPDATE runs SET report = '{}'")
    assert review_tab.show(visitor.home, visitor.token).nothing["visible"] is True
    assert review_tab.check_photos(visitor.home, visitor.token) == PhotoCheck()


def test_a_damaged_list_of_photos_is_not_called_a_lack_of_training(visitor: Visitor) -> None:
    change(visitor, "UPDATE run_assets SET label = x'00'")
    with pytest.raises(DataError):
        review_tab.show(visitor.home, visitor.token)


def test_test_photos_alone_are_not_checked(visitor: Visitor) -> None:
    change(visitor, "UPDATE assets SET split = 'test'")
    assert review_tab.check_photos(visitor.home, visitor.token) == PhotoCheck()


@pytest.mark.slow
def test_photos_are_checked_again_only_where_something_changed(visitor: Visitor) -> None:
    def seen() -> int:
        return review_tab.show(visitor.home, visitor.token).seen

    found = review_tab.check_photos(visitor.home, visitor.token, PhotoCheck(), seen())
    assert found.evidence.ids
    assert hash(found) == hash(replace(found)) != hash(PhotoCheck())
    assert review_tab.check_photos(visitor.home, visitor.token, found, seen()) == gr.skip()
    visitor.answer(id=visitor.ids(None)[0], action="move", label="apple")
    assert review_tab.check_photos(visitor.home, visitor.token, found, seen()).checked != found.checked


@pytest.mark.slow
def test_photos_are_joined_and_parted_until_it_is_undone(visitor: Visitor) -> None:
    found = review_tab.check_photos(visitor.home, visitor.token)
    assert visitor.groups(found) == []
    first, second, third = sorted(found.evidence.ids)[:3]
    assert "2 photos belong together" in visitor.answer(action="join", ids=[first, second])
    assert visitor.groups(found) == [([first, second], "2 photos: you said so")]
    view = review_tab.show(visitor.home, visitor.token, "groups", found=found)
    assert "Since the last training you changed which photos belong together." in view.state
    assert view.train["variant"] == "primary"
    assert "30 photos in no group" in view.photos
    visitor.answer(action="join", ids=[first, second, third, third, -5])
    assert [ids for ids, _ in visitor.groups(found)] == [[first, second, third]]
    visitor.answer(action="part", ids=[third])
    assert [ids for ids, _ in visitor.groups(found)] == [[first, second]]
    assert "Took back taking 1 photo apart" in undo.undo(visitor.home, visitor.token)
    for _ in range(2):
        undo.undo(visitor.home, visitor.token)
    assert visitor.groups(found) == []
    assert "Nothing changed" in review_tab.show(visitor.home, visitor.token, "groups", found=found).state


@pytest.mark.parametrize("ids", [None, "1", [], [1.5, True, "2"], [10**30], {"1": 2}])
def test_claimed_groups_that_are_none_change_nothing(visitor: Visitor, ids: object) -> None:
    for action in ("join", "part"):
        with pytest.raises(DataError):
            visitor.answer(action=action, ids=ids)
    with visitor.home.open(visitor.token) as project:
        assert not any(photo.own_group for photo in project.photos())


@pytest.mark.slow
def test_training_again_shows_what_the_corrections_changed(visitor: Visitor) -> None:
    with visitor.home.open(visitor.token) as project:
        apples = [photo.id for photo in project.photos("mug") if "apple" in photo.source]
        project.move(apples, "apple")
    view = retrain(visitor)
    changed = view.brought
    assert not view.timer.active
    assert "-quick" in view.finished  # a second run of the same second has a number behind
    assert re.search(r"Trained in \d+\.\d seconds: \d+ % right before, \d+ % now", changed)
    assert "2 photos changed class" in changed
    shown = review_tab.show(visitor.home, visitor.token)
    assert "Nothing changed since the last training." in shown.state


def test_following_a_training_never_waits_for_it(visitor: Visitor) -> None:
    work = Steps(progress(1))
    job = visitor.home.jobs.start(visitor.home.folder(visitor.token), work, graceful=False)
    view = retraining.train_again(
        review_tab.what_changed, visitor.home, visitor.token, setting_values()
    )  # the same training
    assert view.timer.active
    again = retraining.follow(review_tab.what_changed, visitor.home, visitor.token, job.state.version, "")
    assert again.progress == gr.skip()
    job.stop()
    work.allowed.release()
    wait(job)
    assert not retraining.follow(review_tab.what_changed, visitor.home, visitor.token, view.version, "").timer.active
    stranger = retraining.follow(review_tab.what_changed, visitor.home, ensure_token(None), 0, "")
    assert (stranger.progress, stranger.brought, stranger.timer.active) == ("", "", False)


def test_training_again_shows_why_it_failed(visitor: Visitor) -> None:
    with visitor.home.open(visitor.token) as project:
        for label in ("apple", "key", "leaf"):
            project.remove_class(label)
    view = retrain(visitor)
    assert "only one class" in view.brought
    assert view.progress == ""


@pytest.mark.parametrize("id", [None, "1", True, -1, 10**30, [1], 1.5])
def test_a_claimed_photo_that_is_none_changes_nothing(visitor: Visitor, id: object) -> None:
    before = visitor.ids(None)
    with pytest.raises(DataError):
        visitor.answer(id=id, action="remove")
    assert visitor.ids(None) == before


def test_a_claimed_answer_or_list_that_is_none_changes_nothing(visitor: Visitor) -> None:
    first, *others = visitor.ids(None)
    for data in ({"action": "explode"}, {"action": "move", "label": "  "}, {}):
        with pytest.raises(DataError):
            visitor.answer(id=first, **data)
    for which in ("cell:9:0", "cell:0:99", "cell:-3:0", f"cell:{'9' * 500}:1", "cell:a:b", NASTY, "cell:0"):
        assert visitor.ids(which) == [first, *others]
    for data in (None, [], {"label": NASTY, "predicted": None}):
        which, _ = review_tab.open_cell(gr.EventData(None, data))
        assert visitor.ids(which) == [first, *others]


@pytest.mark.slow
def test_names_are_shown_as_text(visitor: Visitor) -> None:
    with visitor.home.open(visitor.token) as project:
        project.rename_class("mug", NASTY)
    retrain(visitor)
    for which in (None, "mistakes", "cell:0:0", "cell:1:-1"):
        view = review_tab.show(visitor.home, visitor.token, which)
        assert "<script" not in "".join(part for part in view if isinstance(part, str))


def test_a_stranger_sees_and_changes_nothing(visitor: Visitor) -> None:
    stranger = Visitor(visitor.home, ensure_token(None))
    (first, *_), mine = visitor.ids(None), visitor.ids("mistakes")
    assert stranger.ids("mistakes") == []
    with pytest.raises(DataError):
        stranger.answer(id=first, action="remove")
    assert visitor.ids("mistakes") == mine
