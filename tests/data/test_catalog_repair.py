"""A list of photos that was damaged is kept aside and made again."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from time import sleep

import pytest

from classifier.data.project import Project
from classifier.data.schema import FILE_NAME
from classifier.errors import DataError
from tests.helpers import draw_photo, encode


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of six photos, of which a training has noted four; one was moved since."""
    folder = tmp_path_factory.mktemp("sound")
    for number in range(6):
        place = folder / "photos" / "cat" if number % 2 else folder / "photos" / "dog"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.jpg").write_bytes(encode(draw_photo(number)))
    with Project.open(folder / "project") as project:
        project.add(folder / "photos")
        noted = [{"sha256": one.sha256, "label": one.label, "split": one.split} for one in project.photos()[:4]]
        project.catalog.runs.record("run", "quick", {}, [], 1.0, title="my first")
        project.move([project.photos()[0].id], "owl")
        model = project.models / "run"
        model.mkdir()
        (model / "training.json").write_text(json.dumps({"photos": noted}))
    return folder / "project"


def labels(project: Project) -> dict[str, tuple[str, str]]:
    return {photo.sha256: (photo.label, photo.split) for photo in project.photos()}


def damaged(sound: Path, tmp_path: Path, damage: Callable[[Path], object]) -> Path:
    folder = Path(shutil.copytree(sound, tmp_path / "project"))
    damage(folder / FILE_NAME)
    return folder


def flip(place: int) -> Callable[[Path], object]:
    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[place] ^= 0x10
        path.write_bytes(content)

    return damage


@pytest.mark.parametrize("page", range(12))
def test_a_flipped_bit_in_any_page_loses_no_photo(page: int, sound: Path, tmp_path: Path) -> None:
    folder = damaged(sound, tmp_path, flip(4096 * page + (20 if page == 0 else 0)))
    content = (folder / FILE_NAME).read_bytes()
    with Project.open(sound) as project:
        before = labels(project)
    with Project.open(folder) as project:
        assert labels(project).keys() == before.keys()
        lost = {sha for sha, known in labels(project).items() if known != before[sha]}
        assert bool(lost) <= bool(project.what_was_lost())
        project.catalog.check()
        project.move([project.photos()[0].id], "hen")
        assert project.what_was_lost() == []
    aside = list(folder.glob("damaged-*.sqlite"))
    assert [path.read_bytes() for path in aside] in ([], [content])  # a bit that says nothing is none


def test_what_the_list_no_longer_tells_comes_from_the_training(sound: Path, tmp_path: Path) -> None:
    with Project.open(sound) as project:
        moved, before = project.photos(label="owl")[0].sha256, labels(project)
    folder = damaged(sound, tmp_path, lambda path: os.truncate(path, 100))
    with Project.open(folder) as project:
        assert project.first_opening
        after = labels(project)
        told = " ".join(map(str, project.what_was_lost()))
    assert after.pop(moved) == ("cat", "train")  # the correction is lost
    unsorted = {sha: known for sha, known in after.items() if known == ("class lost", "held_out")}
    assert len(unsorted) == 2
    assert all(before[sha] == known for sha, known in after.items() if sha not in unsorted)
    assert "0 photos are as before" in told
    assert "4 photos have the class that the last training noted" in told
    assert "2 photos have lost the class" in told


def test_titles_of_trainings_are_kept_where_they_can_be_read(sound: Path, tmp_path: Path) -> None:
    folder = damaged(sound, tmp_path, lambda path: path.with_name(f"{FILE_NAME}-wal").write_bytes(b"\xa5" * 9000))
    with Project.open(folder) as project:
        assert project.titles() == {"run": "my first"}


def test_damage_that_is_met_later_is_repaired_at_the_next_opening(sound: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(sound, tmp_path / "project"))
    with Project.open(folder) as project:
        before = labels(project)
    with Project.open(folder) as project:
        content = bytearray((folder / FILE_NAME).read_bytes())
        content[4096:8192] = bytes(4096)
        (folder / FILE_NAME).write_bytes(content)
        with pytest.raises(DataError, match="damaged"):
            project.photos()
    with Project.open(folder) as project:
        assert labels(project).keys() == before.keys()


def test_a_project_that_waits_for_its_list_keeps_no_other_from_opening(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    with closing(sqlite3.connect(one / FILE_NAME, isolation_level=None)) as writer, ThreadPoolExecutor(1) as pool:
        writer.execute("BEGIN EXCLUSIVE")
        waiting = pool.submit(lambda: Project.open(one).close())
        sleep(0.05)
        Project.open(other).close()
        assert not waiting.done()
        writer.rollback()
        waiting.result()


@pytest.mark.parametrize("damage", [Path.exists, os.mkfifo], ids=["gone", "a pipe"])
def test_what_is_no_file_is_made_again(damage: Callable[[Path], object], sound: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(sound, tmp_path / "project"))
    (folder / FILE_NAME).unlink()
    damage(folder / FILE_NAME)
    with Project.open(folder) as project:
        assert len(project.photos()) == 6
