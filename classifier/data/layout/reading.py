"""One way to read a data set, and the check that labels make one."""

from __future__ import annotations

from collections import Counter, defaultdict
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

    ``option`` is the value of ``--labels`` that takes it. ``labels`` and ``splits`` are by file name; ``not_taken``
    says of every other photo why it has no label. ``matched`` of the ``total`` photos to train on have a label.
    ``groups`` numbers photos that the layout shows to belong together, ``groups_from`` says by what. ``questions``
    are the reasons to ask before it is taken. ``origin`` says where the labels come from, with the arguments of its
    sentences, ``notes`` what else a person should know.
    """

    source: Source
    option: str
    labels: Mapping[str, str]
    splits: Mapping[str, str]
    not_taken: Mapping[str, Code]
    matched: int
    total: int
    groups: Mapping[str, str] = field(default_factory=dict)
    groups_from: str = ""
    questions: tuple[QuestionCode, ...] = ()
    origin: Message
    notes: tuple[Message, ...] = ()

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
    not_taken: Mapping[str, Code],
    missing: Code,
    several: Iterable[str] = (),
    *,
    origin: Message,
) -> Reading | None:
    """Return the reading of some labels, None where fewer than two classes are among the photos to train on.

    Args:
        source: where the labels come from.
        option: the value of ``--labels``.
        labels: by file name.
        photos: all photos that could have a label.
        not_taken: the files left out before, with the reason.
        missing: the reason for a photo without a label.
        several: the names of photos with several labels.
        origin: where the labels come from, in words.
    """
    splits = {photo.name: photo.split for photo in photos}
    train = {labels[name] for name, split in splits.items() if split == "train" and name in labels}
    if len(train) < 2:
        return None
    reasons, with_several = dict(not_taken), set(several)
    labeled_splits = {splits[name] for name in labels if name in splits}
    for photo in photos:
        if photo.name in labels or photo.name in reasons:
            continue
        if photo.name in with_several:
            reasons[photo.name] = NotTakenCode.SEVERAL_LABELS
        else:
            reasons[photo.name] = missing if photo.split in labeled_splits else NotTakenCode.UNLABELED_SPLIT
    taken = {name: labels[name] for name in splits if name in labels}
    groups = _roboflow_groups(taken)
    return Reading(
        source=source,
        option=option,
        labels=taken,
        splits={name: splits[name] for name in taken},
        not_taken=reasons,
        matched=sum(splits[name] == "train" for name in taken),
        total=sum(split == "train" for split in splits.values()),
        groups=groups,
        groups_from="roboflow" if groups else "",
        origin=origin,
    )


def _roboflow_groups(labels: Mapping[str, str]) -> dict[str, str]:
    """Group Roboflow's augmented copies NAME_jpg.rf.HASH.jpg, which are one photo unless their labels differ."""
    stems = {name: name.rpartition("/")[2].partition(".rf.")[0] for name in labels if ".rf." in name}
    found: dict[str, set[str]] = defaultdict(set)
    for name, stem in stems.items():
        found[stem].add(labels[name])
    return {name: stem for name, stem in stems.items() if stem and len(found[stem]) == 1}
