from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from classifier.data.exif_time import parse_time
from classifier.data.images import probe
from classifier.data.project import Project
from tests.helpers import draw_photo


def save(format: str, stamp: str | None, fraction: str | None = None, place: bool = False) -> bytes:
    """A picture with a camera's time in its EXIF data."""
    exif = Image.Exif()
    if stamp is not None:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = stamp
    if fraction is not None:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.SubsecTimeOriginal] = fraction
    if place:
        exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    stream = io.BytesIO()
    draw_photo().save(stream, format, exif=exif)
    return stream.getvalue()


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_the_time_of_a_picture_is_read(format: str) -> None:
    assert probe(save(format, "2024:05:01 12:30:59")).taken == "2024-05-01T12:30:59"
    assert probe(save(format, None)).taken is None


def test_parts_of_a_second_are_read() -> None:
    assert probe(save("JPEG", "2024:05:01 12:30:59", "25", place=True)).taken == "2024-05-01T12:30:59.250000"


@pytest.mark.parametrize(
    "stamp", ["0000:00:00 00:00:00", "2024:13:01 12:30:59", "    :  :     :  :  ", "soon", 5, None]
)
def test_what_is_no_time_is_none(stamp: object) -> None:
    assert parse_time(stamp) is None


def test_a_fraction_that_is_none_is_ignored() -> None:
    assert parse_time("2024:05:01 12:30:59", "x") == parse_time("2024-05-01T12:30:59", "²") == "2024-05-01T12:30:59"


def test_a_project_keeps_the_time_that_its_copies_lose(tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        (tmp_path / "photos" / label / "a.jpg").write_bytes(save("JPEG", "2024:05:01 12:30:59", label[:1], place=True))
    with Project.over(tmp_path / "photos") as used, Project.open(tmp_path / "project") as copied:
        copied.add(tmp_path / "photos")
        for project in (used, copied):
            assert [photo.taken for photo in project.photos()] == ["2024-05-01T12:30:59"] * 2
        with Image.open(copied.photo_path(copied.photos()[0])) as image:
            assert not image.getexif()
