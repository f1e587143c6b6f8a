"""Damaged pictures of every format: decoded, or ``PhotoError``; never another error, and never much memory."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from classifier.config import Limits
from classifier.data.images import EXTENSIONS, lacks_range, make_thumbnail, measure_range, open_picture, probe
from classifier.errors import PhotoError
from tests.helpers import draw_photo, encode
from tests.picture_files import png16, tiff

from .fuzzing import fuzzed, mutations

LIMITS = Limits(pixels=4_000_000)
DEEP = (draw_photo().convert("L").resize((20, 16)), np.uint16)


@lru_cache(maxsize=1)
def sound() -> dict[str, bytes]:
    """Return small picture files of every format and kind, by name."""
    photo, deep = draw_photo(size=(40, 30)), np.asarray(DEEP[0], np.uint16) * 200
    clear = photo.convert("RGBA")
    clear.putalpha(photo.convert("L"))
    files = {
        "png": encode(photo, "PNG"), "png_alpha": encode(clear, "PNG"), "png_palette": encode(photo.quantize(9), "PNG"),
        "png16": png16(deep), "jpeg": encode(photo), "progressive": encode(photo, progressive=True),
        "cmyk": encode(photo.convert("CMYK")), "gif": encode(photo, "GIF", save_all=True, append_images=[photo]),
        "bmp": encode(photo, "BMP"), "ico": encode(clear, "ICO", sizes=[(16, 16), (32, 32)]),
        "webp": encode(clear, "WEBP"), "tiff": encode(photo, "TIFF"), "tiff16": tiff(deep, deep),
        "ppm": encode(photo, "PPM"),
        "tiff_float": tiff(deep.astype(np.float32), order=">", deflate=True), "jp2": encode(photo, "JPEG2000"),
        "mpo": encode(photo, "MPO", save_all=True, append_images=[photo]),
        "lzw": encode(photo, "TIFF", compression="tiff_lzw"),
        "fax": encode(photo.convert("1"), "TIFF", compression="group4"), "pbm": encode(photo.convert("1"), "PPM"),
    }  # fmt: skip
    exif = Image.Exif()
    exif[274] = 6
    files["exif"] = encode(photo, exif=exif)
    for format in ("AVIF", "HEIF"):
        probe(files["png"])  # registers the opener of HEIF
        files[format.lower()] = encode(photo, format)
    return files


def use(content: bytes) -> None:
    """Do with a picture all that intake and predictions do."""
    lacks_range(content, LIMITS)
    try:
        info = probe(content, LIMITS)
        assert info.format in EXTENSIONS
        measure_range(content, LIMITS)
        picture = open_picture(content, 16, LIMITS)
    except PhotoError as error:
        str(error).encode()
    else:
        assert picture.mode == "RGB"
        make_thumbnail(picture, 32).save(io.BytesIO(), "JPEG")


@pytest.mark.parametrize("kind", sorted(sound()))
def test_the_sound_pictures_are_used(kind: str) -> None:
    assert open_picture(sound()[kind], limits=LIMITS).width > 8


@pytest.mark.slow
@given(st.sampled_from(sorted(sound())), mutations())
@fuzzed(250)
def test_a_damaged_picture_is_used_or_refused(kind: str, mutate: Callable[[bytes], bytes]) -> None:
    use(mutate(sound()[kind]))
