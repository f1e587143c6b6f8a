"""Past trainings as HTML, and two of them compared on the same photos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from classifier.data.run_history import Changes, Run, RunAsset
from classifier.messages.evaluation import ComparisonCode
from classifier.ui.train import history
from tests.helpers import report

NOTHING = Changes((), (), ())


def entry(name: str, data: dict[str, Any]) -> history.Entry:
    return history.Entry.of(Run(1, "", name, "deep", data, 0.0), True)


def answers(correct: Sequence[bool], first: int = 0) -> list[RunAsset]:
    """Photos numbered from ``first``, of which the model recognized those that are True."""
    return [
        RunAsset(f"{first + index}", "cat", "train", "cat" if right else "dog") for index, right in enumerate(correct)
    ]


def test_a_training_whose_report_cannot_be_read_is_listed_and_not_compared() -> None:
    odd, good = entry("x", {"a": 1}), entry("y", report().to_json())
    same = history.compare_answers([], [])
    assert "Its score cannot be read" in history.render_list([odd])
    assert "cannot be compared" in history.render_comparison(odd, good, same, NOTHING, NOTHING)
    assert "<b>dog" not in history.render_comparison(good, good, same, NOTHING, NOTHING)


def test_the_photos_judged_are_those_the_score_is_of() -> None:
    data = report(images=300, confusion=((18, 2), (2, 18)))
    assert "40 photos judged" in history.render_list([entry("x", data.to_json())])


@pytest.mark.parametrize(
    ("earlier", "later", "verdict"),
    [
        ([False] * 8 + [True] * 22, [True] * 30, ComparisonCode.BETTER),
        ([True] * 30, [False] * 8 + [True] * 22, ComparisonCode.WORSE),
        ([False] * 5 + [True] * 25, [True] * 30, ComparisonCode.UNDECIDED),  # 5 to 0: p = 0.06
        ([True] * 30, [True] * 30, ComparisonCode.UNDECIDED),
    ],
)
def test_two_models_are_compared_by_the_photos_on_which_they_differ(
    earlier: list[bool], later: list[bool], verdict: ComparisonCode
) -> None:
    result = history.compare_answers(answers(earlier), answers(later))
    assert (result.photos, result.comparison.verdict) == (30, verdict)
    runs = [entry("x", report().to_json()), entry("y", report(accuracy=0.99).to_json())]
    shown = history.render_comparison(*runs, result, NOTHING, NOTHING)
    differ = sum(one != other for one, other in zip(earlier, later))
    assert str(result.comparison.message) in shown
    assert f"30 photos were judged by both, and they differ on {differ} photo{'s' * (differ != 1)}." in shown


def test_only_photos_that_both_judged_in_the_same_class_count() -> None:
    earlier = [*answers([True, False, True]), RunAsset("9", "cat", "train")]
    later = [*answers([True, True], first=1), RunAsset("9", "cat", "train"), RunAsset("0", "dog", "train", "dog")]
    result = history.compare_answers(earlier, later)
    assert (result.photos, result.comparison.gained, result.comparison.lost) == (2, 1, 0)
    assert history.compare_answers(earlier, []).comparison.verdict is ComparisonCode.NO_COMMON_PHOTOS


def test_changes_of_the_photos_are_joined_into_one_sentence() -> None:
    assert history.describe_changes(NOTHING) == ""
    assert history.describe_changes(Changes(("a", "b"), (), ("c",))) == "2 photos came and 1 photo changed class"
    three = Changes(("a",), ("b",), ("c",))
    assert history.describe_changes(three) == "1 photo came, 1 photo went and 1 photo changed class"
