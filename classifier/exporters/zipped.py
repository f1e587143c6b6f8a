"""A format of folders as one zip of the same files."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..messages import Message
from .base import Format, Loaded, Model, Options

_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold: equal models give equal files
_STORED = ".safetensors"  # numbers that hardly get smaller


def zipped(format: Format) -> Format:
    """Return a format of folders as one of zips, which hold the files of the folder.

    What verifies the export is added last; nothing else in the zip is changed by that.
    """

    def write(model: Model, out: Path, options: Options) -> tuple[Message, ...]:
        with _scratch(out) as folder:
            lacks = format.write(model, folder, options)
            _add(out, folder)
        return lacks

    @contextmanager
    def load(out: Path) -> Iterator[Loaded]:
        with _scratch(out) as folder:
            with zipfile.ZipFile(out) as archive:
                archive.extractall(folder)
            with format.load(folder) as loaded:
                yield loaded

    def record(out: Path, verification: Mapping[str, Any]) -> None:
        with _scratch(out) as folder:
            folder.mkdir()
            format.record(folder, verification)
            _add(out, folder)

    return replace(format, suffix=".zip", write=write, load=load, record=record)


@contextmanager
def _scratch(out: Path) -> Iterator[Path]:
    """Give the path of a folder to make beside ``out``, which is deleted in the end."""
    with TemporaryDirectory(prefix=".zip-", dir=out.parent) as folder:
        yield Path(folder, "files")


def _add(out: Path, folder: Path) -> None:
    """Add the files of a folder to a zip, in a fixed order and with a fixed date."""
    with zipfile.ZipFile(out, "a") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _DATE)
            entry.compress_type = zipfile.ZIP_STORED if path.suffix == _STORED else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)
