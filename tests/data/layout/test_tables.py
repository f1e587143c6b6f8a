"""Texts -> tables, and cells -> photos; hostile texts are refused, and no cell leads outside."""

from __future__ import annotations

import json

import pytest

from classifier.data.layout import Decision, read_layout
from classifier.data.layout.columns import NamedTable
from classifier.data.layout.headers import is_group_header, label_rank
from classifier.data.layout.index import PhotoIndex
from classifier.data.layout.multiple import split_values
from classifier.data.layout.photos import Photo
from classifier.data.layout.tables import MAX_CELL, HostileTableError, Table, load_json, read_table
from classifier.messages.layout import UnreadableCode

from .made_up import IDS, TWO, csv, pairs

FLAT = [f"{name}.jpg" for name in IDS]


def rows(text: str, name: str = "t.csv") -> tuple[tuple[str, ...], ...]:
    table = read_table(name, text)
    assert table
    return table.rows


def index(*names: str) -> PhotoIndex:
    return PhotoIndex([Photo(name, tuple(name.split("/")[:-1])) for name in names])


# texts


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " "])
def test_the_separator_is_found(separator: str) -> None:
    assert rows(csv(("file", "label"), pairs(), separator))[:2] == (("file", "label"), ("0000.jpg", "dog"))


def test_quotes_blanks_comments_and_empty_lines_make_no_difference() -> None:
    assert rows('# by me\n\n"a, b.jpg" , "cat" \n\nc.jpg,dog\n') == (("a, b.jpg", "cat"), ("c.jpg", "dog"))


def test_one_line_is_no_table() -> None:
    assert read_table("a.txt", "only this") is None
    assert read_table("a.csv", "") is None
    assert read_table("a.json", "[1, 2, 3]") is None
    assert read_table("a.json", "{not json") is None


def test_records_in_json_are_flattened_by_path() -> None:
    table = read_table(
        "a.json", json.dumps([{"x": {"y": [{"z": n}]}, "tags": ["a", "b"], "n": None} for n in range(3)])
    )
    assert table
    assert table.header == ("x/y/z", "tags")
    assert table.rows[1] == ("1", "a | b")


@pytest.mark.parametrize(
    "text",
    [
        "file,label\n" + "x" * (MAX_CELL + 1) + ",a\nb,c\n",
        "file,label\n" + ",".join(map(str, range(10_000))) + "\nb,c\n",
        "a,b\n" + '"' + "x\n" * 200_000,
        "x" * 5_000_000,
    ],
    ids=["long cell", "10,000 columns", "open quote", "one long line"],
)
def test_a_hostile_table_is_refused_and_named(text: str) -> None:
    with pytest.raises(HostileTableError):
        read_table("t.csv", text)
    layout = read_layout(FLAT, {"t.csv": text})
    assert layout.decision is Decision.REFUSE
    assert layout.unreadable == {"t.csv": UnreadableCode.HOSTILE}
    assert "t.csv was not read" in str(layout.error())


def test_a_hostile_table_beside_class_folders_does_no_harm() -> None:
    names = [f"{k}/{n}.jpg" for k in "ab" for n in range(9)]
    assert read_layout(names, {"t.csv": "x" * 5_000_000}).decision is Decision.READ


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "[1e999999]", "9" * 5000 + "x", "[" + "9" * 5000 + "]"]
)
def test_deep_or_strange_json_is_no_table(text: str) -> None:
    assert read_table("a.json", text) is None
    assert load_json("[" * 100_000) is None


def test_records_of_ten_thousand_fields_are_refused() -> None:
    with pytest.raises(HostileTableError):
        read_table("a.json", json.dumps([{str(n): n for n in range(10_000)}] * 2))


def test_xml_entities_and_yaml_aliases_are_not_expanded() -> None:
    laughs = '<!DOCTYPE a [<!ENTITY b "cat"><!ENTITY c "&b;&b;&b;">]>'
    xml = {f"{n}.xml": f"<annotation>{laughs}<object><name>&c;</name></object></annotation>" for n in range(4)}
    yaml = "a: &a [x, x]\nb: &b [*a, *a]\nnames: {<<: *b, <<: *b}\n"
    layout = read_layout([f"{n}.jpg" for n in range(4)], {**xml, "data.yaml": yaml, "deep.yaml": "names: " + "[" * 900})
    assert all("catcat" not in label for reading in layout.readings for label in reading.class_counts())


def test_many_open_tags_take_no_endless_time() -> None:
    texts = {"0.xml": "<annotation>" + "<object>" * 200_000}
    assert read_layout([f"{n}.jpg" for n in range(4)], texts).decision is Decision.REFUSE


# cells


@pytest.mark.parametrize(
    "cell",
    ["a/1.jpg", "a\\1.jpg", "A/1.JPG", "/data/x/a/1.jpg", "C:\\x\\a\\1.jpg", "./a/1.jpg", "a//1.jpg", "a/1", "a/1.png"],
)
def test_a_cell_names_a_photo_by_its_longest_path(cell: str) -> None:
    assert index("a/1.jpg", "b/1.jpg", "b/2.jpg").find(cell) == 0


@pytest.mark.parametrize(
    "cell", ["1.jpg", "1", "", "..", "../a/1.jpg", "a/../a/1.jpg", "c/1.jpg", "x" * 600, "/", "a/"]
)
def test_a_cell_that_names_no_photo_or_several_names_none(cell: str) -> None:
    assert index("a/1.jpg", "b/1.jpg").find(cell) is None


def test_a_name_is_looked_for_in_the_folder_and_split_of_its_table() -> None:
    photos = [Photo("train/1.jpg", (), "train"), Photo("test/1.jpg", (), "test")]
    assert PhotoIndex(photos).find("1.jpg", ("test",)) == 1
    assert PhotoIndex(photos).find("1.jpg", (), "train") == 0
    assert PhotoIndex(photos).find("1.jpg") is None


def test_a_number_needs_its_zeros_only_where_two_photos_have_it() -> None:
    assert index("001.png", "010.png").find("1") == 0
    assert index("001.png", "01.png").find("1") is None
    assert index("001.png", "1.png").find("1") == 1


def test_a_path_to_a_folder_without_the_photo_names_none() -> None:
    photos = index("cat/1.jpg", "dog/2.jpg")
    assert photos.find("dog/1.jpg") is None
    assert photos.find("elsewhere/1.jpg") == 0


def test_a_cell_names_none_of_very_many_photos_of_one_name() -> None:
    assert index(*(f"{n}/1.jpg" for n in range(100))).find("1.jpg") is None
    assert index(*(f"{n}/1.jpg" for n in range(100))).find("7/1.jpg") == 7


# columns


@pytest.mark.parametrize(
    "title", ["label", "Class", "dog_breed", "label_name", "ClassId", "diagnosis", "dx", "标签", "Klasse"]
)
def test_headers_of_labels_are_known(title: str) -> None:
    assert label_rank(title) == 2


@pytest.mark.parametrize("title", ["sex", "species", "type", "cell_type", "Stage"])
def test_headers_of_properties_come_second(title: str) -> None:
    assert label_rank(title) == 1


@pytest.mark.parametrize("title", ["class_count", "dx_type", "label_path", "price", "file", "number of classes seen"])
def test_other_headers_are_no_labels(title: str) -> None:
    assert label_rank(title) == 0


@pytest.mark.parametrize(
    "title", ["patient", "Patient ID", "scene_id", "id", "group", "video", "track", "lesion_id", "source"]
)
def test_headers_of_groups_are_known(title: str) -> None:
    assert is_group_header(title)


@pytest.mark.parametrize("title", ["class_id", "Patient Gender", "patient age", "label", "width"])
def test_other_headers_are_no_groups(title: str) -> None:
    assert not is_group_header(title)


@pytest.mark.parametrize(
    ("values", "several"),
    [
        (["a", "b", "a|b"] * 9, {"a|b"}), (["a", "b", "a; b"] * 9, {"a; b"}),
        (["rust", "scab", "rust scab"] * 9, {"rust scab"}),
        (["stage one", "stage two"] * 9, set()), (["red apple", "apple", "pear"] * 9, set()), (["a", "b"] * 9, set()),
    ],
)  # fmt: skip
def test_values_that_join_labels_are_found(values: list[str], several: set[str]) -> None:
    assert split_values(values) == several


def test_the_column_of_names_is_that_which_names_most_photos() -> None:
    table = Table("t.csv", (("n", "pic", "label"), *((str(n % 3), f, k) for n, (f, k) in enumerate(pairs()))))
    named = NamedTable.of(table, index(*FLAT))
    assert named
    assert (named.column, named.header, len(named.named)) == (1, ("n", "pic", "label"), 24)


def test_names_with_dots_lead_nowhere_outside() -> None:
    texts = {"l.csv": csv(("file", "label"), [(f"../{f}", k) for f, k in pairs()])}
    assert read_layout(FLAT, texts).decision is Decision.REFUSE
    texts = {"l.csv": csv(("file", "label"), [(f"/etc/{f}", k) for f, k in pairs()])}
    assert read_layout(FLAT, texts).readings[0].class_counts() == TWO
