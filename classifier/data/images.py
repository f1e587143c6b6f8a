"""Bytes -> upright RGB pictures, or a ``PhotoError`` that says in plain words what is wrong with the file."""

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

Source = Path | bytes

# Pillow's format name -> the extension a file of that format is stored under. Nothing else is ever opened:
# no PostScript (it starts a program), no layered or scientific formats. Commonest first, AVIF before HEIF
# because both may begin with the same brand.
EXTENSIONS: dict[str, str] = {
    "JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "AVIF": ".avif", "HEIF": ".heic",
    "GIF": ".gif", "BMP": ".bmp", "DIB": ".bmp", "TIFF": ".tif", "ICO": ".ico", "JPEG2000": ".jp2",
    "PPM": ".ppm",
}  # fmt: skip
FORMATS: tuple[str, ...] = tuple(EXTENSIONS)

_BIG = 16_000_000  # pixels; larger pictures are decoded one at a time so that many threads stay in memory
_HEAD = 4096  # bytes looked at to say what a file is that Pillow does not know
_ready = threading.Lock()
_one_big_picture = threading.Lock()

_REDUCIBLE = {"L", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "LAB", "RGBX"}
_GREY = {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class PictureInfo:
    """What the header of a file says: Pillow's format name, and width and height in stored pixels."""

    format: str
    width: int
    height: int


def probe(source: Source, limits: Limits = LIMITS) -> PictureInfo:
    """Format and size of the picture in a file or in bytes; reads the header only.

    Raises ``PhotoError`` with the reason when it is no picture this program reads, or too large.
    """
    with _opened(source, limits) as image:
        return PictureInfo(str(image.format), image.width, image.height)


def open_picture(source: Source | Image.Image, shortest: int | None = None, limits: Limits = LIMITS) -> Image.Image:
    """The whole picture, turned upright by its EXIF tag, as RGB; the first one if the file holds several.

    With ``shortest``, the caller will shrink the picture until its short side has about that many
    pixels: it is then decoded smaller and faster, but never below ``shortest``. Transparent parts
    become white. Raises ``PhotoError`` with the reason when the picture cannot be used.
    """
    with _opened(source, limits) as image:
        weight = image.width * image.height
        if shortest and isinstance(source, (Path, bytes)):
            # JPEG decodes scaled down, HEIC its embedded small copy if true to the picture; never below this.
            image.draft(None, (shortest, shortest))
        if not image.info.get("progressive"):  # a progressive JPEG is held at full size whatever is asked
            weight = image.width * image.height
        with _one_big_picture if weight > _BIG else nullcontext():
            image.load()
            # Shrunk twice over: before the conversion where the mode allows it, else right after.
            small = _shrunk(_rgb(_shrunk(image, shortest)), shortest)
            return _upright(small, _orientation(image))


def thumbnail(image: Image.Image, side: int) -> Image.Image:
    """A copy that fits into a square of ``side`` pixels; never enlarged."""
    small = image.copy()
    small.thumbnail((side, side))
    return small


def _shrunk(image: Image.Image, shortest: int | None) -> Image.Image:
    """Averaged down by a whole factor to no less than twice ``shortest``, so a later resize stays sharp."""
    factor = min(image.size) // (2 * shortest) if shortest else 0
    keyed = "transparency" in image.info  # one colour means “see-through”: averaging would lose it
    return image.reduce(factor) if factor > 1 and image.mode in _REDUCIBLE and not keyed else image


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # broken EXIF says nothing about which way is up, and raises nearly anything
        return 1


def _upright(image: Image.Image, orientation: object) -> Image.Image:
    turn = _TURNS.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image.Image) -> Image.Image:
    """RGB of any mode a decoder gives; always a new image, detached from its file."""
    if image.mode in _GREY:
        return _eight_bit(image).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    see_through = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(see_through, mask=see_through)
    return white


def _eight_bit(image: Image.Image) -> Image.Image:
    """Grey of more than 8 bits -> 8 bits.

    Black stays black, and white is the top of the smallest usual range that holds the brightest
    value: 1, 255, 4095 (12-bit cameras and scanners) or 65535. Values outside all of these
    (negative, or larger) are stretched between their own smallest and largest.
    """
    values = np.asarray(image).astype(np.float32)  # (H, W)
    np.nan_to_num(values, copy=False, posinf=0, neginf=0)
    low, high = float(values.min()), float(values.max())
    top = next((top for top in (1, 255, 4095, 65535) if high <= top), 0)
    if low >= 0 and top:
        low, high = 0, top
    values -= low
    values *= 255 / max(high - low, 1e-12)
    values += 0.5
    return Image.fromarray(values.astype(np.uint8))


def _formats() -> tuple[str, ...]:
    """The accepted formats this installation of Pillow can open."""
    with _ready:
        if "HEIF" not in Image.OPEN:
            import pillow_heif

            Image.init()
            pillow_heif.register_heif_opener()
    # MPO, a JPEG that holds several pictures, has no opener of its own: JPEG's recognises it.
    return tuple(name for name in FORMATS if name in Image.OPEN)


@contextmanager
def _opened(source: Source | Image.Image, limits: Limits) -> Iterator[Image.Image]:
    """The picture with its header read. Whatever a decoder raises meanwhile leaves as ``PhotoError``."""
    if isinstance(source, Image.Image):
        _check_pixels(source.width * source.height, limits)
        with _plain_words(b"", limits):
            yield source
        return
    with _stream(source, limits) as stream:
        head = stream.read(_HEAD)
        with _plain_words(head, limits), Image.open(stream, formats=_formats()) as image:
            _check_pixels(image.width * image.height, limits)
            yield image


def _stream(source: Source, limits: Limits) -> IO[bytes]:
    try:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        if size == 0:
            raise PhotoError("The file is empty: 0 bytes; copy it again from where it came.")
        if size > limits.bytes_per_file:
            raise PhotoError(
                f"The file is too big: {_mega(size)} megabytes, and at most {_mega(limits.bytes_per_file)} "
                "are read; save the picture smaller."
            )
        return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise PhotoError(f"The file cannot be opened ({why}); check that you may read it.") from error


def _mega(count: int) -> str:
    return f"{count / 1e6:,.1f}".removesuffix(".0")


def _check_pixels(pixels: int, limits: Limits) -> None:
    if not pixels:
        raise PhotoError(_NOTHING)
    if pixels > limits.pixels:
        raise PhotoError(_too_large(pixels, limits.pixels))


def _too_large(pixels: int, limit: int) -> str:
    return (
        f"The picture is too large: {_mega(pixels)} megapixels, and at most {_mega(limit)} are opened; save it smaller."
    )


@contextmanager
def _plain_words(head: bytes, limits: Limits) -> Iterator[None]:
    """Decoders raise OSError, SyntaxError, ValueError, struct.error, MemoryError, zlib.error and more."""
    try:
        yield
    except PhotoError:
        raise
    except Exception as error:
        raise PhotoError(_reason(error, head, limits)) from error


def _reason(error: Exception, head: bytes, limits: Limits) -> str:
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        pixels = re.search(r"\((\d+) pixels\)", str(error))
        if pixels:
            return _too_large(int(pixels[1]), min(limits.pixels, Image.MAX_IMAGE_PIXELS or limits.pixels))
        return "The picture is too large to open; save it smaller."
    if isinstance(error, UnidentifiedImageError):
        return _what_it_is(head)
    if isinstance(error, MemoryError):
        return "The picture needs more memory than this computer has free; save it smaller."
    if isinstance(error, (EOFError, struct.error)) or "truncated" in str(error).lower():
        return "The file is cut off: its end is missing; copy it again from where it came."
    return "The picture is damaged: it could not be decoded; open it in another program and save it again."


# What a file starts with -> what it is. Office documents are zips, so they share the zip's line.
_KINDS: tuple[tuple[bytes, str], ...] = (
    (rb"%PDF", "a PDF document"),
    (rb"PK\x03\x04|PK\x05\x06", "a zip archive or an office document"),
    (rb"7z\xbc\xaf\x27\x1c|Rar!|\x1f\x8b|BZh|\xfd7zXZ|.{257}ustar", "an archive"),
    (rb".{4}ftypcrx|II\*\0.{4}CR|FUJIFILMCCD-RAW|IIRO|IIRS|IIU\0", "a camera's raw file"),
    (rb".{4}ftyp(?!hei|hev|mif|msf|avi)|\x1aE\xdf\xa3|RIFF.{4}AVI |\x00\x00\x01\xba|FLV", "a video"),
    (rb"RIFF.{4}WAVE|OggS|ID3|fLaC", "a sound recording"),
    (rb"8BPS", "a Photoshop file"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript drawing"),
    (rb"\xd0\xcf\x11\xe0", "an office document or a file the computer keeps for itself"),
    (rb"MZ|\x7fELF", "a program"),
)
_NOTHING = "The picture is 0 pixels wide or high; there is nothing to see in it."
_PICTURE = re.compile(
    rb"\xff\xd8|\x89PNG|GIF8|BM|II\*\0|MM\0\*|RIFF.{4}WEBP|.{4}ftyp(?:hei|hev|mif|msf|avi)|\0\0\0\x0cjP|\xff\x4f",
    re.DOTALL,
)


def _what_it_is(head: bytes) -> str:
    """The reason for a file that no decoder knows, from its first bytes; its name may say anything."""
    if _PICTURE.match(head):
        if head[:4] == b"GIF8" and (head[6:8] == b"\0\0" or head[8:10] == b"\0\0"):
            return _NOTHING
        return "The picture is damaged: it starts like a picture but does not go on as one; copy it again."
    for pattern, kind in _KINDS:
        if re.match(pattern, head, re.DOTALL):
            return f"This is {kind}, not a photo; save the photo as JPEG or PNG."
    return _written(head) or "This is not a picture this program can read; save it as JPEG or PNG."


def _written(head: bytes) -> str | None:
    text = head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace").lower()
    if re.match(r"\ufeff?\s*(<!doctype html|<html)", text):
        return "This is a web page saved under a picture's name; open the page and save the picture itself."
    if "<svg" in text:
        return "This is a drawing in SVG form, not a photo; save it as PNG."
    # The last letter may be cut in half by the end of ``head``, and some texts are not UTF-8.
    strange = sum(1 for letter in text if not (letter.isprintable() or letter in "\r\n\t\f\ufeff"))
    return "This is a text, not a picture." if strange + text.count("\ufffd") <= len(text) // 50 else None
