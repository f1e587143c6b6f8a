from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classifier.config import PixelRanges
from classifier.data.images import lacks_range, measure_range, open_picture
from classifier.data.pixel_depth import common_range
from tests.helpers import draw_photo, encode
from tests.picture_files import Tag, png16, tiff

PHOTO = np.asarray(draw_photo(size=(64, 48)).convert("L")).astype(np.uint16)  # (48, 64), 0 to 255
COLORS = np.asarray(draw_photo(size=(64, 48))).astype(np.uint16)  # (48, 64, 3)
TWELVE_BITS = PHOTO * 16 + 15 - PHOTO % 16  # the low bits are in use
TWELVE_BITS_OF_COLOR = COLORS * 16 + 7
FOURTH = (COLORS[..., :1] + 17) * 13


def gray(data: bytes, ranges: PixelRanges = PixelRanges()) -> np.ndarray:  # noqa: B008
    """The brightness (H, W) that a gray file comes out with."""
    picture = np.asarray(open_picture(data, pixel_ranges=ranges)).astype(int)
    assert (picture == picture[..., :1]).all()
    return picture[..., 0]


def colors(data: bytes, ranges: PixelRanges = PixelRanges()) -> np.ndarray:  # noqa: B008
    return np.asarray(open_picture(data, pixel_ranges=ranges)).astype(int)


# The file states the range


@pytest.mark.parametrize("bits", [9, 10, 12, 14])
def test_sbit_tells_how_many_bits_a_png_uses(bits: int) -> None:
    values = PHOTO * (1 << (bits - 8)) + 1
    assert np.abs(gray(png16(values, (b"sBIT", bytes([bits])))) - PHOTO).max() <= 1


def test_values_that_the_png_standard_has_moved_up_are_taken_as_they_are() -> None:
    moved = (PHOTO * 16) << 4  # 12 bits, moved to the upper end of 16
    replicated = moved | (moved >> 12)
    for values in (moved, replicated, moved // 20 // 16 * 16):  # the last one is dark
        expected = values.astype(float) * 255 / 65535
        assert np.abs(gray(png16(values, (b"sBIT", b"\x0c"))) - expected).max() <= 1


def test_a_brightest_value_of_4095_looks_like_one_of_4096() -> None:
    for state in ((b"sBIT", b"\x0d"), (b"sBIT", b"\x10")):
        means = []
        for brightest in (4095, 4096):
            values = TWELVE_BITS.copy()
            values[0, 0] = brightest
            means.append(gray(png16(values, state)).mean())
        assert means[0] == pytest.approx(means[1], abs=0.1)


def test_a_marker_above_the_stated_range_is_white() -> None:
    values = TWELVE_BITS.copy()
    values[:4, :4] = 65535
    got = gray(png16(values, (b"sBIT", b"\x0c")))
    assert (got[:4, :4] == 255).all()
    assert np.abs(got - PHOTO)[4:, 4:].max() <= 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "tags",
    [
        {341: ("H", [4095])},
        {340: ("H", [0]), 341: ("f", [4095.0])},
        {280: ("H", [3]), 281: ("H", [4095])},
        {341: ("H", [4095]), 281: ("H", [255])},
    ],
)
def test_tags_of_a_tiff_tell_its_range(order: str, tags: dict[int, Tag]) -> None:
    assert np.abs(gray(tiff(TWELVE_BITS, order=order, tags=tags)) - PHOTO).max() <= 1
    dark = TWELVE_BITS // 50
    assert gray(tiff(dark, order=order, tags=tags)).max() <= 6


def test_a_smallest_value_of_a_tiff_is_black() -> None:
    values = PHOTO * 10 + 1000
    got = gray(tiff(values, tags={340: ("H", [1000]), 341: ("H", [3550])}))
    assert np.abs(got - PHOTO).max() <= 1


def test_a_tiff_of_twelve_bits_is_white_at_4095() -> None:
    first, second = np.split(TWELVE_BITS.reshape(48, 32, 2), 2, 2)
    packed = np.concatenate([first >> 4, (first & 15) << 4 | second >> 8, second & 255], 2).astype(np.uint8)
    data = tiff(packed.reshape(48, 96), tags={256: ("I", [64]), 258: ("H", [12])})
    assert np.abs(gray(data) - PHOTO).max() <= 1


@pytest.mark.parametrize("largest", [int(TWELVE_BITS.max()) - 100, 65535])
def test_a_largest_value_of_one_picture_or_of_the_file_tells_no_range(largest: int) -> None:
    data = tiff(TWELVE_BITS, tags={280: ("H", [7]), 281: ("H", [largest])})
    assert lacks_range(data)
    assert np.abs(gray(data, PixelRanges(integer=(0, 4095))) - PHOTO).max() <= 1


@pytest.mark.parametrize("tag", [("f", [np.nan]), ("f", [-3.0]), ("H", [0]), ("H", [9])])
def test_a_stated_range_that_cannot_be_true_does_not_count(tag: Tag) -> None:
    data = tiff(TWELVE_BITS, tags={341: tag})
    assert np.abs(gray(data, PixelRanges(integer=(0, 4095))) - PHOTO).max() <= 1


def test_a_tiff_in_which_white_is_zero_is_not_inverted() -> None:
    data = tiff(4095 - TWELVE_BITS, tags={262: ("H", [0]), 341: ("H", [4095])})
    assert np.abs(gray(data) - PHOTO).max() <= 1


# Color


@pytest.mark.parametrize("bands", [3, 4])
def test_a_color_png_of_twelve_bits_is_not_black(bands: int) -> None:
    values = np.dstack([TWELVE_BITS_OF_COLOR, np.full_like(PHOTO, 4095)])[..., :bands]
    data = png16(values, (b"sBIT", bytes([12] * bands)))
    assert np.abs(colors(data) - COLORS).max() <= 1


def test_gray_of_twelve_bits_with_transparency_is_not_black() -> None:
    alpha = np.where(np.arange(64) < 32, 4095, 0) + 0 * PHOTO
    got = colors(png16(np.dstack([TWELVE_BITS, alpha]), (b"sBIT", b"\x0c\x0c")))
    assert np.abs(got[:, :32, 0] - PHOTO[:, :32]).max() <= 1
    assert len(np.unique(got[:, 32:])) == 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize(("bands", "extra"), [(3, {}), (4, {338: ("H", [0])}), (4, {338: ("H", [2])})])
def test_a_color_tiff_of_twelve_bits_is_not_black(order: str, planes: bool, bands: int, extra: dict[int, Tag]) -> None:
    values = np.dstack([TWELVE_BITS_OF_COLOR, FOURTH])[..., :bands]
    data = tiff(values, order=order, planes=planes, tags={341: ("H", [4095] * bands), **extra})
    assert np.abs(colors(data) - COLORS).max() <= 1


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_compressed_color_tiff_of_twelve_bits_is_not_black(order: str) -> None:
    data = tiff(TWELVE_BITS_OF_COLOR, order=order, deflate=True, tags={341: ("H", [4095] * 3)})
    assert np.abs(colors(data) - COLORS).max() <= 1
    planes = tiff(TWELVE_BITS_OF_COLOR, order=order, deflate=True, planes=True, tags={341: ("H", [4095] * 3)})
    assert np.abs(colors(planes) - COLORS).max() <= 16  # only the upper 8 bits of each can be read


def test_color_of_all_sixteen_bits_comes_out_as_in_eight() -> None:
    for data in (png16(COLORS * 257), tiff(COLORS * 257), tiff(COLORS * 257, planes=True)):
        assert np.abs(colors(data) - COLORS).max() <= 1


def test_a_transparent_color_of_sixteen_bits_is_transparent() -> None:
    values = COLORS * 257
    values[:10] = (65535, 65534, 65533)
    got = colors(png16(values, (b"tRNS", b"\xff\xff\xff\xfe\xff\xfd")))
    assert len(np.unique(got[:10].reshape(-1, 3), axis=0)) == 1
    assert np.abs(got - COLORS)[10:].max() <= 1
    shades = PHOTO * 257
    shades[:10] = 999
    assert set(gray(png16(shades, (b"tRNS", b"\x03\xe7")))[:10].ravel()) in ({0}, {255})


@pytest.mark.parametrize("content", [b"", b"\0", b"\xff"])
def test_an_sbit_that_cannot_be_true_does_not_count(content: bytes) -> None:
    got = gray(png16(TWELVE_BITS, (b"sBIT", content)), PixelRanges(integer=(0, 4095)))
    assert np.abs(got - PHOTO).max() <= 1


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_deep_color_is_turned_upright_once(orientation: int) -> None:
    upright = colors(tiff(COLORS * 257))
    turned = colors(tiff(COLORS * 257, tags={274: ("H", [orientation]), 341: ("H", [65535] * 3)}))
    steps = {1: 0, 3: 2, 6: 3}[orientation]
    assert np.abs(turned - np.rot90(upright, steps)).max() <= 1


def test_a_picture_opened_with_pillow_is_read_as_its_file_is(tmp_path: Path) -> None:
    files = [png16(TWELVE_BITS_OF_COLOR, (b"sBIT", b"\x0c" * 3)), png16(TWELVE_BITS, (b"sBIT", b"\x0c"))]
    files += [tiff(COLORS * 257, planes=True), tiff(COLORS, TWELVE_BITS_OF_COLOR, tags={341: ("H", [4095] * 3)})]
    for number, data in enumerate(files):
        (tmp_path / str(number)).write_bytes(data)
        for source in (io.BytesIO(data), tmp_path / str(number)):
            with Image.open(source) as picture:
                mode = picture.mode
                if number == 3:
                    picture.seek(1)
                got = np.asarray(open_picture(picture)).astype(int)
                expected = PHOTO[..., None] if number == 1 else COLORS
                assert np.abs(got - expected).max() <= 1
                assert picture.mode == mode
                picture.load()  # the caller's picture can still be used


def test_a_decoded_picture_of_deep_color_is_used_as_pillow_has_it() -> None:
    with Image.open(io.BytesIO(png16(COLORS * 257))) as picture:
        picture.load()
        assert np.array_equal(np.asarray(open_picture(picture)), COLORS)


# The set, or else the photo, tells the range


def test_the_range_of_the_set_applies_where_the_file_states_none() -> None:
    ranges = PixelRanges(integer=(0, 4095), real=(-1, 1))
    for data in (png16(TWELVE_BITS), tiff(TWELVE_BITS), tiff(TWELVE_BITS.astype(np.int32))):
        assert np.abs(gray(data, ranges) - PHOTO).max() <= 1
    assert np.abs(colors(png16(TWELVE_BITS_OF_COLOR), ranges) - COLORS).max() <= 1
    assert np.abs(gray(tiff(PHOTO.astype(np.float32) / 127.5 - 1), ranges) - PHOTO).max() <= 1
    stated = png16(TWELVE_BITS, (b"sBIT", b"\x0c"))
    assert (gray(stated, PixelRanges(integer=(0, 65535))) == gray(stated)).all()
    shallow = encode(draw_photo())
    assert (colors(shallow, ranges) == colors(shallow)).all()


@pytest.mark.parametrize("brightest", [255, 1023, 4095, 16383, 65535])
def test_without_a_set_the_range_is_that_of_a_usual_camera(brightest: int) -> None:
    values = np.round(PHOTO / 255.0 * brightest)
    for dtype in (np.uint16, np.int32, np.float32):
        assert np.abs(gray(tiff(values.astype(dtype))) - PHOTO).max() <= 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 0.5, 1], [0, 128, 255]),
        ([0.1, 0.3, 0.6], [26, 77, 153]),
        ([0, 0.05, 0.0625], [0, 204, 255]),
        ([1, 2, 255], [1, 2, 255]),
        ([0, 0, 256], [0, 0, 64]),
        ([0, 0, 4096], [0, 0, 64]),
        ([np.nan, 0, 255], [0, 0, 255]),
        ([np.inf, -np.inf, 255], [0, 0, 255]),
        ([0, 0, 0], [0, 0, 0]),
        ([np.nan, np.nan, np.nan], [0, 0, 0]),
    ],
)
def test_measured_values_are_scaled_by_a_usual_range(values: list[float], expected: list[int]) -> None:
    assert gray_of_floats(values) == expected


@pytest.mark.parametrize("values", [[7e5, 8e5, 9e5], [-5, 0, 5], [-0.5, 0, 0.5], [273, 293, 313], [-9, -8, -7]])
def test_values_far_from_zero_are_stretched_over_most_of_the_range(values: list[float]) -> None:
    low, middle, high = gray_of_floats(values)
    assert low < 30 < 110 < middle < 145 < 225 < high


def gray_of_floats(values: list[float]) -> list[int]:
    picture = Image.fromarray(np.array([values], np.float32))
    return np.asarray(open_picture(picture))[0, :, 0].tolist()


def test_a_marker_does_not_change_the_measured_range() -> None:
    plain = measure_range(png16(TWELVE_BITS))
    for brightest in (65535, 30000):
        marked = TWELVE_BITS.copy()
        marked[:12, :16] = brightest
        measured = measure_range(png16(marked))
        assert measured is not None
        assert plain is not None
        assert measured[1] == pytest.approx(plain[1], rel=0.02)
    assert plain is not None
    assert plain[0] == "integer"


def test_no_data_below_everything_else_does_not_change_the_range() -> None:
    values = PHOTO.astype(np.float32) / 255
    plain = measure_range(tiff(values))
    for empty in (-9999, np.nan, np.finfo(np.float32).min):
        holed = values.copy()
        holed[:, :40] = empty
        measured = measure_range(tiff(holed))
        assert measured is not None
        assert plain is not None
        assert measured[1] == pytest.approx(plain[1], abs=0.05)


def test_the_common_range_ignores_a_few_photos_of_another_kind() -> None:
    assert common_range([(0, 4000.0)] * 19 + [(0, 65535.0)]) == (0, 4095)
    assert common_range([(0, 4000.0)] * 10 + [(0, 65535.0)] * 10) == (0, 65535)
    assert common_range([(0, 1000.0)] * 19 + [(0, 3900.0)]) == (0, 4095)  # the brightest photo of the same kind counts
    assert common_range([(0, 1.0)] * 19 + [(-9000.0, 1.0)]) == (0, 1)


def test_the_common_range_stays_when_photos_are_added() -> None:
    photos = [(float(low), float(high)) for low, high in zip(range(40), range(1500, 4000, 60))]
    assert {common_range(photos[: count + 30]) for count in range(10)} == {(0, 4095)}
    warm = [(270.0 + step / 100, 310.0 - step / 70) for step in range(50)]
    assert len({common_range(warm[:count]) for count in range(20, 50)}) == 1


def test_no_photo_gives_no_common_range() -> None:
    assert common_range([]) is None


def test_only_deep_pictures_whose_files_are_silent_lack_a_range(tmp_path: Path) -> None:
    silent = [png16(PHOTO), png16(COLORS), tiff(PHOTO), tiff(COLORS), tiff(PHOTO.astype(np.float32))]
    stated = [png16(PHOTO, (b"sBIT", b"\x0c")), tiff(PHOTO, tags={341: ("H", [4095])})]
    shallow = [encode(draw_photo(), format) for format in ("JPEG", "PNG", "TIFF", "GIF", "WEBP", "BMP", "PPM")]
    assert all(map(lacks_range, silent))
    assert not any(map(lacks_range, [*stated, *shallow, b"", b"text", tmp_path / "missing.png"]))
    assert measure_range(shallow[0]) is None
    assert measure_range(b"text") is None


def test_gray_jpeg_2000_and_pgm_of_sixteen_bits_open() -> None:
    stream = io.BytesIO()
    Image.fromarray(PHOTO * 257).save(stream, "JPEG2000", irreversible=False)
    assert np.abs(gray(stream.getvalue()) - PHOTO).max() <= 1
    pgm = b"P5 64 48 4095\n" + TWELVE_BITS.astype(">u2").tobytes()
    assert np.abs(gray(pgm) - PHOTO).max() <= 1
