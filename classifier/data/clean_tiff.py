"""One picture of a TIFF without metadata: the tags that say how its pixels are stored, and the pixels.

Own code, because Pillow cannot write TIFFs of 16-bit color, and drops the tags that state the range of the values.
Everything else is overwritten with zeros where it lies, so that no offset changes. The formats: Adobe, “TIFF Revision
6.0”, and BigTIFF, which differs in the width of its numbers (libtiff.gitlab.io).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

_OFFSETS, _COUNTS = (273, 324), (279, 325)  # of strips, of tiles
_BITS_TO_PREDICTOR = (256, 257, 258, 259, 262, 266, 274, 277, 278, 280, 281, 284, 317)
_LATER = (320, 322, 323, 338, 339, 340, 341)  # palette, tiles, opacity, kind and range of the values
_KEPT = {*_BITS_TO_PREDICTOR, *_LATER, *_OFFSETS, *_COUNTS}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_NUMBERS = {3: "H", 4: "I", 16: "Q"}  # the types of offsets and counts
_BIG = 43


class _Layout(NamedTuple):
    """How numbers are stored: byte order, and the formats of an offset and of the count of entries."""

    order: str
    offset: str
    entries: str

    def unpack(self, kind: str, content: bytes, position: int) -> int:
        return int(struct.unpack_from(self.order + kind, content, position)[0])

    @property
    def width(self) -> int:
        """Bytes of an offset."""
        return struct.calcsize(self.offset)

    @property
    def entry(self) -> int:
        """Bytes of an entry: tag, type, number of values, and the values or their offset."""
        return 4 + 2 * self.width


class _Entry(NamedTuple):
    tag: int
    type: int
    raw: bytes
    start: int  # of the values
    size: int  # bytes of the values
    is_inside: bool  # the entry holds the values


def clean_tiff(content: bytes, page: int) -> bytes | None:
    """Return a TIFF that holds picture number ``page`` of a TIFF alone; None where it cannot be followed."""
    try:
        return _clean(content, page)
    except (struct.error, KeyError, ValueError, OverflowError):
        return None


def _clean(content: bytes, page: int) -> bytes | None:
    layout = _read_layout(content)
    header = 8 if layout.width == 4 else 16
    place = layout.unpack(layout.offset, content, header - layout.width)
    for _ in range(page):
        place = layout.unpack(layout.offset, content, _end_of_entries(layout, content, place))
    entries = [entry for entry in _read_entries(layout, content, place) if entry.tag in _KEPT]
    pieces = [(entry.start, entry.size) for entry in entries if not entry.is_inside]
    pixels = list(_find_pixels(layout, content, entries))
    if not pixels:
        return None
    cleaned = bytearray(len(content))
    for start, size in (*pixels, *pieces):
        cleaned[start : start + size] = content[start : start + size]
    end = max(start + size for start, size in (*pixels, *pieces))
    cleaned[: header - layout.width] = content[: header - layout.width]
    struct.pack_into(layout.order + layout.offset, cleaned, header - layout.width, place)
    table = struct.pack(layout.order + layout.entries, len(entries)) + b"".join(entry.raw for entry in entries)
    table += bytes(layout.width)  # there is no further picture
    cleaned[place : place + len(table)] = table
    return bytes(cleaned[: max(end, place + len(table))])


def _read_layout(content: bytes) -> _Layout:
    order = {b"II": "<", b"MM": ">"}[content[:2]]
    is_big = struct.unpack_from(order + "H", content, 2)[0] == _BIG
    return _Layout(order, "Q", "Q") if is_big else _Layout(order, "I", "H")


def _end_of_entries(layout: _Layout, content: bytes, place: int) -> int:
    count = layout.unpack(layout.entries, content, place)
    return place + struct.calcsize(layout.order + layout.entries) + count * layout.entry


def _read_entries(layout: _Layout, content: bytes, place: int) -> Iterator[_Entry]:
    first = place + struct.calcsize(layout.order + layout.entries)
    for position in range(first, min(_end_of_entries(layout, content, place), len(content)), layout.entry):
        tag, kind = struct.unpack_from(layout.order + "HH", content, position)
        size = _SIZES.get(kind, 0) * layout.unpack(layout.offset, content, position + 4)
        last = position + 4 + layout.width
        is_inside = size <= layout.width
        start = last if is_inside else layout.unpack(layout.offset, content, last)
        yield _Entry(tag, kind, content[position : position + layout.entry], start, size, is_inside)


def _find_pixels(layout: _Layout, content: bytes, entries: list[_Entry]) -> Iterator[tuple[int, int]]:
    """Yield where strips or tiles begin, and their bytes."""
    by_tag = {entry.tag: entry for entry in entries}
    for offsets, counts in zip(_OFFSETS, _COUNTS, strict=True):
        if offsets in by_tag and counts in by_tag:
            places = (_read_numbers(layout, content, by_tag[tag]) for tag in (offsets, counts))
            yield from zip(*places, strict=True)


def _read_numbers(layout: _Layout, content: bytes, entry: _Entry) -> tuple[int, ...]:
    kind = _NUMBERS[entry.type]
    count = entry.size // struct.calcsize(kind)
    return struct.unpack_from(f"{layout.order}{count}{kind}", content, entry.start)
