"""The photos on view on the Try it tab: their predictions, explanations and corrections, and their HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...data.assets import Asset
from ...data.decoding import draw_small_apart, open_apart
from ...data.intake import sha256
from ...data.labels import clean_label, natural_key
from ...data.project import Project
from ...errors import ClassifierError, DataError, PhotoError
from ...messages import Message, percent, sentence
from ...messages.models import UnsureCode
from ...messages.try_page import TryCode
from ...models.predictor import Prediction, Predictor
from ...models.training_photos import comparing_backbone
from ...workflows.similar import find_similar
from .. import html
from ..colors import model_colors
from ..html import escape
from ..sessions import thumbnail_bytes
from . import answers_summary, evidence

MAX_TOP_K = 10
_SIDE = 320  # pixels of the picture beside a prediction
_CONFIDENT, _LIKELY = 0.8, 0.5  # confidences from which a class is named without a hedge, and with “probably”
_RIVAL = 0.5  # share of the best confidence from which the second class is named beside it


@dataclass(frozen=True)
class PhotoAnswer:
    """A photo in Gradio's upload folder and what is shown of it.

    Args:
        number: never given to another photo of the page, so that a late click does not meet another photo.
        name: the file's name in the visitor's folder.
        path: the file.
        picture: a small JPEG.
        result: the prediction, or why there is none.
        explanation: HTML below the prediction.
        note: HTML about what was done with the photo.
    """

    number: int
    name: str
    path: Path
    picture: bytes = b""
    result: Prediction | Message | None = None
    explanation: str = ""
    note: str = ""


@dataclass(frozen=True)
class PredictState:
    """The photos on view, kept until the next ones come; the model that answered.

    ``labels`` are the classes to choose from, ``colors`` those of the model's classes, see ``colors``.
    """

    photos: tuple[PhotoAnswer, ...] = ()
    model: str = ""
    labels: tuple[str, ...] = ()
    colors: Mapping[str, int] = field(default_factory=dict)

    def paths(self) -> list[Path]:
        """Return the files of the photos."""
        return [photo.path for photo in self.photos]

    def find(self, claimed: object) -> PhotoAnswer:
        """Return the photo of a number, which is what the browser claims and may be anything."""
        for photo in self.photos:
            if type(claimed) is int and photo.number == claimed:
                return photo
        raise DataError(TryCode.NOT_ON_VIEW)

    def put(self, new: PhotoAnswer) -> PredictState:
        """Return the state with the photo of the same number replaced."""
        return replace(self, photos=tuple(new if one.number == new.number else one for one in self.photos))


def new_state(photos: tuple[tuple[str, Path], ...], previous: PredictState) -> PredictState:
    """Return the state of new photos, given as (name, path), that replace the previous ones."""
    first = max((photo.number for photo in previous.photos), default=-1) + 1
    return PredictState(
        tuple(PhotoAnswer(number, name.rsplit("/", 1)[-1], path) for number, (name, path) in enumerate(photos, first))
    )


def predict(state: PredictState, model: str, predictor: Predictor, project: Project | None) -> PredictState:
    """Return the state with the predictions of a model; ``project`` holds the visitor's own photos."""
    present = [photo for photo in state.photos if photo.path.is_file()]
    # All classes: with other thresholds any of them can become the answer.
    results = predictor.predict_each([photo.path for photo in present], len(predictor.labels))
    photos = tuple(_with_result(photo, result) for photo, result in zip(present, results))
    labels = set() if project is None else set(project.classes())
    colors = model_colors(project, predictor.labels)
    return PredictState(photos, model, _sorted(labels.union(predictor.labels)), colors)


def _with_result(photo: PhotoAnswer, result: Prediction | PhotoError) -> PhotoAnswer:
    if isinstance(result, PhotoError):
        return replace(photo, result=result.message, picture=b"", explanation="", note="")
    return replace(photo, result=result, picture=photo.picture or _small(photo.path), explanation="", note="")


def _small(path: Path) -> bytes:
    with suppress(PhotoError):
        return draw_small_apart(path, _SIDE)
    return b""


def _sorted(labels: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(labels, key=natural_key))


def apply_threshold(state: PredictState, threshold: float | Mapping[str, float]) -> PredictState:
    """Return the state for another threshold of the same model, or one per class, without predicting again."""
    photos = (
        replace(photo, result=photo.result.at(threshold)) if isinstance(photo.result, Prediction) else photo
        for photo in state.photos
    )
    return replace(state, photos=tuple(photos))


def explain(state: PredictState, photo: PhotoAnswer, predictor: Predictor, project: Project | None) -> PredictState:
    """Return the state with the explanation of the class that one photo's answer is.

    Args:
        state: the photos on view.
        photo: one of them.
        predictor: the model that answered.
        project: where its training photos are, to show the nearest; None where they are not the visitor's.
    """
    if not isinstance(photo.result, Prediction):
        return state
    label = photo.result.answer.label
    try:
        found = predictor.explain(photo.path, label)
        similar = [] if project is None else _find_similar(project, predictor, photo)
        pictures = [
            (asset.label, thumbnail_bytes(project, asset), asset.id) for asset, _ in similar if project is not None
        ]
        explanation = evidence.render(label, evidence.overlay(found.pixels, found.heatmap), pictures, found.unmapped)
    except ClassifierError as error:  # shown in its place: the prediction stays valid
        explanation = html.note(error.message, "warn")
    return state.put(replace(photo, explanation=explanation))


def _find_similar(project: Project, predictor: Predictor, photo: PhotoAnswer) -> list[tuple[Asset, float]]:
    ranges, backbone = predictor.preprocessing.pixel_ranges, comparing_backbone(predictor.folder, predictor.report)
    return find_similar(project, predictor.report, photo.path, backbone, pixel_ranges=ranges, opener=open_apart)


def correct(state: PredictState, photo: PhotoAnswer, project: Project, label: str) -> tuple[PredictState, bool]:
    """Add one photo to a class of the project; return the new state, and whether there is something new to train on."""
    if not photo.path.is_file():
        raise DataError(TryCode.FILE_GONE)
    words, new = _add(photo, project, label)
    changed = state.put(replace(photo, note=html.note(words, "good" if new else "note")))
    return replace(changed, labels=_sorted({*changed.labels, *project.classes()})), new


def _add(photo: PhotoAnswer, project: Project, label: str) -> tuple[str, bool]:
    """Add a photo, or move it where the project has it in another class; return what was done, in words."""
    name, content = clean_label(label, project.limits), sha256(photo.path)
    same = [asset for asset in project.photos() if asset.sha256 == content]
    before = _sorted({asset.label for asset in same} - {name})
    if before:
        project.move([asset.id for asset in same], label)
        return sentence(TryCode.MOVED, old=before, label=name), True
    result = project.add_files([(photo.name, photo.path)], label)
    if result.left_out:
        return result.left_out[0].reason, False
    if result.already:
        return sentence(TryCode.ALREADY_HERE, label=name), False
    return sentence(TryCode.ADDED, label=name), True


def render(state: PredictState, top_k: int) -> str:
    """Return the photos as HTML, each with its ``top_k`` likeliest classes; several come with a summary."""
    if not state.photos:
        return ""
    classes = html.datalist("try-classes", state.labels)
    if len(state.photos) == 1:
        return f'<div class="pc-answers">{_render_photo(state.photos[0], top_k, state.colors)}</div>{classes}'
    photos = "".join(_render_card(photo, top_k, state.colors) for photo in state.photos)
    return f'{answers_summary.render(state.photos)}<div class="pc-answers pc-several">{photos}</div>{classes}'


def _render_photo(photo: PhotoAnswer, top_k: int, colors: Mapping[str, int]) -> str:
    return _article(photo, _words(photo, top_k, colors), _controls(photo))


def _render_card(photo: PhotoAnswer, top_k: int, colors: Mapping[str, int]) -> str:
    """Return one of several photos: what is rarely wanted of it is closed at first."""
    name, controls = html.text(TryCode.MORE_LABEL, name=photo.name), _controls(photo)
    summary = f'<summary aria-label="{name}">{html.text(TryCode.MORE)}</summary>'
    closed = f'<details class="pc-closed" data-number="{photo.number}">{summary}{controls}</details>'
    return _article(photo, _words(photo, top_k, colors), closed if controls else "")


def _words(photo: PhotoAnswer, top_k: int, colors: Mapping[str, int]) -> str:
    if not isinstance(photo.result, Prediction):
        return f'<p class="pc-big">{html.text(TryCode.NO_PHOTO)}</p><p>{escape(str(photo.result or ""))}</p>'
    return render_prediction(replace(photo.result, top=photo.result.top[:top_k]), colors)


def _article(photo: PhotoAnswer, words: str, below: str) -> str:
    picture = html.enlargeable(photo.picture, photo.name) if photo.picture else ""
    kind = answers_summary.kind_of(photo.result)
    sure = photo.result.answer.confidence if isinstance(photo.result, Prediction) else 0.0
    label = escape(photo.result.answer.label) if kind == "sure" and isinstance(photo.result, Prediction) else ""
    return (
        f'<article class="pc-answer {"" if kind == "sure" else "pc-unsure"}" data-kind="{kind}" data-label="{label}" '
        f'data-sure="{sure:.4f}"><figure>{picture}<figcaption title="{escape(photo.name)}">{escape(photo.name)}'
        f"</figcaption></figure><div>{words}</div>{below}</article>"
    )


def render_prediction(prediction: Prediction, colors: Mapping[str, int]) -> str:
    """Return the likeliest classes as HTML, or first that the model is not sure, and of what."""
    best, second = prediction.answer, prediction.top[1] if len(prediction.top) > 1 else None
    about = TryCode.CONFIDENCE
    if prediction.reason is None:
        verdict = f'<p class="pc-big" data-say>{html.text(_hedge(best.confidence), label=best.label)}</p>'
        if prediction.chosen is not None:
            verdict += f"<p>{html.text(TryCode.BY_COSTS, label=best.label, other=prediction.top[0].label)}</p>"
    elif prediction.reason is UnsureCode.OUT_OF_DISTRIBUTION:
        why = html.rich(TryCode.UNLIKE_WHY, label=best.label)
        verdict = f'<p class="pc-big" data-say>{html.text(TryCode.UNLIKE)}</p><p>{why}</p>'
        about = TryCode.IF_IT_HAD_TO
    elif second is not None and second.confidence >= _RIVAL * best.confidence:
        why = html.rich(TryCode.BETWEEN, label=best.label, other=second.label)
        verdict = f'<p class="pc-big" data-say>{html.text(TryCode.NOT_SURE)}</p><p>{why}</p>'
    else:
        why = html.rich(TryCode.TOO_LOW, label=best.label, confidence=best.confidence)
        verdict = f'<p class="pc-big" data-say>{html.text(TryCode.NOT_SURE)}</p><p>{why}</p>'
    rows = "".join(
        html.bar(one.label, one.confidence, percent(one.confidence), colors.get(one.label)) for one in prediction.top
    )
    return f'{verdict}{html.quiet(html.text(about))}<ul class="pc-bars">{rows}</ul>'


def _hedge(confidence: float) -> TryCode:
    if confidence >= _CONFIDENT:
        return TryCode.SURE
    return TryCode.PROBABLY if confidence >= _LIKELY else TryCode.PERHAPS


def _controls(photo: PhotoAnswer) -> str:
    """Return the explanation and the correction of a photo that has an answer.

    The elements are always there: the browser then changes only what differs.
    """
    if not isinstance(photo.result, Prediction):
        return ""
    hidden = " hidden" if photo.explanation else ""
    why, wrong, add = (
        html.text(code, name=photo.name) for code in (TryCode.WHY_LABEL, TryCode.WRONG_LABEL, TryCode.ADD_LABEL)
    )
    return (
        f'<div class="pc-evidence" aria-live="polite">{photo.explanation}</div>'
        f'<div class="pc-more" data-number="{photo.number}">'
        f'<button type="button" class="pc-button pc-why" aria-label="{why}"{hidden}>{html.text(TryCode.WHY)}</button>'
        f'<span class="pc-right"><label><span>{html.text(TryCode.WRONG)}</span>'
        f'<input type="text" list="try-classes" maxlength="80" placeholder="{html.text(TryCode.WRONG_CLASS)}" '
        f'autocomplete="off" aria-label="{wrong}"></label>'
        f'<button type="button" class="pc-button pc-add" aria-label="{add}">{html.text(TryCode.ADD)}</button></span>'
        f'<div class="pc-done" role="status">{photo.note}</div></div>'
    )
