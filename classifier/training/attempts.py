"""How often an unfinished training was started without completing an epoch: one that ends the program must not go on.

The number is written before the work starts, so that it counts starts that killed the program.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from .. import distributed, files
from ..messages.training import TrainingCode

MAX_STARTS = 2  # without being asked: the first, and one more
_FILE = "starts.txt"


def count_starts(folder: Path) -> int:
    """Return how often the training in ``folder`` was started since its last complete epoch."""
    return distributed.decide(lambda: _read(folder))


def record_start(folder: Path) -> None:
    """Count a start. Raises ``StorageError`` where it cannot be written."""
    _write(folder, count_starts(folder) + 1)


def record_epoch(folder: Path) -> None:
    """Forget the starts: an epoch is complete. Raises ``StorageError`` where that cannot be written."""
    _write(folder, 0)


def _read(folder: Path) -> int:
    with suppress(OSError, ValueError):
        return max(0, int((folder / _FILE).read_text("ascii")[:9]))
    return 0


def _write(folder: Path, count: int) -> None:
    with distributed.shared_errors():
        if distributed.is_main_process():
            with files.atomic_write(folder / _FILE, TrainingCode.DISK_FULL) as part:
                part.write_text(str(count), "ascii")
