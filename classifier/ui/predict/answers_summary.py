"""What stands above the answers for several photos: how many of each kind, and controls to sort and filter them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, Protocol, get_args

from ...data.labels import natural_key
from ...messages import number, sentence
from ...messages.bulk import BulkPageCode
from ...messages.models import UnsureCode
from ...messages.try_page import TryCode
from ...models.predictor import Prediction
from .. import html
from ..html import escape

Kind = Literal["sure", "unsure", "unlike", "error"]
_SORTS: dict[str, BulkPageCode] = {
    "given": BulkPageCode.SORT_GIVEN,
    "sure": BulkPageCode.CONFIDENCE,
    "label": BulkPageCode.LABEL,
}


class Answered(Protocol):
    """A photo with its prediction, or what is there in its place."""

    @property
    def result(self) -> Any:
        """The prediction; anything else where there is none."""


def kind_of(result: object) -> Kind:
    """Return what the answer for a photo is: a class, not sure, unlike the training photos, or none."""
    if not isinstance(result, Prediction):
        return "error"
    if result.reason is None:
        return "sure"
    return "unlike" if result.reason is UnsureCode.OUT_OF_DISTRIBUTION else "unsure"


def render(photos: Sequence[Answered]) -> str:
    """Return how many photos have which answer, as filters, and a list of orders; a script follows both."""
    kinds = Counter(kind_of(photo.result) for photo in photos)
    labels = Counter(photo.result.answer.label for photo in photos if kind_of(photo.result) == "sure")
    return (
        f'<h2 class="pc-h">{html.text(TryCode.SUMMARY, count=len(photos))}</h2><div class="pc-filters">{_kinds(kinds)}'
        f"{_list('label', BulkPageCode.LABEL, _classes(labels))}{_list('sort', BulkPageCode.SORT, _orders())}</div>"
    )


def _kinds(kinds: Counter[Kind]) -> str:
    counts: dict[str, int] = {"all": kinds.total(), **{kind: kinds[kind] for kind in get_args(Kind)}}
    chips = "".join(
        f'<button type="button" class="pc-chip" data-only="{kind}" aria-pressed="{str(kind == "all").lower()}">'
        f"{html.text(BulkPageCode[f'CHIP_{kind.upper()}'])} <span>{escape(number(count))}</span></button>"
        for kind, count in counts.items()
        if count
    )
    return f'<div class="pc-chipset" role="group" aria-label="{html.text(BulkPageCode.FILTER)}">{chips}</div>'


def _classes(labels: Counter[str]) -> dict[str, str]:
    """Return the classes that were answered, by their names."""
    ordered = sorted(labels, key=natural_key)
    counted = {one: sentence(BulkPageCode.CLASS_COUNT, label=one, count=labels[one]) for one in ordered}
    return {"": str(BulkPageCode.EVERY_CLASS), **counted}


def _orders() -> dict[str, str]:
    return {name: str(code) for name, code in _SORTS.items()}


def _list(name: str, title: BulkPageCode, choices: dict[str, str]) -> str:
    options = "".join(f'<option value="{escape(value)}">{escape(words)}</option>' for value, words in choices.items())
    return f'<label><span>{html.text(title)}</span><select name="{name}">{options}</select></label>'
