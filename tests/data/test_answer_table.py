from __future__ import annotations

import csv
import io
import random
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifier import DataError
from classifier.data.answer_files import csv_rows, sort_into_folders, sort_into_zip, write_answers
from classifier.data.answer_rows import AnswerRow, Kind, Query, Sort
from classifier.data.answer_table import FILE_NAME, AnswerTable, discard
from classifier.data.csv_files import csv_lines
from classifier.data.labels import natural_key

LABELS = ["cat", "Dog", "unsure", "a/b"]


def make_rows(count: int) -> list[AnswerRow]:
    """Answers of every kind, drawn with a fixed seed."""
    draw = random.Random(0)
    rows = []
    for number in range(count):
        file = f"day {number % 7}/IMG_{number}.jpg"
        if number % 10 == 9:
            rows.append(AnswerRow(0, file, error="It is damaged."))
            continue
        label, second = draw.sample(LABELS, 2)
        unlike = number % 8 == 0
        unsure = unlike or number % 5 == 0
        rows.append(AnswerRow(0, file, label, draw.random(), second, draw.random() / 4, unsure, unlike))
    return rows


@pytest.fixture
def table(tmp_path: Path) -> Iterator[AnswerTable]:
    with AnswerTable.create(tmp_path / "answers", LABELS) as table:
        table.add((row, np.full(4, number / 100, np.float32)) for number, row in enumerate(make_rows(120)))
        yield table


@pytest.mark.parametrize("kind", ["all", "sure", "unsure", "unlike", "error"])
@pytest.mark.parametrize("sort", ["given", "file", "label", "confidence", "second", "second_confidence", "state"])
def test_pages_hold_what_sorting_all_rows_in_memory_gives(table: AnswerTable, kind: Kind, sort: Sort) -> None:
    kinds = {
        "all": lambda row: True,
        "sure": lambda row: row.error is None and not row.unsure,
        "unsure": lambda row: row.unsure,
        "unlike": lambda row: row.unlike,
        "error": lambda row: row.error is not None,
    }
    keys = {
        "given": lambda row: row.id,
        "file": lambda row: natural_key(row.file)[:-1],
        "label": lambda row: (row.label or "").casefold(),
        "confidence": lambda row: row.confidence or 0,
        "second": lambda row: (row.second or "").casefold(),
        "second_confidence": lambda row: row.second_confidence or 0,
        "state": lambda row: (row.error is not None, row.unlike, row.unsure),
    }
    every = list(table.each())
    assert [replace(row, id=0) for row in every] == make_rows(120)
    last = sort not in ("given", "file", "state")
    for descending in (False, True):
        expected = sorted(filter(kinds[kind], every), key=keys[sort], reverse=descending)
        if descending:  # equal ones stay in the order they came
            expected = sorted(sorted(expected, key=lambda row: row.id), key=keys[sort], reverse=True)
        if last:
            expected.sort(key=lambda row: row.label is None)
        query = Query(kind=kind, sort=sort, descending=descending)
        assert table.rows(query, 10, 20) == expected[10:30]
        assert list(table.each(query)) == expected
        assert table.count(query) == len(expected)


def test_rows_come_in_batches_while_they_are_replaced(table: AnswerTable) -> None:
    every = list(table.each())
    found = []
    for rows in table.batches(7):
        assert len(rows) in (7, 120 % 7)
        found += rows
        table.replace(replace(row, label="Dog", unsure=False) for row in rows)
    assert found == every
    assert table.counts() == {"Dog": 120}
    assert [row.id for rows in table.batches(7, Query(kind="error")) for row in rows] == list(range(10, 121, 10))


@pytest.mark.parametrize("query", [Query(), Query(descending=True), Query(sort="confidence", kind="sure")])
def test_all_rows_come_where_there_are_more_than_are_in_memory(query: Query, tmp_path: Path) -> None:
    with AnswerTable.create(tmp_path / "answers", LABELS) as table:
        table.add((row, None) for row in make_rows(1100))
        assert list(table.each(query)) == table.rows(query, 0, 2000)


def test_rows_are_found_by_class_and_by_part_of_a_name(table: AnswerTable) -> None:
    every = list(table.each())
    assert table.rows(Query(label="cat"), 0, 999) == [row for row in every if row.label == "cat"]
    assert table.rows(Query(text="DAY 3/img_1"), 0, 999) == [row for row in every if "day 3/IMG_1" in row.file]
    assert table.rows(Query(text="%"), 0, 999) == []
    counts = table.counts(Query(kind="sure"))
    assert list(counts) == ["a/b", "cat", "Dog", "unsure"]
    assert sum(counts.values()) == table.totals().sure == table.count(Query(kind="sure"))


def test_probabilities_stay_when_answers_are_replaced_or_given(table: AnswerTable) -> None:
    first = table.rows(count=1)[0]
    table.replace([replace(first, label="Dog", unsure=False, unlike=False)])
    table.give([first.id], "bird")
    assert table.row(first.id) == replace(first, label="Dog", unsure=False, unlike=False, given="bird")
    assert table.given_labels() == ["bird"]
    assert first.id not in {answer[0] for answer in table.open_answers()}
    assert [row.id for row in table.rows_of([3, 1, 10**6]).values()] == [1, 3]
    assert table.probs([1, 3])[3].tolist() == pytest.approx([0.02] * 4)


def test_no_cell_of_the_csv_starts_a_formula(tmp_path: Path) -> None:
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "a=1", 'q"uote, and comma']
    with AnswerTable.create(tmp_path / "answers", names) as table:
        table.add((AnswerRow(0, name, name, 0.12345, error=name), None) for name in names)
        write_answers(table, tmp_path / "table.csv")
        expected = "".join(csv_lines(csv_rows(table)))
    text = (tmp_path / "table.csv").read_bytes().decode("utf-8-sig")
    assert text == expected
    head, *rows = csv.reader(io.StringIO(text, newline=""))
    assert head[:3] == ["file", "class", "how sure"]
    assert [row[0].removeprefix("'") for row in rows] == names
    assert {row[2] for row in rows} <= {"0.1234", "0.1235"}
    assert not any(cell[:1] in tuple("=+-@\t\r＝") and cell for row in rows for cell in row)


def test_photos_are_sorted_into_safe_folders_in_a_zip_and_on_the_disk(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    rows = []
    for number, (file, label) in enumerate(
        [("1.jpg", "cat"), ("x/1.JPG", "cat"), ("../../2.png", "a/b"), ("CON.jpg", "unsure"), ("q.heic", "unsure")]
    ):
        photo = tmp_path / "photos" / f"{number}.jpg"
        photo.write_bytes(bytes([number]))
        rows.append(AnswerRow(0, file, label, 0.9, unsure=number == 4, copy=str(photo), sha256=str(number)))
    with AnswerTable.create(tmp_path / "answers", LABELS) as table:
        table.add((row, None) for row in [*rows, AnswerRow(0, "broken.jpg", error="It is damaged.")])
        steps = list(sort_into_zip(table, tmp_path / "sorted.zip"))
        list(sort_into_folders(table, tmp_path / "sorted"))
        with pytest.raises(DataError, match="not an empty folder"):
            list(sort_into_folders(table, tmp_path / "photos"))
    expected = {"cat/1.jpg", "cat/1 (2).jpg", "a_b/2.jpg", "unsure/CON_.jpg", "unsure (2)/q.jpg"}
    assert [step.done for step in steps] == [1, 2, 3, 4, 5]
    assert steps[0].total == 5
    with zipfile.ZipFile(tmp_path / "sorted.zip") as packed:
        assert set(packed.namelist()) == expected
        assert packed.read("unsure (2)/q.jpg") == b"\x04"
    files = {path.relative_to(tmp_path / "sorted").as_posix() for path in (tmp_path / "sorted").rglob("*.*")}
    assert files == expected


def test_a_missing_photo_leaves_no_half_zip(tmp_path: Path) -> None:
    with AnswerTable.create(tmp_path / "answers", LABELS) as table:
        table.add([(AnswerRow(0, "gone.jpg", "cat", 0.9, copy="copies/gone.jpg"), None)])
        with pytest.raises(DataError, match="gone"):
            list(sort_into_zip(table, tmp_path / "sorted.zip"))
    assert [path.name for path in tmp_path.iterdir()] == ["answers"]


def test_a_new_table_replaces_the_old_one_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "answers"
    assert AnswerTable.open(folder) is None
    for label in ("cat", "dog"):
        with AnswerTable.create(folder, [label]) as table:
            table.add([(AnswerRow(0, f"{label}.jpg"), None)])
    with AnswerTable.open(folder) as table:  # type: ignore[union-attr]
        assert table.labels == ["dog"]
        assert [row.file for row in table.each()] == ["dog.jpg"]
    for path in folder.iterdir():
        if path.name != FILE_NAME:
            path.unlink()
    (folder / FILE_NAME).write_bytes(b"no database" * 500)
    with pytest.raises(DataError, match="was damaged"):
        AnswerTable.open(folder)
    discard(folder)
    assert AnswerTable.open(folder) is None
