"""The photos of a project in its file: read and written, by several windows at once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from classifier.data.catalog import Catalog
from classifier.data.intake import LeftOut
from classifier.errors import DataError, StorageError
from classifier.messages import message
from classifier.messages.data import CatalogCode, PhotoCode
from classifier.messages.files import StorageCode
from tests.data.catalogs import photo, state

EMPTY = LeftOut("x.jpg", message(PhotoCode.EMPTY_FILE))
TEXT = LeftOut("y.jpg", message(PhotoCode.TEXT))


def test_photos_come_back_in_natural_order_of_class() -> None:
    with Catalog(None) as catalog:
        catalog.add([photo("a", "10"), photo("b", "2"), photo("c", "2")])
        assert [(asset.label, asset.sha256) for asset in catalog.assets()] == [
            ("2", "b"),
            ("2", "c"),
            ("10", "a"),
        ]
        assert catalog.labels() == ["2", "10"]
        assert catalog.asset(1).created


def test_counts_are_by_split_then_by_class_in_alphabetical_order() -> None:
    with Catalog(None) as catalog:
        catalog.add([photo("a", "dog", "val"), photo("b", "dog"), photo("c", "cat"), photo("d", "ant", "test")])
        order = [(split, list(counts)) for split, counts in catalog.balance().items()]
        assert order == [("test", ["ant"]), ("train", ["cat", "dog"]), ("val", ["dog"])]


def test_photos_are_found_by_class_and_split(catalog: Catalog) -> None:
    assert [asset.sha256 for asset in catalog.assets("dog")] == ["c", "d"]
    assert [asset.sha256 for asset in catalog.assets("dog", "test")] == ["d"]
    assert [asset.sha256 for asset in catalog.assets(split="train")] == ["a", "b", "c"]
    assert catalog.balance() == {"train": {"cat": 2, "dog": 1}, "test": {"dog": 1}}


def test_some_photos_of_a_class_are_read_without_the_others(tmp_path: Path) -> None:
    with Catalog(tmp_path / "catalog") as catalog:
        catalog.add(photo(f"{n}", "cat" if n % 2 else "dog", "test" if n % 5 == 0 else "train") for n in range(60))
        everything = catalog.assets("cat", "train")
        assert [photo for n in range(0, 30, 7) for photo in catalog.page("cat", "train", n, 7)] == everything
        assert catalog.page("cat", "train", 24, 7) == []
        steps = plan_of(catalog, lambda: (catalog.page("cat", "train", 0, 7), catalog.assets("cat", "train")))
    assert all("assets_by_class (split=? AND label=?)" in step for step in steps)


def plan_of(catalog: Catalog, read: Callable[[], object]) -> list[str]:
    """How SQLite does what ``read`` asks it for."""
    asked: list[str] = []
    catalog._db.connection.set_trace_callback(asked.append)
    read()
    catalog._db.connection.set_trace_callback(None)
    return [row[3] for query in asked for row in catalog._db.connection.execute(f"EXPLAIN QUERY PLAN {query}")]


def test_photos_are_found_by_their_ids_and_by_when_they_were_added(catalog: Catalog) -> None:
    assert [asset.sha256 for asset in catalog.with_ids([4, 2, 99])] == ["b", "d"]
    last = catalog.last_id()
    catalog.discard([last])
    assert catalog.last_id() == last
    assert catalog.sources_after(last) == {}
    catalog.add([photo("e"), photo("a")])
    assert list(catalog.sources_after(last).values()) == ["cat/e.jpg"]


def test_a_photo_is_not_doubled_in_its_class_but_may_be_in_two(catalog: Catalog) -> None:
    assert catalog.add([photo("a"), photo("a", "dog")]) == 1
    assert [[asset.label for asset in group] for group in catalog.conflicts()] == [["cat", "dog"]]


def test_a_missing_photo_is_one_sentence(catalog: Catalog) -> None:
    with pytest.raises(DataError, match="no longer"):
        catalog.asset(99)


def test_splits_and_groups_are_stored(catalog: Catalog) -> None:
    catalog.edits.set_split([1, 3], "held_out")
    catalog.set_group({1: 7, 2: 7})
    assert [(asset.split, asset.duplicate_group) for asset in state(catalog)] == [
        ("held_out", 7), ("train", 7), ("held_out", None), ("test", None),
    ]  # fmt: skip
    with pytest.raises(DataError):
        catalog.edits.set_split([1], "nonsense")


def test_left_out_files_are_listed_once_and_can_be_cleared(catalog: Catalog) -> None:
    catalog.note_left_out([EMPTY, TEXT])
    catalog.note_left_out([EMPTY])
    assert catalog.left_out() == [EMPTY, TEXT]
    catalog.clear_left_out(["x.jpg"])
    assert catalog.left_out() == [TEXT]
    catalog.clear_left_out()
    assert catalog.left_out() == []


def test_left_out_files_are_cleared_by_code_and_by_file(catalog: Catalog) -> None:
    also_text = LeftOut("x.jpg", message(PhotoCode.TEXT))
    catalog.note_left_out([EMPTY, TEXT, also_text])
    catalog.clear_left_out(["x.jpg"], PhotoCode.TEXT)
    assert catalog.left_out() == [EMPTY, TEXT]
    catalog.clear_left_out(code=PhotoCode.TEXT)
    assert catalog.left_out() == [EMPTY]
    catalog.clear_left_out([])
    assert catalog.left_out() == [EMPTY]


def test_photos_are_found_by_their_contents_and_ids(catalog: Catalog) -> None:
    everything = catalog.assets()
    assert catalog.with_contents([]) == catalog.with_ids([]) == []
    wanted = [asset for asset in everything if asset.sha256 in ("a", "d")]
    assert catalog.with_contents(["a", "d", "x"]) == wanted
    assert catalog.with_contents(["a", "d"], [wanted[0].id]) == wanted[1:]


def test_the_file_keeps_everything(tmp_path: Path) -> None:
    with Catalog(tmp_path / "project.sqlite") as catalog:
        catalog.add([photo("a")])
        catalog.edits.relabel([1], "dog")
    with Catalog(tmp_path / "project.sqlite") as catalog:
        assert catalog.labels() == ["dog"]
        assert str(catalog.edits.last()) == "moving 1 photo to “dog”"
    assert [path.name for path in tmp_path.iterdir()] == ["project.sqlite"]


def test_photos_keep_the_time_they_were_added_at() -> None:
    with Catalog(None) as catalog:
        before = datetime.now(timezone.utc).replace(microsecond=0)
        catalog.add([replace(photo("a"), created="2020-01-02T03:04:05+00:00"), photo("b")])
        assert catalog.asset(1).created == "2020-01-02T03:04:05+00:00"
        assert before <= datetime.fromisoformat(catalog.asset(2).created) <= datetime.now(timezone.utc)


def test_numbers_of_numpy_are_stored_as_numbers(catalog: Catalog) -> None:
    left = LeftOut("x.jpg", message(PhotoCode.FILE_TOO_BIG, size=np.int64(3_500_000), limit=np.float32(2e6)))
    catalog.note_left_out([left])
    (stored,) = catalog.left_out()
    assert stored.reason == left.reason
    assert [type(value) for _, value in stored.message.arguments] == [int, float]


def test_a_catalog_where_nothing_can_be_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"project\.sqlite") as error:
        Catalog(tmp_path / "missing" / "project.sqlite")
    assert error.value.code == CatalogCode.CANNOT_OPEN


def test_a_locked_catalog_is_not_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "project.sqlite"
    with Catalog(path) as catalog, closing(sqlite3.connect(path)) as other:
        catalog._db.connection.execute("PRAGMA busy_timeout = 0")  # do not wait ten seconds
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked") as error:
            catalog.add([photo("a")])
        assert error.value.code == CatalogCode.CANNOT_WRITE
        other.rollback()
        assert catalog.add([photo("a")]) == 1


def test_a_catalog_is_opened_and_read_while_another_window_writes(tmp_path: Path) -> None:
    path = tmp_path / "project.sqlite"
    with Catalog(path) as catalog:
        catalog.add([photo("a")])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE assets SET label = 'dog'")
        with Catalog(path) as catalog:
            assert catalog.labels() == ["cat"]


def test_a_full_disk_leaves_the_catalog_as_it_was(catalog: Catalog) -> None:
    before = state(catalog)
    catalog._db.connection.execute("PRAGMA max_page_count = 20")  # SQLite reports it like a full disk
    with pytest.raises(StorageError) as error:
        catalog.add(photo(f"x{number}") for number in range(2000))
    assert error.value.code == StorageCode.DISK_FULL
    assert state(catalog) == before


def test_several_threads_and_windows_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "project.sqlite"
    catalogs = [Catalog(path), Catalog(path)]

    def work(number: int) -> None:
        for step in range(20):
            catalogs[number % 2].add([photo(f"{number}-{step}")])
            catalogs[number % 2].assets("cat")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(catalogs[0].assets()) == 80
    assert len({replace(asset, id=0) for asset in catalogs[1].assets()}) == 80
    for catalog in catalogs:
        catalog.close()
        catalog.close()


@pytest.mark.slow
def test_windows_that_open_a_new_project_at_once_wait_for_each_other(tmp_path: Path) -> None:
    for number in range(8):
        ready = threading.Barrier(8)

        def work(path: Path, ready: threading.Barrier) -> int:
            ready.wait()
            with Catalog(path) as catalog:
                return catalog.add([photo("a")])

        with ThreadPoolExecutor(8) as pool:
            added = list(pool.map(work, [tmp_path / f"{number}.sqlite"] * 8, [ready] * 8))
        assert sum(added) == 1


def test_groups_of_the_layout_in_two_splits_are_counted(catalog: Catalog) -> None:
    assert catalog.divided_groups() == (0, 0)
    groups = {"e": ("train", "anna"), "f": ("test", "anna"), "g": ("train", "ben"), "h": ("held_out", "ben")}
    catalog.add(replace(photo(sha, "x", split), layout_group=group) for sha, (split, group) in groups.items())
    catalog.add([replace(photo("i", "x"), layout_group="cleo"), replace(photo("j", "x", "val"), layout_group="cleo")])
    assert catalog.divided_groups() == (2, 3)  # photos that were set aside are training photos
    assert {asset.sha256: asset.layout_group for asset in catalog.assets("x")}["g"] == "ben"


def test_a_number_tells_that_another_window_changed_the_photos(tmp_path: Path) -> None:
    path = tmp_path / "project.sqlite"
    with Catalog(path) as one, Catalog(path) as other:
        one.add([photo("a")])
        before = one.foreign_changes(), other.foreign_changes()
        assert other.assets()
        assert (one.foreign_changes(), other.foreign_changes()) == before
        one.add([photo("b")])
        assert one.foreign_changes() == before[0]
        assert other.foreign_changes() != before[1]
