"""The reading that ``--labels`` names and the groups that ``--groups`` names, also where they were not offered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...errors import LayoutError
from ...messages import Message, message
from ...messages.layout import AnswerCode, OptionCode
from .candidates import Candidates, distinct
from .columns import NamedTable, TableLabels
from .decision import Decision, Layout, choice
from .folders import FolderLevels
from .groups import TableGroups, group_by_folders, group_by_names, group_by_table, without_groups
from .names import read_names
from .reading import Reading
from .table_readings import Joined

_LABELS = ("folders", "names", "boxes")
_GROUPS = ("auto", "names", "folders", "none")


def option_file(option: str | None) -> str | None:
    """Return the file, perhaps with a column, that a value of ``--labels`` or ``--groups`` names; None for a word."""
    if option is None or option in _GROUPS or option.partition(":")[0] in _LABELS:
        return None
    return option


def choose_labels(found: Candidates, layout: Layout, option: str) -> Layout:
    """Return the layout with the reading of ``option`` first and alone taken. Raises ``LayoutError`` if none is so."""
    reading = next((reading for reading in layout.readings if reading.option == option), None)
    if reading is None:
        possible = _possible(found, option)
        if isinstance(possible, Message):
            raise _no_such_reading(found, layout, option, possible)
        reading = found.finish(possible)
    chosen = replace(reading, questions=(), asked=())
    return replace(layout, decision=Decision.READ, readings=(chosen,), questions=(), refusal=None, reasons=())


def choose_groups(found: Candidates, layout: Layout, option: str) -> Layout:
    """Return the layout with the groups of ``option`` in each reading. Raises ``LayoutError`` if there are none."""
    if option == "auto" or not layout.readings:
        return layout
    readings = tuple(_regroup(found, layout, reading, option) for reading in layout.readings)
    return replace(layout, readings=readings)


def _possible(found: Candidates, option: str) -> Reading | Message:
    """Return the reading of an option, or why there is none."""
    word, _, detail = option.partition(":")
    if word == "folders":
        return _folders(found, detail)
    if word == "names":
        if detail not in ("", "first", "ending"):
            return message(OptionCode.NO_WORD, words=["names:first", "names:ending"])
        readings = [*found.names, *read_names(found.held_apart, thorough=True)]
        named = (reading for reading in readings if reading.option == option or not detail)
        return next(named, None) or message(OptionCode.NO_NAMES)
    if option == "boxes":
        return found.boxes[0] if found.boxes else message(OptionCode.NO_BOXES)
    return _table(found, option)


def _folders(found: Candidates, level: str) -> Reading | Message:
    if level and not (level.isdecimal() and 0 < int(level[:4]) < 1000):
        return message(OptionCode.NO_WORD, words=["folders", "folders:1", "folders:2"])
    same = (reading for reading in found.folders if reading.option == f"folders:{level}" or not level)
    reading = next(same, None) or FolderLevels.of(found.photos).read(int(level or 1), fewest=1)
    return reading or message(OptionCode.NO_FOLDERS)


def _table(found: Candidates, option: str) -> Reading | Message:
    """Return the reading of FILE[:COLUMN]: of the columns that were found, otherwise of any column."""
    joined = [labels for labels in found.joined if option.casefold() in labels.aliases()]
    readings = [reading for labels in joined if (reading := found.read(labels))]
    if readings:
        return max(readings, key=lambda reading: (reading.rank, not reading.questions))
    file, column, tables = _split_option(found.named, option)
    if not tables:
        return _why_no_table(found, option)
    numbers = [(table, table.column_of(column)) for table in tables] if column else []
    if column and all(number is None for _, number in numbers):
        titles = [tables[0].title(number) for number in tables[0].columns()]
        return message(OptionCode.NO_COLUMN, file=file, column=column, columns=titles)
    members: list[TableLabels] = [table.read_column(n) for table, n in numbers if n is not None]
    reading = found.read(Joined(tuple(members))) if members else None
    return replace(reading, option=option) if reading else message(OptionCode.NO_LABELS)


def _split_option(tables: Sequence[NamedTable], option: str) -> tuple[str, str, list[NamedTable]]:
    """Divide FILE:COLUMN at the last colon before which a file is named; return file, column and its tables."""
    colons = [len(option), *(place for place in range(len(option) - 1, 0, -1) if option[place] == ":")]
    for place in colons:
        named = [table for table in tables if _is_named(table.table.name, option[:place])]
        if named:
            return option[:place], option[place + 1 :], named
    return option, "", []


def _is_named(name: str, wanted: str) -> bool:
    wanted = wanted.replace("\\", "/").removeprefix("./").casefold()
    return name.casefold() == wanted or name.rpartition("/")[2].casefold() == wanted


def _why_no_table(found: Candidates, option: str) -> Message:
    for file in (option, option.rpartition(":")[0]):
        for name, code in found.unreadable.items():
            if _is_named(name, file):
                return message(OptionCode.FILE_UNREADABLE, file=name, reason=code)
        if any(_is_named(name, file) for name in found.tables_by_name):
            return message(OptionCode.NO_PHOTO_NAMED, file=file)
    return message(OptionCode.NO_FILE, file=option)


def _no_such_reading(found: Candidates, layout: Layout, option: str, reason: Message) -> LayoutError:
    possible = distinct([*layout.readings, *found.folders, *found.tables, *found.boxes, *found.names])
    choices = (
        message(AnswerCode.POSSIBLE, choices=[choice(reading) for reading in possible])
        if possible
        else message(AnswerCode.NONE_POSSIBLE)
    )
    return LayoutError(
        AnswerCode.NO_SUCH_READING, layout.readings, layout, option=option, reason=reason, choices=choices
    )


def _regroup(found: Candidates, layout: Layout, reading: Reading, option: str) -> Reading:
    if option == "none":
        return without_groups(reading)
    if option in ("names", "folders"):
        grouped = group_by_names(reading) if option == "names" else group_by_folders(reading)
        reason = message(OptionCode.NO_GROUPS)
    else:
        table = _groups_of_table(found, option)
        if isinstance(table, Message):
            raise LayoutError(AnswerCode.NO_SUCH_GROUPS, layout.readings, layout, option=option, reason=table)
        grouped = group_by_table(reading, table)
        reason = message(OptionCode.NO_PHOTO_NAMED, file=option)
    if not grouped.groups:
        raise LayoutError(AnswerCode.NO_SUCH_GROUPS, layout.readings, layout, option=option, reason=reason)
    return grouped


def _groups_of_table(found: Candidates, option: str) -> TableGroups | Message:
    file, title, tables = _split_option(found.named, option)
    if not tables:
        return _why_no_table(found, option)
    groups: dict[str, str] = {}
    for table in tables:
        column = table.column_of(title) if title else None
        only = table.columns()[0] if len(table.columns()) == 1 else None
        by_index = table.groups(column) or (table.groups(only) if only is not None else {})
        groups |= {found.photos[number].name: group for number, group in by_index.items()}
    return TableGroups(file, groups) if groups else message(OptionCode.NO_GROUPS)
