"""How sure a model must be to answer, by one threshold or by what mistakes cost; for the visitor's own models."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.events import Dependency

from ...errors import ClassifierError
from ...evaluation.costs import UNSURE_COST
from ...evaluation.report import Report
from ...messages.try_page import TryCode
from ...models.checkpoint import set_threshold
from .. import html
from ..components import dropdown
from ..handlers import Action, plain, run_all
from ..queue import DEVICE
from ..reports import read_report
from ..sessions import Home
from . import answers, mistakes
from .answers import PredictState
from .models import Model, own_models, select_model
from .trying import limit_classes


def show(own: Model | None) -> tuple[Any, str]:
    """Return the threshold of a model, which its owner may change, and the coverage it leads to."""
    with suppress(ClassifierError):  # the message of a damaged model comes when it is used
        if own is not None:
            report = read_report(own.folder)
            percent = min(max(round(report.threshold * 100), 0), 100)
            return gr.update(visible=True, value=percent), coverage_words(report)
    return gr.update(visible=False), ""


def show_of(home: Home, token: str, name: str | None) -> tuple[Any, str]:
    """Return the threshold of the model of a name, and the coverage it leads to."""
    return show(next((model for model in own_models(home, token) if model.name == name), None))


def save_threshold(
    home: Home, token: str, model: str | None, percent: float | None, top_k: float, state: PredictState
) -> tuple[Any, Any, Any]:
    """Save the threshold of one of the visitor's own models, in percent, and apply it to the predictions on view."""
    if percent is None:  # the number field of the slider while something is typed
        return gr.skip(), gr.skip(), gr.skip()
    own = select_model(own_models(home, token), model)
    report = set_threshold(own.folder, percent / 100)
    updated = answers.apply_threshold(state, report.threshold) if state.model == own.name else state
    return coverage_words(report), answers.render(updated, limit_classes(top_k)), updated


def save_costs(
    home: Home, token: str, model: str | None, label: str | None, weight: float | None, unsure_cost: float | None,
    pending: mistakes.Costs, top_k: float, state: PredictState,
) -> tuple[Any, ...]:  # fmt: skip
    """Save what mistakes cost in one of the visitor's own models, and apply it to the predictions on view."""
    own, report = mistakes.save(home, token, model, label, weight, unsure_cost, pending)
    updated = answers.apply_threshold(state, mistakes.thresholds(report)) if state.model == own.name else state
    return (
        coverage_words(report),
        answers.render(updated, limit_classes(top_k)),
        updated,
        *mistakes.show(home, token, model),
    )


def coverage_words(report: Report) -> str:
    if report.thresholds:
        return mistakes.saved_words()
    point = report.coverage_at(report.threshold)
    return html.quiet(escape(point.in_words())) if point else ""


@dataclass(frozen=True)
class ThresholdPanel:
    """The components: slider and its words, and those of the costs."""

    slider: gr.Slider
    coverage: gr.HTML
    costs: gr.Accordion
    label: gr.HTML
    weight: gr.Slider
    unsure_cost: gr.Number
    effect: gr.HTML
    save: gr.Button
    pending: gr.State

    def connect(
        self, home: Home, token: gr.BrowserState, model: gr.HTML, top_k: gr.Slider, state: gr.State, result: gr.HTML
    ) -> list[Dependency]:
        """Connect the events; return those after which a model answers by another threshold."""
        shown: list[Any] = [result, state]
        view: list[Any] = [self.costs, self.label, self.weight, self.unsure_cost, self.effect, self.pending]
        chosen: list[Any] = [token, model, self.label, self.weight, self.unsure_cost, self.pending]
        inputs = [token, model, self.slider, top_k, state]
        saving = Action(plain(save_threshold, home), inputs, [self.coverage, *shown], DEVICE)
        # “input” and not “release”, which a key press does not trigger
        saved = saving.on(self.slider.input)
        forgotten = Action(plain(mistakes.forget, home), [token, model], view, DEVICE).on(saved.success)
        costs, own = Action(plain(mistakes.show, home), [token, model], view), [self.slider, self.coverage]
        run_all(model.change, [costs, Action(plain(show_of, home), [token, model], own)])
        Action(plain(mistakes.show_weight), [self.label, self.pending], [self.weight]).on(self.label.input)
        for control in (self.weight, self.unsure_cost):
            previewed = Action(plain(mistakes.preview, home), chosen, [self.effect, self.pending])
            previewed.on(control.input)
        costs_shown = [self.coverage, *shown, *view]
        costs_saved = Action(plain(save_costs, home), [*chosen, top_k, state], costs_shown, DEVICE).on(self.save.click)
        return [forgotten, costs_saved]


def build() -> ThresholdPanel:
    """Create the components; the slider stands here, ``coverage`` and ``costs`` are for the caller to place."""
    slider = gr.Slider(
        0, 100, value=50, step=1, label=str(TryCode.THRESHOLD), visible=False, elem_id="try-threshold", buttons=[],
        min_width=240,
    )  # fmt: skip
    coverage = gr.HTML(elem_id="try-coverage", render=False)
    with gr.Accordion(str(TryCode.WORSE), open=False, visible=False, elem_id="try-costs", render=False) as costs:
        label = dropdown(TryCode.WORSE_CLASS, elem_id="try-cost-class")
        times, most = str(TryCode.WORSE_TIMES), mistakes.MAX_WEIGHT
        weight = gr.Slider(1, most, value=1, step=1, label=times, elem_id="try-weight", buttons=[])
        unsure_cost = gr.Number(UNSURE_COST, label=str(TryCode.UNSURE_COST), minimum=0, step=0.1)
        effect = gr.HTML(elem_id="try-effect")
        save = gr.Button(str(TryCode.SAVE_COSTS), elem_id="try-save-costs")
    return ThresholdPanel(slider, coverage, costs, label, weight, unsure_cost, effect, save, gr.State({}))
