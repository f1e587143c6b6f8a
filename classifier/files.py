"""Writing files: whole or not at all, readable like their neighbors; the only module that handles a full disk."""

from __future__ import annotations

import errno
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import StorageError
from .messages import Code
from .messages.files import StorageCode

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def atomic_write(target: Path, full: Code = StorageCode.DISK_FULL, name_target: bool = True) -> Iterator[Path]:
    """A path beside ``target`` to write to; at the end it is moved to ``target`` in one step.

    Raises ``StorageError`` where it cannot be written, with the code ``full`` where the disk is full. What was at
    ``target`` then stays, and nothing of the new file does. Without ``name_target`` the error does not name the
    file: paths inside a server's project mean nothing to a visitor of the page.
    """
    part = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
        mode = part.stat().st_mode  # libraries that write through a temporary file of their own leave 0600
        yield part
        part.chmod(mode)
        part.replace(target)
    except Exception as error:
        if not isinstance(error, OSError) and not is_disk_full(error):
            raise
        raise storage_error(error, target if name_target else None, full) from error
    finally:
        remove(part)


def remove(path: Path) -> None:
    """Delete a file if it can be: a failed clean-up must not hide the error it follows."""
    with suppress(OSError):
        path.unlink()


def storage_error(error: Exception, target: Path | None = None, full: Code = StorageCode.DISK_FULL) -> StorageError:
    """What to raise for a file that could not be written: ``full`` where the disk is full."""
    if is_disk_full(error):
        return StorageError(full)
    why = getattr(error, "strerror", None) or str(error)
    if target is None:
        return StorageError(StorageCode.NOT_WRITTEN)
    return StorageError(StorageCode.NOT_WRITTEN_TO, place=str(target), why=why)


def is_disk_full(error: Exception) -> bool:
    """Whether a write failed for lack of space.

    safetensors raises its own error with the system's number in the text only (``(os error 28)``), SQLite with a
    code of its own.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _FULL
    if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":  # Python 3.11 and newer
        return True
    text = str(error)
    return any(f"os error {number})" in text for number in _FULL) or text == "database or disk is full"
