"""Locks of folders: threads of one project wait for each other, and for nobody else's."""

from __future__ import annotations

import threading
from pathlib import Path
from weakref import WeakValueDictionary


class FolderLocks:
    """A lock for each folder, kept while a thread has it or waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: WeakValueDictionary[Path, threading.RLock] = WeakValueDictionary()

    def of(self, folder: Path) -> threading.RLock:
        """Return the lock of a folder; a thread that has it may take it again."""
        with self._lock:
            return self._locks.setdefault(folder, threading.RLock())
