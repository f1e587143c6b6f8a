"""Labels from folders: which level holds the classes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ...messages import Code, Message, message
from ...messages.layout import AskedCode, NoteCode, NotTakenCode, OriginCode, QuestionCode
from ..labels import label_key
from .collections_of_classes import find_collections, read_collections
from .folder_names import Dirs, is_container, is_date, is_form, is_group, names_a_class, say_nothing
from .opening import open_folders
from .photos import Photo
from .reading import Reading, Source, make_reading
from .split_names import split_of
from .splits import SplitLayout

_DEEPEST_LEVEL = 6
_FEW = 0.1  # share of the photos that a folder named like a form of pictures may have to be left out unasked
_NEARLY_ALL = 0.8  # share of the photos in one folder whose name says nothing, so that it may hold all classes
_SHOWN = 5


@dataclass(frozen=True)
class FolderLevels:
    """The photos with the folders that may be levels, and why the others have none."""

    photos: tuple[Photo, ...]
    levels: Mapping[str, Dirs]  # by name of a photo
    reasons: Mapping[str, Code]
    forms: bool

    @classmethod
    def of(cls, photos: Sequence[Photo]) -> FolderLevels:
        """Open folders that say nothing and those that hold the rest."""
        opened = open_folders(Counter((photo.split, photo.dirs) for photo in photos))
        inner = ((photo, opened.inner[photo.dirs]) for photo in photos)
        levels = {photo.name: dirs for photo, dirs in inner if dirs is not None}
        unlabeled = (photo.name for photo in photos if photo.dirs in opened.unlabeled)
        return cls(tuple(photos), levels, dict.fromkeys(unlabeled, NotTakenCode.UNLABELED), opened.forms)

    def depth(self) -> int:
        """Return the number of levels, to a limit."""
        return min(max(map(len, set(self.levels.values())), default=0), _DEEPEST_LEVEL)

    def read(self, level: int, fewest: int = 2) -> Reading | None:
        """Return the reading by the folders of one level, counted from 1."""
        given = {name: dirs[level - 1] for name, dirs in self.levels.items() if len(dirs) >= level}
        labels, spellings = _match_splits(given, self.photos)
        reading = make_reading(
            Source.FOLDERS, f"folders:{level}", labels, self.photos, NotTakenCode.OUTSIDE_CLASSES,
            message(OriginCode.FOLDERS) if level == 1 else message(OriginCode.LEVEL, level=level),
            reasons=self.reasons, fewest=fewest,
        )  # fmt: skip
        if reading is None:
            return None
        put_together = {dirs for name, dirs in self.levels.items() if len(dirs) > level}
        notes = [message(NoteCode.SPELLINGS, pairs=spellings[:_SHOWN])] if spellings else []
        if put_together:
            notes.append(message(NoteCode.PUT_TOGETHER, count=len(put_together)))
        return replace(reading, notes=tuple(notes))


def read_folders(photos: Sequence[Photo], split: SplitLayout) -> list[Reading]:
    """Return the readings by folder, the likeliest first; a reason to ask is in its ``questions``."""
    found = FolderLevels.of(photos)
    readings = [reading for level in range(1, found.depth() + 1) if (reading := found.read(level))]
    members = find_collections(found.levels)
    if members and readings:
        collections = read_collections(found.photos, found.levels, members, found.reasons)
        first = [_question(reading) for reading in readings if reading.option == "folders:1"]
        if collections is not None and first:
            return [collections, *first]
        return [replace(reading, questions=(QuestionCode.COLLECTIONS,)) for reading in readings]
    readings = [_question(reading) for reading in readings]
    if not readings or readings[0].option != "folders:1":
        readings += _one_class(found)
    if not readings or len(readings[0].class_counts()) == 1:
        return readings
    if found.forms:
        readings = [_group_copies(reading) for reading in readings]
    return [*_without_doubtful(readings[0], split), *readings[1:]]


def _question(reading: Reading) -> Reading:
    """Add why folders whose names are dates, patients or say nothing are asked about."""
    labels = set(reading.class_counts())
    for applies, question in (
        (all(map(is_date, labels)), QuestionCode.DATES),
        (all(map(is_group, labels)), QuestionCode.GROUPS),
        (say_nothing(labels), QuestionCode.NO_CLASS_NAMES),
    ):
        if applies:
            return replace(reading, questions=(question,))
    return reading


def _one_class(found: FolderLevels) -> list[Reading]:
    """Return the reading of photos that all lie in one folder, whose name says something: a class that came alone."""
    reading = found.read(1, fewest=1)
    classes = list(reading.class_counts()) if reading else []
    return [reading] if reading and len(classes) == 1 and names_a_class(classes[0]) else []


def _without_doubtful(reading: Reading, split: SplitLayout) -> list[Reading]:
    """Return the reading without the folders that are named like splits or forms of pictures, and that with them.

    ``folders`` is the option of the first, ``folders:1`` of the second. A form with few photos is left out unasked.
    """
    counts = reading.class_counts()
    like_splits = {label for label in counts if split_of(label) or label in split.words}
    forms = {label for label in counts if is_container(label) or is_form(label)} - like_splits
    forms |= {label for label in counts if counts[label] >= _NEARLY_ALL * reading.total and not names_a_class(label)}
    few = sum(counts[label] for label in forms) <= _FEW * reading.total
    doubtful = like_splits | forms
    if not doubtful:
        return [reading]
    question = QuestionCode.SPLIT_AS_CLASS if like_splits else QuestionCode.FORM_AS_CLASS
    asked = message(AskedCode[question.name], folders=sorted(doubtful)[:_SHOWN], count=len(doubtful))
    whole = replace(reading, questions=(question,), asked=(asked,))
    without = drop_classes(reading, like_splits, forms)
    if without is None:
        return [whole]
    return [without if few and not like_splits else replace(without, questions=(question,), asked=(asked,)), whole]


def drop_classes(reading: Reading, like_splits: Iterable[str], others: Iterable[str]) -> Reading | None:
    """Return the reading without some classes, if at least two stay."""
    splits, dropped = set(like_splits), {*like_splits, *others}
    kept = {name: label for name, label in reading.labels.items() if label not in dropped}
    if len(set(kept.values())) < 2:
        return None
    reasons = {
        name: NotTakenCode.UNLABELED_SPLIT if label in splits else NotTakenCode.OUTSIDE_CLASSES
        for name, label in reading.labels.items()
        if label in dropped
    }
    in_splits = sum(label in splits and reading.splits[name] == "train" for name, label in reading.labels.items())
    return replace(
        reading,
        option="folders",
        labels=kept,
        splits={name: reading.splits[name] for name in kept},
        groups={name: group for name, group in reading.groups.items() if name in kept},
        not_taken={**reading.not_taken, **reasons},
        matched=sum(reading.splits[name] == "train" for name in kept),
        total=reading.total - in_splits,
    )


def _match_splits(labels: dict[str, str], photos: Sequence[Photo]) -> tuple[dict[str, str], list[Message]]:
    """Give a class of another split the spelling of the training class that looks the same.

    Where a split has two classes that look the same, its classes are not matched.
    """
    splits = {photo.name: photo.split for photo in photos}
    found: dict[str, set[str]] = defaultdict(set)
    for label, split in {(label, splits[name]) for name, label in labels.items()}:
        found[label].add(split)
    others = {label for label, own_splits in found.items() if "train" not in own_splits}
    if not others:
        return labels, []
    alike: dict[tuple[str, str], set[str]] = defaultdict(set)
    for label, own_splits in found.items():
        for split in own_splits:
            alike[split, label_key(label)].add(label)
    known = {}
    for label in others:
        key = label_key(label)
        own = [alike[split, key] for split in found[label]]
        if len(alike["train", key]) == 1 and all(names == {label} for names in own):
            (known[label],) = alike["train", key]
    notes = [message(NoteCode.SPELLING, name=name, label=label) for name, label in sorted(known.items())]
    return {name: known.get(label, label) for name, label in labels.items()}, notes


def _group_copies(reading: Reading) -> Reading:
    """Group photos of a class that have one name in several folders for forms: original, augmented."""
    keys = {name: (label, Photo(name, ()).stem.casefold()) for name, label in reading.labels.items()}
    counts = Counter(keys.values())
    groups = {name: f"{label}/{stem}" for name, (label, stem) in keys.items() if counts[label, stem] > 1}
    if 2 * len(groups) < len(keys):
        return reading
    return replace(reading, groups=groups, groups_from="names")
