"""The photos on view on the Try it tab: what happens when they come, and when a person asks why or corrects."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeGuard

import gradio as gr

from ...data.decoding import open_apart
from ...data.photo_stream import is_packed
from ...errors import ClassifierError, DataError
from ...messages import sentence
from ...messages.try_page import TryCode
from ...models.predictor import Prediction, Predictor
from ...workflows.photo_shift import FEWEST, compare_with_training
from .. import html
from ..handlers import event_data
from ..sessions import Home, check_capacity, is_token
from ..train import jobs
from ..uploads import delete_uploads, parse_upload
from . import answers, bulk_jobs
from .answers import PhotoAnswer, PredictState
from .models import open_model, own_models, select_model, shared_models

MAX_PHOTOS = 50  # on view at once
TOP_K = 3  # classes shown of a photo


def accept(home: Home, token: str, model: str | None, top_k: float, previous: PredictState, event: gr.EventData) -> Any:
    """Predict the photos that were dropped, and delete those before; these stay on view where that fails.

    Zips, and more photos than are shown one by one, are answered in the background, in a table.
    """
    upload = parse_upload(event._data, home.limits.upload.files)
    new, old = {path for _, path in upload.files}, set(previous.paths())
    try:
        if not upload.files:
            raise DataError(TryCode.NOT_ARRIVED)
        if len(upload.files) > MAX_PHOTOS or any(is_packed(name) for name, _ in upload.files):
            if not is_token(token):
                raise DataError(TryCode.DEMO_TOO_MANY, limit=MAX_PHOTOS)
            chosen = select_model([*own_models(home, token), *shared_models(home)], model)
            bulk_jobs.start(home, token, chosen, upload.files)
            delete_uploads(new | old)
            return "", PredictState()
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


def predict_photos(
    home: Home, token: str, model: str | None, top_k: float, state: PredictState
) -> tuple[str, PredictState]:
    """Predict the photos on view with a model; return them as HTML, and the new state."""
    if not state.photos:
        return "", state
    chosen = select_model([*own_models(home, token), *shared_models(home)], model)
    project = home.find(token)
    with project or nullcontext():
        predicted = answers.predict(state, chosen.name, open_model(chosen.folder), project)
    return answers.render(predicted, limit_classes(top_k)), predicted


def answer_again(home: Home, token: str, top_k: float, state: PredictState) -> Any:
    """Predict the photos on view again where the newest model answered them: a later step made it better."""
    newest, present = next(iter(own_models(home, token)), None), _present(state)
    if newest is None or not present or state.model != newest.name:
        return gr.skip(), gr.skip()
    drawn, predicted = predict_photos(home, token, newest.name, top_k, state)
    if len(predicted.photos) == 1:
        drawn, predicted = _explain(home, token, top_k, predicted, predicted.photos[0])
    return _if_kept(present, (drawn, predicted))


def change_model(home: Home, token: str, model: str | None, top_k: float, state: PredictState) -> Any:
    """Predict the photos on view with another model; when the last model is gone, delete them."""
    if model:
        present = _present(state)
        return _if_kept(present, predict_photos(home, token, model, top_k, state))
    delete_uploads(state.paths())
    return "", PredictState()


def redraw(top_k: float, state: PredictState) -> str:
    """Draw the predictions on view with another number of classes each."""
    return answers.render(state, limit_classes(top_k))


def explain(home: Home, token: str, top_k: float, state: PredictState, event: gr.EventData) -> Any:
    """Explain the prediction of one photo."""
    return _explain(home, token, top_k, state, state.find(event_data(event).get("number")))


def explain_single(home: Home, token: str, top_k: float, state: PredictState) -> Any:
    """Explain a photo that was tried alone, without being asked, once; its prediction is shown before."""
    if len(state.photos) != 1 or state.photos[0].explanation:
        return gr.skip(), gr.skip()
    return _explain(home, token, top_k, state, state.photos[0])


def _explain(home: Home, token: str, top_k: float, state: PredictState, photo: PhotoAnswer) -> Any:
    own = own_models(home, token)
    model = select_model([*own, *shared_models(home)], state.model)
    present = _present(state)
    project = home.find(token) if model in own else None  # the photos behind a shared model are somebody else's
    with project or nullcontext():
        explained = answers.explain(state, photo, Predictor(model.folder, opener=open_apart), project)
    return _if_kept(present, (answers.render(explained, limit_classes(top_k)), explained))


def _present(state: PredictState) -> list[Path]:
    return [path for path in state.paths() if path.is_file()]


def _if_kept(present: Sequence[Path], shown: tuple[str, PredictState]) -> Any:
    """Return what was drawn of photos, nothing where others came meanwhile: these are on view, and the files gone."""
    return shown if all(path.is_file() for path in present) else (gr.skip(), gr.skip())


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
    # A training that goes on begins again by itself.
    offered = gr.update(visible=True) if new and not jobs.is_improving(home, token) else gr.skip()
    return answers.render(corrected, limit_classes(top_k)), corrected, offered


def limit_classes(top_k: object) -> int:
    """Return how many classes to show; the number field of the slider is empty while something is typed."""
    return max(1, min(int(top_k), answers.MAX_TOP_K)) if is_number(top_k) else TOP_K


def is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
