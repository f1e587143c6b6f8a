"""Uploaded files -> photos of a class, before anything is stored: headers, content hashes, repeated photos."""

from __future__ import annotations

import hashlib
import zipfile
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path

from ..config import Limits
from ..errors import DataError, PhotoError
from ..messages import Message, message
from ..messages.data import LeftOutCode, PhotoCode, ProjectCode, RepeatCode
from .archives import unpack
from .catalog import Asset, now
from .images import EXTENSIONS, PictureInfo, probe
from .intake import LabeledFile, LeftOut, assign_classes, check_regular_file, clean_name, scan, sha256

THREADS = 2
_IN_MEMORY = 2**24  # bytes; smaller files are read once for hashing and probing, larger ones twice
_SPLIT_ORDER = {"train": 0, "val": 1, "test": 2}
_REPEATED_IN_SPLIT = {
    "train": RepeatCode.REPEATED_IN_TRAINING,
    "val": RepeatCode.REPEATED_IN_VALIDATION,
    "test": RepeatCode.REPEATED_IN_TEST,
}


@dataclass(frozen=True)
class FoundPhoto:
    """A file whose header is that of a picture, with its class; ``size`` is in bytes."""

    name: str
    label: str
    split: str
    path: Path
    sha256: str
    size: int
    info: PictureInfo

    @property
    def stored_path(self) -> str:
        """The path in a project's folder, named after the content, so that a photo is stored once."""
        return f"photos/{self.sha256[:2]}/{self.sha256}{EXTENSIONS[self.info.format]}"

    def asset(self, path: str) -> Asset:
        """The catalog's row of this photo, stored at ``path``."""
        return Asset(
            0, path, self.sha256, self.label, self.split, None, self.name, self.size,
            self.info.width, self.info.height, now(),
        )  # fmt: skip


def list_files(source: Path, into: Path, limits: Limits) -> list[tuple[str, Path]]:
    """Return the files of a folder, or of a zip unpacked into ``into``, as (relative name, path).

    Raises ``DataError`` where ``source`` is neither, is empty, or is a zip that could do harm.
    """
    if source.is_dir():
        return list(scan(source, limits))
    if source.is_file() and not zipfile.is_zipfile(source):
        raise DataError(ProjectCode.NOT_FOLDER_OR_ZIP, name=source.name)
    files = unpack(source, into, limits)
    if not files:
        raise DataError(ProjectCode.EMPTY_ZIP, name=source.name)
    return files


def inspect_files(
    files: list[tuple[str, Path]], label: str | None, limits: Limits
) -> tuple[list[FoundPhoto], list[LeftOut]]:
    """Read the headers of files given as (relative name, path): photos with a class, and all others with a reason.

    All photos are of the class ``label`` if given, otherwise of that of their folder.
    """
    labeled, left_out = assign_classes([name for name, _ in files], limits)
    if label is not None:
        labeled = [replace(file, label=label, split="train") for file in labeled]
    paths: dict[str, deque[Path]] = {}  # several files may have the same name
    for name, path in files:
        paths.setdefault(name, deque()).append(path)
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(_inspect, labeled, [paths[file.name].popleft() for file in labeled], repeat(limits)))
    left_out += [result for result in results if isinstance(result, LeftOut)]
    return [result for result in results if isinstance(result, FoundPhoto)], left_out


def drop_repeats(found: Iterable[FoundPhoto], present: Iterable[Asset]) -> tuple[list[FoundPhoto], int, list[LeftOut]]:
    """Return the photos to store, the number of those that their class in ``present`` has already, and the repeats.

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
        else:
            new.append(photo)
            copies.setdefault(photo.sha256, []).append((photo.label, photo.split, photo.name))
    return new, already, left_out


def _inspect(file: LabeledFile, path: Path, limits: Limits) -> FoundPhoto | LeftOut:
    name = clean_name(file.name)
    code = check_regular_file(path)
    if code:
        return LeftOut(name, message(code))
    try:
        size = path.stat().st_size
        source = path.read_bytes() if size <= min(_IN_MEMORY, limits.bytes_per_file) else path
        info = probe(source, limits)
        if file.label is None:  # after probing: the reason for a README outside all folders is that it is a text
            return LeftOut(name, message(LeftOutCode.NO_CLASS))
        digest = hashlib.sha256(source).hexdigest() if isinstance(source, bytes) else sha256(path)
    except PhotoError as error:
        return LeftOut(name, error.message)
    except OSError:
        return LeftOut(name, message(PhotoCode.CANNOT_READ))
    return FoundPhoto(name, file.label, file.split, path, digest, size, info)


def _explain_repeat(photo: FoundPhoto, copies: list[tuple[str, str, str]]) -> Message | None:
    for label, split, name in copies:
        if split != photo.split:
            return message(_REPEATED_IN_SPLIT[split], name=name)
        if label == photo.label:
            return message(RepeatCode.REPEATED_IN_CLASS, name=name)
    return None
