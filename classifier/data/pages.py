"""Files that hold several pictures: which one is used, and how many others there are.

The largest page of a TIFF that is not marked as a thumbnail or a mask, the largest size of an icon, the main picture
of a burst, the first frame of an animation.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import IO

from PIL import Image, MpoImagePlugin, TiffImagePlugin

from ..config import Limits

_MOST_PAGES = 1000  # of a TIFF that are looked at
_NEW_SUBFILE_TYPE, _SUBFILE_TYPE = 254, 255  # tags of TIFF
_REDUCED, _MASK = 1, 4  # bits of the first
_OLD_REDUCED = 2  # value of the second
_MP_ENTRIES = 0xB002  # CIPA DC-007, “Multi-Picture Format”
_ICON = b"\x00\x00\x01\x00"
_PNG_SIZE = re.compile(rb"\x89PNG.{12}(.{8})", re.DOTALL)  # width and height
_PRIMARY = "Baseline MP Primary Image"


@dataclass(frozen=True)
class _Page:
    """A page of a TIFF: its number, its pixels, whether it is a picture of its own."""

    number: int
    pixels: int
    is_picture: bool


def seek_best(image: Image.Image, limits: Limits) -> int:
    """Go to the picture of the file that is to be used, and return how many others the file holds.

    Only headers are read. Pillow starts at the main picture of a HEIF and at the largest size of an icon.
    """
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return _seek_largest_page(image, limits)
    if isinstance(image, MpoImagePlugin.MpoImageFile):
        return _seek_primary(image)
    if image.format == "ICO":
        return len(image.info.get("sizes", ())) - 1
    return int(getattr(image, "n_frames", 1)) - 1


def list_icon_pngs(stream: IO[bytes]) -> list[tuple[int, int]]:
    """Return width and height of the PNGs in an icon, which may differ from what the icon states; empty without any."""
    head = stream.read(6)
    found = []
    if head[:4] == _ICON:
        entries = stream.read(16 * int.from_bytes(head[4:6], "little"))
        for (start,) in struct.iter_unpack("<12xI", entries[: len(entries) // 16 * 16]):
            stream.seek(start)
            png = _PNG_SIZE.match(stream.read(24))
            found += [struct.unpack(">2I", png[1])] if png else []
    stream.seek(0)
    return found


def _seek_largest_page(image: TiffImagePlugin.TiffImageFile, limits: Limits) -> int:
    """Pages that cannot be read count as others; one above the limit of pixels is used only if all pictures are."""
    pages = [_describe_page(image)]
    unreadable = 0
    for number in range(1, _MOST_PAGES):
        try:
            image.seek(number)
            pages.append(_describe_page(image))
        except EOFError:
            break
        except Exception:  # a damaged page raises nearly anything, and the others may still be good
            unreadable += 1
            if image.tell() < number - unreadable:
                break
    best = max(pages, key=lambda page: (page.is_picture, page.pixels <= limits.pixels, page.pixels, -page.number))
    if len(pages) > 1 or unreadable:
        image.seek(best.number)
    return sum(page.is_picture for page in pages if page is not best) + unreadable


def _describe_page(image: TiffImagePlugin.TiffImageFile) -> _Page:
    kind, old_kind = (image.tag_v2.get(tag, 0) for tag in (_NEW_SUBFILE_TYPE, _SUBFILE_TYPE))
    marked = (isinstance(kind, int) and bool(kind & (_REDUCED | _MASK))) or old_kind == _OLD_REDUCED
    return _Page(image.tell(), image.width * image.height, not marked)


def _seek_primary(image: MpoImagePlugin.MpoImageFile) -> int:
    """Smaller pictures beside the main one are previews, or maps of brightness for its display."""
    entries = image.mpinfo[_MP_ENTRIES] if image.mpinfo else []
    kinds = [str(dict(entry.get("Attribute", {})).get("MPType")) for entry in entries]
    sizes = [_measure_frame(image, number) for number in range(len(kinds))]
    primary = kinds.index(_PRIMARY) if _PRIMARY in kinds else 0
    image.seek(primary if sizes[primary] else 0)
    return sum(sizes[number] == image.size for number in range(len(sizes)) if number != image.tell())


def _measure_frame(image: MpoImagePlugin.MpoImageFile, number: int) -> tuple[int, int] | None:
    """Return width and height of a picture, None where it is damaged."""
    try:
        image.seek(number)
        return image.size
    except Exception:  # a damaged picture raises nearly anything, and the others may still be good
        return None
