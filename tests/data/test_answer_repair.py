"""A damaged table of answers is kept aside and made again."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifier import DataError
from classifier.data.answer_repair import REPAIRED, open_answers
from classifier.data.answer_rows import AnswerRow
from classifier.data.answer_table import COPIES, FILE_NAME, AnswerTable

COUNT = 60
LABELS = ["cat", "dog"]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete table of photos that are kept beside it."""
    folder = tmp_path_factory.mktemp("sound") / "table"
    with AnswerTable.create(folder, LABELS) as table:
        (folder / COPIES).mkdir()
        for number in range(COUNT):
            (folder / COPIES / f"{number:064}.jpg").write_bytes(b"pixels")
        rows = (
            AnswerRow(0, f"day {number}/{'x' * 200}.jpg", "cat", 0.9, "dog", 0.1, copy=f"{COPIES}/{number:064}.jpg")
            for number in range(COUNT)
        )
        table.add((row, np.float32([0.9, 0.1])) for row in rows)
        for name, value in (("total", COUNT), ("complete", True), ("model", "mine")):
            table.set_fact(name, value)
    return folder


def read(folder: Path) -> tuple[dict[str | None, AnswerRow], object]:
    """Return the rows by their photos, and how many are as before where others are lost; the second time after damage.

    The first reading may meet the damage in the middle.
    """
    for _ in range(2):
        with suppress(DataError):
            table = open_answers(folder)
            assert table is not None
            with table:
                return {row.copy: replace(row, id=0) for row in table.each()}, table.fact(REPAIRED)
    pytest.fail("the table was not made again")


@pytest.mark.slow
def test_damage_of_any_page_loses_no_photo_and_no_answer_that_can_be_read(sound: Path, tmp_path: Path) -> None:
    before, _ = read(sound)
    made_again = 0
    for page in range((sound / FILE_NAME).stat().st_size // 4096):
        folder = Path(shutil.copytree(sound, tmp_path / str(page)))
        content = bytearray((folder / FILE_NAME).read_bytes())
        content[4096 * page : 4096 * (page + 1)] = b"\xa5" * 4096
        (folder / FILE_NAME).write_bytes(content)
        after, kept = read(folder)
        assert after.keys() == before.keys()
        lost = [photo for photo, row in after.items() if row != before[photo]]
        assert all(after[photo].label is None for photo in lost)
        assert kept == (COUNT - len(lost) if lost else None)
        aside = list(folder.glob("damaged-*.sqlite"))
        assert [path.read_bytes() for path in aside] in ([], [content])
        made_again += len(aside)
        AnswerTable.create(folder, LABELS).close()
        assert [path.name for path in folder.iterdir()] == [FILE_NAME]  # nothing of strangers stays
    assert made_again > 3


def test_a_table_that_is_no_database_is_made_again_from_its_photos(sound: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(sound, tmp_path / "table"))
    (folder / FILE_NAME).write_bytes(b"no database" * 1000)
    table = open_answers(folder)
    assert table is not None
    with table:
        assert (table.labels, table.count(), table.fact("complete"), table.fact(REPAIRED)) == ([], COUNT, False, 0)
        assert all(table.path(row).read_bytes() == b"pixels" for row in table.each())  # type: ignore[union-attr]
