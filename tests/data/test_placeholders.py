from __future__ import annotations

import plistlib
from pathlib import Path

import pytest

from classifier.data.placeholders import is_in_cloud, placeholder_code
from classifier.data.project import Project
from classifier.messages.data import LeftOutCode, PhotoCode
from tests.helpers import MakeFolder, draw_photo, encode

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
SHORTCUT = b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F" + bytes(56)
ALIAS = b"book\0\0\0\0mark\0\0\0\0\x38\0\0\0"
INTERNET_SHORTCUT = b"[InternetShortcut]\r\nURL=https://example.org/1.jpg\r\n"
WEBLOC = plistlib.dumps({"URL": "https://example.org/1.jpg"})
BINARY_WEBLOC = plistlib.dumps({"URL": "https://example.org/1.jpg"}, fmt=plistlib.FMT_BINARY)
PHOTO = encode(draw_photo())


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        (".IMG_0001.HEIC.icloud", b"bplist00", LeftOutCode.ICLOUD),
        ("cat/.IMG 1.jpg.iCloud", b"", LeftOutCode.ICLOUD),
        ("cat/1.jpg", LFS, LeftOutCode.GIT_LFS),
        ("cat/1.jpg", bytes(5000), LeftOutCode.ONLY_ZEROS),
        ("cat/1.jpg.lnk", SHORTCUT, LeftOutCode.SHORTCUT),
        ("cat/1.jpg", ALIAS, LeftOutCode.SHORTCUT),
        ("cat/1.url", INTERNET_SHORTCUT, LeftOutCode.WEB_LINK),
        ("cat/1.url", b"\xef\xbb\xbf[{000214A0-0000-0000-C000-000000000046}]\r\nProp3=19,2\r\n", LeftOutCode.WEB_LINK),
        ("cat/1.webloc", WEBLOC, LeftOutCode.WEB_LINK),
        ("cat/1.webloc", BINARY_WEBLOC, LeftOutCode.WEB_LINK),
        ("cat/1.jpg.crdownload", PHOTO, LeftOutCode.HALF_DOWNLOADED),
        ("Unconfirmed 1234.crdownload", PHOTO, LeftOutCode.HALF_DOWNLOADED),
        ("cat/1.JPG.part", PHOTO, LeftOutCode.HALF_DOWNLOADED),
        ("cat/1.jpg.download/1.jpg", PHOTO, LeftOutCode.HALF_DOWNLOADED),
        ("cat/1.jpg", PHOTO, None),
        ("spare.part", PHOTO, None),
        ("free.download/1.jpg", PHOTO, None),
        ("notes.icloud", PHOTO, None),
        ("cat/1.jpg", b"", None),
        ("cat/1.jpg", b"version 1.2", None),
    ],
)
def test_a_file_that_stands_for_a_photo_is_recognized(name: str, content: bytes, code: LeftOutCode | None) -> None:
    assert placeholder_code(name, content[:4096], len(content)) is code


@pytest.mark.parametrize(
    ("attributes", "flags", "expected"),
    [(0x20, 0, False), (0x1020, 0, True), (0x501620, 0, True), (0, 0x40000000, True), (0, 0x40, False)],
)
def test_a_file_that_is_only_in_a_cloud_is_told_by_its_attributes(attributes: int, flags: int, expected: bool) -> None:
    assert is_in_cloud(attributes, flags) is expected


def test_placeholders_are_left_out_with_what_to_do(make_folder: MakeFolder) -> None:
    folder = make_folder({"cat": 2, "dog": 2})
    files = {
        "cat/.IMG_0001.HEIC.icloud": (b"bplist00", "Download Now"),
        "cat/a.jpg": (LFS, "git lfs pull"),
        "cat/b.jpg": (bytes(20_000_000), "OneDrive"),
        "dog/c.jpg - Shortcut.lnk": (SHORTCUT, "a shortcut"),
        "dog/d.url": (INTERNET_SHORTCUT, "a link to a web page"),
        "dog/e.jpg.crdownload": (PHOTO, "a download that is not finished"),
    }
    for name, (content, _) in files.items():
        (folder / name).write_bytes(content)
    (folder / "cat" / ".DS_Store").write_bytes(b"x")
    with Project.over(folder) as project:
        reasons = {file.file: file.reason for file in project.left_out()}
        assert project.classes() == {"cat": 2, "dog": 2}
    assert reasons.keys() == {*files, "cat/.DS_Store"}
    for name, (_, words) in files.items():
        assert words in reasons[name]
    assert reasons["cat/.DS_Store"] == str(LeftOutCode.JUNK)


def test_an_empty_file_may_still_be_in_a_cloud(make_folder: MakeFolder) -> None:
    folder = make_folder({"cat": 2, "dog": 2})
    Path(folder / "cat" / "x.jpg").write_bytes(b"")
    with Project.over(folder) as project:
        (left,) = project.left_out()
    assert left.code is PhotoCode.EMPTY_FILE
    assert "OneDrive" in left.reason
