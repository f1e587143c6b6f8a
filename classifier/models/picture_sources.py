"""What a caller may give as a picture, and its way to the loader."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from ..config import Limits
from ..errors import PhotoError, SettingError
from ..messages.data import PhotoCode
from ..messages.models import PredictCode
from .loader import Source


class BinaryFile(Protocol):
    """A file opened for reading bytes, or anything else that gives bytes by ``read``."""

    def read(self, size: int, /) -> bytes: ...


Picture = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryFile | Image.Image | NDArray[Any]
_ONE = (str, bytes, bytearray, memoryview, os.PathLike, Image.Image, np.ndarray, torch.Tensor, Mapping)


def list_pictures(pictures: Picture | Iterable[Picture]) -> Sequence[Picture]:
    """Return pictures as a sequence; a single one becomes a sequence of one."""
    single = isinstance(pictures, _ONE) or hasattr(pictures, "read") or not isinstance(pictures, Iterable)
    return [pictures] if single else list(pictures)  # type: ignore[list-item, arg-type]


def to_source(picture: Picture, limits: Limits) -> Source:
    """Return a picture as the loader takes it; a file is read to its end, from its start where it can be wound back.

    Raises ``PhotoError`` where it is none, or its file cannot be read, ``SettingError`` for an array of another shape
    or type than a picture of bytes.
    """
    if isinstance(picture, (bytes, Path, Image.Image)):
        return picture
    if isinstance(picture, (str, os.PathLike)):
        return Path(picture)
    if isinstance(picture, (bytearray, memoryview)):
        return bytes(picture)
    if isinstance(picture, np.ndarray):
        return _array_to_image(picture)
    if hasattr(picture, "read"):
        return _read(picture, limits)
    raise PhotoError(PredictCode.NO_PICTURE, kind=type(picture).__name__)


def _array_to_image(array: NDArray[Any]) -> Image.Image:
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,), (4,)):
        raise SettingError(PredictCode.WRONG_ARRAY, dtype=str(array.dtype), shape=array.shape)
    return Image.fromarray(array)


def _read(file: BinaryFile, limits: Limits) -> bytes:
    """Read a file, up to one byte more than the limit, so that the loader refuses a larger one."""
    left, parts = limits.bytes_per_file + 1, []
    try:
        if hasattr(file, "seek") and (not hasattr(file, "seekable") or file.seekable()):
            file.seek(0)
        while left > 0 and (part := file.read(left)):  # a raw file gives less than it is asked for
            if not isinstance(part, bytes):
                code = PredictCode.TEXT_FILE if isinstance(part, str) else PredictCode.NO_PICTURE
                raise PhotoError(code, kind=type(file).__name__)
            parts.append(part)
            left -= len(part)
    except (OSError, ValueError, TypeError) as error:  # closed, open for writing only, not a file after all
        raise PhotoError(PhotoCode.CANNOT_OPEN, why=getattr(error, "strerror", None) or str(error)) from error
    return b"".join(parts)
