from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageColor, ImageDraw

from classifier.data.images import open_picture
from tests.helpers import draw_photo, encode
from tests.picture_files import tiff


def draw_on_transparent(color: tuple[int, ...], ground: tuple[int, ...] = (0, 0, 0)) -> Image.Image:
    """A ring of one color on a transparent ground, which hides another color."""
    picture = Image.new("RGBA", (40, 30), (*ground, 0))
    ImageDraw.Draw(picture).ellipse((5, 5, 25, 25), outline=(*color, 255), width=3)
    return picture


def is_placed_on(picture: Image.Image, color: str) -> bool:
    return picture.getpixel((0, 0)) == ImageColor.getrgb(color)


@pytest.mark.parametrize(
    ("color", "ground"),
    [
        ((255, 255, 255), "black"),
        ((0, 0, 0), "white"),
        ((255, 255, 0), "black"),
        ((0, 0, 255), "white"),
        ((130, 130, 130), "black"),
        ((120, 120, 120), "white"),
    ],
)
def test_a_transparent_drawing_is_placed_on_what_differs_more(color: tuple[int, ...], ground: str) -> None:
    for hidden in ((0, 0, 0), (255, 255, 255)):
        drawing = draw_on_transparent(color, hidden)
        palette = drawing.quantize(8, method=Image.Quantize.FASTOCTREE)
        pictures = [open_picture(encode(picture, "PNG")) for picture in (drawing, palette, drawing.convert("LA"))]
        for picture in [open_picture(drawing), *pictures, open_picture(encode(drawing, "WEBP", lossless=True))]:
            assert is_placed_on(picture, ground)
            assert np.asarray(picture).std() > 25  # something is to be seen


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize(("factor", "ground"), [(0.4, "white"), (1.9, "black")])
def test_half_transparent_parts_are_blended_with_the_ground(mode: str, factor: float, ground: str) -> None:
    transparent = draw_photo().point(lambda value: min(255, factor * value)).convert(mode)
    transparent.putalpha(Image.linear_gradient("L").resize(transparent.size))
    expected = Image.new("RGBA", transparent.size, ground)
    expected.alpha_composite(transparent.convert("RGBA"))
    got = open_picture(encode(transparent, "PNG"))
    assert np.abs(np.asarray(got, int) - np.asarray(expected.convert("RGB"), int)).max() <= 1


def test_half_transparent_pixels_count_by_half_for_the_choice_of_the_ground() -> None:
    pixels = np.zeros((10, 10, 4), np.uint8)
    pixels[:5] = (255, 255, 255, 100)
    pixels[5:, :, 3] = 200
    assert open_picture(Image.fromarray(pixels)).getpixel((0, 0)) == (255, 255, 255)  # white on white
    pixels[..., 3] = pixels[::-1, :, 3]
    assert open_picture(Image.fromarray(pixels)).getpixel((0, 9)) == (0, 0, 0)  # black on black


def test_a_transparent_color_of_a_palette_becomes_the_ground() -> None:
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 200, 10, 10, 250, 250, 10] + [0] * 759)
    palette.putpixel((0, 0), 0)
    got = open_picture(encode(palette, "PNG", transparency=0))
    assert got.getpixel((0, 0)) == (255, 255, 255)
    assert got.getpixel((1, 1)) == (200, 10, 10)
    bright = palette.point(lambda index: 2 * index)
    assert open_picture(encode(bright, "PNG", transparency=0)).getpixel((0, 0)) == (0, 0, 0)
    assert open_picture(encode(bright, "GIF", transparency=0)).getpixel((0, 0)) == (0, 0, 0)


@pytest.mark.parametrize(("drawn", "ground"), [((9, 9, 200), "white"), ((240, 240, 9), "black")])
def test_a_transparent_color_survives_decoding_at_a_smaller_size(drawn: tuple[int, ...], ground: str) -> None:
    image = Image.new("RGB", (400, 400), (9, 9, 9))
    image.paste(drawn, (200, 200, 300, 300))
    for shortest in (None, 20):
        got = open_picture(encode(image, "PNG", transparency=(9, 9, 9)), shortest)
        assert is_placed_on(got, ground)


def test_a_picture_in_which_everything_is_transparent_becomes_white() -> None:
    assert open_picture(Image.new("RGBA", (9, 9), (255, 255, 255, 0))).getextrema() == ((255, 255),) * 3


def test_the_ground_does_not_depend_on_the_size_of_decoding() -> None:
    pixels = np.zeros((600, 600, 4), np.uint8)
    pixels[::2, ::2] = (255, 255, 255, 255)
    pixels[1::2, ::2] = (0, 0, 0, 255)
    pixels[0, :4] = (255, 255, 255, 255)
    data = encode(Image.fromarray(pixels), "PNG")
    assert open_picture(data).getpixel((1, 1)) == (0, 0, 0)
    assert np.asarray(open_picture(data, 20)).mean() < 80


@pytest.mark.parametrize("extra", [(), (0,), (2,)])
@pytest.mark.parametrize("factor", [1, 257])
def test_a_fourth_band_of_a_tiff_does_not_wash_out_the_photo(extra: tuple[int, ...], factor: int) -> None:
    photo, infrared = np.asarray(draw_photo()), np.asarray(draw_photo(5).convert("L"))
    bands = np.dstack([photo, infrared // 2 + 30]).astype(np.uint8 if factor == 1 else np.uint16) * factor
    got = open_picture(tiff(bands, tags={338: ("H", extra)} if extra else {}))
    assert np.abs(np.asarray(got, int) - photo).max() <= 1


def test_a_fourth_band_of_a_jpeg_2000_does_not_wash_out_the_photo() -> None:
    photo, infrared = draw_photo(), draw_photo(5).convert("L").point(lambda value: value // 2 + 30)
    bands = photo.copy()
    bands.putalpha(infrared)
    got = open_picture(encode(bands, "JPEG2000", irreversible=False))
    assert np.array_equal(np.asarray(got), np.asarray(photo))


def test_an_empty_fourth_band_of_a_tiff_does_not_hide_the_photo() -> None:
    photo = np.asarray(draw_photo())
    got = open_picture(tiff(np.dstack([photo, np.zeros_like(photo[..., :1])]), tags={338: ("H", [2])}))
    assert np.array_equal(np.asarray(got), photo)


def test_real_transparency_of_a_tiff_is_kept() -> None:
    for picture in (draw_on_transparent((250, 250, 250)), draw_on_transparent((250, 250, 250)).convert("LA")):
        assert is_placed_on(open_picture(encode(picture, "TIFF")), "black")
