"""What other programs may call over the network: the models offered to everybody, never a visitor's own."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ...data.decoding import open_apart
from ...errors import DataError, ModelError
from ...messages.page import TryCode
from ...models.predictor import Predictor
from ..handlers import plain
from ..queue import DEVICE
from ..sessions import Home
from ..uploads import delete_uploads, uploaded_file
from . import answers
from .models import select_model, shared_models
from .trying import TOP_K, is_number, limit_classes


def predict(home: Home, image: object, model: str, top_k: float) -> dict[str, Any]:
    """Classify one photo: the likeliest classes with their confidences, best first.

    `model` is the name of one of the models this server offers to everybody. Visitors' own models cannot be reached
    from here.
    """
    shared = shared_models(home)
    if not shared:
        raise ModelError(TryCode.NO_SHARED_MODEL)
    chosen = select_model(shared, model)
    if not is_number(top_k):
        raise DataError(TryCode.NO_TOP_K, most=answers.MAX_TOP_K)
    path = uploaded_file(image)
    if path is None:
        raise DataError(TryCode.NO_IMAGE)
    try:
        prediction = Predictor(chosen.folder, opener=open_apart).predict(path, limit_classes(top_k))[0]
    finally:
        delete_uploads([path])
    top = [{"label": one.label, "confidence": one.confidence} for one in prediction.top]
    answer = None if prediction.unsure else prediction.answer.label
    return {"top": top, "answer": answer, "unsure": prediction.unsure}


def build(home: Home) -> None:
    """Create the endpoint; ``gr.File`` does not change the picture."""
    image = gr.File(label="image", type="filepath", visible=False)
    model, top_k = gr.Textbox(label="model", visible=False), gr.Number(TOP_K, label="top_k", visible=False)
    answer = gr.JSON(label="answer", visible=False)
    gr.Button(visible=False).click(plain(predict, home), [image, model, top_k], answer, api_name="predict", **DEVICE)
