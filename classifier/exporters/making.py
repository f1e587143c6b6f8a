"""Make an export: written beside its place, loaded again, compared with the model, and moved in when it is the same."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..config import LIMITS, Limits
from ..data.images import Opener, open_picture
from ..errors import ExportError
from ..events import Progress
from ..files import created_folder, storage_error
from ..messages.exporting import ExportCode, ExportStep
from ..models.picture_sources import Picture
from ..models.predictor import Predictor
from .base import Exported, Format, Model
from .verify import verify


def make(
    format: Format,
    folder: Path,
    out: Path,
    photos: Sequence[Picture] = (),
    *,
    device: str | None = None,
    limits: Limits = LIMITS,
    opener: Opener = open_picture,
) -> Generator[Progress | Exported, None, None]:
    """Write the model in ``folder`` to ``out``; the last event is the ``Exported``.

    Args:
        format: the format.
        folder: the model.
        out: a file or folder that is not there yet.
        photos: by which the export is compared with the model; without any, pictures are drawn.
        device: where the model itself answers; by default the CPU, as others round more coarsely.
        limits: of the size of a photo.
        opener: decodes photos, see ``Predictor``.

    Raises ``ExportError`` where a package is missing, ``out`` exists, or the export answers differently from the model;
    then nothing is left at ``out``. Raises ``StorageError`` where it cannot be written, ``ModelError`` for a folder
    that is no model.
    """
    format.check_packages()
    _check_free(out)
    yield Progress(ExportStep.WRITE, 0, 1, None)
    model = Model.load(folder)
    predictor = Predictor(folder, device or "cpu", limits, opener)
    try:
        with created_folder(out.parent), _scratch(out) as scratch:
            part = scratch / f"export{format.suffix}"
            lacks = format.write(model, part)
            verification = yield from verify(format, predictor, part, photos, opener)
            format.record(part, {"format": format.name, "verified": verification.to_json()})
            _check_free(out)
            part.replace(out)
    except OSError as error:
        raise storage_error(error, out, ExportCode.DISK_FULL) from error
    yield Exported(out, format.name, verification, lacks)


def _check_free(out: Path) -> None:
    try:
        exists = out.exists() or out.is_symlink()
    except OSError as error:  # a name that is too long
        raise storage_error(error, out, ExportCode.DISK_FULL) from error
    if exists:
        raise ExportError(ExportCode.EXISTS, out=str(out))


@contextmanager
def _scratch(out: Path) -> Iterator[Path]:
    """Give a folder beside ``out`` that is deleted in the end."""
    with tempfile.TemporaryDirectory(prefix=".export-", dir=out.parent) as folder:
        yield Path(folder)
