"""What is read, asked or refused of made-up layouts; with ``-n 0 -s`` a line of each is printed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from functools import cache

import pytest

from classifier.data.layout import Decision, Layout, Reading, choose, read_layout
from classifier.data.layout.split_names import split_of

from .asked_table_cases import AGREEING, ASKED
from .folder_cases import COLLECTIONS, FOLDERS, ROLES
from .made_up import Case, line
from .name_cases import BOXES, NAMES
from .public_cases import PUBLIC
from .refused_cases import REFUSED
from .split_cases import DOUBTFUL, SPLITS
from .table_cases import TABLES

CASES = [
    *FOLDERS, *ROLES, *COLLECTIONS, *SPLITS, *DOUBTFUL, *TABLES, *ASKED, *AGREEING, *NAMES, *BOXES, *PUBLIC, *REFUSED,
]  # fmt: skip
WITH_READINGS = [case for case in CASES if case.decision != "refuse"]
Check = Callable[[Case], None]


def of_every(cases: list[Case]) -> Callable[[Check], Callable[[], None]]:
    """Make one test of a check of a case; it names all cases that fail. Thousands of tests would take far longer."""

    def decorate(check: Check) -> Callable[[], None]:
        def test() -> None:
            failed = {}
            for case in cases:
                try:
                    check(case)
                except AssertionError as error:
                    failed[case.name] = str(error)
            assert not failed, "\n\n".join(f"{name}: {error}" for name, error in failed.items())

        test.__name__ = check.__name__
        return test

    return decorate


def read(case: Case) -> Layout:
    return _read(case.name)


@cache  # every test asks something else of the same layout
def _read(name: str) -> Layout:
    (case,) = (case for case in CASES if case.name == name)
    return read_layout(case.names, case.texts)


def expected(case: Case, layout: Layout) -> Reading | None:
    """The reading that is right: the first where one is taken, any where it is asked."""
    offered = layout.readings if case.decision == "ask" else layout.readings[:1]
    splits = case.splits or {"train": sum((case.classes or {}).values())}
    right = (r for r in offered if r.class_counts() == Counter(case.classes) and r.split_counts() == Counter(splits))
    return next(right, None)


def test_there_are_enough_layouts_with_a_name_each() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 150


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_layout_is_read_asked_or_refused(case: Case) -> None:
    layout = read(case)
    print(line(case, layout))
    assert layout.decision.value == case.decision, line(case, layout)
    if case.classes is not None:
        assert expected(case, layout), [(r.option, r.class_counts(), r.split_counts()) for r in layout.readings]


@of_every(CASES)
def test_the_sentence_names_the_true_cause(case: Case) -> None:
    layout = read(case)
    if layout.decision is Decision.READ:
        assert not layout.questions
        assert layout.question() == ""
        return
    sentence = str(layout.error())
    assert all(words in sentence for words in case.says), sentence
    assert "{" not in sentence
    assert layout.question() if layout.decision is Decision.ASK else layout.refusal
    assert not layout.photos or "no picture" not in sentence.lower()


@of_every(WITH_READINGS)
def test_groups_and_reasons_are_those_of_the_layout(case: Case) -> None:
    reading = expected(case, read(case))
    assert reading
    assert case.groups is None or len(set(reading.groups.values())) == case.groups
    assert case.not_taken is None or Counter(code.id for code in reading.not_taken.values()) == Counter(case.not_taken)


@of_every(WITH_READINGS)
def test_every_photo_has_a_label_or_a_reason(case: Case) -> None:
    layout = read(case)
    for reading in layout.readings:
        assert reading.labels.keys() == reading.splits.keys()
        assert reading.groups.keys() <= reading.labels.keys()
        assert reading.labels.keys() | reading.not_taken.keys() == set(layout.names)
        assert not reading.labels.keys() & reading.not_taken.keys()


@of_every(WITH_READINGS)
def test_no_name_of_a_split_becomes_a_class_unasked(case: Case) -> None:
    layout = read(case)
    if layout.decision is Decision.READ:
        assert not any(map(split_of, layout.readings[0].class_counts()))


@of_every(WITH_READINGS)
def test_no_photo_to_test_with_is_trained_on(case: Case) -> None:
    reading = read(case).readings[0]
    for name, split in reading.splits.items():
        apart = {split_of(folder) for folder in name.split("/")[:-1] if folder not in case.split_classes} - {None}
        assert split != "train" or "train" in apart or not apart, name


@of_every(WITH_READINGS)
def test_each_reading_can_be_chosen_by_its_option(case: Case) -> None:
    layout = read(case)
    assert len({reading.option for reading in layout.readings}) == len(layout.readings) <= 3
    for reading in layout.readings:
        chosen = choose(case.names, case.texts, reading.option)
        assert chosen.decision is Decision.READ
        assert chosen.readings[0].labels == reading.labels
        assert chosen.readings[0].splits == reading.splits


@of_every(CASES)
def test_a_layout_can_be_written_as_json(case: Case) -> None:
    layout = read(case)
    taken = layout.readings[0] if layout.decision is Decision.READ else None
    data = json.loads(json.dumps(layout.to_json(taken)))
    if taken:
        assert data["layout"]["labels"] == {"from": taken.source.value, "option": taken.option}
        assert data["layout"]["splits"] == dict(taken.split_counts())
    elif layout.readings:
        assert [one["labels"]["option"] for one in data["readings"]] == [r.option for r in layout.readings]
    else:
        assert data["photos"] == layout.photos
        assert data["not_taken"]


@of_every(WITH_READINGS)
def test_a_reading_is_said_in_words_with_numbers(case: Case) -> None:
    for reading in read(case).readings:
        words = (reading.in_words(), reading.evidence(), reading.example())
        assert all(any(letter.isdigit() for letter in text) and "{" not in text for text in words)
        assert words[0].startswith(f"{len(reading.class_counts()):,} class")
        assert words[2].endswith("?")
