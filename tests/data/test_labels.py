from __future__ import annotations

import unicodedata

import pytest

from classifier.config import Limits
from classifier.data.labels import (
    clean_label,
    clean_labels,
    folder_name,
    folder_names,
    label_key,
    name_difference,
    natural_key,
    similar_labels,
)
from classifier.messages.data import DifferenceCode


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("  e\u0301te\u0301\t 2024\n\u202e\x00 ", "été 2024"),
        ("\u202e \x07", ""),
        ("a \u200b b", "a b"),
        ("a\ud800b", "ab"),
        ("👩\u200d🌾", "👩\u200d🌾"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("be\u200des", "bees"),
        ("be\u00ades\ufe0f", "bees"),
        ("\u3164bees\u2800", "bees"),
        ("e\u200b\u0301te", "éte"),
        ("\ufeffbees", "bees"),
        ("bees\r\nand wasps", "bees and wasps"),
    ],
)
def test_a_label_is_composed_and_has_no_invisible_characters(text: str, label: str) -> None:
    assert clean_label(text) == label
    assert clean_label(label) == label


def test_a_label_is_cut_to_the_limit_and_does_not_end_with_a_space() -> None:
    assert clean_label("x" * 500, Limits(label_letters=12)) == "x" * 12
    assert clean_label("x" * 500) == "x" * 80
    assert clean_label("ab cd", Limits(label_letters=3)) == "ab"


@pytest.mark.parametrize(
    ("raw", "labels"),
    [
        (["cat\u200b", "cat", " cat"], ["cat (3)", "cat", "cat (2)"]),
        (["cat ", "cat", "cat (2)"], ["cat (3)", "cat", "cat (2)"]),
        (["e\u0301te\u0301", "été"], ["été (2)", "été"]),
        (["x" * 90, "x" * 80, "x" * 85], ["x" * 76 + " (3)", "x" * 80, "x" * 76 + " (2)"]),
        (["\u200b", "bees", "\u202e"], ["unnamed", "bees", "unnamed (2)"]),
        (["Bees", "bees"], ["Bees", "bees"]),
    ],
)
def test_no_two_names_become_one_class_and_clean_names_are_kept(raw: list[str], labels: list[str]) -> None:
    assert clean_labels(raw) == dict(zip(raw, labels))
    assert clean_labels(reversed(raw)) == clean_labels(raw)
    assert [clean_label(label) for label in labels] == labels


@pytest.mark.slow
def test_many_names_that_clean_to_one_stay_apart() -> None:
    raw = ["cat" + "\u200b" * count for count in range(2000)]
    assert len(set(clean_labels(raw).values())) == 2000


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bees", "bees"),
        ("Ｂｅｅｓ", "bees"),
        ("été", "e\u0301te\u0301"),
        ("honey bee", "honey  bee "),
        ("honey bee", "honeybee"),
        ("Вees", "Bees"),  # the first letter is Cyrillic
        ("сор", "cop"),  # all letters are Cyrillic
        ("Οmega", "Omega"),  # the first letter is Greek
        ("Вода", "вода"),
        ("KEDİ", "kedi"),
        ("ISIRGAN", "ısırgan"),
        ("bird’s", "bird's"),
        ("2–3", "2-3"),
        ("ﬁsh", "fish"),
        ("cat", "cat\u200b\ufe0f"),
        ("x" * 80 + "a", "x" * 80 + "b"),
        ("می\u200cخواهم", "میخواهم"),
    ],
)
def test_names_that_look_the_same_have_one_key(one: str, other: str) -> None:
    assert label_key(one) == label_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("cat", "cat (2)"), ("été", "ete"), ("Al", "AI"), ("1", "l"), ("ロ", "口"), ("a-b", "a_b")]
)
def test_names_that_a_person_tells_apart_have_different_keys(one: str, other: str) -> None:
    assert label_key(one) != label_key(other)


def test_similar_names_are_grouped_in_natural_order() -> None:
    labels = ["wasps", "bees", "Bees", "cat (2)", "cat", "Ｂees", "type (1)", "type (2)", "x" * 80, "x" * 76 + " (2)"]
    assert similar_labels(labels) == [("Bees", "bees", "Ｂees"), ("cat", "cat (2)"), ("x" * 76 + " (2)", "x" * 80)]
    assert similar_labels(["cat", "dog"]) == []


def test_every_class_that_cleaning_had_to_number_is_called_similar() -> None:
    raw = ["cat", "cat\u200b", "dog", "\u200b", "\u202e", "y" * 100, "y" * 101]
    assert [len(group) for group in similar_labels(clean_labels(raw).values())] == [2, 2, 2]


@pytest.mark.parametrize(
    ("labels", "difference"),
    [
        (["Bees", "bees", "BEES"], DifferenceCode.CAPITALS),
        (["honey bee", "Honeybee"], DifferenceCode.BLANKS),
        (["сор", "cop"], DifferenceCode.LOOK_ALIKES),
        (["Ｂees", "bees"], DifferenceCode.LOOK_ALIKES),
        (["cat", "cat (2)"], DifferenceCode.CUT_OFF),
    ],
)
def test_what_makes_similar_names_differ_is_named(labels: list[str], difference: DifferenceCode) -> None:
    (group,) = similar_labels(labels)
    assert name_difference(group) is difference


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Füße 蜜蜂 🐝", "Füße 蜜蜂 🐝"),
        ("CON", "CON_"),
        ("nul.jpg", "nul_.jpg"),
        ("Aux .b.c", "Aux_ .b.c"),
        ("lpt9", "lpt9_"),
        ("COM¹", "COM¹_"),
        ("com10", "com10"),
        ("console", "console"),
        ("a. . ", "a"),
        ("", "_"),
        (".", "_"),
        ("..", "_"),
        (" \u202e", "_"),
        (".net", "_net"),
        ('a/b\\c:d*e?f"g<h>i|j', "a_b_c_d_e_f_g_h_i_j"),
        ("a\x1b[31mb\x00\n\x7f\u202ec", "a[31mb c"),
        ("\ud800a", "a"),
        ("e\u0301te\u0301", "été"),
        ("x" * 300, "x" * 100),
        ("🐝" * 80, "🐝" * 60),
    ],
)
def test_a_folder_name_is_safe_on_every_system(label: str, name: str) -> None:
    assert folder_name(label) == name
    assert folder_name(name) == name


def test_no_two_labels_become_one_folder() -> None:
    labels = [
        "Bees", "bees", "BEES (2)", "CON", "con_", "a/b", "a:b", "été", "e\u0301te\u0301", "ÉTÉ", "straße", "STRASSE",
        "می\u200cخواهم", "میخواهم", ".", "..", "", "_", "x" * 100, "x" * 101, "🐝" * 80, "🐝" * 90,
        "a", "a.", "ﬁsh", "fish",
    ]  # fmt: skip
    names = folder_names(labels)
    assert list(names) == labels
    assert folder_names(reversed(labels)) == names
    assert names["Bees"] == "Bees"
    for form in ("NFC", "NFD"):  # what a disk makes of names that ignores case, joiners and the Unicode form
        on_disk = {
            unicodedata.normalize(form, name.upper().casefold().replace("\u200c", "")) for name in names.values()
        }
        assert len(on_disk) == len(labels)
    assert all(folder_name(name) == name and len(name.encode()) <= 255 for name in names.values())


def test_names_sort_in_natural_order() -> None:
    names = ["b", "a0", "a10b11", "ß2", "2", "A", "a10", "", "1a", "ß1", "02", "a9", "10", "a", "a10b2"]
    expected = ["", "1a", "02", "2", "10", "A", "a", "a0", "a9", "a10", "a10b2", "a10b11", "b", "ß1", "ß2"]
    assert sorted(names, key=natural_key) == expected


def test_names_with_thousands_of_digits_have_a_sort_key() -> None:
    assert natural_key("1" * 10_000) < natural_key("2" * 10_000) < natural_key("1" * 10_001)
