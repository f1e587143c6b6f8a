"""How much of the host's limits is used: what to say from 80 % on, and the size of a folder on the disk."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from ..config import Limits
from ..data.project import Project
from ..errors import DataError
from ..messages import Message, message
from ..messages.limits import LimitCode, NearCode

_NEAR = 0.8  # share of a limit from which on it is shown
_MAX_COST = 20  # measuring a folder takes at most one part in so many of the time


@dataclass(frozen=True)
class Use:
    """How much of a limit is used, with the words for it."""

    code: NearCode
    used: float
    limit: float

    @property
    def is_near(self) -> bool:
        """Whether it is to be shown."""
        return self.limit < sys.maxsize and self.used >= _NEAR * self.limit


def nearly_full(uses: Iterable[Use]) -> Message | None:
    """Return what is nearly used up, None where nothing is."""
    near = [message(use.code, used=use.used, limit=use.limit) for use in uses if use.is_near]
    return message(NearCode.NEARLY_FULL, what=near) if near else None


def of_project(project: Project, limits: Limits) -> list[Use]:
    """Return what a project uses of its limits."""
    classes = project.classes()
    uses = [
        Use(NearCode.CLASSES, len(classes), limits.classes),
        Use(NearCode.PROJECT_PHOTOS, sum(classes.values()), limits.project_photos),
    ]
    if limits.project_bytes < sys.maxsize:
        uses.append(Use(NearCode.PROJECT_BYTES, project.catalog.count_bytes(), limits.project_bytes))
    return uses


class FolderSize:
    """The size of a folder's files in bytes, with what is being written there.

    It is measured again only where that costs little of the time since. Meanwhile the size of before counts: nobody
    waits for it, but for the first time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock, self._measuring = threading.Lock(), threading.Lock()
        self._bytes, self._reserved, self._due = 0, 0, 0.0
        self._written = 0  # since the measuring began, of which it may have missed some

    def get(self) -> int:
        """Return the size; large folders were measured a while ago."""
        self._measure()
        with self._lock:
            return self._bytes + self._reserved

    @contextmanager
    def reserve(self, count: int, limit: int) -> Iterator[None]:
        """Keep room for ``count`` bytes while they are written; those of everybody count until they are measured.

        Raises ``DataError`` where the folder would have more than ``limit`` bytes.
        """
        if count:
            self._measure()
        with self._lock:
            if count and self._bytes + self._reserved + count > limit:
                raise DataError(LimitCode.HOST_BYTES, limit=limit)
            self._reserved += count
        written = 0
        try:
            yield
            written = count
        finally:
            with self._lock:
                self._reserved -= count
                self._bytes += written
                self._written += written

    def _measure(self) -> None:
        """Measure the folder where that is due, unless another thread does."""
        is_first = not self._due
        if monotonic() < self._due or not self._measuring.acquire(blocking=is_first):
            return
        try:
            started = monotonic()
            if started < self._due:  # another thread has done it
                return
            with self._lock:
                self._written = 0
            found = _measure(self._folder)
            with self._lock:
                self._bytes, self._due = found + self._written, monotonic() + _MAX_COST * (monotonic() - started)
        finally:
            self._measuring.release()


def _measure(folder: Path) -> int:
    """Return the size of the files below a folder; a file with several names counts once."""
    total, seen = 0, set()
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                stat = Path(parent, name).lstat()
            except OSError:  # deleted meanwhile
                continue
            if stat.st_nlink > 1:
                if (stat.st_dev, stat.st_ino) in seen:
                    continue
                seen.add((stat.st_dev, stat.st_ino))
            total += stat.st_size
    return total
