"""The model card: a checkpoint's README.md, in Markdown with the Hub's front matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..evaluation.remarks import remarks
from ..evaluation.report import Report
from ..messages import sentence
from ..messages.models import CardCode, ModelCard
from . import networks

_SHOWN_CLASSES = 20

if TYPE_CHECKING:
    from .checkpoint import TrainedModel


def model_card(model: TrainedModel, training: Mapping[str, Any]) -> str:
    """The card of ``model``, made with the settings ``training``. Class names are escaped for Markdown and HTML."""
    report = model.report
    repository, license = networks.weights_source(model.backbone)
    facts = ModelCard(
        labels=tuple(map(_escape, report.labels)),
        rows=tuple((_escape(row.label), row.images, row.recall, row.precision) for row in report.per_class),
        images=report.images,
        evaluated=sum(map(sum, report.confusion)),
        evaluated_on=report.evaluated_on,
        notes=tuple(map(_escape, map(str, remarks(report)))),
        accuracy=report.accuracy,
        accuracy_low=report.accuracy_low,
        accuracy_high=report.accuracy_high,
        decision=decision_sentence(report),
        has_ood=model.ood is not None,
        backbone=model.backbone.name,
        repository=repository,
        license=license,
        fine_tuned=model.mode == "deep",
        created=str(training.get("created", ""))[:10],
        resize_mode=report.resize_mode,
        pixel_range=model.preprocessing.pixel_ranges.integer or model.preprocessing.pixel_ranges.real,
    )
    return facts.text()


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
    """``text`` on one line, with character references for all that Markdown and HTML act on."""
    line = " ".join(text.split())
    return "".join(f"&#{ord(letter)};" if letter in "<>&|*_`[]()#!\\~" else letter for letter in line)
