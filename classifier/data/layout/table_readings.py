"""Tables that continue each other -> readings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ...messages import message
from ...messages.layout import AskedCode, NoteCode, NotTakenCode, QuestionCode
from .columns import TableLabels
from .photos import Photo
from .reading import Reading, Source, make_reading
from .split_names import split_of, split_words

_COVERED = 0.9  # share of the training photos that a table must name to be read unasked
_OFFERED = 0.1  # share from which it is offered
_FREQUENT = 1 / 4  # different values for each photo; more are asked about
_ONE_FOLDER = 0.5  # share of the training photos that the only folder that a table names must hold


@dataclass(frozen=True)
class Joined:
    """Labels of one column in one or several tables."""

    members: tuple[TableLabels, ...]

    @property
    def first(self) -> TableLabels:
        """The table for training, otherwise the first."""
        for member in self.members:
            words = (split_words(part) for part in reversed(member.table.split("/")))
            if next((found[0] for found in words if found), None) == "train":
                return member
        return self.members[0]

    def labels(self) -> dict[int, str]:
        """Return the labels of all tables."""
        return {number: label for member in self.members for number, label in member.labels.items()}

    def named(self) -> frozenset[int]:
        """Return the photos that any table names."""
        return frozenset().union(*(member.named for member in self.members))

    def several(self) -> set[int]:
        """Return the photos with several labels."""
        return set().union(*(member.several for member in self.members))

    def option(self, bases: Mapping[str, int]) -> str:
        """Return the value of ``--labels``; a base name that other tables have too needs its path."""
        if self.first.source is Source.BOXES:
            return "boxes"
        base = self.first.table.rpartition("/")[2]
        same = {member.table for member in self.members if member.table.rpartition("/")[2] == base}
        file = base if bases[base] <= len(same) else self.first.table
        return f"{file}:{self.first.title}" if self.first.title else file

    def aliases(self) -> frozenset[str]:
        """Return all values of ``--labels`` that mean these labels."""
        files = {name for member in self.members for name in (member.table, member.table.rpartition("/")[2])}
        titled = {f"{file}:{member.title}" for file in files for member in self.members if member.title}
        return frozenset(text.casefold() for text in {*titled, *files})


def join(found: Iterable[TableLabels]) -> list[Joined]:
    """Join columns of one title where no photo gets two labels.

    Their tables lie in different folders, are named like splits, or name different photos.
    """
    forms: dict[tuple[str, str], list[list[TableLabels]]] = defaultdict(list)
    for labels in found:
        clusters = forms[labels.source.value, labels.title.casefold()]
        for cluster in clusters:
            if all(_continue(labels, other) for other in cluster):
                cluster.append(labels)
                break
        else:
            clusters.append([labels])
    return [Joined(tuple(cluster)) for clusters in forms.values() for cluster in clusters]


def _continue(one: TableLabels, other: TableLabels) -> bool:
    folders = {labels.table.rpartition("/")[0] for labels in (one, other)}
    named = all(split_words(labels.table.rpartition("/")[2]) for labels in (one, other))
    apart = one.named.isdisjoint(other.named)
    if not apart and len(folders) == 1 and not named:
        return False
    small, large = sorted((one.labels, other.labels), key=len)
    return apart or all(large.get(number, label) == label for number, label in small.items())


def read_joined(joined: Joined, photos: Sequence[Photo], bases: Counter[str]) -> Reading | None:
    """Return the reading of joined tables, None if they name hardly a photo to train on, or one class."""
    first = joined.first
    train = [n for n, photo in enumerate(photos) if photo.split == "train"] or range(len(photos))
    named = joined.named()
    share = sum(n in named for n in train) / max(1, len(train))
    labels = {photos[n].name: label for n, label in joined.labels().items()}
    several = [photos[n].name for n in joined.several()]
    boxes = first.source is Source.BOXES
    reading = make_reading(
        first.source, joined.option(bases), labels, photos,
        NotTakenCode.NO_BOX if boxes else NotTakenCode.NOT_IN_TABLE, first.origin, several=several,
    )  # fmt: skip
    if reading is None or share < _OFFERED:
        return None
    questions = list(dict.fromkeys(question for member in joined.members for question in member.questions))
    asked = []
    if QuestionCode.SEVERAL_LABELS in questions:
        none = len(named) - len(labels) - len(several)
        asked.append(message(AskedCode.SEVERAL_LABELS, several=len(several), total=len(named), none=none))
    if boxes:
        questions.append(QuestionCode.BOXES)
    elif first.title and len(reading.class_counts()) > _FREQUENT * len(named):
        questions.append(QuestionCode.RARE_VALUES)
    like_splits = sorted(label for label in reading.class_counts() if split_of(label))
    if like_splits:
        questions.append(QuestionCode.SPLIT_AS_CLASS)
        asked.append(message(AskedCode.SPLIT_AS_CLASS, folders=like_splits, count=len(like_splits)))
    if not boxes and share < _COVERED and not _names_one_folder(named, photos, train):
        questions.append(QuestionCode.FEW_NAMED)
        asked.append(
            message(AskedCode.FEW_NAMED, file=first.table, count=sum(n in named for n in train), total=len(train))
        )
    notes = (message(NoteCode.SEVERAL, count=len(several)),) if several else ()
    return replace(
        reading,
        questions=tuple(dict.fromkeys(questions)),
        asked=tuple(asked),
        notes=notes,
        aliases=joined.aliases(),
        rank=first.rank,
    )


def _names_one_folder(named: frozenset[int], photos: Sequence[Photo], train: Sequence[int]) -> bool:
    """Return whether the named photos lie in one folder that holds half of all, and are nearly all of it."""
    folders = {photos[n].dirs for n in named if photos[n].split == "train"}
    inside = [n for n in train if photos[n].dirs in folders]
    if len(folders) != 1 or len(inside) < _ONE_FOLDER * len(train):
        return False
    return sum(n in named for n in inside) >= _COVERED * len(inside)
