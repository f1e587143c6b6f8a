"""Bytes -> upright RGB pictures, or a ``PhotoError`` whose code tells what is wrong with the file."""

from __future__ import annotations

import io
import os
import re
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from ..config import LIMITS, Limits
from ..errors import PhotoError
from ..messages.data import PhotoCode
from .archives import ARCHIVE_SIGNATURE, ZIP_SIGNATURE

Source = Path | bytes

# Pillow's format name -> the extension a file of that format is stored under. No other format is opened: no
# PostScript (Pillow starts a program for it), no layered or scientific formats. Commonest first; AVIF before HEIF
# because both may begin with the same brand.
EXTENSIONS: dict[str, str] = {
    "JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "AVIF": ".avif", "HEIF": ".heic",
    "GIF": ".gif", "BMP": ".bmp", "DIB": ".bmp", "TIFF": ".tif", "ICO": ".ico", "JPEG2000": ".jp2",
    "PPM": ".ppm",
}  # fmt: skip
FORMATS: tuple[str, ...] = tuple(EXTENSIONS)

_BIG = 16_000_000  # pixels; larger pictures are decoded one at a time to bound the memory of many threads
_HEAD = 4096  # bytes read to classify a file that Pillow does not recognize
_heif_lock = threading.Lock()
_big_picture_lock = threading.Lock()

_REDUCIBLE_MODES = {"L", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "LAB", "RGBX"}
_DEEP_GRAY_MODES = {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
_GRAY_RANGES = (1, 255, 4095, 65535)  # usual largest values; 4095: cameras and scanners of 12 bits
_TRANSPOSE = {  # EXIF orientation -> what turns the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_SIGNATURES: tuple[tuple[bytes, PhotoCode], ...] = (
    (rb"%PDF", PhotoCode.PDF),
    (ZIP_SIGNATURE, PhotoCode.ZIP),  # office documents are zips, too
    (ARCHIVE_SIGNATURE, PhotoCode.ARCHIVE),
    (rb".{4}ftypcrx|II\*\0.{4}CR|FUJIFILMCCD-RAW|IIRO|IIRS|IIU\0", PhotoCode.CAMERA_RAW),
    (rb".{4}ftyp(?!hei|hev|mif|msf|avi)|\x1aE\xdf\xa3|RIFF.{4}AVI |\x00\x00\x01\xba|FLV", PhotoCode.VIDEO),
    (rb"RIFF.{4}WAVE|OggS|ID3|fLaC", PhotoCode.SOUND),
    (rb"8BPS", PhotoCode.PHOTOSHOP),
    (rb"%!PS|\xc5\xd0\xd3\xc6", PhotoCode.POSTSCRIPT),
    (rb"\xd0\xcf\x11\xe0", PhotoCode.OFFICE),
    (rb"MZ|\x7fELF", PhotoCode.PROGRAM),
)
_PICTURE_SIGNATURE = re.compile(
    rb"\xff\xd8|\x89PNG|GIF8|BM|II\*\0|MM\0\*|RIFF.{4}WEBP|.{4}ftyp(?:hei|hev|mif|msf|avi)|\0\0\0\x0cjP|\xff\x4f",
    re.DOTALL,
)


@dataclass(frozen=True)
class PictureInfo:
    """The header of a picture file: Pillow's format name, width and height in pixels as stored."""

    format: str
    width: int
    height: int


def probe(source: Source, limits: Limits = LIMITS) -> PictureInfo:
    """Return format and size of the picture in a file or in bytes; reads the header only.

    Raises ``PhotoError`` if it is no picture of an accepted format, or larger than ``limits``.
    """
    with _open(source, limits) as image:
        return PictureInfo(str(image.format), image.width, image.height)


def open_picture(source: Source | Image.Image, shortest: int | None = None, limits: Limits = LIMITS) -> Image.Image:
    """Decode a picture, turn it upright by its EXIF tag and convert it to RGB; transparent parts become white.

    Of a file with several pictures the first is decoded. With ``shortest``, for a caller that resizes the short
    side to about that many pixels, the picture may be decoded smaller and faster, but its short side does not
    become shorter than ``shortest``. Raises ``PhotoError`` if the picture cannot be used.
    """
    with _open(source, limits) as image:
        pixels = image.width * image.height
        if shortest and isinstance(source, (Path, bytes)):
            # JPEG: decoded at a fraction of its size; HEIC: its embedded preview. Never smaller than asked for.
            image.draft(None, (shortest, shortest))
        if not image.info.get("progressive"):  # the decoder holds a progressive JPEG at full size
            pixels = image.width * image.height
        with _big_picture_lock if pixels > _BIG else nullcontext():
            image.load()
            # Before the conversion to RGB where the mode allows it, since it is faster; otherwise after it.
            small = _reduce(_convert_to_rgb(_reduce(image, shortest)), shortest)
            return _turn_upright(small, _read_orientation(image))


def make_thumbnail(image: Image.Image, side: int) -> Image.Image:
    """Return a copy that fits into a square of ``side`` pixels; it is never larger than ``image``."""
    small = image.copy()
    small.thumbnail((side, side))
    return small


def _reduce(image: Image.Image, shortest: int | None) -> Image.Image:
    """Average by a whole factor; the short side keeps twice ``shortest``, so that a later resize stays sharp."""
    factor = min(image.size) // (2 * shortest) if shortest else 0
    color_key = "transparency" in image.info  # one color stands for transparent: averaging would lose it
    reducible = factor > 1 and image.mode in _REDUCIBLE_MODES and not color_key
    return image.reduce(factor) if reducible else image


def _read_orientation(image: Image.Image) -> object:
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF data raises nearly anything, and the picture may still be good
        return 1


def _turn_upright(image: Image.Image, orientation: object) -> Image.Image:
    method = _TRANSPOSE.get(orientation) if isinstance(orientation, int) else None
    return image if method is None else image.transpose(method)


def _convert_to_rgb(image: Image.Image) -> Image.Image:
    """Convert any mode of a decoder to RGB; always a new image that does not depend on its file."""
    if image.mode in _DEEP_GRAY_MODES:
        return _convert_to_eight_bits(image).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    transparent = image.convert("RGBA")
    opaque = Image.new("RGB", image.size, "white")
    opaque.paste(transparent, mask=transparent)
    return opaque


def _convert_to_eight_bits(image: Image.Image) -> Image.Image:
    """Convert gray of more than 8 bits to 8 bits.

    0 stays black, and white is the first of ``_GRAY_RANGES`` that is not below the largest value. Where a value
    is negative or above them all, the values are stretched between their smallest and largest.
    """
    values = np.asarray(image).astype(np.float32)  # (H, W)
    np.nan_to_num(values, copy=False, posinf=0, neginf=0)
    low, high = float(values.min()), float(values.max())
    top = next((top for top in _GRAY_RANGES if high <= top), 0)
    if low >= 0 and top:
        low, high = 0, top
    values -= low
    values *= 255 / max(high - low, 1e-12)
    values += 0.5
    return Image.fromarray(values.astype(np.uint8))


def _list_formats() -> tuple[str, ...]:
    """Return the accepted formats that this installation of Pillow can open."""
    with _heif_lock:
        if "HEIF" not in Image.OPEN:
            import pillow_heif

            Image.init()
            pillow_heif.register_heif_opener()
    # MPO, a JPEG that holds several pictures, has no opener of its own: JPEG's recognizes it.
    return tuple(name for name in FORMATS if name in Image.OPEN)


@contextmanager
def _open(source: Source | Image.Image, limits: Limits) -> Iterator[Image.Image]:
    """Give the picture with its header read. Whatever a decoder raises in the body becomes ``PhotoError``."""
    if isinstance(source, Image.Image):
        _check_pixels(source.width * source.height, limits)
        with _translate_errors(b"", limits):
            yield source
        return
    with _open_stream(source, limits) as stream:
        head = stream.read(_HEAD)
        with _translate_errors(head, limits), Image.open(stream, formats=_list_formats()) as image:
            _check_pixels(image.width * image.height, limits)
            yield image


def _open_stream(source: Source, limits: Limits) -> IO[bytes]:
    try:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        if size == 0:
            raise PhotoError(PhotoCode.EMPTY_FILE)
        if size > limits.bytes_per_file:
            raise PhotoError(PhotoCode.FILE_TOO_BIG, size=size, limit=limits.bytes_per_file)
        return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise PhotoError(PhotoCode.CANNOT_OPEN, why=why) from error


def _check_pixels(pixels: int, limits: Limits) -> None:
    if not pixels:
        raise PhotoError(PhotoCode.NO_PIXELS)
    if pixels > limits.pixels:
        raise PhotoError(PhotoCode.TOO_MANY_PIXELS, pixels=pixels, limit=limits.pixels)


@contextmanager
def _translate_errors(head: bytes, limits: Limits) -> Iterator[None]:
    """Turn what decoders raise (OSError, SyntaxError, ValueError, struct.error and more) into ``PhotoError``."""
    try:
        yield
    except PhotoError:
        raise
    except Exception as error:
        raise _translate_error(error, head, limits) from error


def _translate_error(error: Exception, head: bytes, limits: Limits) -> PhotoError:
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return _translate_bomb(error, limits)
    if isinstance(error, UnidentifiedImageError):
        return PhotoError(_classify_content(head))
    if isinstance(error, MemoryError):
        return PhotoError(PhotoCode.NO_MEMORY)
    # Pillow has no exception of its own for a file that ends too early: most of its decoders raise OSError or
    # SyntaxError with “truncated” in the text.
    if isinstance(error, (EOFError, struct.error)) or "truncated" in str(error).lower():
        return PhotoError(PhotoCode.CUT_OFF)
    return PhotoError(PhotoCode.DAMAGED)


def _translate_bomb(error: Exception, limits: Limits) -> PhotoError:
    """Pillow refuses a very large picture while it opens it, and gives the number of pixels in its text only."""
    pixels = re.search(r"\((\d+) pixels\)", str(error))
    if not pixels:
        return PhotoError(PhotoCode.TOO_LARGE)
    limit = min(limits.pixels, Image.MAX_IMAGE_PIXELS or limits.pixels)
    return PhotoError(PhotoCode.TOO_MANY_PIXELS, pixels=int(pixels[1]), limit=limit)


def _classify_content(head: bytes) -> PhotoCode:
    """Return why no decoder recognizes a file that starts with ``head``, whatever its name."""
    if _PICTURE_SIGNATURE.match(head):
        empty_gif = head[:4] == b"GIF8" and (head[6:8] == b"\0\0" or head[8:10] == b"\0\0")
        return PhotoCode.NO_PIXELS if empty_gif else PhotoCode.DAMAGED_HEADER
    for pattern, code in _SIGNATURES:
        if re.match(pattern, head, re.DOTALL):
            return code
    return _classify_text(head) or PhotoCode.UNKNOWN_FORMAT


def _classify_text(head: bytes) -> PhotoCode | None:
    text = head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace").lower()
    if re.match(r"\ufeff?\s*(<!doctype html|<html)", text):
        return PhotoCode.WEB_PAGE
    if "<svg" in text:
        return PhotoCode.SVG
    # The last letter may be cut in half by the end of ``head``, and some texts are not UTF-8.
    unprintable = sum(1 for letter in text if not (letter.isprintable() or letter in "\r\n\t\f\ufeff"))
    return PhotoCode.TEXT if unprintable + text.count("\ufffd") <= len(text) // 50 else None
