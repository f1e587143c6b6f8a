"""Folders in a project for what is being unpacked, each held by its process, so that those of a dead one are known."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ..files import Lock, storage_error

_PREFIX = "unpacking-"
_LOCK = "lock"
RECENT = 60.0  # seconds for which what nobody holds may still be somebody's


@contextmanager
def scratch_folder(project: Path) -> Iterator[Path]:
    """Create a folder in a project until the body ends. Raises ``StorageError`` where it cannot be created."""
    with ExitStack() as stack:
        try:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX, dir=project)))
            lock = Lock(folder / _LOCK)
            lock.acquire()
        except OSError as error:
            raise storage_error(error) from error
        stack.callback(lock.release)
        yield folder


def remove_abandoned(project: Path) -> bool:
    """Delete the folders whose process has ended; return whether there is no other."""
    alone = True
    for folder in project.glob(f"{_PREFIX}*"):
        if is_recent(folder) or _is_held(folder):
            alone = False
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return alone


def is_recent(path: Path) -> bool:
    """Return whether a file or folder changed in the last minute, or is gone by now."""
    with suppress(OSError):
        found = path.lstat()
        return max(found.st_mtime, found.st_ctime) > time.time() - RECENT
    return True


def _is_held(folder: Path) -> bool:
    if not (folder / _LOCK).exists():  # of a version without locks, or killed before it was locked
        return False
    with suppress(OSError):
        lock = Lock(folder / _LOCK)
        if lock.acquire() is not None:
            return True
        lock.release()
    return False
