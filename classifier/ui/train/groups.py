"""Photos that belong together, on the Train tab: what was found, the score with and without, and a switch."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr

from ...data.grouping import GroupsFrom
from ...data.project import Project
from ...errors import ClassifierError, DataError
from ...evaluation.report import Report
from ...messages import percent
from ...messages.groups import GroupCode, groups_in_words
from ...messages.guide import WhatCode
from ...messages.retelling import retold
from ...messages.training_page import RunsCode, TogetherCode
from .. import guides, html
from ..reports import read_report
from ..sessions import Home

_SAME_SCORE = 0.01  # difference from which on a score without groups is higher
_MOST_RUNS = 20  # past trainings that are searched for one that kept photos together


class View(NamedTuple):
    """What the panel shows, in the order of its outputs."""

    panel: Any
    words: Any
    switch: Any


HIDDEN = View(gr.update(visible=False), "", gr.skip())


@dataclass(frozen=True)
class Trained:
    """The newest model: its name and report; the newest past report that kept photos together, where this one does not.

    ``chosen`` is what the person wants to be grouped from the next training on.
    """

    name: str
    report: Report
    earlier: Report | None
    chosen: GroupsFrom

    @property
    def is_kept(self) -> bool:
        """Whether what was found is kept together from the next training on: whether the switch is on."""
        return _is_kept(self.report, self.chosen)

    @property
    def is_changed(self) -> bool:
        """Whether the next training differs in this from the last one."""
        return self.is_kept != _is_kept(self.report, self.report.groups_from)


def read_newest(project: Project) -> Trained | None:
    """Return the newest model of a project, None where there is none that can be read."""
    for folder in project.model_folders()[:1]:
        with suppress(ClassifierError):  # the message of a damaged model comes where it is used
            report = read_report(folder)
            earlier = _earlier(project, folder.name) if report.groups_from == "none" else None
            return Trained(folder.name, report, earlier, project.groups_from())
    return None


def _earlier(project: Project, newest: str) -> Report | None:
    for run in project.catalog.runs.newest(_MOST_RUNS):
        with suppress(ClassifierError):
            report = Report.from_json(run.report)
            if run.name != newest and report.groups_from != "none" and report.grouping is not None:
                return report
    return None


def show(trained: Trained) -> View:
    """Draw the panel; it is hidden where no photos are found to belong together."""
    report = trained.report
    if report.grouping is None and not report.groups_offered and "none" not in (trained.chosen, report.groups_from):
        return HIDDEN
    return View(gr.update(visible=True), render(trained), gr.update(value=trained.is_kept))


def choose(home: Home, token: str, kept: bool) -> str:
    """Keep what was found together, or no longer, from the next training on; return the words of the panel."""
    project = home.find(token)
    if project is None:
        raise DataError(RunsCode.NONE_YET)
    with project:
        trained = read_newest(project)
        if trained is None:
            raise DataError(RunsCode.NONE_YET)
        project.choose_groups(_choice(trained, kept))
        changed = read_newest(project)
    return "" if changed is None else render(changed)


def render(trained: Trained) -> str:
    """Return what was found with its example, the score with and without, and what the switch changes."""
    changed = [_paragraph(TogetherCode.TRAIN_AGAIN)] if trained.is_changed else []
    words = "".join([*_describe(trained), *changed])
    return f'<h2 class="pc-h">{html.text(TogetherCode.HEADING)}</h2>{words}{guides.what(WhatCode.GROUPS)}'


def _describe(trained: Trained) -> list[str]:
    report, earlier = trained.report, trained.earlier
    if report.grouping is not None:
        without = report.grouping.accuracy_ungrouped
        return [
            _paragraph(TogetherCode.KEPT, what=_found(report)),
            *_scores(report, report.accuracy if report.evaluated_count else None, without),
        ]
    if report.groups_offered:
        return [_paragraph(TogetherCode.OFFERED, what=retold(report.groups_offered, GroupCode))]
    if earlier is None:
        return [_paragraph(TogetherCode.NOT_KEPT)]
    scores = _scores(report, earlier.accuracy if earlier.evaluated_on == "out_of_fold" else None, report.accuracy)
    earlier_score = [_paragraph(TogetherCode.EARLIER)] if scores else []
    return [_paragraph(TogetherCode.NOT_KEPT_WHAT, what=_found(earlier)), *scores, *earlier_score]


def _found(report: Report) -> str:
    found = report.grouping
    return "" if found is None else groups_in_words(found.origin, found.count, found.example)


def _scores(report: Report, kept: float | None, without: float | None) -> list[str]:
    """Return the accuracies with and without as bars; none where one is not known or the score is of test photos."""
    if kept is None or without is None or report.evaluated_on != "out_of_fold":
        return []
    rows = ((TogetherCode.SCORE_KEPT, kept), (TogetherCode.SCORE_NOT_KEPT, without))
    bars = "".join(html.bar(str(code), accuracy, percent(accuracy)) for code, accuracy in rows)
    verdict = TogetherCode.TOO_GOOD if without > kept + _SAME_SCORE else TogetherCode.NOT_LOWER
    return [f'<ul class="pc-bars">{bars}</ul>', _paragraph(verdict)]


def _paragraph(code: TogetherCode, **arguments: object) -> str:
    return f"<p>{html.text(code, **arguments)}</p>"


def _is_kept(report: Report, chosen: GroupsFrom) -> bool:
    is_offered = report.grouping is None and bool(report.groups_offered)
    return chosen != "none" and not (chosen == "auto" and is_offered)


def _choice(trained: Trained, kept: bool) -> GroupsFrom:
    """Return what to choose for the switch; groups that the evidence does not show only where they were offered."""
    if kept:
        return "all" if trained.report.groups_offered else "auto"
    return "auto" if trained.chosen == "all" else "none"


def build() -> View:
    """Create the components of the panel."""
    with gr.Column(visible=False, elem_id="train-groups") as panel:
        words = gr.HTML()
        switch = gr.Checkbox(
            label=str(TogetherCode.SWITCH), info=str(TogetherCode.SWITCH_HINT), elem_id="train-groups-switch"
        )
    return View(panel, words, switch)
