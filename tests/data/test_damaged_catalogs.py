"""A project's list of photos that was damaged, or made by a stranger: one sentence, no traceback, nothing outside."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from classifier.data.assets import Asset
from classifier.data.catalog import Catalog
from classifier.data.intake import LeftOut
from classifier.data.schema import FILE_NAME
from classifier.errors import DataError, StorageError
from classifier.messages import message
from classifier.messages.data import PhotoCode
from tests.helpers import unanswered

Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with photos, edits, a run and a file that was left out."""
    path = tmp_path_factory.mktemp("sound") / FILE_NAME
    with Catalog(path) as catalog:
        names = [f"{number:064x}" for number in range(60)]
        catalog.add(
            Asset(0, f"photos/{name}.jpg", name, "cat", "train", None, f"{name}.jpg", 10, 64, 48, "") for name in names
        )
        catalog.edits.relabel([1, 2], "dog")
        catalog.note_left_out([LeftOut("x.txt", message(PhotoCode.TEXT))])
        report = {"labels": ["cat", "dog"], "judged_on": "out_of_fold", "accuracy": 0.5}
        catalog.runs.record("run", "quick", report, unanswered(catalog.assets()), 1.0)
    return path


def use(path: Path) -> None:
    """Read all and change all that the page reads and changes."""
    with Catalog(path) as catalog:
        catalog.assets()
        catalog.labels()
        catalog.balance()
        catalog.conflicts()
        catalog.divided_groups()
        catalog.left_out()
        for run in catalog.runs.newest():
            catalog.runs.assets(run.id)
            catalog.runs.evaluated(run.id)
            catalog.runs.changed_since(run.id)
        catalog.edits.undo()
        catalog.edits.rename("cat", "kitten")
        catalog.edits.confirm([3, 4])
        catalog.edits.remove([5])
        catalog.edits.add([], replacing=[6])
        catalog.note_left_out([LeftOut("y.txt", message(PhotoCode.TEXT))])
        catalog.runs.record("again", "quick", {}, unanswered(catalog.assets()), 1.0)
        catalog.runs.delete("run")
        catalog.edits.undo()


def sql(*statements: str) -> Damage:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("PRAGMA writable_schema = ON")
            for statement in statements:
                db.execute(statement)

    return change


def instead(make: Damage) -> Damage:
    def change(path: Path) -> None:
        path.unlink()
        make(path)

    return change


def beside(ending: str, make: Damage) -> Damage:
    return lambda path: make(path.with_name(path.name + ending))


REFUSED: dict[str, Damage] = {
    "text": lambda path: path.write_text("no database " * 1000),
    "zeros behind the header": lambda path: path.write_bytes(path.read_bytes()[:100].ljust(8192, b"\0")),
    "cut off": lambda path: os.truncate(path, 5000),
    "a folder": instead(Path.mkdir),
    "a pipe": instead(os.mkfifo),
    "a device": instead(lambda path: path.symlink_to("/dev/zero")),
    "a link to itself": instead(lambda path: path.symlink_to(path)),
    "a pipe for the log": beside("-wal", os.mkfifo),
    "a pipe for the shared memory": beside("-shm", os.mkfifo),
    "a pipe for the journal": beside("-journal", os.mkfifo),
    "no table of edits": sql("DROP TABLE edits"),
    "no column of labels": sql("ALTER TABLE assets RENAME COLUMN label TO other"),
    "a view for a table": sql("DROP TABLE runs", "CREATE VIEW runs AS SELECT 1 AS id"),
    "a view beside the tables": sql("CREATE VIEW more AS SELECT 1"),
    "a trigger": sql("CREATE TRIGGER t AFTER UPDATE ON assets BEGIN DELETE FROM assets; END"),
    "a schema that is no SQL": sql("UPDATE sqlite_master SET sql = 'CREATE TABLE (' WHERE name = 'assets'"),
    "a table elsewhere": sql("UPDATE sqlite_master SET rootpage = 9999 WHERE name = 'assets'"),
    "a label that is no text": sql("UPDATE assets SET label = x'ff'"),
    "a label that is not UTF-8": sql("UPDATE assets SET label = CAST(x'ff' AS TEXT) WHERE id = 1"),
    "a width that is text": sql("UPDATE assets SET width = 'wide'"),
    "a size that is 1e308": sql("UPDATE assets SET size = 1e308"),
    "a path to the folder above": sql("UPDATE assets SET path = '../../secret' WHERE id = 1"),
    "a path from the root": sql("UPDATE assets SET path = '/etc/passwd' WHERE id = 1"),
    "a path of Windows": sql("UPDATE assets SET path = 'C:\\secret' WHERE id = 1"),
    "a content that is a path": sql("UPDATE assets SET sha256 = '../../secret' WHERE id = 1"),
    "an edit that leads elsewhere": sql("UPDATE edits SET before = replace(before, 'photos/', '../')"),
    "an answer that is no number": sql("UPDATE run_assets SET confidence = 'sure'"),
    "a table that takes no row": sql("UPDATE sqlite_master SET sql = replace(sql, 'mode TEXT', 'mode TEXT CHECK (0)')"),
}
TAKEN: dict[str, Damage] = {
    "empty": lambda path: path.write_bytes(b""),
    "a log of something else": beside("-wal", lambda path: path.write_bytes(b"\xa5" * 9000)),
    "a shared memory of something else": beside("-shm", lambda path: path.write_bytes(b"\xa5" * 32768)),
    "a journal of something else": beside("-journal", lambda path: path.write_bytes(b"\xa5" * 9000)),
    "a report that is no JSON": sql("UPDATE runs SET report = '{'"),
    "a report that is a list": sql("UPDATE runs SET report = '[1]'"),
    "a report that is deep": sql(f"UPDATE runs SET report = '{'[' * 100_000}'"),
    "a report of numbers": sql('UPDATE runs SET report = \'{"labels": [1, []], "judged_on": 3}\''),
    "a run without a name": sql("UPDATE runs SET name = x'00', mode = 5, seconds = 'long'"),
    "an edit that is no JSON": sql("UPDATE edits SET before = '[['"),
    "an edit of numbers": sql("UPDATE edits SET before = '[1, 2]'"),
    "an edit without a code": sql("UPDATE edits SET code = 5, arguments = '[1]'"),
    "arguments that are none": sql("UPDATE left_out SET arguments = '{\"code\": 1}', file = 5"),
    "a row of a run that is gone": sql("INSERT INTO run_assets VALUES (77, 'a', 'cat', 'train', NULL, NULL, NULL)"),
}  # fmt: skip


@pytest.mark.parametrize("damage", REFUSED.values(), ids=REFUSED)
def test_a_damaged_catalog_is_refused_in_one_sentence(damage: Damage, sound: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(sound, tmp_path / FILE_NAME))
    damage(path)
    with pytest.raises((DataError, StorageError), match=r"^[A-Z“][^\n]{15,300}\.$") as raised:
        use(path)
    print(raised.value)


def test_classes_that_are_no_text_are_refused_by_whoever_counts_them(sound: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(sound, tmp_path / FILE_NAME))
    sql("UPDATE assets SET label = x'ff00'")(path)
    with Catalog(path) as catalog:
        for count in (catalog.labels, catalog.balance):
            with pytest.raises(DataError, match="damaged"):
                count()


@pytest.mark.parametrize("damage", TAKEN.values(), ids=TAKEN)
def test_a_catalog_with_small_damage_is_used(damage: Damage, sound: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(sound, tmp_path / FILE_NAME))
    damage(path)
    use(path)


def test_flipped_bits_give_an_answer_or_one_sentence(sound: Path, tmp_path: Path) -> None:
    content, rng = sound.read_bytes(), random.Random(0)
    for _ in range(30):
        changed = bytearray(content)
        for _ in range(rng.choice((1, 1, 5, 50))):
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        for path in tmp_path.iterdir():
            path.unlink()
        (tmp_path / FILE_NAME).write_bytes(changed)
        with suppress(DataError, StorageError):
            use(tmp_path / FILE_NAME)
