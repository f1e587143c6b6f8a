from __future__ import annotations

import numpy as np
import pytest

from classifier.evaluation.class_balance import class_balance_warnings, classes_of_one_group, is_measurable
from classifier.messages.evaluation import WarningCode


def warnings(*counts: int) -> list[str]:
    labels = [f"{'abc'[index]}" for index in range(len(counts))]
    return list(map(str, class_balance_warnings(np.repeat(np.arange(len(counts)), counts), labels)))


@pytest.mark.parametrize("counts", [(10, 10), (10, 50), (100, 90, 80)])
def test_enough_photos_of_each_class_raise_no_warning(counts: tuple[int, ...]) -> None:
    assert warnings(*counts) == []


def test_a_single_class_is_warned_of() -> None:
    assert warnings(20) == ["There is only one class, “a”: add photos of at least one other."]


def test_classes_of_one_photo_count_as_wrong() -> None:
    single, few, uneven = warnings(1, 20, 1)
    assert single == "There is a single photo of “a” and “c”: it cannot be checked and counts as wrong."
    assert few.startswith("There are few photos of “a” (1) and “c” (1)")
    assert uneven == "“b” has 20 photos and “a” only 1: add photos of “a”."


def test_one_photo_of_each_class_measures_nothing() -> None:
    one_each, few = warnings(1, 1)
    assert one_each.endswith("it cannot be measured how often the model is right: add at least one more of each.")
    assert few.startswith("There are few photos")


def test_few_photos_are_fewer_than_ten() -> None:
    assert warnings(9, 20, 10) == ["There are few photos of “a” (9): with 10 or more each, the score says more."]


def test_classes_are_uneven_above_five_times_the_smallest() -> None:
    labels = ["a", "b"]
    (warning,) = class_balance_warnings(np.repeat([0, 1], [10, 51]), labels)
    assert warning.code is WarningCode.IMBALANCED
    assert str(warning) == "“b” has 51 photos and “a” only 10: add photos of “a”."


def test_a_class_whose_photos_are_all_of_one_group_is_named() -> None:
    y, groups = np.repeat([0, 1, 2, 3], [12, 12, 12, 1]), np.arange(37)
    assert classes_of_one_group(y, groups) == []
    assert is_measurable(y, groups)
    assert not is_measurable(y, y)
    groups[12:24] = 5
    groups[30:] = 6
    assert classes_of_one_group(y, groups) == [1]  # a single photo is no group
    one_group = class_balance_warnings(y, "abcd", groups)[-1]
    assert one_group.code is WarningCode.ONE_GROUP
    assert str(one_group).startswith("All photos of “b” (12) are near copies")
