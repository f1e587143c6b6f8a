"""Which mistake is worse: costs of one's own model, chosen and saved, and what they lead to on the evaluated photos."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, NamedTuple

import gradio as gr

from ...data.mistake_costs import MistakeCosts
from ...evaluation.costs import UNSURE_COST
from ...evaluation.report import Report
from ...messages.evaluation import CostCode, costs_in_words, outcomes_in_words
from ...messages.try_page import TryCode
from ...models.checkpoint import set_costs
from ...models.evaluated_photos import EvaluatedPhotos, outcomes_of, read_evaluated, with_costs
from .. import html
from ..reports import read_report
from ..sessions import Home
from .models import Model, own_models, select_model

MAX_WEIGHT = 20
Costs = dict[str, float]


class View(NamedTuple):
    """What the panel shows, in the order of its outputs."""

    panel: Any
    label: Any
    weight: Any
    unsure_cost: Any
    preview: Any
    pending: Any


def show(home: Home, token: str, name: str | None) -> View:
    """Draw the panel for a model as it is saved; hidden for models that are not the visitor's own."""
    own = _find(home, token, name)
    if own is None:
        return View(gr.update(visible=False), gr.skip(), gr.skip(), gr.skip(), "", {})
    report = read_report(own.folder)
    label = next(iter(report.costs), report.labels[0])
    return View(
        gr.update(visible=True),
        gr.update(choices=list(report.labels), value=label),
        show_weight(label, dict(report.costs)),
        report.unsure_cost,
        render(report, _evaluated(own, report)),
        dict(report.costs),
    )


def show_weight(label: str | None, pending: Costs) -> Any:
    """Return the weight of the class that was chosen; one from elsewhere may be outside of the slider's range."""
    weight = pending.get(label or "", 1.0)
    return gr.update(value=weight, minimum=min(1, weight), maximum=max(MAX_WEIGHT, weight))


def preview(
    home: Home, token: str, name: str | None, label: str | None, weight: float | None, unsure_cost: float | None,
    pending: Costs,
) -> tuple[Any, Any]:  # fmt: skip
    """Show what the costs would lead to; nothing is saved. Return the HTML, and the costs that are not saved yet."""
    own = _find(home, token, name)
    if own is None or weight is None or unsure_cost is None:  # a number field while something is typed
        return gr.skip(), gr.skip()
    report = read_report(own.folder)
    costs = {**pending, **({label: float(weight)} if label else {})}
    evaluated = _evaluated(own, report)
    return render(with_costs(report, evaluated, costs, unsure_cost), evaluated), costs


def save(
    home: Home, token: str, name: str | None, label: str | None, weight: float | None, unsure_cost: float | None,
    pending: Costs,
) -> tuple[Model, Report]:  # fmt: skip
    """Save the costs in one of the visitor's own models, and in the project for the next one."""
    own = select_model(own_models(home, token), name)
    costs = {**pending, **({label: float(weight)} if label and weight is not None else {})}
    report = set_costs(own.folder, costs, UNSURE_COST if unsure_cost is None else unsure_cost)
    with home.open(token) as project:
        project.choose_mistake_costs(MistakeCosts(report.costs, report.unsure_cost))
    return own, report


def forget(home: Home, token: str, name: str | None) -> View:
    """Forget the costs in the project, after one threshold for all classes was saved, and draw the panel."""
    if _find(home, token, name) is not None:
        with home.open(token) as project:
            project.choose_mistake_costs(None)
    return show(home, token, name)


def render(report: Report, evaluated: EvaluatedPhotos | None) -> str:
    """Return what each mistake costs, what comes of it, and precision and recall per class, as HTML."""
    words = " ".join(map(str, costs_in_words(report.costs, report.unsure_cost))) if report.thresholds else ""
    if evaluated is None:
        return html.quiet(escape(f"{words} {CostCode.THEORY}"))
    own, one = outcomes_of(report, evaluated)
    effect = outcomes_in_words(report.labels, report.costs, own, one) if report.thresholds else ""
    rows = "".join(
        f"<li><b>{escape(row.label)}</b> · {html.text(CostCode.FOUND, images=row.images, found=row.found)} · "
        f"{html.text(CostCode.RIGHT, answers=row.answers, found=row.found)}</li>"
        for row in own.per_class
    )
    return f'{html.quiet(escape(words))}<p role="status">{escape(effect)}</p><ul class="pc-list">{rows}</ul>'


def _find(home: Home, token: str, name: str | None) -> Model | None:
    return next((model for model in own_models(home, token) if model.name == name), None)


def _evaluated(own: Model, report: Report) -> EvaluatedPhotos | None:
    return read_evaluated(own.folder, len(report.labels))


def thresholds(report: Report) -> float | Mapping[str, float]:
    """Return what ``Prediction.at`` takes: the thresholds of the classes, or the one of all."""
    return dict(zip(report.labels, report.thresholds)) if report.thresholds else report.threshold


def saved_words() -> str:
    """Return the sentence below the slider while costs are in use."""
    return html.quiet(html.text(TryCode.COSTS_IN_USE))
