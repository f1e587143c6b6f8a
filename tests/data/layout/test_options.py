"""``--labels`` and ``--groups``: any reading that is possible can be taken, and what is not is said."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

import pytest

from classifier.data.layout import Decision, Reading, Source, choose, option_file, read_layout
from classifier.errors import LayoutError

from .made_up import AB, IDS, LABELS, TWO, csv, folders, many, pairs

FLAT = [f"{name}.jpg" for name in IDS]
WIDE = csv(
    ("file", "label", "place", "price", "who:now"),
    [(f, k, "in" if n < 12 else "out", f"{n % 3}.5", "ab"[n % 2]) for n, (f, k) in enumerate(pairs())],
)


def take(names: Sequence[str], option: str, groups: str = "auto", **texts: str) -> Reading:
    layout = choose(
        names, {key.replace("__", ".").replace("_in_", "/"): text for key, text in texts.items()}, option, groups
    )
    assert layout.decision is Decision.READ
    assert layout.questions == ()
    (reading,) = layout.readings
    return reading


def refuse(names: Sequence[str], option: str, groups: str = "auto", **texts: str) -> str:
    with pytest.raises(LayoutError) as caught:
        take(names, option, groups, **texts)
    return str(caught.value)


# labels


def test_without_an_option_the_layout_is_read() -> None:
    assert choose(folders(AB), {}, None).readings == read_layout(folders(AB), {}).readings


def test_a_level_of_folders_counts_below_wrappers_and_splits() -> None:
    names = [f"set/{s}/{k}/{k}{i}/1.jpg" for s in ("train", "val") for k in TWO for i in range(3)]
    assert take(names, "folders").class_counts().keys() == {"cat", "dog"}
    assert take(names, "folders:1").class_counts().keys() == {"cat", "dog"}
    assert take(names, "folders:2").class_counts().keys() == {f"{k}{i}" for k in TWO for i in range(3)}
    assert take(names, "folders:2").split_counts() == {"train": 6, "val": 6}


def test_folders_named_like_splits_can_be_classes_or_left_out() -> None:
    names = folders({"train": 9, "bus": 8, "car": 9})
    assert take(names, "folders:1").class_counts() == {"train": 9, "bus": 8, "car": 9}
    assert take(names, "folders").class_counts() == {"bus": 8, "car": 9}


def test_file_names_can_be_taken_beside_class_folders() -> None:
    names = [f"{k}/{color}_{n}.jpg" for k in TWO for color in ("red", "blue") for n in range(9)]
    assert read_layout(names, {}).readings[0].source is Source.FOLDERS
    assert take(names, "names").class_counts() == {"red": 18, "blue": 18}
    assert take(names, "names:first").class_counts() == {"red": 18, "blue": 18}


def test_endings_of_names_can_be_taken() -> None:
    names = [f"{n:04}_left_{k}.jpg" for n in range(9) for k in TWO]
    assert take(names, "names:ending").class_counts() == {"cat": 9, "dog": 9}


def test_names_that_cover_few_photos_can_be_taken() -> None:
    names = [*many("cat{}.jpg", 5), *many("dog{}.jpg", 5), *many("{:05}.jpg", 40)]
    assert read_layout(names, {}).decision is Decision.REFUSE
    assert take(names, "names:first").class_counts() == {"cat": 5, "dog": 5}


def test_a_table_is_taken_by_base_name_path_or_column() -> None:
    for option in ("t.csv", "t.csv:label", "T.CSV:Label", "tables/t.csv", "tables/t.csv:label", "t.csv:2"):
        assert take([*FLAT], option, tables_in_t__csv=WIDE).class_counts() == TWO, option


def test_any_column_can_be_the_label() -> None:
    assert take(FLAT, "t.csv:place", t__csv=WIDE).class_counts() == {"in": 12, "out": 12}
    assert take(FLAT, "t.csv:price", t__csv=WIDE).class_counts() == {"0.5": 8, "1.5": 8, "2.5": 8}
    assert take(FLAT, "t.csv:who:now", t__csv=WIDE).class_counts() == {"a": 12, "b": 12}


def test_a_table_under_one_name_in_each_split_folder_is_taken_whole() -> None:
    names = [f"{s}/{name}" for s in ("train", "test") for name in FLAT]
    other = csv(("file", "a", "b"), [(f, n % 2, "xyz"[n % 3]) for n, f in enumerate(FLAT)])
    for option in ("l.csv:b", "train/l.csv:b"):
        reading = take(names, option, train_in_l__csv=other, test_in_l__csv=other)
        assert reading.class_counts() == {"x": 16, "y": 16, "z": 16}
        assert reading.split_counts() == {"train": 24, "test": 24}


def test_a_table_outside_the_data_is_taken_under_its_name() -> None:
    layout = choose(FLAT, {"/home/me/labels.csv": WIDE}, "/home/me/labels.csv:label")
    assert layout.readings[0].class_counts() == TWO


def test_tables_of_one_base_name_that_say_different_things_need_their_path() -> None:
    texts = {"a/l.csv": csv(("file", "label"), pairs()), "b/l.csv": csv(("file", "label"), zip(FLAT, "xy" * 12))}
    layout = read_layout(FLAT, texts)
    assert [reading.option for reading in layout.readings] == ["a/l.csv:label"]  # they agree but for the names
    texts["b/l.csv"] = csv(("file", "label"), zip(FLAT, "xyz" * 8))
    layout = read_layout(FLAT, texts)
    assert [reading.option for reading in layout.readings] == ["a/l.csv:label", "b/l.csv:label"]
    assert choose(FLAT, texts, "b/l.csv:label").readings[0].class_counts() == {"x": 8, "y": 8, "z": 8}


def test_boxes_are_taken_beside_class_folders() -> None:
    texts = {f"{k}/{n}.txt": f"{n % 2} 0.5 0.5 0.2 0.2\n" for k in TWO for n in range(1, 13)}
    assert choose(folders(TWO), texts, "boxes").readings[0].class_counts() == {"0": 12, "1": 12}


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("folders:3", "not lie in folders of classes on that level"), ("folders:x", "folders:1"),
        ("names:last", "names:first or names:ending"), ("boxes", "no boxes"), ("other.csv", "no table other.csv"),
        ("t.csv:kind", "no column kind; it has “label”, “place”, “price” and “who:now”"), ("t.csv:9", "no column 9"),
    ],
)  # fmt: skip
def test_an_option_that_does_not_fit_is_said_with_what_is_possible(option: str, reason: str) -> None:
    sentence = refuse([f"images/{name}" for name in FLAT], option, t__csv=WIDE)
    assert reason in sentence
    assert "--labels t.csv:label" in sentence


def test_a_table_that_names_no_photo_is_said_to() -> None:
    assert "x.csv names none of the photos" in refuse(folders(AB), "x.csv", x__csv="a,b\n1x,2\n3x,4\n")


def test_a_column_of_one_value_gives_no_classes() -> None:
    one = csv(("file", "label", "kind"), [(f, k, "same") for f, k in pairs()])
    assert "no two classes" in refuse(FLAT, "t.csv:kind", t__csv=one)


def test_the_error_survives_pickling_with_its_readings() -> None:
    with pytest.raises(LayoutError) as caught:
        choose(folders(AB), {}, "boxes")
    error = pickle.loads(pickle.dumps(caught.value))
    assert str(error) == str(caught.value)
    assert [reading.option for reading in error.readings] == ["folders:1"]


def test_an_option_without_a_picture_is_refused_with_what_files_are() -> None:
    assert "HDF5" in refuse(["a.h5"], "folders")
    assert choose(["a.h5"], {}, None).decision is Decision.REFUSE


@pytest.mark.parametrize("option", [None, "auto", "none", "names", "names:first", "folders:2", "boxes"])
def test_a_word_names_no_file(option: str | None) -> None:
    assert option_file(option) is None
    assert option_file("labels.csv:class") == "labels.csv:class"


# groups


PERSONS = [f"{p}/{k}/{i}.jpg" for p in ("anna", "ben", "cem") for k in ("fist", "palm") for i in range(6)]


def test_groups_that_the_layout_shows_are_taken_by_default() -> None:
    assert set(take(PERSONS, "folders:2").groups.values()) == {"anna", "ben", "cem"}
    assert take(PERSONS, "folders:2", "none").groups == {}


def test_groups_come_from_folders_that_are_no_class() -> None:
    names = [f"{k}/plot{p}/{i}.jpg" for k in TWO for p in range(3) for i in range(4)]
    reading = take(names, "folders:1", "folders")
    assert set(reading.groups.values()) == {"plot0", "plot1", "plot2"}
    assert reading.groups_from == "folders"
    assert set(take(PERSONS, "folders:2", "folders").groups.values()) == {"anna", "ben", "cem"}


def test_groups_come_from_names_but_for_the_last_number() -> None:
    names = [f"{k}/{video:05}_{frame:05}.png" for k in TWO for video in range(4) for frame in range(6)]
    reading = take(names, "folders", "names")
    assert set(reading.groups.values()) == {f"{k}/{video:05}" for k in TWO for video in range(4)}
    assert reading.groups_from == "names"


def test_groups_come_from_a_part_of_the_names_that_is_not_the_first() -> None:
    names = [
        f"{k}/{7 * frame + 100 * video}_of_subject{video}.png" for k in TWO for video in range(20) for frame in range(3)
    ]
    assert len(set(take(names, "folders", "names").groups.values())) == 40


def test_groups_come_from_equal_names() -> None:
    names = [f"{k}/{size}/{i}.png" for k in TWO for size in ("small", "large", "huge") for i in range(9)]
    assert len(set(take(names, "folders:1", "names").groups.values())) == 18


def test_groups_come_from_a_table_by_file_or_column() -> None:
    table = csv(("file", "patient", "visit"), [(f, n // 4, n // 2) for n, f in enumerate(folders(TWO))])
    assert len(set(take(folders(TWO), "folders", "p.csv", p__csv=table).groups.values())) == 6
    assert len(set(take(folders(TWO), "folders", "p.csv:visit", p__csv=table).groups.values())) == 12
    only = csv(("file", "cluster"), [(f, n // 3) for n, f in enumerate(folders(TWO))])
    assert len(set(take(folders(TWO), "folders", "c.csv", c__csv=only).groups.values())) == 8


@pytest.mark.parametrize("groups", ["names", "folders", "none.csv"])
def test_groups_that_are_not_there_are_said_to_be_missing(groups: str) -> None:
    names = [f"{k}/{k}-{i}.jpg" for k in TWO for i in range(6)]
    sentence = refuse(names, "folders", groups)
    assert f"--groups {groups}" in sentence


def test_groups_are_chosen_for_every_reading_of_a_question() -> None:
    layout = choose(PERSONS, {}, None, "none")
    assert layout.decision is Decision.ASK
    assert all(not reading.groups for reading in layout.readings)


def test_labels_of_a_flat_set_can_have_groups_of_their_folders() -> None:
    names = [f"site{n % 4}/{name}.jpg" for n, name in enumerate(IDS)]
    table = csv(("file", "label"), [(name, label) for name, label in zip(IDS, LABELS)])
    assert len(set(take(names, "t.csv", "folders", t__csv=table).groups.values())) == 4
