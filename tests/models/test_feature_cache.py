from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest

from classifier.config import Preprocessing
from classifier.data.sqlite_errors import result_code
from classifier.errors import StorageError
from classifier.messages.models import FeatureCacheCode
from classifier.models.feature_cache import FeatureCache

P = Preprocessing()
SHAS = [f"{index:064}" for index in range(40)]

Method = Callable[[FeatureCache], object]


def fill(folder: Path) -> dict[str, np.ndarray]:
    """Put features, descriptors and a choice for every photo of ``SHAS``; returns the features (1, D) by photo."""
    features = {sha: np.full((1, 500), index, np.float32) for index, sha in enumerate(SHAS)}
    with closing(FeatureCache(folder)) as cache:
        for sha, values in features.items():
            cache.put("network", [P], sha, values)
            cache.put_descriptor("descriptor", sha, values[0, :133])
            cache.put_choice(f"choice {sha}", SHAS, "whole")
    return features


def put_and_flush(cache: FeatureCache) -> None:
    cache.put("network", [P], "new", np.ones((1, 3), np.float32))
    cache.flush()


def put_descriptor_and_flush(cache: FeatureCache) -> None:
    cache.put_descriptor("descriptor", "new", np.ones(3, np.float32))
    cache.flush()


METHODS: dict[str, Method] = {
    "get": lambda cache: cache.get("network", P, SHAS),
    "get_descriptors": lambda cache: cache.get_descriptors("descriptor", SHAS),
    "get_choice": lambda cache: [cache.get_choice(f"choice {sha}", SHAS) for sha in SHAS],
    "put": put_and_flush,
    "put_descriptor": put_descriptor_and_flush,
    "put_choice": lambda cache: [cache.put_choice(f"choice {sha}", SHAS, "crop") for sha in SHAS],
}


def scribble(path: Path, start: int, end: int | None = None) -> None:
    content = bytearray(path.read_bytes())
    content[start:end] = b"\xa5" * len(content[start:end])
    path.write_bytes(content)


def write_a_database_with_other_tables(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE features (something TEXT)")
        database.execute("CREATE TABLE choices (question TEXT, photos BLOB NOT NULL CHECK (photos = 1), extra INT)")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "text": lambda path: path.write_text("This is no database. " * 1000),
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 3]),
    "first page": lambda path: scribble(path, 100, 4096),
    "all but the first page": lambda path: scribble(path, 4096),
    "header asks for a newer SQLite": lambda path: scribble(path, 18, 19),
    "other tables": write_a_database_with_other_tables,
}


@contextmanager
def damaged(folder: Path, damage: str, open_before: bool) -> Iterator[FeatureCache]:
    """A cache whose file is damaged before or after it was opened."""
    fill(folder)
    path = folder / "features.sqlite"
    if open_before:
        with closing(FeatureCache(folder)) as cache:
            DAMAGES[damage](path)
            yield cache
    else:
        DAMAGES[damage](path)
        with closing(FeatureCache(folder)) as cache:
            yield cache


def test_features_are_found_by_network_and_preprocessing(tmp_path: Path) -> None:
    features = fill(tmp_path)
    with closing(FeatureCache(tmp_path)) as cache:
        found = cache.get("network", P, [*SHAS, "unknown"])
        assert found.keys() == features.keys()
        assert all(np.array_equal(found[sha], values[0]) for sha, values in features.items())
        assert cache.get("network", P, SHAS[:2]).keys() == set(SHAS[:2])
        assert cache.get("other", P, SHAS) == {}
        assert cache.get("network", Preprocessing(size=32), SHAS) == {}
        assert cache.get("network", P, []) == {}


def test_each_preprocessing_has_its_own_features(tmp_path: Path) -> None:
    with closing(FeatureCache(tmp_path)) as cache:
        both = [P, P.with_resize_mode("squash")]
        cache.put("network", both, "a", np.array([[1, 2], [3, 4]], np.float32))
        cache.flush()
        assert [cache.get("network", one, ["a"])["a"].tolist() for one in both] == [[1, 2], [3, 4]]
        with pytest.raises(ValueError, match="zip"):
            cache.put("network", both, "b", np.ones((3, 2), np.float32))


def test_features_are_rounded_to_float16(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(1, 99)).astype(np.float32)
    with closing(FeatureCache(tmp_path)) as cache:
        cache.put("network", [P], "a", values)
        cache.flush()
        assert np.array_equal(cache.get("network", P, ["a"])["a"], values[0].astype(np.float16).astype(np.float32))


def test_descriptors_are_found_by_version(tmp_path: Path) -> None:
    features = fill(tmp_path)
    with closing(FeatureCache(tmp_path)) as cache:
        found = cache.get_descriptors("descriptor", [*SHAS, "unknown"])
        assert found.keys() == features.keys()
        assert np.array_equal(found[SHAS[7]], features[SHAS[7]][0, :133])
        assert cache.get_descriptors("another version", SHAS) == {}


def test_new_features_replace_old_ones(tmp_path: Path) -> None:
    fill(tmp_path)
    with closing(FeatureCache(tmp_path)) as cache:
        cache.put("network", [P], SHAS[0], np.ones((1, 2), np.float32))
        cache.flush()
        assert cache.get("network", P, SHAS[:1])[SHAS[0]].tolist() == [1, 1]


@pytest.mark.parametrize("method", ["put", "put_descriptor"])
def test_every_64_rows_are_written_without_a_flush(method: str, tmp_path: Path) -> None:
    value = np.ones((1, 2), np.float32)
    with closing(FeatureCache(tmp_path)) as cache, closing(FeatureCache(tmp_path)) as other:
        for index in range(65):
            found = other.get_descriptors("descriptor", [str(index) for index in range(65)])
            found |= other.get("network", P, [str(index) for index in range(65)])
            assert len(found) == (64 if index == 64 else 0)
            if method == "put":
                cache.put("network", [P], str(index), value)
            else:
                cache.put_descriptor("descriptor", str(index), value[0])


def test_leaving_the_context_writes_what_was_put(tmp_path: Path) -> None:
    def put_and_fail() -> None:
        with cache:
            cache.put("network", [P], "a", np.ones((1, 2), np.float32))
            raise KeyError

    with closing(FeatureCache(tmp_path)) as cache, closing(FeatureCache(tmp_path)) as other:
        with pytest.raises(KeyError):
            put_and_fail()
        assert list(other.get("network", P, ["a"])) == ["a"]


@pytest.mark.parametrize(("shared", "found"), [(10, True), (9, True), (8, True), (7, False), (0, False)])
def test_a_choice_serves_a_set_that_shares_four_fifths(shared: int, found: bool, tmp_path: Path) -> None:
    with closing(FeatureCache(tmp_path)) as cache:
        cache.put_choice("key", SHAS[:10], "whole")
        assert (cache.get_choice("key", SHAS[:shared]) == "whole") is found
        assert cache.get_choice("other key", SHAS[:10]) is None


@pytest.mark.parametrize(("added", "found"), [(2, True), (3, False)])
def test_a_choice_serves_a_set_that_has_grown_a_little(added: int, found: bool, tmp_path: Path) -> None:
    with closing(FeatureCache(tmp_path)) as cache:
        cache.put_choice("key", SHAS[:10], "whole")
        assert (cache.get_choice("key", SHAS[: 10 + added]) == "whole") is found


def test_the_newest_choice_wins_and_is_there_for_others(tmp_path: Path) -> None:
    with closing(FeatureCache(tmp_path)) as cache, closing(FeatureCache(tmp_path)) as other:
        cache.put_choice("key", [], "whole")
        cache.put_choice("key", [], "crop")
        assert other.get_choice("key", []) == "crop"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("open_before", [False, True], ids=["damaged, then opened", "opened, then damaged"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_every_method_survives_a_damaged_file(damage: str, open_before: bool, method: str, tmp_path: Path) -> None:
    with damaged(tmp_path, damage, open_before) as cache:
        METHODS[method](cache)
        put_and_flush(cache)
        cache.put_choice("key", [], "squash")
        assert cache.get("network", P, ["new"])["new"].tolist() == [1, 1, 1]
    with closing(FeatureCache(tmp_path)) as cache:  # a page that SQLite held in memory may be found damaged only now
        assert open_before or list(cache.get("network", P, ["new"])) == ["new"]
        assert open_before or cache.get_choice("key", []) == "squash"
        METHODS[method](cache)


def test_rows_in_another_form_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path)
    with closing(FeatureCache(tmp_path)) as cache:
        cache.put_choice("key", [], "older")
    with closing(sqlite3.connect(tmp_path / "features.sqlite")) as database, database:
        for sha, stored in zip(SHAS, (b"odd", "text", None, b"", 3)):
            database.execute("UPDATE features SET vector = ? WHERE sha256 = ?", (stored, sha))
        database.execute("UPDATE features SET sha256 = CAST(x'ff' AS TEXT) WHERE sha256 = ?", (SHAS[5],))
        for photos in ("no JSON", None, "[[1]]", "3", "[]"):
            database.execute("INSERT INTO choices VALUES ('key', ?, 'newer', x'01020304')", (photos,))
    with closing(FeatureCache(tmp_path)) as cache:
        assert cache.get("network", P, SHAS).keys() == set(SHAS[6:])
        assert cache.get_descriptors("descriptor", SHAS).keys() == set(SHAS[6:])
        assert cache.get_choice("key", []) == "older"


def test_values_that_changed_on_the_disk_are_computed_again(tmp_path: Path) -> None:
    """A flipped bit that SQLite does not notice: NaN, a vector of another length, a choice that does not exist."""
    fill(tmp_path)
    with closing(FeatureCache(tmp_path)) as cache:
        cache.put_choice("key", [], "squash")
    with closing(sqlite3.connect(tmp_path / "features.sqlite")) as database, database:
        changed = "vector = substr(vector, 1, 2) || x'ff7f' || substr(vector, 5)"
        for change, sha in zip((changed, "vector = substr(vector, 3)", "sha256 = sha256 || '1'"), SHAS):
            database.execute(f"UPDATE features SET {change} WHERE sha256 = ?", (sha,))
        database.execute("UPDATE choices SET answer = 'squish' WHERE answer = 'squash'")
    with closing(FeatureCache(tmp_path)) as cache:
        assert cache.get("network", P, [*SHAS, f"{SHAS[2]}1"]).keys() == set(SHAS[3:])
        assert cache.get_choice("key", []) is None


@pytest.mark.parametrize("ending", ["", "-wal", "-shm", "-journal"])
def test_a_pipe_in_the_place_of_the_file_is_replaced(ending: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f"features.sqlite{ending}")
    with closing(FeatureCache(tmp_path)) as cache:
        put_and_flush(cache)
        assert list(cache.get("network", P, ["new"])) == ["new"]


def test_the_table_of_choices_is_bounded(tmp_path: Path) -> None:
    with closing(FeatureCache(tmp_path)) as cache:
        for number in range(200):
            cache.put_choice(f"key {number}", [], "whole")
        kept = [number for number in range(200) if cache.get_choice(f"key {number}", [])]
    assert kept == list(range(200 - 128, 200))


def test_a_choice_for_nearly_the_same_photos_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    with closing(FeatureCache(tmp_path)) as cache:
        cache.put_choice("key", SHAS[:4], "of others")
        for number in range(200):
            cache.put_choice("key", SHAS[: 9 + number % 2], f"{number}")
        assert cache.get_choice("key", SHAS[:10]) == "199"
        assert cache.get_choice("key", SHAS[:4]) == "of others"
    with closing(sqlite3.connect(tmp_path / "features.sqlite")) as database:
        assert database.execute("SELECT COUNT(*) FROM choices WHERE question = 'key'").fetchone() == (2,)


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "features.sqlite").mkdir()
    started = perf_counter()
    for folder in (tmp_path / "file", tmp_path / "file" / "below", tmp_path):
        with pytest.raises(StorageError, match=r"“.*” for computed features cannot be written") as raised:
            FeatureCache(folder)
        assert raised.value.code is FeatureCacheCode.NOT_ACCESSIBLE
    assert perf_counter() - started < 20  # only a file in use is waited for, 30 seconds


def test_a_full_disk_is_called_full_and_nothing_is_lost(tmp_path: Path) -> None:
    fill(tmp_path)
    with closing(FeatureCache(tmp_path)) as cache:
        limit_size(cache)
        cache.put("network", [P], "new", np.ones((1, 99_000), np.float32))
        with pytest.raises(StorageError, match="disk is full") as raised:
            cache.flush()
        assert raised.value.code is FeatureCacheCode.DISK_FULL
        assert cache.get("network", P, SHAS).keys() == set(SHAS)


def test_a_choice_is_not_kept_on_a_full_disk_without_an_error(tmp_path: Path) -> None:
    fill(tmp_path)
    with closing(FeatureCache(tmp_path)) as cache:
        limit_size(cache)
        cache.put_choice("key", ["x" * 9000], "whole")
        assert cache.get_choice("key", ["x" * 9000]) is None
        assert cache.get_choice(f"choice {SHAS[0]}", SHAS) == "whole"


def limit_size(cache: FeatureCache) -> None:
    """Let the file grow no more: SQLite then fails as on a full disk."""
    assert cache._db is not None
    cache._db.execute("PRAGMA max_page_count = 1")


def test_a_locked_file_is_not_called_a_full_disk(tmp_path: Path) -> None:
    fill(tmp_path)
    with closing(FeatureCache(tmp_path, timeout=0.05)) as cache, lock(tmp_path):
        with pytest.raises(StorageError, match="in use by another program") as raised:
            put_and_flush(cache)
        assert raised.value.code is FeatureCacheCode.LOCKED
        cache.put_choice("key", [], "whole")
        assert cache.get_choice("key", []) is None
        assert cache.get_choice(f"choice {SHAS[0]}", SHAS) == "whole"
        assert cache.get("network", P, SHAS).keys() == set(SHAS)


def test_a_file_that_is_locked_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    fill(tmp_path)
    with lock(tmp_path) as other:
        later = threading.Timer(0.3, lambda: other.execute("COMMIT"))
        later.start()
        with closing(FeatureCache(tmp_path)) as cache:
            put_and_flush(cache)
            assert cache.get("network", P, [*SHAS, "new"]).keys() == {*SHAS, "new"}
        later.join()


@contextmanager
def lock(folder: Path) -> Iterator[sqlite3.Connection]:
    """Hold the write lock of the file in ``folder``."""
    path = folder / "features.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


@pytest.mark.slow
def test_a_new_file_that_another_process_holds_is_waited_for(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "features.sqlite", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        other.execute("CREATE TABLE something (anything TEXT)")
        with pytest.raises(StorageError) as raised:
            FeatureCache(tmp_path, timeout=0.05)
        assert raised.value.code is FeatureCacheCode.LOCKED
        later = threading.Timer(0.3, lambda: other.execute("COMMIT"))
        later.start()
        with closing(FeatureCache(tmp_path)) as cache:
            put_and_flush(cache)
        later.join()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (sqlite3.OperationalError("database is locked"), 5),
        (sqlite3.OperationalError("database table is locked"), 6),
        (sqlite3.OperationalError("attempt to write a readonly database"), 8),
        (sqlite3.OperationalError("disk I/O error"), 10),
        (sqlite3.DatabaseError("database disk image is malformed"), 11),
        (sqlite3.OperationalError("database or disk is full"), 13),
        (sqlite3.OperationalError("unable to open database file"), 14),
        (sqlite3.OperationalError("no such table: features"), 1),
    ],
)
def test_errors_without_a_code_have_that_of_their_text(error: sqlite3.Error, code: int) -> None:
    """Python 3.10 gives SQLite's texts only, as errors made here have none but the text."""
    assert result_code(error) == code


def test_two_programs_fill_one_cache(tmp_path: Path) -> None:
    with closing(FeatureCache(tmp_path)) as one, closing(FeatureCache(tmp_path)) as other:
        one.put("network", [P], "a", np.ones((1, 3), np.float32))
        other.put("network", [P], "b", np.ones((1, 3), np.float32))
    with closing(FeatureCache(tmp_path)) as cache:
        assert sorted(cache.get("network", P, ["a", "b"])) == ["a", "b"]


def test_several_threads_use_one_cache(tmp_path: Path) -> None:
    with closing(FeatureCache(tmp_path)) as cache:

        def work(thread: int) -> None:
            for index in range(50):
                cache.put("network", [P], f"{thread} {index}", np.ones((1, 3), np.float32))
                cache.get("network", P, SHAS)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        cache.flush()
        assert len(cache.get("network", P, [f"{one} {index}" for one in range(4) for index in range(50)])) == 200


def test_a_closed_cache_leaves_no_journal(tmp_path: Path) -> None:
    fill(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["features.sqlite"]
