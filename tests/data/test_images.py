from __future__ import annotations

import contextlib
import io
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, ImageOps

from classifier.config import Limits
from classifier.data.images import EXTENSIONS, FORMATS, make_thumbnail, open_picture, probe
from classifier.errors import PhotoError
from classifier.messages.data import PhotoCode
from tests.helpers import draw_photo, encode

SRGB_TO_LAB = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.mode == other.mode and one.size == other.size and one.tobytes() == other.tobytes()


def test_pictures_come_out_as_pillow_itself_converts_them() -> None:
    for mode in ("RGB", "L", "1", "P", "CMYK", "YCbCr", "HSV"):
        image = draw_photo().convert(mode)
        assert same(open_picture(image), image.convert("RGB")), mode


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "PPM", "JPEG2000", "ICO"])
def test_every_format_is_recognized_by_its_content(format: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.wrong"
    path.write_bytes(encode(draw_photo(size=(32, 32)), format))
    info = probe(path)
    assert (info.format, info.width, info.height) == (format, 32, 32)
    assert open_picture(path).mode == "RGB"


@pytest.mark.parametrize("format", ["WEBP", "HEIF"])
def test_a_format_is_recognized_as_the_first_one_of_a_process(format: str, tmp_path: Path) -> None:
    pillow_heif.from_pillow(draw_photo()).save(tmp_path / "HEIF")
    (tmp_path / "WEBP").write_bytes(encode(draw_photo(), "WEBP"))
    script = "import sys; from pathlib import Path; from classifier.data.images import probe"
    command = [sys.executable, "-c", f"{script}; print(probe(Path(sys.argv[1])).format)", str(tmp_path / format)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == format


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


def test_every_accepted_format_has_an_extension_of_pillow_or_of_its_plugin() -> None:
    assert tuple(EXTENSIONS) == FORMATS
    probe(encode(draw_photo(), "PNG"))  # registers all formats
    for format, extension in EXTENSIONS.items():
        expected = {"MPO": "JPEG", "DIB": "BMP"}.get(format, format)  # these are stored as their relatives
        assert Image.EXTENSION[extension] == expected


def test_postscript_is_never_opened_because_pillow_would_start_a_program() -> None:
    assert not {"EPS", "PSD", "PDF", "FITS"} & set(FORMATS)
    data = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "EPS"
    assert refuse(data).code is PhotoCode.POSTSCRIPT


def test_a_cmyk_jpeg_has_the_colors_of_its_original() -> None:
    data = encode(draw_photo().convert("CMYK"))
    assert np.abs(np.asarray(open_picture(data), float) - np.asarray(draw_photo(), float)).mean() < 8


def test_lab_tiff_comes_out_close_to_the_rgb_it_was_made_from() -> None:
    lab = ImageCms.applyTransform(draw_photo(), SRGB_TO_LAB)
    difference = np.asarray(open_picture(encode(lab, "TIFF")), float) - np.asarray(draw_photo(), float)
    assert np.abs(difference).mean() < 4


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


@pytest.mark.slow
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(1200, 900), (2000, 300), (333, 250), (100, 90)])
@pytest.mark.parametrize("shortest", [64, 224])
def test_decoding_smaller_keeps_the_short_side_asked_for(format: str, size: tuple[int, int], shortest: int) -> None:
    data = encode(draw_photo(size=size), format)
    whole, small = open_picture(data), open_picture(data, shortest=shortest)
    assert whole.size == size
    assert min(size) >= min(small.size) >= min(shortest, *size)
    assert min(small.size) < 4 * shortest
    again = whole.resize(small.size, Image.Resampling.BOX)
    assert np.abs(np.asarray(small, float) - np.asarray(again, float)).mean() < 3


def test_a_jpeg_is_decoded_at_the_fraction_that_pillow_offers() -> None:
    data = encode(draw_photo(size=(1200, 900)))
    with Image.open(io.BytesIO(data)) as image:
        image.draft(None, (100, 100))
        assert same(open_picture(data, 100), image.convert("RGB"))


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
def test_other_formats_are_averaged_to_twice_the_short_side_asked_for(mode: str) -> None:
    image = draw_photo(size=(640, 480)).convert(mode)
    got = open_picture(encode(image, "PNG"), 60)
    assert same(got, image.convert("RGB").reduce(4))
    assert open_picture(encode(image, "PNG"), 61).size == (214, 160)
    assert open_picture(encode(image, "PNG"), 121).size == (640, 480)


def refuse(data: bytes, limits: Limits = Limits()) -> PhotoError:  # noqa: B008
    """Return the error with which the bytes of a file are refused."""
    with pytest.raises(PhotoError) as caught:
        open_picture(data, limits=limits)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_picture_with_a_damaged_body_is_refused_as_damaged() -> None:
    data = bytearray(encode(draw_photo(size=(300, 200)), "PNG"))
    data[60:90] = bytes(30)
    assert refuse(bytes(data)).code is PhotoCode.DAMAGED


def test_a_picture_in_memory_without_pixels_is_refused() -> None:
    with pytest.raises(PhotoError) as caught:
        open_picture(Image.new("RGB", (0, 5)))
    assert caught.value.code is PhotoCode.NO_PIXELS


def test_a_missing_file_is_refused_with_the_reason_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match=r"\(No such file or directory\)") as caught:
        probe(tmp_path / "gone.jpg")
    assert caught.value.code is PhotoCode.CANNOT_OPEN


def test_too_many_pixels_are_refused_with_both_numbers() -> None:
    data = encode(Image.new("L", (2000, 2000)), "PNG")
    error = refuse(data, Limits(pixels=3_999_999))
    assert error.code is PhotoCode.TOO_MANY_PIXELS
    assert dict(error.message.arguments) == {"pixels": 4_000_000, "limit": 3_999_999}
    assert "4 megapixels, and at most 4 are" in str(error)
    assert open_picture(data, 100, Limits(pixels=4_000_000)).mode == "RGB"
    with pytest.raises(PhotoError):
        open_picture(Image.new("L", (20, 20)), limits=Limits(pixels=399))


@pytest.mark.parametrize("size", [(1, 101), (1, 65_535), (89_000_000, 1), (30_100, 300)])
@pytest.mark.parametrize("opener", [probe, open_picture])
def test_a_picture_as_thin_as_a_thread_is_refused(opener: Callable[[bytes], object], size: tuple[int, int]) -> None:
    with pytest.raises(PhotoError) as caught:
        opener(encode(Image.new("1", size), "PNG"))
    assert caught.value.code is PhotoCode.TOO_ELONGATED
    assert f"{size[0]:,} by {size[1]:,} pixels" in str(caught.value)


def test_a_picture_of_a_hundred_times_its_width_is_opened() -> None:
    assert open_picture(encode(Image.new("L", (3, 300)), "PNG")).size == (3, 300)


@pytest.mark.parametrize("limit", [1_000_000, 89_478_485, 10**12])
def test_a_bomb_is_refused_with_the_smaller_of_both_limits(limit: int) -> None:
    header = b"IHDR" + struct.pack(">II5B", 65000, 65000, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    error = refuse(bomb + b"\0\0\0\1IDAT\0", Limits(pixels=limit))
    assert error.code is PhotoCode.TOO_MANY_PIXELS
    assert dict(error.message.arguments) == {"pixels": 65000**2, "limit": min(limit, Image.MAX_IMAGE_PIXELS or 0)}


def test_a_file_of_more_bytes_than_the_limit_is_refused() -> None:
    data = encode(draw_photo())
    error = refuse(data, Limits(bytes_per_file=len(data) - 1))
    assert error.code is PhotoCode.FILE_TOO_BIG
    assert dict(error.message.arguments) == {"size": len(data), "limit": len(data) - 1}
    assert probe(data, Limits(bytes_per_file=len(data))).format == "JPEG"


def are_decoded_together(size: tuple[int, int], progressive: bool, seconds: float) -> bool:
    """Return whether some of three threads decode a picture of ``size`` at once; each waits ``seconds`` for another."""
    active, together = 0, threading.Event()

    class SlowImage(Image.Image):
        def load(self) -> object:
            nonlocal active
            active += 1
            if active > 1:
                together.set()
            together.wait(seconds)
            active -= 1
            return super().load()

    images = []
    for _ in range(3):
        image = SlowImage()
        image.__dict__.update(Image.new("L", size).__dict__)
        image.info["progressive"] = progressive
        images.append(image)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda image: open_picture(image, 8), images))
    return together.is_set()


@pytest.mark.parametrize("progressive", [False, True])
def test_pictures_above_16_megapixels_are_decoded_one_at_a_time(progressive: bool) -> None:
    assert not are_decoded_together((4000, 4001), progressive, seconds=0.03)
    assert are_decoded_together((400, 4001), progressive, seconds=60)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damage_anywhere_in_a_file_gives_a_picture_or_a_reason() -> None:
    random = np.random.default_rng(0)
    for format in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO"):
        good = encode(draw_photo(size=(32, 32)), format)
        for _ in range(25):
            data = bytearray(good[: random.integers(1, len(good) + 1)])
            for index in random.integers(0, len(data), 3):
                data[index] = random.integers(0, 256)
            with contextlib.suppress(PhotoError):  # anything else would end an upload
                assert open_picture(bytes(data), 16, Limits(pixels=100_000)).mode == "RGB"


def test_a_thumbnail_fits_its_square_and_does_not_change_the_picture() -> None:
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
