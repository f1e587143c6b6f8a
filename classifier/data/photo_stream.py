"""Files, folders, zips, tars and Parquet files -> their photos one by one, so that thousands take no room at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..config import Limits
from ..errors import DataError
from ..messages import Message, message
from ..messages.data import ProjectCode
from . import archives, parquet_files, tar_files
from .intake import check_regular_file, clean_name, is_junk, scan

_LONGEST_NAME = 1000  # letters that are kept of a name
Measure = Callable[[Path, Limits, str], tuple[int, int]]
Stream = Callable[[Path, Path, Limits, str], Iterator[tuple[str, Path | Message]]]
_PACKED: tuple[tuple[tuple[str, ...], Measure, Stream], ...] = (
    ((".zip",), archives.measure, archives.stream),
    (tar_files.SUFFIXES, tar_files.measure, tar_files.stream_photos),
    (parquet_files.SUFFIXES, parquet_files.measure, parquet_files.stream),
)


@dataclass(frozen=True)
class StreamedFile:
    """A file as it comes: the name the person knows, and its path, or the message why there is none.

    ``unpacked``: it was written from a zip just now, and whoever reads it deletes it.
    """

    name: str
    path: Path | None
    reason: Message | None = None
    unpacked: bool = False


class PhotoStream:
    """The files of what a person names, in order; zips are opened, those inside a folder too, those inside a zip not.

    So are tars, whose labels are passed over, and Parquet files.

    ``count`` is how many come and ``size`` their bytes. Files of the operating system are passed over.

    Args:
        given: (name, path) of files, folders and zips.
        into: folder for files of zips.
        limits: of all files together.

    Raises:
        DataError: there are none, or too many, or a single zip that cannot be opened; of several, each one that
            cannot is a file with a reason.
    """

    def __init__(self, given: Iterable[tuple[str, Path]], into: Path, limits: Limits) -> None:
        self._into, self._limits = into, limits
        named = list(given)
        self._files = [found for name, path in named for found in _expand(name, path, limits)]
        self._reasons: dict[int, Message] = {}  # why zips, tars and Parquet files are not opened, by number
        self.count, self.size = 0, 0
        for number, (name, path) in enumerate(self._files):
            self._measure(number, name, path)
        if self.count > limits.files:
            raise DataError(ProjectCode.TOO_MANY_AT_ONCE, count=self.count, limit=limits.files)

    def __iter__(self) -> Iterator[StreamedFile]:
        for number, (name, path) in enumerate(self._files):
            if number in self._reasons:
                yield StreamedFile(_shown(name), None, self._reasons[number])
            elif is_packed(name):
                yield from self._unpack(name, path, self._into / str(number))
            else:
                code = check_regular_file(path)
                reason = message(code) if code else None
                yield StreamedFile(_shown(name), None if reason else path, reason)

    def _measure(self, number: int, name: str, path: Path) -> None:
        """Count a file, or those of a zip; what is taken is less of the limits for the next zip."""
        count, size = 1, 0
        if is_packed(name):
            try:
                count, size = _kind(name)[0](path, self._left(), name)
            except DataError as error:
                if len(self._files) == 1:
                    raise
                self._reasons[number] = error.message
        else:
            size = path.stat().st_size if path.is_file() else 0
        self.count += count
        self.size += size

    def _left(self) -> Limits:
        left = self._limits.files - self.count, self._limits.bytes_unpacked - self.size
        return replace(self._limits, files=max(1, left[0]), bytes_unpacked=max(1, left[1]))

    def _unpack(self, name: str, path: Path, into: Path) -> Iterator[StreamedFile]:
        try:
            for member, found in _kind(name)[1](path, into, self._limits, name):
                shown = _shown(f"{name}/{member}")
                if isinstance(found, Message) and not is_junk(member):
                    yield StreamedFile(shown, None, found)
                elif isinstance(found, Path) and not is_junk(member):
                    yield StreamedFile(shown, found, unpacked=True)
                elif isinstance(found, Path):
                    found.unlink()
        except DataError as error:
            yield StreamedFile(_shown(name), None, error.message)


def _expand(name: str, path: Path, limits: Limits) -> Iterator[tuple[str, Path]]:
    """Yield the files of a folder, or a file itself, which may be a link; no files of the operating system."""
    if not path.is_dir():
        yield name, path.resolve() if path.is_symlink() else path
        return
    for inside, file in scan(path, limits):
        if not is_junk(inside):
            yield f"{name.rstrip('/')}/{inside}", file


def is_packed(name: str) -> bool:
    """Return whether a name is that of a zip, tar or Parquet file."""
    return bool(packed_suffix(name))


def packed_suffix(name: str) -> str:
    """Return the suffix of a zip, tar or Parquet file, empty for others."""
    suffixes = (suffix for suffixes, _, _ in _PACKED for suffix in suffixes)
    return next((suffix for suffix in suffixes if name.lower().endswith(suffix)), "")


def _kind(name: str) -> tuple[Measure, Stream]:
    return next((measure, stream) for suffixes, measure, stream in _PACKED if name.lower().endswith(suffixes))


def _shown(name: str) -> str:
    return clean_name(name)[-_LONGEST_NAME:]
