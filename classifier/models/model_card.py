"""The model card: a checkpoint's README.md, in Markdown with the Hub's front matter."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped, unused-ignore]

from ..config import Mode, PixelRanges
from ..evaluation.pictures import draw_confusion, numbered_names, to_png
from ..evaluation.remarks import remarks
from ..evaluation.report import Report
from ..messages import sentence
from ..messages.languages import in_english
from ..messages.model_card import CardCode, CardData, ModelCard
from . import networks
from .backbones import Backbone
from .joined import Member, relative_cost
from .model_folder import CONFUSION

_SHOWN_CLASSES = 20
PLACE = "FOLDER"  # stands for the model in the examples of a card
TAG = "photo-classifier"  # by which a repository of this program is known

if TYPE_CHECKING:
    from .checkpoint import TrainedModel


@dataclass(frozen=True)
class WidgetPhoto:
    """A photo that the card may show: its file in the repository, and the classes with the model's confidences."""

    file: str
    answers: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class CardFacts:
    """What a card is made from.

    Args:
        report: scores of the model.
        backbone: the network it was made from.
        mode: how it was trained.
        has_ood: whether it has an out-of-distribution model.
        pixel_ranges: of pictures of more than 8 bits.
        training: the settings it was made with.
        place: name of its repository, or ``FOLDER`` where it has none.
        members: the networks that it joins; empty for a model of one network.
        size: side of its input in pixels, by which the cost of an answer is estimated.
        photos: what the person agreed to show.
    """

    report: Report
    backbone: Backbone
    mode: Mode
    has_ood: bool
    pixel_ranges: PixelRanges
    training: Mapping[str, Any]
    place: str = PLACE
    photos: tuple[WidgetPhoto, ...] = ()
    members: tuple[Member, ...] = ()
    size: int = 0

    @property
    def networks(self) -> tuple[Backbone, ...]:
        """The networks of the model."""
        return tuple(member.backbone for member in self.members) or (self.backbone,)


def model_card(model: TrainedModel, training: Mapping[str, Any]) -> str:
    """The card of ``model``, made with the settings ``training``."""
    has_ood = model.ood is not None
    ranges = model.preprocessing.pixel_ranges
    members, size = model.members if model.is_joined else (), model.preprocessing.size
    return render_card(
        CardFacts(model.report, model.backbone, model.mode, has_ood, ranges, training, members=members, size=size)
    )


@in_english
def render_card(facts: CardFacts) -> str:
    """The card in Markdown. Class names are escaped for YAML, Markdown and HTML."""
    report = facts.report
    repository, license = networks.weights_source(facts.backbone)
    macro = report.macro
    numbers = numbered_names(report.labels, report.confusion) if report.evaluated_count else ()
    card = ModelCard(
        front=_front_matter(facts),
        labels=tuple(map(_escape, report.labels)),
        rows=tuple((_escape(row.label), row.images, row.recall, row.precision) for row in report.per_class),
        images=report.images,
        evaluated=report.evaluated_count,
        evaluated_on=report.evaluated_on,
        group_count=report.group_count,
        notes=tuple(map(_escape, map(str, remarks(report)))),
        accuracy=report.accuracy,
        accuracy_low=report.accuracy_low,
        accuracy_high=report.accuracy_high,
        macro=None if macro is None else (macro.precision, macro.recall, macro.f1),
        loss=None if report.loss is None else max(0.0, report.loss),  # not “-0.000” of perfect answers
        decision=decision_sentence(report),
        has_ood=facts.has_ood,
        backbone=facts.backbone.name,
        repository=repository,
        license=license,
        fine_tuned=facts.mode == "deep",
        created=str(facts.training.get("created", ""))[:10],
        resize_mode=report.resize_mode,
        pixel_range=facts.pixel_ranges.integer or facts.pixel_ranges.real,
        picture=CONFUSION if report.evaluated_count else "",
        numbers=tuple((number, _escape(label)) for number, label in numbers),
        place=facts.place,
        members=tuple(
            (member.backbone.name, *networks.weights_source(member.backbone), member.fine_tuned)
            for member in facts.members
        ),
        cost=_cost(facts),
    )
    return card.text()


def _cost(facts: CardFacts) -> float:
    """The time of an answer relative to that of the first network alone."""
    size = facts.size or facts.backbone.size
    return relative_cost(facts.networks, size) / relative_cost(facts.networks[:1], size)


def confusion_picture(report: Report) -> bytes:
    """The confusion matrix of a report as a PNG; empty where no photo was judged."""
    return to_png(draw_confusion(report.labels, report.confusion)) if report.evaluated_count else b""


def _front_matter(facts: CardFacts) -> str:
    """The entries that the Hub reads, as YAML of one line each, so that no text of a person begins a line."""
    programs = [] if facts.members else ["timm", "transformers"]  # that open it
    entries: dict[str, Any] = {"library_name": "timm"} if programs else {}
    entries["pipeline_tag"] = "image-classification"
    found = dict.fromkeys(networks.weights_source(one)[0] for one in facts.networks)
    repositories = [repository for repository in found if repository]
    if repositories:
        license = networks.common_license(facts.networks)
        entries |= {"license": license, "base_model": repositories if len(repositories) > 1 else repositories[0]}
    entries["tags"] = ["image-classification", *programs, TAG]
    if facts.report.evaluated_count:
        name = TAG if facts.place == PLACE else facts.place.rpartition("/")[2]
        entries["model-index"] = [{"name": name, "results": [_result(facts.report)]}]
    if facts.photos:
        entries["widget"] = list(map(_widget, facts.photos))
    return str(yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=10**6))


def _result(report: Report) -> dict[str, Any]:
    """The scores as an entry of ``model-index``, in the form of huggingface_hub's ``EvalResult``."""
    judged = [row.f1 for row in report.per_class if row.images]
    accuracy = sentence(CardData.ACCURACY, low=report.accuracy_low, high=report.accuracy_high)
    metrics: Sequence[tuple[str, str, float]] = (
        ("accuracy", accuracy, report.accuracy),
        ("balanced_accuracy", str(CardData.BALANCED), report.balanced_accuracy),
        ("f1", str(CardData.MACRO_F1), sum(judged) / len(judged)),
    )
    dataset = CardData[f"DATASET_{report.evaluated_on.upper()}"]
    return {
        "task": {"type": "image-classification", "name": str(CardData.TASK)},
        "dataset": {"type": "imagefolder", "name": str(dataset)},
        "metrics": [{"type": kind, "name": name, "value": round(value, 4)} for kind, name, value in metrics],
    }


def _widget(photo: WidgetPhoto) -> dict[str, Any]:
    answers = [{"label": label, "score": round(score, 4)} for label, score in photo.answers]
    return {"src": photo.file, "example_title": photo.answers[0][0], "output": answers}


def decision_sentence(report: Report) -> str:
    """Return how the answer follows from the probabilities; it begins with words of its own, not a class name."""
    if not report.thresholds:
        return sentence(CardCode.NOT_SURE, threshold=report.threshold)
    costs = "; ".join(f"{_escape(label)}: {weight:g}" for label, weight in report.costs.items()) or "-"
    values = zip(report.labels[:_SHOWN_CLASSES], report.thresholds)
    shown = ", ".join(f"{_escape(label)} {value:.3f}" for label, value in values)
    more = ", …" if len(report.labels) > _SHOWN_CLASSES else ""
    return sentence(CardCode.COSTS, costs=costs, unsure_cost=report.unsure_cost, thresholds=shown + more)


def replace_decision(card: str, before: Report, after: Report) -> str:
    """``card`` with the sentence of other thresholds; unchanged where it lacks the sentence of ``before``."""
    # At the start of a line: class names, which may be anything, are never there.
    return card.replace(f"\n{decision_sentence(before)}", f"\n{decision_sentence(after)}", 1)


def _escape(text: str) -> str:
    """``text`` on one line, with character references for all that Markdown, HTML and the Hub's formulas act on.

    Addresses become no links: “://”, “www.” and “@” are not written as they are.
    """
    line = " ".join(text.split())
    escaped = "".join(f"&#{ord(letter)};" if letter in "<>&|*_`[]()#!\\~$@" else letter for letter in line)
    return re.sub(r"(?i)(?<=www)\.", "&#46;", escaped.replace("://", "&#58;//"))
