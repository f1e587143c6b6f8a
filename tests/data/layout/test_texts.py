"""Tables and annotations on the disk -> texts; hostile and damaged files are named, not read."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import pytest

from classifier.config import Limits
from classifier.data.layout import Texts, choose, read_layout, read_texts, wants_text
from classifier.data.layout.texts import decode
from classifier.errors import LayoutError
from classifier.messages.layout import UnreadableCode

from .made_up import IDS, TWO, csv, pairs

FLAT = [f"{name}.jpg" for name in IDS]
LABELS = csv(("file", "label"), pairs())


def read(folder: Path, **files: bytes) -> Texts:
    listed = []
    for key, data in files.items():
        name = key.replace("__", ".")
        (folder / name).write_bytes(data)
        listed.append((name, folder / name))
    return read_texts(listed)


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(f"xl/{name}.xml", data)
    return path


@pytest.mark.parametrize(
    "name",
    ["a.csv", "A.TSV", "x/labels.txt", "info.labels", "m.jsonl", "a.json", "b.xml", "data.yaml", "obj.names", "t.xlsx"],
)
def test_tables_and_annotations_are_wanted(name: str) -> None:
    assert wants_text(name)


@pytest.mark.parametrize(
    "name", ["a.jpg", "README.md", "model.h5", "a.py", "._labels.csv", "__MACOSX/a.csv", ".git/x.txt"]
)
def test_other_files_are_not_wanted(name: str) -> None:
    assert not wants_text(name)


@pytest.mark.parametrize(
    "data",
    [
        LABELS.encode(), b"\xef\xbb\xbf" + LABELS.encode(), LABELS.encode("utf-16"), LABELS.encode("utf-16-le"),
        b"\xfe\xff" + LABELS.encode("utf-16-be"), LABELS.replace("\n", "\r\n").encode(),
        LABELS.replace("\n", "\r").encode(),
    ],
    ids=["UTF-8", "byte order mark", "UTF-16", "UTF-16 without a mark", "UTF-16 of a Mac", "Windows", "old Mac"],
)  # fmt: skip
def test_encodings_and_ends_of_lines_make_no_difference(data: bytes, tmp_path: Path) -> None:
    found = read(tmp_path, labels__csv=data)
    assert read_layout(FLAT, found.texts).readings[0].class_counts() == TWO


@pytest.mark.parametrize(
    ("codec", "words"),
    [("gbk", ("玫瑰花", "郁金香")), ("cp932", ("チューリップ", "ひまわり")), ("cp1251", ("тюльпан", "роза")),
     ("cp1252", ("Ahörner", "Büsche")), ("cp949", ("장미꽃", "튤립꽃"))],
)  # fmt: skip
def test_the_code_page_of_a_table_is_found(codec: str, words: tuple[str, str]) -> None:
    text = csv(("file", "label"), [(f, words[n % 2]) for n, f in enumerate(FLAT)])
    assert decode(text.encode(codec)) == text


def test_what_is_no_text_is_left_alone(tmp_path: Path) -> None:
    found = read(tmp_path, a__txt=b"\x89PNG\0\0\1" + bytes(range(256)) * 4, b__labels=bytes(2000))
    assert found == Texts({}, {})


def test_a_table_that_is_too_large_is_named(tmp_path: Path) -> None:
    with (tmp_path / "big.csv").open("wb") as stream:
        stream.truncate(50 * 2**20)  # a cell of 50 MB that takes no room on the disk
    found = read_texts([("big.csv", tmp_path / "big.csv")])
    assert found == Texts({}, {"big.csv": UnreadableCode.TOO_LARGE})


def test_the_limit_of_an_upload_holds_for_its_texts(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(LABELS)
    found = read_texts([("a.csv", tmp_path / "a.csv")], Limits(bytes_per_file=100))
    assert found.unreadable == {"a.csv": UnreadableCode.TOO_LARGE}


@pytest.mark.parametrize("row", [b"1\n", b"1\r"])
def test_many_rows_in_many_tables_are_not_all_read(row: bytes, tmp_path: Path) -> None:
    rows = row * 700_000
    found = read(tmp_path, a__csv=rows, b__csv=rows, c__csv=rows)
    assert list(found.texts) == ["a.csv", "b.csv"]
    assert found.unreadable == {"c.csv": UnreadableCode.TOO_LARGE}


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")
def test_links_and_pipes_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text(LABELS)
    (tmp_path / "link.csv").symlink_to(tmp_path / "secret.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    names = ("link.csv", "pipe.csv", "missing.csv")
    assert read_texts([(name, tmp_path / name) for name in names]) == Texts({}, {})


def test_an_excel_table_is_read_by_its_first_sheet(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [("file", "label", "n"), *((f, k, 7.0) for f, k in pairs())]:
        book.active.append(row)
    book.create_sheet("other").append(("x", "y"))
    book.active["D2"] = "=HYPERLINK(1)"
    book.save(tmp_path / "labels.xlsx")
    found = read_texts([("labels.xlsx", tmp_path / "labels.xlsx")])
    assert found.texts["labels.xlsx"].splitlines()[1] == "0000.jpg,dog,7,"
    assert read_layout(FLAT, found.texts).readings[0].option == "labels.xlsx:label"


def test_without_its_package_an_excel_table_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)  # as where it is not installed
    found = read_texts([("l.xlsx", zipped(tmp_path / "l.xlsx", workbook=b"<workbook/>"))])
    assert found.unreadable == {"l.xlsx": UnreadableCode.NEEDS_TABLES}
    layout = read_layout([*FLAT, "l.xlsx"], found.texts, unreadable=found.unreadable)
    assert "l.xlsx was not read" in str(layout.error())
    assert "pip install '.[tables]'" in str(layout.error())
    with pytest.raises(LayoutError, match="pip install"):
        choose(FLAT, found.texts, "l.xlsx:label", unreadable=found.unreadable)


def test_a_zip_bomb_as_an_excel_table_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.xlsx", sheet=bytes(30 * 2**20))
    assert path.stat().st_size < 2**17
    assert read_texts([("bomb.xlsx", path)]).unreadable == {"bomb.xlsx": UnreadableCode.TOO_LARGE}


def test_an_excel_table_that_defines_entities_is_refused(tmp_path: Path) -> None:
    laughs = b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]><a>&lol2;</a>'
    path = zipped(tmp_path / "laughs.xlsx", workbook=laughs)
    assert read_texts([("laughs.xlsx", path)]).unreadable == {"laughs.xlsx": UnreadableCode.HOSTILE}


@pytest.mark.parametrize("name", ["a.xlsx", "a.parquet"])
def test_a_damaged_table_is_named(name: str, tmp_path: Path) -> None:
    pytest.importorskip("openpyxl" if name == "a.xlsx" else "pyarrow")
    (tmp_path / name).write_bytes(b"PK\x03\x04 no zip")
    assert read_texts([(name, tmp_path / name)]).unreadable == {name: UnreadableCode.DAMAGED}


def test_an_excel_table_of_a_million_empty_columns_is_refused(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active["XFD1"] = "x"  # the last column there is
    book.save(tmp_path / "wide.xlsx")
    assert read_texts([("wide.xlsx", tmp_path / "wide.xlsx")]).unreadable == {"wide.xlsx": UnreadableCode.HOSTILE}


def test_a_parquet_table_is_read_by_its_plain_columns(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    names, labels = zip(*pairs())
    pictures = [b"\x89PNG"] * len(names)
    parquet.write_table(arrow.table({"file": names, "label": labels, "image": pictures}), tmp_path / "t.parquet")
    found = read_texts([("t.parquet", tmp_path / "t.parquet")])
    assert found.texts["t.parquet"].splitlines()[:2] == ["file,label", "0000.jpg,dog"]


def test_old_tables_say_how_to_save_them(tmp_path: Path) -> None:
    assert read(tmp_path, a__xls=b"x", b__ods=b"x").unreadable == dict.fromkeys(
        ("a.xls", "b.ods"), UnreadableCode.OLD_TABLE
    )
