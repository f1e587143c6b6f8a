"""Zip, folder or dropped files -> files with a class and a split each, and a reason for every other file."""

from __future__ import annotations

import hashlib
import lzma
import re
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..config import LIMITS, Limits
from ..errors import DataError
from ..files import remove, storage_error
from ..messages import Code, Message, message
from ..messages.data import IntakeCode, LeftOutCode
from .labels import clean_label, natural_key

SPLIT_NAMES = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
ZIP_SIGNATURE = rb"PK\x03\x04|PK\x05\x06"  # regular expressions over the first bytes of a file
ARCHIVE_SIGNATURE = rb"7z\xbc\xaf\x27\x1c|Rar!|\x1f\x8b|BZh|\xfd7zXZ|.{257}ustar"
_ANY_ARCHIVE = re.compile(ZIP_SIGNATURE + b"|" + ARCHIVE_SIGNATURE, re.DOTALL)

_JUNK_NAMES = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir"}
_PICTURE_SUFFIXES = {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp",
    ".avif", ".heic", ".heif", ".hif", ".ico", ".jp2", ".j2k", ".ppm", ".pgm", ".pbm",
}  # fmt: skip
_ARCHIVE_SUFFIXES = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst")
_OFFICE_SUFFIXES = (".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp")  # zips too, but harmless beside photos

_CHUNK = 2**18  # bytes
_NEVER_A_BOMB = 50_000_000  # bytes unpacked
_SHOWN_LETTERS = 60  # of a member's name in an error
_ENCRYPTED = 0x2041  # flag bits 0, 6 and 13 of a zip member: encryption of content or of names
_UTF8 = 0x800

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


def unpack(archive: Path, into: Path, limits: Limits = LIMITS) -> list[tuple[str, Path]]:
    """Write the files of a zip into ``into`` under numbers as names; return (name inside the zip, path) pairs.

    A zip that could do harm is refused as a whole with ``DataError``; ``StorageError`` is raised where the disk is
    full. In both cases nothing of the zip stays on disk.
    """
    if not archive.is_file():
        raise DataError(IntakeCode.MISSING, place=str(archive))
    created = not into.exists()
    files: list[tuple[str, Path]] = []
    try:
        into.mkdir(parents=True, exist_ok=True)
        with _translate_zip_errors(archive), zipfile.ZipFile(archive) as packed:
            for name, info in _list_members(packed, archive, limits):
                files.append((name, into / f"{len(files):06}"))
                _extract_member(packed, info, name, files[-1][1])
    except BaseException:
        for _, path in files:
            remove(path)
        if created and into.is_dir():
            into.rmdir()
        raise
    return files


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


@contextmanager
def _translate_zip_errors(archive: Path) -> Iterator[None]:
    try:
        yield
    except NotImplementedError as error:  # a compression method that zipfile lacks
        raise DataError(IntakeCode.ZIP_METHOD, name=archive.name) from error
    except OSError as error:
        if error.errno is None:  # bz2 reports bad data as an OSError without a number
            raise DataError(IntakeCode.ZIP_DAMAGED, name=archive.name) from error
        raise storage_error(error) from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, RuntimeError) as error:
        raise DataError(IntakeCode.ZIP_DAMAGED, name=archive.name) from error


def _list_members(packed: zipfile.ZipFile, archive: Path, limits: Limits) -> list[tuple[str, zipfile.ZipInfo]]:
    """Return the files of a zip, after checking every entry, their number and their sizes."""
    members = [(_decode_name(info), info) for info in packed.infolist()]
    for name, info in members:
        _check_member(name, info)
    files = [(name, info) for name, info in members if not name.endswith(("/", "\\"))]
    if len(files) > limits.files:
        raise DataError(IntakeCode.ZIP_TOO_MANY_FILES, count=len(files), limit=limits.files)
    _check_size(sum(info.file_size for _, info in files), archive.stat().st_size, limits)
    return files


def _decode_name(info: zipfile.ZipInfo) -> str:
    """Decode a member's name: macOS writes UTF-8 without setting the flag, and zipfile then reads cp437."""
    if info.flag_bits & _UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _check_member(name: str, info: zipfile.ZipInfo) -> None:
    shown = name[:_SHOWN_LETTERS]
    if is_outside(name.rstrip("/\\")):
        raise DataError(IntakeCode.ZIP_OUTSIDE, member=shown)
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise DataError(IntakeCode.ZIP_LINK, member=shown)
    if info.flag_bits & _ENCRYPTED:
        raise DataError(IntakeCode.ZIP_LOCKED)
    if name.lower().endswith(_ARCHIVE_SUFFIXES) and not is_junk(name):
        raise DataError(IntakeCode.ZIP_NESTED, member=shown)


def _check_size(unpacked: int, packed: int, limits: Limits) -> None:
    """Check the declared sizes in bytes; they suffice, since zipfile gives at most the declared size of a member."""
    if unpacked > limits.bytes_unpacked:
        raise DataError(IntakeCode.ZIP_TOO_BIG, limit=limits.bytes_unpacked)
    # Photos hardly shrink in a zip. Small amounts do no harm, and a few texts may pack very well.
    if unpacked > _NEVER_A_BOMB and unpacked > limits.ratio * packed:
        raise DataError(IntakeCode.ZIP_BOMB, limit=limits.ratio)


def _extract_member(packed: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, path: Path) -> None:
    with packed.open(info) as source, path.open("xb") as target:
        chunk = source.read(_CHUNK)
        if _ANY_ARCHIVE.match(chunk) and not name.lower().endswith(_OFFICE_SUFFIXES):
            raise DataError(IntakeCode.ZIP_NESTED, member=name[:_SHOWN_LETTERS])
        while chunk:
            target.write(chunk)
            chunk = source.read(_CHUNK)
    if path.stat().st_size != info.file_size:
        raise zipfile.BadZipFile("a member is shorter than its header declares")
