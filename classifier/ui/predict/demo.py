"""The page of a demonstration: Try it alone, over the models offered to everybody; it keeps nothing of anybody."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ...messages import sentence
from ...messages.page import PageCode
from ...messages.try_page import AnswersScript, TryCode
from .. import html, languages, viewer
from ..components import dropdown, frame, scripted_html
from ..handlers import WITH_SIGN, Action, plain
from ..queue import DEVICE, PREDICT
from ..sessions import Home
from ..uploads import delete_uploads, drop_area, ready_value
from . import answers, endpoints, live, trying
from .answers import PredictState
from .models import shared_models
from .tab import SCRIPT

_NOBODY = ""  # in place of a visitor's token: there are no projects


def show(home: Home, chosen: str | None) -> tuple[Any, Any, Any]:
    """Return the list of models as it is now, and which of the two parts of the page is shown."""
    models = shared_models(home)
    names = [model.name for model in models]
    value = chosen if chosen in names else next(iter(names), None)
    listed = gr.update(choices=[(model.title, model.name) for model in models], value=value)
    return listed, gr.update(visible=bool(models)), gr.update(visible=not models)


def build_demo(page: gr.Blocks, home: Home) -> None:
    """Fill the page; called inside its context."""
    languages.header(TryCode.DEMO_TITLE, TryCode.DEMO_ABOUT)
    frame()
    with gr.Column(visible=False) as nothing:
        gr.HTML(html.note(TryCode.DEMO_EMPTY), elem_id="demo-empty")
    with gr.Column(visible=False, elem_id="try-demo") as filled:
        model = dropdown(TryCode.MODEL, elem_id="try-model")
        drop = drop_area(
            str(TryCode.DEMO_DROP),
            sentence(TryCode.DEMO_HINT, limit=trying.MAX_PHOTOS),
            str(TryCode.DEMO_CHOOSE),
            limits=home.limits.upload,
            elem_id="try-drop",
            most=trying.MAX_PHOTOS,
        )
        shot = live.build(home, gr.State(_NOBODY), model)
        result = scripted_html("${value}", SCRIPT, "try-result", AnswersScript)
        top_k = gr.Slider(1, answers.MAX_TOP_K, value=trying.TOP_K, step=1, label=str(TryCode.TOP_K))
    gr.HTML(f'<div class="pc-footer">{html.quiet(html.text(PageCode.DEMO_PHOTOS))}</div>')
    viewer.build()
    state = gr.State(PredictState(), delete_callback=lambda old: delete_uploads(old.paths()))
    endpoints.build(home)
    Action(plain(show, home), [model], [model, filled, nothing]).on(page.load)
    shown: list[Any] = [result, state]
    inputs: list[Any] = [model, top_k, state]
    explain_alone = Action(plain(trying.explain_single, home, _NOBODY), [top_k, state], shown, DEVICE)
    accepted = Action(plain(trying.accept, home, _NOBODY), inputs, shown, PREDICT)
    dropped = accepted.on(drop.submit, **WITH_SIGN)
    Action(ready_value, [], [drop]).after(dropped, queue=False)
    changed = Action(plain(trying.change_model, home, _NOBODY), inputs, shown, PREDICT)
    for event in (dropped, accepted.on(shot.select), changed.on(model.change)):
        explain_alone.on(event.success)
    explained = Action(plain(trying.explain, home, _NOBODY), [top_k, state], shown, DEVICE)
    explained.on(result.select, trigger_mode="multiple")
    Action(plain(trying.redraw), [top_k, state], [result], DEVICE).on(top_k.input)
