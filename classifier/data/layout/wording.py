"""What a reading says in words: one line, its evidence, and the question whether it is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...messages import Message, WordCode, in_row, message, sentence
from ...messages.layout import EvidenceCode, ExampleCode, NotTakenCode, SummaryCode
from ..labels import natural_key

if TYPE_CHECKING:
    from .reading import Reading

_SHOWN_PLACES = 4
_SHOWN_CLASSES = 6
_KEPT_APART = (NotTakenCode.UNLABELED_SPLIT, NotTakenCode.UNLABELED)


def summary(reading: Reading) -> str:
    """Return “5 classes from train/_classes.csv; 429 photos to train on, 165 to validate; left out: …”."""
    parts = [
        sentence(SummaryCode.CLASSES, count=len(reading.class_counts()), origin=reading.origin),
        in_row(_splits(reading)),
    ]
    if reading.groups:
        parts.append(sentence(SummaryCode.GROUPS, count=len(set(reading.groups.values()))))
    left_out = [name for name, code in reading.not_taken.items() if code not in _KEPT_APART]
    if left_out:
        parts.append(sentence(SummaryCode.LEFT_OUT, places=_left_out(left_out, reading.labels)))
    return in_row(parts, WordCode.SEMICOLON)


def evidence(reading: Reading) -> str:
    """Return “19 of 20 pictures are named in column id”."""
    code = EvidenceCode[reading.origin.code.name]
    return sentence(code, matched=reading.matched, total=reading.total, **dict(reading.origin.arguments))


def example(reading: Reading) -> str:
    """Return “The names begin with cat (10) and dog (10): are these the classes?”."""
    code = ExampleCode[reading.origin.code.name]
    return sentence(code, classes=classes(reading), **dict(reading.origin.arguments))


def amounts(names: Iterable[str]) -> list[Message]:
    """Return the numbers of files in the outermost folders, the largest first: 714 in Dataset/."""
    return _most(_outermost(names), SummaryCode.IN_FOLDER, SummaryCode.IN_NO_FOLDER)


def _outermost(names: Iterable[str]) -> Counter[str]:
    return Counter(name.partition("/")[0] if "/" in name else "" for name in names)


def _left_out(names: Iterable[str], taken: Iterable[str]) -> list[Message]:
    """Return the outermost folders that hold no ``taken`` file, with their numbers, and how many lie elsewhere."""
    inhabited = {folder for name in taken for folder in _prefixes(name)}
    counts: Counter[str] = Counter()
    among = 0
    for name in names:
        folders = _prefixes(name)
        free = next((folder for folder in folders if folder not in inhabited), None)
        if folders and free is None:
            among += 1
        else:
            counts[free or ""] += 1
    found = _most(counts, SummaryCode.PLACE, SummaryCode.LOOSE)
    return [*found, *([message(SummaryCode.AMONG, count=among)] if among else [])]


def _most(counts: Counter[str], inside: SummaryCode, loose: SummaryCode) -> list[Message]:
    found = [
        message(inside, folder=f"{folder}/", count=count) if folder else message(loose, count=count)
        for folder, count in counts.most_common(_SHOWN_PLACES)
    ]
    if len(counts) > _SHOWN_PLACES:
        found.append(message(SummaryCode.MORE_PLACES, count=len(counts) - _SHOWN_PLACES))
    return found


def _prefixes(name: str) -> list[str]:
    """Return the folders of a file, the outermost first."""
    parts = name.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def classes(reading: Reading) -> list[Message]:
    """Return the largest classes with their numbers."""
    counts = sorted(reading.class_counts().items(), key=lambda pair: (-pair[1], natural_key(pair[0])))
    shown = [message(SummaryCode.CLASS, label=label, count=count) for label, count in counts[:_SHOWN_CLASSES]]
    if len(counts) > _SHOWN_CLASSES:
        shown.append(message(SummaryCode.MORE_CLASSES, count=len(counts) - _SHOWN_CLASSES))
    return shown


def _splits(reading: Reading) -> list[Message]:
    counts = reading.split_counts()
    codes = {"train": SummaryCode.TRAIN, "val": SummaryCode.VAL, "test": SummaryCode.TEST}
    if set(counts) == {"train"}:
        found = [message(SummaryCode.PHOTOS, count=counts["train"])]
    else:
        found = [message(code, count=counts[split]) for split, code in codes.items() if counts[split]]
    unlabeled = sum(code in _KEPT_APART for code in reading.not_taken.values())
    return [*found, *([message(SummaryCode.UNLABELED, count=unlabeled)] if unlabeled else [])]
