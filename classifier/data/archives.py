"""Zip archives: their files written to disk, after checks that nothing in them can do harm."""

from __future__ import annotations

import lzma
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from ..config import LIMITS, Limits
from ..errors import DataError
from ..files import remove, storage_error
from ..messages import Message, message
from ..messages.data import IntakeCode, LeftOutCode
from .intake import LeftOut, is_junk, is_outside
from .zip_names import decode_names

ZIP_SIGNATURE = rb"PK\x03\x04|PK\x05\x06"  # regular expressions over the first bytes of a file
ARCHIVE_SIGNATURE = rb"7z\xbc\xaf\x27\x1c|Rar!|\x1f\x8b|BZh|\xfd7zXZ|.{257}ustar"

CHUNK = 2**18  # bytes
NEVER_A_BOMB = 50_000_000  # bytes unpacked
SHOWN_LETTERS = 60  # of a member's name in an error
_ENCRYPTED = 0x2041  # flag bits 0, 6 and 13 of a zip member: encryption of content or of names
_REFUSED = {  # where nothing else is in the zip
    LeftOutCode.LINK_IN_ZIP: IntakeCode.ZIP_LINK,
    LeftOutCode.NOT_A_FILE: IntakeCode.ZIP_LINK,
    LeftOutCode.LOCKED: IntakeCode.ZIP_LOCKED,
}


class Sample(NamedTuple):
    """What a data set says of a picture: its class, and its split and group, None where it says nothing of these."""

    label: str
    split: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class Unpacked:
    """What a zip held: its files as (name inside the zip, path), and what was left out.

    An archive inside the zip is one of the files, not opened: the caller may open zips, within ``limits_left``.
    ``guessed`` is the code page, in words, that names without a mark were read in; None where nothing was guessed.
    ``limits_left`` are the limits less the files and bytes of this zip, for further zips of one upload. ``samples``
    says what files show, by path, where that does not come from their names.
    """

    files: list[tuple[str, Path]]
    left_out: list[LeftOut]
    guessed: str | None
    limits_left: Limits
    samples: Mapping[Path, Sample] = field(default_factory=dict)


def unpack(archive: Path, into: Path, limits: Limits = LIMITS, name: str | None = None) -> Unpacked:
    """Write the files of a zip into ``into`` under numbers as names; ``name`` is that of the zip in errors.

    Links, devices and files locked with a password are left out; where there is nothing else, and where the zip
    could do harm, it is refused as a whole with ``DataError``. ``StorageError`` is raised where the disk is full. In
    these cases nothing of the zip stays on disk.

    Example::

        for name, path in unpack(Path("photos.zip"), Path("unpacked")).files:
            print(name, path.stat().st_size)
    """
    if not archive.is_file():
        raise DataError(IntakeCode.MISSING, place=str(archive))
    created = not into.exists()
    written: list[Path] = []
    try:
        into.mkdir(parents=True, exist_ok=True)
        with _translate_zip_errors(archive, name or archive.name), zipfile.ZipFile(archive) as packed:
            content = _read_content(packed, archive, limits)
            for number, (_, info) in enumerate(content.members):
                written.append(into / f"{number:06}")
                _extract_member(packed, info, written[-1])
    except BaseException:
        for path in written:
            remove(path)
        if created and into.is_dir():
            into.rmdir()
        raise
    files = [(name, path) for (name, _), path in zip(content.members, written)]
    return Unpacked(files, content.left_out, content.guessed, what_is_left(limits, files))


def what_is_left(limits: Limits, files: Sequence[tuple[str, Path]]) -> Limits:
    """Return the limits for the next zip, so that several together hold no more than one may."""
    size = sum(path.stat().st_size for _, path in files)
    return replace(limits, files=max(1, limits.files - len(files)), bytes_unpacked=max(1, limits.bytes_unpacked - size))


def measure(archive: Path, limits: Limits = LIMITS, name: str | None = None) -> tuple[int, int]:
    """Return how many files ``stream`` yields, those of the operating system apart, and their size in bytes.

    Raises what ``unpack`` raises.
    """
    if not archive.is_file():
        raise DataError(IntakeCode.MISSING, place=str(archive))
    with _translate_zip_errors(archive, name or archive.name), zipfile.ZipFile(archive) as packed:
        content = _read_content(packed, archive, limits)
    names = [*(name for name, _ in content.members), *(left.file for left in content.left_out)]
    return sum(not is_junk(name) for name in names), sum(info.file_size for _, info in content.members)


def stream(
    archive: Path, into: Path, limits: Limits = LIMITS, name: str | None = None
) -> Iterator[tuple[str, Path | Message]]:
    """Write the files of a zip one at a time, as each is asked for; yield its name with its path, or why it has none.

    Unlike ``unpack`` it goes on after a damaged file. The caller deletes the files. Raises what ``unpack`` raises where
    the zip as a whole cannot be used.
    """
    known = name or archive.name
    into.mkdir(parents=True, exist_ok=True)
    with _translate_zip_errors(archive, known), zipfile.ZipFile(archive) as packed:
        content = _read_content(packed, archive, limits)
        yield from ((left.file, left.message) for left in content.left_out)
        for number, (member, info) in enumerate(content.members):
            path = into / f"{number:06}"
            try:
                with _translate_zip_errors(archive, known):
                    _extract_member(packed, info, path)
            except DataError:
                remove(path)
                yield member, message(LeftOutCode.DAMAGED_IN_ZIP)
                continue
            yield member, path


@contextmanager
def _translate_zip_errors(archive: Path, name: str) -> Iterator[None]:
    try:
        yield
    except NotImplementedError as error:  # a compression method that zipfile lacks
        raise DataError(IntakeCode.ZIP_METHOD, name=name) from error
    except OSError as error:
        if error.errno is None:  # bz2 reports bad data as an OSError without a number
            raise DataError(IntakeCode.ZIP_DAMAGED, name=name) from error
        raise storage_error(error) from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, RuntimeError) as error:
        code = IntakeCode.ZIP_CUT_OFF if _is_cut_off(archive) else IntakeCode.ZIP_DAMAGED
        raise DataError(code, name=name) from error


def _is_cut_off(archive: Path) -> bool:
    """Return whether a file begins as a zip, but lacks the directory that ends one."""
    with archive.open("rb") as stream:
        begins = stream.read(4) == b"PK\x03\x04"
    return begins and not zipfile.is_zipfile(archive)


@dataclass(frozen=True)
class _Content:
    """The members of a zip that are files to unpack, the others, and the code page guessed for their names."""

    members: list[tuple[str, zipfile.ZipInfo]]
    left_out: list[LeftOut]
    guessed: str | None


def _read_content(packed: zipfile.ZipFile, archive: Path, limits: Limits) -> _Content:
    """Return what a zip holds, after checking every entry, their number and their sizes."""
    infos = packed.infolist()
    names, guessed = decode_names(infos)
    entries = [(name, info) for name, info in zip(names, infos) if not name.endswith(("/", "\\"))]
    for name, _ in entries:
        if is_outside(name):
            raise DataError(IntakeCode.ZIP_OUTSIDE, member=name[:SHOWN_LETTERS])
    if len(entries) > limits.files:
        raise DataError(IntakeCode.ZIP_TOO_MANY_FILES, count=len(entries), limit=limits.files)
    codes = [_why_left_out(info) for _, info in entries]
    members = [entry for entry, code in zip(entries, codes) if code is None]
    left_out = [LeftOut(name, message(code)) for (name, _), code in zip(entries, codes) if code is not None]
    if left_out and not members:
        code = next(code for code in codes if code is not None)
        raise DataError(_REFUSED[code], member=left_out[0].file[:SHOWN_LETTERS])
    _check_size(sum(info.file_size for _, info in members), archive.stat().st_size, limits)
    return _Content(members, left_out, guessed)


def _why_left_out(info: zipfile.ZipInfo) -> LeftOutCode | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return LeftOutCode.LINK_IN_ZIP if kind == stat.S_IFLNK else LeftOutCode.NOT_A_FILE
    return LeftOutCode.LOCKED if info.flag_bits & _ENCRYPTED else None


def _check_size(unpacked: int, packed: int, limits: Limits) -> None:
    """Check the declared sizes in bytes; they suffice, since zipfile gives at most the declared size of a member."""
    if unpacked > limits.bytes_unpacked:
        raise DataError(IntakeCode.ZIP_TOO_BIG, limit=limits.bytes_unpacked)
    # Photos hardly shrink in a zip. Small amounts do no harm, and a few texts may pack very well.
    if unpacked > NEVER_A_BOMB and unpacked > limits.ratio * packed:
        raise DataError(IntakeCode.ZIP_BOMB, limit=limits.ratio)


def _extract_member(packed: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    with packed.open(info) as source, path.open("xb") as target:
        shutil.copyfileobj(source, target, CHUNK)
    if path.stat().st_size != info.file_size:
        raise zipfile.BadZipFile("a member is shorter than its header declares")
