"""The reading that ``--labels`` names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...errors import LayoutError
from ...messages import sentence
from ...messages.layout import AnswerCode
from .decision import Decision, Layout, choice
from .reading import Reading

_WORDS = ("folders", "names", "boxes", "auto", "none")


def option_file(option: str | None) -> str | None:
    """Return the file that a value of ``--labels`` or ``--groups`` may name, with its column; None for other values."""
    if option is None or option.partition(":")[0] in _WORDS:
        return None
    return option


def choose_reading(possible: Sequence[Reading], layout: Layout, option: str) -> Layout:
    """Return the layout with the reading of ``option`` alone. Raises ``LayoutError`` if none is so."""
    found = [reading for reading in possible if _matches(reading.option, option)]
    if not found:
        choices = (
            sentence(AnswerCode.POSSIBLE, choices=[choice(reading) for reading in possible])
            if possible
            else sentence(AnswerCode.NONE_POSSIBLE)
        )
        raise LayoutError(AnswerCode.NO_SUCH_READING, possible, layout, option=option, choices=choices)
    return replace(layout, decision=Decision.READ, readings=(found[0],), questions=())


def _matches(have: str, wanted: str) -> bool:
    return have == wanted or have.startswith(f"{wanted}:")
