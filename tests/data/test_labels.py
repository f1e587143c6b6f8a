from __future__ import annotations

import pytest

from classifier.config import Limits
from classifier.data.labels import clean_label, natural_key


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("  e\u0301te\u0301\t 2024\n\u202e\x00 ", "été 2024"),
        ("\u202e \x07", ""),
        ("a \u200b b", "a b"),
        ("a\ud800b", "ab"),
        ("👩\u200d🌾", "👩\u200d🌾"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_a_label_is_composed_and_has_no_invisible_characters(text: str, label: str) -> None:
    assert clean_label(text) == label


def test_a_label_is_cut_to_the_limit_and_does_not_end_with_a_space() -> None:
    assert clean_label("x" * 500, Limits(label_letters=12)) == "x" * 12
    assert clean_label("x" * 500) == "x" * 80
    assert clean_label("ab cd", Limits(label_letters=3)) == "ab"


def test_names_sort_in_natural_order() -> None:
    names = ["b", "a0", "a10b11", "ß2", "2", "A", "a10", "", "1a", "ß1", "02", "a9", "10", "a", "a10b2"]
    expected = ["", "1a", "02", "2", "10", "A", "a", "a0", "a9", "a10", "a10b2", "a10b11", "b", "ß1", "ß2"]
    assert sorted(names, key=natural_key) == expected


def test_names_with_thousands_of_digits_have_a_sort_key() -> None:
    assert natural_key("1" * 10_000) < natural_key("2" * 10_000) < natural_key("1" * 10_001)
