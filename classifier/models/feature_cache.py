"""Features on disk, found again by what was computed: content, network, preparation."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from time import sleep
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from ..config import Preprocessing
from ..errors import StorageError

Floats = NDArray[np.float32]


class FeatureCache:
    """Features on disk, in one SQLite file in ``folder``; as a context manager, writes what was put.

    A damaged file is only a cache and is begun anew. Values are kept as float16, which is finer
    than the bfloat16 they were computed in.
    """

    _BATCH = 64  # photos between two writes to disk

    def __init__(self, folder: Path) -> None:
        self._path = folder / "features.sqlite"
        self._pending: list[tuple[str, str, bytes]] = []
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connect()
        except (OSError, sqlite3.OperationalError) as error:
            raise StorageError(f"The folder “{folder}” for computed features cannot be written.") from error
        except sqlite3.DatabaseError:
            self._begin_anew()

    def _connect(self) -> None:
        self._db = sqlite3.connect(self._path, timeout=30, check_same_thread=False)
        self._wait_for(lambda: self._db.execute("PRAGMA journal_mode = WAL"))
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS features "
            "(key TEXT, sha256 TEXT, vector BLOB, PRIMARY KEY (key, sha256)) WITHOUT ROWID"
        )
        self._db.execute("CREATE TABLE IF NOT EXISTS choices (question TEXT, photos TEXT, answer TEXT)")

    def _wait_for(self, change: Callable[[], object]) -> None:
        """Of two processes that open a new file at once, one has to wait; SQLite does not do that by itself here."""
        for last in (*[False] * 100, True):
            try:
                change()
                return
            except sqlite3.OperationalError as error:
                if last or "locked" not in str(error):
                    raise
                sleep(0.05)

    def _begin_anew(self) -> None:
        """Throw a damaged file away, with its journal, which would else be played into the new one."""
        self._db.close()
        for ending in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        self._connect()

    def __enter__(self) -> FeatureCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()

    def close(self) -> None:
        self.flush()
        self._db.close()

    def get(self, name: str, preparation: Preprocessing, shas: Sequence[str]) -> dict[str, Floats]:
        """The features (D,) that are known, by content."""
        return self._known(_key(name, preparation), shas)

    def get_descriptors(self, name: str, shas: Sequence[str]) -> dict[str, Floats]:
        """What is known of the photos' looks, by content; these need no network and no preparation."""
        return self._known(name, shas)

    def _known(self, key: str, shas: Sequence[str]) -> dict[str, Floats]:
        query = "SELECT sha256, vector FROM features WHERE key = ? AND sha256 IN (SELECT value FROM json_each(?))"
        try:
            rows = self._db.execute(query, (key, json.dumps(list(shas)))).fetchall()
        except sqlite3.OperationalError as error:
            raise StorageError(f"The features computed before cannot be read ({error}); try again.") from error
        except sqlite3.DatabaseError:  # its beginning is whole, and something further on is not
            self._begin_anew()
            return {}
        return {sha: np.frombuffer(vector, np.float16).astype(np.float32) for sha, vector in rows}

    def put(self, name: str, preparations: Sequence[Preprocessing], sha: str, vectors: Floats) -> None:
        """Keep the features (V, D) of one photo."""
        for preparation, vector in zip(preparations, vectors, strict=True):
            self._pending.append((_key(name, preparation), sha, vector.astype(np.float16).tobytes()))
        if len(self._pending) >= self._BATCH:
            self.flush()

    def put_descriptor(self, name: str, sha: str, vector: Floats) -> None:
        """Keep the looks of one photo."""
        self._pending.append((name, sha, vector.astype(np.float16).tobytes()))
        if len(self._pending) >= self._BATCH:
            self.flush()

    def get_choice(self, question: str, photos: Sequence[str]) -> str | None:
        """What was answered before for these photos, or for a set that shares four fifths with them."""
        wanted = set(photos)
        rows = self._db.execute(
            "SELECT photos, answer FROM choices WHERE question = ? ORDER BY rowid DESC", (question,)
        )
        for known, answer in rows:
            before = set(json.loads(known))
            if 5 * len(wanted & before) >= 4 * len(wanted | before):
                return str(answer)
        return None

    def put_choice(self, question: str, photos: Sequence[str], answer: str) -> None:
        """Keep an answer found for these photos."""
        with self._db:
            self._db.execute("INSERT INTO choices VALUES (?, ?, ?)", (question, json.dumps(list(photos)), answer))

    def flush(self) -> None:
        """Write what was put; raises ``StorageError`` when the disk is full."""
        with self._lock:
            rows, self._pending = self._pending, []
            try:
                self._write(rows)
            except sqlite3.OperationalError as error:
                raise StorageError(
                    "The disk is full or cannot be written: free some space and train again; "
                    "the photos done so far are kept."
                ) from error
            except sqlite3.DatabaseError:
                self._begin_anew()
                self._write(rows)

    def _write(self, rows: list[tuple[str, str, bytes]]) -> None:
        with self._db:
            self._db.executemany("INSERT OR REPLACE INTO features VALUES (?, ?, ?)", rows)


def _key(name: str, preparation: Preprocessing) -> str:
    return json.dumps([name, preparation.to_timm()], sort_keys=True)
