"""Atomic writes, and what to raise where a file cannot be written; the only module that handles a full disk."""

from __future__ import annotations

import errno
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import StorageError
from .messages import Code
from .messages.files import StorageCode

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


def remove(path: Path) -> None:
    """Delete a file if possible; a failed clean-up must not hide the error that it follows."""
    with suppress(OSError):
        path.unlink()


def storage_error(error: Exception, target: Path | None = None, full: Code = StorageCode.DISK_FULL) -> StorageError:
    """Return what to raise for a file that could not be written: with the code ``full`` where the disk is full."""
    if is_disk_full(error):
        return StorageError(full)
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
