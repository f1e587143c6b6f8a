"""What an error of SQLite means: a file in use, no access, a full disk, or damage."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import suppress
from pathlib import Path

from ..files import is_disk_full
from ..messages.files import StorageCode

# SQLite's result codes (https://www.sqlite.org/rescode.html), which the module sqlite3 names from Python 3.11 on.
_ERROR, _BUSY, _LOCKED, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _PROTOCOL = 1, 5, 6, 8, 10, 11, 13, 14, 15
_IN_USE = (_BUSY, _LOCKED, _PROTOCOL)
_NO_ACCESS = (3, 7, 9, _READONLY, _IOERR, _FULL, _CANTOPEN, 22, 23)  # also PERM, NOMEM, INTERRUPT, NOLFS, AUTH
# Python 3.10 gives the texts only, which are constants in SQLite's source.
_CODES = {
    "database is locked": _BUSY, "database table is locked": _LOCKED, "attempt to write a readonly database": _READONLY,
    "disk I/O error": _IOERR, "database or disk is full": _FULL, "unable to open database file": _CANTOPEN,
    "locking protocol": _PROTOCOL,
}  # fmt: skip
_OF_THE_DISK = (_READONLY, _IOERR, _FULL, _CANTOPEN)
_TOO_LITTLE = 2**18  # bytes that are free, from which a disk counts as full
_SIDE_FILES = ("-wal", "-shm", "-journal")

Error = (sqlite3.DatabaseError, sqlite3.Warning, UnicodeDecodeError)  # SQLite's messages may quote damaged text


def files(path: Path) -> list[Path]:
    """Return the file of a database and those that SQLite keeps beside it."""
    return [path, *(path.with_name(path.name + ending) for ending in _SIDE_FILES)]


def find_endless(path: Path) -> Path | None:
    """Return one of the files of a database that is a pipe or device: SQLite would wait for it without end."""
    for one in files(path):
        with suppress(OSError):
            mode = one.stat().st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                return one
    return None


def result_code(error: sqlite3.Error) -> int:
    """Return the primary result code of SQLite."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return int(code) & 0xFF  # the higher bits are details
    return _CODES.get(str(error), _ERROR if isinstance(error, sqlite3.OperationalError) else _CORRUPT)


def is_in_use(error: Exception) -> bool:
    """Return whether another program holds the file."""
    return isinstance(error, sqlite3.Error) and result_code(error) in _IN_USE


def is_damage(error: Exception, path: Path | None) -> bool:
    """Return whether the file at ``path``, None for memory, is no database, a broken one, or one with other tables."""
    if not isinstance(error, sqlite3.Error):
        return isinstance(error, UnicodeDecodeError)
    if isinstance(error, sqlite3.ProgrammingError):  # a mistake of the program, such as the use of a closed database
        return False
    code = result_code(error)
    if code == _READONLY and path is not None:  # the header of the file demands a newer SQLite
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return code not in _IN_USE + _NO_ACCESS


def disk_problem(error: Exception, path: Path | None) -> StorageCode | None:
    """Return whether the disk of the file at ``path`` is full or read-only, None where the error has another reason.

    SQLite itself often calls both an error of input or output, or says that it cannot open a file.
    """
    if is_disk_full(error):
        return StorageCode.DISK_FULL
    if path is None or not isinstance(error, sqlite3.Error) or result_code(error) not in _OF_THE_DISK:
        return None
    with suppress(OSError, AttributeError):  # Windows does not tell
        found = os.statvfs(path.parent)
        if found.f_flag & os.ST_RDONLY:
            return StorageCode.READ_ONLY
        if found.f_bavail * found.f_frsize < _TOO_LITTLE:
            return StorageCode.DISK_FULL
    return None
