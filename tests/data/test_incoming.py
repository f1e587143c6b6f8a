"""Uploads of the page: those that wait for an answer, other readings of the last one, and what follows it."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from classifier.config import Limits
from classifier.data import incoming
from classifier.data.project import IntakeResult, Project
from classifier.errors import DataError, LayoutError
from classifier.messages import message
from classifier.messages.data import EditCode, ProjectCode, UploadNoteCode
from tests.data.test_sources import pack, photos, write

Files = list[tuple[str, Path]]

PETS = [f"{label}/{number}.jpg" for label in ("cat", "dog") for number in range(3)]
NEW_PETS = ["cat/7.jpg", "dog/8.jpg"]
FLAT = [f"{label}.{number}.jpg" for label in ("cat", "dog") for number in range(6)]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.open(tmp_path / "home")


def upload(folder: Path, *names: str, seed: int = 0, **texts: str) -> Files:
    """Files as the page has them: under names of its own, beside the names that the browser gave."""
    contents = photos(*[str(number) for number in range(seed)], *names)
    contents |= {name.replace("_csv", ".csv"): text.encode() for name, text in texts.items()}
    given = [*names, *(name.replace("_csv", ".csv") for name in texts)]
    return [(name, write(folder / f"{seed}-{number}", contents[name])) for number, name in enumerate(given)]


def zipped(folder: Path, name: str, *names: str, seed: int = 0) -> Files:
    contents = photos(*[str(number) for number in range(seed)], *names)
    return [(name, write(folder / f"zip-{seed}", pack({name: contents[name] for name in names})))]


def kept(project: Project) -> list[Path]:
    return [path for path in (project.folder / "incoming").rglob("*") if path.is_file()]


def test_an_upload_that_one_reading_fits_is_added_and_says_so(project: Project, tmp_path: Path) -> None:
    files = upload(tmp_path, *(f"pets/{name}" for name in PETS))
    result = project.uploads.receive(files)
    assert (result.added, result.labels) == (6, ("cat", "dog"))
    assert result.layout is not None
    assert result.reading is result.layout.readings[0]
    for _, path in files:
        path.unlink()  # as the page does
    last = project.uploads.last()
    assert last is not None
    assert last.taken == result.reading.option
    assert set(last.files) == {f"pets/{name}" for name in PETS}


def test_an_upload_that_needs_an_answer_waits_for_it(project: Project, tmp_path: Path) -> None:
    with pytest.raises(LayoutError) as error:
        project.uploads.receive(upload(tmp_path, *(f"pets/{name}" for name in FLAT)))
    assert "names:first" in [reading.option for reading in error.value.readings]
    assert project.classes() == {}
    last = project.uploads.last()
    assert last is not None
    assert last.taken is None
    assert [reading.option for reading in last.layout.readings] == [one.option for one in error.value.readings]
    result = project.uploads.take("names:first")
    assert (result.added, result.labels) == (12, ("cat", "dog"))
    assert project.uploads.last().taken == "names:first"  # type: ignore[union-attr]


def test_a_waiting_upload_survives_a_restart(project: Project, tmp_path: Path) -> None:
    files = upload(tmp_path, *(f"pets/{name}" for name in FLAT))
    with pytest.raises(LayoutError):
        project.uploads.receive(files)
    project.close()
    for _, path in files:
        path.unlink()
    (tmp_path / "home").rename(tmp_path / "moved")
    with Project.open(tmp_path / "moved") as again:
        last = again.uploads.last()
        assert last is not None
        assert all(path.is_file() for path in last.files.values())
        assert again.uploads.take("names:first").added == 12


def test_another_reading_takes_the_place_of_the_first(project: Project, tmp_path: Path) -> None:
    kinds = ("cat/tabby", "cat/siamese", "dog/poodle", "dog/boxer")
    names = [f"pets/{kind}/{number}.jpg" for kind in kinds for number in range(3)]
    project.uploads.receive(upload(tmp_path, "cow/1.jpg", "cow/2.jpg", seed=40))
    project.uploads.receive(upload(tmp_path, *names, README_csv="nothing\n"))
    assert project.classes() == {"cat": 6, "cow": 2, "dog": 6}
    project.move([project.photos("cat")[0].id], "dog")
    assert project.uploads.take("folders:2").added == 12
    assert project.classes() == {"boxer": 3, "cow": 2, "poodle": 3, "siamese": 3, "tabby": 3}
    assert [left.file for left in project.left_out()] == ["README.csv"]
    project.uploads.take("folders:1")
    assert project.classes() == {"cat": 6, "cow": 2, "dog": 6}
    # The move was of a photo of the first reading.
    assert project.undo() == message(EditCode.ADDED, count=12)
    assert project.classes() == {"cow": 2}
    assert project.left_out() == []
    assert project.uploads.last() is None
    assert not any(project.photo_path(photo).is_file() for photo in project.photos("dog"))
    assert project.undo() == message(EditCode.ADDED_TO, count=2, label="cow")
    assert project.undo() is None


def test_photos_that_were_there_before_stay_when_another_reading_is_taken(project: Project, tmp_path: Path) -> None:
    files = upload(tmp_path, *(f"pets/{name}" for name in PETS))
    project.add_files(files)
    assert project.uploads.receive(files).already == 6
    project.uploads.take_label("animal")
    assert project.classes() == {"animal": 6, "cat": 3, "dog": 3}


def test_all_photos_of_an_upload_can_become_one_class(project: Project, tmp_path: Path) -> None:
    with pytest.raises(LayoutError):
        project.uploads.receive(upload(tmp_path, "IMG_1.jpg", "IMG_2.jpg", "IMG_3.jpg"))
    assert project.uploads.take_label("  rose ").labels == ("rose",)
    assert project.classes() == {"rose": 3}
    project.uploads.take_label("tulip")
    assert project.classes() == {"tulip": 3}
    with pytest.raises(DataError, match="no name"):
        project.uploads.take_label(" ")
    assert project.classes() == {"tulip": 3}


def test_a_class_that_the_person_named_needs_no_layout(project: Project, tmp_path: Path) -> None:
    result = project.uploads.receive(upload(tmp_path, *(f"pets/{name}" for name in FLAT)), "pet")
    assert (result.added, result.layout, result.labels) == (12, None, ("pet",))
    assert project.uploads.last() is None


def test_an_upload_that_is_forgotten_leaves_its_photos(project: Project, tmp_path: Path) -> None:
    project.uploads.receive(upload(tmp_path, *(f"pets/{name}" for name in PETS)))
    assert kept(project)
    project.uploads.forget()
    assert not kept(project)
    assert project.uploads.last() is None
    assert all(project.photo_path(asset).is_file() for asset in project.photos())
    with pytest.raises(DataError) as error:
        project.uploads.take("folders:1")
    assert error.value.code is ProjectCode.UPLOAD_GONE


def test_only_the_last_upload_is_kept(project: Project, tmp_path: Path) -> None:
    project.uploads.receive(upload(tmp_path, *(f"pets/{name}" for name in PETS)))
    project.uploads.receive(upload(tmp_path, *(f"more/{name}" for name in NEW_PETS), seed=20))
    last = project.uploads.last()
    assert last is not None
    assert set(last.files) == {f"more/{name}" for name in NEW_PETS}


def test_kept_photos_take_no_room_twice(project: Project, tmp_path: Path) -> None:
    project.uploads.receive(upload(tmp_path, *(f"pets/{name}" for name in PETS)))
    stored = {path.stat().st_ino for path in (project.folder / "photos").rglob("*.jpg")}
    assert stored == {path.stat().st_ino for path in project.uploads.last().files.values()}  # type: ignore[union-attr]


def test_one_photo_under_two_names_is_in_both_classes(project: Project, tmp_path: Path) -> None:
    files = upload(tmp_path, *(f"pets/{name}" for name in PETS))
    result = project.uploads.receive([*files, ("pets/dog/same.jpg", files[0][1])])
    assert result.added == 7
    assert [len(group) for group in project.conflicts()] == [2]


def test_an_option_of_the_browser_reads_no_file_of_the_server(project: Project, tmp_path: Path) -> None:
    rows = "".join(f"{number}.jpg,{'cat' if number % 2 else 'dog'}\n" for number in range(10))
    table = write(tmp_path / "secret.csv", f"image,label\n{rows}".encode())
    with pytest.raises(LayoutError):
        project.uploads.receive(upload(tmp_path, *(f"{number}.jpg" for number in range(10))))
    for option in (f"{table}:label", str(table), "../../secret.csv"):
        with pytest.raises(LayoutError):
            project.uploads.take(option)
    assert project.classes() == {}


# uploads that follow one another


def test_a_table_that_comes_after_the_photos_gives_their_labels(project: Project, tmp_path: Path) -> None:
    project.uploads.receive(upload(tmp_path, *(f"pets/{number}.jpg" for number in range(10))))
    assert project.classes() == {"pets": 10}
    rows = "".join(f"{number}.jpg,{'cat' if number % 2 else 'dog'}\n" for number in range(10))
    result = project.uploads.receive(upload(tmp_path / "later", labels_csv=f"image,label\n{rows}"))
    assert (result.added, result.labels, result.left_out) == (10, ("cat", "dog"), ())
    project.close()
    with Project.open(project.folder) as again:
        assert again.uploads.take(result.reading.option).added == 10  # type: ignore[union-attr]


def test_a_file_that_says_nothing_does_not_end_the_waiting(project: Project, tmp_path: Path) -> None:
    with pytest.raises(LayoutError):
        project.uploads.receive(upload(tmp_path, *(f"pets/{name}" for name in FLAT)))
    with pytest.raises(LayoutError):
        project.uploads.receive(upload(tmp_path / "later", notes_csv="hello\n"))
    assert project.uploads.take("names:first").added == 12


def test_a_test_zip_after_training_photos_is_the_test_part(project: Project, tmp_path: Path) -> None:
    project.uploads.receive(zipped(tmp_path, "train.zip", *PETS))
    result = project.uploads.receive(zipped(tmp_path, "test.zip", *NEW_PETS, seed=20))
    assert project.catalog.balance() == {"test": {"cat": 1, "dog": 1}, "train": {"cat": 3, "dog": 3}}
    assert result.layout is not None
    assert [reading.option for reading in result.layout.readings] == ["folders:1@test", "folders:1"]
    project.uploads.take("folders:1")
    assert project.catalog.balance() == {"train": {"cat": 4, "dog": 4}}


def test_a_test_folder_after_training_photos_is_the_test_part(project: Project, tmp_path: Path) -> None:
    project.uploads.receive(upload(tmp_path, *(f"pets/{name}" for name in PETS)))
    project.uploads.receive(upload(tmp_path, *(f"Test/{name}" for name in NEW_PETS), seed=20))
    assert project.catalog.balance() == {"test": {"cat": 1, "dog": 1}, "train": {"cat": 3, "dog": 3}}


def test_a_name_with_test_and_other_words_is_asked_about(project: Project, tmp_path: Path) -> None:
    project.uploads.receive(zipped(tmp_path, "seg_train.zip", *PETS))
    with pytest.raises(LayoutError) as error:
        project.uploads.receive(zipped(tmp_path, "seg_test.zip", *NEW_PETS, seed=20))
    assert [reading.option for reading in error.value.readings] == ["folders:1@test", "folders:1"]
    project.uploads.take("folders:1@test")
    assert project.catalog.balance() == {"test": {"cat": 1, "dog": 1}, "train": {"cat": 3, "dog": 3}}
    project.uploads.receive(upload(tmp_path, "test strips/1.jpg", "test strips/2.jpg", seed=30))
    assert project.classes() == {"cat": 4, "dog": 4, "test strips": 2}


def test_a_test_zip_alone_is_asked_about(project: Project, tmp_path: Path) -> None:
    with pytest.raises(LayoutError) as error:
        project.uploads.receive(zipped(tmp_path, "test.zip", *PETS))
    as_test, as_train = error.value.readings
    assert (dict(as_test.split_counts()), dict(as_train.split_counts())) == ({"test": 6}, {"train": 6})
    project.uploads.take(as_test.option)
    assert project.catalog.balance() == {"test": {"cat": 3, "dog": 3}}
    project.uploads.take(as_train.option)
    assert project.catalog.balance() == {"train": {"cat": 3, "dog": 3}}


def test_train_and_test_zips_dropped_together_keep_their_splits(project: Project, tmp_path: Path) -> None:
    project.uploads.receive([*zipped(tmp_path, "train.zip", *PETS), *zipped(tmp_path, "test.zip", *NEW_PETS, seed=20)])
    assert project.catalog.balance() == {"test": {"cat": 1, "dog": 1}, "train": {"cat": 3, "dog": 3}}


def test_class_names_of_a_later_part_are_matched_and_that_is_said(project: Project, tmp_path: Path) -> None:
    project.uploads.receive(zipped(tmp_path, "train.zip", *PETS))
    result = project.uploads.receive(zipped(tmp_path, "test.zip", "CAT/7.jpg", "dog/8.jpg", seed=20))
    assert project.catalog.balance() == {"test": {"cat": 1, "dog": 1}, "train": {"cat": 3, "dog": 3}}
    assert [note.code for note in result.notes] == [UploadNoteCode.MATCHED, UploadNoteCode.OWN_TEST]
    assert "“CAT” is “cat”" in str(result.notes[0])
    assert str(result.notes[1]) == "The 2 photos of “test” are kept to test with, as its name says."


def test_class_names_of_later_training_photos_stay_apart(project: Project, tmp_path: Path) -> None:
    project.uploads.receive(upload(tmp_path, *(f"pets/{name}" for name in PETS)))
    project.uploads.receive(upload(tmp_path, "more/CAT/1.jpg", "more/cow/1.jpg", seed=20))
    assert project.classes() == {"CAT": 1, "cat": 3, "cow": 1, "dog": 3}
    assert project.similar_classes() == [("CAT", "cat")]


def test_folders_dropped_one_by_one_are_one_class_each(project: Project, tmp_path: Path) -> None:
    for number, label in enumerate(("cat", "dog")):
        files = upload(tmp_path, *(f"{label}/IMG_{n}.jpg" for n in range(3)), seed=10 * number)
        result = project.uploads.receive(files)
        assert isinstance(result, IntakeResult)
    assert project.classes() == {"cat": 3, "dog": 3}


def test_two_uploads_at_once_are_both_added(project: Project, tmp_path: Path) -> None:
    labels = ("cat", "cow", "dog", "hen")
    uploads = [
        upload(tmp_path / label, *(f"{label}/IMG_{n}.jpg" for n in range(6)), seed=10 * number)
        for number, label in enumerate(labels)
    ]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(project.uploads.receive, uploads))
    assert [result.added for result in results] == [6, 6, 6, 6]
    assert project.classes() == dict.fromkeys(labels, 6)
    last = project.uploads.last()
    assert last is not None
    assert all(path.is_file() for path in last.files.values())


# large uploads


def test_long_names_in_any_script_are_kept_in_as_many_bytes_as_they_have(project: Project, tmp_path: Path) -> None:
    names = [f"{word * 20}/{'фотография' * 20} {number}.jpg" for number in range(6) for word in ("кот", "犬")]
    project.uploads.receive(upload(tmp_path, *names))
    (note,) = project.folder.glob("incoming/*/upload.json")
    assert note.stat().st_size < 3 * sum(len(name.encode()) for name in names)
    assert set(project.uploads.last().files) == set(names)  # type: ignore[union-attr]


def test_names_that_are_too_long_together_are_refused_at_once(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "_LARGEST_STATE", 1500)
    with pytest.raises(DataError) as error:
        project.uploads.receive(upload(tmp_path, *(f"pets/{'a' * 200}.{n}.jpg" for n in range(6))))
    assert error.value.code is ProjectCode.TOO_MANY_AT_ONCE
    assert not kept(project)


def test_an_upload_is_read_again_only_where_it_changed(project: Project, tmp_path: Path) -> None:
    project.uploads.receive(upload(tmp_path, *(f"pets/{name}" for name in PETS)))
    first, before = project.uploads.last(), project.uploads.state()
    assert project.uploads.last() is first
    project.uploads.take_label("pet")
    assert project.uploads.state() != before
    assert project.uploads.last() is not first
    project.uploads.forget()
    assert project.uploads.state().notes == ()
    assert project.uploads.last() is None


# what cannot be used


def test_a_zip_that_cannot_be_opened_leaves_nothing(project: Project, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        project.uploads.receive([("pets.zip", write(tmp_path / "x", b"PK\x03\x04 and no more"))])
    assert not kept(project)
    assert project.uploads.last() is None


def test_too_many_files_of_an_upload_leave_nothing(tmp_path: Path) -> None:
    with Project.open(tmp_path / "home", Limits(files=5)) as project:
        with pytest.raises(DataError, match="6 files came, and at most 5"):
            project.uploads.receive(upload(tmp_path, *(f"pets/{name}" for name in PETS)))
        assert not kept(project)


def test_a_damaged_note_of_an_upload_counts_as_none(project: Project, tmp_path: Path) -> None:
    project.uploads.receive(upload(tmp_path, *(f"pets/{name}" for name in PETS)))
    (state,) = (project.folder / "incoming").glob("*/upload.json")
    state.write_text('{"sets": 3}')
    assert project.uploads.last() is None
    shutil.rmtree(state.parent)
    assert project.uploads.last() is None


HOSTILE = {
    "deep": b"[" * 100_000,
    "of numbers": b'{"sets": 3, "left_out": null}',
    "with a path outside": b'{"sets": [{"name": "", "has_folder": false, "files": [["a", "a", "../../secret"]]}], '
    b'"left_out": [], "notes": [], "known": {}, "taken": null, "added": []}',
    "with classes that are none": b'{"sets": [], "left_out": [], "notes": [], "known": 5, "taken": null, "added": []}',
    "with an option that is none": b'{"sets": [], "left_out": [], "notes": [], "known": {}, "taken": [], "added": []}',
}  # fmt: skip


@pytest.mark.parametrize("content", [*HOSTILE.values(), None], ids=[*HOSTILE, "a pipe"])
def test_a_hostile_note_of_an_upload_counts_as_none(content: bytes | None, project: Project, tmp_path: Path) -> None:
    project.uploads.receive(upload(tmp_path, *(f"pets/{name}" for name in PETS)))
    (state,) = project.folder.glob("incoming/*/upload.json")
    state.unlink()
    if content is None:
        os.mkfifo(state)
    else:
        state.write_bytes(content)
    assert project.uploads.last() is None
