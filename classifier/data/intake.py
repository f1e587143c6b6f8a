"""Folder or dropped files -> files with a class and a split each, and a reason for every other file."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..config import LIMITS, Limits
from ..errors import DataError
from ..messages import Code, Message, message
from ..messages.data import IntakeCode, LeftOutCode
from .labels import clean_label, natural_key

SPLIT_NAMES = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip

_JUNK_NAMES = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir"}
_PICTURE_SUFFIXES = {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp",
    ".avif", ".heic", ".heif", ".hif", ".ico", ".jp2", ".j2k", ".ppm", ".pgm", ".pbm",
}  # fmt: skip


Parts = tuple[str, ...]  # of a path, as in pathlib


@dataclass(frozen=True)
class LeftOut:
    """A file that was not taken: the name the person knows it under, and the reason as a message."""

    file: str
    message: Message

    @property
    def reason(self) -> str:
        """The reason as an English sentence."""
        return str(self.message)

    @property
    def code(self) -> Code:
        """The reason for program logic."""
        return self.message.code


@dataclass(frozen=True)
class LabeledFile:
    """A file's relative name, its class (None: in no class folder), and its split: train, val or test."""

    name: str
    label: str | None
    split: str


def assign_classes(names: Sequence[str], limits: Limits = LIMITS) -> tuple[list[LabeledFile], list[LeftOut]]:
    """Derive class and split of files from their relative names; ``/`` and ``\\`` both separate folders.

    The folder that holds the class folders is found thus, since people wrap them in other folders:

    - Only names with the suffix of a picture, or none, are counted; a README changes nothing.
    - A folder is a *wrapper*, and the search goes on inside it, if it holds one folder and nothing else, or at
      least two folders with twice as many pictures in them as lie beside them. So a few loose files in a wrapper
      do no harm, and a class folder with one subfolder stays one class.
    - The folders inside the innermost wrapper are the classes; pictures deeper down belong to them.
    - They are splits instead if each has a name of ``SPLIT_NAMES``, ``train`` and one other are among them, and
      ``train`` holds folders: then those are the classes. Otherwise “train” is a class, of vehicles.

    The order of ``names`` is kept, and equal names get equal classes. Files of the operating system and names
    that are unsafe or unreadable are returned as left out. Reads no file.
    """
    codes = [_check_name(name) for name in names]
    left_out = [LeftOut(clean_name(name), message(code)) for name, code in zip(names, codes) if code]
    usable = [(name, _split_path(name)) for name, code in zip(names, codes) if code is None]
    pictures = [parts for _, parts in usable if _has_picture_suffix(parts)]
    base, has_splits = _find_class_folders(pictures or [parts for _, parts in usable])
    return [_assign_class(name, parts, base, has_splits, limits) for name, parts in usable], left_out


def clean_name(name: str) -> str:
    """Replace what cannot be encoded as UTF-8, so that a name of any bytes can be shown and stored."""
    return name.encode("utf-8", "replace").decode("utf-8")


def is_junk(name: str) -> bool:
    """Return whether a name belongs to the operating system: dot files and folders, ``__MACOSX``, ``Thumbs.db``."""
    return any(part.startswith(".") or part.lower() in _JUNK_NAMES for part in _split_path(name))


def is_outside(name: str) -> bool:
    """Return whether a relative name leaves its folder: ``..``, absolute, a drive letter, an empty part."""
    return bool(re.match(r"[A-Za-z]:", name)) or any(part in ("", "..") for part in re.split(r"[\\/]", name))


def scan(folder: Path, limits: Limits = LIMITS) -> Iterator[tuple[str, Path]]:
    """Yield (name relative to ``folder``, path) of every file below it, in natural order.

    Links are not followed and dot folders not entered: they are yielded as they are, for ``assign_classes`` and
    ``check_regular_file`` to refuse. Raises ``DataError`` if the folder is missing or unreadable, holds nothing,
    or holds more than ``limits.files``.
    """
    if not folder.is_dir():
        raise DataError(IntakeCode.MISSING, place=str(folder))
    count = 0
    for count, path in enumerate(_walk(folder), start=1):
        if count > limits.files:
            raise DataError(IntakeCode.TOO_MANY_FILES, name=folder.name, limit=limits.files)
        yield path.relative_to(folder).as_posix(), path
    if not count:
        raise DataError(IntakeCode.EMPTY_FOLDER, name=folder.name)


def check_regular_file(path: Path) -> LeftOutCode | None:
    """Return why ``path`` is not a regular file (a link, a device, a folder), or None if it is one."""
    if path.is_symlink():
        return LeftOutCode.LINK
    return None if path.is_file() else LeftOutCode.NOT_A_FILE


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def _check_name(name: str) -> LeftOutCode | None:
    if is_outside(name):
        return LeftOutCode.NAME_OUTSIDE
    if any("\ud800" <= letter <= "\udfff" for letter in name):  # surrogates: bytes that are no UTF-8
        return LeftOutCode.NAME_UNREADABLE
    return LeftOutCode.JUNK if is_junk(name) else None


def _split_path(name: str) -> Parts:
    return tuple(part for part in re.split(r"[\\/]", name) if part != ".")


def _has_picture_suffix(parts: Parts) -> bool:
    suffix = PurePosixPath(parts[-1]).suffix.lower()
    return not suffix or suffix in _PICTURE_SUFFIXES


def _find_class_folders(pictures: list[Parts]) -> tuple[Parts, bool]:
    """Return the folder that holds the class folders, and whether it holds split folders instead."""
    base: Parts = ()
    while True:
        inside = [parts[len(base) :] for parts in pictures if parts[: len(base)] == base]
        folders = Counter(parts[0] for parts in inside if len(parts) > 1)
        if len(folders) != 1 or not _is_wrapper(parts[1:] for parts in inside if parts[0] in folders):
            return base, _holds_splits(folders, inside)
        base = (*base, *folders)


def _is_wrapper(inside: Iterable[Parts]) -> bool:
    depths = [(parts[0], len(parts)) for parts in inside]
    folders = {first for first, depth in depths if depth > 1}
    loose = sum(depth == 1 for _, depth in depths)
    return (len(folders) == 1 and not loose) or (len(folders) > 1 and 3 * loose <= len(depths))


def _holds_splits(folders: Counter[str], inside: list[Parts]) -> bool:
    splits = {_parse_split(folder) for folder in folders}
    classes_below = any(len(parts) > 2 and _parse_split(parts[0]) == "train" for parts in inside)
    return None not in splits and "train" in splits and len(splits) > 1 and classes_below


def _parse_split(folder: str) -> str | None:
    return SPLIT_NAMES.get(folder.strip().lower())


def _assign_class(name: str, parts: Parts, base: Parts, has_splits: bool, limits: Limits) -> LabeledFile:
    below = parts[len(base) :] if parts[: len(base)] == base else ()
    split = "train"
    if has_splits and len(below) > 1:
        split, below = _parse_split(below[0]) or "train", below[1:]
    label = clean_label(below[0], limits) if len(below) > 1 else ""
    return LabeledFile(name, label or None, split)


def _walk(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir(), key=lambda path: natural_key(path.name))
    except OSError as error:
        raise DataError(IntakeCode.FOLDER_UNREADABLE, name=folder.name) from error
    for path in entries:
        # A dot folder is one entry: “.git” may hold more files than there are photos.
        if path.is_dir() and not path.is_symlink() and not path.name.startswith("."):
            yield from _walk(path)
        else:
            yield path
