"""What other programs may call over the network: the models offered to everybody, never a visitor's own."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ...errors import ClassifierError, DataError, ModelError, PhotoError
from ...messages.try_page import TryCode
from ...models.predictor import Prediction, Predictor
from ..foreground import going_first
from ..handlers import plain
from ..queue import FREE, PREDICT
from ..reports import find_report
from ..sessions import Home
from ..uploads import delete_uploads, uploaded_file
from . import answers
from .models import Model, open_model, select_model, shared_models
from .trying import MAX_PHOTOS, TOP_K, is_number, limit_classes


def predict(home: Home, image: object, model: str, top_k: float) -> dict[str, Any]:
    """Classify one photo: the likeliest classes with their confidences, best first; and whether the model is sure.

    Args:
        image: the photo.
        model: the name of one of the models that the endpoint "models" lists.
        top_k: how many of the likeliest classes to return, 1 to 10.
    """
    chosen = _select(home, model, top_k)
    path = uploaded_file(image)
    if path is None:
        raise DataError(TryCode.NO_IMAGE)
    try:
        prediction = open_model(chosen.folder).predict(path, limit_classes(top_k))[0]
    finally:
        delete_uploads([path])
    return _to_json(prediction)


def predict_many(home: Home, images: object, model: str, top_k: float) -> list[dict[str, Any]]:
    """Classify up to 50 photos: an answer for each in order, or the sentence why a photo cannot be used.

    Args:
        images: the photos.
        model: the name of one of the models that the endpoint "models" lists.
        top_k: how many of the likeliest classes to return of each, 1 to 10.
    """
    chosen = _select(home, model, top_k)
    given = images if isinstance(images, list) else []
    paths = [path for image in given if (path := uploaded_file(image)) is not None]
    try:
        if not paths or len(paths) < len(given):
            raise DataError(TryCode.NO_IMAGES)
        if len(paths) > MAX_PHOTOS:
            raise DataError(TryCode.TOO_MANY_PHOTOS, count=len(paths), limit=MAX_PHOTOS)
        outcomes = open_model(chosen.folder).predict_each(paths, limit_classes(top_k))
        return [_to_json(outcome) for outcome in outcomes]
    finally:
        delete_uploads(paths)


def models(home: Home) -> list[dict[str, Any]]:
    """List the models that photos can be classified with: name, classes, accuracy and photos it was judged on."""
    return [_describe(model) for model in shared_models(home)]


def _describe(model: Model) -> dict[str, Any]:
    known: dict[str, Any] = {"name": model.name, "classes": [], "accuracy": None, "photos": None}
    try:
        report = find_report(model.folder)
        known["classes"] = list(Predictor(model.folder).labels if report is None else report.labels)
    except ClassifierError:  # the message comes when it is used
        return known
    if report is not None:
        known |= {"accuracy": report.accuracy if report.evaluated_count else None, "photos": report.images}
    return known


def _select(home: Home, model: str, top_k: float) -> Model:
    shared = shared_models(home)
    if not shared:
        raise ModelError(TryCode.NO_SHARED_MODEL)
    chosen = select_model(shared, model)
    if not is_number(top_k):
        raise DataError(TryCode.NO_TOP_K, most=answers.MAX_TOP_K)
    return chosen


def _to_json(outcome: Prediction | PhotoError) -> dict[str, Any]:
    if isinstance(outcome, PhotoError):
        return {"top": [], "answer": None, "unsure": True, "error": str(outcome)}
    top = [{"label": one.label, "confidence": one.confidence} for one in outcome.top]
    return {"top": top, "answer": None if outcome.unsure else outcome.answer.label, "unsure": outcome.unsure}


def build(home: Home) -> None:
    """Create the endpoints; ``gr.File`` does not change the pictures.

    All wait in the queue: what does not is run by Gradio for agents without the checks of the middleware.
    """
    image = gr.File(label="image", type="filepath", visible=False)
    images = gr.File(label="images", type="filepath", file_count="multiple", visible=False)
    model, top_k = gr.Textbox(label="model", visible=False), gr.Number(TOP_K, label="top_k", visible=False)
    answer = gr.JSON(label="answer", visible=False)
    events: tuple[tuple[Any, list[Any], Any], ...] = (
        (predict, [image, model, top_k], PREDICT),
        (predict_many, [images, model, top_k], PREDICT),
        (models, [], FREE),
    )
    for handler, inputs, concurrency in events:
        called = gr.Button(visible=False).click
        call = plain(handler, home)
        call = going_first(call) if concurrency is PREDICT else call
        called(call, inputs, answer, api_name=handler.__name__, **concurrency)
