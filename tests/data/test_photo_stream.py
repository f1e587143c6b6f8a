"""The photos of zips, tars and folders, one by one, within limits that hold for all together."""

from __future__ import annotations

from pathlib import Path

import pytest

from classifier.config import Limits
from classifier.data.photo_stream import PhotoStream
from classifier.errors import DataError
from classifier.messages.data import IntakeCode
from classifier.messages.shards import ShardCode
from tests.data.test_samples import write_tar
from tests.data.test_sources import pack, write


def make(folder: Path, kind: str, *names: str) -> Path:
    members = {name: name.encode() for name in names}
    if kind == "tar":
        return write_tar(folder.with_suffix(".tar"), members.items())
    return write(folder.with_suffix(".zip"), pack(members))


@pytest.mark.parametrize(
    ("kind", "code"), [("zip", IntakeCode.ZIP_TOO_MANY_FILES), ("tar", ShardCode.TOO_MANY_IN_SHARD)]
)
def test_what_does_not_fit_beside_the_others_is_not_opened(kind: str, code: object, tmp_path: Path) -> None:
    names = [f"{number}.jpg" for number in range(4)]
    packed = [make(tmp_path / f"{number}", kind, *names) for number in range(3)]
    stream = PhotoStream(((path.name, path) for path in packed), tmp_path / "into", Limits(files=6))
    files = list(stream)
    assert [file.reason and file.reason.code for file in files] == [None] * 4 + [code] * 2
    assert len(files) == stream.count == 6
    with pytest.raises(DataError):
        PhotoStream([(packed[0].name, packed[0])], tmp_path / "into", Limits(files=3))


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_as_many_files_come_as_are_counted(kind: str, tmp_path: Path) -> None:
    path = make(tmp_path / "mac", kind, "1.jpg", "__MACOSX/._1.jpg", ".DS_Store", "2.jpg")
    stream = PhotoStream([(path.name, path)], tmp_path / "into", Limits())
    assert [file.name for file in stream] == [f"{path.name}/1.jpg", f"{path.name}/2.jpg"]
    assert stream.count == 2
