from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from classifier.config import Limits
from classifier.data.images import open_picture, probe
from classifier.data.project import Project
from classifier.errors import PhotoError
from classifier.messages.data import PhotoCode, SeveralCode
from tests.helpers import draw_photo, encode
from tests.picture_files import Tag, tiff

SMALL, LARGE, HUGE = (np.asarray(draw_photo(seed, size)) for seed, size in enumerate([(32, 24), (64, 48), (96, 72)]))
THUMBNAIL, MASK, OLD_THUMBNAIL, PAGE = ({254: ("I", [1])}, {254: ("I", [4])}, {255: ("H", [2])}, {254: ("I", [2])})


def is_same(data: bytes, page: np.ndarray) -> bool:
    return np.array_equal(np.asarray(open_picture(data)), page)


@pytest.mark.parametrize("mark", [THUMBNAIL, MASK, OLD_THUMBNAIL])
def test_a_thumbnail_or_mask_is_not_the_picture_of_a_tiff(mark: dict[int, Tag]) -> None:
    for pages, tags in (([SMALL, LARGE], [mark, {}]), ([HUGE, LARGE], [mark, {}]), ([LARGE, HUGE], [{}, mark])):
        data = tiff(*pages, tags=tags)
        assert is_same(data, LARGE)
        info = probe(data)
        assert (info.width, info.height, info.others) == (64, 48, 0)


def test_of_several_pages_the_largest_is_used_and_the_others_are_counted() -> None:
    data = tiff(SMALL, LARGE, HUGE, LARGE, tags=PAGE)
    assert is_same(data, HUGE)
    assert (probe(data).others, probe(data).others_reason.code) == (3, SeveralCode.LARGEST)
    assert is_same(tiff(LARGE, LARGE[::-1], SMALL), LARGE)  # of equal ones the first


def test_a_tiff_of_nothing_but_thumbnails_still_opens() -> None:
    assert is_same(tiff(SMALL, LARGE, tags=THUMBNAIL), LARGE)


def test_a_page_that_cannot_be_read_does_not_hide_the_others() -> None:
    strange = np.zeros((200, 200, 7), np.uint8)
    for pages in ([SMALL, strange, LARGE], [LARGE, strange]):
        data = tiff(*pages)
        assert is_same(data, LARGE)
        assert probe(data).others == len(pages) - 1


def test_a_page_above_the_limit_is_not_chosen() -> None:
    data = tiff(SMALL, HUGE)
    limits = Limits(pixels=5000)
    assert open_picture(data, limits=limits).size == (32, 24)
    assert (probe(data, limits).width, probe(data, limits).others) == (32, 1)
    with pytest.raises(PhotoError) as raised:
        probe(tiff(SMALL, HUGE, tags=[THUMBNAIL, {}]), limits)
    assert raised.value.code is PhotoCode.TOO_MANY_PIXELS


def test_pages_that_lead_in_a_circle_end() -> None:
    data = bytearray(tiff(SMALL, LARGE))
    second = struct.unpack_from("<I", data, 10 + 12 * 11)[0]
    struct.pack_into("<I", data, second + 2 + 12 * 11, 8)
    assert is_same(bytes(data), LARGE)
    assert probe(bytes(data)).others == 1


def test_a_burst_gives_its_main_picture() -> None:
    first, second = draw_photo(0), draw_photo(1)
    multi = encode(first, "MPO", save_all=True, append_images=[second])
    info = probe(multi)
    assert (info.format, info.others, info.others_reason.code) == ("MPO", 1, SeveralCode.PRIMARY)
    assert is_same(multi, np.asarray(open_picture(encode(first))))


def test_the_brightness_map_beside_a_phone_photo_is_no_other_picture() -> None:
    photo, small = draw_photo(size=(64, 48)), draw_photo(size=(32, 24)).convert("L")
    assert probe(encode(photo, "MPO", save_all=True, append_images=[small])).others == 0


def test_a_burst_with_a_damaged_second_picture_opens() -> None:
    photo = draw_photo()
    multi = encode(photo, "MPO", save_all=True, append_images=[draw_photo(1)])
    second = multi.rindex(b"\xff\xd8")
    for damaged in (multi[:second], multi[: second + 2] + bytes(len(multi) - second - 2)):
        assert probe(damaged).others == 0
        assert is_same(damaged, np.asarray(open_picture(encode(photo))))


def test_the_main_picture_of_a_heic_need_not_be_the_first() -> None:
    heif = pillow_heif.HeifFile()
    for color in ("red", "blue", "lime"):
        heif.add_from_pillow(Image.new("RGB", (64, 48), color))
    stream = io.BytesIO()
    heif.save(stream, primary_index=1)
    red, _, blue = open_picture(stream.getvalue()).getpixel((5, 5))
    assert red < 50 < 200 < blue
    info = probe(stream.getvalue())
    assert (info.others, info.others_reason.code) == (2, SeveralCode.PRIMARY)


def test_an_icon_gives_its_largest_size() -> None:
    data = encode(draw_photo(size=(64, 64)), "ICO", sizes=[(16, 16), (64, 64), (32, 32)])
    info = probe(data)
    assert (info.width, info.others, info.others_reason.code) == (64, 2, SeveralCode.LARGEST)
    assert open_picture(data).size == (64, 64)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "AVIF"])
def test_an_animation_gives_its_first_frame(format: str) -> None:
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "blue", "lime")]
    data = encode(frames[0], format, save_all=True, append_images=frames[1:], duration=100)
    red, _, blue = open_picture(data).getpixel((5, 5))
    assert red > 200 > 50 > blue
    info = probe(data)
    assert (info.others, info.others_reason.code) == (2, SeveralCode.FIRST)
    assert str(info.others_reason) == "2 of the 3 frames of this moving picture; the first is used"


def test_the_other_pictures_of_a_used_file_are_left_out_with_a_reason(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for label, page in (("cat", SMALL), ("dog", LARGE)):
        (photos / label).mkdir(parents=True)
        (photos / label / "scan.tif").write_bytes(tiff(page, HUGE[::-1] if label == "cat" else HUGE, page))
        draw_photo(9, (50, 40)).save(photos / label / f"{label}.png")
    reason = "2 of the 3 pictures in this file; the largest is used"
    expected = [("cat/scan.tif", reason), ("dog/scan.tif", reason)]
    with Project.open(tmp_path / "project") as project:
        for added in (4, 0):  # the second time they are there already
            assert project.add(photos).added == added
            found = [(left.file, left.reason) for left in project.left_out() if left.code is SeveralCode.LARGEST]
            assert found == expected
            assert {(asset.width, asset.height) for asset in project.photos()} == {(96, 72), (50, 40)}
    with Project.over(photos, features=tmp_path) as project:
        assert (expected[0][0], reason) in [(left.file, left.reason) for left in project.left_out()]


@pytest.mark.parametrize("format", ["JPEG", "GIF", "WEBP", "PNG", "TIFF", "BMP", "ICO", "PPM", "JPEG2000"])
def test_a_file_with_one_picture_has_no_others(format: str) -> None:
    assert (
        probe(encode(draw_photo(size=(32, 32)), format, **({"sizes": [(32, 32)]} if format == "ICO" else {}))).others
        == 0
    )
