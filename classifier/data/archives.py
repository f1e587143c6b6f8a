"""Zip archives: their files written to disk, after checks that nothing in them can do harm."""

from __future__ import annotations

import lzma
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..config import LIMITS, Limits
from ..errors import DataError
from ..files import remove, storage_error
from ..messages.data import IntakeCode
from .intake import is_junk, is_outside

ZIP_SIGNATURE = rb"PK\x03\x04|PK\x05\x06"  # regular expressions over the first bytes of a file
ARCHIVE_SIGNATURE = rb"7z\xbc\xaf\x27\x1c|Rar!|\x1f\x8b|BZh|\xfd7zXZ|.{257}ustar"
_ANY_ARCHIVE = re.compile(ZIP_SIGNATURE + b"|" + ARCHIVE_SIGNATURE, re.DOTALL)

_ARCHIVE_SUFFIXES = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst")
_OFFICE_SUFFIXES = (".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp")  # zips too, but harmless beside photos
_CHUNK = 2**18  # bytes
_NEVER_A_BOMB = 50_000_000  # bytes unpacked
_SHOWN_LETTERS = 60  # of a member's name in an error
_ENCRYPTED = 0x2041  # flag bits 0, 6 and 13 of a zip member: encryption of content or of names
_UTF8 = 0x800


def unpack(archive: Path, into: Path, limits: Limits = LIMITS) -> list[tuple[str, Path]]:
    """Write the files of a zip into ``into`` under numbers as names; return (name inside the zip, path) pairs.

    A zip that could do harm is refused as a whole with ``DataError``; ``StorageError`` is raised where the disk is
    full. In both cases nothing of the zip stays on disk.
    """
    if not archive.is_file():
        raise DataError(IntakeCode.MISSING, place=str(archive))
    created = not into.exists()
    files: list[tuple[str, Path]] = []
    try:
        into.mkdir(parents=True, exist_ok=True)
        with _translate_zip_errors(archive), zipfile.ZipFile(archive) as packed:
            for name, info in _list_members(packed, archive, limits):
                files.append((name, into / f"{len(files):06}"))
                _extract_member(packed, info, name, files[-1][1])
    except BaseException:
        for _, path in files:
            remove(path)
        if created and into.is_dir():
            into.rmdir()
        raise
    return files


@contextmanager
def _translate_zip_errors(archive: Path) -> Iterator[None]:
    try:
        yield
    except NotImplementedError as error:  # a compression method that zipfile lacks
        raise DataError(IntakeCode.ZIP_METHOD, name=archive.name) from error
    except OSError as error:
        if error.errno is None:  # bz2 reports bad data as an OSError without a number
            raise DataError(IntakeCode.ZIP_DAMAGED, name=archive.name) from error
        raise storage_error(error) from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, RuntimeError) as error:
        raise DataError(IntakeCode.ZIP_DAMAGED, name=archive.name) from error


def _list_members(packed: zipfile.ZipFile, archive: Path, limits: Limits) -> list[tuple[str, zipfile.ZipInfo]]:
    """Return the files of a zip, after checking every entry, their number and their sizes."""
    members = [(_decode_name(info), info) for info in packed.infolist()]
    for name, info in members:
        _check_member(name, info)
    files = [(name, info) for name, info in members if not name.endswith(("/", "\\"))]
    if len(files) > limits.files:
        raise DataError(IntakeCode.ZIP_TOO_MANY_FILES, count=len(files), limit=limits.files)
    _check_size(sum(info.file_size for _, info in files), archive.stat().st_size, limits)
    return files


def _decode_name(info: zipfile.ZipInfo) -> str:
    """Decode a member's name: macOS writes UTF-8 without setting the flag, and zipfile then reads cp437."""
    if info.flag_bits & _UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _check_member(name: str, info: zipfile.ZipInfo) -> None:
    shown = name[:_SHOWN_LETTERS]
    if is_outside(name.rstrip("/\\")):
        raise DataError(IntakeCode.ZIP_OUTSIDE, member=shown)
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise DataError(IntakeCode.ZIP_LINK, member=shown)
    if info.flag_bits & _ENCRYPTED:
        raise DataError(IntakeCode.ZIP_LOCKED)
    if name.lower().endswith(_ARCHIVE_SUFFIXES) and not is_junk(name):
        raise DataError(IntakeCode.ZIP_NESTED, member=shown)


def _check_size(unpacked: int, packed: int, limits: Limits) -> None:
    """Check the declared sizes in bytes; they suffice, since zipfile gives at most the declared size of a member."""
    if unpacked > limits.bytes_unpacked:
        raise DataError(IntakeCode.ZIP_TOO_BIG, limit=limits.bytes_unpacked)
    # Photos hardly shrink in a zip. Small amounts do no harm, and a few texts may pack very well.
    if unpacked > _NEVER_A_BOMB and unpacked > limits.ratio * packed:
        raise DataError(IntakeCode.ZIP_BOMB, limit=limits.ratio)


def _extract_member(packed: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, path: Path) -> None:
    with packed.open(info) as source, path.open("xb") as target:
        chunk = source.read(_CHUNK)
        if _ANY_ARCHIVE.match(chunk) and not name.lower().endswith(_OFFICE_SUFFIXES):
            raise DataError(IntakeCode.ZIP_NESTED, member=name[:_SHOWN_LETTERS])
        while chunk:
            target.write(chunk)
            chunk = source.read(_CHUNK)
    if path.stat().st_size != info.file_size:
        raise zipfile.BadZipFile("a member is shorter than its header declares")
