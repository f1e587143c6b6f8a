from __future__ import annotations

import io
import stat
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from classifier.config import Limits
from classifier.data.intake import LeftOut, assign_classes, check_regular_file, scan, sha256, unpack
from classifier.data.labels import clean_label, natural_key
from classifier.errors import DataError
from classifier.messages import message
from classifier.messages.data import LeftOutCode
from tests.helpers import draw_photo, encode


def labels(*names: str) -> list[str | None]:
    return [file.label for file in assign_classes(names)[0]]


def splits(*names: str) -> list[tuple[str, str | None]]:
    return [(file.split, file.label) for file in assign_classes(names)[0]]


def make_zip(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return path


def refusal(archive: Path, limits: Limits = Limits()) -> str:  # noqa: B008
    """The sentence a zip is refused with; nothing of it may stay behind."""
    into = archive.parent / "into"
    with pytest.raises(DataError) as caught:
        unpack(archive, into, limits)
    assert not into.exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# -- names -> classes


def test_class_folders_are_the_classes() -> None:
    assert labels("cat/1.jpg", "dog/2.jpg") == ["cat", "dog"]


def test_windows_separators_mean_the_same() -> None:
    assert labels("my pets\\cat\\1.jpg", "my pets\\dog\\2.jpg") == ["cat", "dog"]


def test_wrappers_are_opened_however_many() -> None:
    assert labels("a/b/cat/1.jpg", "a/b/dog/2.jpg", "a/b/dog/old/3.jpg") == ["cat", "dog", "dog"]


def test_strays_in_a_wrapper_do_no_harm() -> None:
    names = ("w/cat/1.jpg", "w/dog/2.jpg", "w/README.txt", "w/labels.csv", "w/cover.jpg", "notes/n.txt")
    assert labels(*names) == ["cat", "dog", None, None, None, None]


def test_one_dropped_class_folder_is_that_class() -> None:
    assert labels("roses/1.jpg") == ["roses"]
    assert labels("roses/1.jpg", "roses/more/2.jpg") == ["roses", "roses"]
    assert labels("roses/1.jpg", "roses/2.jpg", "roses/a/3.jpg", "roses/b/4.jpg") == ["roses"] * 4


def test_loose_pictures_have_no_class() -> None:
    assert labels("1.jpg", "cat/2.jpg", "dog/3.jpg") == [None, "cat", "dog"]


def test_split_folders_are_recognised_in_any_spelling() -> None:
    assert splits("d/Train/cat/1.jpg", "d/VALID/cat/2.jpg", "d/testing/dog/3.jpg") == [
        ("train", "cat"),
        ("val", "cat"),
        ("test", "dog"),
    ]


def test_a_lone_train_folder_is_a_wrapper() -> None:
    assert splits("train/cat/1.jpg", "train/dog/2.jpg") == [("train", "cat"), ("train", "dog")]


def test_a_train_beside_cars_is_a_vehicle() -> None:
    names = ("train/1.jpg", "car/2.jpg", "bus/3.jpg")
    assert splits(*names) == [("train", "train"), ("train", "car"), ("train", "bus")]


def test_split_names_without_classes_below_are_classes() -> None:
    assert splits("train/1.jpg", "test/2.jpg") == [("train", "train"), ("train", "test")]
    assert splits("val/cat/1.jpg", "test/cat/2.jpg") == [("train", "val"), ("train", "test")]
    assert splits("train/cat/1.jpg", "training/dog/2.jpg") == [("train", "train"), ("train", "training")]


def test_an_unsorted_test_folder_beside_sorted_training_photos_has_no_classes() -> None:
    assert splits("train/cat/1.jpg", "train/dog/2.jpg", "test/3.jpg")[-1] == ("test", None)


def test_the_computers_own_files_are_left_out() -> None:
    junk = [
        "__MACOSX/cat/._1.jpg",
        "cat/._1.jpg",
        "cat/.DS_Store",
        "cat/Thumbs.db",
        "desktop.ini",
        ".git/x/1.jpg",
    ]
    placed, left_out = assign_classes(["cat/1.jpg", *junk])
    assert [file.name for file in placed] == ["cat/1.jpg"]
    assert left_out == [LeftOut(name, message(LeftOutCode.JUNK)) for name in junk]


@pytest.mark.parametrize("name", ["../1.jpg", "a/../1.jpg", "/etc/1.jpg", "C:\\a\\1.jpg", "a//1.jpg", "", "a\\..\\b"])
def test_names_that_point_outside_are_left_out(name: str) -> None:
    placed, left_out = assign_classes([name])
    assert not placed
    assert "outside" in left_out[0].reason


def test_a_name_of_broken_characters_is_left_out_and_can_be_shown() -> None:
    _, left_out = assign_classes(["cat/\udcff.jpg"])
    left_out[0].file.encode("utf-8")


def test_equal_names_are_each_placed() -> None:
    assert labels("a/1.jpg", "a/1.jpg") == ["a", "a"]


def test_labels_are_cleaned_and_shortened() -> None:
    assert clean_label("  e\u0301te\u0301\t 2024\n\u202e\x00 ") == "été 2024"
    assert clean_label("x" * 500, Limits(label_letters=12)) == "x" * 12
    assert clean_label("\u202e \x07") == ""
    assert clean_label("👩‍🌾") == "👩‍🌾"
    assert labels("\u200b/1.jpg") == [None]


def test_natural_order_is_the_order_people_expect() -> None:
    assert sorted(["10", "2", "b", "A", "1a", "a10", "a9"], key=natural_key) == [
        "1a",
        "2",
        "10",
        "A",
        "a9",
        "a10",
        "b",
    ]
    natural_key("1" * 10_000)


# -- folders


def test_scan_lists_files_in_natural_order(tmp_path: Path) -> None:
    for name in ("b/10.jpg", "b/2.jpg", "a/1.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert [name for name, _ in scan(tmp_path)] == ["a/1.jpg", "b/2.jpg", "b/10.jpg"]


def test_scan_names_a_dot_folder_once_and_does_not_enter_it(tmp_path: Path) -> None:
    for name in (".git/objects/1", "__MACOSX/._1.jpg", "cat/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"x")
    assert [name for name, _ in scan(tmp_path)] == [".git", "__MACOSX/._1.jpg", "cat/1.jpg"]


def test_scan_never_follows_links(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "1.jpg").write_bytes(b"x")
    (tmp_path / "data" / "loop").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "out").symlink_to(tmp_path / "secret")
    found = list(scan(tmp_path / "data"))
    assert [name for name, _ in found] == ["loop", "out"]
    assert all("link" in (check_regular_file(path).value) for _, path in found)


def test_a_missing_an_empty_and_a_crowded_folder_are_each_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no folder or zip"):
        list(scan(tmp_path / "missing"))
    with pytest.raises(DataError, match="empty"):
        list(scan(tmp_path / "empty"))
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(b"x")
    with pytest.raises(DataError, match="more than 2 files"):
        list(scan(tmp_path, Limits(files=2)))


# -- zips


def test_a_zip_is_unpacked_under_made_up_names(tmp_path: Path) -> None:
    photo = encode(draw_photo())
    archive = make_zip(tmp_path / "a.zip", {"cat/": b"", "cat/CON.jpg": photo, "cat/Füße.jpg": b"2"})
    files = unpack(archive, tmp_path / "into")
    assert [name for name, _ in files] == ["cat/CON.jpg", "cat/Füße.jpg"]
    assert files[0][1].read_bytes() == photo
    assert sorted(path.name for path in (tmp_path / "into").iterdir()) == ["000000", "000001"]


def test_names_in_unmarked_utf8_are_read_as_macos_wrote_them(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"été/1.jpg": b"1"})
    marked = archive.read_bytes()
    archive.write_bytes(
        marked.replace(b"\x00\x08\x00\x00", b"\x00\x00\x00\x00").replace(b"\x00\x08\x08\x00", b"\0\0\x08\0")
    )
    with zipfile.ZipFile(archive) as packed:
        assert not packed.infolist()[0].flag_bits & 0x800
    assert unpack(archive, tmp_path / "into")[0][0] == "été/1.jpg"


@pytest.mark.parametrize("name", ["../evil.jpg", "cat/../../evil.jpg", "/etc/evil.jpg", "C:\\evil.jpg", "..\\evil.jpg"])
def test_a_zip_that_names_places_outside_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cat/1.jpg": encode(draw_photo()), name: b"x"})
    assert "outside its own folder" in refusal(archive)
    assert not list(tmp_path.parent.rglob("evil.jpg"))


def test_a_zip_with_a_link_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        link = zipfile.ZipInfo("cat/1.jpg")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link, "/etc/passwd")
    assert "link" in refusal(tmp_path / "a.zip")


def test_a_locked_zip_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cat/1.jpg": b"x"})
    data = bytearray(archive.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    assert "password" in refusal(archive)


def test_archives_inside_a_zip_are_refused_by_name_and_by_content(tmp_path: Path) -> None:
    inner = make_zip(tmp_path / "inner.zip", {"1.jpg": b"x"}).read_bytes()
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as packed:
        packed.addfile(tarfile.TarInfo("x"))
    for name, data in {"a.zip": b"x", "a.7z": b"x", "1.jpg": inner, "2.jpg": tar.getvalue()}.items():
        archive = make_zip(tmp_path / "outer.zip", {"cat/0.jpg": encode(draw_photo()), f"cat/{name}": data})
        assert "another archive" in refusal(archive), name


def test_a_word_document_beside_the_photos_does_no_harm(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cat/1.jpg": b"x", "notes.docx": b"PK\x03\x04"})
    assert len(unpack(archive, tmp_path / "into")) == 2


def test_too_many_files_or_bytes_are_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cat/1.jpg": bytes(3_000_000), "cat/2.jpg": b"x"})
    assert "2 files" in refusal(archive, Limits(files=1))
    assert "more than 2 megabytes" in refusal(archive, Limits(bytes_unpacked=2_000_000))


def test_a_bomb_is_refused_by_its_ratio_but_a_small_text_that_packs_well_is_not(tmp_path: Path) -> None:
    text = make_zip(tmp_path / "text.zip", {"cat/1.txt": bytes(5_000_000)})
    assert unpack(text, tmp_path / "text")
    bomb = make_zip(tmp_path / "bomb.zip", {"cat/1.jpg": bytes(60_000_000)})
    assert "200 times" in refusal(bomb)


@pytest.mark.parametrize("lie", [10, 10_000])
def test_a_header_that_lies_about_the_size_is_found_out(lie: int, tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cat/1.jpg": bytes(1000)})
    data = bytearray(archive.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, lie)
    struct.pack_into("<I", data, 22, lie)
    archive.write_bytes(data)
    assert "damaged" in refusal(archive)


def test_a_damaged_zip_and_a_file_that_is_no_zip_are_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cat/1.jpg": encode(draw_photo())}, zipfile.ZIP_STORED)
    data = bytearray(archive.read_bytes())
    data[200] ^= 0xFF
    archive.write_bytes(data)
    assert "damaged" in refusal(archive)
    archive.write_bytes(bytes(data[:300]))
    assert "damaged" in refusal(archive)
    archive.write_bytes(b"hello")
    assert "no zip" in refusal(archive)
    archive.unlink()
    assert "no folder or zip" in refusal(archive)


def test_an_unknown_packing_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cat/1.jpg": b"x"})
    data = bytearray(archive.read_bytes())
    struct.pack_into("<H", data, data.index(b"PK\x01\x02") + 10, 98)
    struct.pack_into("<H", data, 8, 98)
    archive.write_bytes(data)
    assert "cannot read" in refusal(archive)


def test_a_fingerprint_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256(tmp_path / "x").startswith("ba7816bf8f01cfea")
