"""Folders, zips, tars, Parquet files and uploads -> lists of files with their names.

Zips inside a folder or zip are opened, one level; so are the tars and Parquet files of a folder without photos.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..config import Limits
from ..errors import DataError, LayoutError
from ..messages import Code, Message, message, outline
from ..messages.data import IntakeCode, LeftOutCode, ProjectCode, UploadNoteCode
from ..messages.project_files import ProjectFileCode
from ..messages.shards import ShardCode
from ..messages.workflows import WorkflowCode
from .archives import Unpacked, what_is_left
from .file_sets import File, FileSet, distinct, join_samples
from .intake import LeftOut, check_name, check_regular_file, clean_name, normalize_name, scan
from .layout import Decision, option_file, read_layout, read_texts, wants_text
from .layout.photos import PICTURE_SUFFIXES, find_photos, suffix_of
from .layout.split_names import split_words
from .layout.wording import amounts
from .packed_pictures import unpack_pictures
from .project_mark import is_project_file
from .samples import is_shard, read_list, unpack, without_suffix

FilePaths = list[tuple[str, Path]]


@dataclass
class Listing:
    """The files that came, by the folder or zip they came in, and those that are not used whatever they hold.

    ``archives`` are the names of the zips that files came in, by the path of the unpacked file. ``column`` is where
    tars and Parquet files have the classes, None where it is to be found, ``groups_column`` where Parquet files have
    the groups, None for no groups. ``reduced``: whether of their pictures only small copies are kept.
    """

    sets: list[FileSet] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[Message] = field(default_factory=list)
    archives: dict[Path, str] = field(default_factory=dict)
    column: str | None = None
    groups_column: str | None = None
    reduced: bool = False

    def count(self) -> int:
        """Return the number of files."""
        return sum(len(one.files) for one in self.sets)


def list_data(
    data: Sequence[Path], into: Path, limits: Limits, labels: str | None = None, reduced: bool = False,
    groups: str = "auto",
) -> Listing:  # fmt: skip
    """Return the files of folders, and of zips unpacked into ``into``; of several, also tables given by themselves.

    Tars and Parquet files are unpacked likewise, and so are those that a text lists line by line. ``labels`` is the
    value of ``--labels``, which may name their column of classes, and ``groups`` that of ``--groups``, which may name
    the column of groups of Parquet files; ``reduced``: whether only small copies of their pictures are kept, since the
    data is larger than the disk.

    Raises ``DataError`` where one of them is none of these, is empty, or could do harm.
    """
    listing = Listing(column=option_file(labels), groups_column=_groups_column(groups), reduced=reduced)
    places = [one for place in data for one in read_list(place)]
    several = len(places) > 1
    names = distinct(_own_name(name, place) for name, place in places)
    for number, ((base, place), name) in enumerate(zip(places, names)):
        if several and place.is_file() and wants_text(base) and not is_shard(base, place):
            _add(listing, "", [(base, place)])
        else:
            _add_place(listing, name, base, place, into / str(number), limits, several)
    return _checked(listing, limits)


def list_upload(files: Iterable[tuple[str, Path]], into: Path, limits: Limits) -> Listing:
    """Return the files of an upload, given as (relative name, path); zips are unpacked into ``into``.

    Each zip that lies in no folder is a ``FileSet``, so is each tar or Parquet file with photos, and so are all other
    files together.
    """
    listing = Listing()
    given = [(name, normalize_name(name), path) for name, path in files]
    loose = [(key, path) for name, key, path in given if "/" not in key and not check_name(name)]
    zips = [(key, path) for key, path in loose if _is_zip(key) or is_shard(key, path)]
    apart = set(zips)
    others = [(name, path) for name, key, path in given if (key, path) not in apart]
    if others:
        tops = {key.split("/")[0] if "/" in key else "" for key in _usable_keys(others)}
        name = tops.pop() if len(tops) == 1 else ""
        _add_opened(listing, name, others, into / "inside", limits, has_folder=True)
    several = len(zips) + bool(others) > 1
    for number, ((key, path), name) in enumerate(zip(zips, distinct(without_suffix(key) for key, _ in zips))):
        _add_place(listing, name, key, path, into / str(number), limits, several)
    return _checked(listing, limits)


def _groups_column(groups: str) -> str | None:
    """Return the column that a value of ``--groups`` names; None where it is a word, or names a table."""
    name = option_file(groups)
    return name if name and not any(map(wants_text, (name, name.rpartition(":")[0]))) else None


def _own_name(name: str, place: Path) -> str:
    return without_suffix(name or place.resolve().name)  # of “.”


def _add(listing: Listing, name: str, files: FilePaths, shown: str = "", has_folder: bool = False) -> None:
    """Add a set to the listing; ``shown`` comes before the names of its files."""
    listing.sets.append(FileSet(name, _usable(listing, files, shown), has_folder))


def _usable(listing: Listing, files: FilePaths, shown: str = "") -> tuple[File, ...]:
    """Return the files whose names can be used; the others are left out."""
    usable = []
    for file, path in files:
        code = check_name(file)
        if code is None:
            usable.append(File(shown + file, normalize_name(file), path, listing.archives.get(path)))
        else:
            listing.left_out.append(LeftOut(clean_name(shown + file), message(code)))
    return tuple(usable)


def _usable_keys(files: FilePaths) -> list[str]:
    return [normalize_name(name) for name, _ in files if check_name(name) is None]


def _checked(listing: Listing, limits: Limits) -> Listing:
    listing.sets = join_samples(listing.sets)
    count = listing.count() + len(listing.left_out)
    if count > limits.files:
        raise DataError(ProjectCode.TOO_MANY_AT_ONCE, count=count, limit=limits.files)
    refused = [left for left in listing.left_out if left.code is not LeftOutCode.JUNK]
    if refused and not listing.count():
        raise none_usable(refused)
    return listing


def none_usable(left_out: Sequence[LeftOut]) -> DataError:
    """Return the error that no file can be used: their number, where they lie, and why not, reason by reason."""
    if len(left_out) == 1:
        reason = str(left_out[0].message).rstrip(".")
        return DataError(WorkflowCode.ONE_UNUSABLE, file=left_out[0].file, reason=reason)
    by_code: dict[Code, list[Message]] = {}
    for left in left_out:
        by_code.setdefault(left.code, []).append(left.message)
    reasons = [
        message(WorkflowCode.REASON, count=len(messages), reason=outline(messages).rstrip("."))
        for messages in sorted(by_code.values(), key=lambda messages: -len(messages))
    ]
    found = amounts(left.file for left in left_out)
    return DataError(WorkflowCode.NONE_USABLE, count=len(left_out), places=found, reasons=reasons)


def _add_place(listing: Listing, name: str, base: str, place: Path, into: Path, limits: Limits, several: bool) -> None:
    """Add a folder, zip, tar or Parquet file.

    Args:
        listing: where it is added.
        name: of the set.
        base: what the person calls the file.
        place: where it is.
        into: folder for what is unpacked.
        limits: what is refused as too large.
        several: whether the names of its files begin with the name of the set, to be told apart from those of others.
    """
    shown = f"{name}/" if several else ""
    if place.is_dir():
        files = list(scan(place, limits))
        shards = [file for file in files if is_shard(*file)]
        apart = set(shards)
        rest = [file for file in files if file not in apart]
        if not shards or has_pictures(_usable_keys(rest)):
            _add_opened(listing, name, files, into, limits, shown)
            return
        for number, (inside, path) in enumerate(shards):
            nested = f"{name}/{without_suffix(inside)}"
            _add_place(listing, nested, inside, path, into / str(number), limits, several=len(shards) > 1)
        listing.left_out += [LeftOut(clean_name(shown + file), message(LeftOutCode.NOT_A_FILE)) for file, _ in rest]
        return
    if not place.is_file():
        raise DataError(IntakeCode.MISSING, place=str(place))
    if without_suffix(base) == base and not zipfile.is_zipfile(place):
        raise DataError(ProjectCode.NOT_FOLDER_OR_ZIP, name=base)
    try:
        unpacked = _unpack_one(place, base, into, limits, listing)
    except DataError as error:
        if not several or error.code is not ShardCode.EMPTY:
            raise
        listing.left_out.append(LeftOut(clean_name(base), error.message))  # the others may hold photos
        return
    if unpacked.samples:
        _add_unpacked(listing, name, unpacked)
    else:
        _add_opened(listing, name, unpacked.files, into / "inside", unpacked.limits_left, shown)


def _unpack_one(archive: Path, name: str, into: Path, limits: Limits, listing: Listing, shown: str = "") -> Unpacked:
    """Unpack a zip that the person knows as ``name``; ``shown`` comes before the names of what is left out."""
    if is_project_file(archive):
        raise DataError(ProjectFileCode.IS_PROJECT, name=name)
    first = listing.count() + len(listing.left_out)
    unpacked = unpack(archive, into, limits, name, listing.column, first, listing.reduced, listing.groups_column)
    listing.left_out += [replace(left, file=shown + left.file) for left in unpacked.left_out]
    if unpacked.guessed is not None:
        listing.notes.append(message(UploadNoteCode.CODE_PAGE, name=name, page=unpacked.guessed))
    if not unpacked.files:
        raise DataError(ShardCode.EMPTY if is_shard(name, archive) else ProjectCode.EMPTY_ZIP, name=name)
    outer = listing.archives.get(archive)
    listing.archives |= dict.fromkeys((path for _, path in unpacked.files), f"{outer}/{name}" if outer else name)
    return unpacked


# -- zips and packed pictures inside a folder or zip


def _add_opened(
    listing: Listing, name: str, files: FilePaths, into: Path, limits: Limits, shown: str = "", has_folder: bool = False
) -> None:
    """Add files with those of the zips among them, and the pictures in place of the files that pack them."""
    unpacked = unpack_pictures(_open_zips(files, into, limits, listing), into / "pictures", limits)
    listing.left_out += unpacked.left_out
    _add_unpacked(listing, name, unpacked, shown, has_folder)


def _add_unpacked(listing: Listing, name: str, unpacked: Unpacked, shown: str = "", has_folder: bool = False) -> None:
    """Add files as a set, and the samples among them as another."""
    samples = [file for file in unpacked.files if file[1] in unpacked.samples]
    others = [file for file in unpacked.files if file[1] not in unpacked.samples]
    if others or not samples:
        _add(listing, name, others, shown, has_folder)
    if samples:
        files = _usable(listing, samples)
        listing.sets.append(FileSet(name, tuple(replace(file, sample=unpacked.samples[file.path]) for file in files)))


def has_pictures(names: Iterable[str]) -> bool:
    """Return whether any file has the suffix of a picture."""
    return any(suffix_of(name.rpartition("/")[2]) in PICTURE_SUFFIXES for name in names)


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


def _open_zips(files: FilePaths, into: Path, limits: Limits, listing: Listing) -> FilePaths:
    """Return the files with those of the zips among them, under the name of the zip as a folder.

    Raises ``LayoutError`` where there is nothing but zips that cannot be opened, or several that nothing joins.
    """
    zips = [(name, path) for name, path in files if _is_zip(name) and not check_name(name)]
    if not zips:
        return files
    apart = set(zips)
    rest = [file for file in files if file not in apart]
    keys = _usable_keys(rest)
    readable = [(name, path) for name, path in zips if zipfile.is_zipfile(path)]
    candidates = [normalize_name(name) for name, _ in readable or zips]
    chosen = _choose_zips(candidates, keys, lambda: _reads(rest, limits)) if readable else set(candidates)
    has_photos = bool(find_photos(keys))
    if not chosen and not has_photos:
        raise LayoutError(IntakeCode.ZIPS_APART, count=len(zips), names=[name for name, _ in zips])
    opened: FilePaths = []
    for number, (name, path) in enumerate(zips):
        if normalize_name(name) in candidates and normalize_name(name) not in chosen:
            listing.left_out.append(LeftOut(name, message(IntakeCode.ZIP_BESIDE)))
            continue
        try:
            opened += _unpack_inside(name, path, into / str(number), what_is_left(limits, opened), listing)
        except DataError as error:
            listing.left_out.append(LeftOut(name, error.message))
    if not has_photos and not opened:
        raise LayoutError(IntakeCode.ZIPS_UNREADABLE, reasons=_reasons(listing.left_out))
    return [*rest, *opened]


def _reasons(left_out: Sequence[LeftOut]) -> list[Message]:
    """Return each reason with the files that it is of."""
    by_code: dict[Code, list[LeftOut]] = {}
    for left in left_out:
        by_code.setdefault(left.code, []).append(left)
    return [
        message(
            IntakeCode.ZIP_REASON,
            names=[left.file for left in same],
            reason=outline([left.message for left in same]).rstrip("."),
        )
        for same in by_code.values()
    ]


def _choose_zips(zips: list[str], others: list[str], others_read: Callable[[], bool]) -> set[str]:
    """Return the zips to open: one in each folder, or those named like splits; not any that lie beside class folders.

    Args:
        zips: normalized names.
        others: those of the other files.
        others_read: whether the other files alone are a data set with labels.
    """
    like_splits = {name for name in zips if split_words(Path(name).stem)}
    if find_photos(others) and others_read():
        return like_splits
    one_each = max(Counter(Path(name).parent for name in zips).values()) == 1
    if one_each or len(like_splits) == len(zips):
        return set(zips)
    return like_splits if find_photos(others) else set()


def _reads(files: FilePaths, limits: Limits) -> bool:
    keyed = [(normalize_name(name), path) for name, path in files if check_name(name) is None]
    texts = read_texts(keyed, limits).texts
    return read_layout([key for key, _ in keyed], texts).decision is Decision.READ


def _unpack_inside(name: str, path: Path, into: Path, limits: Limits, listing: Listing) -> FilePaths:
    code = check_regular_file(path)
    if code:
        raise DataError(code)
    shown = f"{name[:-4]}/"
    unpacked = _unpack_one(path, name, into, limits, listing, shown)
    return [(shown + inside, file) for inside, file in unpacked.files]
