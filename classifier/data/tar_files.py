"""Tars, plain or packed with gzip, read as a stream: their files written to disk, after the checks that zips get."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from ..config import LIMITS, Limits
from ..errors import DataError
from ..files import storage_error
from ..messages import Message, message
from ..messages.data import LeftOutCode
from ..messages.shards import ShardCode, ShardLeftOutCode
from .archives import CHUNK, NEVER_A_BOMB, SHOWN_LETTERS
from .intake import is_junk, is_outside
from .layout.photos import suffix_of

SUFFIXES = (".tar", ".tar.gz", ".tgz")
_GZIP = b"\x1f\x8b"
_PICKLES = frozenset({".pkl", ".pickle", ".pyd", ".pt", ".pth"})
_LONGEST_HEADER = 2**20  # bytes of names and attributes before a file; tarfile reads them into memory
_HEADERS = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip


def measure(archive: Path, limits: Limits = LIMITS, name: str | None = None) -> tuple[int, int]:
    """Return how many files a tar holds and their size in bytes, with the errors of ``stream``.

    Labels and files of the operating system are apart.
    """
    count = size = 0
    with _translate_errors(name or archive.name), _open(archive, limits, name or archive.name) as packed:
        for info in _members(packed, limits, name or archive.name):
            if not is_label(info.name) and not is_junk(info.name):
                count, size = count + 1, size + info.size
    return count, size


def stream(
    archive: Path, into: Path, limits: Limits = LIMITS, name: str | None = None
) -> Iterator[tuple[str, Path | Message]]:
    """Write the files of a tar one at a time, as each is asked for; yield its name with its path, or why it has none.

    The caller deletes the files. Raises ``DataError`` where the tar is cut off, damaged, too large, or could do harm;
    ``StorageError`` where the disk is full.
    """
    known = name or archive.name
    into.mkdir(parents=True, exist_ok=True)
    with _translate_errors(known), _open(archive, limits, known) as packed:
        for number, info in enumerate(_members(packed, limits, known)):
            reason = _why_left_out(info)
            if reason is None:
                yield info.name, _extract(packed, info, into / f"{number:06}")
            else:
                yield info.name, reason


def stream_photos(
    archive: Path, into: Path, limits: Limits = LIMITS, name: str | None = None
) -> Iterator[tuple[str, Path | Message]]:
    """Yield what ``stream`` does without the labels beside pictures."""
    for member, found in stream(archive, into, limits, name):
        if not is_label(member):
            yield member, found
        elif isinstance(found, Path):
            found.unlink()


def is_label(name: str) -> bool:
    """Return whether a file may be the label of the picture before or after it, by its name."""
    return suffix_of(name.rpartition("/")[2]) in (".cls", ".txt", ".json")


class _Member(tarfile.TarInfo):
    """A header of a tar; damaged ones, which tarfile takes for the end, and those that take much memory are errors."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Member:
        try:
            member = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if buf and not any(buf):  # the end of a tar: a block of zeros
                raise
            raise tarfile.ReadError(str(error)) from error
        if (member.type in _HEADERS and member.size > _LONGEST_HEADER) or member.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError("a header that no photo needs")
        return member


class _Bounded:
    """A stream that raises ``DataError`` where it gives more bytes than photos packed in so few do."""

    def __init__(self, stream: IO[bytes], packed: int, limits: Limits, name: str) -> None:
        self._stream, self._left = stream, max(NEVER_A_BOMB, limits.ratio * packed)
        self._error = DataError(ShardCode.BOMB, name=name, limit=limits.ratio)

    def read(self, size: int) -> bytes:
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise self._error
        return content


@contextmanager
def _open(archive: Path, limits: Limits, name: str) -> Iterator[tarfile.TarFile]:
    with ExitStack() as stack:
        raw: Any = stack.enter_context(archive.open("rb"))
        is_packed = raw.read(len(_GZIP)) == _GZIP
        raw.seek(0)
        plain: Any = stack.enter_context(gzip.GzipFile(fileobj=raw)) if is_packed else raw
        bounded: Any = _Bounded(plain, archive.stat().st_size, limits, name)
        yield stack.enter_context(tarfile.open(fileobj=bounded, mode="r|", bufsize=CHUNK, tarinfo=_Member))


def _members(packed: tarfile.TarFile, limits: Limits, name: str) -> Iterator[tarfile.TarInfo]:
    """Yield the members that are no folders, after checking their names, number and sizes."""
    count = size = 0
    while (info := packed.next()) is not None:
        packed.members.clear()  # type: ignore[attr-defined]  # tarfile keeps all of them
        if info.isdir():
            continue
        if is_outside(info.name):
            raise DataError(ShardCode.OUTSIDE, name=name, member=info.name[:SHOWN_LETTERS])
        count, size = count + 1, size + info.size
        if count > limits.files:
            raise DataError(ShardCode.TOO_MANY_IN_SHARD, name=name, limit=limits.files)
        if size > limits.bytes_unpacked:
            raise DataError(ShardCode.TOO_BIG, name=name, limit=limits.bytes_unpacked)
        yield info


def _why_left_out(info: tarfile.TarInfo) -> Message | None:
    if info.issym() or info.islnk():
        return message(ShardLeftOutCode.LINK_IN_TAR)
    if not info.isreg() or info.issparse():
        return message(LeftOutCode.NOT_A_FILE)
    return message(ShardLeftOutCode.PICKLE) if suffix_of(info.name.rpartition("/")[2]) in _PICKLES else None


def _extract(packed: tarfile.TarFile, info: tarfile.TarInfo, path: Path) -> Path:
    source = packed.extractfile(info)
    assert source is not None  # it is a regular file
    with path.open("xb") as target:
        shutil.copyfileobj(source, target, CHUNK)
    return path


@contextmanager
def _translate_errors(name: str) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise DataError(ShardCode.TAR_DAMAGED, name=name) from error
    except OSError as error:
        raise storage_error(error) from error
