"""What a file is that no decoder recognizes, from its first bytes: the code of the reason to leave it out."""

from __future__ import annotations

import re
from typing import IO

from PIL import TiffImagePlugin

from ..messages.data import PhotoCode
from .archives import ARCHIVE_SIGNATURE, ZIP_SIGNATURE

HEAD = 4096  # bytes from the start of a file that ``classify_content`` needs

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
_TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the latter are BigTIFF
# Pictures of the X Window System, which are written as source text of C.
_SOURCE_PICTURES: tuple[tuple[str, PhotoCode], ...] = (
    (r"\s*/\*\s*xpm\s*\*/|\s*!\s*xpm2", PhotoCode.XPM),
    (r".*#define\s+\w*width\s+\d+\s+#define\s+\w*height\s+\d+\s.*bits\s*\[", PhotoCode.XBM),
)


def classify_content(head: bytes) -> PhotoCode:
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
    for pattern, code in _SOURCE_PICTURES:
        if re.match(pattern, text, re.DOTALL):
            return code
    # The last letter may be cut in half by the end of ``head``, and some texts are not UTF-8.
    unprintable = sum(1 for letter in text if not (letter.isprintable() or letter in "\r\n\t\f\ufeff"))
    return PhotoCode.TEXT if unprintable + text.count("\ufffd") <= len(text) // 50 else None


def unreadable_tiff(stream: IO[bytes]) -> tuple[int, int] | None:
    """Return the number of bands and of their bits of a TIFF that is sound but of a kind that Pillow does not read.

    ``stream`` is at the start of a file that Pillow does not recognize; None where it is no TIFF, or a damaged one.
    """
    head = stream.read(16)
    if head[:4] not in _TIFF_SIGNATURES:
        return None
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(head[:8] if head[2:4] in (b"*\0", b"\0*") else head)
        stream.seek(tags.next)
        tags.load(stream)
        bits, bands = tags[258], tags.get(277, 1)
        sound = all(isinstance(value, int) and value > 0 for value in (tags[256], tags[257], *bits, bands))
        return (max(bands, len(bits)), max(bits)) if sound and (273 in tags or 324 in tags) else None
    except Exception:  # a damaged file raises nearly anything
        return None
