"""Bytes -> upright RGB pictures, or a ``PhotoError`` whose code tells what is wrong with the file."""

from __future__ import annotations

import io
import os
import re
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from PIL import ExifTags, Image, UnidentifiedImageError

from ..config import LIMITS, NO_RANGES, Limits, PixelRange, PixelRanges, SampleKind
from ..errors import PhotoError
from ..messages import Message, message
from ..messages.data import PhotoCode, SeveralCode
from . import pages, pixel_depth
from .exif_time import read_time
from .file_kinds import HEAD, classify_content, unreadable_tiff
from .transparency import choose_background, convert_to_rgb

Source = Path | bytes
Opener = Callable[[Source | Image.Image, int | None, Limits, PixelRanges], Image.Image]  # such as ``open_picture``

# Pillow's format name -> the extension a file of that format is stored under. No other format is opened: no
# PostScript (Pillow starts a program for it), no layered or scientific formats. Commonest first; AVIF before HEIF
# because both may begin with the same brand.
EXTENSIONS: dict[str, str] = {
    "JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "AVIF": ".avif", "HEIF": ".heic",
    "GIF": ".gif", "BMP": ".bmp", "DIB": ".bmp", "TIFF": ".tif", "ICO": ".ico", "JPEG2000": ".jp2",
    "PPM": ".ppm",
}  # fmt: skip
FORMATS: tuple[str, ...] = tuple(EXTENSIONS)
DECODING = 2  # to be counted up when any picture is decoded differently: it is part of the feature cache's keys
MAX_ELONGATION = (
    100  # long side over short side: the short side is enlarged to what a network needs, and the long with it
)
BIG = 16_000_000  # pixels; larger pictures are decoded one at a time to bound the memory of many threads
_heif_lock = threading.Lock()
_big_picture_lock = threading.Lock()

_REDUCIBLE_MODES = {"L", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "LAB", "RGBX"}
_SHALLOW_PNG = re.compile(rb"\x89PNG.{20}[^\x10]", re.DOTALL)  # at most 8 bits
_NEVER_DEEP = re.compile(rb"\xff\xd8|GIF8|BM|RIFF|.{4}ftyp", re.DOTALL)
_TRANSPOSE = {  # EXIF orientation -> what turns the picture upright
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
    """The header of a picture file: Pillow's format name, width and height in pixels as stored.

    Of several pictures in one file these are of the one that is used; ``others`` counts the others. ``deep`` is
    whether it has more than 8 bits a channel. ``taken`` is the camera's local time in ISO 8601, None where the file
    does not state it; nothing else of its metadata is read.
    """

    format: str
    width: int
    height: int
    others: int = 0
    deep: bool = False
    taken: str | None = None

    @property
    def others_reason(self) -> Message:
        """Which of several pictures is used, as the reason why the others are not."""
        code = SeveralCode.FIRST
        if self.format in ("TIFF", "ICO"):
            code = SeveralCode.LARGEST
        elif self.format in ("MPO", "HEIF"):
            code = SeveralCode.PRIMARY
        return message(code, others=self.others, total=self.others + 1)


def probe(source: Source, limits: Limits = LIMITS) -> PictureInfo:
    """Return format and size of the picture in a file or in bytes; reads the header only.

    Raises ``PhotoError`` if it is no picture of an accepted format, larger than ``limits``, or too elongated.
    """
    with _open(source, limits) as (image, _):
        others = pages.seek_best(image, limits)
        _check_size(image.size, limits)
        deep = pixel_depth.is_deep(image, in_file=True)
        size = image.width, image.height
        return PictureInfo(str(image.format), *size, others, deep, read_time(image))


def read_orientation(source: Source, limits: Limits = LIMITS) -> int:
    """Return the EXIF orientation of a picture, 1 to 8; 1, which is upright, where there is none."""
    with _open(source, limits) as (image, _):
        pages.seek_best(image, limits)
        orientation = _read_orientation(image)
        return orientation if isinstance(orientation, int) and orientation in _TRANSPOSE else 1


def find_page(source: Source, limits: Limits = LIMITS) -> int:
    """Return the number of the picture in a file that is used, from 0."""
    with _open(source, limits) as (image, _):
        pages.seek_best(image, limits)
        return image.tell()


def open_picture(
    source: Source | Image.Image,
    shortest: int | None = None,
    limits: Limits = LIMITS,
    pixel_ranges: PixelRanges = NO_RANGES,
) -> Image.Image:
    """Decode a picture, turn it upright by its EXIF tag and convert it to RGB.

    Transparent pictures are placed on white or black, whichever differs more from what is drawn. Of several pictures
    in a file the one of ``pages.seek_best`` is decoded. Raises ``PhotoError`` if the picture cannot be used.

    Args:
        source: a file, its bytes, or a picture, of which the current frame is used.
        shortest: for a caller that resizes the short side to about that many pixels: the picture may be decoded
            smaller and faster, but its short side does not become shorter than ``shortest``.
        limits: what is refused as too large.
        pixel_ranges: for pictures of more than 8 bits whose files do not state a range; without them the range is
            guessed from the picture itself.
    """
    with _open(source, limits) as (image, stream):
        if not isinstance(source, Image.Image) and image.format in ("TIFF", "MPO"):
            pages.seek_best(image, limits)
            _check_size(image.size, limits)
        pixels = image.width * image.height
        if shortest and not isinstance(source, Image.Image):
            # JPEG: decoded at a fraction of its size; HEIC: its embedded preview. Never smaller than asked for.
            image.draft(None, (shortest, shortest))
        if not image.info.get("progressive"):  # the decoder holds a progressive JPEG at full size
            pixels = image.width * image.height
        with _big_picture_lock if pixels > BIG else nullcontext():
            shallow = _load(image, stream, pixel_ranges)
            background = choose_background(shallow, str(image.format))
            # Before the conversion to RGB where the mode allows it, since it is faster; otherwise after it.
            small = _reduce(convert_to_rgb(_reduce(shallow, shortest), background), shortest)
            return _turn_upright(small, _read_orientation(image))


def lacks_range(source: Source, limits: Limits = LIMITS) -> bool:
    """Return whether a picture has more than 8 bits and its file does not state their range; reads the header only.

    False for a file that cannot be read.
    """
    try:
        with _open_stream(source, limits) as stream:
            head = stream.read(32)
        if _NEVER_DEEP.match(head) or _SHALLOW_PNG.match(head):  # hundreds of times as fast as Pillow
            return False
        with _open(source, limits) as (image, stream):
            pages.seek_best(image, limits)
            return pixel_depth.is_deep(image, in_file=True) and pixel_depth.stated_range(image, stream) is None
    except PhotoError:
        return False


def measure_range(source: Source, limits: Limits = LIMITS) -> tuple[SampleKind, PixelRange] | None:
    """Return kind and range of the values of a picture for which ``lacks_range``, None where there are none."""
    try:
        with _open(source, limits) as (image, stream):
            pages.seek_best(image, limits)
            _check_size(image.size, limits)
            if not pixel_depth.is_deep(image, in_file=True):
                return None
            samples = pixel_depth.read_samples(image, stream)
            measured = pixel_depth.measure_range(samples)
            return None if measured is None else (samples.kind, measured)
    except PhotoError:
        return None


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


def _load(image: Image.Image, stream: IO[bytes] | None, pixel_ranges: PixelRanges) -> Image.Image:
    """Decode the picture; the result has 8 bits a channel."""
    if not pixel_depth.is_deep(image, in_file=stream is not None):
        image.load()
        return image
    samples = pixel_depth.read_samples(image, stream)
    pixel_range = pixel_depth.stated_range(image, stream, samples) or pixel_ranges.of(samples.kind)
    if pixel_range is None:
        measured = pixel_depth.measure_range(samples)
        pixel_range = pixel_depth.common_range([] if measured is None else [measured]) or (0, 1)
    return pixel_depth.to_eight_bits(samples, pixel_range)


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
def _open(source: Source | Image.Image, limits: Limits) -> Iterator[tuple[Image.Image, IO[bytes] | None]]:
    """Give the picture with its header read, and its file. What a decoder raises in the body becomes ``PhotoError``."""
    if isinstance(source, Image.Image):
        _check_size(source.size, limits)
        with _translate_errors(limits), _reopen_deep(source, limits) as (image, file):
            yield image, file
        return
    with _open_stream(source, limits) as stream, _translate_errors(limits):
        for size in pages.list_icon_pngs(stream):  # Pillow decodes an icon when it opens it
            _check_size(size, limits)
        try:
            image = Image.open(stream, formats=_list_formats())
        except UnidentifiedImageError as error:
            raise _explain_unknown(stream) from error
        with image:
            _check_size(image.size, limits)
            yield image, stream


@contextmanager
def _reopen_deep(image: Image.Image, limits: Limits) -> Iterator[tuple[Image.Image, IO[bytes] | None]]:
    """Give a deep picture that ``PIL.Image.open`` made, and that is not decoded yet, with its file; others as they are.

    A copy, since reading it by other settings would change the caller's picture.
    """
    file = getattr(image, "fp", None)
    if not getattr(image, "tile", None) or file is None or not pixel_depth.is_deep(image, in_file=True):
        yield image, None
        return
    position = file.tell()
    file.seek(0)
    stream = io.BytesIO(file.read(limits.bytes_per_file))
    file.seek(position)
    with Image.open(stream, formats=_list_formats()) as copy:
        copy.seek(image.tell())
        yield copy, stream


def _explain_unknown(stream: IO[bytes]) -> PhotoError:
    """Return why no decoder recognizes a file."""
    stream.seek(0)
    tiff = unreadable_tiff(stream)
    if tiff is not None:
        return PhotoError(PhotoCode.KIND_OF_TIFF, bands=tiff[0], bits=tiff[1])
    stream.seek(0)
    return PhotoError(classify_content(stream.read(HEAD)))


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


def _check_size(size: tuple[int, int], limits: Limits) -> None:
    pixels = size[0] * size[1]
    if not pixels:
        raise PhotoError(PhotoCode.NO_PIXELS)
    if pixels > limits.pixels:
        raise PhotoError(PhotoCode.TOO_MANY_PIXELS, pixels=pixels, limit=limits.pixels)
    if max(size) > MAX_ELONGATION * min(size):
        raise PhotoError(PhotoCode.TOO_ELONGATED, width=size[0], height=size[1], limit=MAX_ELONGATION)


@contextmanager
def _translate_errors(limits: Limits) -> Iterator[None]:
    """Turn what decoders raise (OSError, SyntaxError, ValueError, struct.error and more) into ``PhotoError``."""
    try:
        yield
    except PhotoError:
        raise
    except Exception as error:
        raise _translate_error(error, limits) from error


def _translate_error(error: Exception, limits: Limits) -> PhotoError:
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return _translate_bomb(error, limits)
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
