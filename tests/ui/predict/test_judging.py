"""The panel that judges a finished model on labeled photos: score, mistakes, questions, and what stays on the disk."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import pytest

from classifier import Finished
from classifier.data.example import draw_example
from classifier.errors import DataError, ModelError
from classifier.ui.predict import judging
from classifier.ui.predict.judging import View, Waiting
from classifier.ui.sessions import Home, ensure_token
from tests.helpers import NASTY


@dataclass(frozen=True)
class Page:
    """A page that offers one model, and a visitor without photos who judges it."""

    home: Home
    uploads: Path

    def judge(self, folder: Path, waiting: Waiting | None = None, model: str = "shared", label: str = "") -> View:
        files = []
        for number, path in enumerate(sorted(folder.rglob("*.*"))):
            place = self.uploads / f"{number:064x}"
            place.mkdir()
            name = path.relative_to(folder.parent).as_posix()
            files.append({"path": str(shutil.copy(path, place / f"{number}{path.suffix}")), "name": name})
        event = gr.EventData(None, {"files": files, "label": label})
        return judging.judge(self.home, ensure_token(None), model, waiting or Waiting(), event)

    def answer(self, waiting: Waiting, **data: object) -> View:
        return judging.answer(self.home, ensure_token(None), "shared", waiting, gr.EventData(None, data))

    def leftovers(self) -> list[Path]:
        return list(self.uploads.iterdir())


@pytest.fixture
def page(trained: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Page:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()
    shutil.copytree(trained.folder, tmp_path / "checkpoints" / "shared")
    return Page(Home(tmp_path / "home", tmp_path / "checkpoints"), tmp_path / "uploads")


@pytest.mark.slow
def test_new_photos_give_a_score_and_mistakes_and_are_deleted(page: Page, tmp_path: Path) -> None:
    draw_example(tmp_path / "new", per_class=4, seed=7)
    (tmp_path / "new/key/key 01.jpg").rename(tmp_path / "new/mug/other.jpg")
    (tmp_path / "new/mug/broken.jpg").write_bytes(b"no photo")
    view = page.judge(tmp_path / "new")
    assert "right</p>" in view.answer
    assert "Judged on the photos that you dropped." in view.answer
    assert "In <b>mug</b>, looks like <b>key</b>" in view.answer
    assert "mug/broken.jpg" in view.answer
    assert view.waiting == Waiting()
    assert page.leftovers() == []


@pytest.mark.slow
def test_training_photos_are_told_apart_from_new_ones(page: Page, example_set: Path, tmp_path: Path) -> None:
    draw_example(tmp_path / "new", per_class=3, seed=7)
    shutil.copy(example_set / "key" / "key 01.jpg", tmp_path / "new" / "key" / "seen.jpg")
    assert re.search(r"\d of the 13 test photos looks? like", page.judge(tmp_path / "new").answer)
    shutil.rmtree(tmp_path / "new")
    shutil.copytree(example_set, tmp_path / "new")
    answer = page.judge(tmp_path / "new").answer
    assert "look like" in answer
    assert "pc-score" not in answer


@pytest.mark.slow
def test_photos_without_labels_wait_for_the_class(page: Page, tmp_path: Path) -> None:
    draw_example(tmp_path / "drawn", per_class=3, seed=7)
    (tmp_path / "drawn" / "key").rename(tmp_path / "IMG")
    for number, path in enumerate(sorted((tmp_path / "IMG").iterdir())):
        path.rename(path.with_name(f"IMG_{number}.jpg"))
    view = page.judge(tmp_path / "IMG")
    assert 'data-do="one-class"' in view.answer
    assert "Which class" in view.answer
    assert [path.name[:3] for path in page.leftovers()] == ["tmp"]
    for data in ({"do": "one-class", "text": " "}, {"do": "take", "option": NASTY}, {"do": None}):
        with pytest.raises(DataError):
            page.answer(view.waiting, **data)
    view = page.judge(tmp_path / "IMG", view.waiting)
    assert len(page.leftovers()) == 1
    assert "All 3 photos right" in page.answer(view.waiting, do="one-class", text="key").answer
    assert page.leftovers() == []
    with pytest.raises(DataError):
        page.answer(view.waiting, do="one-class", text="key")


@pytest.mark.slow
def test_a_table_may_come_after_the_photos(page: Page, tmp_path: Path) -> None:
    draw_example(tmp_path / "drawn", per_class=2, seed=7)
    (tmp_path / "IMG").mkdir()
    (tmp_path / "table").mkdir()
    rows = ["file,label"]
    for number, path in enumerate(sorted((tmp_path / "drawn").rglob("*.jpg"))):
        rows.append(f"IMG_{number}.jpg,{path.parent.name}")
        path.rename(tmp_path / "IMG" / f"IMG_{number}.jpg")
    (tmp_path / "table" / "labels.csv").write_text("\n".join(rows))
    waiting = page.judge(tmp_path / "IMG").waiting
    view = page.judge(tmp_path / "table", waiting)
    options = re.findall(r'data-do="take" data-option="([^"]*labels.csv[^"]*)"', view.answer)
    assert re.search(r"All \d photos right", page.answer(view.waiting, do="take", option=options[0]).answer)
    assert page.leftovers() == []


@pytest.mark.slow
def test_photos_of_other_classes_are_listed_with_the_reason(page: Page, tmp_path: Path) -> None:
    draw_example(tmp_path / "drawn", per_class=2, seed=7)
    shutil.rmtree(tmp_path / "drawn" / "leaf")
    for label in ("apple", "key", "mug"):
        (tmp_path / "drawn" / label).rename(tmp_path / "drawn" / f"{label}2")
    answer = page.judge(tmp_path / "drawn").answer
    assert "None of the test folders has the name of a class" in answer
    assert "there is no class “key2”" in answer
    assert page.leftovers() == []


def test_without_a_model_or_photos_nothing_stays(page: Page, tmp_path: Path) -> None:
    draw_example(tmp_path / "drawn", per_class=1, seed=7)
    with pytest.raises(ModelError):
        page.judge(tmp_path / "drawn", model="../shared")
    assert page.leftovers() == []
    event = gr.EventData(None, {"files": "all"})
    with pytest.raises(DataError):
        judging.judge(page.home, ensure_token(None), "shared", Waiting(), event)
    with pytest.raises(DataError):
        page.answer(Waiting(), do="cancel")


def test_photos_that_wait_can_be_forgotten(page: Page, tmp_path: Path) -> None:
    draw_example(tmp_path / "drawn", per_class=1, seed=7)
    (tmp_path / "IMG").mkdir()
    for number, path in enumerate(sorted((tmp_path / "drawn").rglob("*.jpg"))):
        path.rename(tmp_path / "IMG" / f"IMG_{number}.jpg")
    view = page.judge(tmp_path / "IMG")
    assert view.waiting.folder is not None
    assert page.answer(view.waiting, do="cancel").waiting == Waiting()
    assert page.leftovers() == []
