"""The copy of a stranger's picture that a project keeps: the same pixels without metadata, such as the position.

- A JPEG keeps its data: only the segments that tell nothing of the pixels are dropped. One whose many scans take long
  to decode is encoded anew.
- A picture of more than 8 bits a channel is kept, since its range of values is read from the file: a PNG with the
  chunks of its pixels only, a TIFF with the tags of its pixels only. One of another format becomes such a TIFF.
- Everything else becomes an upright PNG without transparency, and above 4 megapixels a JPEG of quality 95. Above 16
  megapixels it is made smaller, to a short side of about 2,000 pixels: a network of 224 pixels uses 512.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from ..config import Limits
from ..errors import PhotoError
from .clean_tiff import clean_tiff
from .images import BIG, EXTENSIONS, PictureInfo, find_page, make_thumbnail, open_picture, probe, read_orientation

THUMBNAIL = 400  # pixels, longest side: twice what the page shows
REDUCED = 512  # pixels, short side of what is kept of data larger than the disk
SHORTEST = 1024  # ``open_picture`` keeps twice as many
_LOSSLESS = 2**22  # pixels up to which a copy is a PNG
_LONGEST_JPEG = 65_000  # pixels; the format ends at 65,535
_MOST_SCANNED = 300_000_000  # pixels times scans of a JPEG that is kept as it is

_EXIF = b"Exif\x00\x00"  # before EXIF data in a JPEG
_PNG_START = 8  # bytes before the first chunk
_PNG_CHUNKS = {b"IHDR", b"PLTE", b"sBIT", b"tRNS", b"IDAT", b"IEND"}
_START_OF_SCAN, _END = 0xDA, 0xD9
_STANDALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a segment
_DROPPED = {*range(0xE1, 0xEE), 0xEF, 0xFE}  # all but JFIF's and Adobe's, which say what the colors are
_NEXT_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])", re.DOTALL)  # in a scan: neither data nor a restart


@dataclass(frozen=True)
class _CleanJpeg:
    """The bytes of the first picture of a JPEG without metadata, and the number of its scans."""

    content: bytes
    scans: int


def copy_extension(info: PictureInfo) -> str:
    """Return the extension of the copy of a picture."""
    if info.deep:
        return EXTENSIONS["PNG" if info.format == "PNG" else "TIFF"]
    if info.format in ("JPEG", "MPO"):
        return EXTENSIONS[info.format]
    lossless = info.width * info.height <= _LOSSLESS or max(info.width, info.height) > _LONGEST_JPEG
    return ".png" if lossless else ".jpg"


def write_copy(source: Path, target: Path, thumbnail: Path, limits: Limits) -> None:
    """Write the copy of a picture and its thumbnail, which shows that the copy can be decoded.

    Raises ``PhotoError`` where the picture cannot be used.
    """
    info = probe(source, limits)
    if info.deep:
        target.write_bytes(_clean_deep(source, info, limits))
    elif (content := _keep_jpeg(source, info, limits)) is not None:
        target.write_bytes(content)
    else:
        picture = shrink(open_picture(source, SHORTEST, limits))
        if copy_extension(info) == ".png":
            picture.save(target, "PNG", compress_level=1)
        else:
            picture.save(target, "JPEG", quality=95, subsampling=0)
    thumbnail.write_bytes(draw_small(target, THUMBNAIL, limits))


def reduce_file(path: Path, limits: Limits) -> None:
    """Replace a picture by one with a short side of about 512 pixels, which is what most networks use of it.

    Smaller pictures, those of more than 8 bits and what is no picture stay as they are; the time it was taken is kept.
    """
    try:
        info = probe(path, limits)
        if info.deep or min(info.width, info.height) < 2 * REDUCED:
            return
        picture = open_picture(path, REDUCED, limits)
    except PhotoError:  # the reason is found again, and listed, when the file is looked at
        return
    tags = Image.Exif()
    if info.taken:
        tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = info.taken.replace("-", ":").replace("T", " ")
    picture.save(path, "JPEG", quality=95, exif=tags)


def shrink(picture: Image.Image) -> Image.Image:
    """Return a picture of at most 16 megapixels, averaged by a whole factor."""
    factor = ceil(sqrt(picture.width * picture.height / BIG))
    return picture.reduce(factor) if factor > 1 else picture


def draw_small(source: Path, side: int, limits: Limits) -> bytes:
    """Return a JPEG of a picture that fits into a square of ``side`` pixels; raises ``PhotoError``."""
    return _encode(make_thumbnail(open_picture(source, side, limits), side), "JPEG")


def _clean_deep(source: Path, info: PictureInfo, limits: Limits) -> bytes:
    """Return a picture of more than 8 bits a channel without metadata; raises ``PhotoError``."""
    content = source.read_bytes()
    if info.format == "PNG":
        return _clean_png(content, read_orientation(source, limits))
    if info.format == "TIFF":
        cleaned = clean_tiff(content, find_page(source, limits))
        return _encode(open_picture(source, SHORTEST, limits), "TIFF") if cleaned is None else cleaned
    open_picture(content, THUMBNAIL, limits)  # raises where it cannot be decoded
    with Image.open(io.BytesIO(content), formats=[info.format]) as image:  # PPM or JPEG 2000, in gray
        return _encode(Image.fromarray(np.asarray(image)), "TIFF")


def _encode(picture: Image.Image, format: str) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format, quality=85)  # of a JPEG
    return stream.getvalue()


def _keep_jpeg(source: Path, info: PictureInfo, limits: Limits) -> bytes | None:
    """Return a JPEG without metadata, None for other pictures and for a JPEG that must be encoded anew."""
    short, pixels = min(info.width, info.height), info.width * info.height
    elongated = pixels > BIG and short < 2 * SHORTEST  # it could not be decoded at a fraction of its size
    if info.format not in ("JPEG", "MPO") or elongated:
        return None
    clean = _clean_jpeg(source.read_bytes(), read_orientation(source, limits))
    if clean is None or clean.scans * pixels > _MOST_SCANNED:
        return None
    with Image.open(io.BytesIO(clean.content), formats=["JPEG"]) as first:
        return clean.content if first.size == (info.width, info.height) else None  # else another is the main picture


def _clean_jpeg(content: bytes, orientation: int) -> _CleanJpeg | None:
    """Return the first picture of a JPEG file with no metadata but its orientation; None where it cannot be followed.

    Own code, because Pillow cannot write a JPEG without encoding it anew. The format: ITU-T T.81, annex B.
    """
    kept, position, scans = [b"\xff\xd8", _orientation_segment(orientation)], 2, 0
    while (found := _NEXT_MARKER.search(content, position)) is not None:
        marker, start = found[1][0], found.end()
        if scans:
            kept.append(content[position : found.start()])  # the data of the scan before this marker
        if marker == _END:
            kept.append(b"\xff\xd9")
            break
        position = start
        if marker in _STANDALONE:
            continue
        if len(content) < start + 2:
            return None
        position = start + struct.unpack_from(">H", content, start)[0]
        if marker not in _DROPPED:
            kept.append(b"\xff" + bytes([marker]) + content[start:position])
        scans += marker == _START_OF_SCAN
    else:  # the end is missing, of which the decoder complains
        kept.append(content[position:])
    return _CleanJpeg(b"".join(kept), scans) if scans else None


def _orientation_segment(orientation: int) -> bytes:
    if orientation == 1:
        return b""
    data = _orientation_tag(orientation)
    return b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data


def _clean_png(content: bytes, orientation: int) -> bytes:
    """Return a PNG with the chunks of its pixels, and its orientation; what follows a damaged chunk is dropped."""
    kept, position = [content[:_PNG_START]], _PNG_START
    while len(head := content[position : position + 8]) == 8:
        length, kind = struct.unpack(">I4s", head)
        end = position + 12 + length
        if kind in _PNG_CHUNKS:
            kept.append(content[position:end])
        if kind == b"IHDR" and orientation != 1:
            exif = b"eXIf" + _orientation_tag(orientation)[len(_EXIF) :]
            kept.append(struct.pack(">I", len(exif) - 4) + exif + struct.pack(">I", zlib.crc32(exif)))
        position = end
    return b"".join(kept)


def _orientation_tag(orientation: int) -> bytes:
    """Return EXIF data that hold the orientation, as a JPEG has them."""
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    return tags.tobytes()
