"""The “Try it” tab: photos in, the likeliest classes out, or “not sure”; and the same over the network."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from ..checkpoint import read_report
from ..errors import ClassifierError, DataError, ModelError, PhotoError
from ..pictures import open_picture, thumbnail
from ..predictor import Predictor
from . import plots
from .events import DEVICE, FREE, afterwards, plain
from .session import Home
from .uploads import camera, choice, discard, done, drop_area, received

AT_ONCE = 50  # photos tried in one go
TOP = 10  # most answers per photo
_SIDE = 320  # pixels of the photo shown beside its answer


class Model(NamedTuple):
    """A model that may be used: the name it is asked for by, a title to read, its folder."""

    name: str
    title: str
    folder: Path


@dataclass(frozen=True)
class Trying:
    """The photos on view: (name, path) in Gradio's upload folder, kept until the next ones come."""

    photos: tuple[tuple[str, Path], ...] = ()


@dataclass(frozen=True)
class PredictTab:
    """How to draw this tab anew; ``refresh_newest`` also chooses the newest model."""

    refresh: Callable[..., Any]
    refresh_newest: Callable[..., Any]
    inputs: list[gr.components.Component]
    outputs: list[Any]


# -- handlers


def shared_models(home: Home) -> list[Model]:
    """The models meant for everybody."""
    if not home.checkpoints.is_dir():
        return []
    folders = sorted(path.parent for path in home.checkpoints.glob("*/config.json"))
    return [_model(folder, folder.name, folder.name) for folder in folders]


def own_models(home: Home, token: str) -> list[Model]:
    """This visitor's models, newest first."""
    project = home.find(token)
    if project is None:
        return []
    with project:
        folders = project.model_folders()
    return [_model(folder, f"mine/{folder.name}", plots.when(folder.name)) for folder in folders]


def _model(folder: Path, name: str, title: str) -> Model:
    try:
        report = read_report(folder)
    except ClassifierError:  # it stays in the list, and says what is wrong with it when it is used
        return Model(name, title, folder)
    return Model(name, f"{title} · {plots.percent(report.accuracy)} right", folder)


def pick(models: list[Model], name: str | None) -> Model:
    """The model of that name. A name is only ever compared, never made into a path."""
    if not models:
        raise ModelError("There is no model yet; train one first, on the Train tab.")
    if not name:
        raise ModelError("No model was chosen; choose one from the list.")
    for model in models:
        if model.name == name:
            return model
    known = ", ".join(f"“{model.name}”" for model in models[:10])
    raise ModelError(f"There is no model called “{name[:80]}”. There are: {known}.")


def show(home: Home, token: str, chosen: str | None) -> tuple[Any, ...]:
    """Draws the list of models as it is now, with the newest chosen unless the visitor chose another."""
    models = [*own_models(home, token), *shared_models(home)]
    there = {model.name: model for model in models}
    model = there.get(chosen or "", models[0] if models else None)
    choices = [(model.title, model.name) for model in models]
    return (
        gr.update(choices=choices, value=model.name if model else None),
        gr.update(visible=bool(models)),
        gr.update(visible=not models),
    )


def show_newest(home: Home, token: str) -> tuple[Any, ...]:
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
    discard([path for _, path in old.photos if path not in {new for _, new in came.files}])
    trying = Trying(came.files)
    return answers(home, token, model, top, trying), trying


def accept_shot(home: Home, token: str, model: str | None, top: float, old: Trying, shot: str | None) -> Any:
    """Tries a picture from the camera."""
    if shot is None:
        return gr.skip(), gr.skip()
    discard([path for _, path in old.photos])
    trying = Trying((("Camera", Path(shot)),))
    return answers(home, token, model, top, trying), trying


def answers(home: Home, token: str, model: str | None, top: float, trying: Trying) -> str:
    """The answers for the photos on view, as HTML."""
    there = [(name, path) for name, path in trying.photos if path.is_file()]
    if not there:
        return ""
    folder = pick([*own_models(home, token), *shared_models(home)], model).folder
    outcomes = Predictor(folder).outcomes([path for _, path in there], _top(top))
    return plots.cards(_card(name, path, outcome) for (name, path), outcome in zip(there, outcomes))


def _card(name: str, path: Path, outcome: Any) -> str:
    name = name.rsplit("/", 1)[-1]
    if isinstance(outcome, PhotoError):
        return plots.unusable(name, str(outcome))
    stream = io.BytesIO()
    thumbnail(open_picture(path, _SIDE), _SIDE).save(stream, "JPEG", quality=85)
    return plots.answer(outcome, stream.getvalue(), name)


def _top(top: float) -> int:
    return max(1, min(int(top), TOP))


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
        result = gr.HTML(elem_id="try-result")
        with gr.Accordion("Use the camera", open=False):
            shot = camera()
        top = gr.Slider(1, TOP, value=3, step=1, label="Answers per photo")
    trying = gr.State(Trying(), delete_callback=_let_go)
    _offer_api(home)
    view: list[Any] = [model, filled, nothing]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    asked: list[Any] = [token, model, top, trying]
    tried = drop.submit(plain(accept, home), asked, [result, trying], **{**quiet, "show_progress": "minimal"}, **DEVICE)
    afterwards(tried, done, None, drop, queue=False, **quiet)
    shot.input(plain(accept_shot, home), [*asked, shot], [result, trying], **quiet, **DEVICE)
    for changed in (model.change, top.release):
        changed(plain(answers, home), asked, result, **quiet, **DEVICE)
    model.input(plain(show, home), [token, model], view, **quiet, **FREE)
    return PredictTab(plain(show, home), plain(show_newest, home), [token, model], view)


def _let_go(trying: Trying) -> None:
    discard([path for _, path in trying.photos])


def _offer_api(home: Home) -> None:
    """The endpoint for other programs; a file component checks the path, and turns nothing round or smaller."""
    image = gr.File(label="image", type="filepath", visible=False)
    model, top_k = gr.Textbox(label="model", visible=False), gr.Number(3, label="top_k", visible=False)
    answer = gr.JSON(label="answer", visible=False)
    gr.Button(visible=False).click(plain(predict, home), [image, model, top_k], answer, api_name="predict", **DEVICE)
