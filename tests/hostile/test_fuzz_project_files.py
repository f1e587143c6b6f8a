"""Project files with anything in the place of any of their values: opened, or refused with one sentence."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.data.project import Project
from classifier.data.project_file import write_project
from classifier.data.project_opening import read_project
from classifier.data.run_history import RunAsset
from classifier.errors import ClassifierError
from tests.helpers import draw_photo

from .fuzzing import fuzzed

ODD = st.sampled_from(
    [None, True, -1, 0, 1.5, 2**70, 1e308, "", "x", "../../etc/passwd", "a\0b", "\ud800", "<b>", [], {}, [[]], [None]]
)


@lru_cache(maxsize=1)
def members() -> dict[str, bytes]:
    """Return the content of a sound project file by member."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with Project.open(root / "project") as project:
            for number, label in enumerate(("cat", "cat", "dog")):
                draw_photo(number).save(root / f"{number}.jpg")
                project.add_files([(f"{number}.jpg", root / f"{number}.jpg")], label)
            answers = [RunAsset(photo.sha256, photo.label, "train", "cat", 0.5, 0.5) for photo in project.photos()]
            project.catalog.runs.record("2025-01-02-030405-quick", "quick", {"labels": ["cat"]}, answers, 1.0)
            project.move([project.photos()[0].id], "dog")
            write_project(project, root / "project.zip", ())
        with zipfile.ZipFile(root / "project.zip") as packed:
            return {name: packed.read(name) for name in packed.namelist()}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in a JSON."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def refused(file: Path, folder: Path) -> str | None:
    """Return why a project file is not opened, None where it was."""
    try:
        read_project(file, folder, (), lambda model: None)
    except ClassifierError as error:
        return str(error)
    return None


@pytest.mark.slow
@fuzzed(25)
@given(st.data())
def test_any_value_may_be_odd(data: st.DataObject) -> None:
    changed = dict(members())
    name = data.draw(st.sampled_from([name for name in changed if name.endswith(".json")]))
    value = json.loads(changed[name])
    *way, last = data.draw(st.sampled_from(list(places(value))))
    target = value
    for key in way:
        target = target[key]
    odd = data.draw(ODD)
    if odd is None and data.draw(st.booleans()):
        del target[last]
    else:
        target[last] = odd
    changed[name] = json.dumps(value).encode()
    root = Path(tempfile.mkdtemp())
    try:
        with zipfile.ZipFile(root / "x.zip", "w") as packed:
            for member, content in changed.items():
                packed.writestr(member, content)
        if (refusal := refused(root / "x.zip", root / "new")) is not None:
            assert "\n" not in refusal
            assert [path.name for path in root.iterdir()] == ["x.zip"]
            return
        with Project.open(root / "new") as project:  # whatever was opened can be used
            for photo in project.photos():
                assert project.thumbnail(photo).is_file()
                assert project.photo_path(photo).resolve().is_relative_to((root / "new").resolve())
            for run in project.catalog.runs.newest():
                project.catalog.runs.evaluated(run.id)
            while project.undo() is not None:
                project.classes()
    finally:
        shutil.rmtree(root)
