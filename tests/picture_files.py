"""Files of pictures that Pillow cannot write: PNG of 16 bits with sBIT, TIFF with any tags, planes and pages."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # of PNG, by the number of bands
_TIFF_TYPES = {"H": 3, "I": 4, "f": 11, "d": 12}
Tag = tuple[str, Sequence[float]]  # a letter of ``struct``, and the values


def png16(values: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of values (H, W) or (H, W, 2 to 4) in 16 bits, with other chunks before them, as (name, content)."""
    height, width = values.shape[:2]
    color_type = _COLOR_TYPES[values.shape[2] if values.ndim == 3 else 1]
    rows = values.astype(">u2").reshape(height, -1)
    content = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(content)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def tiff(
    *pages: np.ndarray,
    order: str = "<",
    tags: Mapping[int, Tag] | Sequence[Mapping[int, Tag]] = (),
    planes: bool = False,
    deflate: bool = False,
) -> bytes:
    """A TIFF of arrays (H, W) or (H, W, bands) of any type.

    ``tags`` are added to every page, or a mapping for each; ``order`` is “<” or “>”; ``planes`` stores the bands one
    after another, ``deflate`` compresses them.
    """
    own = [tags] * len(pages) if isinstance(tags, Mapping) or not tags else tags
    result = bytearray((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8))
    link = 4
    for page, extra in zip(pages, own):
        start = len(result)
        struct.pack_into(order + "I", result, link, start)
        content, link = _tiff_page(page, dict(extra), order, planes, deflate, start)
        result += content
    return bytes(result)


def _tiff_page(
    page: np.ndarray, extra: dict[int, Tag], order: str, planes: bool, deflate: bool, start: int
) -> tuple[bytes, int]:
    """The directory of a page and its content, and where the link to the next page is."""
    bands = page.shape[2] if page.ndim == 3 else 1
    stored = page.astype(page.dtype.newbyteorder(order))
    strips = [stored[..., band].tobytes() for band in range(bands)] if planes else [stored.tobytes()]
    strips = [zlib.compress(strip) for strip in strips] if deflate else strips
    tags: dict[int, Tag] = {
        256: ("I", [page.shape[1]]),
        257: ("I", [page.shape[0]]),
        258: ("H", [page.itemsize * 8] * bands),
        259: ("H", [8 if deflate else 1]),
        262: ("H", [2 if bands >= 3 else 1]),
        273: ("I", [0] * len(strips)),
        277: ("H", [bands]),
        278: ("I", [page.shape[0]]),
        279: ("I", [len(strip) for strip in strips]),
        284: ("H", [2 if planes else 1]),
        339: ("H", [{"u": 1, "i": 2, "f": 3}[page.dtype.kind]] * bands),
        **extra,
    }
    data_at = start + 2 + 12 * len(tags) + 4 + sum(_tail_size(tag) for tag in tags.values())
    tags[273] = ("I", [data_at + sum(map(len, strips[:number])) for number in range(len(strips))])
    entries, tail = b"", b""
    for number in sorted(tags):
        letter, values = tags[number]
        packed = struct.pack(f"{order}{len(values)}{letter}", *values)
        if len(packed) > 4:
            packed, more = struct.pack(order + "I", start + 2 + 12 * len(tags) + 4 + len(tail)), packed
            tail += more
        entries += struct.pack(order + "HHI", number, _TIFF_TYPES[letter], len(values)) + packed.ljust(4, b"\0")
    directory = struct.pack(order + "H", len(tags)) + entries
    return directory + bytes(4) + tail + b"".join(strips), start + len(directory)


def _tail_size(tag: Tag) -> int:
    size = struct.calcsize(f"<{len(tag[1])}{tag[0]}")
    return size if size > 4 else 0
