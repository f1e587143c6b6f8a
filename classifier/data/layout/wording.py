"""What a reading says in words: one line, its evidence, and the question whether it is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...messages import Message, message, sentence
from ...messages.layout import EvidenceCode, ExampleCode, SummaryCode

if TYPE_CHECKING:
    from .reading import Reading

_SHOWN_PLACES = 4
_SHOWN_CLASSES = 6


def summary(reading: Reading) -> str:
    """Return “5 classes from train/_classes.csv; 429 photos to train on, 165 to validate; left out: …”."""
    parts = [
        sentence(SummaryCode.CLASSES, count=len(reading.class_counts()), origin=reading.origin),
        ", ".join(map(str, _splits(reading))),
    ]
    if reading.groups:
        parts.append(sentence(SummaryCode.GROUPS, count=len(set(reading.groups.values()))))
    if reading.not_taken:
        parts.append(sentence(SummaryCode.LEFT_OUT, places=places(reading.not_taken)))
    return "; ".join(parts)


def evidence(reading: Reading) -> str:
    """Return “19 of 20 pictures are named in column id”."""
    code = EvidenceCode[reading.origin.code.name]
    return sentence(code, matched=reading.matched, total=reading.total, **dict(reading.origin.arguments))


def example(reading: Reading) -> str:
    """Return “The names begin with “cat” (10) and “dog” (10): are these the classes?”."""
    counts = reading.class_counts().most_common()
    shown: list[tuple[object, int]] = [*counts[:_SHOWN_CLASSES]]
    code = ExampleCode[reading.origin.code.name]
    return sentence(code, classes=shown, **dict(reading.origin.arguments))


def places(names: Iterable[str]) -> list[Message]:
    """Return the outermost folders of files with their numbers, the fullest first."""
    counts = Counter(name.partition("/")[0] if "/" in name else "" for name in names)
    found = [
        message(SummaryCode.PLACE, folder=f"{folder}/", count=count)
        if folder
        else message(SummaryCode.LOOSE, count=count)
        for folder, count in counts.most_common(_SHOWN_PLACES)
    ]
    if len(counts) > _SHOWN_PLACES:
        found.append(message(SummaryCode.MORE_PLACES, count=len(counts) - _SHOWN_PLACES))
    return found


def _splits(reading: Reading) -> list[Message]:
    counts = reading.split_counts()
    if set(counts) == {"train"}:
        return [message(SummaryCode.PHOTOS, count=counts["train"])]
    codes = {"train": SummaryCode.TRAIN, "val": SummaryCode.VAL, "test": SummaryCode.TEST}
    return [message(code, count=counts[split]) for split, code in codes.items() if counts[split]]
