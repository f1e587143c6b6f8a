"""Classes that may be one, as HTML."""

from __future__ import annotations

from classifier.ui.photos import joins
from tests.helpers import NASTY


def test_similar_names_are_joined_under_the_name_with_most_photos() -> None:
    shown = joins.similar([("Cat", "cat")], {"Cat": 2, "cat": 9})
    assert "“cat” (9) and “Cat” (2) are written almost alike." in shown
    assert 'data-label="cat"' in shown
    assert joins.similar([], {}) == ""


def test_an_existing_name_asks_with_the_number_of_its_photos() -> None:
    shown = joins.exists("kitten", "cat", 12)
    assert "There is a class “cat” already, with 12 photos: join the two?" in shown
    assert 'data-old="kitten" data-label="cat"' in shown
    assert 'data-do="keep"' in shown


def test_hostile_class_names_are_escaped() -> None:
    assert "<script" not in joins.similar([(NASTY, NASTY.upper())], {NASTY: 1}) + joins.exists(
        NASTY, NASTY, 1
    ) + joins.removal(NASTY, 1)
