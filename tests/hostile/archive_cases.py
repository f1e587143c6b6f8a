"""Hostile zips and names, each given to a project as an upload."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable

from tests.helpers import NASTY, draw_photo, encode

from .attacks import Prepare, write_upload

PHOTO = encode(draw_photo(), quality=30)


def packed(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of (name, content)."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members:
            info = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name)
            archive.writestr(info, content, method)
    return stream.getvalue()


def named(*names: str) -> bytes:
    """Return a zip of the same photo under several names."""
    return packed(*((name, PHOTO) for name in names))


def special(mode: int, content: bytes = b"/etc/passwd") -> bytes:
    """Return a zip with one photo and one file of a kind that is no plain file."""
    info = zipfile.ZipInfo("cat/link.jpg")
    info.external_attr = (mode | 0o644) << 16
    return packed((info, content), ("dog/1.jpg", PHOTO))


def bomb(megabytes: int = 100) -> bytes:
    """Return a zip whose one member becomes a thousand times as large."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("cat/1.jpg", "w") as member:
        for _ in range(megabytes):
            member.write(bytes(2**20))
    return stream.getvalue()


def overlapping(count: int = 2000) -> bytes:
    """Return a zip whose many members are all the same place of the file."""
    content = bytearray(packed(("a", PHOTO)))
    start = content.index(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    entry = bytes(content[start:end])
    names = [f"{number:06}.jpg".encode() for number in range(count)]
    entries = [entry[:28] + struct.pack("<H", len(name)) + entry[30:46] + name for name in names]
    directory = b"".join(entries)
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(directory), start, 0)
    return bytes(content[:start]) + directory + tail


def declared(size: int) -> bytes:
    """Return a zip whose member declares another size than it has."""
    content = bytearray(packed(("cat/1.jpg", PHOTO)))
    start = content.index(b"PK\x01\x02")
    content[start + 24 : start + 28] = struct.pack("<I", size)
    return bytes(content)


def patched(before: bytes, after: bytes, times: int = -1) -> bytes:
    """Return a zip of two photos with some bytes replaced."""
    return named("cat/1.jpg", "dog/1.jpg").replace(before, after, times)


def locked() -> bytes:
    """Return a zip whose members are marked as encrypted."""
    content = bytearray(named("cat/1.jpg"))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    return bytes(content)


def nested(depth: int) -> bytes:
    """Return a zip in a zip in a zip."""
    content = named("cat/1.jpg", "dog/1.jpg")
    for _ in range(depth):
        content = packed(("inner.zip", content))
    return content


def in_zip(content: Callable[[], bytes]) -> Prepare:
    """Return what writes the upload of a zip."""
    return lambda folder: write_upload(folder, [("photos.zip", content())])


def under(*names: str) -> Prepare:
    """Return what writes the upload of a photo under these names."""
    return lambda folder: write_upload(folder, [(name, PHOTO) for name in names])


CASES: dict[str, Prepare] = {
    "zip bomb": in_zip(bomb),
    "zip bomb in a zip": in_zip(lambda: packed(("a.zip", bomb(100)), ("cat/1.jpg", PHOTO))),
    "zip whose members lie over each other": in_zip(overlapping),
    "zip that declares 4 GB": in_zip(lambda: declared(2**32 - 2)),
    "zip that declares one byte": in_zip(lambda: declared(1)),
    "zip with .. in a name": in_zip(lambda: named("../../escaped.jpg", "cat/1.jpg")),
    "zip with an absolute name": in_zip(lambda: named("/tmp/escaped.jpg", "cat/1.jpg")),
    "zip with a drive in a name": in_zip(lambda: named("C:\\escaped.jpg", "cat/1.jpg")),
    "zip with .. behind backslashes": in_zip(lambda: named("cat\\..\\..\\escaped.jpg", "cat/1.jpg")),
    "zip with a link": in_zip(lambda: special(stat.S_IFLNK)),
    "zip with a device": in_zip(lambda: special(stat.S_IFCHR)),
    "zip with a pipe": in_zip(lambda: special(stat.S_IFIFO)),
    "zip with a password": in_zip(locked),
    "zip with an unknown method": in_zip(lambda: patched(b"\x08\x00", b"\x63\x00")),
    "zip that is cut off": in_zip(lambda: named("cat/1.jpg", "dog/1.jpg")[:-30]),
    "zip with wrong check sums": in_zip(lambda: patched(PHOTO[40:60], bytes(20))),
    "zip six deep": in_zip(lambda: nested(6)),
    "zip of nothing": in_zip(lambda: packed()),
    "zip of folders only": in_zip(lambda: packed(("cat/", b""), ("dog/", b""))),
    "text called zip": in_zip(lambda: b"hello " * 100),
    "7z called zip": in_zip(lambda: b"7z\xbc\xaf\x27\x1c" + bytes(100)),
    "zip with 21,000 files": in_zip(lambda: packed(*((f"cat/{n}.jpg", b"") for n in range(21_000)))),
    "zip with a name of 60,000 letters": in_zip(lambda: named("x" * 60_000 + ".jpg")),
    "zip with 5,000 folders in one name": in_zip(lambda: named("a/" * 5000 + "1.jpg", "b/1.jpg")),
    "zip with the same name twice": in_zip(lambda: patched(b"dog/", b"cat/")),
    "zip with names of control letters": in_zip(lambda: named("c\x01at/\x1b[2J.jpg", "d\x7fog/1.jpg")),
    "zip with its directory in a circle": in_zip(lambda: patched(b"PK\x05\x06", b"PK\x05\x06", 1)[:-6] + bytes(6)),
    "name with ..": under("../../escaped.jpg"),
    "absolute name": under("/etc/passwd", "cat/1.jpg"),
    "name with a null byte": under("cat/a\0.jpg", "dog/1.jpg"),
    "name that is no Unicode": under("cat/\ud800.jpg", "dog/1.jpg"),
    "name with markup": under(f"{NASTY}/1.jpg", f"dog/{NASTY}.jpg"),
    "name that turns the writing round": under("cat\u202egpj.exe/1.jpg", "dog/1.jpg"),
    "name of a device": under("CON/1.jpg", "nul/2.jpg", "dog/1.jpg"),
    "name of 100,000 letters": under("x" * 100_000 + "/1.jpg", "dog/1.jpg"),
    "name of 20,000 folders": under("a/" * 20_000 + "1.jpg", "dog/1.jpg"),
    "no name at all": under("", "dog/1.jpg"),
    "names that differ in invisible letters": under("cat/1.jpg", "cat\u200b/1.jpg", "ca\u0301t/1.jpg", "CAT/1.jpg"),
}  # fmt: skip
