"""A project saved in one file: opened as it was, and refused or in part left out where the file is not as it was."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from classifier.config import LIMITS, Limits
from classifier.data.example import draw_example
from classifier.data.project import Project
from classifier.data.project_file import write_project
from classifier.data.project_mark import is_project_file
from classifier.data.project_opening import OpenedProject, read_project
from classifier.data.run_history import RunAsset
from classifier.errors import ClassifierError, DataError
from classifier.messages.data import CatalogCode
from classifier.messages.project_files import NotOpenedCode, ProjectFileCode
from tests.helpers import draw_photo

FILES = ("config.json", "report.json")
Change = Callable[[dict[str, Any]], object]


def accept(folder: Path) -> None:
    assert (folder / "config.json").is_file()


def open_file(file: Path, folder: Path, limits: Limits = LIMITS) -> OpenedProject:
    return read_project(file, folder, FILES, accept, limits)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, Path]]:
    """A project with edits, a run and a model, and the file that it was saved in; not to be changed."""
    folder = tmp_path_factory.mktemp("saved")
    draw_example(folder / "example", per_class=2)
    with zipfile.ZipFile(folder / "photos.zip", "w") as packed:
        for path in sorted((folder / "example").glob("*/*")):
            packed.write(path, path.relative_to(folder / "example"))
    (folder / "example/leaf/leaf 01.jpg").write_text("no picture")
    with Project.open(folder / "project") as project:
        project.add(folder / "photos.zip")
        project.add(folder / "example", only_new=True)
        ids = [photo.id for photo in project.photos()]
        answers = [RunAsset(photo.sha256, photo.label, "train", "key", 0.75, 0.5) for photo in project.photos()]
        project.catalog.runs.record(
            "2025-01-02-030405-quick", "quick", {"labels": ["key"]}, answers, 5.0, {"epochs": []}
        )
        project.rename_run("2025-01-02-030405-quick", "First")
        project.move(ids[:1], "mug")
        project.set_split(ids[1:2], "test")
        project.join(ids[2:4])
        project.confirm(ids[4:5])
        project.remove(ids[5:6])
        project.choose_groups("names")
        model = project.models / "2025-01-02-030405-quick"
        model.mkdir()
        for name in FILES:
            (model / name).write_text(f'"{name}"')
        (model / "other.txt").write_text("not a file of a model")
        write_project(project, folder / "project.zip", FILES)
        yield project, folder / "project.zip"


def changed(file: Path, target: Path, edit: Callable[[dict[str, bytes]], object]) -> Path:
    """Write a project file with other members."""
    with zipfile.ZipFile(file) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    edit(members)
    with zipfile.ZipFile(target, "w") as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return target


def record(change: Change) -> Callable[[dict[str, bytes]], object]:
    """Return a change of ``project.json``."""

    def edit(members: dict[str, bytes]) -> None:
        data = json.loads(members["project.json"])
        change(data)
        members["project.json"] = json.dumps(data).encode()

    return edit


@pytest.mark.slow
def test_a_project_is_opened_as_it_was_saved(saved: tuple[Project, Path], tmp_path: Path) -> None:
    before, file = saved
    opened = open_file(file, tmp_path / "new")
    assert opened == OpenedProject(7, 1, True)
    with Project.open(tmp_path / "new") as project:
        assert project.photos() == before.photos()
        assert {photo.archive for photo in project.photos()} == {"photos.zip"}
        assert project.catalog.edits.all() == before.catalog.edits.all()
        assert project.left_out() == before.left_out()
        assert project.groups_from() == "names"
        assert project.titles() == {"2025-01-02-030405-quick": "First"}
        (run,), (old,) = project.catalog.runs.newest(), before.catalog.runs.newest()
        assert run == old
        assert project.catalog.runs.assets(run.id) == before.catalog.runs.assets(old.id)
        for photo in project.photos():
            assert project.photo_path(photo).read_bytes() == before.photo_path(photo).read_bytes()
            assert project.thumbnail(photo).is_file()
        (model,) = project.model_folders()
        assert sorted(path.name for path in model.iterdir()) == sorted(FILES)
        project.undo()  # the photo that was removed comes back, with its file
        assert len(project.photos()) == 8
        assert all(project.photo_path(photo).is_file() for photo in project.photos())
        write_project(project, tmp_path / "again.zip", FILES)
    assert open_file(tmp_path / "again.zip", tmp_path / "again").photos == 8
    assert not list(tmp_path.glob(".*"))


def test_a_project_is_saved_without_its_photos(saved: tuple[Project, Path], tmp_path: Path) -> None:
    before, _ = saved
    write_project(before, tmp_path / "small.zip", FILES, with_photos=False)
    with zipfile.ZipFile(tmp_path / "small.zip") as packed:
        assert not [name for name in packed.namelist() if name.startswith("photos/")]
        assert len(json.loads(packed.read("project.json"))["photos"]) == 7
    assert open_file(tmp_path / "small.zip", tmp_path / "new") == OpenedProject(0, 1, False)
    with Project.open(tmp_path / "new") as project:
        assert len(project.catalog.runs.assets(project.catalog.runs.newest()[0].id)) == 8


def test_photos_that_lie_elsewhere_are_not_saved(tmp_path: Path) -> None:
    draw_example(tmp_path / "example", per_class=1)
    with Project.over(tmp_path / "example") as project, pytest.raises(DataError, match="no project"):
        write_project(project, tmp_path / "file.zip", FILES)
    assert not (tmp_path / "file.zip").exists()


def _photo(data: dict[str, Any]) -> dict[str, Any]:
    return data["photos"][0]  # type: ignore[no-any-return]


def _set(**values: Any) -> Change:
    return lambda data: _photo(data).update(values)


HOSTILE: dict[str, Callable[[dict[str, bytes]], object]] = {
    "a file outside": lambda members: members.update({"../../escaped.txt": b"x"}),
    "an absolute name": lambda members: members.update({"/tmp/escaped.txt": b"x"}),
    "a photo under another name": lambda members: members.update({"photos/ab/../../escaped.jpg": b"x"}),
    "a model outside": lambda members: members.update({"models/../../escaped": b"x"}),
    "a model called ..": lambda members: members.update({"models/../config.json": b"x"}),
    "a file that no model has": lambda members: members.update({"models/a/run.py": b"x"}),
    "a database": lambda members: members.update({"project.sqlite": b"x"}),
    "no project.json": lambda members: members.pop("project.json"),
    "a text as project.json": lambda members: members.update({"project.json": b"hello"}),
    "a list as project.json": lambda members: members.update({"project.json": b"[]"}),
    "a deep project.json": lambda members: members.update({"project.json": b"[" * 100_000}),
    "a project.json of another program": lambda members: members.update({"project.json": b'{"format": "x"}'}),
    "a project.json with a number that is none": lambda members: members.update(
        {"project.json": members["project.json"].replace(b'"version": 2', b'"version": 2, "x": NaN')}
    ),
    "many values": lambda members: members.update({"project.json": b"[" + b"[]," * 12_000_000 + b"[]]"}),
    "a later version": record(lambda data: data.update(version=99)),
    "no photos": record(lambda data: data.pop("photos")),
    "photos that are none": record(lambda data: data.update(photos=[1, "x", None])),
    "a class of nothing": record(_set(label="\u200b ")),
    "a class of no text": record(_set(label=5)),
    "a split that is none": record(_set(split="mine")),
    "the path of another photo": record(_set(path=f"photos/00/{'0' * 64}.jpg")),
    "a path outside": record(_set(path="../../etc/passwd")),
    "a hash that leads elsewhere": record(_set(sha256="../../x")),
    "an id that is none": record(_set(id=-1)),
    "an id of a photo before": record(lambda data: _photo(data).update(id=data["photos"][1]["id"])),
    "a photo twice": record(lambda data: data["photos"].append({**_photo(data), "id": 999})),
    "a size beyond the limit": record(_set(size=10**15)),
    "a width of text": record(_set(width="wide")),
    "a time that is none": record(_set(taken="yesterday")),
    "a time in a zone": record(_set(taken="2025-01-02T03:04:05+00:00")),
    "a group that is no number": record(_set(own_group="1; DROP TABLE assets")),
    "a mark that is none": record(_set(confirmed="yes")),
    "a name of half a letter": record(_set(source="\ud800")),
    "an edit of nothing": record(lambda data: data["edits"][0].update(before=[], added=[])),
    "an edit that added a text": record(lambda data: data["edits"][0].update(added=["1"])),
    "an edit with a path outside": record(lambda data: data["edits"][1]["before"][0].update(path="../x")),
    "a message of a list": record(lambda data: data["edits"][0].update(message=[])),
    "a choice of another name": record(lambda data: data["choices"].update({"../x": "y"})),
    "a model with a name outside": record(lambda data: data["models"].update({"../x": {}})),
    "a model with a file outside": record(lambda data: data["models"].update({"x": {"../y": "0" * 64}})),
    "a thousand million runs": record(lambda data: data.update(runs=10**9)),
    "a run that is missing": lambda members: members.pop("runs/0.json"),
    "a run of a list": lambda members: members.update({"runs/0.json": b"[]"}),
    "a run with odd photos": lambda members: members.update(
        {"runs/0.json": members["runs/0.json"].replace(b"0.75", b'"x"')}
    ),
    "a run whose mode is markup": lambda members: members.update(
        {"runs/0.json": members["runs/0.json"].replace(b'"quick"', b'"<b>x</b>"')}
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_project_files_leave_nothing(name: str, saved: tuple[Project, Path], tmp_path: Path) -> None:
    file = changed(saved[1], tmp_path / "hostile.zip", HOSTILE[name])
    with pytest.raises(DataError) as error:
        open_file(file, tmp_path / "deep" / "new")
    assert str(error.value).count(". ") == 0
    assert not list((tmp_path / "deep").iterdir()) if (tmp_path / "deep").exists() else True
    assert not list(tmp_path.parent.glob("escaped*"))


def _special(mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("models/a/config.json")
    info.external_attr = (mode | 0o644) << 16
    return info


@pytest.mark.parametrize("kind", ["link", "device", "twice", "bomb", "cut off", "no zip", "bzip2"])
def test_hostile_zips_are_refused(kind: str, saved: tuple[Project, Path], tmp_path: Path) -> None:
    file = changed(saved[1], tmp_path / "hostile.zip", lambda members: None)
    if kind in ("link", "device", "twice", "bzip2"):
        info = _special({"link": stat.S_IFLNK, "device": stat.S_IFCHR}.get(kind, stat.S_IFREG))
        with zipfile.ZipFile(file, "a") as packed:
            packed.writestr(info, b"/etc/passwd", zipfile.ZIP_BZIP2 if kind == "bzip2" else None)
            if kind == "twice":
                with pytest.warns(UserWarning, match="Duplicate"):
                    packed.writestr(info, b"/etc/passwd")
    elif kind == "bomb":
        with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("models/a/config.json", bytes(10**8))
    else:
        file.write_bytes(file.read_bytes()[:-30] if kind == "cut off" else b"hello" * 100)
    with pytest.raises(DataError):
        open_file(file, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["hostile.zip"]


@pytest.mark.parametrize(
    "limits",
    [Limits(project_photos=6), Limits(classes=3), Limits(project_bytes=1000), Limits(bytes_unpacked=10_000)],
    ids=str,
)
def test_more_than_a_visitor_may_have_is_not_opened(
    limits: Limits, saved: tuple[Project, Path], tmp_path: Path
) -> None:
    with pytest.raises(DataError):
        open_file(saved[1], tmp_path / "new", limits)
    assert not list(tmp_path.iterdir())


def test_photos_that_are_not_as_saved_are_left_out(saved: tuple[Project, Path], tmp_path: Path) -> None:
    other = tmp_path / "other.jpg"
    draw_photo(7).save(other)

    def edit(members: dict[str, bytes]) -> None:
        data = json.loads(members["project.json"])
        first, second, third, fourth = (data["photos"][place]["path"] for place in (0, 3, 4, 5))
        members[first] = other.read_bytes()  # another picture
        members[second] = b"no picture at all"
        data["files"][second] = hashlib.sha256(members[second]).hexdigest()
        del members[third]
        members[fourth] = members[fourth][:200]  # cut off
        data["files"][fourth] = hashlib.sha256(members[fourth]).hexdigest()
        members["project.json"] = json.dumps(data).encode()

    opened = open_file(changed(saved[1], tmp_path / "changed.zip", edit), tmp_path / "new")
    assert (opened.photos, len(opened.left_out)) == (3, 4)
    assert {left.code for left in opened.left_out} > {NotOpenedCode.OTHER_CONTENT, NotOpenedCode.NO_FILE}
    with Project.open(tmp_path / "new") as project:
        assert {left.file for left in opened.left_out} <= {left.file for left in project.left_out()}
        while project.undo() is not None:
            assert all(project.photo_path(photo).is_file() for photo in project.photos())


def test_a_model_that_is_not_to_be_used_is_left_out(saved: tuple[Project, Path], tmp_path: Path) -> None:
    def refuse(folder: Path) -> None:
        raise ClassifierError(CatalogCode.PHOTO_GONE)

    opened = read_project(saved[1], tmp_path / "new", FILES, refuse)
    assert (opened.photos, opened.models, len(opened.left_out_models)) == (7, 0, 1)
    file = changed(saved[1], tmp_path / "x.zip", lambda members: members.update({_model(members): b"other weights"}))
    assert open_file(file, tmp_path / "other").left_out_models[0].code is NotOpenedCode.MODEL
    assert not list((tmp_path / "other/models").iterdir())


def _model(members: dict[str, bytes]) -> str:
    return next(name for name in members if name.endswith("/config.json"))


def test_a_folder_that_holds_something_is_left_alone(saved: tuple[Project, Path], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("x")
    with pytest.raises(DataError) as error:
        open_file(saved[1], tmp_path / "mine")
    assert error.value.code is ProjectFileCode.FOLDER_NOT_EMPTY
    (tmp_path / "empty").mkdir()
    assert open_file(saved[1], tmp_path / "empty").photos == 7


def test_a_project_file_is_not_read_as_photos(saved: tuple[Project, Path], tmp_path: Path) -> None:
    assert is_project_file(saved[1])
    with Project.open(tmp_path / "project") as project, pytest.raises(DataError) as error:
        project.uploads.receive([("x.zip", saved[1])])
    assert error.value.code is ProjectFileCode.IS_PROJECT
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as packed:
        packed.writestr("project.json", "{}")
    assert not is_project_file(tmp_path / "other.zip")
