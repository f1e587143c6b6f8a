"""Which of the readings that fit is taken, which are asked about, and when none fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ...messages import message
from ...messages.layout import AskedCode, OriginCode, QuestionCode, ReasonCode, RefusalCode
from ..labels import label_key
from .candidates import Candidates, distinct
from .decision import Decision, Layout
from .reading import Reading, Source
from .refusal import refuse_photos
from .split_names import split_words

_COVERED = 0.9  # share of the training photos that class folders must hold to be taken unasked
_OFFERED = 3  # readings at most
# Reasons to ask about folders that a table with a header of a label settles.
_SETTLED_BY_TABLE = {QuestionCode.DATES, QuestionCode.GROUPS, QuestionCode.NO_CLASS_NAMES, QuestionCode.FORM_AS_CLASS}


def decide(candidates: Candidates) -> Layout:
    """Return the readings that fit and what to do with them."""
    if not candidates.photos:
        reason = message(ReasonCode.MASKS, count=len(candidates.masks))
        layout = Layout(Decision.REFUSE, refusal=RefusalCode.ONLY_MASKS, reasons=(reason,))
    else:
        layout = _Choice(candidates).decide()
    readings = tuple(candidates.finish(reading) for reading in layout.readings)
    return replace(
        layout,
        readings=readings,
        photos=len(candidates.pictures),
        names=tuple(candidates.pictures),
        unreadable=candidates.unreadable,
        lone_folder=candidates.split.lone,
    )


@dataclass(frozen=True)
class _Choice:
    """Class folders first, unless a table names nearly all photos of one folder; then tables, boxes, names."""

    found: Candidates

    def decide(self) -> Layout:
        folder = next((reading for reading in self.found.folders if self._are_classes(reading)), None)
        certain = [reading for reading in self.found.tables if not reading.questions]
        beating = [table for table in self.found.tables if self._beats(table, folder)]
        if beating and not beating[0].questions:
            return self._take_tables(certain, folder)
        if beating and folder is not None:
            return _ask([*beating, folder])
        if folder is not None:
            return self._take_folders(folder, certain)
        if certain:
            return self._take_tables(certain, None)
        return self._ask_for_the_rest()

    def _are_named(self) -> bool:
        """Return whether a table names most photos, which says that they are not all of one class."""
        return any(2 * len(table.named) > len(self.found.photos) for table in self.found.named)

    def _are_classes(self, reading: Reading) -> bool:
        if QuestionCode.COLLECTIONS in reading.questions:
            return True
        return reading.matched >= _COVERED * reading.total and len(reading.class_counts()) > 1

    def _beats(self, table: Reading, folder: Reading | None) -> bool:
        """Return whether a table names nearly all photos of one folder, which therefore is no class."""
        if folder is None or QuestionCode.SEVERAL_LABELS in table.questions or folder.agrees_with(table):
            return False
        if 2 * table.matched < table.total:
            return False
        inside = {_folder_of(name) for name in table.labels}
        if len(inside) != 1:
            return False
        there = sum(_folder_of(photo.name) in inside for photo in self.found.photos)
        return len(table.labels) >= _COVERED * there or not table.questions

    def _take_folders(self, folder: Reading, certain: Sequence[Reading]) -> Layout:
        others = [reading for reading in self.found.folders if reading is not folder]
        headed = (table for table in certain if table.rank and table.origin.code is OriginCode.COLUMN)
        differing = [table for table in headed if not folder.agrees_with(table)]
        if certain and folder.questions and set(folder.questions) <= _SETTLED_BY_TABLE:
            return self._take_tables(certain, folder)
        if folder.questions and any(folder.agrees_with(table) for table in certain):
            return _read([replace(folder, questions=()), *others])
        if differing:
            asked = message(AskedCode.TABLE_DIFFERS, file=_file(differing[0]))
            return _ask([folder, replace(differing[0], asked=(asked,)), *differing[1:], *others],
                        (*folder.questions, QuestionCode.TABLE_DIFFERS))  # fmt: skip
        if folder.questions:
            beside = self._beside(folder)
            first = [reading for reading in beside if reading.rank]
            return _ask([*first, folder, *others, *beside], _questions([*first, folder]))
        if self.found.split.doubtful:
            return _ask([folder, *others], (QuestionCode.BESIDE_SPLITS,))
        return _read([folder, *others])

    def _beside(self, folder: Reading) -> list[Reading]:
        """Return the readings by tables and names that stand beside folders which may be no classes."""
        if not set(folder.questions) & _SETTLED_BY_TABLE:
            return []
        return [*self.found.tables, *self.found.boxes, *self.found.names]

    def _take_tables(self, certain: Sequence[Reading], folder: Reading | None) -> Layout:
        best = distinct(reading for reading in certain if reading.rank == max(table.rank for table in certain))
        if len(best) > 1:
            return _ask(best, (QuestionCode.TABLES_DIFFER,))
        if self.found.split.doubtful:
            return _ask([*best, *self.found.folders], (QuestionCode.BESIDE_SPLITS,))
        return _read([*best, *certain, *([folder] if folder else [])])

    def _ask_for_the_rest(self) -> Layout:
        boxes = self.found.boxes
        numbered = [reading for reading in boxes if all(label.isdigit() for label in reading.class_counts())]
        named = [reading for reading in boxes if reading not in numbered]
        folders = [_ask_for_few(reading) for reading in self.found.folders if len(reading.class_counts()) > 1]
        alone = [reading for reading in self.found.folders if len(reading.class_counts()) == 1]
        first = [reading for reading in folders if QuestionCode.SPLIT_AS_CLASS in reading.questions]
        rest = [reading for reading in folders if reading not in first]
        candidates = [*first, *self.found.tables, *named, *self.found.names, *numbered, *rest]
        others = {reading.source for reading in candidates}
        if alone and others <= {Source.FOLDERS} and not self._are_named():
            return _read([*alone, *rest])
        if candidates:
            return _ask([*candidates, *(reading for reading in alone if _names_one_of(reading, candidates))])
        refusal, reasons = refuse_photos(
            self.found.photos, self.found.named, self.found.found, self.found.unreadable, self.found.split.active
        )
        before = (
            message(code, count=len(names))
            for code, names in (
                (ReasonCode.MASKS, self.found.masks),
                (ReasonCode.BESIDE_SPLITS, self.found.split.beside),
            )
            if names
        )
        return Layout(Decision.REFUSE, refusal=refusal, reasons=(*reasons, *before))


def _names_one_of(alone: Reading, others: Sequence[Reading]) -> bool:
    """Return whether photos of one folder may be one class, since some of their names begin so: mug/mug 1.jpg."""
    if any(reading.source is not Source.NAMES for reading in others):
        return False
    words = {label_key(label) for reading in others for label in reading.class_counts()}
    return all(label_key(label) in words for label in alone.class_counts())


def _ask_for_few(reading: Reading) -> Reading:
    asked = message(AskedCode.FEW_LABELED, count=reading.matched, total=reading.total)
    questions = reading.questions or (QuestionCode.FEW_LABELED,)
    return replace(reading, questions=questions, asked=reading.asked or (asked,))


def _file(reading: Reading) -> str:
    return str(dict(reading.origin.arguments).get("file", reading.option))


def _folder_of(name: str) -> tuple[str, ...]:
    """Return the folders of a photo that are no splits."""
    return tuple(part for part in name.split("/")[:-1] if not split_words(part))


def _read(readings: Iterable[Reading]) -> Layout:
    return Layout(Decision.READ, tuple(_with_own_options(readings)))


def _ask(readings: Iterable[Reading], questions: tuple[QuestionCode, ...] = ()) -> Layout:
    offered = tuple(_with_own_options(_prefer_words(readings)))
    return Layout(Decision.ASK, offered, questions or _questions(offered) or (QuestionCode.FEW_LABELED,))


def _questions(readings: Iterable[Reading]) -> tuple[QuestionCode, ...]:
    return tuple(dict.fromkeys(question for reading in readings for question in reading.questions))


def _prefer_words(readings: Iterable[Reading]) -> list[Reading]:
    """Put a reading with words for classes in the place of an earlier one with numbers that agrees with it."""
    ordered = list(readings)
    for place, reading in enumerate(ordered):
        if all(label.isdigit() for label in reading.class_counts()):
            worded = (
                other
                for other in ordered[place + 1 :]
                if len(other.labels) >= len(reading.labels)
                and not all(label.isdigit() for label in other.class_counts())
                and reading.agrees_with(other)
            )
            ordered[place] = next(worded, reading)
    return ordered


def _with_own_options(readings: Iterable[Reading]) -> list[Reading]:
    """Return at most three readings that differ, each with an option of its own."""
    offered: dict[str, Reading] = {}
    for reading in distinct(readings):
        offered.setdefault(reading.option, reading)
    return list(offered.values())[:_OFFERED]
