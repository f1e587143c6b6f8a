"""Names of the files in a zip: marked as UTF-8, given in the Unicode path field, or in one code page for all others."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence

from .code_pages import guess_code_page

_UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075  # of an extra field: a version, the CRC of the raw name, and the name in UTF-8
_COMPARED = 300  # parts of names from which the code page is guessed
_NEARLY_ALL = 0.9
_LONGEST = 4096  # bytes of a name; no system allows more
_LONGEST_PART = 255


def decode_names(members: Sequence[zipfile.ZipInfo]) -> tuple[list[str], str | None]:
    """Return the names of members as their writer meant them, and the code page where it had to be guessed.

    A name is in UTF-8 where its flag says so, or stands in its Unicode path field, if that field belongs to it. All
    others are in one code page, since one program wrote them: UTF-8, as macOS writes without the flag, if nearly all
    are valid in it, otherwise the likeliest.
    """
    raw = [_raw_name(info) for info in members]
    known = [_marked_name(info, name) for info, name in zip(members, raw)]
    unknown = {name for name, marked in zip(raw, known) if marked is None and not name.isascii()}
    codec, title = _find_code_page(unknown)
    return [decode(name, codec) if marked is None else marked for name, marked in zip(raw, known)], title


def decode(name: bytes, codec: str) -> str:
    """Decode a name; a byte that is not valid becomes “%” and two digits, so that different names stay different."""
    name = name[:_LONGEST]
    text, start = "", 0
    while True:
        try:
            return text + name[start:].decode(codec)
        except UnicodeDecodeError as error:
            wrong = start + error.start
            text += f"{name[start:wrong].decode(codec)}%{name[wrong]:02X}"
            start = wrong + 1


def _raw_name(info: zipfile.ZipInfo) -> bytes:
    """Return a name's bytes, which zipfile has decoded as cp437, that knows all bytes; a zero byte ends a name."""
    return info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8_FLAG else "cp437").partition(b"\0")[0]


def _marked_name(info: zipfile.ZipInfo, raw: bytes) -> str | None:
    if info.flag_bits & _UTF8_FLAG:
        return raw.decode()
    for kind, content in _extra_fields(info.extra):
        if kind == _UNICODE_PATH and content[:5] == struct.pack("<BI", 1, zlib.crc32(raw)):
            try:
                return content[5:].decode() or None
            except UnicodeDecodeError:
                return None
    return None


def _extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        yield kind, extra[4 : 4 + length]
        extra = extra[4 + length :]


def _find_code_page(names: set[bytes]) -> tuple[str, str | None]:
    """Return codec and title of the code page of raw names; the title is None where it is no guess."""
    # “photo 1” to “photo 999” are one part: what repeats is no more evidence.
    parts = sorted({re.sub(rb"[0-9]+", b"", part)[:_LONGEST_PART] for name in names for part in name.split(b"/")})
    parts = [part for part in parts if not part.isascii()]
    valid = sum(_is_utf8(part) for part in parts)
    if valid >= _NEARLY_ALL * len(parts):
        return "utf-8", None
    page = guess_code_page(parts[:: -(-len(parts) // _COMPARED)])
    return page.codec, page.title


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
