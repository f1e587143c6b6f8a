"""Why a data set has no reading, with numbers: what the files are, or what folders, tables and names lack."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from ...messages import Code, Message, message
from ...messages.layout import FileKindCode, ReasonCode, RefusalCode
from .columns import NamedTable, TableLabels
from .decision import Decision, Layout
from .folders import FolderLevels
from .names import why_no_labels
from .photos import ARCHIVE_SUFFIXES, VIDEO_SUFFIXES, Photo, array_kind, is_junk, suffix_of
from .split_names import split_of

_SHOWN = 5


def refuse_files(names: Sequence[str]) -> Layout:
    """Return the refusal of files without a picture: what they are, and what to do with them."""
    usable = [name for name in names if not is_junk(name)]
    arrays: dict[str, list[str]] = defaultdict(list)
    for name in usable:
        if kind := array_kind(name):
            arrays[kind].append(name)
    archives = [name for name in usable if suffix_of(_base(name)) in ARCHIVE_SUFFIXES and not array_kind(name)]
    videos = [name for name in usable if suffix_of(_base(name)) in VIDEO_SUFFIXES]
    if arrays:
        codes = [
            message(FileKindCode[kind.upper()], files=_shown(found), count=len(found)) for kind, found in arrays.items()
        ]
        help = FileKindCode.CIFAR_HELP if list(arrays) == ["cifar"] else FileKindCode.ARRAYS_HELP
        return _refuse(RefusalCode.ONLY_ARRAYS, names, codes, help)
    if archives:
        zips = all(suffix_of(_base(name)) == ".zip" for name in archives)
        help = FileKindCode.ARCHIVES_HELP if zips else FileKindCode.OTHER_ARCHIVES_HELP
        found = message(FileKindCode.ARCHIVES, files=_shown(archives), count=len(archives))
        return _refuse(RefusalCode.ONLY_ARCHIVES, names, [found], help)
    if videos:
        found = message(FileKindCode.VIDEOS, files=_shown(videos), count=len(videos))
        return _refuse(RefusalCode.NO_PHOTOS, names, [found], FileKindCode.VIDEOS_HELP)
    kinds = Counter(suffix_of(_base(name)) or _base(name) for name in usable).most_common(_SHOWN)
    found = message(FileKindCode.FILES, kinds=kinds) if kinds else message(FileKindCode.NO_FILES)
    return _refuse(RefusalCode.NO_PHOTOS, names, [found], FileKindCode.FILES_HELP)


def refuse_photos(
    photos: Sequence[Photo],
    named: Sequence[NamedTable],
    found: Sequence[TableLabels],
    unreadable: Mapping[str, Code],
    splits_active: bool,
) -> tuple[RefusalCode, tuple[Message, ...]]:
    """Return why photos have no label: several labels each, or what folders, tables and file names lack."""
    several = [labels for labels in found if labels.several]
    if several:
        return RefusalCode.SEVERAL_LABELS, tuple(map(_several, several[:1]))
    unread = [
        message(ReasonCode.TABLE_UNREADABLE, file=name, reason=code) for name, code in list(unreadable.items())[:_SHOWN]
    ]
    reasons = [_folders(photos, splits_active), *_tables(photos, named, found), *unread]
    if not named and not unread:
        reasons.append(message(ReasonCode.NO_TABLE))
    return RefusalCode.NO_LABELS, (*reasons, message(why_no_labels(photos)))


def _refuse(refusal: RefusalCode, names: Sequence[str], kinds: Sequence[Message], help: FileKindCode) -> Layout:
    return Layout(Decision.REFUSE, refusal=refusal, names=tuple(names), reasons=(*kinds, message(help)))


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _shown(names: Sequence[str]) -> list[str]:
    return [*names[:_SHOWN], *(["…"] if len(names) > _SHOWN else [])]


def _several(labels: TableLabels) -> Message:
    rest = len(labels.labels)
    numbers = {"several": len(labels.several), "total": len(labels.named), "none": len(labels.named) - rest}
    if not labels.table:
        return message(ReasonCode.SEVERAL_BOXES, several=len(labels.several), total=len(labels.named))
    numbers["none"] -= len(labels.several)
    return message(ReasonCode.SEVERAL_LABELS, file=labels.table, rest=rest, **numbers)


def _folders(photos: Sequence[Photo], splits_active: bool) -> Message:
    single = FolderLevels.of(photos).read(1, fewest=1) if splits_active else None
    trained = {label for name, label in single.labels.items() if single.splits[name] == "train"} if single else set()
    if single and len(trained) == 1:
        return message(ReasonCode.ONE_CLASS, label=next(iter(trained)), count=len(single.class_counts()) - 1)
    folders = Counter(photo.name.rpartition("/")[0] for photo in photos)
    if set(folders) == {""}:
        return message(ReasonCode.NO_FOLDERS, count=len(photos))
    if len(folders) == 1:
        return message(ReasonCode.ONE_FOLDER, folder=next(iter(folders)))
    parts = {part for folder in folders for part in folder.split("/") if split_of(part)}
    if splits_active and parts and not any(photo.dirs for photo in photos):
        return message(ReasonCode.ONLY_SPLITS, folders=sorted(parts)[:_SHOWN])
    return message(ReasonCode.NO_CLASS_FOLDERS)


def _tables(photos: Sequence[Photo], named: Sequence[NamedTable], found: Sequence[TableLabels]) -> list[Message]:
    reasons = []
    labeled = {labels.table for labels in found}
    for table in sorted(named, key=lambda table: -len(table.named))[:2]:
        code = ReasonCode.TABLE_FEW if table.table.name in labeled else ReasonCode.TABLE_NO_COLUMN
        reasons.append(message(code, file=table.table.name, count=len(table.named)))
    return reasons
