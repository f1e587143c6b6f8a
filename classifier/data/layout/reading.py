"""One way to read a data set, and the check that labels make one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from ...messages import Code, Message
from ...messages.layout import NotTakenCode, QuestionCode
from . import wording
from .photos import Photo


class Source(str, Enum):
    """Where labels come from."""

    FOLDERS = "folders"
    NAMES = "names"
    BOXES = "boxes"
    TABLE = "table"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One way to read a data set.

    ``option`` is the value of ``--labels`` that takes it; ``aliases`` are others. ``labels`` and ``splits`` are by
    file name; ``not_taken`` says of every other photo why it has no label. ``matched`` of the ``total`` photos to
    train on have a label. ``groups`` numbers photos that the layout shows to belong together, ``groups_from`` says by
    what. ``questions`` are the reasons to ask before it is taken, ``asked`` the same with numbers and names where
    there are some. ``origin`` says where the labels come from, with
    the arguments of its sentences, ``notes`` what else a person should know. ``rank`` is 2 where the header of a
    column means the label, 1 where it names a property that may be it.
    """

    source: Source
    option: str
    labels: Mapping[str, str]
    splits: Mapping[str, str]
    not_taken: Mapping[str, Code]
    matched: int
    total: int
    origin: Message
    groups: Mapping[str, str] = field(default_factory=dict)
    groups_from: str = ""
    questions: tuple[QuestionCode, ...] = ()
    asked: tuple[Message, ...] = ()
    notes: tuple[Message, ...] = ()
    aliases: frozenset[str] = frozenset()
    rank: int = 0

    def class_counts(self) -> Counter[str]:
        """Return the number of photos of each class."""
        return Counter(self.labels.values())

    def split_counts(self) -> Counter[str]:
        """Return the number of labeled photos of each split."""
        return Counter(self.splits.values())

    def in_words(self) -> str:
        """Return one line: classes, photos of each split, what is left out."""
        return wording.summary(self)

    def evidence(self) -> str:
        """Return how many of the pictures have a label, and by what."""
        return wording.evidence(self)

    def example(self) -> str:
        """Return the question whether this is right, with the classes and their numbers."""
        return wording.example(self)

    def agrees_with(self, other: Reading) -> bool:
        """Return whether both put the same photos together, among the photos that both label."""
        common = self.labels.keys() & other.labels.keys()
        pairs = {(self.labels[name], other.labels[name]) for name in common}
        one_to_one = len(pairs) == len({one for one, _ in pairs}) == len({two for _, two in pairs})
        return one_to_one and 2 * len(common) >= min(len(self.labels), len(other.labels))


def make_reading(
    source: Source,
    option: str,
    labels: Mapping[str, str],
    photos: Sequence[Photo],
    missing: Code,
    origin: Message,
    *,
    reasons: Mapping[str, Code] | None = None,
    several: Iterable[str] = (),
    fewest: int = 2,
) -> Reading | None:
    """Return the reading of some labels, None where too few classes are among the photos to train on.

    Args:
        source: where the labels come from.
        option: the value of ``--labels``.
        labels: by file name.
        photos: all photos that could have a label.
        missing: the reason for a photo without a label.
        origin: where the labels come from, in words.
        reasons: why some photos have no label, where this is known.
        several: the names of photos with several labels.
        fewest: how many classes there must be.
    """
    splits = {photo.name: photo.split for photo in photos}
    taken = {name: labels[name] for name in splits if name in labels}
    trained = "train" in set(splits.values())
    if len({label for name, label in taken.items() if not trained or splits[name] == "train"}) < fewest:
        return None
    known = dict.fromkeys(several, NotTakenCode.SEVERAL_LABELS) | dict(reasons or {})
    labeled = {splits[name] for name in taken}
    not_taken = {
        name: known.get(name, missing if split in labeled else NotTakenCode.UNLABELED_SPLIT)
        for name, split in splits.items()
        if name not in taken
    }
    return Reading(
        source=source,
        option=option,
        labels=taken,
        splits={name: splits[name] for name in taken},
        not_taken=not_taken,
        matched=sum(splits[name] == "train" for name in taken),
        total=sum(s == "train" and known.get(name) is not NotTakenCode.UNLABELED for name, s in splits.items()),
        origin=origin,
    )
