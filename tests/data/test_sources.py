"""Zips inside folders and zips, code pages of zips, and class names, through ``Project``."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from classifier.config import Limits
from classifier.data.project import Project
from classifier.errors import DataError
from classifier.messages.data import IntakeCode, LeftOutCode, PhotoCode, UploadNoteCode
from tests.data.test_zip_names import make_zip as make_raw_zip
from tests.helpers import draw_photo, encode


def photos(*names: str) -> dict[str, bytes]:
    """Return a different photo under each name."""
    return {name: encode(draw_photo(seed=number)) for number, name in enumerate(names)}


def pack(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return stream.getvalue()


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


PETS = photos("cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg")


def test_a_zip_inside_a_zip_is_opened(tmp_path: Path) -> None:
    archive = write(tmp_path / "download.zip", pack({"pets.zip": pack(PETS), "README.txt": b"Pets."}))
    with Project.over(archive) as project:
        assert project.classes() == {"cat": 2, "dog": 2}
        assert {file.file for file in project.left_out()} == {"README.txt"}


def test_a_zip_two_levels_deep_is_left_out_by_its_name(tmp_path: Path) -> None:
    inner = pack({**PETS, "cat/more.zip": pack(photos("9.jpg"))})
    with Project.over(write(tmp_path / "download.zip", pack({"pets.zip": inner}))) as project:
        assert project.classes() == {"cat": 2, "dog": 2}
        assert [(file.file, file.code) for file in project.left_out()] == [("pets/cat/more.zip", PhotoCode.ZIP)]


@pytest.mark.parametrize(
    ("name", "content"),
    [("more.7z", b"7z\xbc\xaf\x27\x1cx"), ("more.rar", b"Rar!\x1a\x07"), ("m.tar.gz", b"\x1f\x8b\x08x")],
)
def test_another_archive_beside_the_photos_does_not_sink_them(name: str, content: bytes, tmp_path: Path) -> None:
    with Project.over(write(tmp_path / "pets.zip", pack({**PETS, f"cat/{name}": content}))) as project:
        assert project.classes() == {"cat": 2, "dog": 2}
        (left,) = project.left_out()
        assert (left.file, left.code) == (f"cat/{name}", PhotoCode.ARCHIVE)
        assert "unpack it" in left.reason


def test_a_damaged_zip_inside_is_left_out_under_its_own_name(tmp_path: Path) -> None:
    archive = write(tmp_path / "all.zip", pack({"train.zip": pack(PETS), "test.zip": pack(PETS)[:-40]}))
    with Project.over(archive) as project:
        assert project.classes() == {"cat": 2, "dog": 2}
        assert [(file.file, file.code) for file in project.left_out()] == [("test.zip", IntakeCode.ZIP_CUT_OFF)]
        assert "“test.zip” is cut off" in project.left_out()[0].reason


def test_zips_inside_share_the_limits_of_the_upload(tmp_path: Path) -> None:
    test = photos("cat/8.jpg", "dog/8.jpg")
    inner = {"train.zip": pack(PETS), "test.zip": pack({**test, "notes.txt": bytes(1000)})}
    archive = write(tmp_path / "all.zip", pack(inner))
    used = sum(map(len, (*inner.values(), *PETS.values(), *test.values())))
    with Project.over(archive, Limits(bytes_unpacked=used + 999)) as project:
        assert [(file.file, file.code) for file in project.left_out()] == [("test.zip", IntakeCode.ZIP_TOO_BIG)]
    with Project.over(archive, Limits(bytes_unpacked=used + 1000)) as project:
        assert "test.zip" not in {file.file for file in project.left_out()}


def test_a_link_in_a_zip_is_left_out_and_the_photos_are_taken(tmp_path: Path) -> None:
    archive = write(tmp_path / "pets.zip", pack(PETS))
    link = zipfile.ZipInfo("cat/3.jpg")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(archive, "a") as packed:
        packed.writestr(link, "1.jpg")
    with Project.over(archive) as project:
        assert project.classes() == {"cat": 2, "dog": 2}
        assert [(file.file, file.code) for file in project.left_out()] == [("cat/3.jpg", LeftOutCode.LINK_IN_ZIP)]


def test_a_guessed_code_page_is_said(tmp_path: Path) -> None:
    words = ["кошки", "собаки"]
    names = [f"{word}/{number}.jpg".encode("cp1251") for word in words for number in range(2)]
    archive = make_raw_zip(tmp_path / "a.zip", names, contents=PETS.values())
    with Project.over(archive) as project, Project.open(tmp_path / "home") as home:
        for intake in (project.intake, home.add(archive)):
            assert intake is not None
            assert intake.labels == ("кошки", "собаки")
            assert [note.code for note in intake.notes] == [UploadNoteCode.CODE_PAGE]
            assert "“a.zip”" in str(intake.notes[0])
            assert "Cyrillic" in str(intake.notes[0])


def test_folders_that_cleaning_would_join_stay_two_classes(tmp_path: Path) -> None:
    names = ["cat/1.jpg", "cat\u200b/1.jpg", "dog/1.jpg", "dog /1.jpg"]
    archive = write(tmp_path / "pets.zip", pack(photos(*names)))
    with Project.over(archive) as project:
        assert project.classes() == {"cat": 1, "cat (2)": 1, "dog": 1, "dog (2)": 1}
        assert project.similar_classes() == [("cat", "cat (2)"), ("dog", "dog (2)")]


@pytest.mark.parametrize(
    ("train", "val"),
    [("Bees", "bees"), ("bees", "bees "), ("bees\u200b", "bees"), ("b" * 90, "b" * 85), ("Вees", "bees")],
)
def test_names_of_one_class_in_two_splits_are_matched(train: str, val: str, tmp_path: Path) -> None:
    names = [f"train/{train}/1.jpg", f"train/{train}/2.jpg", "train/ants/1.jpg", f"val/{val}/1.jpg", "val/ants/2.jpg"]
    with Project.over(write(tmp_path / "set.zip", pack(photos(*names)))) as project:
        assert sorted(project.classes().values()) == [2, 3]
        assert not [label for label in project.classes() if label.endswith("(2)")]
        assert project.intake is not None
        assert len(project.intake.notes) == 1


def test_names_of_one_class_in_three_splits_are_matched(tmp_path: Path) -> None:
    names = [f"{split}/{label}/{split}.jpg" for split, label in (("train", "Bees"), ("val", "bees"), ("test", "BEES"))]
    names += [f"{split}/ants/{split}.jpg" for split in ("train", "val", "test")]
    with Project.over(write(tmp_path / "set.zip", pack(photos(*names)))) as project:
        assert project.classes() == {"ants": 3, "Bees": 3}


def test_names_in_a_table_are_matched_between_splits(tmp_path: Path) -> None:
    spellings = {"train": ("Bees", "ants"), "val": ("bees", "ants"), "test": ("bees ", "ants")}
    members = photos(*(f"{split}/{split}{n}.jpg" for split in spellings for n in range(8)))
    for split, labels in spellings.items():
        rows = "".join(f'{split}{n}.jpg,"{labels[n % 2]}"\n' for n in range(8))
        members[f"{split}/labels.csv"] = f"file,label\n{rows}".encode()
    with Project.over(write(tmp_path / "set.zip", pack(members))) as project:
        assert project.classes() == {"ants": 12, "Bees": 12}


def test_where_two_names_fit_none_is_matched(tmp_path: Path) -> None:
    names = ["train/Bees/1.jpg", "train/bees/1.jpg", "train/ants/1.jpg", "val/BEES/1.jpg", "val/ants/1.jpg"]
    with Project.over(write(tmp_path / "set.zip", pack(photos(*names)))) as project:
        assert set(project.classes()) == {"ants", "BEES", "Bees", "bees"}


def test_where_every_file_is_a_placeholder_that_is_the_reason(tmp_path: Path) -> None:
    for name in ("cat/.1.heic.icloud", "cat/.2.heic.icloud", "dog/.3.heic.icloud", "dog/.DS_Store"):
        write(tmp_path / "pets" / name, b"bplist00")
    with pytest.raises(DataError, match=r"None of the 3 files .*: 3 files \(only a stand-in for a photo in iCloud"):
        Project.over(tmp_path / "pets")


def test_folders_of_one_collection_that_look_alike_stay_two_classes(tmp_path: Path) -> None:
    names = [f"anna/{label}/{number}.jpg" for label in ("Cat", "cat", "dog") for number in range(3)]
    names += [f"ben/{label}/{number}.jpg" for label in ("cat", "Dog") for number in range(3)]
    for name, content in photos(*names).items():
        write(tmp_path / "pets" / name, content)
    with Project.over(tmp_path / "pets", labels="folders:2") as project:
        assert project.classes() == {"Cat": 3, "cat": 6, "Dog": 6}
        assert project.intake is not None
        assert "“dog” is “Dog”" in "".join(map(str, project.intake.notes))
