"""Names of any letters: class names stay apart, folders of classes are safe, names are checked without an error."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from classifier.data.intake import check_name, clean_name, is_outside, normalize_name, scan
from classifier.data.labels import (
    clean_label,
    clean_labels,
    folder_names,
    label_key,
    name_difference,
    natural_key,
    similar_labels,
)

from .fuzzing import fuzzed, odd_text, shuffled

NAMES = st.lists(odd_text(100), max_size=12)


@given(NAMES, st.integers())
@fuzzed(150)
def test_clean_class_names_stay_apart_in_any_order(names: list[str], seed: int) -> None:
    clean = clean_labels(names)
    assert set(clean) == set(names)
    assert len(set(clean.values())) == len(clean)
    assert clean == clean_labels(shuffled(names, seed))
    for label in clean.values():
        assert 0 < len(label) <= 80
        assert clean_label(label) == label
        label.encode()


@given(NAMES, st.integers())
@fuzzed(150)
def test_folders_of_classes_stay_apart_on_every_disk(names: list[str], seed: int) -> None:
    labels = list(clean_labels(names).values())
    folders = folder_names(labels)
    assert folders == folder_names(shuffled(labels, seed))
    for form in ("NFC", "NFD"):
        assert len({unicodedata.normalize(form, folder.casefold()) for folder in folders.values()}) == len(folders)
    for folder in folders.values():
        assert not is_outside(folder)
        assert check_name(folder) is None or folder.casefold() in ("thumbs.db", "__macosx", "desktop.ini", "@eadir")
        assert Path(folder).name == folder
        assert len(folder.encode()) < 256
        assert folder == folder.rstrip(" .")


@given(NAMES)
@fuzzed(100)
def test_names_that_look_alike_are_grouped_without_an_error(names: list[str]) -> None:
    labels = list(clean_labels(names).values())
    grouped = [label for group in similar_labels(labels) for label in group]
    assert len(grouped) == len(set(grouped))
    for group in similar_labels(labels):
        name_difference(group)
    assert len({natural_key(label) for label in labels}) == len(labels)
    assert all(label_key(label) == label_key(clean_label(label)) for label in names)


@given(st.lists(odd_text(), max_size=6).map("/".join))
@fuzzed(200)
def test_a_name_that_is_accepted_stays_inside_its_folder(name: str) -> None:
    clean_name(name).encode()
    if check_name(name) is None:
        relative = normalize_name(name)
        assert not relative.startswith("/")
        assert ".." not in relative.split("/")
        assert normalize_name(relative) == relative


@given(st.lists(st.lists(odd_text(20), min_size=1, max_size=4), max_size=6), st.integers())
@fuzzed(30)
def test_a_folder_with_odd_names_is_listed_whole(names: list[list[str]], seed: int) -> None:
    with TemporaryDirectory() as folder:
        written = {path for parts in names if (path := _write(Path(folder), parts)) is not None}
        found = [path for _, path in scan(Path(folder))] if written else []
    hidden = {path for path in written if any(part.startswith(".") for part in path.relative_to(folder).parts)}
    assert written - hidden <= set(found)


def _write(folder: Path, parts: list[str]) -> Path | None:
    """Write a file under a name, if the disk accepts it."""
    path = folder
    for part in parts:
        path /= part.replace("/", "_").replace("\0", "0") or "_"
    if ".." in path.parts:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    except (OSError, UnicodeEncodeError):
        return None
    return path
