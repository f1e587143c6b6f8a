"""The Try it tab: predict photos, explain and correct the predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from gradio.events import Dependency

from ...messages import sentence
from ...messages.guide import WhatCode
from ...messages.try_page import AnswersScript, TryCode
from .. import guides, html, undo
from ..components import dropdown, scripted_html
from ..handlers import QUIET, WITH_SIGN, Action, in_order, plain
from ..queue import DEVICE, PREDICT
from ..sessions import Home
from ..uploads import delete_uploads, drop_area, ready_value
from . import answers, bulk, endpoints, examples, judging, labeling, live, threshold, trying
from .answers import PredictState
from .models import own_models, shared_models

ID = "try"
TITLE = TryCode.TAB
SCRIPT = Path(__file__).parent / "answers.js"


class View(NamedTuple):
    """What the tab shows beside the predictions, in the order of its outputs."""

    model: Any
    filled: Any
    nothing: Any
    threshold: Any
    coverage: str
    again: Any


@dataclass(frozen=True)
class PredictTab:
    """How to redraw this tab, and what other tabs need.

    ``choose`` also selects the model whose name is its second input, ``choose_newest`` the newest one, and
    ``answer_newest`` answers the photos on view by it where they were answered by its training before, or an example
    photo where its last input says so; ``explain_single`` explains the answer. ``corrected`` is the event of a photo
    that was added to the project, ``again`` the button that trains then. ``many`` is the table of answers for many
    photos, ``unlabeled`` makes training photos of them.
    """

    again: gr.Button
    corrected: Dependency
    choose: Action
    choose_newest: Action
    answer_newest: Action
    explain_single: Action
    many: bulk.BulkPanel
    unlabeled: labeling.LabelingPanel
    refresh: Sequence[Action]


def show(home: Home, token: str, chosen: str | None) -> View:
    """Draw the list of models as it is now, with the newest selected where there is none of the name ``chosen``."""
    own = own_models(home, token)
    models = [*own, *shared_models(home)]
    known = {model.name: model for model in models}
    model = known.get(chosen or "", models[0] if models else None)
    choices = [(model.title, model.name) for model in models]
    slider, coverage = threshold.show(model if model in own else None)
    return View(
        gr.update(choices=choices, value=model.name if model else ""),
        gr.update(visible=bool(models)),
        gr.update(visible=not models),
        slider,
        coverage,
        gr.skip() if home.has_project(token) else gr.update(visible=False),
    )


def redraw(home: Home, token: str, chosen: str | None) -> View:
    """Draw the list of models as it is now; the one on view is left alone where it is still there.

    This may reach the browser after the choice of another model, by a person or of a newer one, and take it back.
    """
    view = show(home, token, chosen)
    return view._replace(model=gr.update(choices=view.model["choices"])) if view.model["value"] == chosen else view


def show_newest(home: Home, token: str, chosen: str | None, known: str) -> tuple[Any, ...]:
    """Draw the tab after a training, with the new model selected, or with the better one of the same training.

    ``known`` is the newest model of before; the new one is returned after what the tab shows.
    """
    newest = next((model.name for model in own_models(home, token)), "")
    return *(redraw(home, token, chosen) if newest == known else show(home, token, None)), newest


class _Panels(NamedTuple):
    """The components of the tab; ``filled`` is what is shown where there is a model, ``nothing`` where there is none.

    ``result`` holds the photos on view with their answers, ``kind`` says whether they are like the training photos.
    """

    nothing: gr.Column
    filled: gr.Column
    model: gr.HTML
    drop: gr.HTML
    offered: gr.HTML
    shot: gr.HTML
    threshold: threshold.ThresholdPanel
    top_k: gr.Slider
    kind: gr.HTML
    result: gr.HTML
    many: bulk.BulkPanel
    unlabeled: labeling.LabelingPanel
    again: gr.Button
    undone: gr.HTML
    undo: gr.Button


def build(home: Home, token: gr.BrowserState) -> PredictTab:
    """Create the components of the tab and connect its own events."""
    panels = _build_panels(home, token)
    state = gr.State(PredictState(), delete_callback=lambda old: delete_uploads(old.paths()))
    endpoints.build(home)
    model, top_k = panels.model, panels.top_k
    view: list[Any] = [
        model, panels.filled, panels.nothing, panels.threshold.slider, panels.threshold.coverage, panels.again,
    ]  # fmt: skip
    inputs, shown = [token, model, top_k, state], [panels.result, state]
    explain_alone = Action(plain(trying.explain_single, home), [token, top_k, state], shown, DEVICE)
    listed = Action(in_order(plain(redraw, home)), [token, model], view)
    listed.on(model.input)
    _connect_photos(home, panels, inputs, shown, explain_alone)
    corrected = _connect_answers(home, panels, inputs, shown)
    for saved in panels.threshold.connect(home, token, model, top_k, state, panels.result):
        panels.many.answer_by_threshold.on(saved.then)
    known = gr.State("")
    refresh = [
        listed, panels.many.refresh, panels.unlabeled.refresh,
        Action(plain(examples.offer, home), [token], [panels.offered]),
    ]  # fmt: skip
    return PredictTab(
        again=panels.again,
        corrected=corrected,
        choose=Action(plain(show, home), [token, model], view),
        choose_newest=Action(plain(show_newest, home), [token, model, known], [*view, known]),
        answer_newest=Action(plain(examples.answer_newest, home), inputs, shown, PREDICT),
        explain_single=explain_alone,
        many=panels.many,
        unlabeled=panels.unlabeled,
        refresh=refresh,
    )


def _build_panels(home: Home, token: gr.BrowserState) -> _Panels:
    """Create the components, from the photos that are tried to what is made of their answers."""
    with gr.Column(visible=False) as nothing:
        gr.HTML(html.quiet(html.text(TryCode.NO_MODEL_YET), "pc-center"))
    with gr.Column(visible=False) as filled:
        model = dropdown(TryCode.MODEL, elem_id="try-model")
        drop = drop_area(
            str(TryCode.DROP_TITLE),
            sentence(TryCode.DROP_HINT, limit=trying.MAX_PHOTOS),
            str(TryCode.DROP_CHOOSE),
            limits=home.limits.upload,
            elem_id="try-drop",
            zips=True,
        )
        offered = scripted_html("${value}", examples.SCRIPT, "try-examples")
        shot = live.build(home, token, model)
        with gr.Row(elem_classes="pc-row"):
            panel = threshold.build()
            top_k = gr.Slider(
                1, answers.MAX_TOP_K, value=trying.TOP_K, step=1, label=str(TryCode.TOP_K), min_width=240, buttons=[]
            )
        panel.coverage.render()
        gr.HTML(guides.what(WhatCode.UNSURE), elem_id="try-what")
        kind = gr.HTML(elem_id="try-kind")
        result = scripted_html("${value}", SCRIPT, "try-result", AnswersScript)
        hint = gr.HTML(elem_id="try-hint")
        many = bulk.build(home, token, model)
        unlabeled = labeling.build(home, token, many, hint)
        again = gr.Button(str(TryCode.TRAIN_AGAIN), variant="primary", size="lg", visible=False, elem_id="try-again")
        with gr.Row(elem_classes="pc-row"):
            undone = gr.HTML(elem_id="try-undone")
            undo_button = undo.button("try-undo")
        panel.costs.render()
        judging.build(home, token, model)
    return _Panels(
        nothing, filled, model, drop, offered, shot, panel, top_k, kind, result, many, unlabeled, again, undone,
        undo_button,
    )  # fmt: skip


def _connect_photos(
    home: Home, panels: _Panels, inputs: Sequence[Any], shown: Sequence[Any], explain_alone: Action
) -> None:
    """Answer the photos that come, from wherever, and those on view again where another model is chosen."""
    token, _, _, state = inputs
    accept = Action(plain(trying.accept, home), inputs, shown, PREDICT)
    accepted = accept.on(panels.drop.submit, **WITH_SIGN)
    Action(ready_value, [], [panels.drop]).after(accepted, queue=False)
    compare_all = Action(plain(trying.compare, home), [token, state], [panels.kind], DEVICE)
    compare_all.on(explain_alone.on(panels.many.refresh.on(accepted.success).then).then)
    changed = Action(plain(trying.change_model, home), inputs, shown, PREDICT)
    for came in (accept.on(panels.shot.select), changed.on(panels.model.change)):
        compare_all.on(explain_alone.on(came.success).then)
    pick = Action(plain(examples.pick, home), inputs, shown, PREDICT)
    explain_alone.on(pick.on(panels.offered.select, **WITH_SIGN).success)


def _connect_answers(home: Home, panels: _Panels, inputs: Sequence[Any], shown: Sequence[Any]) -> Dependency:
    """Explain and correct the answers on view; return the event of a photo that was added to the project.

    Whatever changes the photos on view is in the queue of the predictions, so that each starts from the last state.
    """
    token, _, top_k, state = inputs
    explain = Action(plain(trying.explain, home), [token, top_k, state], shown, DEVICE)
    explain.on(panels.result.select, trigger_mode="multiple")
    correct = Action(plain(trying.correct, home), [token, top_k, state], [*shown, panels.again], DEVICE)
    corrected = correct.on(panels.result.submit, trigger_mode="multiple")
    Action(plain(undo.offer, home), [token], [panels.undone, panels.undo]).on(corrected.success)
    taken_back = Action(plain(undo.undo, home), [token], [panels.undone]).on(panels.undo.click)
    taken_back.then(lambda: gr.update(visible=False), None, panels.undo, queue=False, **QUIET)
    panels.again.click(lambda: gr.update(visible=False), None, panels.again, queue=False, **QUIET)
    redraw = Action(plain(trying.redraw), [top_k, state], [panels.result], DEVICE)
    redraw.on(top_k.input)
    return corrected
