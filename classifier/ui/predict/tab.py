"""The Try it tab: predict photos, explain and correct the predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from gradio.events import Dependency

from ...messages import sentence
from ...messages.page import AnswersScript, TryCode
from .. import html, undo
from ..components import dropdown, scripted_html
from ..handlers import QUIET, WITH_SIGN, Action, plain
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

    ``try_example`` shows the answer for an example photo where its last input says so, ``explain_single`` explains it.
    ``choose`` also selects the model whose name is its second input, ``choose_newest`` the newest one, and
    ``answer_again`` answers the photos on view by it where they were answered by its training before. ``corrected``
    is the event of a photo that was added to the project, ``again`` the button that trains then. ``many`` is the table
    of answers for many photos, ``unlabeled`` makes training photos of them.
    """

    again: gr.Button
    corrected: Dependency
    choose: Action
    choose_newest: Action
    answer_again: Action
    try_example: Action
    explain_single: Action
    many: bulk.BulkPanel
    unlabeled: labeling.LabelingPanel
    refresh: Sequence[Action]


def show(home: Home, token: str, chosen: str | None) -> View:
    """Draw the list of models as it is now, with the newest selected unless the visitor chose another."""
    own = own_models(home, token)
    models = [*own, *shared_models(home)]
    known = {model.name: model for model in models}
    model = known.get(chosen or "", models[0] if models else None)
    choices = [(model.title, model.name) for model in models]
    slider, coverage = threshold.show(model if model in own else None)
    return View(
        gr.update(choices=choices, value=model.name if model else None),
        gr.update(visible=bool(models)),
        gr.update(visible=not models),
        slider,
        coverage,
        gr.skip() if home.find(token) else gr.update(visible=False),
    )


def show_newest(home: Home, token: str, chosen: str | None, known: str) -> tuple[Any, ...]:
    """Draw the tab after a training, with the new model selected, or with the better one of the same training.

    ``known`` is the newest model of before; the new one is returned after what the tab shows.
    """
    newest = next((model.name for model in own_models(home, token)), "")
    return *show(home, token, chosen if newest == known else None), newest


def build(home: Home, token: gr.BrowserState) -> PredictTab:
    """Create the components of the tab and connect its own events."""
    with gr.Column(visible=False) as nothing:
        gr.HTML(html.quiet(html.text(TryCode.NO_MODEL_YET), "pc-center"))
    with gr.Column(visible=False) as filled:
        model = dropdown(TryCode.MODEL, elem_id="try-model")
        drop = drop_area(
            str(TryCode.DROP_TITLE),
            sentence(TryCode.DROP_HINT, limit=trying.MAX_PHOTOS),
            str(TryCode.DROP_CHOOSE),
            folders=False,
            limit=home.limits.upload.files,
            most_bytes=home.limits.upload.bytes_unpacked,
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
    state = gr.State(PredictState(), delete_callback=lambda old: delete_uploads(old.paths()))
    endpoints.build(home)
    view: list[Any] = [model, filled, nothing, panel.slider, panel.coverage, again]
    inputs, shown = [token, model, top_k, state], [result, state]
    explain_alone = Action(plain(trying.explain_single, home), [token, top_k, state], shown, DEVICE)
    choose = Action(plain(show, home), [token, model], view)

    accepted = Action(plain(trying.accept, home), inputs, shown, PREDICT).on(drop.submit, **WITH_SIGN)
    Action(ready_value, [], [drop]).after(accepted, queue=False)
    compare_all = Action(plain(trying.compare, home), [token, state], [kind], DEVICE)
    compare_all.on(explain_alone.on(many.refresh.on(accepted.success).then).then)
    photographed = Action(plain(trying.accept, home), inputs, shown, PREDICT).on(shot.select)
    compare_all.on(explain_alone.on(photographed.success).then)
    picked = Action(plain(examples.pick, home), inputs, shown, PREDICT).on(offered.select, **WITH_SIGN)
    explain_alone.on(picked.success)
    try_example = Action(plain(examples.pick_first, home), inputs, shown, PREDICT)
    changed = Action(plain(trying.change_model, home), inputs, shown, PREDICT).on(model.change)
    compare_all.on(explain_alone.on(changed.success).then)
    choose.on(model.input)
    # Whatever changes the photos on view is in the queue of the predictions, so that each starts from the last state.
    Action(plain(trying.explain, home), [token, top_k, state], shown, DEVICE).on(result.select, trigger_mode="multiple")
    correction = Action(plain(trying.correct, home), [token, top_k, state], [*shown, again], DEVICE)
    corrected = correction.on(result.submit, trigger_mode="multiple")
    Action(plain(undo.offer, home), [token], [undone, undo_button]).on(corrected.success)
    taken_back = Action(plain(undo.undo, home), [token], [undone]).on(undo_button.click)
    taken_back.then(lambda: gr.update(visible=False), None, undo_button, queue=False, **QUIET)
    again.click(lambda: gr.update(visible=False), None, again, queue=False, **QUIET)
    Action(plain(trying.redraw), [top_k, state], [result], DEVICE).on(top_k.input, trigger_mode="always_last")
    for saved in panel.connect(home, token, model, top_k, state, result):
        many.answer_by_threshold.on(saved.then)
    known = gr.State("")
    newest = Action(plain(show_newest, home), [token, model, known], [*view, known])
    answer_again = Action(plain(trying.answer_again, home), [token, top_k, state], shown, PREDICT)
    refresh = [choose, many.refresh, unlabeled.refresh, Action(plain(examples.offer, home), [token], [offered])]
    return PredictTab(
        again, corrected, choose, newest, answer_again, try_example, explain_alone, many, unlabeled, refresh
    )
