"""The report that is made of measured rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import report
from benchmarks.report import OURS, Results, write_report
from benchmarks.rows import Row, Rows


def make_row(name: str, recipe: str, accuracy: float, seconds: float, **values: Any) -> Row:
    about = {"set": name, "division": 0, "recipe": recipe, "machine": "a CPU, 2 cores", "images": 70, "test_images": 50}
    about["commit"] = "1a2b3c" if recipe in OURS else "4d5e6f"
    key = " ".join([name, recipe, *map(str, values.values())])
    return {"key": key, **about, "accuracy": accuracy, "seconds": seconds, **values}


def make_model(at: float, accuracy: float) -> dict[str, Any]:
    return {"step": 1, "at": at, "test_accuracy": accuracy}


CLAIM = {"claim": 0.9, "low": 0.8, "high": 0.95}
ROWS = [
    make_row("cats", "quick", 0.90, 6, **CLAIM), make_row("dogs", "quick", 0.70, 12, **CLAIM),
    make_row("cats", "tm", 0.88, 10), make_row("dogs", "tm", 0.74, 20),
    make_row("cats", "lpft", 0.90, 100), make_row("dogs", "lpft", 0.80, 200),
    make_row("cats", "auto", 0.96, 300, minutes=5, models=[make_model(8, 0.90), make_model(35, 0.96)], **CLAIM),
    make_row("dogs", "auto", 0.82, 300, minutes=5, models=[make_model(12, 0.70), make_model(80, 0.82)], **CLAIM),
    make_row("cats", "auto", 0.85, 90, minutes=2, **CLAIM) | {"division": 1},
    make_row("dogs", "auto", 0.75, 90, minutes=2, **CLAIM) | {"division": 1},
]  # fmt: skip


def test_ratios_are_those_of_the_sets_that_both_were_measured_on() -> None:
    results = Results.of([*ROWS, make_row("birds", "tm", 0.1, 1000)])

    assert report.error_ratio(results, "quick", "tm") == pytest.approx(0.40 / 0.38)
    assert report.time_ratio(results, "quick", "tm") == pytest.approx(18 / 30)
    assert report.gain(results, "auto", "lpft") == pytest.approx(4)
    assert report.below(results, "quick", "tm") == {"cats": False, "dogs": True}
    assert not any(report.below_first_step(results).values())


def test_accuracy_over_time_is_that_of_the_model_at_hand() -> None:
    results = Results.of(ROWS)

    assert report.errors_within(results, 0.5) != report.errors_within(results, 0.5)  # NaN: there was no model yet
    assert report.errors_within(results, 3) == pytest.approx(0.40 / 0.38)
    assert report.errors_within(results, 4) == pytest.approx(0.22 / 0.38)
    assert report.time_to_reach(results, "lpft") == pytest.approx(0.4)


def test_claims_are_held_against_what_was_true() -> None:
    rows = [row for row in ROWS if row["division"] == 1]
    known = report.honesty([rows[0], rows[1] | {"accuracy_new": 0.81}])

    assert (known.held, known.mean, known.largest) == (0.5, pytest.approx(10), pytest.approx(15))
    assert known.mean_of_new == pytest.approx(7)


def test_runs_are_compared_with_the_first_step_of_their_division() -> None:
    runs = [row for row in ROWS if row["division"] == 1]
    first = [make_row("cats", "quick", 0.80, 6) | {"division": 1}, make_row("dogs", "quick", 0.79, 6) | {"division": 1}]
    other = make_row("dogs", "quick", 0.1, 6) | {"division": 2}

    assert report.above_first_step(runs, [*first, other]) == (pytest.approx(0.5), 1, 2)
    assert report.above_first_step(runs, [first[0], other]) == (pytest.approx(5), 0, 1)


def test_the_report_names_every_set_recipe_and_machine(tmp_path: Path) -> None:
    write_report(ROWS, tmp_path)

    text = (tmp_path / "README.md").read_text("utf-8")
    plot = ElementTree.parse(tmp_path / "accuracy.svg")
    for part in (
        "| cats | 70 + 50 | 90.0 (6 s) |",
        "Teachable Machine",
        "LP-FT",
        "a CPU, 2 cores. Our models are those of 1a2b3c.",
        "run of 2 min | 2 |",
    ):
        assert part in text
    assert len(plot.findall("{*}circle")) == 4
    assert len(plot.findall("{*}polyline")) == 1


def test_the_report_of_few_rows_leaves_out_what_is_unknown(tmp_path: Path) -> None:
    write_report(ROWS[:1], tmp_path)

    assert "nan" not in (tmp_path / "README.md").read_text("utf-8")
    assert not (tmp_path / "accuracy.svg").exists()


def test_rows_that_are_in_the_file_are_not_measured_again(tmp_path: Path) -> None:
    Rows(tmp_path / "rows.jsonl").get("a", lambda: {"value": 1})
    again = Rows(tmp_path / "rows.jsonl")

    assert again.get("a", lambda: {"value": 2})["value"] == 1
    assert again.get("b", lambda: {"value": 3})["value"] == 3
    assert [row["key"] for row in Rows(tmp_path / "rows.jsonl")] == ["a", "b"]
