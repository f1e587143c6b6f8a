"""Hostile tables and annotations beside sound photos, each given to a project as an upload."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from tests.helpers import draw_photo, encode

from .attacks import Prepare, write_upload

PHOTOS = [(f"{name}.jpg", encode(draw_photo(seed), quality=30)) for seed, name in enumerate("abcdef")]


def beside(name: str, content: Callable[[], bytes]) -> Prepare:
    """Return what writes an upload of six photos and a table."""
    return lambda folder: write_upload(folder, [*PHOTOS, (name, content())])


def rows(*lines: str, header: str = "file,label") -> bytes:
    """Return a table as text."""
    return "\n".join([header, *lines]).encode()


def billion_laughs() -> bytes:
    """Return an XML text whose entities stand for gigabytes."""
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    return f'<!DOCTYPE a [<!ENTITY e0 "lol">{entities}]><annotation><filename>&e11;</filename></annotation>'.encode()


def aliases() -> bytes:
    """Return a YAML text whose lists hold the one before twice."""
    lines = [b"%c: &%c [*%c, *%c]\n" % (n, n, n - 1, n - 1) for n in b"bcdefghijklmnopqrstuvwxyz"]
    return b"a: &a [x]\n" + b"".join(lines)


def spreadsheet(rows: int, declared: str = "A1:XFD1048576", columns: int = 2) -> bytes:
    """Return an .xlsx with a sheet that declares more than it has."""
    cells = "".join(f'<c t="inlineStr"><is><t>a{n}.jpg</t></is></c>' for n in range(columns))
    sheet = (
        f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="{declared}"/>'
    )
    body = f"<sheetData>{f'<row>{cells}</row>' * rows}</sheetData></worksheet>"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    files = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/s.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        f'xmlns:r="{office}"><sheets><sheet name="s" sheetId="1" r:id="r"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" '
        f'Type="{office}/worksheet" Target="worksheets/s.xml"/></Relationships>',
        "xl/worksheets/s.xml": sheet + body,
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return stream.getvalue()


def one_photo_often() -> list[tuple[str, bytes]]:
    """Return the same photo under 20,000 names in 10,000 classes, as a table has it."""
    lines = [f"a.jpg,class {n // 2}" for n in range(20_000)]
    return [*PHOTOS, ("labels.csv", rows(*lines))]


def many_tables() -> list[tuple[str, bytes]]:
    """Return tables that are small one by one."""
    return [*PHOTOS, *((f"{n}.csv", b"file,label\r" + b"x,y\r" * 300_000) for n in range(25))]


CASES: dict[str, Prepare] = {
    "table that names one photo 20,000 times": lambda folder: write_upload(folder, one_photo_often()),
    "table that names files outside": beside("labels.csv", lambda: rows("../../etc/passwd,cat", "/etc/passwd,dog")),
    "table with 100,000 columns": beside("labels.csv", lambda: rows(",".join(["a.jpg"] * 100_000))),
    "table with a cell of 30 MB": beside("labels.csv", lambda: rows("a.jpg," + "x" * 30_000_000, "b.jpg,dog")),
    "table with 300,000 rows": beside("labels.csv", lambda: rows(*["x.jpg,cat"] * 300_000)),
    "25 tables with 300,000 rows of a carriage return each": lambda folder: write_upload(folder, many_tables()),
    "table of null bytes": beside("labels.csv", lambda: bytes(1_000_000)),
    "table with a quote that never ends": beside("labels.csv", lambda: rows('a.jpg,"cat', "b.jpg,dog\n" * 100_000)),
    "table in half an encoding": beside("labels.csv", lambda: b"\xff\xfe" + rows("a.jpg,cat", "b.jpg,dog")[:-1]),
    "table with classes of 10,000 letters": beside("labels.csv", lambda: rows("a.jpg," + "c" * 10_000, "b.jpg,dog")),
    "table with formulas": beside("labels.csv", lambda: rows("a.jpg,=cmd|'/c calc'!A0", "b.jpg,@SUM(1)")),
    "table larger than may be": beside("labels.csv", lambda: b"x" * (33 * 2**20)),
    "JSON 200,000 deep": beside("labels.json", lambda: b"[" * 200_000 + b"]" * 200_000),
    "JSON with a number of a million digits": beside(
        "labels.json", lambda: b'[{"file": "a.jpg", "label": ' + b"9" * 10**6 + b"}]"
    ),
    "JSON with NaN as labels": beside("labels.json", lambda: b'[{"file": "a.jpg", "label": NaN}]'),
    "JSON lines of odd types": beside("labels.jsonl", lambda: b'1\n"a"\n[[]]\n{"file_name": {}, "label": []}\n' * 1000),
    "XML whose entities are gigabytes": beside("a.xml", billion_laughs),
    "XML that names a file of the system": beside(
        "a.xml", lambda: b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><name>&x;</name></annotation>'
    ),
    "XML 100,000 deep": beside("a.xml", lambda: b"<a>" * 100_000 + b"</a>" * 100_000),
    "YAML whose aliases are gigabytes": beside("data.yaml", aliases),
    "spreadsheet that declares a billion cells": beside("labels.xlsx", lambda: spreadsheet(3)),
    "spreadsheet that becomes 80 MB": beside("labels.xlsx", lambda: spreadsheet(800_000, "A1:B800000")),
    "spreadsheet that is no zip": beside("labels.xlsx", lambda: b"PK\x03\x04" + bytes(1000)),
    "text of one line with 10 million words": beside("classes.txt", lambda: b"a " * 10_000_000),
}  # fmt: skip
