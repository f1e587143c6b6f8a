"""Locks of folders."""

from __future__ import annotations

import gc
from pathlib import Path

from classifier.data.folder_locks import FolderLocks


def test_a_folder_has_one_lock_and_no_other_folder_has_it() -> None:
    locks = FolderLocks()
    held = [locks.of(Path(f"{number}")) for number in range(300)]
    assert len(set(map(id, held))) == 300
    assert all(locks.of(Path(f"{number}")) is lock for number, lock in enumerate(held))


def test_a_lock_that_nobody_has_is_forgotten() -> None:
    locks = FolderLocks()
    with locks.of(Path("one")), locks.of(Path("one")):
        gc.collect()
        assert len(locks._locks) == 1
    gc.collect()
    assert not locks._locks
