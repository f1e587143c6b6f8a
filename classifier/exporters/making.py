"""Make an export: written beside its place, loaded again, compared with the model, and moved in when it is the same."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import ExportError, SettingError
from ..events import Progress
from ..files import created_folder, storage_error
from ..messages.exporting import ExportCode, ExportStep
from ..models.picture_sources import Picture
from ..models.predictor import Predictor
from .base import DEFAULTS, Exported, Format, Model, Options
from .files import choose_model
from .verify import verify


def make(
    format: Format,
    folder: Path,
    out: Path,
    photos: Sequence[Picture] = (),
    *,
    options: Options = DEFAULTS,
    device: str | None = None,
) -> Generator[Progress | Exported, None, None]:
    """Write the model in ``folder`` to ``out``; the last event is the ``Exported``.

    Args:
        format: the format.
        folder: the model.
        out: a file or folder that is not there yet.
        photos: by which the export is compared with the model; without any, pictures are drawn.
        options: what the export is made with, see ``Options``.
        device: where the model itself answers; by default the CPU, as others round more coarsely.

    Raises ``SettingError`` where photos are to be shown and the format has no place for them, ``ExportError`` where a
    package is missing, ``out`` exists, or the export answers differently from the model; then nothing is left at
    ``out``. Raises ``StorageError`` where it cannot be written, ``ModelError`` for a folder
    that is no model.
    """
    if options.shown and not format.shows_photos:
        raise SettingError(ExportCode.SHOWS_NO_PHOTOS, name=format.name)
    format.check_packages()
    _check_free(out)
    yield Progress(ExportStep.WRITE, 0, 1, None)
    model, lost = choose_model(Model.load(folder), format.most_members)
    predictor = Predictor(model.folder, device or "cpu", options.limits, options.opener)
    try:
        with created_folder(out.parent), _scratch(out) as scratch:
            part = scratch / f"export{format.suffix}"
            lacks = format.write(model, part, options)
            verification = yield from verify(format, predictor, part, photos, options.opener)
            format.record(part, {"format": format.name, "verified": verification.to_json()})
            _check_free(out)
            part.replace(out)
    except OSError as error:
        raise storage_error(error, out, ExportCode.DISK_FULL) from error
    yield Exported(out, format.name, verification, (*lost, *lacks))


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
