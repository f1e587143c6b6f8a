"""Past trainings -> HTML: the list, and two of them side by side. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from ...data.labels import natural_key
from ...data.run_history import Changes, Run, RunAsset
from ...errors import ModelError
from ...evaluation.metrics import Comparison, compare_models
from ...evaluation.report import Report
from ...messages import duration, harmless, joined, percent, sentence
from ...messages.evaluation import tells_nothing
from ...messages.steps_page import StepsCode, step_title
from ...messages.training_page import RunsCode
from ...models import training_record
from ...models.backbones import BACKBONES
from .. import html
from . import curves, steps
from .scores import in_words

_MODES = {"quick": RunsCode.QUICK, "auto": RunsCode.AUTO, "deep": RunsCode.DEEP}
_TITLES = {row.name: row.title for row in BACKBONES}

_NO_CHANGES = Changes((), (), ())


@dataclass(frozen=True)
class Entry:
    """A run to list: its report if it can be read, whether its model is still there, and the steps of its training.

    ``since`` is what was changed among the photos since then.
    """

    run: Run
    report: Report | None
    has_model: bool
    tried: steps.Tried = steps.NONE
    since: Changes = _NO_CHANGES

    @classmethod
    def of(cls, run: Run, has_model: bool, tried: steps.Tried = steps.NONE) -> Entry:
        """Return the entry of a run; a report that cannot be read is None."""
        try:
            return cls(run, Report.from_json(run.report), has_model, tried)
        except ModelError:
            return cls(run, None, has_model, tried)

    @property
    def mode(self) -> str:
        """“Deep”, or what the step that is used tried."""
        used = [step for step in self.tried.steps if step.number == self.tried.in_use]
        return step_title(used[0].name) if used else str(_MODES.get(self.run.mode, self.run.mode))

    @property
    def title(self) -> str:
        """What the person called it, or “1 Mar 2025, 14:15:30 · Deep”."""
        return harmless(self.run.title) or self.made

    @property
    def made(self) -> str:
        """“1 Mar 2025, 14:15:30 · Deep”."""
        return sentence(RunsCode.NAME, made=html.run_time(self.run.name), mode=self.mode)

    @property
    def network(self) -> str:
        """The title of the backbone."""
        return "" if self.report is None else _TITLES.get(self.report.backbone, self.report.backbone)

    @property
    def seconds(self) -> str:
        """The duration in words; empty for runs of versions that did not record it."""
        return duration(self.run.seconds) if self.run.seconds else ""


@dataclass(frozen=True)
class PairedResult:
    """Two models on the photos that both were evaluated on: how many these are, and which model is better."""

    photos: int
    comparison: Comparison


def compare_answers(earlier: Iterable[RunAsset], later: Iterable[RunAsset]) -> PairedResult:
    """Compare two runs on the photos that both were evaluated on in the same class, by McNemar's exact test."""
    before, after = _correct(earlier), _correct(later)
    shared = sorted(before.keys() & after.keys())
    pairs = (np.array([answers[key] for key in shared], bool) for answers in (before, after))
    return PairedResult(len(shared), compare_models(*pairs))


def _correct(assets: Iterable[RunAsset]) -> dict[tuple[str, str], bool]:
    return {
        (asset.sha256, asset.label): asset.predicted == asset.label for asset in assets if asset.predicted is not None
    }


def render_list(entries: Sequence[Entry]) -> str:
    """Return the runs in the given order, each with its score and what can be done with it."""
    return "".join(_list_item(entry) for entry in entries)


def _list_item(entry: Entry) -> str:
    title, id = escape(entry.title), entry.run.id
    score = html.text(RunsCode.SCORE_UNREADABLE) if entry.report is None else _score(entry.report)
    old = (
        f'<p class="pc-old">{html.text(RunsCode.OLD_LABELS, changes=describe_changes(entry.since))}</p>'
        if any(entry.since)
        else ""
    )
    use = (
        f'<button type="button" class="pc-button" data-use="{id}" '
        f'aria-label="{html.text(RunsCode.TRY_LABEL, name=entry.title)}">{html.text(RunsCode.TRY)}</button>'
        if entry.has_model
        else f'<span class="pc-quiet">{html.text(RunsCode.MODEL_GONE)}</span>'
    )
    return (
        f'<li class="pc-run"><label><input type="checkbox" value="{id}" '
        f'aria-label="{html.text(RunsCode.COMPARE_LABEL, name=entry.title)}"><b>{title}</b></label>'
        f"<p>{score}</p>{old}{html.quiet(escape(_details(entry)))}"
        f'<div class="pc-actions">{use}{_button("rename", RunsCode.RENAME, RunsCode.RENAME_LABEL, entry)}'
        f"{_button('delete', RunsCode.DELETE, RunsCode.DELETE_LABEL, entry)}</div>"
        f"{_collapsed_steps(entry)}{_collapsed_curves(entry.run)}</li>"
    )


def _button(action: str, words: RunsCode, label: RunsCode, entry: Entry) -> str:
    return (
        f'<button type="button" class="pc-button" data-{action}="{entry.run.id}" '
        f'aria-label="{html.text(label, name=entry.title)}">{html.text(words)}</button>'
    )


def _collapsed_steps(entry: Entry) -> str:
    """Return the steps of a training, to be opened; earlier ones can be used again where its model is still there."""
    listed = steps.render(entry.tried, entry.run.id) if entry.has_model else ""
    summary = html.text(StepsCode.SUMMARY, count=len(entry.tried.steps))
    return f'<details class="pc-details"><summary>{summary}</summary>{listed}</details>' if listed else ""


def _collapsed_curves(run: Run) -> str:
    """Return the curves of a deep training and what was kept of it, to be opened; empty for quick training."""
    shown = render_curves(run)
    return (
        f'<details class="pc-details"><summary>{html.text(RunsCode.WENT)}</summary>{shown}</details>' if shown else ""
    )


def render_curves(run: Run) -> str:
    """Return the curves of a training, with its best round, and why its model was kept."""
    verdict = training_record.read_verdict(run.details)
    charts = curves.render(training_record.read_epochs(run.details))
    return (html.note(str(verdict)) if verdict else "") + charts


def _score(report: Report) -> str:
    if not report.evaluated_count:
        return escape(in_words(report))
    if _tells_nothing(report):
        return html.text(RunsCode.SCORE_OF_FEW, score=in_words(report))
    return html.text(RunsCode.SCORE, score=in_words(report), range=_range(report))


def _right(report: Report) -> str:
    return percent(report.accuracy) if report.evaluated_count else str(RunsCode.UNKNOWN)


def _range(report: Report) -> str:
    if not report.evaluated_count:
        return str(RunsCode.UNKNOWN)
    if _tells_nothing(report):
        return str(RunsCode.TOO_FEW)
    return sentence(RunsCode.RANGE, low=report.accuracy_low * 100, high=report.accuracy_high * 100)


def _tells_nothing(report: Report) -> bool:
    return tells_nothing(report.accuracy_low, report.accuracy_high, report.evaluated_count)


def _details(entry: Entry) -> str:
    evaluated = "" if entry.report is None else sentence(RunsCode.JUDGED, count=entry.report.evaluated_count)
    is_grouped = entry.report is not None and entry.report.grouping is not None
    kept = str(RunsCode.KEPT_TOGETHER) if is_grouped else ""
    made = entry.made if entry.title != entry.made else ""
    return " · ".join(part for part in (made, entry.network, evaluated, kept, entry.seconds) if part)


def render_comparison(earlier: Entry, later: Entry, result: PairedResult, between: Changes, since: Changes) -> str:
    """Return two runs side by side, with which one is better and what changed.

    Args:
        earlier: the first run.
        later: the second run.
        result: both on the same photos.
        between: what changed among the photos from the first to the second run.
        since: what changed since the second one.
    """
    if earlier.report is None or later.report is None:
        return html.note(RunsCode.NOT_COMPARABLE, "warn")
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(left)}</td><td>{escape(right)}</td>'
        f"<td>{escape(change)}</td></tr>"
        for name, left, right, change in _rows(earlier, later, earlier.report, later.report)
    )
    heads = "".join(
        f"<th>{html.text(code)}<small>{escape(entry.title)}</small></th>"
        for code, entry in ((RunsCode.EARLIER, earlier), (RunsCode.LATER, later))
    )
    return (
        f'<div class="pc-compare"><table><caption>{html.text(RunsCode.CAPTION)}</caption>'
        f"<thead><tr><td></td>{heads}<th>{html.text(RunsCode.CHANGE)}</th></tr></thead><tbody>{body}</tbody></table>"
        f"</div>{html.note(verdict(result))}{html.note(_photo_changes(between, since))}"
    )


Row = tuple[str, str, str, str]


def _rows(earlier: Entry, later: Entry, one: Report, two: Report) -> list[Row]:
    unknown = str(RunsCode.UNKNOWN)
    difference = _points(two.accuracy - one.accuracy) if one.evaluated_count and two.evaluated_count else ""
    return [
        (str(RunsCode.ROW_MODE), earlier.mode, later.mode, ""),
        (str(RunsCode.ROW_NETWORK), earlier.network, later.network, ""),
        (str(RunsCode.ROW_TIME), earlier.seconds or unknown, later.seconds or unknown, ""),
        (str(RunsCode.ROW_RIGHT), _right(one), _right(two), difference),
        (str(RunsCode.ROW_RANGE), _range(one), _range(two), ""),
        *_class_rows(one, two),
    ]


def _class_rows(one: Report, two: Report) -> list[Row]:
    """Return the recall of each class, and the difference where both had photos of it."""
    left, right = ({row.label: row.recall for row in report.per_class if row.images} for report in (one, two))
    unknown = str(RunsCode.UNKNOWN)
    return [
        (
            label,
            percent(left[label]) if label in left else unknown,
            percent(right[label]) if label in right else unknown,
            _points(right[label] - left[label]) if label in left and label in right else "",
        )
        for label in sorted(left.keys() | right.keys(), key=natural_key)
    ]


def _points(difference: float) -> str:
    whole = round(difference * 100)
    if whole == 0:
        return str(RunsCode.SAME)
    return sentence(RunsCode.MORE_POINTS if whole > 0 else RunsCode.FEWER_POINTS, points=abs(whole))


def verdict(result: PairedResult) -> str:
    """Return in words which of two models is better, and on how many photos they were compared."""
    words = str(result.comparison.message)
    if not result.photos:
        return words
    different = result.comparison.gained + result.comparison.lost
    return f"{words} {sentence(RunsCode.COMPARED_ON, compared=result.photos, different=different)}"


def _photo_changes(between: Changes, since: Changes) -> str:
    first = (
        sentence(RunsCode.PHOTOS_CHANGED, changes=describe_changes(between))
        if any(between)
        else str(RunsCode.PHOTOS_SAME)
    )
    return f"{first} {sentence(RunsCode.CHANGED_SINCE, changes=describe_changes(since))}" if any(since) else first


def describe_changes(changes: Changes) -> str:
    """“2 photos came and 1 photo changed class”; empty where nothing changed."""
    counts = (
        (RunsCode.ADDED, len(changes.added)),
        (RunsCode.REMOVED, len(changes.removed)),
        (RunsCode.RELABELED, len(changes.relabeled)),
    )
    return joined([sentence(code, count=count) for code, count in counts if count])
