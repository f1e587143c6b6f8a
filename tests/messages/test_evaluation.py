from __future__ import annotations

import re

import pytest

from classifier.messages.evaluation import accuracy_in_words, coverage_in_words, interval_in_words, score_in_words


@pytest.mark.parametrize(
    ("correct", "total", "words"),
    [
        (0, 48, "None of 48 photos right"),
        (3, 100, "About 3 in 100 (3 %)"),
        (499, 10_000, "About 5 in 100 (5 %)"),
        (5, 100, "About 1 in 10 (5 %)"),
        (1, 2, "1 of 2 photos right"),
        (18, 19, "18 of 19 photos right"),
        (19, 20, "About 95 in 100 (95 %)"),
        (91, 100, "About 9 in 10 (91 %)"),
        (949, 1000, "About 9 in 10 (95 %)"),
        (95, 100, "About 95 in 100 (95 %)"),
        (97, 100, "About 97 in 100 (97 %)"),
        (994, 1000, "About 99 in 100 (99 %)"),
        (996, 1000, "More than 99 in 100 (over 99 %)"),
        (4, 1000, "Fewer than 1 in 100 (under 1 %)"),
        (48, 48, "All 48 photos right"),
        (1234, 1234, "All 1,234 photos right"),
        (1, 1, "The only photo right"),
        (0, 1, "The only photo wrong"),
    ],
)
def test_an_accuracy_is_worded_by_its_size(correct: int, total: int, words: str) -> None:
    assert accuracy_in_words(correct / total, total, correct) == words
    assert accuracy_in_words(correct / total, total) == words


def test_all_or_none_stand_only_where_all_or_none_are_right() -> None:
    total = 1000
    for correct in range(total + 1):
        words = accuracy_in_words(correct / total, total, correct)
        assert words.startswith("All") == (correct == total)
        assert words.startswith("None") == (correct == 0)


def test_the_number_in_words_lies_within_half_a_step_of_the_accuracy() -> None:
    for correct in range(1, 1000):
        accuracy = correct / 1000
        words = accuracy_in_words(accuracy, 1000, correct)
        found = re.fullmatch(r"About (\d+) in (10|100) \((\d+) %\)", words)
        if found is None:
            assert accuracy <= 0.005 or accuracy >= 0.995
            continue
        count, of, percent = map(int, found.groups())
        assert of == (10 if 0.05 <= accuracy < 0.95 else 100)
        assert abs(count / of - accuracy) <= 0.5 / of + 1e-9
        assert abs(percent / 100 - accuracy) <= 0.005 + 1e-9


def test_without_a_count_all_but_one_of_many_are_not_all() -> None:
    assert accuracy_in_words(9999 / 10_000, 10_000) == "More than 99 in 100 (over 99 %)"


def test_without_photos_there_is_no_accuracy() -> None:
    assert accuracy_in_words(0.0, 0) == "Not measured yet: there is no photo to judge by"


def test_an_interval_is_given_in_whole_percent() -> None:
    assert interval_in_words(0.766, 0.961) == "With this many photos it could be 77 to 96 %."


@pytest.mark.parametrize(
    ("accuracy", "low", "high", "total", "words"),
    [
        (0.91, 0.84, 0.96, 100, "About 9 in 10 (91 %) right. With this many photos it could be 84 to 96 %."),
        (0.02, 0, 0.06, 100, "About 2 in 100 (2 %) right. With this many photos it could be 0 to 6 %."),
        (1.0, 0.9, 1.0, 48, "All 48 photos right. With this many photos it could be 90 to 100 %."),
        (0.0, 0.0, 0.1, 48, "None of 48 photos right. With this many photos it could be 0 to 10 %."),
        (0.5, 0.25, 0.75, 20, "About 5 in 10 (50 %) right. With this many photos it could be 25 to 75 %."),
        (
            1.0, 0.5, 1.0, 6,
            "All 6 photos right. That proves little: 6 photos are too few to tell how often it is right on new ones. "
            "With this many photos it could be 50 to 100 %.",
        ),
        (
            5 / 6, 0.0, 1.0, 6,
            "5 of 6 photos right. That proves little: 6 photos are too few to tell how often it is right on new ones. "
            "Add photos: once 20 are judged, you get the range to expect.",
        ),
        (
            0.5, 0.2, 0.75, 20,
            "About 5 in 10 (50 %) right. That proves little: 20 photos are too few to tell how often it is right on "
            "new ones. With this many photos it could be 20 to 75 %.",
        ),
    ],
)  # fmt: skip
def test_a_score_is_its_accuracy_and_its_interval(
    accuracy: float, low: float, high: float, total: int, words: str
) -> None:
    assert score_in_words(accuracy, low, high, total) == words


def test_coverage_names_both_proportions() -> None:
    assert coverage_in_words(0.921, 0.968) == "It answers 92 % of photos, and is right on 97 % of those."
    assert coverage_in_words(0.999, 1.0) == "It answers over 99 % of photos, and is right on 100 % of those."
    assert coverage_in_words(0.004, 1.0) == "It answers hardly any photo."
    assert coverage_in_words(0.005, 1.0).startswith("It answers under 1 % of photos")
