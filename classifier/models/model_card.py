"""The model card: a checkpoint's README.md, in Markdown with the Hub's front matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..messages import sentence
from ..messages.models import CardCode, ModelCard
from . import networks

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
        notes=tuple(map(_escape, map(str, report.notes()))),
        accuracy=report.accuracy,
        accuracy_low=report.accuracy_low,
        accuracy_high=report.accuracy_high,
        threshold=report.threshold,
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


def replace_threshold(card: str, before: float, after: float) -> str:
    """``card`` with the sentence of another threshold, 0 to 1; unchanged where it lacks the sentence of ``before``."""
    old, new = (sentence(CardCode.NOT_SURE, threshold=value) for value in (before, after))
    # At the start of a line: class names, which may be anything, are never there.
    return card.replace(f"\n{old}", f"\n{new}", 1)


def _escape(text: str) -> str:
    """``text`` on one line, with character references for all that Markdown and HTML act on."""
    line = " ".join(text.split())
    return "".join(f"&#{ord(letter)};" if letter in "<>&|*_`[]()#!\\~" else letter for letter in line)
