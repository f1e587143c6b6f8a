"""Names and files as they come: which are harmless, which belong to the operating system, and what a folder holds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..config import LIMITS, Limits
from ..errors import DataError
from ..messages import Code, Message
from ..messages.data import IntakeCode, LeftOutCode
from .labels import natural_key
from .placeholders import placeholder_name_code

_JUNK_NAMES = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir"}
_LONGEST_NAME = 4096  # letters with those of the folders, as many as the bytes that Linux takes
_MOST_FOLDERS = 100  # around a file: reading a layout takes the square of their number


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


def clean_name(name: str) -> str:
    """Replace what cannot be encoded as UTF-8, so that a name of any bytes can be shown and stored."""
    return name.encode("utf-8", "replace").decode("utf-8")


def normalize_name(name: str) -> str:
    """Return a relative name with ``/`` between its parts, without parts that are empty or ``.``."""
    return "/".join(_split_path(name))


def is_junk(name: str) -> bool:
    """Return whether a name belongs to the operating system: dot files and folders, ``__MACOSX``, ``Thumbs.db``."""
    return any(part.startswith(".") or part.lower() in _JUNK_NAMES for part in _split_path(name))


def is_outside(name: str) -> bool:
    """Return whether a relative name leaves its folder: ``..``, absolute, with a drive letter, or nothing at all."""
    return re.match(r"[\\/]|[A-Za-z]:[\\/]", name) is not None or ".." in (parts := _split_path(name)) or not parts


def check_name(name: str) -> LeftOutCode | None:
    """Return why a file is not used because of its name, or None."""
    if is_outside(name):
        return LeftOutCode.NAME_OUTSIDE
    if any("\ud800" <= letter <= "\udfff" for letter in name):  # surrogates: bytes that are no UTF-8
        return LeftOutCode.NAME_UNREADABLE
    if len(name) > _LONGEST_NAME or name.count("/") + name.count("\\") > _MOST_FOLDERS:
        return LeftOutCode.NAME_TOO_LONG
    return (placeholder_name_code(name) or LeftOutCode.JUNK) if is_junk(name) else None


def scan(folder: Path, limits: Limits = LIMITS) -> Iterator[tuple[str, Path]]:
    """Yield (name relative to ``folder``, path) of every file below it, in natural order.

    Links are followed that stay inside ``folder``, each linked folder once, so that a circle ends; the path of a file
    behind a link is that of the file itself. Other links and dot folders are yielded as they are, for
    ``check_regular_file`` and ``check_name`` to refuse. Raises ``DataError`` if the folder is missing or unreadable,
    holds nothing, or holds more than ``limits.files``.
    """
    if not folder.is_dir():
        raise DataError(IntakeCode.MISSING, place=str(folder))
    count = 0
    for count, found in enumerate(_walk(folder, "", folder.resolve(), set()), start=1):
        if count > limits.files:
            raise DataError(IntakeCode.TOO_MANY_FILES, name=folder.name, limit=limits.files)
        yield found
    if not count:
        raise DataError(IntakeCode.EMPTY_FOLDER, name=folder.name)


def check_regular_file(path: Path) -> LeftOutCode | None:
    """Return why ``path`` is not a regular file (a link, a device, a folder), or None if it is one."""
    if path.is_symlink():
        return LeftOutCode.LINK if path.exists() else LeftOutCode.LINK_BROKEN
    return None if path.is_file() else LeftOutCode.NOT_A_FILE


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def _split_path(name: str) -> list[str]:
    return [part for part in re.split(r"[\\/]", name) if part not in ("", ".")]


def _walk(folder: Path, prefix: str, root: Path, linked: set[Path]) -> Iterator[tuple[str, Path]]:
    """Yield the files below ``folder``; ``linked`` are the folders that a link led to so far."""
    try:
        entries = sorted(folder.iterdir(), key=lambda path: natural_key(path.name))
    except OSError as error:
        raise DataError(IntakeCode.FOLDER_UNREADABLE, name=folder.name) from error
    for path in entries:
        name = prefix + path.name
        target = _follow(path, root, linked)
        # A dot folder is one entry: “.git” may hold more files than there are photos.
        if target.is_dir() and not target.is_symlink() and not path.name.startswith("."):
            yield from _walk(target, f"{name}/", root, linked)
        else:
            yield name, target


def _follow(path: Path, root: Path, linked: set[Path]) -> Path:
    """Return what a link leads to, or the path itself where it is no link or one that is not followed."""
    if not path.is_symlink():
        return path
    try:
        target, parent = path.resolve(strict=True), path.parent.resolve()
    except (OSError, RuntimeError):  # it leads nowhere, or to itself
        return path
    if not target.is_relative_to(root):
        return path
    if target.is_dir():
        if target in linked or parent.is_relative_to(target):
            return path
        linked.add(target)
    return target
