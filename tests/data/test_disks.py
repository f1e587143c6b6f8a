"""A project on a disk that is full or can only be read: a sentence, and all as it was once the disk is well again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from classifier.data.project import Project
from classifier.errors import StorageError
from classifier.messages.files import StorageCode
from tests.helpers import draw_photo, encode


def mount(*options: object) -> bool:
    return subprocess.run(["mount", *map(str, options)], capture_output=True, check=False).returncode == 0


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project of two photos on a disk of four megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not mount("-t", "tmpfs", "-o", "size=4m", "none", disk):
        pytest.skip("needs the right to mount a disk")
    try:
        with Project.open(disk / "project") as opened:
            opened.add_files(photos(tmp_path, 2), "cat")
            yield opened
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def photos(folder: Path, count: int, first: int = 0) -> list[tuple[str, Path]]:
    found = [folder / f"{number}.png" for number in range(first, first + count)]
    for number, path in enumerate(found, first):
        path.write_bytes(encode(draw_photo(number, (300, 200)), "PNG"))
    return [(path.name, path) for path in found]


@contextmanager
def full(project: Project, left: int) -> Iterator[None]:
    filler, disk = project.folder.parent / "filler", os.statvfs(project.folder)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize - left)
    yield
    filler.unlink()


@contextmanager
def read_only(project: Project) -> Iterator[None]:
    assert mount("-o", "remount,ro", project.folder.parent)
    yield
    assert mount("-o", "remount,rw", project.folder.parent)


@pytest.mark.parametrize("left", [4096, 2**17])
def test_a_full_disk_is_one_sentence_and_loses_nothing(project: Project, tmp_path: Path, left: int) -> None:
    new, before = photos(tmp_path, 4, 10), project.photos()
    with full(project, left):
        with pytest.raises(StorageError) as caught:
            project.add_files(new, "dog")
        assert caught.value.code is StorageCode.DISK_FULL
    assert project.photos() == before
    assert project.add_files(new, "dog").added == 4


def test_a_disk_that_can_only_be_read_is_one_sentence(project: Project, tmp_path: Path) -> None:
    before = project.photos()
    project.close()  # a disk with a file that is being written stays as it is
    with read_only(project), pytest.raises(StorageError) as caught:
        Project.open(project.folder)
    assert caught.value.code is StorageCode.READ_ONLY
    with Project.open(project.folder) as again:
        assert again.photos() == before
        assert again.add_files(photos(tmp_path, 1, 20), "dog").added == 1
