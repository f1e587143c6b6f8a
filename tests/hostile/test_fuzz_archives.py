"""Damaged zips: a reason, nothing outside the folder, and nothing that stays."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import Project
from classifier.config import Limits
from classifier.data.archives import unpack
from classifier.data.intake import is_outside
from classifier.errors import DataError, StorageError
from tests.helpers import draw_photo, encode

from .fuzzing import fuzzed, mutations, odd_text

PHOTO = encode(draw_photo(), quality=30)
LIMITS = Limits(files=200, bytes_unpacked=20 * 2**20)


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of files given by name."""
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", method) as archive:
        warnings.simplefilter("ignore")  # of a name that is there twice, as “a” and “a\0b” are
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return stream.getvalue()


SOUND = {"cat/1.jpg": PHOTO, "dog/é.jpg": PHOTO[:-1], "labels.csv": b"file,label\n1.jpg,cat\n", "dog/": b""}
ZIPS = {
    "deflated": packed(SOUND),
    "stored": packed(SOUND, zipfile.ZIP_STORED),
    "bzip2": packed(SOUND, zipfile.ZIP_BZIP2),
    "lzma": packed(SOUND, zipfile.ZIP_LZMA),
    "nested": packed({"a.zip": packed(SOUND), "x/b.zip": packed(SOUND, zipfile.ZIP_STORED)}),
}


def files_below(folder: Path) -> set[Path]:
    """Return the files below a folder."""
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@given(st.sampled_from(sorted(ZIPS)), mutations())
@fuzzed(120)
def test_a_damaged_zip_is_refused_or_unpacked_inside(kind: str, mutate: Callable[[bytes], bytes]) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        archive = root / "photos.zip"
        archive.write_bytes(mutate(ZIPS[kind]))
        try:
            found = unpack(archive, root / "into", LIMITS)
        except (DataError, StorageError) as error:
            str(error).encode()
            assert files_below(root) == {archive}
            assert not (root / "into").exists()
        else:
            assert files_below(root) == {archive, *(path for _, path in found.files)}
            assert all(path.parent == root / "into" and not is_outside(name) for name, path in found.files)


@pytest.mark.slow
@given(st.lists(st.lists(odd_text(), min_size=1, max_size=4).map("/".join), max_size=6))
@fuzzed(60)
def test_a_zip_with_odd_names_stays_inside(names: list[str]) -> None:
    try:
        content = packed(dict.fromkeys(names, PHOTO))
    except (UnicodeEncodeError, ValueError):
        return
    with TemporaryDirectory() as folder:
        archive = Path(folder) / "photos.zip"
        archive.write_bytes(content)
        try:
            found = unpack(archive, Path(folder) / "into", LIMITS)
        except (DataError, StorageError) as error:
            str(error).encode()
            assert files_below(Path(folder)) == {archive}
        else:
            assert files_below(Path(folder)) == {archive, *(path for _, path in found.files)}


@pytest.mark.slow
@given(st.sampled_from(sorted(ZIPS)), mutations())
@fuzzed(15)
def test_a_project_takes_a_damaged_zip_or_says_why_not(kind: str, mutate: Callable[[bytes], bytes]) -> None:
    with TemporaryDirectory() as folder:
        archive = Path(folder) / "photos.zip"
        archive.write_bytes(mutate(ZIPS[kind]))
        with Project.open(Path(folder) / "project", LIMITS) as project:
            try:
                result = project.add(archive)
            except (DataError, StorageError) as error:
                str(error).encode()
                assert project.classes() == {}
            else:
                assert result.added == sum(project.classes().values())
                str([str(left.message) for left in result.left_out])
            assert not list(project.folder.glob("unpacking-*"))
