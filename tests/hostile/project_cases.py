"""Damaged projects: a sound one of three photos, whose files are then changed behind its back."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from classifier.data.schema import FILE_NAME
from classifier.ui.sessions import Home
from tests.helpers import draw_photo, encode

from .acts import LIMITS, TOKEN
from .attacks import Prepare

Damage = Callable[[Path], object]


def damaged(*damages: Damage) -> Prepare:
    """Return what writes a sound project and damages it."""

    def prepare(folder: Path) -> None:
        home = Home(folder / "project", folder / "shared")
        (folder / "input").mkdir()
        files = []
        for number, label in enumerate(("cat", "cat", "dog")):
            path = folder / "input" / f"{number}.jpg"
            path.write_bytes(encode(draw_photo(number)))
            files.append((f"{label}/{number}.jpg", path))
        with home.open(TOKEN) as project:
            project.uploads.receive(files)
            project.move([project.photos()[0].id], "dog")
            assert LIMITS.files > len(project.photos())
        for damage in damages:
            damage(home.folder(TOKEN))

    return prepare


def sql(*statements: str) -> Damage:
    """Return a change of the catalog."""

    def change(folder: Path) -> None:
        db = sqlite3.connect(folder / FILE_NAME)
        with db:
            for statement in statements:
                db.execute(statement)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()

    return change


def catalog(change: Callable[[bytearray], object]) -> Damage:
    """Return a change of the bytes of the catalog."""

    def edit(folder: Path) -> None:
        content = bytearray((folder / FILE_NAME).read_bytes())
        change(content)
        (folder / FILE_NAME).write_bytes(bytes(content))

    return edit


def flip(place: int) -> Damage:
    """Return the damage of bits in one page of the catalog."""
    return catalog(lambda content: content.__setitem__(slice(place, place + 64), b"\xff" * 64))


def instead(name: str, make: Callable[[Path], object]) -> Damage:
    """Return the damage of another thing in the place of a file or folder; ``name`` may be a pattern."""

    def edit(folder: Path) -> None:
        for path in list(folder.glob(name)) or [folder / name]:
            shutil.rmtree(path, ignore_errors=True)
            path.unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            make(path)

    return edit


def pipe(path: Path) -> None:
    """Make a pipe, which whoever opens it waits for."""
    os.mkfifo(path)


def everywhere(name: str, content: bytes) -> Damage:
    """Return the damage of other content in all files of a pattern."""

    def edit(folder: Path) -> None:
        for path in folder.glob(name):
            if path.is_file():
                path.write_bytes(content)

    return edit


STATE = "incoming/*/upload.json"
CASES: dict[str, Prepare] = {
    "catalog without content": damaged(instead(FILE_NAME, lambda path: path.write_bytes(b""))),
    "catalog of text": damaged(instead(FILE_NAME, lambda path: path.write_text("hello" * 1000))),
    "catalog cut in half": damaged(catalog(lambda content: content.__delitem__(slice(len(content) // 2, None)))),
    "catalog with a damaged header": damaged(flip(16)),
    "catalog with a damaged schema": damaged(flip(200)),
    "catalog with a damaged first table": damaged(flip(4096 + 3000)),
    **{f"catalog with a damaged page {page}": damaged(flip(4096 * page + 8)) for page in range(1, 9)},
    "catalog that is a folder": damaged(instead(FILE_NAME, lambda path: path.mkdir())),
    "catalog that is a link to nothing": damaged(instead(FILE_NAME, lambda path: path.symlink_to("/nowhere/at all"))),
    "catalog that is a pipe": damaged(instead(FILE_NAME, pipe)),
    "catalog without a table": damaged(sql("DROP TABLE edits")),
    "catalog of a later version": damaged(sql("PRAGMA user_version = 99")),
    "catalog of another program": damaged(sql("PRAGMA application_id = 1")),
    "catalog with a path outside": damaged(sql("UPDATE assets SET path = '../../../../etc/passwd'")),
    "catalog with an absolute path": damaged(sql("UPDATE assets SET path = '/etc/passwd'")),
    "catalog with a path of no text": damaged(sql("UPDATE assets SET path = x'00ff'")),
    "catalog with a name for the thumbnail": damaged(sql("UPDATE assets SET sha256 = '../../escaped' || id")),
    "catalog with a class of markup": damaged(sql("UPDATE assets SET label = '<img src=x onerror=alert(1)>'")),
    "catalog with a class of no text": damaged(sql("UPDATE assets SET label = x'ff00'")),
    "catalog with sizes of text": damaged(sql("UPDATE assets SET width = 'wide', size = 1e308")),
    "catalog with an edit that is no JSON": damaged(sql("UPDATE edits SET before = '{['")),
    "catalog with an edit of other rows": damaged(sql("UPDATE edits SET before = '[[1, 2], 3]'")),
    "catalog with an edit without a code": damaged(sql("UPDATE edits SET code = 'nothing', arguments = '[1]'")),
    "catalog with a run of nothing": damaged(
        sql("INSERT INTO runs (created, name, mode, report) VALUES ('x', '../..', 'quick', '[]')")
    ),
    "photos that are text": damaged(everywhere("photos/**/*", b"hello")),
    "photos that are missing": damaged(instead("photos", lambda path: path.mkdir())),
    "photos that are a file": damaged(instead("photos", lambda path: path.write_bytes(b""))),
    "photos that are pipes": damaged(instead("photos/*/*", pipe), instead("thumbs", lambda path: path.mkdir())),
    "thumbnails that are folders": damaged(instead("thumbs/*", lambda path: path.mkdir())),
    "feature cache of text": damaged(instead("features/features.sqlite", lambda path: path.write_bytes(b"x" * 5000))),
    "feature cache that is a file": damaged(instead("features", lambda path: path.write_bytes(b"x"))),
    "upload that waits, of odd types": damaged(everywhere(STATE, b'{"sets": 3, "left_out": null}')),
    "upload that waits, 100,000 deep": damaged(everywhere(STATE, b"[" * 100_000)),
    "upload that waits, with a path outside": damaged(
        everywhere(
            STATE,
            b'{"sets": [{"name": "", "has_folder": false, "files": [["a", "cat/a.jpg", "../../../../etc/passwd"]]}], '
            b'"left_out": [], "notes": [], "known": {}, "taken": "folders", "added": []}',
        )
    ),
    "model folders of nothing": damaged(instead("models/a/config.json", lambda path: path.write_bytes(b"[]"))),
}  # fmt: skip
