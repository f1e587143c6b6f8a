"""Past trainings -> HTML: the list, and two of them side by side. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from ...data.catalog import Changes, Run
from ...data.labels import natural_key
from ...errors import ModelError
from ...evaluation.report import Report
from ...models.backbones import BACKBONES
from .. import html

_MODES = {"quick": "Quick", "deep": "Deep"}
_NETWORKS = {row.name: row.title for row in BACKBONES}


@dataclass(frozen=True)
class Entry:
    """A run to list: its report if it can be read, and whether its model is still there."""

    run: Run
    report: Report | None
    has_model: bool

    @classmethod
    def of(cls, run: Run, has_model: bool) -> Entry:
        """The entry of a run; a report that cannot be read is left out, not the run."""
        try:
            return cls(run, Report.from_json(run.report), has_model)
        except ModelError:
            return cls(run, None, has_model)

    @property
    def title(self) -> str:
        """“1 Mar 2025, 14:15:30 · Deep”."""
        return f"{html.when(self.run.name)} · {_MODES.get(self.run.mode, self.run.mode)}"


def listing(entries: Sequence[Entry]) -> str:
    """The runs as they are given, each with its score and what can be done with it."""
    return "".join(_card(entry) for entry in entries)


def _card(entry: Entry) -> str:
    title, number = escape(entry.title), entry.run.id
    told = "Its score cannot be read." if entry.report is None else _score(entry.report)
    use = (
        f'<button type="button" class="pc-button" data-use="{number}" aria-label="Try photos with {title}">Try it'
        "</button>"
        if entry.has_model
        else '<span class="pc-quiet">Its model is gone.</span>'
    )
    return (
        f'<li class="pc-run"><label><input type="checkbox" value="{number}" aria-label="Compare {title}">'
        f"<b>{title}</b></label><p>{told}</p><p class='pc-quiet'>{escape(_details(entry))}</p>"
        f'<div class="pc-actions">{use}<button type="button" class="pc-button" data-delete="{number}" '
        f'aria-label="Delete {title}">Delete</button></div></li>'
    )


def _score(report: Report) -> str:
    return f"{html.in_ten(report.accuracy)}; could be {_range(report)}"


def _range(report: Report) -> str:
    return f"{report.accuracy_low * 100:.0f} to {report.accuracy_high * 100:.0f} %"


def _network(report: Report | None) -> str:
    return "" if report is None else _NETWORKS.get(report.backbone, report.backbone)


def _time(run: Run) -> str:
    return html.duration(run.seconds) if run.seconds else ""


def _details(entry: Entry) -> str:
    judged = "" if entry.report is None else f"{html.photos(entry.report.images)} judged"
    return " · ".join(part for part in (_network(entry.report), judged, _time(entry.run)) if part)


# -- two runs side by side


def comparison(first: Entry, second: Entry, between: Changes, since: Changes) -> str:
    """A table of two runs, the earlier one first; what changed between them, and since the later one."""
    if first.report is None or second.report is None:
        return html.note("The score of one of the two cannot be read, so they cannot be compared.", "warn")
    one, two = first.report, second.report
    rows = [
        ("Mode", _MODES.get(first.run.mode, ""), _MODES.get(second.run.mode, ""), ""),
        ("Network", _network(one), _network(two), ""),
        ("Time", _time(first.run) or "–", _time(second.run) or "–", ""),
        ("Right", html.percent(one.accuracy), html.percent(two.accuracy), _points(two.accuracy - one.accuracy)),
        ("Could be", _range(one), _range(two), ""),
        *_classes(one, two),
    ]
    heads = f"<th>Earlier<small>{escape(first.title)}</small></th><th>Later<small>{escape(second.title)}</small></th>"
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(left)}</td><td>{escape(right)}</td>'
        f"<td>{escape(change)}</td></tr>"
        for name, left, right, change in rows
    )
    return (
        '<div class="pc-compare"><table><caption>The two trainings side by side</caption>'
        f"<thead><tr><td></td>{heads}<th>Change</th></tr></thead><tbody>{body}</tbody></table></div>"
        f"{html.note(_verdict(one, two))}{html.note(_photos_between(between, since))}"
    )


def _classes(one: Report, two: Report) -> list[tuple[str, str, str, str]]:
    """How many of each class each recognises, and the difference where both had photos of it."""
    left, right = ({row.label: row.recall for row in report.per_class if row.images} for report in (one, two))
    return [
        (
            label,
            html.percent(left[label]) if label in left else "–",
            html.percent(right[label]) if label in right else "–",
            _points(right[label] - left[label]) if label in left and label in right else "",
        )
        for label in sorted(left.keys() | right.keys(), key=natural_key)
    ]


def _points(difference: float) -> str:
    whole = round(difference * 100)
    return "same" if whole == 0 else f"{'+' if whole > 0 else '−'}{abs(whole)}"


def _verdict(one: Report, two: Report) -> str:
    if one.evaluated_on != two.evaluated_on:
        return "The two were not judged in the same way, so their scores cannot be set against each other."
    if one.accuracy == two.accuracy:
        return "Both are equally good, as far as this many photos can tell."
    if max(one.accuracy_low, two.accuracy_low) <= min(one.accuracy_high, two.accuracy_high):
        return "The two ranges overlap, so the difference may be chance. More photos would tell."
    better = "later" if two.accuracy > one.accuracy else "earlier"
    return f"The {better} one is better by more than chance."


def _photos_between(between: Changes, since: Changes) -> str:
    told = (
        f"From the earlier to the later, {changed(between)}."
        if any(between)
        else "Both had the same photos in the same classes."
    )
    return f"{told} Since the later one, {changed(since)}." if any(since) else told


def changed(changes: Changes) -> str:
    """“2 photos came and 1 photo changed class”; empty where nothing changed."""
    counts = (len(changes.added), "came"), (len(changes.removed), "went"), (len(changes.relabeled), "changed class")
    parts = [f"{html.photos(count)} {what}" for count, what in counts if count]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
