"""Readings of an upload as HTML: a line, a question, a refusal."""

from __future__ import annotations

import re
from dataclasses import replace

from classifier.data.layout import Decision, read_layout
from classifier.ui.photos import readings
from classifier.ui.photos.readings import OneClass
from tests.helpers import NASTY

CATS_AND_DOGS = [f"photos/{label}.{number}.jpg" for label in ("cat", "dog") for number in range(10)]
TAGS = re.compile(r"<[^>]*>")


def test_a_question_shows_classes_with_counts_and_a_button_for_each_reading() -> None:
    layout = read_layout(CATS_AND_DOGS, {})
    shown = readings.question(layout, {}, None)
    words = TAGS.sub(" ", shown)
    assert layout.question() in words
    assert layout.readings[0].example() in words
    assert layout.readings[0].in_words() in words
    assert all(f"{label} (10)" in words for label in ("cat", "dog"))
    assert "Take these 2 classes" in words
    assert shown.count('data-do="take"') == len(layout.readings) == 1
    assert 'data-option="names:first"' in shown
    assert 'data-do="cancel"' in shown
    assert 'role="group"' in shown
    assert "<input" not in shown


def test_a_line_says_what_was_read_and_opens_to_the_other_readings() -> None:
    names = [f"{place}/{label}/{number}.jpg" for place in "ab" for label in ("x", "y") for number in range(4)]
    layout = read_layout(names, {})
    first, second = layout.readings
    shown = readings.taken(layout, first.option, {})
    assert f"Read as {first.in_words()}." in shown
    assert f'data-option="{second.option}"' in shown
    assert f'data-option="{first.option}"' not in shown


def test_after_one_class_was_named_all_readings_are_still_offered() -> None:
    layout = read_layout(CATS_AND_DOGS, {})
    shown = readings.taken(layout, "one class", {})
    assert 'pc-read"' not in shown
    assert shown.count('data-do="take"') == 1


def test_one_reading_alone_offers_no_other_way() -> None:
    names = [f"{label}/{number}.jpg" for label in ("cat", "dog") for number in range(3)]
    layout = read_layout(names, {})
    assert layout.decision is Decision.READ
    assert "<details" not in readings.taken(layout, layout.readings[0].option, {})


def test_what_is_left_out_is_said_before_it_is_chosen() -> None:
    shown = readings.question(read_layout([*CATS_AND_DOGS, "photos/masks/1.png"], {}), {}, None)
    assert re.search(r"left out: photos/[^;]* \(1 picture\)", shown)


def test_photos_of_one_class_can_be_named() -> None:
    shown = readings.question(read_layout(CATS_AND_DOGS, {}), {}, OneClass(20, NASTY))
    assert "Or are all 20 photos of one class?" in shown
    assert 'value="&lt;script&gt;' in shown
    assert 'data-do="one-class"' in shown
    assert "Which class do these 7 photos belong to?" in readings.which_class(OneClass(7))


def test_one_class_is_offered_once() -> None:
    layout = read_layout(CATS_AND_DOGS, {})
    reading = layout.readings[0]
    whole = replace(reading, option="folders:1", labels=dict.fromkeys(reading.labels, "photos"))
    both = replace(layout, readings=(reading, whole))
    assert "Take this one class" in readings.question(both, {}, None)
    assert "Take this one class" not in readings.question(both, {}, OneClass(20, "photos"))


def test_readings_that_ask_the_same_are_told_apart_by_what_follows() -> None:
    layout = read_layout(CATS_AND_DOGS, {})
    reading = layout.readings[0]
    apart = replace(reading, option="names:first@test", splits=dict.fromkeys(reading.splits, "test"))
    shown = readings.question(replace(layout, readings=(reading, apart)), {}, None)
    assert re.findall(r"<b>(.*?)</b>", shown) == [reading.in_words(), apart.in_words()]
    assert shown.count("<bdi>cat</bdi>") == 2


def test_thirty_classes_are_named_in_part_and_counted() -> None:
    names = [
        f"{prefix}{'abcdefghij'[n]}.{k}.jpg" for prefix in ("cat", "dog", "bird") for n in range(10) for k in "123"
    ]
    shown = readings.question(read_layout(names, {}), {}, None)
    assert shown.count("<bdi>") == 12
    assert "and 18 more" in shown


def test_hostile_names_are_escaped_everywhere() -> None:
    safe = NASTY.replace("/", "")
    names = [f"{safe}.{number}.jpg" for number in range(10)] + [f"<b>dog.{number}.jpg" for number in range(10)]
    layout = read_layout(names, {})
    option = layout.readings[0].option
    examples = {option: [(safe, b"x")]}
    for shown in (
        readings.question(layout, examples, OneClass(20)),
        readings.taken(layout, option, examples),
        readings.refusal(NASTY, 3),
    ):
        assert "<script" not in shown
        assert "<b>dog" not in shown
    assert "&lt;script&gt;" in readings.question(layout, examples, None)


def test_pictures_of_a_reading_have_their_class_below() -> None:
    layout = read_layout(CATS_AND_DOGS, {})
    shown = readings.question(layout, {layout.readings[0].option: [("cat", b"x"), ("dog", b"y")]}, None)
    assert re.findall(r'alt="([^"]*)"', shown) == ["A photo of cat", "A photo of dog"]
    assert shown.count("<figcaption>") == 2
