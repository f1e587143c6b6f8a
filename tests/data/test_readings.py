"""How folders, zips and uploads are read, through ``Project``: labels, splits, groups, and what is asked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from classifier.config import Limits
from classifier.data.project import Project
from classifier.errors import DataError, LayoutError
from classifier.messages.data import IntakeCode, LeftOutCode, ProjectCode, UploadNoteCode
from classifier.messages.layout import NotTakenCode
from tests.data.test_sources import pack, photos, write

Balance = dict[str, dict[str, int]]


def make_folder(folder: Path, *names: str, **texts: str) -> Path:
    """Write photos, all different, and texts under ``name.csv`` for a keyword ``name_csv``."""
    for name, content in photos(*names).items():
        write(folder / name, content)
    for name, text in texts.items():
        write(folder / name.replace("_csv", ".csv"), text.encode())
    return folder


def make_zip(path: Path, *names: str, seed: int = 0) -> Path:
    filler = [f"-{number}" for number in range(seed)]
    return write(path, pack({name: content for name, content in photos(*filler, *names).items() if name in names}))


def balance(*data: Path, labels: str | None = None) -> Balance:
    with Project.over(list(data), labels=labels) as project:
        return project.catalog.balance()


def numbered(folder: str, count: int) -> list[str]:
    return [f"{folder}/{number}.jpg" for number in range(1, count + 1)]


PETS = [*numbered("cat", 3), *numbered("dog", 3)]
NEW_PETS = [*numbered("cat", 2), *numbered("dog", 1)]


# plain class folders are read as before


@pytest.mark.parametrize(
    "names",
    [PETS, [f"a/b/{name}" for name in PETS], [f"./{name}" for name in PETS], [f"my pets/images/{n}" for n in PETS],
     [name.replace("/", "\\") for name in PETS], [f"photos//{name}" for name in PETS],
     [*PETS, *numbered("cow", 6), "cover.jpg"],
     [name.replace("/", "/old/") for name in PETS], [name.replace("/", "/IMG_") for name in PETS]],
)  # fmt: skip
def test_class_folders_are_read_in_all_wrappings(names: list[str], tmp_path: Path) -> None:
    counts = balance(make_zip(tmp_path / "pets.zip", *names))["train"]
    assert (counts["cat"], counts["dog"]) == (3, 3)
    assert set(counts) <= {"cat", "dog", "cow"}


def test_metadata_beside_class_folders_is_read_past_without_a_question(tmp_path: Path) -> None:
    rows = "\n".join(f"{name},{number},Canon" for number, name in enumerate(PETS))
    folder = make_folder(tmp_path / "pets", *PETS, metadata_csv=f"file,iso,camera\n{rows}\n")
    with Project.over(folder) as project:
        assert project.classes() == {"cat": 3, "dog": 3}
        assert [left.file for left in project.left_out()] == ["metadata.csv"]


def test_a_table_that_gave_the_labels_is_no_photo_left_out(tmp_path: Path) -> None:
    rows = "\n".join(f"{number}.jpg,{'cat' if number % 2 else 'dog'}" for number in range(1, 11))
    folder = make_folder(tmp_path / "pets", *numbered("images", 11), labels_csv=f"file,label\n{rows}\n")
    (folder / "notes.txt").write_text("hello")
    with Project.over(folder) as project:
        assert project.classes() == {"cat": 5, "dog": 5}
        left = {file.file: file.code for file in project.left_out()}
        assert set(left) == {"images/11.jpg", "notes.txt"}
        assert left["images/11.jpg"] is NotTakenCode.NOT_IN_TABLE


def test_a_picture_without_a_known_ending_has_the_class_of_its_folder(tmp_path: Path) -> None:
    names = [*(f"cat/{n}.jpg" for n in range(30)), *(f"dog/{n}.jpg" for n in range(30)), "cat/scan", "dog/old/4.image"]
    with Project.over(make_folder(tmp_path / "pets", *names)) as project:
        assert project.classes() == {"cat": 31, "dog": 31}


def test_pictures_of_masks_are_left_out_with_that_reason(tmp_path: Path) -> None:
    masks = [f"masks/{name}" for name in PETS]
    with Project.over(make_folder(tmp_path / "pets", *(f"images/{name}" for name in PETS), *masks)) as project:
        assert project.classes() == {"cat": 3, "dog": 3}
        assert {file.code for file in project.left_out()} == {NotTakenCode.MASK}
        assert len(project.left_out()) == 6


def test_one_folder_of_photos_is_one_class(tmp_path: Path) -> None:
    assert balance(make_folder(tmp_path / "a", *numbered("roses", 3))) == {"train": {"roses": 3}}
    assert balance(make_folder(tmp_path / "b", *numbered("flowers/roses", 3))) == {"train": {"roses": 3}}
    names = [*numbered("roses", 2), *numbered("roses/a", 1), *numbered("roses/b", 1)]
    assert balance(make_folder(tmp_path / "c", *names)) == {"train": {"roses": 4}}
    assert balance(make_folder(tmp_path / "d", "mug/mug 1.jpg", "mug/mug 2.jpg", "mug/dark 1.jpg", "mug/dark 2.jpg"))


@pytest.mark.parametrize("folder", ["images", "test", "masks", "train/new"])
def test_a_folder_whose_name_shows_nothing_is_no_class(folder: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError) as error:
        Project.over(make_folder(tmp_path / "a", *numbered(folder, 3)))
    assert error.value.readings == ()
    assert "3 pictures" in str(error.value)


# several folders and zips


def test_each_zip_keeps_the_split_of_its_name(tmp_path: Path) -> None:
    train, test = make_zip(tmp_path / "train.zip", *PETS), make_zip(tmp_path / "test.zip", *NEW_PETS, seed=9)
    expected = {"train": {"cat": 3, "dog": 3}, "test": {"cat": 2, "dog": 1}}
    assert balance(train, test) == expected
    assert balance(test, train) == expected
    with Project.over([train, test]) as project:
        assert {asset.source for asset in project.photos("dog")} >= {"train/dog/1.jpg", "test/dog/1.jpg"}
        assert all(project.photo_path(asset).is_file() for asset in project.photos())


def test_other_words_in_the_names_of_splits_may_be_shared(tmp_path: Path) -> None:
    train, test = make_zip(tmp_path / "seg_train.zip", *PETS), make_zip(tmp_path / "seg_test.zip", *NEW_PETS, seed=9)
    assert balance(train, test) == {"train": {"cat": 3, "dog": 3}, "test": {"cat": 2, "dog": 1}}
    may = make_zip(tmp_path / "test of May.zip", *NEW_PETS, seed=9)
    assert balance(train, may) == {"train": {"cat": 3, "dog": 3}, "test": {"cat": 2, "dog": 1}}
    strips = make_zip(tmp_path / "test strips.zip", *numbered("strip", 2), seed=9)
    assert balance(train, strips) == {"train": {"cat": 3, "dog": 3, "strip": 2}}


def test_a_test_zip_beside_another_name_is_the_test_part(tmp_path: Path) -> None:
    pets, test = make_zip(tmp_path / "pets.zip", *PETS), make_zip(tmp_path / "test.zip", *NEW_PETS, seed=9)
    assert balance(pets, test) == {"train": {"cat": 3, "dog": 3}, "test": {"cat": 2, "dog": 1}}


def test_a_folder_named_test_inside_a_zip_keeps_its_split(tmp_path: Path) -> None:
    train = make_zip(tmp_path / "part1.zip", *(f"train/{name}" for name in PETS))
    test = make_zip(tmp_path / "part2.zip", *(f"test/{name}" for name in NEW_PETS), seed=9)
    assert balance(train, test) == {"train": {"cat": 3, "dog": 3}, "test": {"cat": 2, "dog": 1}}
    assert balance(test) == {"train": {"cat": 2, "dog": 1}}


def test_a_test_zip_alone_holds_photos_to_train_on(tmp_path: Path) -> None:
    assert balance(make_zip(tmp_path / "test.zip", *PETS)) == {"train": {"cat": 3, "dog": 3}}


def test_splits_inside_a_zip_win_over_its_name(tmp_path: Path) -> None:
    names = [*(f"train/{name}" for name in PETS), *(f"val/{name}" for name in NEW_PETS)]
    data = make_zip(tmp_path / "test.zip", *names), make_zip(tmp_path / "more.zip", *numbered("cow", 2), seed=20)
    assert balance(*data) == {"train": {"cat": 3, "dog": 3, "cow": 2}, "val": {"cat": 2, "dog": 1}}


def test_flat_folders_named_together_are_the_classes(tmp_path: Path) -> None:
    cat, dog = make_zip(tmp_path / "cat.zip", "1.jpg", "2.jpg"), make_folder(tmp_path / "dog", "5.jpg", "2.jpg")
    with Project.over([cat, dog]) as project:
        assert {label: len(project.photos(label)) for label in ("cat", "dog")} == {"cat": 2, "dog": 2}
        assert all(project.photo_path(asset).is_file() for asset in project.photos())


def test_class_folders_of_two_zips_are_joined(tmp_path: Path) -> None:
    one, two = (
        make_zip(tmp_path / "one.zip", *PETS),
        make_zip(tmp_path / "two.zip", *NEW_PETS, *numbered("cow", 2), seed=9),
    )
    assert balance(one, two) == {"train": {"cat": 5, "dog": 4, "cow": 2}}


def test_equal_names_of_data_are_told_apart(tmp_path: Path) -> None:
    one, two = make_zip(tmp_path / "a/pets.zip", *PETS), make_zip(tmp_path / "b/pets.zip", *NEW_PETS, seed=9)
    with Project.over([one, two]) as project:
        assert {asset.source.split("/")[0] for asset in project.photos()} == {"pets", "pets (2)"}


def test_a_kaggle_set_of_flat_zips_and_a_table_is_read_together(tmp_path: Path) -> None:
    train = make_zip(tmp_path / "train.zip", *(f"{number}.jpg" for number in range(10)))
    test = make_zip(tmp_path / "test.zip", *(f"{number}.jpg" for number in range(20, 24)), seed=20)
    rows = "\n".join(f"{number}.jpg,{'cat' if number % 2 else 'dog'}" for number in range(10))
    table = write(tmp_path / "train.csv", f"image,label\n{rows}\n".encode())
    with Project.over([train, test, table]) as project:
        assert project.catalog.balance() == {"train": {"cat": 5, "dog": 5}}
        assert [file.code for file in project.left_out()] == [NotTakenCode.UNLABELED_SPLIT] * 4
        assert project.intake is not None
        (note,) = project.intake.notes
        assert (note.code, str(note)[:30]) == (UploadNoteCode.UNLABELED, "4 photos without a label are k")


def test_a_table_outside_the_data_gives_the_labels(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "pets", *(f"{number}.jpg" for number in range(10)))
    rows = "\n".join(f"{number}.jpg,{'cat' if number % 2 else 'dog'},x{number}" for number in range(10))
    table = write(tmp_path / "elsewhere.csv", f"image,kind,note\n{rows}\n".encode())
    assert balance(folder, labels=f"{table}:kind") == {"train": {"cat": 5, "dog": 5}}


# zips in a folder


def test_train_and_test_zips_in_one_folder_are_the_splits(tmp_path: Path) -> None:
    make_zip(tmp_path / "set/train.zip", *PETS)
    make_zip(tmp_path / "set/test.zip", *NEW_PETS, seed=9)
    assert balance(tmp_path / "set") == {"train": {"cat": 3, "dog": 3}, "test": {"cat": 2, "dog": 1}}


def test_a_single_zip_in_a_folder_is_opened(tmp_path: Path) -> None:
    make_zip(tmp_path / "set/archive.zip", *PETS)
    (tmp_path / "set/README.txt").write_text("hello")
    assert balance(tmp_path / "set") == {"train": {"cat": 3, "dog": 3}}


def test_several_zips_alone_in_a_folder_are_not_joined(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_zip(tmp_path / f"set/{name}.zip", *PETS)
    with pytest.raises(LayoutError, match=r"2 zips \(one.zip, two.zip\)") as error:
        Project.over(tmp_path / "set")
    assert error.value.code is IntakeCode.ZIPS_APART


def test_zips_that_cannot_be_opened_are_named_with_the_reason(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / f"set/{name}.zip", b"PK\x03\x04 and no more")
    with pytest.raises(LayoutError) as error:
        Project.over(tmp_path / "set")
    assert error.value.code is IntakeCode.ZIPS_UNREADABLE
    assert "“one.zip” and “two.zip” (" in str(error.value)


def test_a_zip_beside_class_folders_is_not_opened(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "pets", *PETS)
    make_zip(folder / "backup.zip", *PETS)
    with Project.over(folder) as project:
        assert project.classes() == {"cat": 3, "dog": 3}
        assert [(left.file, left.code) for left in project.left_out()] == [("backup.zip", IntakeCode.ZIP_BESIDE)]


def test_a_test_zip_beside_class_folders_is_the_test_part(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "pets", *PETS)
    make_zip(folder / "test.zip", *NEW_PETS, seed=9)
    assert balance(folder) == {"train": {"cat": 3, "dog": 3}, "test": {"cat": 2, "dog": 1}}


# limits and links


def test_the_number_of_files_is_limited_only_where_asked_for(tmp_path: Path) -> None:
    one, two = make_zip(tmp_path / "one.zip", *PETS), make_zip(tmp_path / "two.zip", *NEW_PETS, seed=9)
    with Project.over([one, two], Limits(files=9)) as project:
        assert len(project.photos()) == 9
    with pytest.raises(DataError, match="9 files came, and at most 8") as error:
        Project.over([one, two], Limits(files=8))
    assert error.value.code is ProjectCode.TOO_MANY_AT_ONCE
    assert Limits().files > 10**9


def test_links_are_followed_inside_the_folder_and_others_are_named(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "set", *numbered("pool", 4))
    outside = make_folder(tmp_path / "elsewhere", "9.jpg")
    links: Iterable[tuple[str, str]] = [
        ("cat/a.jpg", "../pool/1.jpg"), ("cat/b.jpg", "../pool/2.jpg"), ("dog/c.jpg", "../pool/3.jpg"),
        ("dog/d.jpg", str(outside / "9.jpg")), ("dog/e.jpg", "missing.jpg"),
    ]  # fmt: skip
    for name, target in links:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(target)
    (folder / "loop").symlink_to(".")
    with Project.over(folder) as project:
        assert project.classes() == {"cat": 2, "dog": 1, "pool": 4}
        assert {left.file: left.code for left in project.left_out()} == {
            "dog/d.jpg": LeftOutCode.LINK, "dog/e.jpg": LeftOutCode.LINK_BROKEN, "loop": LeftOutCode.LINK,
        }  # fmt: skip


# questions and refusals


def test_where_several_readings_fit_the_error_holds_them(tmp_path: Path) -> None:
    names = [f"pets/{word}.{number}.jpg" for word in ("cat", "dog") for number in range(10)]
    folder = make_folder(tmp_path / "data", *names)
    with pytest.raises(LayoutError, match="--labels names:first") as error:
        Project.over(folder)
    (reading,) = [one for one in error.value.readings if one.option == "names:first"]
    assert reading.class_counts() == {"cat": 10, "dog": 10}
    assert balance(folder, labels="names:first") == {"train": {"cat": 10, "dog": 10}}
    assert balance(folder, labels="names") == {"train": {"cat": 10, "dog": 10}}


def test_a_reading_that_does_not_fit_is_an_error_that_says_what_does(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="folders"):
        Project.over(make_folder(tmp_path / "pets", *PETS), labels="labels.csv:kind")


def test_where_no_reading_fits_the_photos_are_counted(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "set", *(f"images/IMG_{number}.jpg" for number in range(7)))
    with pytest.raises(LayoutError, match="7 pictures") as error:
        Project.over(folder)
    assert "images/" in str(error.value)
    assert "no photos" not in str(error.value)


# groups


def test_photos_that_the_layout_shows_to_belong_together_share_a_group(tmp_path: Path) -> None:
    copies = [
        f"{label}/{label}{number}_jpg.rf.{copy}.jpg" for label in ("cat", "dog") for number in range(3) for copy in "ab"
    ]
    with Project.over(make_folder(tmp_path / "set", *copies)) as project:
        groups = {asset.source: asset.layout_group for asset in project.photos()}
        assert groups["cat/cat0_jpg.rf.a.jpg"] == groups["cat/cat0_jpg.rf.b.jpg"]
        assert len(set(groups.values())) == 6


def test_groups_in_two_of_the_given_splits_are_counted(tmp_path: Path) -> None:
    names = [f"{split}/{label}/{label}{number}_jpg.rf.{split}.jpg"
             for split in ("train", "test") for label in ("cat", "dog") for number in range(3)]  # fmt: skip
    with Project.over(make_folder(tmp_path / "set", *names)) as project:
        assert project.catalog.divided_groups() == (6, 6)


def test_a_table_outside_the_data_gives_the_groups(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "pets", *PETS)
    rows = "\n".join(f"{name},{'anna' if name.endswith('1.jpg') else 'ben'}" for name in PETS)
    table = write(tmp_path / "groups.csv", f"file,group\n{rows}\n".encode())
    with Project.over(folder, groups=str(table)) as project:
        assert {asset.layout_group for asset in project.photos()} == {"anna", "ben"}
        assert project.classes() == {"cat": 3, "dog": 3}


def test_a_table_inside_a_zip_gives_the_labels(tmp_path: Path) -> None:
    names = [f"download/images/{number}.jpg" for number in range(10)]
    rows = "\n".join(f"{number}.jpg,{'cat' if number % 2 else 'dog'}" for number in range(10))
    contents = {**photos(*names), "download/labels.csv": f"file,label\n{rows}\n".encode()}
    with Project.over(write(tmp_path / "download.zip", pack(contents))) as project:
        assert project.classes() == {"cat": 5, "dog": 5}
        assert project.left_out() == []
