"""Uploaded files -> photos of a class, before anything is stored: headers, content hashes, repeated photos."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..config import Limits
from ..errors import PhotoError
from ..messages import Code, Message, message
from ..messages.data import LeftOutCode, PhotoCode, RepeatCode
from .assets import Asset
from .assignment import Assignment, Plan
from .decoding_copies import copy_extension
from .images import PictureInfo, probe
from .intake import LeftOut, check_regular_file, clean_name, sha256
from .placeholders import HEAD, is_in_cloud, placeholder_code
from .stored_rows import now

THREADS = 2
_AT_ONCE = 16  # files that a thread takes at a time: what is kept of a task is more than of a photo
_IN_MEMORY = 2**24  # bytes; smaller files are read once for hashing and probing, larger ones twice
_SPLIT_ORDER = {"train": 0, "val": 1, "test": 2}
_REPEATED_IN_SPLIT = {
    "train": RepeatCode.REPEATED_IN_TRAINING,
    "val": RepeatCode.REPEATED_IN_VALIDATION,
    "test": RepeatCode.REPEATED_IN_TEST,
}


@dataclass(frozen=True)
class FoundPhoto:
    """A file whose header is that of a picture, with its class, split and group; ``size`` is in bytes.

    ``archive`` is the zip that it came in.
    """

    name: str
    assignment: Assignment
    path: Path
    sha256: str
    size: int
    info: PictureInfo
    archive: str | None = None

    @property
    def label(self) -> str:
        """The class."""
        return self.assignment.label

    @property
    def split(self) -> str:
        """The split: train, val or test."""
        return self.assignment.split

    @property
    def stored_path(self) -> str:
        """The path in a project's folder, named after the content, so that a photo is stored once."""
        return f"photos/{self.sha256[:2]}/{self.sha256}{copy_extension(self.info)}"

    def asset(self, path: str) -> Asset:
        """The catalog's row of this photo, stored at ``path``."""
        return Asset(
            0, path, self.sha256, self.label, self.split, None, self.name, self.size,
            self.info.width, self.info.height, now(), layout_group=self.assignment.group, taken=self.info.taken,
            archive=self.archive,
        )  # fmt: skip


def inspect_files(
    plan: Plan, limits: Limits, probe_file: Callable[[Path, Limits], PictureInfo] | None = None
) -> tuple[list[FoundPhoto], list[LeftOut]]:
    """Read the headers of the files of a plan: photos with a class, and all others with a reason.

    ``probe_file`` stands for ``images.probe``, for files of strangers.
    """
    rows = list(zip(plan.files, plan.assigned, strict=True))
    parts = (rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE))

    def work(part: Sequence[tuple[tuple[str, Path], Assignment | Message | None]]) -> list[FoundPhoto | LeftOut]:
        return [_inspect(plan, limits, probe_file, file, given) for file, given in part]

    with ThreadPoolExecutor(THREADS) as pool:
        results = [result for found in pool.map(work, parts) for result in found]
    left_out = [result for result in results if isinstance(result, LeftOut)]
    return [result for result in results if isinstance(result, FoundPhoto)], left_out


def drop_repeats(found: Iterable[FoundPhoto], present: Iterable[Asset]) -> tuple[list[FoundPhoto], int, list[LeftOut]]:
    """Return the photos to store, the number of those that their class in ``present`` has already, and the rest.

    That are the repeats, and the other pictures of files that hold several.

    A photo may be in two classes (the person is asked which is right), but not in two splits, since a model must
    not be tested on what it was trained on; a photo in several splits stays in the first of train, val and test.
    """
    assets = list(present)
    before = {(asset.sha256, asset.label) for asset in assets}
    copies: dict[str, list[tuple[str, str, str]]] = {}  # sha256 -> [(label, split, name)]
    for asset in assets:
        split = "train" if asset.split == "held_out" else asset.split  # set aside from the training photos
        copies.setdefault(asset.sha256, []).append((asset.label, split, asset.source))
    new: list[FoundPhoto] = []
    already, left_out = 0, []
    for photo in sorted(found, key=lambda photo: _SPLIT_ORDER[photo.split]):
        reason = _explain_repeat(photo, copies.get(photo.sha256, []))
        if (photo.sha256, photo.label) in before:
            already += 1
        elif reason:
            left_out.append(LeftOut(photo.name, reason))
            continue
        else:
            new.append(photo)
            copies.setdefault(photo.sha256, []).append((photo.label, photo.split, photo.name))
        if photo.info.others:
            left_out.append(LeftOut(photo.name, photo.info.others_reason))
    return new, already, left_out


def _inspect(
    plan: Plan,
    limits: Limits,
    probe_file: Callable[[Path, Limits], PictureInfo] | None,
    file: tuple[str, Path],
    given: Assignment | Message | None,
) -> FoundPhoto | LeftOut:
    name, path = clean_name(file[0]), file[1]
    if isinstance(given, Message):
        return LeftOut(name, given)
    code = check_regular_file(path)
    if code:
        return LeftOut(name, message(code))
    try:
        size = path.stat().st_size
        source = path.read_bytes() if size <= min(_IN_MEMORY, limits.bytes_per_file) else path
        code = placeholder_code(name, _read_head(source), size)
        if code:
            return LeftOut(name, message(code))
        info = probe(source, limits) if probe_file is None else probe_file(path, limits)
        if given is None:  # after probing: the reason for a README outside all folders is that it is a text
            return LeftOut(name, plan.no_class)
        digest = hashlib.sha256(source).hexdigest() if isinstance(source, bytes) else sha256(path)
    except PhotoError as error:
        return LeftOut(name, error.message)
    except OSError:
        return LeftOut(name, message(_why_unreadable(path)))
    return FoundPhoto(name, given, path, digest, size, info, plan.archives.get(path))


def _why_unreadable(path: Path) -> Code:
    try:
        status = path.stat()
    except OSError:
        return PhotoCode.CANNOT_READ
    in_cloud = is_in_cloud(getattr(status, "st_file_attributes", 0), getattr(status, "st_flags", 0))
    return LeftOutCode.IN_CLOUD if in_cloud else PhotoCode.CANNOT_READ


def _read_head(source: bytes | Path) -> bytes:
    if isinstance(source, bytes):
        return source[:HEAD]
    with source.open("rb") as stream:
        return stream.read(HEAD)


def _explain_repeat(photo: FoundPhoto, copies: list[tuple[str, str, str]]) -> Message | None:
    for label, split, name in copies:
        if split != photo.split:
            return message(_REPEATED_IN_SPLIT[split], name=name)
        if label == photo.label:
            return message(RepeatCode.REPEATED_IN_CLASS, name=name)
    return None
