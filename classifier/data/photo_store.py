"""Photos copied into a project's folder without metadata, named after their content, each with a thumbnail."""

from __future__ import annotations

import filecmp
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from ..config import Limits
from ..errors import PhotoError
from ..files import atomic_write, remove
from ..messages import Message
from .decoding import UploadDecoder
from .decoding_copies import THUMBNAIL, draw_small
from .inspection import THREADS, FoundPhoto
from .intake import LeftOut


def store_photos(
    photos: list[FoundPhoto],
    folder: Path,
    thumbs: Path,
    limits: Limits,
    own: Path | None = None,
    decoder: UploadDecoder | None = None,
) -> tuple[list[FoundPhoto], list[LeftOut]]:
    """Copy photos in and write their thumbnails, which shows that they can be decoded; return the others with a reason.

    Args:
        photos: what to store; after an error nothing of them stays.
        folder: the project's folder.
        thumbs: the folder of the thumbnails.
        limits: what is refused as too large.
        own: files below this folder belong to the project and do not change: what is copied unchanged is linked.
        decoder: that of the upload; by default a new one.
    """
    by_content = {photo.sha256: photo for photo in photos}
    new = [photo for photo in by_content.values() if not (folder / photo.stored_path).exists()]
    decoder = decoder or UploadDecoder()
    store = partial(_store_one, folder=folder, thumbs=thumbs, limits=limits, own=own, decoder=decoder)
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            reasons = dict(zip(by_content, pool.map(store, by_content.values())))
    except BaseException:
        for photo in new:
            remove(folder / photo.stored_path)
            remove(thumbs / f"{photo.sha256}.jpg")
        raise
    left_out = [LeftOut(photo.name, reason) for photo in photos if (reason := reasons[photo.sha256])]
    return [photo for photo in photos if not reasons[photo.sha256]], left_out


def write_thumbnail(photo: Path, path: Path, limits: Limits) -> None:
    """Write a small JPEG of a photo. Raises ``PhotoError`` where the photo cannot be decoded."""
    with atomic_write(path, name_target=False) as part:
        part.write_bytes(draw_small(photo, THUMBNAIL, limits))


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the disk cannot do that; ``target`` does not exist yet."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _store_one(
    photo: FoundPhoto, folder: Path, thumbs: Path, limits: Limits, own: Path | None, decoder: UploadDecoder
) -> Message | None:
    """Return why the picture cannot be decoded, or None once it is stored."""
    thumb, target = thumbs / f"{photo.sha256}.jpg", folder / photo.stored_path
    if target.exists() and thumb.exists():
        return None
    try:
        with atomic_write(target, name_target=False) as copy, atomic_write(thumb, name_target=False) as small:
            decoder.store(photo.path, copy, small, limits)
            if own is not None and photo.path.is_relative_to(own) and filecmp.cmp(photo.path, copy, shallow=False):
                copy.unlink()
                link_or_copy(photo.path, copy)
    except PhotoError as error:
        return error.message
    return None
