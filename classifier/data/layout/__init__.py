"""Names and small texts -> the readings of a data set: where labels, splits and groups come from.

Pure: no file is opened. A reading is taken unasked only where one reading fits and its evidence is strong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ...messages import Code
from ...messages.layout import NotTakenCode, QuestionCode, RefusalCode
from .boxes import is_yolo, read_boxes
from .columns import read_columns, read_tables
from .decision import Decision, Layout
from .folders import read_folders, remove_masks
from .names import read_names
from .options import choose_reading, option_file
from .photos import ARCHIVE_SUFFIXES, PICTURE_SUFFIXES, PhotoIndex, find_photos, is_array, is_junk, suffix_of
from .reading import Reading, Source
from .split_names import split_words
from .splits import SplitLayout, assign_splits, without_splits
from .tables import HostileTableError, Table, read_table
from .texts import Texts, read_texts, wants_text

__all__ = [
    "Decision",
    "Layout",
    "Reading",
    "Source",
    "Texts",
    "choose",
    "option_file",
    "read_layout",
    "read_texts",
    "wants_text",
]

_COVERED = 0.9  # share of the training photos that class folders must hold to be taken unasked
_OFFERED = 3  # readings at most
_NOT_TABLES = (".labels", ".xml", ".yaml", ".yml")


def read_layout(names: Sequence[str], texts: Mapping[str, str]) -> Layout:
    """Return the readings of a data set from its relative file names, with ``/``, and the content of small texts.

    Example::

        layout = read_layout(["cat/1.jpg", "cat/2.jpg", "dog/1.jpg"], {})
        layout.readings[0].labels["dog/1.jpg"]  # "dog"
    """
    candidates = _candidates(names, texts)
    return candidates if isinstance(candidates, Layout) else candidates.decide()


def choose(names: Sequence[str], texts: Mapping[str, str], labels: str | None, groups: str = "auto") -> Layout:
    """Return the layout with the reading that ``--labels`` and ``--groups`` take.

    Args:
        names: relative file names, with ``/``.
        texts: the content of small texts by name; also of a table outside the data set, under the name in the option.
        labels: ``folders[:LEVEL]``, ``names[:first|ending]``, ``boxes`` or ``FILE[:COLUMN]``; None reads the layout.
        groups: ``auto``, ``names``, ``folders``, ``FILE`` or ``none``.

    Raises:
        LayoutError: where no such reading is possible.
    """
    if labels is None:
        return read_layout(names, texts)
    candidates = _candidates(names, texts)
    if isinstance(candidates, Layout):
        raise candidates.error()
    return choose_reading(candidates.all(), candidates.decide(), labels)


def _candidates(names: Sequence[str], texts: Mapping[str, str]) -> _Choice | Layout:
    pictures = find_photos(names)
    if not pictures:
        return Layout(Decision.REFUSE, refusal=_why_no_photos(names), names=tuple(names))
    splits = assign_splits(pictures)
    photos, masks = remove_masks(splits.photos)
    not_taken: dict[str, Code] = dict.fromkeys(masks, NotTakenCode.MASK)
    not_taken |= dict.fromkeys(splits.beside, NotTakenCode.BESIDE_SPLITS)
    folders = read_folders(photos, not_taken)
    if splits.doubtful:
        folders = _distinct([*folders, *read_folders(without_splits(pictures).photos, {})])
    index = PhotoIndex(photos)
    tables, unreadable = _read_texts(texts)
    found = [labels for table in tables for labels in read_columns(table, index)] + read_boxes(texts, index)
    by_table = read_tables(found, photos, splits.active, not_taken)
    endings = not any(suffix_of(name) in PICTURE_SUFFIXES for name in pictures)
    return _Choice(
        splits, folders, by_table, lambda: read_names(photos, not_taken, endings), endings, pictures, tuple(unreadable)
    )


def _why_no_photos(names: Sequence[str]) -> RefusalCode:
    usable = [name for name in names if not is_junk(name)]
    if any(map(is_array, usable)):
        return RefusalCode.ONLY_ARRAYS
    return RefusalCode.ONLY_ARCHIVES if any(suffix_of(n) in ARCHIVE_SUFFIXES for n in usable) else RefusalCode.NO_PHOTOS


def _read_texts(texts: Mapping[str, str]) -> tuple[list[Table], list[str]]:
    tables, unreadable = [], []
    for name, text in texts.items():
        base = name.rpartition("/")[2].casefold()
        if is_junk(name) or name.endswith(_NOT_TABLES) or base.startswith("sample_submission") or is_yolo(text):
            continue
        try:
            table = read_table(name, text)
        except HostileTableError:
            unreadable.append(name)
            continue
        if table is not None:
            tables.append(table)
    return tables, unreadable


def _distinct(readings: Iterable[Reading]) -> list[Reading]:
    """Leave out readings that put the same photos together as an earlier one."""
    kept: list[Reading] = []
    for reading in readings:
        if not any(reading.agrees_with(other) and len(other.labels) >= len(reading.labels) for other in kept):
            kept.append(reading)
    return kept


@dataclass(frozen=True)
class _Choice:
    """The candidates of a layout; ``names`` reads file names, which is done only where nothing else fits."""

    splits: SplitLayout
    folders: Sequence[Reading]
    tables: Sequence[Reading]
    names: Callable[[], list[Reading]]
    endings: bool
    pictures: Sequence[str]
    unreadable: tuple[str, ...]

    def all(self) -> list[Reading]:
        """Return every reading that is possible."""
        return [*self.folders, *self.tables, *self.names()]

    def decide(self) -> Layout:
        """Return the readings that fit and what to do with them."""
        return replace(
            self._decide(), photos=len(self.pictures), unreadable=self.unreadable, names=tuple(self.pictures)
        )

    def _decide(self) -> Layout:
        """Class folders first, unless a table names nearly all photos of one folder; then tables, boxes, names."""
        folder = self.folders[0] if self.folders else None
        certain = [reading for reading in self.tables if not reading.questions]
        if self.endings and not certain and (names := self.names()):
            return _ask(names)
        beating = self._tables_of_one_folder(folder)
        if beating and not beating[0].questions:
            return self._take_tables(certain, folder)
        if beating:
            return _ask([*beating, *self.folders[:1]])
        if folder is not None and self._are_classes(folder):
            return self._take_folders(folder, certain)
        if certain:
            return self._take_tables(certain, None)
        return self._ask_for_the_rest(folder)

    def _are_classes(self, folder: Reading) -> bool:
        return folder.matched >= _COVERED * folder.total and not self._named_like_splits(folder)

    def _named_like_splits(self, folder: Reading) -> list[str]:
        """Return the classes that are named like a split and lie in folders that may be splits."""
        if self.splits.active and not self.splits.doubtful:
            return []
        return [label for label in folder.class_counts() if label in self.splits.words and split_words(label)]

    def _tables_of_one_folder(self, folder: Reading | None) -> list[Reading]:
        """Return the tables that name nearly all photos of the one folder in which these lie, against the folders."""
        return [
            table
            for table in self.tables
            if table.source is Source.TABLE
            and QuestionCode.SEVERAL_LABELS not in table.questions
            and 2 * table.matched >= table.total
            and not (folder is not None and folder.agrees_with(table))
            and self._covers_one_folder(table)
        ]

    def _covers_one_folder(self, table: Reading) -> bool:
        folders = {_folder_of(name) for name in table.labels}
        if len(folders) != 1:
            return False
        inside = sum(_folder_of(photo.name) in folders for photo in self.splits.photos)
        return len(table.labels) >= _COVERED * inside or not table.questions

    def _take_folders(self, folder: Reading, certain: Sequence[Reading]) -> Layout:
        differing = [table for table in certain if not folder.agrees_with(table)]
        if differing or folder.questions or self.splits.doubtful:
            questions = folder.questions or (QuestionCode.TABLE_DIFFERS if differing else QuestionCode.BESIDE_SPLITS,)
            return _ask([folder, *differing, *self.folders[1:]], questions)
        return Layout(Decision.READ, tuple(_distinct([folder, *self.folders[1:]])))

    def _take_tables(self, certain: Sequence[Reading], folder: Reading | None) -> Layout:
        distinct = _distinct(certain)
        if len(distinct) > 1 or self.splits.doubtful:
            return _ask(distinct, (QuestionCode.TABLES_DIFFER,))
        usable = folder is not None and self._are_classes(folder)
        return Layout(Decision.READ, tuple(_distinct([*distinct, *([folder] if usable and folder else [])])))

    def _ask_for_the_rest(self, folder: Reading | None) -> Layout:
        tables = [reading for reading in self.tables if reading.source is Source.TABLE]
        boxes = [reading for reading in self.tables if reading.source is Source.BOXES]
        named = [reading for reading in boxes if not all(label.isdigit() for label in reading.class_counts())]
        numbered = [reading for reading in boxes if reading not in named]
        candidates = [*tables, *named, *self.names(), *numbered]
        questions: tuple[QuestionCode, ...] = ()
        if folder is not None:
            like_splits = self._named_like_splits(folder)
            if like_splits:
                questions = (QuestionCode.SPLIT_AS_CLASS,)
                if len(like_splits) < len(folder.class_counts()):
                    candidates = [*_without(folder, like_splits), folder, *candidates]
            else:
                candidates.append(folder)
        return _ask(candidates, questions) if candidates else Layout(Decision.REFUSE, refusal=RefusalCode.NO_LABELS)


def _folder_of(name: str) -> tuple[str, ...]:
    """Return the folders of a photo that are no splits."""
    return tuple(part for part in name.split("/")[:-1] if not split_words(part))


def _without(reading: Reading, labels: Sequence[str]) -> list[Reading]:
    """Return the reading without some classes, if at least two stay."""
    kept = {name: label for name, label in reading.labels.items() if label not in labels}
    if len(set(kept.values())) < 2:
        return []
    dropped = {name: NotTakenCode.OUTSIDE_CLASSES for name in reading.labels if name not in kept}
    return [
        replace(
            reading,
            labels=kept,
            splits={name: reading.splits[name] for name in kept},
            not_taken={**reading.not_taken, **dropped},
            matched=sum(reading.splits[name] == "train" for name in kept),
        )
    ]


def _ask(readings: Iterable[Reading], questions: tuple[QuestionCode, ...] = ()) -> Layout:
    offered = tuple(_distinct(readings))[:_OFFERED]
    reasons = questions or tuple(dict.fromkeys(question for reading in offered for question in reading.questions))
    return Layout(Decision.ASK, offered, reasons or (QuestionCode.FEW_LABELED,))
