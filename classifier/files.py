"""Atomic writes, locks, the user's folders, and what to raise where a file cannot be written or the disk is full."""

from __future__ import annotations

import atexit
import errno
import json
import logging
import os
import re
import shutil
import socket
import stat
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any

from .errors import StorageError
from .messages import Code, sentence
from .messages.files import StorageCode

log = logging.getLogger(__name__)

_PROGRAM = "photo-classifier"  # the name of this program's folders among those of the user
_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # of a lock that another process holds
_MOST_DIGITS = 20  # of a whole number in a JSON file
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # EFBIG: above what the system allows one process


@contextmanager
def atomic_write(target: Path, full: Code = StorageCode.DISK_FULL, name_target: bool = True) -> Iterator[Path]:
    """Give a path beside ``target`` to write to; when the body ends it replaces ``target`` in one step.

    The file gets the permissions that the umask gives a new file, whatever library writes it. Folders above
    ``target`` are created. Raises ``StorageError`` where it cannot be written, with the code ``full`` where the
    disk is full; after any exception ``target`` is what it was before and nothing of the new file stays. Without
    ``name_target`` the error does not name the file: a visitor of the page does not know a server's folders.

    Example::

        with atomic_write(folder / "model.safetensors") as part:
            save_file(tensors, part)
    """
    part = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
        mode = part.stat().st_mode
        yield part
        part.chmod(mode)  # a library that writes through a temporary file of its own leaves 0600
        part.replace(target)
    except Exception as error:
        if not isinstance(error, OSError) and _error_number(error) is None:
            raise
        raise storage_error(error, target if name_target else None, full) from error
    finally:
        remove(part)


def read_bounded(path: Path, most: int) -> bytes:
    """Return the content of a regular file of at most ``most`` bytes; a link is followed.

    Raises ``OSError`` for a folder, pipe or device, which could have no end, with ``errno.EFBIG`` for a larger file.
    """
    regular_size(path)
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        _check_regular(os.fstat(descriptor))  # it may be another file by now
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return content


def read_json(path: Path, most: int) -> Any:
    """Return the JSON of a regular file of at most ``most`` bytes.

    Raises ``OSError`` as ``read_bounded`` does, ``ValueError`` for what is no JSON, is nested too deeply, or holds a
    number that is infinite, NaN, or a whole number of more than 20 digits.
    """
    try:
        return json.loads(read_bounded(path, most), parse_int=_int, parse_float=_float, parse_constant=_float)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _int(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:  # the time that Python takes grows with the square
        raise ValueError("a number has too many digits")
    return int(digits)


def _float(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError("a number is not finite")
    return value


def regular_size(path: Path) -> int:
    """Return the size of a regular file in bytes; raises ``OSError`` for anything else, such as a pipe."""
    found = path.stat()
    _check_regular(found)
    return found.st_size


def _check_regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


def remove(path: Path) -> None:
    """Delete a file if possible; a failed clean-up must not hide the error that it follows."""
    with suppress(OSError):
        path.unlink()


def storage_error(error: Exception, target: Path | None = None, full: Code = StorageCode.DISK_FULL) -> StorageError:
    """Return what to raise for a file that could not be written: with the code ``full`` where the disk is full."""
    if is_disk_full(error):
        return StorageError(full)
    if _error_number(error) == errno.EROFS:
        return StorageError(StorageCode.READ_ONLY)
    if target is None:
        return StorageError(StorageCode.NOT_WRITTEN)
    why = getattr(error, "strerror", None) or str(error)
    return StorageError(StorageCode.NOT_WRITTEN_TO, place=str(target), why=why)


def is_disk_full(error: Exception) -> bool:
    """Return whether a write failed for lack of space, be it Python's, safetensors' or SQLite's error."""
    if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":  # Python 3.11 and newer
        return True
    # In Python 3.10 SQLite's errors have no code, only this text of SQLite's own.
    return _error_number(error) in _DISK_FULL or str(error) == "database or disk is full"


def _error_number(error: Exception) -> int | None:
    """Return the number of the system's error, or None.

    safetensors raises an exception of its own, with the system's number in its text only: “(os error 28)”.
    """
    if isinstance(error, OSError):
        return error.errno
    found = re.search(r"\(os error (\d+)\)", str(error))
    return int(found[1]) if found else None


# -- folders


def data_folder() -> Path:
    """Return the folder of this program where the system keeps a user's data; raises ``StorageError`` without a home.

    It is not created.
    """
    try:
        return _user_folder("XDG_DATA_HOME", ".local/share", "Library/Application Support")
    except RuntimeError as error:
        raise StorageError(StorageCode.NO_HOME) from error


def cache_folder(name: str) -> Path:
    """Return the folder ``name`` of this program where the system keeps a user's caches; it can be written.

    Where it cannot, the folder is a temporary one, which is deleted when the process ends, and the log says so once.
    """
    folder = Path("~", ".cache", _PROGRAM, name)
    try:
        folder = _user_folder("XDG_CACHE_HOME", ".cache", "Library/Caches") / name
        check_writable(folder)
    except (OSError, RuntimeError) as error:
        if not _temporary_cache.cache_info().currsize:
            why = getattr(error, "strerror", None) or str(error).rstrip(".")
            log.warning(sentence(StorageCode.TEMPORARY_CACHE, folder=folder, why=why))
        folder = _temporary_cache() / name
        folder.mkdir(exist_ok=True)
    return folder


def remove_temporary_cache() -> None:
    """Delete the folder that stands for the user's caches, if there is one."""
    if _temporary_cache.cache_info().currsize:
        shutil.rmtree(_temporary_cache(), ignore_errors=True)


def check_writable(folder: Path) -> None:
    """Create a folder, and a file in it for a moment; raises ``OSError`` where that cannot be done."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


@contextmanager
def created_folder(folder: Path) -> Iterator[None]:
    """Create a folder and those above it; of these, what is still empty when the body ends is deleted again.

    Raises ``OSError`` where they cannot be created.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for path in missing:
            with suppress(OSError):
                path.rmdir()


def _user_folder(variable: str, linux: str, mac: str) -> Path:
    """Return this program's folder below the one that the system names; raises ``RuntimeError`` without a home."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / mac
    else:
        base = Path(os.environ.get(variable) or Path.home() / linux)
    return base / _PROGRAM


@lru_cache(maxsize=1)
def _temporary_cache() -> Path:
    """Create the folder that stands for the user's caches in this process, those of the Hugging Face Hub as well."""
    folder = Path(tempfile.mkdtemp(prefix=f"{_PROGRAM}-"))
    atexit.register(remove_temporary_cache)
    if not _has_hub_cache():  # without a home the Hub would make a folder “~” here
        os.environ.setdefault("HF_HOME", str(folder / "huggingface"))
    return folder


def _has_hub_cache() -> bool:
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "huggingface").is_dir()
    except (OSError, RuntimeError):
        return False


# -- locks


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock, such as “4711” or “4711 on another-machine”, and since when."""

    process: str
    since: str


class Lock:
    """A lock file that one process holds at a time; the system frees it when that process ends, however it ends.

    The library filelock, which does the same, leaves its file and cannot tell who holds it. On file systems without
    locks nobody is refused.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> Holder | None:
        """Take the lock and return None, or return who holds it; raises ``OSError`` where there can be no file."""
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            if not _try_lock(descriptor):
                try:
                    return _read_holder(descriptor)
                finally:
                    os.close(descriptor)
            if os.fstat(descriptor).st_nlink:  # else its holder deleted it meanwhile
                break
            os.close(descriptor)
        this = {"pid": os.getpid(), "host": socket.gethostname(), "since": f"{datetime.now():%Y-%m-%d %H:%M:%S}"}
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(this).encode())
        self._descriptor = descriptor
        return None

    def release(self) -> None:
        """Free the lock and delete its file."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        if sys.platform != "win32":  # before it is free, so that no other process has this file when it is deleted
            remove(self._path)
        os.close(descriptor)
        if sys.platform == "win32":  # an open file cannot be deleted there
            remove(self._path)


def _try_lock(descriptor: int) -> bool:
    """Lock an open file; False where another process holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, 1 << 20, os.SEEK_SET)  # behind the content, which stays readable
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _BUSY  # other numbers: a file system without locks
    return True


def _read_holder(descriptor: int) -> Holder:
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        found = json.loads(os.read(descriptor, 4096))
        here = found["host"] == socket.gethostname()
        return Holder(f"{found['pid']}" if here else f"{found['pid']} on {found['host']}", str(found["since"]))
    except (ValueError, TypeError, KeyError):  # it is being written
        return Holder("?", "?")
