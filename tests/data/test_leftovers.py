"""Files that nothing needs: of photos removed for good, and what a killed process left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from classifier.config import Limits
from classifier.data import leftovers, scratch
from classifier.data.project import Project
from classifier.errors import DataError
from classifier.messages.limits import LimitCode
from tests.helpers import draw_photo, encode

ROOT = Path(__file__).parents[2]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def photos(folder: Path, count: int, first: int = 0) -> list[tuple[str, Path]]:
    """Pictures of two classes, as an upload gives them."""
    folder.mkdir(exist_ok=True)
    found = []
    for number in range(first, first + count):
        path = folder / f"{number}.jpg"
        path.write_bytes(encode(draw_photo(number)))
        found.append((f"{('cat', 'dog')[number % 2]}/{number}.jpg", path))
    return found


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody holds is no longer recent."""
    monkeypatch.setattr(scratch, "RECENT", -1.0)


def test_a_removed_photo_is_deleted_when_no_undo_needs_it(tmp_path: Path) -> None:
    with Project.open(tmp_path / "project") as project:
        project.uploads.receive(photos(tmp_path / "input", 4))
        gone, *others = project.photos()
        project.remove([gone.id])
        for number in range(49):
            project.move([others[0].id], f"class {number}")
        assert project.photo_path(gone).exists()
        project.move([others[0].id], "last")
        for place in ("photos", "thumbs"):
            assert not any(name.startswith(gone.sha256) for name in names(project.folder / place))
        assert sum(name.endswith(".jpg") for name in names(project.folder / "photos")) == 3
        assert len(names(project.folder / "incoming") - {"upload.json"}) == 3
        for _ in range(60):
            project.undo()
        assert all(project.photo_path(photo).exists() for photo in project.photos())


def test_a_photo_that_is_also_in_another_class_keeps_its_file(tmp_path: Path) -> None:
    with Project.open(tmp_path / "project") as project:
        ((_, path), *_) = photos(tmp_path / "input", 1)
        project.add_files([("a.jpg", path)], "cat")
        project.add_files([("a.jpg", path)], "dog")
        cat, dog = project.photos()
        project.remove([cat.id])
        for number in range(60):
            project.move([dog.id], f"class {number}")
        assert project.photo_path(dog).exists()


def test_photos_of_a_folder_used_in_place_are_never_deleted(tmp_path: Path) -> None:
    for name, path in photos(tmp_path / "input", 4):
        target = tmp_path / "data" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    with Project.over(tmp_path / "data") as project:
        first, second, *_ = project.photos()
        project.remove([first.id])
        for number in range(60):
            project.move([second.id], f"class {number}")
    assert len(names(tmp_path / "data")) == 4


def test_another_reading_deletes_no_photo_that_it_adds_again(tmp_path: Path) -> None:
    with Project.open(tmp_path / "project") as project:
        project.uploads.receive(photos(tmp_path / "input", 4))
        project.uploads.take_label("all")
        assert project.classes() == {"all": 4}
        assert all(project.photo_path(photo).exists() for photo in project.photos())


def test_what_a_killed_upload_left_is_deleted_at_the_next_opening(old: None, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    with Project.open(folder) as project:
        project.uploads.receive(photos(tmp_path / "input", 2))
    before = {path.relative_to(folder) for path in folder.rglob("*")}
    (folder / "unpacking-abc/unpacked").mkdir(parents=True)
    (folder / "unpacking-abc/unpacked/secret.jpg").write_bytes(b"x")
    (folder / "photos/ab").mkdir()
    (folder / f"photos/ab/{'ab' * 32}.jpg").write_bytes(b"x")
    (folder / f"thumbs/{'ab' * 32}.jpg").write_bytes(b"x")
    (folder / f"thumbs/.{'c' * 32}.part").write_bytes(b"x")
    (folder / "incoming/00000000000000000001-abc/files").mkdir(parents=True)
    (folder / "incoming/00000000000000000001-abc/files/x").write_bytes(b"x")
    (folder / "features/tf_efficientnet_lite0 1.0.safetensors").write_bytes(b"x")
    (folder / "notes.txt").write_text("mine")
    with Project.open(folder) as project:
        leftovers.clean_up(folder, project.catalog)
        assert len(project.photos()) == 2
    after = {path.relative_to(folder) for path in folder.rglob("*")}
    assert after - before == {Path("photos/ab"), Path("notes.txt")}
    assert before <= after


@pytest.mark.slow
def test_what_a_living_process_unpacks_stays_and_goes_when_it_is_killed(old: None, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    with Project.open(folder):
        pass
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom classifier.data.scratch import scratch_folder\n"
        "with scratch_folder(Path(sys.argv[1])):\n    print('ready', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert not scratch.remove_abandoned(folder)
        assert len(list(folder.glob("unpacking-*"))) == 1
        process.kill()
    assert scratch.remove_abandoned(folder)
    assert not list(folder.glob("unpacking-*"))


def test_what_is_recent_stays(tmp_path: Path) -> None:
    with Project.open(tmp_path / "project") as project:
        (project.folder / "unpacking-abc").mkdir()
        leftovers.clean_up(project.folder, project.catalog)
        assert (project.folder / "unpacking-abc").exists()


def test_a_link_in_a_strangers_project_deletes_nothing_elsewhere(old: None, tmp_path: Path) -> None:
    name = f"{'ab' * 32}.jpg"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_bytes(b"x")
    with Project.open(tmp_path / "project") as project:
        (project.folder / "photos/ab").symlink_to(tmp_path / "mine")
        (project.folder / "unpacking-abc").symlink_to(tmp_path / "mine")
        leftovers.clean_up(project.folder, project.catalog)
    assert names(tmp_path / "mine") == {name}


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(classes=1), LimitCode.CLASSES),
        (Limits(project_photos=3), LimitCode.PROJECT_PHOTOS),
        (Limits(project_bytes=2000), LimitCode.PROJECT_BYTES),
    ],
)
def test_what_would_exceed_a_limit_of_the_project_is_not_added(limits: Limits, code: LimitCode, tmp_path: Path) -> None:
    with Project.open(tmp_path / "project") as project:
        project.add_files(photos(tmp_path / "input", 1), "cat")
        before = names(project.folder)
    with Project.open(tmp_path / "project", limits) as project:
        with pytest.raises(DataError) as raised:
            project.uploads.receive(photos(tmp_path / "input", 6, 10))
        assert raised.value.code is code
        assert len(project.photos()) == 1
        assert names(project.folder / "photos") <= before


def test_too_many_classes_are_refused_before_a_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "input").mkdir()
    files = []
    for number in range(30):
        os.mkfifo(tmp_path / f"input/{number}.jpg")
        files.append((f"class {number // 3}/{number}.jpg", tmp_path / f"input/{number}.jpg"))
    with Project.open(tmp_path / "project", Limits(classes=5)) as project:
        with pytest.raises(DataError, match="10 classes"):
            project.add_files(files)
        assert project.classes() == {}


def test_a_class_too_many_is_refused_when_photos_are_moved(tmp_path: Path) -> None:
    with Project.open(tmp_path / "project", Limits(classes=2)) as project:
        project.uploads.receive(photos(tmp_path / "input", 4))
        with pytest.raises(DataError, match="3 classes"):
            project.move([project.photos()[0].id], "third")
        project.move([project.photos()[0].id], "dog")


def test_an_upload_into_a_project_that_was_deleted_leaves_nothing(tmp_path: Path) -> None:
    with Project.open(tmp_path / "project") as project:
        for name in ("project.sqlite", "project.sqlite-wal", "project.sqlite-shm"):
            (project.folder / name).unlink(missing_ok=True)
        with pytest.raises(DataError, match="deleted"):
            project.add_files(photos(tmp_path / "input", 1), "cat")
    assert not (tmp_path / "project").exists()
