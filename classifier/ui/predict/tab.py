"""The Try it tab: predict photos, explain and correct the predictions; and the endpoint ``/predict``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from html import escape
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeGuard

import gradio as gr
from gradio.events import Dependency

from ...data.decoding import open_apart
from ...errors import ClassifierError, DataError, ModelError
from ...evaluation.costs import UNSURE_COST
from ...evaluation.report import Report
from ...messages import sentence
from ...messages.page import AnswersScript, TryCode
from ...models.checkpoint import read_report, set_threshold
from ...models.predictor import Prediction, Predictor
from ...workflows.photo_shift import FEWEST, compare_with_training
from .. import html
from ..components import camera, dropdown, scripted_html
from ..handlers import QUIET, Action, event_data, plain
from ..queue import DEVICE
from ..sessions import Home, check_capacity
from ..uploads import delete_uploads, drop_area, parse_upload, ready_value, uploaded_file
from . import answers, judging, mistakes
from .answers import PhotoAnswer, PredictState
from .models import Model, own_models, select_model, shared_models

ID = "try"
TITLE = TryCode.TAB
MAX_PHOTOS = 50  # tried at once
_TOP_K = 3  # classes shown of a photo
_SCRIPT = Path(__file__).parent / "answers.js"


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

    ``choose`` also selects the model whose name is its second input, ``choose_newest`` the newest one. ``corrected``
    is the event of a photo that was added to the project, ``again`` the button that trains then.
    """

    again: gr.Button
    corrected: Dependency
    choose: Action
    choose_newest: Action
    refresh: Sequence[Action]


def show(home: Home, token: str, chosen: str | None) -> View:
    """Draw the list of models as it is now, with the newest selected unless the visitor chose another."""
    own = own_models(home, token)
    models = [*own, *shared_models(home)]
    known = {model.name: model for model in models}
    model = known.get(chosen or "", models[0] if models else None)
    choices = [(model.title, model.name) for model in models]
    threshold, coverage = _threshold(model if model in own else None)
    return View(
        gr.update(choices=choices, value=model.name if model else None),
        gr.update(visible=bool(models)),
        gr.update(visible=not models),
        threshold,
        coverage,
        gr.skip() if home.find(token) else gr.update(visible=False),
    )


def _threshold(own: Model | None) -> tuple[Any, str]:
    """Return the threshold of a model, which its owner may change, and the coverage it leads to."""
    with suppress(ClassifierError):  # the message of a damaged model comes when it is used
        if own is not None:
            report = read_report(own.folder)
            percent = min(max(round(report.threshold * 100), 0), 100)
            return gr.update(visible=True, value=percent), _coverage(report)
    return gr.update(visible=False), ""


def show_newest(home: Home, token: str) -> View:
    """Draw the tab after a training, with the new model selected."""
    return show(home, token, None)


def accept(home: Home, token: str, model: str | None, top_k: float, previous: PredictState, event: gr.EventData) -> Any:
    """Predict the photos that were dropped, and delete those before; these stay on view where that fails."""
    upload = parse_upload(event._data, home.limits.upload.files)
    new, old = {path for _, path in upload.files}, set(previous.paths())
    try:
        if not upload.files:
            raise DataError(TryCode.NOT_ARRIVED)
        if len(upload.files) > MAX_PHOTOS:
            raise DataError(TryCode.TOO_MANY_PHOTOS, count=len(upload.files), limit=MAX_PHOTOS)
        shown = predict_photos(home, token, model, top_k, answers.new_state(upload.files, previous))
    except BaseException:
        delete_uploads(new - old)
        raise
    delete_uploads(old - new)
    return shown


def compare(home: Home, token: str, state: PredictState) -> str:
    """Return a warning where the photos on view, if they are many, look different from the training photos."""
    photos = [(one.path, one.result.top[0].label) for one in state.photos if isinstance(one.result, Prediction)]
    if len(photos) < FEWEST:
        return ""
    model = select_model([*own_models(home, token), *shared_models(home)], state.model)
    with suppress(ClassifierError, OSError), TemporaryDirectory(prefix="tried-") as scratch:  # the answers stay valid
        predictor = Predictor(model.folder, opener=open_apart)
        shift = compare_with_training(predictor, photos, Path(scratch), open_apart)
        if shift is not None and shift.alarm:
            times = round(100 * shift.told_apart)
            return html.note(sentence(TryCode.OTHER_KIND, count=len(photos), times=times), "warn")
    return ""


def accept_snapshot(
    home: Home, token: str, model: str | None, top_k: float, previous: PredictState, snapshot: object
) -> Any:
    """Predict a picture from the camera, which stays there where that fails."""
    if snapshot is None:
        return gr.skip(), gr.skip()
    path = uploaded_file(snapshot)
    if path is None:
        raise DataError(TryCode.NOT_ARRIVED)
    photos = ((str(TryCode.CAMERA_PHOTO), path),)
    shown = predict_photos(home, token, model, top_k, answers.new_state(photos, previous))
    delete_uploads(old for old in previous.paths() if old != path)
    return shown


def predict_photos(
    home: Home, token: str, model: str | None, top_k: float, state: PredictState
) -> tuple[str, PredictState]:
    """Predict the photos on view with a model; return them as HTML, and the new state."""
    if not state.photos:
        return "", state
    chosen = select_model([*own_models(home, token), *shared_models(home)], model)
    predicted = answers.predict(state, chosen.name, Predictor(chosen.folder, opener=open_apart), _labels(home, token))
    return answers.render(predicted, _limit(top_k)), predicted


def change_model(
    home: Home, token: str, model: str | None, top_k: float, state: PredictState
) -> tuple[str, PredictState]:
    """Predict the photos on view with another model; when the last model is gone, delete them."""
    if model:
        return predict_photos(home, token, model, top_k, state)
    delete_uploads(state.paths())
    return "", PredictState()


def _labels(home: Home, token: str) -> tuple[str, ...]:
    project = home.find(token)
    if project is None:
        return ()
    with project:
        return tuple(project.classes())


def redraw(top_k: float, state: PredictState) -> str:
    """Draw the predictions on view with another number of classes each."""
    return answers.render(state, _limit(top_k))


def explain(home: Home, token: str, top_k: float, state: PredictState, event: gr.EventData) -> tuple[str, PredictState]:
    """Explain the prediction of one photo."""
    return _explain(home, token, top_k, state, state.find(event_data(event).get("number")))


def explain_single(home: Home, token: str, top_k: float, state: PredictState) -> Any:
    """Explain a photo that was tried alone, without being asked; its prediction is shown before."""
    if len(state.photos) != 1:
        return gr.skip(), gr.skip()
    return _explain(home, token, top_k, state, state.photos[0])


def _explain(home: Home, token: str, top_k: float, state: PredictState, photo: PhotoAnswer) -> tuple[str, PredictState]:
    own = own_models(home, token)
    model = select_model([*own, *shared_models(home)], state.model)
    project = home.find(token) if model in own else None  # the photos behind a shared model are somebody else's
    with project or nullcontext():
        explained = answers.explain(state, photo, Predictor(model.folder, opener=open_apart), project)
    return answers.render(explained, _limit(top_k)), explained


def correct(
    home: Home, token: str, top_k: float, state: PredictState, event: gr.EventData
) -> tuple[str, PredictState, Any]:
    """Add one photo to the visitor's photos, under the class it shows."""
    photo, label = state.find(event_data(event).get("number")), event_data(event).get("label")
    if not isinstance(label, str) or not label.strip():
        raise DataError(TryCode.NO_LABEL)
    home.check_room()
    with home.open(token) as project:
        check_capacity(project, 1)
        corrected, new = answers.correct(state, photo, project, label)
    return answers.render(corrected, _limit(top_k)), corrected, gr.update(visible=True) if new else gr.skip()


def save_threshold(
    home: Home, token: str, model: str | None, percent: float | None, top_k: float, state: PredictState
) -> tuple[Any, Any, Any]:
    """Save the threshold of one of the visitor's own models, in percent, and apply it to the predictions on view."""
    if percent is None:  # the number field of the slider while something is typed
        return gr.skip(), gr.skip(), gr.skip()
    own = select_model(own_models(home, token), model)
    report = set_threshold(own.folder, percent / 100)
    updated = answers.apply_threshold(state, report.threshold) if state.model == own.name else state
    return _coverage(report), answers.render(updated, _limit(top_k)), updated


def save_costs(
    home: Home, token: str, model: str | None, label: str | None, weight: float | None, unsure_cost: float | None,
    pending: mistakes.Costs, top_k: float, state: PredictState,
) -> tuple[Any, ...]:  # fmt: skip
    """Save what mistakes cost in one of the visitor's own models, and apply it to the predictions on view."""
    own, report = mistakes.save(home, token, model, label, weight, unsure_cost, pending)
    updated = answers.apply_threshold(state, mistakes.thresholds(report)) if state.model == own.name else state
    return _coverage(report), answers.render(updated, _limit(top_k)), updated, *mistakes.show(home, token, model)


def _coverage(report: Report) -> str:
    if report.thresholds:
        return mistakes.saved_words()
    point = report.coverage_at(report.threshold)
    return html.quiet(escape(point.in_words())) if point else ""


def _limit(top_k: object) -> int:
    """Return how many classes to show; the number field of the slider is empty while something is typed."""
    return max(1, min(int(top_k), answers.MAX_TOP_K)) if _is_number(top_k) else _TOP_K


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def predict(home: Home, image: object, model: str, top_k: float) -> dict[str, Any]:
    """Classify one photo: the likeliest classes with their confidences, best first.

    `model` is the name of one of the models this server offers to everybody. Visitors' own models cannot be reached
    from here.
    """
    shared = shared_models(home)
    if not shared:
        raise ModelError(TryCode.NO_SHARED_MODEL)
    chosen = select_model(shared, model)
    if not _is_number(top_k):
        raise DataError(TryCode.NO_TOP_K, most=answers.MAX_TOP_K)
    path = uploaded_file(image)
    if path is None:
        raise DataError(TryCode.NO_IMAGE)
    try:
        prediction = Predictor(chosen.folder, opener=open_apart).predict(path, _limit(top_k))[0]
    finally:
        delete_uploads([path])
    top = [{"label": one.label, "confidence": one.confidence} for one in prediction.top]
    answer = None if prediction.unsure else prediction.answer.label
    return {"top": top, "answer": answer, "unsure": prediction.unsure}


def build(home: Home, token: gr.BrowserState) -> PredictTab:
    """Create the components of the tab and connect its own events."""
    with gr.Column(visible=False) as nothing:
        gr.HTML(html.quiet(html.text(TryCode.NO_MODEL_YET), "pc-center"))
    with gr.Column(visible=False) as filled:
        model = dropdown(TryCode.MODEL, elem_id="try-model")
        drop = drop_area(
            str(TryCode.DROP_TITLE),
            sentence(TryCode.DROP_HINT, limit=MAX_PHOTOS),
            str(TryCode.DROP_CHOOSE),
            folders=False,
            limit=MAX_PHOTOS,
            most_bytes=home.limits.upload.bytes_unpacked,
            elem_id="try-drop",
        )
        kind = gr.HTML(elem_id="try-kind")
        result = scripted_html("${value}", _SCRIPT, "try-result", AnswersScript)
        again = gr.Button(str(TryCode.TRAIN_AGAIN), variant="primary", size="lg", visible=False, elem_id="try-again")
        with gr.Accordion(str(TryCode.CAMERA), open=False):
            snapshot = camera()
        threshold = gr.Slider(
            0, 100, value=50, step=1, label=str(TryCode.THRESHOLD), visible=False, elem_id="try-threshold", buttons=[]
        )
        coverage = gr.HTML(elem_id="try-coverage")
        with gr.Accordion(str(TryCode.WORSE), open=False, visible=False, elem_id="try-costs") as panel:
            label = dropdown(TryCode.WORSE_CLASS, elem_id="try-cost-class")
            weight = gr.Slider(
                1,
                mistakes.MAX_WEIGHT,
                value=1,
                step=1,
                label=str(TryCode.WORSE_TIMES),
                elem_id="try-weight",
                buttons=[],
            )
            unsure_cost = gr.Number(UNSURE_COST, label=str(TryCode.UNSURE_COST), minimum=0, step=0.1)
            effect = gr.HTML(elem_id="try-effect")
            save = gr.Button(str(TryCode.SAVE_COSTS), elem_id="try-save-costs")
        top_k = gr.Slider(1, answers.MAX_TOP_K, value=_TOP_K, step=1, label=str(TryCode.TOP_K))
        judging.build(home, token, model)
    state = gr.State(PredictState(), delete_callback=lambda old: delete_uploads(old.paths()))
    pending = gr.State({})
    _add_endpoint(home)
    view: list[Any] = [model, filled, nothing, threshold, coverage, again]
    inputs, shown = [token, model, top_k, state], [result, state]
    explain_alone = Action(plain(explain_single, home), [token, top_k, state], shown, DEVICE)
    choose = Action(plain(show, home), [token, model], view)

    accepted = Action(plain(accept, home), inputs, shown, DEVICE).on(drop.submit, show_progress="minimal")
    Action(ready_value, [], [drop]).after(accepted, queue=False)
    compare_all = Action(plain(compare, home), [token, state], [kind], DEVICE)
    compare_all.on(explain_alone.on(accepted.success).then)
    photographed = Action(plain(accept_snapshot, home), [*inputs, snapshot], shown, DEVICE).on(snapshot.input)
    compare_all.on(explain_alone.on(photographed.success).then)
    changed = Action(plain(change_model, home), inputs, shown, DEVICE).on(model.change)
    compare_all.on(explain_alone.on(changed.success).then)
    choose.on(model.input)
    # Whatever changes the photos on view is in the queue of the predictions, so that each starts from the last state.
    Action(plain(explain, home), [token, top_k, state], shown, DEVICE).on(result.select, trigger_mode="multiple")
    correction = Action(plain(correct, home), [token, top_k, state], [*shown, again], DEVICE)
    corrected = correction.on(result.submit, trigger_mode="multiple")
    again.click(lambda: gr.update(visible=False), None, again, queue=False, **QUIET)
    # “input” and not “release”, which a key press does not trigger
    Action(plain(redraw), [top_k, state], [result], DEVICE).on(top_k.input, trigger_mode="always_last")
    saving = Action(plain(save_threshold, home), [token, model, threshold, top_k, state], [coverage, *shown], DEVICE)
    saved = saving.on(threshold.input, trigger_mode="always_last")
    panel_view: list[Any] = [panel, label, weight, unsure_cost, effect, pending]
    chosen: list[Any] = [token, model, label, weight, unsure_cost, pending]
    Action(plain(mistakes.forget, home), [token, model], panel_view, DEVICE).on(saved.success)
    Action(plain(mistakes.show, home), [token, model], panel_view).on(model.change)
    Action(plain(mistakes.show_weight), [label, pending], [weight]).on(label.input)
    for control in (weight, unsure_cost):
        previewed = Action(plain(mistakes.preview, home), chosen, [effect, pending])
        previewed.on(control.input, trigger_mode="always_last")
    costs_shown = [coverage, *shown, *panel_view]
    Action(plain(save_costs, home), [*chosen, top_k, state], costs_shown, DEVICE).on(save.click)
    return PredictTab(again, corrected, choose, Action(plain(show_newest, home), [token], view), [choose])


def _add_endpoint(home: Home) -> None:
    """Add the endpoint for other programs; ``gr.File`` does not change the picture."""
    image = gr.File(label="image", type="filepath", visible=False)
    model, top_k = gr.Textbox(label="model", visible=False), gr.Number(_TOP_K, label="top_k", visible=False)
    answer = gr.JSON(label="answer", visible=False)
    gr.Button(visible=False).click(plain(predict, home), [image, model, top_k], answer, api_name="predict", **DEVICE)
