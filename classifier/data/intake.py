"""Zip, folder or dropped files -> files with a class and a split each, and a reason for every other file."""

from __future__ import annotations

import errno
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
from ..errors import DataError, StorageError
from ..messages import Code, Message, message
from ..messages.data import IntakeCode, LeftOutCode
from .labels import clean_label, natural_key

_SPLITS = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
_JUNK_NAMES = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir"}
_PICTURE_ENDINGS = {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp",
    ".avif", ".heic", ".heif", ".hif", ".ico", ".jp2", ".j2k", ".ppm", ".pgm", ".pbm",
}  # fmt: skip

_ARCHIVE_ENDINGS = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst")
_OFFICE_ENDINGS = (".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp")  # zips too, but harmless strays
_ARCHIVE = re.compile(rb"PK\x03\x04|PK\x05\x06|7z\xbc\xaf\x27\x1c|Rar!|\x1f\x8b|BZh|\xfd7zXZ|.{257}ustar", re.DOTALL)

Parts = tuple[str, ...]


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
    """A file's class (None: it lies in no class folder) and its split: ``train``, ``val`` or ``test``."""

    name: str
    label: str | None
    split: str


def is_hostile(name: str) -> bool:
    """Whether a relative name points outside its folder: ``..``, absolute, a drive letter, an empty part."""
    return bool(re.match(r"[A-Za-z]:", name)) or any(part in ("", "..") for part in re.split(r"[\\/]", name))


def assign_classes(names: Sequence[str], limits: Limits = LIMITS) -> tuple[list[LabeledFile], list[LeftOut]]:
    """Classes and splits from relative names alone; ``/`` and ``\\`` both separate folders.

    How the class folders are found, since people drop them in every wrapping:

    - Only names that end like a picture (or have no ending) decide; a README changes nothing.
    - Equal names share a fate, and the order of ``names`` is kept.
    - A folder is a *wrapper*, and is opened, when it holds one folder and nothing else, or at least
      two folders with twice as many pictures in them as lie loose beside them. So a few strays in
      a wrapper do no harm, and a class folder with one odd subfolder stays one class.
    - The folders inside the innermost wrapper are the classes; pictures deeper down belong to them.
    - They are splits instead if each is named like one, ``train`` and one other are among them, and
      ``train`` holds folders: then those are the classes. Otherwise “train” is a vehicle.
    """
    left_out = [LeftOut(clean_name(name), message(code)) for name in names if (code := _check_name(name))]
    usable = [(name, _split_path(name)) for name in names if not _check_name(name)]
    pictures = [parts for _, parts in usable if _looks_like_picture(parts)]
    base, has_splits = _layout(pictures or [parts for _, parts in usable])
    return [_place(name, parts, base, has_splits, limits) for name, parts in usable], left_out


def _split_path(name: str) -> Parts:
    return tuple(part for part in re.split(r"[\\/]", name) if part != ".")


def _check_name(name: str) -> LeftOutCode | None:
    if is_hostile(name):
        return LeftOutCode.NAME_OUTSIDE
    if any("\ud800" <= letter <= "\udfff" for letter in name):  # surrogates: undecodable bytes
        return LeftOutCode.NAME_UNREADABLE
    return LeftOutCode.JUNK if is_junk(name) else None


def clean_name(name: str) -> str:
    """A file name that can be shown and stored whatever bytes it came with."""
    return name.encode("utf-8", "replace").decode("utf-8")


def is_junk(name: str) -> bool:
    """Whether a name belongs to the computer: dot files and folders, ``__MACOSX``, ``Thumbs.db`` and such."""
    return any(part.startswith(".") or part.lower() in _JUNK_NAMES for part in _split_path(name))


def _looks_like_picture(parts: Parts) -> bool:
    ending = PurePosixPath(parts[-1]).suffix.lower()
    return not ending or ending in _PICTURE_ENDINGS


def _layout(pictures: list[Parts]) -> tuple[Parts, bool]:
    """The folder that holds the class folders, and whether it holds split folders instead."""
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
    found = {_split_of(folder) for folder in folders}
    classes_below = any(len(parts) > 2 and _split_of(parts[0]) == "train" for parts in inside)
    return None not in found and "train" in found and len(found) > 1 and classes_below


def _split_of(folder: str) -> str | None:
    return _SPLITS.get(folder.strip().lower())


def _place(name: str, parts: Parts, base: Parts, has_splits: bool, limits: Limits) -> LabeledFile:
    below = parts[len(base) :] if parts[: len(base)] == base else ()
    split = "train"
    if has_splits and len(below) > 1:
        split, below = _split_of(below[0]) or "train", below[1:]
    label = clean_label(below[0], limits) if len(below) > 1 else ""
    return LabeledFile(name, label or None, split)


def scan(folder: Path, limits: Limits = LIMITS) -> Iterator[tuple[str, Path]]:
    """Every file below ``folder`` in natural order, as (name relative to it, path).

    Links are never followed, and dot folders never entered: they are given as they are, for
    ``assign_classes`` and ``check_regular_file`` to refuse. Raises ``DataError`` when the folder is missing or
    unreadable, holds nothing, or holds more than ``limits.files``.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder or zip at “{folder}”; check the name and try again.")
    count = 0
    for count, path in enumerate(_walk(folder), start=1):
        if count > limits.files:
            raise DataError(
                f"“{folder.name}” holds more than {limits.files:,} files; choose the folder of photos only."
            )
        yield path.relative_to(folder).as_posix(), path
    if not count:
        raise DataError(f"The folder “{folder.name}” is empty; put one folder of photos per class into it.")


def _walk(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir(), key=lambda path: natural_key(path.name))
    except OSError as error:
        raise DataError(f"The folder “{folder.name}” cannot be read; check that you may open it.") from error
    for path in entries:
        # One line for a whole “.git” is enough; it may hold more files than there are photos.
        if path.is_dir() and not path.is_symlink() and not path.name.startswith("."):
            yield from _walk(path)
        else:
            yield path


def check_regular_file(path: Path) -> LeftOutCode | None:
    """Return why ``path`` is not a regular file (a link, a device, a folder), or None if it is one."""
    if path.is_symlink():
        return LeftOutCode.LINK
    return None if path.is_file() else LeftOutCode.NOT_A_FILE


def unpack(archive: Path, into: Path, limits: Limits = LIMITS) -> list[tuple[str, Path]]:
    """Writes the files of a zip into ``into`` under made-up names; gives (name inside the zip, path).

    A zip that could do harm is refused whole with one ``DataError``, and nothing of it stays on disk.
    """
    if not archive.is_file():
        raise DataError(f"There is no folder or zip at “{archive}”; check the name and try again.")
    made = not into.exists()
    files: list[tuple[str, Path]] = []
    try:
        into.mkdir(parents=True, exist_ok=True)
        with _zip_errors(archive), zipfile.ZipFile(archive) as packed:
            members = _members(packed, archive, limits)
            amount = 0
            for number, (name, info) in enumerate(members):
                files.append((name, into / f"{number:06}"))
                for size in _write(packed, info, name, files[-1][1]):
                    amount += size  # what really comes out: the declared sizes may lie
                    _check_amount(amount, archive, limits)
    except BaseException:
        for _, path in files:
            path.unlink(missing_ok=True)
        if made and into.is_dir():
            into.rmdir()
        raise
    return files


@contextmanager
def _zip_errors(archive: Path) -> Iterator[None]:
    damaged = f"The zip “{archive.name}” is damaged or no zip at all; make it again from your photo folders."
    try:
        yield
    except NotImplementedError as error:
        raise DataError(
            f"“{archive.name}” is packed in a way this program cannot read; make it again as a plain zip."
        ) from error
    except OSError as error:
        if error.errno is None:  # bz2 reports bad data as an OSError without a number
            raise DataError(damaged) from error
        raise storage_error(error) from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, RuntimeError) as error:
        raise DataError(damaged) from error


def _members(packed: zipfile.ZipFile, archive: Path, limits: Limits) -> list[tuple[str, zipfile.ZipInfo]]:
    members = [(_member_name(info), info) for info in packed.infolist()]
    for name, info in members:
        _check_member(name, info)
    files = [(name, info) for name, info in members if not name.endswith(("/", "\\"))]
    if len(files) > limits.files:
        raise DataError(f"The zip holds {len(files):,} files, and at most {limits.files:,} are taken; split it in two.")
    _check_amount(sum(info.file_size for _, info in files), archive, limits)
    return files


def _member_name(info: zipfile.ZipInfo) -> str:
    """The name as its maker wrote it: macOS writes UTF-8 without saying so, and zipfile reads cp437."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _check_member(name: str, info: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if is_hostile(name.rstrip("/\\")):
        what = f"a file outside its own folder (“{name[:60]}”)"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        what = f"a link or device (“{name[:60]}”) in place of a file"
    elif info.flag_bits & 0x2041:
        what = "files locked with a password"
    elif name.lower().endswith(_ARCHIVE_ENDINGS) and not is_junk(name):
        what = f"another archive (“{name[:60]}”)"
    else:
        return
    raise DataError(f"The zip holds {what}, so it was not opened; make a plain zip of your photo folders.")


def _check_amount(amount: int, archive: Path, limits: Limits) -> None:
    if amount > limits.bytes_unpacked:
        raise DataError(f"The zip unpacks to more than {limits.bytes_unpacked / 1e6:,.0f} megabytes; split it in two.")
    # Photos hardly shrink in a zip. Below 50 MB nothing can go wrong, and a few texts may pack very well.
    if amount > 50e6 and amount > limits.ratio * archive.stat().st_size:
        raise DataError(
            f"The zip unpacks to more than {limits.ratio} times its size, as no photos do; it was not opened."
        )


def _write(packed: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, path: Path) -> Iterator[int]:
    """Unpacks one member piece by piece, giving each piece's size once it is read."""
    with packed.open(info) as source, path.open("xb") as target:
        chunk = source.read(2**18)
        if _ARCHIVE.match(chunk) and not name.lower().endswith(_OFFICE_ENDINGS):
            raise DataError(
                f"The zip holds another archive (“{name[:60]}”), so it was not opened; unpack that one first."
            )
        while chunk:
            yield len(chunk)
            target.write(chunk)
            chunk = source.read(2**18)
    if path.stat().st_size != info.file_size:
        raise zipfile.BadZipFile("a member is shorter than its header says")


def sha256(path: Path) -> str:
    """The fingerprint of a file's content, 64 hexadecimal letters."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def storage_error(error: OSError) -> StorageError:
    """The sentence for a file that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StorageError("The disk is full: nothing more can be saved; free some space and try again.")
    return StorageError("A file could not be saved; check that this program may write to its folder.")
