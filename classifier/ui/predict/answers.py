"""The photos that are tried, each on a card: its answer, what spoke for it, and a way to put it right."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

import gradio as gr

from ...data.images import make_thumbnail, open_picture
from ...data.intake import sha256
from ...data.labels import clean_label, natural_key
from ...data.project import Project
from ...errors import ClassifierError, DataError, PhotoError
from ...models.predictor import Prediction, Predictor
from ...workflows.similar import nearest
from .. import html
from ..sessions import small
from . import evidence

TOP = 10  # most answers per photo
_SIDE = 320  # pixels of the photo shown beside its answer
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Card:
    """A photo in Gradio's upload folder and what is shown of it.

    ``number`` is never given to another photo of the page, so that a late click cannot hit a wrong one.
    ``outcome`` is the answer, or in words why there is none; ``picture`` a small JPEG of the photo; ``why``
    the HTML of what spoke for the answer, ``said`` that of what was done with the photo.
    """

    number: int
    name: str
    path: Path
    picture: bytes = b""
    outcome: Prediction | str = ""
    why: str = ""
    said: str = ""


@dataclass(frozen=True)
class Trying:
    """The photos on view, kept until the next ones come; the model that answered, and the classes to choose from."""

    cards: tuple[Card, ...] = ()
    model: str = ""
    labels: tuple[str, ...] = ()

    def paths(self) -> list[Path]:
        """The files of the photos."""
        return [card.path for card in self.cards]

    def find(self, claimed: object) -> Card:
        """The card of a number, which is what the browser says and may be anything."""
        for card in self.cards:
            if type(claimed) is int and card.number == claimed:
                return card
        raise DataError("This photo is no longer on view; drop it again.")

    def put(self, new: Card) -> Trying:
        """The same with one card replaced."""
        return replace(self, cards=tuple(new if card.number == new.number else card for card in self.cards))


# -- what becomes of the cards


def fresh(photos: tuple[tuple[str, Path], ...], old: Trying) -> Trying:
    """Cards for new photos, given as (name, path), in the places of the old ones."""
    first = max((card.number for card in old.cards), default=-1) + 1
    cards = (Card(first + place, name.rsplit("/", 1)[-1], path) for place, (name, path) in enumerate(photos))
    return Trying(tuple(cards))


def answered(trying: Trying, model: str, predictor: Predictor, classes: tuple[str, ...]) -> Trying:
    """The cards with the answers of a model; ``classes`` are those of the visitor's own photos."""
    there = [card for card in trying.cards if card.path.is_file()]
    outcomes = predictor.outcomes([card.path for card in there], TOP)
    cards = tuple(_answered(card, outcome) for card, outcome in zip(there, outcomes))
    return Trying(cards, model, _sorted({*classes, *predictor.labels}))


def _answered(card: Card, outcome: Prediction | PhotoError) -> Card:
    if isinstance(outcome, PhotoError):
        return replace(card, outcome=str(outcome), picture=b"", why="", said="")
    return replace(card, outcome=outcome, picture=card.picture or _small(card.path), why="", said="")


def _small(path: Path) -> bytes:
    stream = io.BytesIO()
    make_thumbnail(open_picture(path, _SIDE), _SIDE).save(stream, "JPEG", quality=85)
    return stream.getvalue()


def _sorted(labels: set[str]) -> tuple[str, ...]:
    return tuple(sorted(labels, key=natural_key))


def decided(trying: Trying, threshold: float) -> Trying:
    """The cards of a model that has to be so sure, 0 to 1, to answer; nothing is predicted again."""
    cards = (
        replace(card, outcome=card.outcome.at(threshold)) if isinstance(card.outcome, Prediction) else card
        for card in trying.cards
    )
    return replace(trying, cards=tuple(cards))


def explained(trying: Trying, card: Card, predictor: Predictor, project: Project | None) -> Trying:
    """The cards, one with what spoke for its likeliest class, and with photos like it if it has a project."""
    if not isinstance(card.outcome, Prediction):
        return trying
    label = card.outcome.top[0].label
    try:
        found = predictor.evidence(card.path, label)
        alike = [] if project is None else nearest(project, predictor.report, card.path)
        like = [] if project is None else [(asset.label, small(project, asset)) for asset, _ in alike]
        why = evidence.shown(label, evidence.overlay(found.square, found.heat), like)
    except ClassifierError as error:  # said in the card: the answer stays good
        why = html.note(str(error), "warn")
    return trying.put(replace(card, why=why))


def corrected(trying: Trying, card: Card, project: Project, label: str) -> tuple[Trying, bool]:
    """The cards after one photo was added to a class of the project, and whether that gave something to learn."""
    if not card.path.is_file():
        raise DataError("This photo is no longer here; drop it again.")
    said, new = _taken_in(card, project, label)
    kept = trying.put(replace(card, said=html.note(said, "good" if new else "note")))
    return replace(kept, labels=_sorted({*kept.labels, *project.classes()})), new


def _taken_in(card: Card, project: Project, label: str) -> tuple[str, bool]:
    """What became of a photo, in words; one that is there already is moved, as it can only be one thing."""
    name, content = clean_label(label, project.limits), sha256(card.path)
    there = [asset for asset in project.photos() if asset.sha256 == content]
    before = _sorted({asset.label for asset in there} - {name})
    if before:
        project.move([asset.id for asset in there], label)
        return f"Moved from “{'” and “'.join(before)}” to “{name}”. Train again to learn from it.", True
    came = project.add_files([(card.name, card.path)], label)
    if came.left_out:
        return came.left_out[0].reason, False
    if came.already:
        return f"It is in “{name}” already.", False
    return f"Added to “{name}”. Train again to learn from it.", True


# -- as HTML


def drawn(trying: Trying, top: int) -> str:
    """The cards, each with its ``top`` likeliest classes."""
    if not trying.cards:
        return ""
    options = "".join(f'<option value="{escape(label)}"></option>' for label in trying.labels)
    return html.cards(_card(card, top) for card in trying.cards) + f'<datalist id="try-classes">{options}</datalist>'


def _card(card: Card, top: int) -> str:
    if not isinstance(card.outcome, Prediction):
        return html.unusable(card.name, card.outcome)
    return html.answer(replace(card.outcome, top=card.outcome.top[:top]), card.picture, card.name, _more(card))


def _more(card: Card) -> str:
    """Below the answer. The parts are always there: a browser that gets a new one changes only what differs."""
    return (
        f'<div class="pc-evidence" aria-live="polite">{card.why}</div>'
        f'<div class="pc-more" data-card="{card.number}">'
        f'<button type="button" class="pc-button pc-why"{" hidden" if card.why else ""}>Why?</button>'
        '<span class="pc-right"><label><span>Wrong? It is</span><input type="text" list="try-classes" maxlength="80" '
        'placeholder="class" autocomplete="off"></label>'
        '<button type="button" class="pc-button pc-add">Add to my photos</button></span>'
        f'<div class="pc-said" role="status">{card.said}</div></div>'
    )


def area() -> gr.HTML:
    """Where the cards are: sends ``select`` {card} to be told why, ``submit`` {card, label} to add a photo."""
    return gr.HTML(
        value="",
        html_template="${value}",
        js_on_load=(_HERE / "answers.js").read_text("utf-8"),
        elem_id="try-result",
        apply_default_css=False,
    )
