from __future__ import annotations

import io
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from classifier.config import Limits
from classifier.data.archives import unpack
from classifier.errors import DataError, StorageError
from classifier.messages.data import IntakeCode, LeftOutCode
from classifier.messages.files import StorageCode
from tests.helpers import draw_photo, encode

# Unpacks a zip in a process that may not write files above {limit} bytes; a write above it fails as on a full disk.
UNPACK = """
import resource, sys
from pathlib import Path
from classifier.data.archives import unpack
from classifier.errors import ClassifierError
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
except ClassifierError as error:
    print(error.code.name)
"""
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")


def make_zip(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return path


def names_of(archive: Path, limits: Limits = Limits()) -> list[str]:  # noqa: B008
    with tempfile.TemporaryDirectory() as folder:
        return [name for name, _ in unpack(archive, Path(folder), limits).files]


def refuse(archive: Path, limits: Limits = Limits()) -> DataError:  # noqa: B008
    """Return the error with which a zip is refused; nothing of it may stay behind."""
    into = archive.parent / "into"
    with pytest.raises(DataError) as caught:
        unpack(archive, into, limits)
    assert not into.exists()
    assert "\n" not in str(caught.value)
    return caught.value


def patch(archive: Path, local: int, central: int, value: bytes) -> None:
    """Overwrite a field of the only member at its offsets in the local header and in the central directory."""
    data = bytearray(archive.read_bytes())
    start = data.index(b"PK\x01\x02") + central
    data[local : local + len(value)] = value
    data[start : start + len(value)] = value
    archive.write_bytes(data)


def unpack_with_limit(archive: Path, limit: int) -> str:
    """Return the code of the error that unpacking into “into” ends with."""
    command = [sys.executable, "-c", UNPACK.format(limit=limit), str(archive), str(archive.parent / "into")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_zip_is_unpacked_under_numbers_as_names(tmp_path: Path) -> None:
    photo = encode(draw_photo())
    archive = make_zip(tmp_path / "a.zip", {"cat/": b"", "cat/CON.jpg": photo, "cat/Füße.jpg": b"2"})
    into = tmp_path / "new" / "into"
    unpacked = unpack(archive, into)
    assert unpacked.files == [("cat/CON.jpg", into / "000000"), ("cat/Füße.jpg", into / "000001")]
    assert (unpacked.left_out, unpacked.guessed) == ([], None)
    assert (into / "000000").read_bytes() == photo
    assert (into / "000001").read_bytes() == b"2"


def test_folders_of_a_zip_made_on_windows_are_no_files(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cat\\": b"", "cat\\1.jpg": b"x"})
    assert names_of(archive, Limits(files=1)) == ["cat\\1.jpg"]


def test_a_file_of_several_chunks_is_unpacked_whole(tmp_path: Path) -> None:
    content = np.random.default_rng(0).bytes(600_000)
    ((_, path),) = unpack(make_zip(tmp_path / "a.zip", {"1.jpg": content}), tmp_path / "into").files
    assert path.read_bytes() == content


def test_a_folder_that_exists_is_unpacked_into_and_kept_on_failure(tmp_path: Path) -> None:
    into = tmp_path / "into"
    into.mkdir()
    (into / "other.txt").write_bytes(b"x")
    unpack(make_zip(tmp_path / "a.zip", {"1.jpg": b"x"}), into)
    assert {path.name for path in into.iterdir()} == {"000000", "other.txt"}
    (into / "000000").unlink()
    with pytest.raises(DataError):
        unpack(make_zip(tmp_path / "b.zip", {"1.jpg": b"x", "../2.jpg": b"x"}), into)
    damaged = make_zip(tmp_path / "c.zip", {"1.jpg": b"x", "2.jpg": b"abcdef"}, zipfile.ZIP_STORED)
    damaged.write_bytes(damaged.read_bytes().replace(b"abcdef", b"abcdeg"))
    with pytest.raises(DataError):
        unpack(damaged, into)
    assert [path.name for path in into.iterdir()] == ["other.txt"]


@pytest.mark.parametrize("name", ["../evil.jpg", "cat/../../evil.jpg", "/etc/evil.jpg", "C:\\evil.jpg", "..\\evil.jpg"])
def test_a_zip_that_names_places_outside_is_refused(name: str, tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cat/1.jpg": encode(draw_photo()), name: b"x"})
    assert refuse(archive).code is IntakeCode.ZIP_OUTSIDE
    assert not list(tmp_path.parent.rglob("evil.jpg"))


@pytest.mark.parametrize("name", ["A: rust/1.jpg", "photos//bees/1.jpg", "./bees/1.jpg", "bees/a..b/1.jpg", "C:1.jpg"])
def test_odd_names_that_stay_inside_are_not_refused(name: str, tmp_path: Path) -> None:
    assert names_of(make_zip(tmp_path / "a.zip", {name: b"x"})) == [name]


def test_entries_for_folders_are_no_files_whatever_their_names(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"./": b"", "/": b"", "cat/": b"", "cat/1.jpg": b"x"})
    assert names_of(archive, Limits(files=1)) == ["cat/1.jpg"]


def test_two_entries_of_one_name_are_both_kept(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("cat/1.jpg", b"one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            packed.writestr("cat/1.jpg", b"two")
    files = unpack(tmp_path / "a.zip", tmp_path / "into").files
    assert [(name, path.read_bytes()) for name, path in files] == [("cat/1.jpg", b"one"), ("cat/1.jpg", b"two")]


def test_an_error_shows_the_first_60_letters_of_a_name(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {f"../{'x' * 99}": b"x"})
    assert f"(“../{'x' * 57}”)" in str(refuse(archive))


def make_zip_of_kind(path: Path, kind: int) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        member = zipfile.ZipInfo("cat/1.jpg")
        member.create_system = 3
        member.external_attr = (kind | 0o777) << 16
        packed.writestr(member, "/etc/passwd")
    return path


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_zip_with_nothing_but_links_or_devices_is_refused(kind: int, tmp_path: Path) -> None:
    assert refuse(make_zip_of_kind(tmp_path / "a.zip", kind)).code is IntakeCode.ZIP_LINK


@pytest.mark.parametrize("kind", [0, stat.S_IFREG, stat.S_IFDIR])
def test_regular_files_of_any_mode_are_unpacked(kind: int, tmp_path: Path) -> None:
    assert names_of(make_zip_of_kind(tmp_path / "a.zip", kind)) == ["cat/1.jpg"]


@pytest.mark.parametrize(
    ("kind", "code"), [(stat.S_IFLNK, LeftOutCode.LINK_IN_ZIP), (stat.S_IFIFO, LeftOutCode.NOT_A_FILE)]
)
def test_a_link_or_device_is_left_out_and_the_rest_is_taken(kind: int, code: LeftOutCode, tmp_path: Path) -> None:
    archive = make_zip_of_kind(tmp_path / "a.zip", kind)
    with zipfile.ZipFile(archive, "a") as packed:
        packed.writestr("cat/2.jpg", b"photo")
    unpacked = unpack(archive, tmp_path / "into")
    assert [(name, path.read_bytes()) for name, path in unpacked.files] == [("cat/2.jpg", b"photo")]
    assert [(left.file, left.code) for left in unpacked.left_out] == [("cat/1.jpg", code)]
    assert len(list((tmp_path / "into").iterdir())) == 1


@pytest.mark.parametrize("flag", [0x1, 0x40, 0x2000])
def test_a_zip_of_which_everything_is_locked_is_refused(flag: int, tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cat/1.jpg": b"x"})
    patch(archive, 6, 8, struct.pack("<H", flag))
    assert refuse(archive).code is IntakeCode.ZIP_LOCKED


def test_a_locked_file_is_left_out_and_the_rest_is_taken(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cat/1.jpg": b"x", "cat/2.jpg": b"y"})
    patch(archive, 6, 8, struct.pack("<H", 0x1))  # of the first
    unpacked = unpack(archive, tmp_path / "into")
    assert [name for name, _ in unpacked.files] == ["cat/2.jpg"]
    assert [(left.file, left.code) for left in unpacked.left_out] == [("cat/1.jpg", LeftOutCode.LOCKED)]


def make_tar() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as packed:
        packed.addfile(tarfile.TarInfo("x"))
    return stream.getvalue()


@pytest.mark.parametrize("name", ["cat/a.zip", "cat/a.7z", "a.rar", "a.tar.gz", "cat/1.jpg", "notes.docx"])
@pytest.mark.parametrize("content", [b"PK\x03\x04", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"\x1f\x8b", make_tar()])
def test_an_archive_inside_a_zip_is_unpacked_as_a_file(name: str, content: bytes, tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "outer.zip", {"cat/0.jpg": b"x", name: content})
    unpacked = unpack(archive, tmp_path / "into")
    assert [(name, path.read_bytes()) for name, path in unpacked.files] == [("cat/0.jpg", b"x"), (name, content)]


def test_zips_of_one_upload_share_the_limits(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"1.jpg": bytes(700), "2.jpg": bytes(300)})
    left = unpack(archive, tmp_path / "one", Limits(files=3, bytes_unpacked=1999)).limits_left
    assert (left.files, left.bytes_unpacked) == (1, 999)
    with pytest.raises(DataError) as caught:
        unpack(archive, tmp_path / "two", left)
    assert caught.value.code is IntakeCode.ZIP_TOO_MANY_FILES
    single = make_zip(tmp_path / "b.zip", {"1.jpg": bytes(1000)})
    with pytest.raises(DataError) as caught:
        unpack(single, tmp_path / "two", left)
    assert caught.value.code is IntakeCode.ZIP_TOO_BIG


def test_a_zip_of_more_files_than_the_limit_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cat/": b"", "cat/1.jpg": b"x", "cat/2.jpg": b"x"})
    error = refuse(archive, Limits(files=1))
    assert error.code is IntakeCode.ZIP_TOO_MANY_FILES
    assert "2 files, and at most 1" in str(error)
    assert len(names_of(archive, Limits(files=2))) == 2


def test_a_zip_of_more_bytes_than_the_limit_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cat/1.jpg": bytes(2_000_000), "cat/2.jpg": b"x"})
    error = refuse(archive, Limits(bytes_unpacked=2_000_000))
    assert error.code is IntakeCode.ZIP_TOO_BIG
    assert "more than 2 megabytes" in str(error)
    assert len(names_of(archive, Limits(bytes_unpacked=2_000_001))) == 2


def test_a_bomb_is_refused_but_not_a_small_text_that_packs_well(tmp_path: Path) -> None:
    text = make_zip(tmp_path / "text.zip", {"cat/1.txt": bytes(5_000_000)})
    assert names_of(text) == ["cat/1.txt"]
    bomb = make_zip(tmp_path / "bomb.zip", {"cat/1.jpg": bytes(60_000_000)})
    error = refuse(bomb)
    assert error.code is IntakeCode.ZIP_BOMB
    assert "200 times" in str(error)


def test_the_ratio_of_a_bomb_is_unpacked_by_packed_bytes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:  # 17 MB that unpack to 51 MB
        packed.writestr("1.jpg", bytes(17_000_000))
        packed.writestr("2.jpg", bytes(34_000_000), zipfile.ZIP_DEFLATED, 1)
    assert refuse(tmp_path / "a.zip", Limits(ratio=2)).code is IntakeCode.ZIP_BOMB
    assert len(names_of(tmp_path / "a.zip", Limits(ratio=3))) == 2


@pytest.mark.parametrize("size", [10, 10_000])
def test_a_header_with_a_false_size_is_refused(size: int, tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cat/1.jpg": bytes(1000)})
    patch(archive, 22, 24, struct.pack("<I", size))
    assert refuse(archive).code is IntakeCode.ZIP_DAMAGED


@posix_only
def test_no_more_than_the_declared_size_is_ever_written(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cat/1.jpg": bytes(60_000_000)})
    patch(archive, 22, 24, struct.pack("<I", 1000))
    assert unpack_with_limit(archive, 1000) == "ZIP_DAMAGED"  # not DISK_FULL


@posix_only
def test_a_full_disk_while_unpacking_leaves_nothing_behind(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cat/1.jpg": b"x", "cat/2.jpg": bytes(1_000_000)})
    assert unpack_with_limit(archive, 100_000) == "DISK_FULL"
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_a_place_that_cannot_be_written_is_an_error_of_storage(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cat/1.jpg": b"x"})
    (tmp_path / "into" / "000000").mkdir(parents=True)
    with pytest.raises(StorageError) as caught:
        unpack(archive, tmp_path / "into")
    assert caught.value.code is StorageCode.NOT_WRITTEN


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_zip_is_refused_whatever_its_packing(method: int, tmp_path: Path) -> None:
    content = np.random.default_rng(0).bytes(5000)
    archive = make_zip(tmp_path / "a.zip", {"cat/1.jpg": content}, method)
    whole = archive.read_bytes()
    for offset in (60, 200, 3000):
        archive.write_bytes(whole[:offset] + bytes(20) + whole[offset + 20 :])
        assert refuse(archive).code is IntakeCode.ZIP_DAMAGED


@pytest.mark.parametrize("missing", [1, 30, 100, 2000])
def test_a_zip_that_was_not_copied_whole_is_called_cut_off(missing: int, tmp_path: Path) -> None:
    content = np.random.default_rng(0).bytes(3000)
    archive = make_zip(tmp_path / "a.zip", {"cat/1.jpg": content, "cat/2.jpg": content})
    archive.write_bytes(archive.read_bytes()[:-missing])
    error = refuse(archive)
    assert error.code is IntakeCode.ZIP_CUT_OFF
    assert "“a.zip” is cut off" in str(error)


def test_a_zip_is_named_in_errors_as_the_person_knows_it(tmp_path: Path) -> None:
    archive = tmp_path / "000001"
    archive.write_bytes(b"hello")
    with pytest.raises(DataError, match=r"“photos/cats\.zip” is damaged"):
        unpack(archive, tmp_path / "into", name="photos/cats.zip")


def test_a_file_that_is_no_zip_or_missing_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    assert refuse(archive).code is IntakeCode.MISSING
    archive.write_bytes(b"hello")
    error = refuse(archive)
    assert error.code is IntakeCode.ZIP_DAMAGED
    assert "“a.zip” is damaged or no zip" in str(error)


def test_an_unknown_packing_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cat/1.jpg": b"x"})
    patch(archive, 8, 10, struct.pack("<H", 98))
    assert refuse(archive).code is IntakeCode.ZIP_METHOD
