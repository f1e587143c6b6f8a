from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from classifier.data import schema
from classifier.data.assets import Asset
from classifier.data.catalog import Catalog
from classifier.data.intake import LeftOut
from classifier.data.run_history import RunAsset
from classifier.errors import DataError
from classifier.messages import message
from classifier.messages.data import (
    STORED_CODES,
    CatalogCode,
    EditCode,
    NotEvaluatedCode,
    PhotoCode,
    RepeatCode,
    StoredCode,
)
from tests.helpers import unanswered

ADDED = {  # columns that each version added
    8: [("edits", "added")],
    7: [("assets", "archive"), ("runs", "title"), ("runs", "details")],
    6: [("assets", "taken"), ("assets", "own_group")],
    5: [("assets", "layout_group")],
    4: [("left_out", "code"), ("left_out", "arguments"), ("edits", "code"), ("edits", "arguments")],
    3: [("assets", "confirmed"), ("run_assets", "predicted"), ("run_assets", "confidence"), ("run_assets", "doubt")],
    2: [("runs", "seconds")],
}
OLD_REASONS = [
    ("a.jpg", "the same photo as “cat/“1”.jpg”, which is already in this class"),
    ("b.jpg", "the same photo as “x”, which is among the training photos"),
    ("c.jpg", "the same photo as “x”, which is among the validation photos"),
    ("d.jpg", "the same photo as “x”, which is among the test photos"),
    ("zebra/1.jpg", "not judged: there is no class “zebra” to learn from"),
    ("e.jpg", "the same photo as nothing"),
    ("f.jpg", "This is a text, not a picture."),
]


def make_old(path: Path, version: int) -> int:
    """A catalog as an older version wrote it: two photos, a run, an edit, and left-out files; returns the run."""
    photos = [Asset(0, "a.jpg", "a", "cat", "train", None, "a.jpg", 10, 64, 48, "")]
    photos.append(Asset(0, "b.jpg", "b", "dog", "train", None, "b.jpg", 10, 64, 48, ""))
    with Catalog(path) as catalog:
        catalog.add(photos)
        run = catalog.runs.record("first", "quick", {"accuracy": 0.9}, unanswered(catalog.assets()), 5.0)
        catalog.edits.relabel([1], "dog")
    with closing(sqlite3.connect(path)) as db, db:
        db.executemany("INSERT INTO left_out (file, reason, created) VALUES (?, ?, 'then')", OLD_REASONS)
        for newer in range(version + 1, schema.VERSION + 1):
            if newer == 6:
                db.execute("DROP TABLE choices")
            for table, column in ADDED[newer]:
                db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        ((edit,),) = db.execute("SELECT before FROM edits")
        columns = {5: 13, 6: 15}.get(version, 11 if version < 3 else 12)
        db.execute("UPDATE edits SET before = ?", (json.dumps([row[:columns] for row in json.loads(edit)]),))
        db.execute(f"PRAGMA user_version = {version}")
    return run


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6, 7])
def test_a_catalog_of_an_older_version_keeps_everything(version: int, tmp_path: Path) -> None:
    path = tmp_path / schema.FILE_NAME
    run = make_old(path, version)
    with Catalog(path) as catalog:
        (old,) = catalog.runs.newest()
        assert (old.id, old.seconds, old.report) == (run, 0.0 if version == 1 else 5.0, {"accuracy": 0.9})
        assert (old.title, old.details) == ("", {})
        for asset in catalog.assets():
            assert (asset.layout_group, asset.taken, asset.own_group, asset.archive) == (None, None, None, None)
        assert catalog.choice("groups") is None
        assert catalog.runs.assets(run) == [RunAsset("a", "cat", "train"), RunAsset("b", "dog", "train")]
        assert [(left.file, left.reason) for left in catalog.left_out()] == OLD_REASONS
        catalog.runs.record("second", "deep", {}, unanswered(catalog.assets()), 60.0)
        undone = catalog.edits.undo()
        assert undone is not None
        assert str(undone.message) == "moving 1 photo to “dog”"
        assert undone.message.code is (EditCode.MOVED if version >= 4 else StoredCode.SENTENCE)
        assert catalog.labels() == ["cat", "dog"]
    with Catalog(path) as catalog:
        assert [run.name for run in catalog.runs.newest()] == ["second", "first"]
        assert [(left.file, left.reason) for left in catalog.left_out()] == OLD_REASONS


def test_old_reasons_that_decide_something_get_their_codes(tmp_path: Path) -> None:
    make_old(tmp_path / schema.FILE_NAME, 3)
    with Catalog(tmp_path / schema.FILE_NAME) as catalog:
        assert [left.message for left in catalog.left_out()] == [
            message(RepeatCode.REPEATED_IN_CLASS, name="cat/“1”.jpg"),
            message(RepeatCode.REPEATED_IN_TRAINING, name="x"),
            message(RepeatCode.REPEATED_IN_VALIDATION, name="x"),
            message(RepeatCode.REPEATED_IN_TEST, name="x"),
            message(NotEvaluatedCode.CLASS_NOT_TRAINED, label="zebra"),
            message(StoredCode.SENTENCE, text="the same photo as nothing"),
            message(StoredCode.SENTENCE, text="This is a text, not a picture."),
        ]


@pytest.mark.parametrize("change", ["code = 'of_a_later_version'", "arguments = '{}'", 'arguments = \'{"size": "x"}\''])
def test_a_code_this_version_does_not_have_shows_its_sentence(change: str, tmp_path: Path) -> None:
    path = tmp_path / schema.FILE_NAME
    left = LeftOut("a.jpg", message(PhotoCode.FILE_TOO_BIG, size=3e6, limit=2e6))
    with Catalog(path) as catalog:
        catalog.note_left_out([left])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"UPDATE left_out SET {change}")
    with Catalog(path) as catalog:
        (stored,) = catalog.left_out()
    assert stored.message == message(StoredCode.SENTENCE, text=left.reason)


def test_the_ids_of_stored_codes_are_unique() -> None:
    ids = [code.id for codes in STORED_CODES for code in codes]
    assert len(ids) == len(set(ids))
    assert StoredCode.SENTENCE.id not in ids


def test_edits_are_stored_with_code_and_arguments(tmp_path: Path) -> None:
    path = tmp_path / schema.FILE_NAME
    with Catalog(path) as catalog:
        catalog.add([Asset(0, "a.jpg", "a", "cat", "train", None, "a.jpg", 10, 64, 48, "")])
        catalog.edits.rename("cat", "“kitten”")
    with Catalog(path) as catalog:
        assert catalog.edits.last() == message(EditCode.RENAMED, old="cat", new="“kitten”")


def test_files_that_are_no_catalog_of_this_version_are_refused(tmp_path: Path) -> None:
    foreign, newer, zero, damaged = (tmp_path / name for name in ("foreign", "newer", "zero", "damaged"))
    with closing(sqlite3.connect(foreign)) as db, db:
        db.execute("CREATE TABLE stamps (id)")
    for path, version in ((newer, schema.VERSION + 1), (zero, 0)):
        Catalog(path).close()
        with closing(sqlite3.connect(path)) as db, db:
            db.execute(f"PRAGMA user_version = {version}")
    damaged.write_bytes(b"no database at all" * 100)
    for path, code in {
        foreign: CatalogCode.CATALOG_FOREIGN,
        newer: CatalogCode.CATALOG_OTHER_VERSION,
        zero: CatalogCode.CATALOG_OTHER_VERSION,
        damaged: CatalogCode.CATALOG_DAMAGED,
    }.items():
        with pytest.raises(DataError) as error:
            Catalog(path)
        assert error.value.code == code
