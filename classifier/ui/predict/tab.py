"""The “Try it” tab: photos in, the likeliest classes out, or “not sure”; and the same over the network."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from ...errors import ClassifierError, DataError, ModelError
from ...evaluation.report import Report
from ...models.checkpoint import read_report, set_threshold
from ...models.predictor import Predictor
from ..handlers import DEVICE, FREE, afterwards, plain
from ..sessions import Home, check_room
from ..uploads import camera, choice, discard, done, drop_area, received
from . import answers as cards
from .answers import Card, Trying
from .models import Model, own_models, pick, shared_models

AT_ONCE = 50  # photos tried in one go


class View(NamedTuple):
    """What the tab shows beside the answers, in the order of its outputs."""

    model: Any
    filled: Any
    nothing: Any
    sure: Any
    cost: str
    again: Any


@dataclass(frozen=True)
class PredictTab:
    """How to draw this tab anew; ``refresh_newest`` also chooses the newest model.

    ``corrected`` is the event of a photo that was added to the project, ``again`` the button to train then.
    """

    refresh: Callable[..., Any]
    refresh_newest: Callable[..., Any]
    corrected: Any
    again: gr.Button
    inputs: list[gr.components.Component]
    outputs: list[Any]


# -- handlers


def show(home: Home, token: str, chosen: str | None) -> View:
    """Draws the list of models as it is now, with the newest chosen unless the visitor chose another."""
    own = own_models(home, token)
    models = [*own, *shared_models(home)]
    there = {model.name: model for model in models}
    model = there.get(chosen or "", models[0] if models else None)
    choices = [(model.title, model.name) for model in models]
    sure, cost = _sureness(model if model in own else None)
    return View(
        gr.update(choices=choices, value=model.name if model else None),
        gr.update(visible=bool(models)),
        gr.update(visible=not models),
        sure,
        cost,
        gr.skip() if home.find(token) else gr.update(visible=False),
    )


def _sureness(own: Model | None) -> tuple[Any, str]:
    """How sure a model must be, which its owner may change, and what that costs."""
    with suppress(ClassifierError):  # a damaged model says so when it is used
        if own is not None:
            report = read_report(own.folder)
            percent = min(max(round(report.threshold * 100), 0), 100)
            return gr.update(visible=True, value=percent), _cost(report)
    return gr.update(visible=False), ""


def show_newest(home: Home, token: str) -> View:
    """The same after a training: the new model is the one to try."""
    return show(home, token, None)


def accept(home: Home, token: str, model: str | None, top: float, old: Trying, event: gr.EventData) -> Any:
    """Tries the photos that were dropped, and lets go of those before."""
    came = received(event._data)
    if not came.files:
        raise DataError("The photos did not arrive; choose them again.")
    if len(came.files) > AT_ONCE:
        discard([path for _, path in came.files])
        raise DataError(f"{len(came.files):,} photos came, and up to {AT_ONCE} are tried at once; choose fewer.")
    discard([path for path in old.paths() if path not in {new for _, new in came.files}])
    return answer(home, token, model, top, cards.fresh(came.files, old))


def accept_shot(home: Home, token: str, model: str | None, top: float, old: Trying, shot: str | None) -> Any:
    """Tries a picture from the camera."""
    if shot is None:
        return gr.skip(), gr.skip()
    discard(old.paths())
    return answer(home, token, model, top, cards.fresh((("Camera", Path(shot)),), old))


def answer(home: Home, token: str, model: str | None, top: float, trying: Trying) -> tuple[str, Trying]:
    """The answers of a model for the photos on view, as HTML and to keep."""
    if not trying.cards:
        return "", trying
    chosen = pick([*own_models(home, token), *shared_models(home)], model)
    answered = cards.answered(trying, chosen.name, Predictor(chosen.folder), _classes(home, token))
    return cards.drawn(answered, _top(top)), answered


def answer_anew(home: Home, token: str, model: str | None, top: float, trying: Trying) -> tuple[str, Trying]:
    """The same when another model was chosen; with the last model gone, the photos on view go too."""
    if model:
        return answer(home, token, model, top, trying)
    discard(trying.paths())
    return "", Trying()


def _classes(home: Home, token: str) -> tuple[str, ...]:
    project = home.find(token)
    if project is None:
        return ()
    with project:
        return tuple(project.classes())


def redraw(top: float, trying: Trying) -> str:
    """The answers on view with another number of classes each."""
    return cards.drawn(trying, _top(top))


def explain(home: Home, token: str, top: float, trying: Trying, event: gr.EventData) -> tuple[str, Trying]:
    """Shows what spoke for the answer on one card."""
    return _explained(home, token, top, trying, trying.find(_data(event).get("card")))


def explain_the_only_one(home: Home, token: str, top: float, trying: Trying) -> Any:
    """The same unasked for a photo that was tried alone; after its answer, which does not wait for it."""
    if len(trying.cards) != 1:
        return gr.skip(), gr.skip()
    return _explained(home, token, top, trying, trying.cards[0])


def _explained(home: Home, token: str, top: float, trying: Trying, card: Card) -> tuple[str, Trying]:
    own = own_models(home, token)
    chosen = pick([*own, *shared_models(home)], trying.model)
    project = home.find(token) if chosen in own else None  # the photos behind a shared model are somebody else's
    with project or nullcontext():
        known = cards.explained(trying, card, Predictor(chosen.folder), project)
    return cards.drawn(known, _top(top)), known


def correct(home: Home, token: str, top: float, trying: Trying, event: gr.EventData) -> tuple[str, Trying, Any]:
    """Puts the photo of one card among the visitor's photos, under the class it really shows."""
    card, label = trying.find(_data(event).get("card")), _data(event).get("label")
    if not isinstance(label, str) or not label.strip():
        raise DataError("Write what the photo shows first.")
    with home.open(token) as project:
        check_room(project, 1)
        known, new = cards.corrected(trying, card, project, label)
    return cards.drawn(known, _top(top)), known, gr.update(visible=True) if new else gr.skip()


def keep_sure(
    home: Home, token: str, model: str | None, sure: float | None, top: float, trying: Trying
) -> tuple[Any, Any, Any]:
    """Keeps how sure one of the visitor's own models must be to answer, in percent, and judges the answers anew."""
    if sure is None:  # the field beside the slider, while a number is typed
        return gr.skip(), gr.skip(), gr.skip()
    own = pick(own_models(home, token), model)
    report = set_threshold(own.folder, sure / 100)
    known = cards.decided(trying, report.threshold) if trying.model == own.name else trying
    return _cost(report), cards.drawn(known, _top(top)), known


def _cost(report: Report) -> str:
    cost = report.coverage_at(report.threshold)
    return f'<p class="pc-quiet">{escape(cost.in_words())}</p>' if cost else ""


def _data(event: gr.EventData) -> dict[str, Any]:
    return event._data if isinstance(event._data, dict) else {}


def _top(top: float) -> int:
    return max(1, min(int(top), cards.TOP))


def predict(home: Home, image: str | None, model: str, top_k: float) -> dict[str, Any]:
    """Say what one photo shows: the likeliest classes with how sure the model is, best first.

    `model` is the name of one of the models this server offers to everybody. Visitors' own models
    cannot be reached from here.
    """
    shared = shared_models(home)
    if not shared:
        raise ModelError("This server offers no models over the network; put one into its checkpoints folder.")
    chosen = pick(shared, model)
    if image is None:
        raise DataError("No photo came with this call; send one as “image”.")
    try:
        prediction = Predictor(chosen.folder).predict(Path(image), _top(top_k))[0]
    finally:
        discard([Path(image)])
    top = [{"label": guess.label, "confidence": guess.confidence} for guess in prediction.top]
    return {"top": top, "unsure": prediction.unsure}


# -- layout


def build(home: Home, token: gr.BrowserState) -> PredictTab:
    """Draws the tab and wires its own events."""
    with gr.Column(visible=False) as nothing:
        gr.HTML('<p class="pc-quiet pc-center">There is no model yet. Add photos, press Train, then come back.</p>')
    with gr.Column(visible=False) as filled:
        model = choice("Model", elem_id="try-model")
        drop = drop_area(
            "Drop photos it has not seen",
            f"Up to {AT_ONCE} at once. You can also paste one.",
            "Choose photos",
            folders=False,
            elem_id="try-drop",
        )
        result = cards.area()
        again = gr.Button("Train again", variant="primary", size="lg", visible=False, elem_id="try-again")
        with gr.Accordion("Use the camera", open=False):
            shot = camera()
        sure = gr.Slider(
            0,
            100,
            value=50,
            step=1,
            label="How sure it must be to answer, in percent",
            visible=False,
            elem_id="try-sure",
            buttons=[],
        )
        cost = gr.HTML(elem_id="try-cost")
        top = gr.Slider(1, cards.TOP, value=3, step=1, label="Answers per photo")
    trying = gr.State(Trying(), delete_callback=_let_go)
    _offer_api(home)
    view: list[Any] = [model, filled, nothing, sure, cost, again]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    asked, shown = [token, model, top, trying], [result, trying]

    def then_why(event: Any) -> None:
        event.success(plain(explain_the_only_one, home), [token, top, trying], shown, **quiet, **DEVICE)

    tried = drop.submit(plain(accept, home), asked, shown, **{**quiet, "show_progress": "minimal"}, **DEVICE)
    afterwards(tried, done, None, drop, queue=False, **quiet)
    then_why(tried)
    then_why(shot.input(plain(accept_shot, home), [*asked, shot], shown, **quiet, **DEVICE))
    then_why(model.change(plain(answer_anew, home), asked, shown, **quiet, **DEVICE))
    model.input(plain(show, home), [token, model], view, **quiet, **FREE)
    # Whatever changes the cards takes its turn with the answers, so that each begins with what the last one left.
    several: dict[str, Any] = {"trigger_mode": "multiple", **quiet, **DEVICE}
    result.select(plain(explain, home), [token, top, trying], shown, **several)
    added = result.submit(plain(correct, home), [token, top, trying], [*shown, again], **several)
    again.click(lambda: gr.update(visible=False), None, again, queue=False, **quiet)
    latest: dict[str, Any] = {"trigger_mode": "always_last", **quiet, **DEVICE}
    top.input(plain(redraw), [top, trying], result, **latest)  # not “release”, which a key press does not fire
    sure.input(plain(keep_sure, home), [token, model, sure, top, trying], [cost, *shown], **latest)
    return PredictTab(plain(show, home), plain(show_newest, home), added, again, [token, model], view)


def _let_go(trying: Trying) -> None:
    discard(trying.paths())


def _offer_api(home: Home) -> None:
    """The endpoint for other programs; a file component checks the path, and turns nothing round or smaller."""
    image = gr.File(label="image", type="filepath", visible=False)
    model, top_k = gr.Textbox(label="model", visible=False), gr.Number(3, label="top_k", visible=False)
    answer = gr.JSON(label="answer", visible=False)
    gr.Button(visible=False).click(plain(predict, home), [image, model, top_k], answer, api_name="predict", **DEVICE)
