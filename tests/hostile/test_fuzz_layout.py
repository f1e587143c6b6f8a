"""Trees of any names and tables of any text: every photo has a label or a reason, whatever the order of the names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.data.layout import Decision, Layout, Reading, choose, read_layout, read_texts
from classifier.data.layout.photos import find_photos
from classifier.errors import LayoutError

from .fuzzing import ODD_WORDS, fuzzed, mutations, odd_text, shuffled

WORDS = "cat dog bird cat_1 img_002 IMG(3) 2024-01-02 person1 p2_cat dog-07 s01 0001 a".split()
PARTS = st.one_of(
    st.sampled_from([*WORDS, *ODD_WORDS]),
    st.sampled_from("train test val valid Training seg_test test2 testing_set set1 cats dogs masks images".split()),
    st.text("ab1_- .", min_size=1, max_size=5),
)
FILES = st.builds(
    lambda stem, suffix: stem + suffix,
    st.one_of(PARTS, st.sampled_from(WORDS), odd_text(6)),
    st.sampled_from([".jpg", ".jpg", ".png", ".JPG", ".tif", "", ".txt"]),
)
NAMES = st.lists(st.lists(PARTS, max_size=4).flatmap(lambda dirs: FILES.map(lambda file: "/".join([*dirs, file]))),
                 max_size=40, unique=True)  # fmt: skip


@st.composite
def grids(draw: st.DrawFn) -> list[str]:
    """Draw trees as people have them, with splits, classes and groups from a few words, in any order of levels."""
    levels = draw(st.lists(st.lists(PARTS, min_size=1, max_size=4, unique=True), min_size=1, max_size=4))
    stems = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True))
    count = draw(st.integers(1, 5))
    names = [""]
    for level in levels:
        names = [f"{name}{part}/" for name in names for part in level][:40]
    skipped = draw(st.integers(0, 7))
    files = [f"{name}{stem}_{number}.jpg" for name in names for stem in stems for number in range(count)]
    return [name for index, name in enumerate(files) if not skipped or index % (skipped + 1)][:300]


@st.composite
def tables(draw: st.DrawFn, names: list[str]) -> dict[str, str]:
    """Draw texts: tables that name the photos in some way, with other letters between, or any text."""
    result: dict[str, str] = {}
    for _ in range(draw(st.integers(0, 3))):
        title = draw(
            st.sampled_from("labels.csv train.csv test/labels.csv a.txt classes.txt x.json y.jsonl z.xml".split())
        )
        rows = draw(st.lists(st.sampled_from(names), max_size=12)) if names else []
        cells = draw(st.lists(st.one_of(odd_text(5), st.sampled_from(WORDS)), min_size=1, max_size=8))
        separator = draw(st.sampled_from([",", ";", "\t", " ", '","']))
        header = draw(
            st.sampled_from(["", "file,label\n", "image;class;split\n", "id\tspecies\tsplit\n", '"', "{", "["])
        )
        lines = [
            separator.join([row, *(cells[(n + k) % len(cells)] for k in range(n % 3 + 1))])
            for n, row in enumerate(rows)
        ]
        text = header + draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines)
        result[title] = draw(st.one_of(st.just(text), odd_text(60), st.just(text[: len(text) // 2])))
    return result


@st.composite
def data_sets(draw: st.DrawFn) -> tuple[list[str], dict[str, str]]:
    """Draw the names of files and the texts among them."""
    photos = draw(st.one_of(NAMES, grids()))
    texts = draw(tables(photos))
    return list(dict.fromkeys([*photos, *texts])), texts


def check_reading(reading: Reading, photos: set[str]) -> None:
    """Assert that each photo has a label and a split, or a reason, and not both."""
    assert set(reading.labels) == set(reading.splits)
    assert not reading.labels.keys() & reading.not_taken.keys()
    assert reading.labels.keys() <= photos
    assert set(reading.splits.values()) <= {"train", "val", "test"}
    assert set(reading.groups) <= photos
    assert reading.matched == sum(split == "train" for split in reading.splits.values())
    reading.in_words(), reading.evidence(), reading.example()


def outcome(layout: Layout) -> tuple[object, ...]:
    """Return what a layout says without the order in which the names came."""
    readings = [(one.option, dict(one.labels), dict(one.splits), set(one.not_taken)) for one in layout.readings]
    return layout.decision, readings, layout.questions, layout.refusal


@pytest.mark.slow
@given(data_sets(), st.integers())
@fuzzed(60)
def test_every_photo_has_a_label_or_a_reason(data: tuple[list[str], dict[str, str]], seed: int) -> None:
    names, texts = data
    layout = read_layout(names, texts)
    photos = set(find_photos(names))
    for reading in layout.readings:
        check_reading(reading, photos)
    if layout.decision is Decision.READ:
        assert set(layout.readings[0].labels) | set(layout.readings[0].not_taken) == photos
    else:
        str(layout.error())
    layout.to_json(layout.readings[0] if layout.readings else None)
    assert outcome(layout) == outcome(read_layout(shuffled(names, seed), dict(shuffled_items(texts, seed))))


def shuffled_items(texts: Mapping[str, str], seed: int) -> list[tuple[str, str]]:
    """Return the texts in another order."""
    return [(name, texts[name]) for name in shuffled(list(texts), seed)]


@pytest.mark.slow
@given(data_sets())
@fuzzed(40)
def test_each_option_that_is_offered_gives_its_reading(data: tuple[list[str], dict[str, str]]) -> None:
    names, texts = data
    for reading in read_layout(names, texts).readings:
        chosen = choose(names, texts, reading.option)
        assert chosen.decision is Decision.READ
        assert chosen.readings[0].labels == reading.labels
        assert chosen.readings[0].splits == reading.splits


OPTIONS = st.one_of(
    odd_text(12), st.sampled_from("folders folders:2 folders:9 names names:first names:ending boxes labels.csv".split())
)


@pytest.mark.slow
@given(data_sets(), OPTIONS, OPTIONS)
@fuzzed(40)
def test_any_option_gives_a_reading_or_a_sentence(
    data: tuple[list[str], dict[str, str]], option: str, groups: str
) -> None:
    names, texts = data
    try:
        layout = choose(names, texts, option, groups)
    except LayoutError as error:
        str(error).encode()
    else:
        for reading in layout.readings:
            check_reading(reading, set(names))


@pytest.mark.slow
@given(grids())
@fuzzed(40)
def test_photos_of_a_folder_for_testing_are_not_trained_on(names: list[str]) -> None:
    names = [name for name in names if "test" not in name.lower()]
    held = [f"test/{name}" for name in names]
    layout = read_layout([*(f"train/{name}" for name in names), *held], {})
    for reading in layout.readings[:1] if layout.decision is Decision.READ else ():
        assert not [name for name in held if reading.splits.get(name) == "train"]


TABLE = "file,label,split\ncat/1.jpg,cat,train\ncat/2.jpg,cat,test\ndog/1.jpg,hund é,train\ndog/2.jpg,dog,train\n"
KINDS = {
    "labels.csv": TABLE.encode(), "u.csv": TABLE.encode("utf-16"),
    "x.json": b'[{"file": "cat/1.jpg", "label": "cat"}, [1]]',
    "y.jsonl": b'{"file_name": "cat/1.jpg", "label": 3}\n{"file_name": "dog/1.jpg", "label": 4}\n',
    "dog/1.xml": b"<annotation><object><name>dog</name></object></annotation>",
    "data.yaml": b"names: [cat, dog]\nnc: 2\n",
    "labels/1.txt": b"0 0.5 0.5 0.1 0.1\n",
}  # fmt: skip


@pytest.mark.slow
@given(st.sampled_from(sorted(KINDS)), mutations())
@fuzzed(80)
def test_a_damaged_table_gives_a_reading_or_a_sentence(kind: str, mutate: object) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table"
        path.write_bytes(mutate(KINDS[kind]))  # type: ignore[operator]
        texts = read_texts([(kind, path)])
    names = ["cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg", kind]
    layout = read_layout(names, texts.texts, unreadable=texts.unreadable)
    for reading in layout.readings:
        check_reading(reading, set(names))
    flat = [name.replace("/", "_") for name in names[:-1]]
    read_layout([*flat, kind], texts.texts, unreadable=texts.unreadable)
