from __future__ import annotations

import contextlib
import io
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, ImageOps

from classifier.config import Limits
from classifier.data.images import EXTENSIONS, FORMATS, make_thumbnail, open_picture, probe
from classifier.errors import PhotoError
from tests.helpers import draw_photo, encode

SRGB_TO_LAB = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.mode == other.mode and one.size == other.size and one.tobytes() == other.tobytes()


def test_pictures_come_out_as_pillow_itself_converts_them() -> None:
    for mode in ("RGB", "L", "1", "P", "CMYK", "YCbCr", "HSV"):
        image = draw_photo().convert(mode)
        assert same(open_picture(image), image.convert("RGB")), mode


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "PPM", "JPEG2000", "ICO"])
def test_every_format_is_recognised_by_its_content(format: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.wrong"
    path.write_bytes(encode(draw_photo(size=(32, 32)), format))
    info = probe(path)
    assert (info.format, info.width, info.height) == (format, 32, 32)
    assert open_picture(path).mode == "RGB"


def test_heic_named_jpg_opens_because_iphones_do_that(tmp_path: Path) -> None:
    photo = draw_photo(size=(64, 48))
    path = tmp_path / "IMG_1.jpg"
    pillow_heif.from_pillow(photo).save(path, quality=95)
    assert probe(path).format == "HEIF"
    difference = np.asarray(open_picture(path), float) - np.asarray(photo, float)
    assert np.abs(difference).mean() < 6


def test_avif_and_multi_picture_jpeg_open() -> None:
    photo = draw_photo()
    assert probe(encode(photo, "AVIF")).format == "AVIF"
    multi = encode(photo, "MPO", save_all=True, append_images=[draw_photo(1)])
    assert probe(multi).format == "MPO"
    assert same(open_picture(multi), open_picture(encode(photo)))


def test_every_accepted_format_has_an_extension_and_postscript_is_not_among_them() -> None:
    assert tuple(EXTENSIONS) == FORMATS
    assert not {"EPS", "PSD", "PDF", "RESIZE_MODES"} & set(FORMATS)
    with pytest.raises(PhotoError, match="PostScript"):
        probe(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")


def test_cmyk_jpeg_has_the_colours_pillow_gives_it() -> None:
    data = encode(draw_photo().convert("CMYK"))
    assert np.abs(np.asarray(open_picture(data), float) - np.asarray(draw_photo(), float)).mean() < 8


def test_lab_tiff_comes_out_close_to_the_rgb_it_was_made_from() -> None:
    lab = ImageCms.applyTransform(draw_photo(), SRGB_TO_LAB)
    difference = np.asarray(open_picture(encode(lab, "TIFF")), float) - np.asarray(draw_photo(), float)
    assert np.abs(difference).mean() < 4


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_parts_become_white(mode: str) -> None:
    see_through = draw_photo().convert(mode)
    alpha = Image.linear_gradient("L").resize(see_through.size)
    see_through.putalpha(alpha)
    white = Image.new("RGBA", see_through.size, "white")
    expected = Image.alpha_composite(white, see_through.convert("RGBA")).convert("RGB")
    got = open_picture(encode(see_through, "PNG"))
    assert np.abs(np.asarray(got, int) - np.asarray(expected, int)).max() <= 1


def test_a_see_through_colour_of_a_palette_becomes_white() -> None:
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 200, 10, 10] + [0] * 762)
    palette.putpixel((0, 0), 0)
    got = open_picture(encode(palette, "PNG", transparency=0))
    assert got.getpixel((0, 0)) == (255, 255, 255)
    assert got.getpixel((1, 1)) == (200, 10, 10)


def test_a_see_through_colour_survives_shrinking() -> None:
    image = Image.new("RGB", (400, 400), (9, 9, 9))
    got = open_picture(encode(image, "PNG", transparency=(9, 9, 9)), shortest=20)
    assert got.getpixel((3, 3)) == (255, 255, 255)


@pytest.mark.parametrize(("top", "kind"), [(255, np.uint16), (4095, np.uint16), (65535, np.uint16)])
def test_sixteen_bit_grey_uses_the_whole_range_of_greys(top: int, kind: type) -> None:
    values = np.linspace(0, top, 256).round().astype(kind).reshape(16, 16)
    got = np.asarray(open_picture(encode(Image.fromarray(values), "TIFF")))
    assert np.abs(got[..., 0].ravel() - np.arange(256)).max() <= 1
    assert (got[..., 0] == got[..., 2]).all()


def test_measured_values_with_decimals_are_stretched_between_their_ends() -> None:
    values = np.array([[-5, 0], [np.nan, 5]], np.float32)
    got = np.asarray(open_picture(Image.fromarray(values)))[..., 0]
    assert got.tolist() == [[0, 128], [128, 255]]
    assert np.asarray(open_picture(Image.fromarray(np.full((2, 2), 7.5e6, np.float32)))).max() == 0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_all_orientations_come_out_upright(orientation: int, format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(draw_photo(), format, exif=exif)
    with Image.open(io.BytesIO(data)) as plain:
        expected = ImageOps.exif_transpose(plain).convert("RGB")
    assert same(open_picture(data), expected)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_impossible_orientation_means_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert same(open_picture(encode(draw_photo(), exif=exif)), open_picture(encode(draw_photo())))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF:UserWarning")
def test_broken_exif_means_upright() -> None:
    data = encode(draw_photo(), exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage")
    assert same(open_picture(data), open_picture(encode(draw_photo())))


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_several_pictures_the_first_is_used(format: str) -> None:
    first, second = Image.new("RGB", (20, 20), "red"), Image.new("RGB", (20, 20), "blue")
    options = {"lossless": True} if format == "WEBP" else {}
    data = encode(first, format, save_all=True, append_images=[second], **options)
    red, _, blue = open_picture(data).getpixel((5, 5))
    assert red > 200 > 50 > blue


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(1200, 900), (900, 1201), (333, 250), (100, 90)])
@pytest.mark.parametrize("shortest", [64, 224])
def test_a_smaller_decoding_never_falls_below_what_was_asked(format: str, size: tuple[int, int], shortest: int) -> None:
    data = encode(draw_photo(size=size), format)
    whole, small = open_picture(data), open_picture(data, shortest=shortest)
    assert whole.size == size
    assert min(size) >= min(small.size) >= min(shortest, *size)
    assert min(small.size) < 4 * shortest
    again = whole.resize(small.size, Image.Resampling.BOX)
    assert np.abs(np.asarray(small, float) - np.asarray(again, float)).mean() < 3


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>', "SVG"),
        ("Grüße, ich bin kein Bild\n".encode(), "text"),
        (b"%PDF-1.7\n", "PDF"),
        (b"PK\x03\x04" + bytes(40), "zip archive"),
        (b"\0\0\0\x18ftypmp42" + bytes(40), "video"),
        (b"8BPS\0\x01" + bytes(40), "Photoshop"),
        (bytes(range(128, 256)) * 4, "not a picture this program can read"),
        (b"\x89PNG\r\n\x1a\nrubbish", "damaged"),
        (b"GIF89a\0\0\x10\0\0\0\0;", "0 pixels"),
        (encode(draw_photo())[:600], "cut off|damaged"),
        (encode(draw_photo(), "PNG")[:-60], "cut off"),
    ],
)
def test_a_file_that_is_no_photo_is_told_the_true_reason(data: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    for source in (data, path):
        with pytest.raises(PhotoError, match=reason) as caught:
            open_picture(source)
        assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="cannot be opened"):
        probe(tmp_path / "gone.jpg")


def test_too_many_megapixels_are_refused_with_both_numbers() -> None:
    with pytest.raises(PhotoError, match=r"4 megapixels.*at most 2 "):
        probe(encode(Image.new("L", (2000, 2000)), "PNG"), Limits(pixels=2_000_000))
    header = b"IHDR" + struct.pack(">II5B", 65000, 65000, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    bomb += b"\0\0\0\1IDAT\0"
    with pytest.raises(PhotoError, match=r"4,225 megapixels.*at most 89\.5 "):
        probe(bomb)


def test_a_file_with_too_many_bytes_is_refused() -> None:
    with pytest.raises(PhotoError, match="too big"):
        probe(encode(draw_photo()), Limits(bytes_per_file=100))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damage_anywhere_in_a_file_gives_a_picture_or_a_reason() -> None:
    random = np.random.default_rng(0)
    for format in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO"):
        good = encode(draw_photo(size=(32, 32)), format)
        for _ in range(25):
            data = bytearray(good[: random.integers(1, len(good) + 1)])
            for place in random.integers(0, len(data), 3):
                data[place] = random.integers(0, 256)
            with contextlib.suppress(PhotoError):  # anything else would end an upload
                assert open_picture(bytes(data), 16, Limits(pixels=100_000)).mode == "RGB"


def test_a_thumbnail_fits_its_square_and_leaves_the_picture_alone() -> None:
    photo = draw_photo(size=(400, 100))
    assert make_thumbnail(photo, 100).size == (100, 25)
    assert photo.size == (400, 100)


def test_several_threads_get_the_same_picture() -> None:
    data, results = encode(draw_photo(size=(300, 200))), []
    threads = [threading.Thread(target=lambda: results.append(open_picture(data, 50).tobytes())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert len(set(results)) == 1
