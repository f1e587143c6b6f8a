from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import threading
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from classifier.config import Limits
from classifier.data.intake import LeftOut
from classifier.data.project import Project, _openings
from classifier.data.schema import FILE_NAME
from classifier.errors import DataError, StorageError
from classifier.messages import message
from classifier.messages.data import EditCode, PhotoCode, ProjectCode, RepeatCode
from classifier.messages.files import StorageCode
from tests.helpers import MakeFolder, draw_photo, encode


@pytest.fixture
def pets(make_folder: MakeFolder) -> Path:
    return make_folder({"cat": 3, "dog": 2}, name="pets")


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def zipped(folder: Path) -> Path:
    return Path(shutil.make_archive(str(folder), "zip", folder.parent, folder.name))


def reasons(project: Project) -> dict[str, str]:
    return {file.file: file.reason for file in project.left_out()}


@pytest.mark.slow
def test_a_folder_is_copied_in_and_stays_as_it_was(pets: Path, tmp_path: Path) -> None:
    before = files_in(pets)
    with Project.open(tmp_path / "home") as project:
        intake = project.add(pets)
        assert (intake.added, intake.already, intake.left_out, intake.labels) == (5, 0, (), ("cat", "dog"))
        assert project.classes() == {"cat": 3, "dog": 2}
        for asset in project.photos():
            assert project.photo_path(asset).read_bytes() == (pets / asset.source).read_bytes()
            with Image.open(project.thumbnail(asset)) as thumbnail:
                assert max(thumbnail.size) == 64
            assert (asset.width, asset.height) == (64, 48)
    assert files_in(pets) == before
    assert not [name for name in files_in(tmp_path / "home") if name.endswith(".part")]


def test_a_zip_gives_the_same_photos_as_its_folder(pets: Path, tmp_path: Path) -> None:
    with Project.open(tmp_path / "home") as project:
        assert project.add(pets).added == 5
        again = project.add(zipped(pets))
        assert (again.added, again.already, again.left_out) == (0, 5, ())
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == [
        "features", "models", "photos", "project.sqlite", "thumbs",
    ]  # fmt: skip


def test_files_for_one_class_go_there_whatever_their_names(pets: Path, tmp_path: Path) -> None:
    with Project.open(tmp_path / "home") as project:
        given = [("IMG_1.jpg", pets / "cat/1.jpg"), ("IMG_1.jpg", pets / "dog/1.jpg")]
        intake = project.add_files(given, label="  a  pet ")
        assert (intake.added, intake.labels) == (2, ("a pet",))
        with pytest.raises(DataError, match="no name"):
            project.add_files(given, label=" \u202e ")


def test_every_file_is_used_or_listed_with_its_reason(pets: Path, tmp_path: Path) -> None:
    (pets / "cat/page.jpg").write_text("<html>404</html>")
    (pets / "cat/cut.jpg").write_bytes(encode(draw_photo(9, (200, 200)))[:-2000])
    (pets / "cat/twin.jpg").write_bytes((pets / "cat/1.jpg").read_bytes())
    (pets / "dog/.DS_Store").write_bytes(b"x")
    (pets / "dog/link.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    (pets / "loose.jpg").write_bytes(encode(draw_photo(77)))
    (pets / "README.txt").write_text("hello")
    with Project.open(tmp_path / "home") as project:
        intake = project.add(pets)
        assert intake.added == 5
        assert set(intake.left_out) == set(project.left_out())
        found = reasons(project)
    assert "web page" in found["cat/page.jpg"]
    assert "cut off" in found["cat/cut.jpg"]
    assert found["cat/twin.jpg"] == "the same photo as “cat/1.jpg”, which is already in this class"
    assert "computer keeps" in found["dog/.DS_Store"]
    assert "link" in found["dog/link.jpg"]
    assert "not in a class folder" in found["loose.jpg"]
    assert "text" in found["README.txt"]


def test_one_photo_in_two_classes_is_a_conflict_and_stored_once(pets: Path, tmp_path: Path) -> None:
    shutil.copy(pets / "cat/1.jpg", pets / "dog/same.jpg")
    with Project.open(tmp_path / "home") as project:
        assert project.add(pets).added == 6
        (group,) = project.conflicts()
        assert [asset.label for asset in group] == ["cat", "dog"]
        assert len({asset.path for asset in group}) == 1
        assert len(files_in(tmp_path / "home/photos")) == 5


def test_a_test_photo_that_is_also_trained_on_is_left_out(make_folder: MakeFolder) -> None:
    data = make_folder({"train/cat": 2, "train/dog": 2, "test/cat": 2, "test/dog": 1})
    shutil.copy(data / "train/cat/1.jpg", data / "test/cat/again.jpg")
    with Project.over(data) as project:
        assert project.catalog.balance() == {"train": {"cat": 2, "dog": 2}, "test": {"cat": 2, "dog": 1}}
        assert reasons(project) == {
            "test/cat/again.jpg": "the same photo as “train/cat/1.jpg”, which is among the training photos"
        }


def test_a_photo_in_several_splits_stays_in_the_first_of_train_val_and_test(make_folder: MakeFolder) -> None:
    data = make_folder({"test/cat": 2, "train/cat": 2, "train/dog": 1, "val/cat": 2})  # as they come: test before val
    shutil.copy(data / "test/cat/1.jpg", data / "val/cat/also test.jpg")
    shutil.copy(data / "val/cat/1.jpg", data / "train/dog/also val.jpg")
    with Project.over(data) as project:
        assert project.catalog.balance() == {
            "test": {"cat": 1}, "train": {"cat": 2, "dog": 2}, "val": {"cat": 2},
        }  # fmt: skip
        assert project.left_out() == [
            LeftOut("val/cat/1.jpg", message(RepeatCode.REPEATED_IN_TRAINING, name="train/dog/also val.jpg")),
            LeftOut("test/cat/1.jpg", message(RepeatCode.REPEATED_IN_VALIDATION, name="val/cat/also test.jpg")),
        ]


def test_a_photo_that_is_tested_on_is_not_added_to_training(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder({"train/cat": 2, "train/dog": 2, "test/cat": 2})
    with Project.open(tmp_path / "home") as project:
        project.add(data)
        result = project.add_files([("new.jpg", data / "test/cat/2.jpg")], "dog")
        reason = message(RepeatCode.REPEATED_IN_TEST, name="test/cat/2.jpg")
        assert (result.added, result.already, result.left_out) == (0, 0, (LeftOut("new.jpg", reason),))


def test_a_held_out_photo_counts_as_a_training_photo(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder({"train/cat": 2, "train/dog": 2, "test/dog": 1})
    with Project.open(tmp_path / "home") as project:
        project.add(data / "train")
        project.catalog.edits.set_split([1], "held_out")
        held_out = project.photo_path(project.catalog.asset(1))
        assert project.add_files([("dog/again.jpg", held_out)], "dog").added == 1
        project.remove([project.photos("dog")[-1].id])
        shutil.copy(held_out, data / "test/dog/again.jpg")
        (left,) = project.add(data).left_out
        assert (left.file, left.code) == ("test/dog/again.jpg", RepeatCode.REPEATED_IN_TRAINING)


def test_classes_are_in_natural_order(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder({"train/10": 1, "train/9": 2, "train/b": 1, "test/1": 1, "test/9": 1})
    with Project.open(tmp_path / "home") as project:
        assert project.add(data).labels == ("1", "9", "10", "b")
        assert list(project.classes().items()) == [("1", 1), ("9", 3), ("10", 1), ("b", 1)]
        assert [asset.label for asset in project.photos()] == ["1", "9", "9", "9", "10", "b"]


def test_a_large_file_is_hashed_like_a_small_one(tmp_path: Path) -> None:
    (tmp_path / "data/cat").mkdir(parents=True)
    Image.new("RGB", (2400, 2400)).save(tmp_path / "data/cat/large.bmp")
    Image.new("RGB", (24, 24)).save(tmp_path / "data/cat/small.bmp")
    with Project.over(tmp_path / "data") as project:
        for asset in project.photos():
            content = (tmp_path / "data" / asset.source).read_bytes()
            assert (asset.sha256, asset.size) == (hashlib.sha256(content).hexdigest(), len(content))
            with Image.open(project.thumbnail(asset)) as thumbnail:
                assert thumbnail.size == (min(400, asset.width),) * 2


def test_a_photo_too_big_for_the_limits_is_left_out(pets: Path) -> None:
    sizes = sorted(path.stat().st_size for path in pets.glob("*/*.jpg"))
    with Project.over(pets, Limits(bytes_per_file=sizes[2])) as project:
        assert sum(project.classes().values()) == 3
        assert [left.code for left in project.left_out()] == [PhotoCode.FILE_TOO_BIG] * 2


def test_a_file_added_again_after_it_was_mended_is_no_longer_left_out(pets: Path, tmp_path: Path) -> None:
    good = (pets / "cat/1.jpg").read_bytes()
    (pets / "cat/1.jpg").write_bytes(b"")
    (pets / "dog/1.jpg").write_bytes(b"")
    with Project.open(tmp_path / "home") as project:
        assert [left.file for left in project.add(pets).left_out] == ["cat/1.jpg", "dog/1.jpg"]
        (pets / "cat/1.jpg").write_bytes(good)
        assert project.add(pets).added == 1
        assert [left.file for left in project.left_out()] == ["dog/1.jpg"]


def test_the_feature_cache_is_in_the_users_cache_folder(pets: Path, cache_home: Path) -> None:
    with Project.over(pets) as project:
        assert project.features == cache_home / "photo-classifier" / "features"


def test_a_project_that_the_page_made_is_opened_as_it_is(pets: Path, tmp_path: Path) -> None:
    with Project.open(tmp_path / "home") as project:
        project.add(pets)
        project.move([1], "wolf")
    with Project.over(tmp_path / "home") as project:
        assert project.classes() == {"cat": 2, "dog": 2, "wolf": 1}
        assert project.models == tmp_path / "home" / "models"
        assert project.intake is None
    for data, labels in (([tmp_path / "home", pets], None), ([tmp_path / "home"], "folders")):
        with pytest.raises(DataError, match="“home” is a project") as error:
            Project.over(data, labels=labels)
        assert error.value.code is ProjectCode.HAS_CLASSES


def test_a_photo_added_again_is_already_there_even_if_held_out(pets: Path, tmp_path: Path) -> None:
    with Project.open(tmp_path / "home") as project:
        project.add(pets)
        project.catalog.edits.set_split([1, 2], "held_out")
        assert project.add(pets).already == 5
        assert reasons(project) == {}


def test_a_folder_is_used_in_place_and_nothing_is_written_there(pets: Path, tmp_path: Path) -> None:
    before = files_in(pets)
    with Project.over(pets, features=tmp_path / "cache") as project:
        assert project.features == tmp_path / "cache"
        assert project.classes() == {"cat": 3, "dog": 2}
        asset = project.photos("dog")[0]
        assert asset.path == "dog/1.jpg"
        assert project.thumbnail(asset).exists()
        assert project.model_folders() == []
    assert files_in(pets) == before


def test_a_zip_used_in_place_is_gone_after_closing(pets: Path) -> None:
    project = Project.over(zipped(pets))
    asset = project.photos()[0]
    assert asset.source == "pets/cat/1.jpg"
    path = project.photo_path(asset)
    assert path.exists()
    project.close()
    project.close()
    assert not path.exists()


def test_what_is_neither_folder_nor_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with Project.open(tmp_path / "home") as project:
        for name, words in {"a.txt": "neither", "missing": "no folder or zip", "empty.zip": "empty"}.items():
            with pytest.raises(DataError, match=words):
                Project.over(tmp_path / name)
            with pytest.raises(DataError, match=words):
                project.add(tmp_path / name)


def test_too_many_files_are_refused_before_anything_is_stored(pets: Path, tmp_path: Path) -> None:
    with Project.open(tmp_path / "home", Limits(files=4)) as project:
        with pytest.raises(DataError, match="at most 4"):
            project.add_files([(f"cat/{number}.jpg", pets / "cat/1.jpg") for number in range(5)])
        assert files_in(tmp_path / "home/photos") == []


def test_a_hostile_zip_leaves_the_project_as_it_was(pets: Path, tmp_path: Path) -> None:
    archive = zipped(pets)
    with zipfile.ZipFile(archive, "a") as packed:
        packed.writestr("../evil.jpg", encode(draw_photo()))
    with Project.open(tmp_path / "home") as project:
        with pytest.raises(DataError, match="outside"):
            project.add(archive)
        assert project.classes() == {}
        assert files_in(tmp_path / "home/photos") == []


def test_a_failed_upload_leaves_no_files(pets: Path, tmp_path: Path) -> None:
    with Project.open(tmp_path / "home") as project:
        shutil.rmtree(tmp_path / "home/photos")
        (tmp_path / "home/photos").write_text("a file is in the way")
        with pytest.raises(StorageError, match="could not be saved"):
            project.add(pets)
        assert project.classes() == {}
        assert files_in(tmp_path / "home/thumbs") == []


def test_a_failed_upload_keeps_the_photos_that_were_there(pets: Path, tmp_path: Path) -> None:
    with Project.open(tmp_path / "home") as project:
        project.add(pets)
        before = files_in(tmp_path / "home/photos")
        draw_photo(99).save(pets / "cat/new.jpg")
        folder = hashlib.sha256((pets / "cat/new.jpg").read_bytes()).hexdigest()[:2]
        assert not (tmp_path / "home/photos" / folder).exists()
        (tmp_path / "home/photos" / folder).write_text("a file is in the way")
        again = [("again.jpg", pets / "cat/1.jpg"), ("new.jpg", pets / "cat/new.jpg")]
        with pytest.raises(StorageError) as error:
            project.add_files(again, "wolf")
        assert error.value.code == StorageCode.NOT_WRITTEN
        (tmp_path / "home/photos" / folder).unlink()
        assert files_in(tmp_path / "home/photos") == before
        assert len(files_in(tmp_path / "home/thumbs")) == 5
        assert project.classes() == {"cat": 3, "dog": 2}


@pytest.mark.parametrize("blocked", ["photos", "thumbs"])
def test_an_error_of_storage_does_not_name_the_servers_folders(pets: Path, tmp_path: Path, blocked: str) -> None:
    with Project.open(tmp_path / "home") as project:
        (tmp_path / "home" / blocked).rmdir()
        (tmp_path / "home" / blocked).write_text("a file is in the way")
        with pytest.raises(StorageError) as error:
            project.add(pets)
        assert error.value.code == StorageCode.NOT_WRITTEN
        assert str(tmp_path) not in str(error.value)


def test_a_moved_project_opens_and_works(pets: Path, tmp_path: Path) -> None:
    with Project.open(tmp_path / "home") as project:
        project.add(pets)
    shutil.rmtree(pets)
    (tmp_path / "home").rename(tmp_path / "moved")
    with Project.open(tmp_path / "moved") as project:
        assert all(project.photo_path(asset).exists() for asset in project.photos())
        assert str(tmp_path).encode() not in (tmp_path / "moved/project.sqlite").read_bytes()


def test_classes_are_moved_renamed_removed_and_brought_back(pets: Path, tmp_path: Path) -> None:
    with Project.open(tmp_path / "home") as project:
        project.add(pets)
        before = project.photos()
        project.move([before[0].id], " wolf ")
        assert project.classes() == {"cat": 2, "dog": 2, "wolf": 1}
        project.rename_class("cat", "dog", merge=True)
        assert project.classes() == {"dog": 4, "wolf": 1}
        project.remove_class("dog")
        project.remove([asset.id for asset in project.photos()])
        assert project.classes() == {}
        for _ in range(4):
            project.undo()
        assert project.photos() == before
        assert all(project.photo_path(asset).exists() for asset in before)


def test_renaming_a_class_to_another_joins_them_only_if_told_to(pets: Path, tmp_path: Path) -> None:
    with Project.open(tmp_path / "home") as project:
        project.add(pets)
        with pytest.raises(DataError, match="a class “dog” already") as error:
            project.rename_class("cat", " dog ")
        assert error.value.code is ProjectCode.CLASS_EXISTS
        assert project.classes() == {"cat": 3, "dog": 2}
        project.rename_class("cat", "cat")
        project.rename_class("cat", "Dog")
        assert project.similar_classes() == [("Dog", "dog")]
        project.rename_class("Dog", "dog", merge=True)
        assert project.classes() == {"dog": 5}


def test_a_class_needs_a_name_and_an_unknown_class_is_one_sentence(pets: Path) -> None:
    with Project.over(pets) as project:
        with pytest.raises(DataError, match="no name"):
            project.move([1], "  ")
        with pytest.raises(DataError, match="no name"):
            project.rename_class("cat", "\n")
        with pytest.raises(DataError, match="no class “cow”"):
            project.rename_class("cow", "bull")
        with pytest.raises(DataError, match="no class “cow”"):
            project.remove_class("cow")


def test_photos_that_were_added_last_are_taken_back_first(pets: Path, tmp_path: Path) -> None:
    with Project.open(tmp_path / "home") as project:
        project.add(pets / "dog", label="dog")
        project.remove([photo.id for photo in project.photos()])
        project.add(pets / "cat", label="cat")
        added = project.photos()
        assert project.last_edit() == project.undo() == message(EditCode.ADDED_TO, count=3, label="cat")
        assert not any(project.photo_path(photo).exists() for photo in added)
        assert project.undo() == message(EditCode.REMOVED, count=2)
        assert all(project.photo_path(photo).is_file() for photo in project.photos())
        assert project.undo() == message(EditCode.ADDED_TO, count=2, label="dog")
        assert project.last_edit() is project.undo() is None
        assert not [name for name in files_in(project.folder) if name.endswith(".jpg")]


def test_photos_that_prove_unusable_later_are_listed(pets: Path) -> None:
    with Project.over(pets) as project:
        project.leave_out({1: message(PhotoCode.CUT_OFF)})
        assert project.left_out() == [LeftOut("cat/1.jpg", message(PhotoCode.CUT_OFF))]
        assert project.classes() == {"cat": 2, "dog": 2}
        assert project.undo() is None


def test_adding_a_photo_reads_the_rows_of_no_other(pets: Path, tmp_path: Path) -> None:
    (tmp_path / "new.jpg").write_bytes(encode(draw_photo(99)))
    with Project.open(tmp_path / "home") as project:
        project.add(pets)
        database, asked = project.catalog._db.connection, list[str]()
        database.set_trace_callback(asked.append)
        assert project.add_files([("new.jpg", tmp_path / "new.jpg")], "cat").added == 1
        database.set_trace_callback(None)
        read = [
            query for query in asked if query.startswith(("SELECT", "DELETE", "UPDATE")) and "SUM(size)" not in query
        ]
        steps = [row[3] for query in read for row in database.execute(f"EXPLAIN QUERY PLAN {query}")]
    assert any("assets" in step for step in steps)
    assert not [step for step in steps if step.startswith("SCAN assets") and "COVERING INDEX" not in step]


def test_a_project_is_opened_first_while_another_window_adds_to_it(pets: Path, tmp_path: Path) -> None:
    with Project.open(tmp_path / "home") as project:
        project.add(pets)
        count = len(project.photos())
    _openings.cache_clear()
    with closing(sqlite3.connect(tmp_path / "home" / FILE_NAME, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with Project.open(tmp_path / "home") as project:
            assert project.first_opening
            assert len(project.photos()) == count


def test_where_no_photo_is_unusable_nothing_is_written(pets: Path) -> None:
    with Project.over(pets) as project:
        before = project.catalog._db.connection.total_changes
        statements: list[str] = []
        project.catalog._db.connection.set_trace_callback(statements.append)
        project.leave_out({})
        assert (statements, project.catalog._db.connection.total_changes) == ([], before)


def test_trained_models_are_listed_newest_first(tmp_path: Path) -> None:
    with Project.open(tmp_path / "home") as project:
        for age, name in enumerate(("new", "old", "unfinished")):
            (project.models / name).mkdir()
            if name != "unfinished":
                config = project.models / name / "config.json"
                config.write_text("{}")
                os.utime(config, (1000 - age, 1000 - age))
        assert [folder.name for folder in project.model_folders()] == ["new", "old"]


def test_two_uploads_at_once_lose_and_double_nothing(make_folder: MakeFolder, tmp_path: Path) -> None:
    one, two = make_folder({"cat": 8}, name="one"), make_folder({"cat": 12}, name="two")  # 8 in common
    with Project.open(tmp_path / "home") as project:
        threads = [threading.Thread(target=project.add, args=(folder,)) for folder in (one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert project.classes() == {"cat": 12}
        assert len(files_in(tmp_path / "home/photos")) == 12


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="counts the bytes that Linux reads for this process")
def test_a_picture_over_the_limit_is_not_read_into_memory(tmp_path: Path) -> None:
    def bytes_read() -> int:
        return int(Path("/proc/self/io").read_text("ascii").split("rchar: ")[1].split()[0])

    (tmp_path / "photos" / "cat").mkdir(parents=True)
    picture = encode(draw_photo(0))
    (tmp_path / "photos" / "cat" / "large.jpg").write_bytes(picture + bytes(10_000_000))
    before = bytes_read()
    with Project.over(tmp_path / "photos", Limits(bytes_per_file=5_000_000), tmp_path / "features") as project:
        (left_out,) = project.left_out()
    assert left_out.code is PhotoCode.FILE_TOO_BIG
    assert bytes_read() - before < 5_000_000


def test_joining_and_parting_photos_can_be_undone(make_folder: MakeFolder, tmp_path: Path) -> None:
    with Project.open(tmp_path / "project") as project:
        project.add(make_folder({"cat": 4}), label="cat")
        ids = [photo.id for photo in project.photos()]
        project.join(ids[:2])
        project.join(ids[1:3])
        first, second, third, fourth = (photo.own_group for photo in project.photos())
        assert None not in (first, second)
        assert first != second == third
        assert fourth is None
        project.part(ids[1:])
        assert len({photo.own_group for photo in project.photos()}) == 4
        assert project.undo() == message(EditCode.PARTED, count=3)
        assert [photo.own_group for photo in project.photos()] == [first, second, third, fourth]
        assert project.undo() == message(EditCode.JOINED, count=2)
        project.undo()
        assert {photo.own_group for photo in project.photos()} == {None}


def test_the_choice_of_groups_is_kept(tmp_path: Path) -> None:
    with Project.open(tmp_path / "project") as project:
        assert project.groups_from() == "auto"
        project.choose_groups("none")
    with Project.open(tmp_path / "project") as project:
        assert project.groups_from() == "none"


def test_the_frames_of_a_burst_are_one_group_and_no_other_burst_joins_them(tmp_path: Path) -> None:
    frames = [tmp_path / f"{number}.jpg" for number in range(5)]
    for number, path in enumerate(frames):
        draw_photo(number).save(path)
    with Project.open(tmp_path / "project") as project:
        for some in (frames[:3], frames[3:4]):
            added = project.add_burst([(path.name, path) for path in some], "cup")
            assert added.added == len(some)
        project.add_files([(frames[4].name, frames[4])], "cup")
        first, second, third, fourth, alone = (photo.layout_group for photo in project.photos("cup"))
        with pytest.raises(DataError, match="class"):
            project.add_burst([(frames[0].name, frames[0])], " ")
    assert first == second == third
    assert fourth not in (first, alone)
    assert alone is None


def test_a_new_model_is_the_newest_also_where_the_clock_was_set_back(tmp_path: Path) -> None:
    with Project.open(tmp_path) as project:
        for name, time in (("later", 2_000_000_000), ("earlier", 1_000_000_000)):
            folder = project.models / name
            folder.mkdir()
            (folder / "config.json").write_text("{}")
            os.utime(folder / "config.json", (time, time))
        project.make_newest(project.models / "earlier")
        assert [folder.name for folder in project.model_folders()] == ["earlier", "later"]
        project.make_newest(tmp_path / "elsewhere")  # a model that is not the project's
