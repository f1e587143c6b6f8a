"""Features on disk, found by what they were computed from: content of the photo, network, preprocessing."""

from __future__ import annotations

import json
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import sleep
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..config import Preprocessing
from ..data import sqlite_errors
from ..data.images import DECODING
from ..errors import StorageError
from ..messages.files import StorageCode
from ..messages.models import FeatureCacheCode

Floats = NDArray[np.float32]
T = TypeVar("T")

_MOST_CHOICES = 128  # kept, the newest


class FeatureCache:
    """Features on disk, in one SQLite file in ``folder``; as a context manager it writes what was put.

    A damaged file is deleted and created again, whichever method finds the damage: everything in it can be computed
    again. Values are stored as float16, which is finer than the bfloat16 they are computed in. Several threads may
    use one cache, several processes one file.

    ``timeout`` is how many seconds a method waits for another process that writes. All methods but the two for
    choices raise ``StorageError``: with ``FeatureCacheCode.LOCKED`` when that time has passed, ``DISK_FULL`` when
    there is no space, ``NOT_ACCESSIBLE`` when the file cannot be read or written for another reason.
    """

    _BATCH = 64  # rows between two writes to disk

    def __init__(self, folder: Path, timeout: float = 30.0) -> None:
        self._path = folder / "features.sqlite"
        self._timeout = timeout
        self._pending: list[tuple[str, str, bytes]] = []
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._storage_error(error) from error
        self._run(lambda database: None)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let another process open the same file."""
        return type(self), (self._path.parent, self._timeout)

    def __enter__(self) -> FeatureCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()

    def close(self) -> None:
        """Write what was put and close the file."""
        try:
            self.flush()
        finally:
            self._disconnect()

    def get(self, name: str, preprocessing: Preprocessing, shas: Sequence[str]) -> dict[str, Floats]:
        """Return the cached features (D,) by SHA-256, of the network ``name``; photos without any are left out."""
        return self._get(_key(name, preprocessing), shas)

    def get_descriptors(self, name: str, shas: Sequence[str]) -> dict[str, Floats]:
        """Return the cached descriptors (``descriptors.DESCRIPTOR_SIZE``,) of version ``name`` by SHA-256."""
        return self._get(name, shas)

    def put(self, name: str, preprocessings: Sequence[Preprocessing], sha: str, features: Floats) -> None:
        """Add the features (V, D) of one photo, computed by the network ``name`` for V preprocessings."""
        for preprocessing, row in zip(preprocessings, features, strict=True):
            self._put(_key(name, preprocessing), sha, row)

    def put_descriptor(self, name: str, sha: str, descriptor: Floats) -> None:
        """Add the descriptor of one photo, of version ``name``."""
        self._put(name, sha, descriptor)

    def get_choice(self, key: str, shas: Sequence[str]) -> str | None:
        """Return the newest value put for ``key`` and a set of photos that shares at least four fifths with ``shas``.

        None where there is none or the cache cannot be read: the caller computes the value again.
        """
        try:
            found = self._run(lambda database: _find_choice(database, key, shas))
        except StorageError:
            return None
        return None if found is None else found[1]

    def put_choice(self, key: str, shas: Sequence[str], value: str) -> None:
        """Store a value that was computed for these photos, in place of the one that ``get_choice`` finds for them.

        It is not kept, without an error, where it cannot be written.
        """
        photos = json.dumps(list(shas))
        row = (key, photos, value, _checksum(key, photos, value.encode()))

        def write(database: sqlite3.Connection) -> None:
            if (found := _find_choice(database, key, shas)) is not None:
                database.execute("DELETE FROM choices WHERE rowid = ?", found[:1])
            database.execute(_INSERT_CHOICE, row)
            database.execute(_DELETE_CHOICES, (_MOST_CHOICES,))

        try:
            self._run(write)
        except StorageError:
            return

    def flush(self) -> None:
        """Write what was put; what cannot be written is dropped, with a ``StorageError``."""
        with self._lock:
            rows, self._pending = self._pending, []
            if rows:
                self._run(lambda database: database.executemany(_INSERT_FEATURES, rows))

    def _get(self, key: str, shas: Sequence[str]) -> dict[str, Floats]:
        wanted = json.dumps(list(shas))
        rows = self._run(lambda database: database.execute(_SELECT_FEATURES, (key, wanted)).fetchall())
        return dict(_decode(key, rows))

    def _put(self, key: str, sha: str, values: Floats) -> None:
        with self._lock:
            self._pending.append((key, sha, _encode(key, sha, values)))
            full = len(self._pending) >= self._BATCH
        if full:
            self.flush()

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in a transaction; after damage once more, on a new file. Raises ``StorageError``."""
        with self._lock:
            try:
                try:
                    return self._transact(work)
                except sqlite_errors.Error as error:
                    if not sqlite_errors.is_damage(error, self._path):
                        raise
                    self._delete()
                    return self._transact(work)
            except (OSError, sqlite3.Error) as error:
                raise self._storage_error(error) from error

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._db is None:
            while (endless := sqlite_errors.find_endless(self._path)) is not None:
                endless.unlink()
            self._db = _connect(self._path, self._timeout)
        with self._db as database:
            return work(database)

    def _delete(self) -> None:
        """Delete a damaged file, and its journal, which SQLite would play into the new one."""
        self._disconnect()
        for path in sqlite_errors.files(self._path):
            path.unlink(missing_ok=True)

    def _disconnect(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _storage_error(self, error: Exception) -> StorageError:
        if sqlite_errors.disk_problem(error, self._path) is StorageCode.DISK_FULL:
            return StorageError(FeatureCacheCode.DISK_FULL)
        if sqlite_errors.is_in_use(error):
            return StorageError(FeatureCacheCode.LOCKED, folder=str(self._path.parent))
        why = getattr(error, "strerror", None) or str(error)
        return StorageError(FeatureCacheCode.NOT_ACCESSIBLE, folder=str(self._path.parent), why=why)


_SELECT_FEATURES = "SELECT sha256, vector FROM features WHERE key = ? AND sha256 IN (SELECT value FROM json_each(?))"
_INSERT_FEATURES = "INSERT OR REPLACE INTO features VALUES (?, ?, ?)"
_SELECT_CHOICES = "SELECT rowid, photos, answer, checksum FROM choices WHERE question = ? ORDER BY rowid DESC"
_INSERT_CHOICE = "INSERT INTO choices (question, photos, answer, checksum) VALUES (?, ?, ?, ?)"
_DELETE_CHOICES = "DELETE FROM choices WHERE rowid NOT IN (SELECT rowid FROM choices ORDER BY rowid DESC LIMIT ?)"
_CHECKSUM = 4  # bytes
_PAGE = 16_384  # bytes: rows of 3 KB take 3.6 KB there, in SQLite's usual pages of 4 KB they take 4.7 KB
_CREATE = (
    "PRAGMA cell_size_check = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA synchronous = NORMAL",
    "CREATE TABLE IF NOT EXISTS features (key TEXT, sha256 TEXT, vector BLOB, PRIMARY KEY (key, sha256)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS choices (question TEXT, photos TEXT, answer TEXT, checksum BLOB)",
)


def _connect(path: Path, timeout: float) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=timeout, check_same_thread=False)
    try:
        database.text_factory = lambda raw: raw.decode("utf-8", "replace")  # damaged text must not raise
        database.execute(f"PRAGMA page_size = {_PAGE}")  # of a new file only
        _set_wal(database, timeout)
        for statement in _CREATE:
            database.execute(statement)
    except BaseException:
        database.close()
        raise
    return database


def _set_wal(database: sqlite3.Connection, timeout: float) -> None:
    """Turn on write-ahead logging. SQLite does not wait here when two processes open a new file at once."""
    step = 0.05  # seconds
    for left in range(int(timeout / step), -1, -1):
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not left or not sqlite_errors.is_in_use(error):
                raise
            sleep(step)


def _encode(key: str, sha: str, values: Floats) -> bytes:
    """Float16 values and behind them their checksum: damage that SQLite does not see could end every training."""
    stored = values.astype(np.float16).tobytes()
    return stored + _checksum(key, sha, stored)


def _decode(key: str, rows: Sequence[tuple[object, object]]) -> Iterator[tuple[str, Floats]]:
    """Rows (SHA-256, what ``_encode`` returned) to arrays; damaged rows are left out, to be computed again."""
    for sha, stored in rows:
        if isinstance(sha, str) and isinstance(stored, bytes) and len(stored) > _CHECKSUM and len(stored) % 2 == 0:
            values = stored[:-_CHECKSUM]
            if stored[-_CHECKSUM:] == _checksum(key, sha, values):
                yield sha, np.frombuffer(values, np.float16).astype(np.float32)


def _checksum(key: str, name: str, values: bytes) -> bytes:
    return zlib.crc32(values, zlib.crc32(f"{key} {name}".encode("utf-8", "replace"))).to_bytes(_CHECKSUM, "little")


def _find_choice(database: sqlite3.Connection, key: str, shas: Sequence[str]) -> tuple[int, str] | None:
    """Return row and value of the newest choice for ``key`` whose photos are four fifths the same.

    A row of 100,000 photos has 7 MB, so that no further ones are read.
    """
    wanted = set(shas)
    for row, photos, value, checksum in database.execute(_SELECT_CHOICES, (key,)):
        known = _decode_set(photos) if isinstance(value, str) else None
        if (
            known is not None
            and checksum == _checksum(key, photos, value.encode("utf-8", "replace"))
            and 5 * len(wanted & known) >= 4 * len(wanted | known)
        ):
            return int(row), str(value)
    return None


def _decode_set(text: str) -> set[str] | None:
    try:
        return set(json.loads(text))
    except (ValueError, TypeError):
        return None


def _key(name: str, preprocessing: Preprocessing) -> str:
    return json.dumps([name, preprocessing.key(), DECODING], sort_keys=True)
