"""Folders, zips and uploads -> lists of files with their names; zips inside a folder or zip are opened, one level."""

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
from ..messages.workflows import WorkflowCode
from .archives import Unpacked, unpack
from .intake import LeftOut, check_name, check_regular_file, clean_name, normalize_name, scan
from .layout import Decision, read_layout, read_texts, wants_text
from .layout.photos import find_photos
from .layout.split_names import split_words
from .layout.wording import places
from .packed_pictures import unpack_pictures
from .project_mark import is_project_file

FilePaths = list[tuple[str, Path]]


@dataclass(frozen=True)
class File:
    """A file: ``name`` as the person knows it, ``key`` the normalized name within its ``FileSet``.

    ``archive`` is the name of the zip that it came in, None where it came in none.
    """

    name: str
    key: str
    path: Path
    archive: str | None = None


@dataclass(frozen=True)
class FileSet:
    """The files of one folder or zip; ``name`` is its own, empty where there is none.

    ``has_folder``: the keys begin with the name already.
    """

    name: str
    files: tuple[File, ...]
    has_folder: bool = False

    def joint_key(self, file: File) -> str:
        """Return the name of a file among those of several sets: the set's own name counts as one folder."""
        return file.key if self.has_folder or not self.name else f"{self.name}/{file.key}"


@dataclass
class Listing:
    """The files that came, by the folder or zip they came in, and those that are not used whatever they hold.

    ``archives`` are the names of the zips that files came in, by the path of the unpacked file.
    """

    sets: list[FileSet] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[Message] = field(default_factory=list)
    archives: dict[Path, str] = field(default_factory=dict)

    def count(self) -> int:
        """Return the number of files."""
        return sum(len(one.files) for one in self.sets)


def list_data(data: Sequence[Path], into: Path, limits: Limits) -> Listing:
    """Return the files of folders, and of zips unpacked into ``into``; of several, also tables given by themselves.

    Raises ``DataError`` where one of them is neither, is empty, or is a zip that could do harm.
    """
    listing = Listing()
    for number, (place, name) in enumerate(zip(data, _distinct(map(_own_name, data)))):
        several = len(data) > 1
        if several and place.is_file() and wants_text(place.name):
            _add(listing, "", [(place.name, place)])
            continue
        files = _files_of(place, into / str(number), limits, listing)
        _add(listing, name, files, shown=f"{name}/" if several else "")
    return _checked(listing, limits)


def list_upload(files: Iterable[tuple[str, Path]], into: Path, limits: Limits) -> Listing:
    """Return the files of an upload, given as (relative name, path); zips are unpacked into ``into``.

    Each zip that lies in no folder is a ``FileSet``, and so are all other files together.
    """
    listing = Listing()
    given = [(name, normalize_name(name), path) for name, path in files]
    zips = [(key, path) for name, key, path in given if _is_zip(key) and "/" not in key and not check_name(name)]
    others = [(name, path) for name, key, path in given if (key, path) not in zips]
    if others:
        others = _open(others, into / "inside", limits, listing)
        tops = {key.split("/")[0] if "/" in key else "" for key in _usable_keys(others)}
        _add(listing, tops.pop() if len(tops) == 1 else "", others, has_folder=True)
    several = len(zips) + bool(others) > 1
    for number, ((_, path), name) in enumerate(zip(zips, _distinct(key[:-4] for key, _ in zips))):
        unpacked = _unpack(path, into / str(number), limits, listing)
        _add(listing, name, unpacked, shown=f"{name}/" if several else "")
    return _checked(listing, limits)


def _own_name(place: Path) -> str:
    resolved = place if place.name else place.resolve()  # of “.”
    return resolved.stem if _is_zip(place.name) else resolved.name


def _distinct(names: Iterable[str]) -> list[str]:
    """Number the second and later of equal names: “photos”, “photos (2)”."""
    counts: Counter[str] = Counter()
    result = []
    for name in names:
        counts[name] += 1
        result.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return result


def _add(listing: Listing, name: str, files: FilePaths, shown: str = "", has_folder: bool = False) -> None:
    """Add a set to the listing, without the files that are refused for their names; ``shown`` comes before each."""
    usable = []
    for file, path in files:
        code = check_name(file)
        if code is None:
            usable.append(File(shown + file, normalize_name(file), path, listing.archives.get(path)))
        else:
            listing.left_out.append(LeftOut(clean_name(shown + file), message(code)))
    listing.sets.append(FileSet(name, tuple(usable), has_folder))


def _usable_keys(files: FilePaths) -> list[str]:
    return [normalize_name(name) for name, _ in files if check_name(name) is None]


def _checked(listing: Listing, limits: Limits) -> Listing:
    count = listing.count() + len(listing.left_out)
    if count > limits.files:
        raise DataError(ProjectCode.TOO_MANY_AT_ONCE, count=count, limit=limits.files)
    refused = [left for left in listing.left_out if left.code is not LeftOutCode.JUNK]
    if refused and not listing.count():
        raise none_usable(refused)
    return listing


def none_usable(left_out: Sequence[LeftOut]) -> DataError:
    """Return the error that no file can be used: their number, where they lie, and why not, reason by reason."""
    by_code: dict[Code, list[Message]] = {}
    for left in left_out:
        by_code.setdefault(left.code, []).append(left.message)
    reasons = [
        message(WorkflowCode.REASON, count=len(messages), reason=outline(messages).rstrip("."))
        for messages in sorted(by_code.values(), key=lambda messages: -len(messages))
    ]
    found = places(left.file for left in left_out)
    return DataError(WorkflowCode.NONE_USABLE, count=len(left_out), places=found, reasons=reasons)


def _files_of(place: Path, into: Path, limits: Limits, listing: Listing) -> FilePaths:
    if place.is_dir():
        return _open(list(scan(place, limits)), into, limits, listing)
    if place.is_file() and not zipfile.is_zipfile(place) and not _is_zip(place.name):
        raise DataError(ProjectCode.NOT_FOLDER_OR_ZIP, name=place.name)
    return _unpack(place, into, limits, listing)


def _unpack(archive: Path, into: Path, limits: Limits, listing: Listing) -> FilePaths:
    """Return the files of a zip, and those of the zips inside it."""
    unpacked = _unpack_one(archive, archive.name, into, limits, listing)
    return _open(unpacked.files, into / "inside", unpacked.limits_left, listing)


def _unpack_one(archive: Path, name: str, into: Path, limits: Limits, listing: Listing, shown: str = "") -> Unpacked:
    """Unpack a zip that the person knows as ``name``; ``shown`` comes before the names of what is left out."""
    if is_project_file(archive):
        raise DataError(ProjectFileCode.IS_PROJECT, name=name)
    unpacked = unpack(archive, into, limits, name)
    listing.left_out += [replace(left, file=shown + left.file) for left in unpacked.left_out]
    if unpacked.guessed is not None:
        listing.notes.append(message(UploadNoteCode.CODE_PAGE, name=name, page=unpacked.guessed))
    if not unpacked.files:
        raise DataError(ProjectCode.EMPTY_ZIP, name=name)
    outer = listing.archives.get(archive)
    listing.archives |= dict.fromkeys((path for _, path in unpacked.files), f"{outer}/{name}" if outer else name)
    return unpacked


# -- zips and packed pictures inside a folder or zip


def _open(files: FilePaths, into: Path, limits: Limits, listing: Listing) -> FilePaths:
    """Return the files with those of the zips among them, and the pictures in place of the files that pack them."""
    opened = _open_zips(files, into, limits, listing)
    pictures, left_out = unpack_pictures(opened, into / "pictures", limits)
    listing.left_out += left_out
    return pictures


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


def _open_zips(files: FilePaths, into: Path, limits: Limits, listing: Listing) -> FilePaths:
    """Return the files with those of the zips among them, under the name of the zip as a folder.

    Raises ``LayoutError`` where there is nothing but zips that cannot be opened, or several that nothing joins.
    """
    zips = [(name, path) for name, path in files if _is_zip(name) and not check_name(name)]
    if not zips:
        return files
    rest = [file for file in files if file not in zips]
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
            opened += _unpack_inside(name, path, into / str(number), _what_is_left(limits, opened), listing)
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


def _what_is_left(limits: Limits, files: FilePaths) -> Limits:
    """Return the limits for the next zip, so that several together hold no more than one may."""
    size = sum(path.stat().st_size for _, path in files)
    return replace(limits, files=max(1, limits.files - len(files)), bytes_unpacked=max(1, limits.bytes_unpacked - size))
