"""When a picture was taken, by the camera's clock in its EXIF data."""

from __future__ import annotations

import re
from datetime import datetime

from PIL import ExifTags, Image

_STAMP = re.compile(r"(\d{4})[:\-](\d\d)[:\-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_YEARS = 1990, 2100  # of a clock that was set


def read_time(image: Image.Image) -> str | None:
    """Return the camera's local time of a picture whose header is read, ISO 8601 with parts of a second if stated.

    None where the file does not state it. Pixels are not decoded.
    """
    if "exif" not in image.info:  # Pillow would decode a PNG to look behind its pixels
        return None
    try:
        exif = image.getexif().get_ifd(ExifTags.IFD.Exif)
        return parse_time(exif.get(ExifTags.Base.DateTimeOriginal), exif.get(ExifTags.Base.SubsecTimeOriginal))
    except Exception:  # damaged EXIF data raises nearly anything, and the picture may still be good
        return None


def parse_time(stamp: object, fraction: object = None) -> str | None:
    """Return EXIF's ``2024:05:01 12:30:59`` and its digits after the point in ISO 8601, None if it is no time."""
    found = _STAMP.match(stamp) if isinstance(stamp, str) else None
    if found is None:
        return None
    try:
        time = datetime(*map(int, found.groups()))  # type: ignore[arg-type]
    except ValueError:
        return None
    if not _YEARS[0] <= time.year < _YEARS[1]:
        return None
    digits = fraction.strip("\0 ") if isinstance(fraction, str) else ""
    return time.isoformat() + (f".{digits[:6].ljust(6, '0')}" if digits.isascii() and digits.isdigit() else "")
