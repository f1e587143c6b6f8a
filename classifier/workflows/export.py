"""Export a model in another format; what is handed over answers as the model does."""

from __future__ import annotations

import importlib
from collections.abc import Generator, Sequence
from pathlib import Path

from ..config import LIMITS, Limits
from ..data.images import Opener, open_picture
from ..data.project import Project
from ..errors import SettingError
from ..events import Progress
from ..exporters.base import Exported, Format, Options
from ..exporters.making import make
from ..exporters.zipped import zipped
from ..messages.exporting import ExportCode
from ..models.hub_models import open_model
from ..models.picture_sources import Picture

# Each format by its name, and the module of ``exporters`` that has it as ``FORMAT``, imported when it is used.
FORMATS = {
    "zip": "archive",
    "onnx": "onnx_graph",
    "pt2": "torch_export",
    "hub": "hub_repo",
    "web": "web",
    "space": "gradio_space",
}
_MOST = 40  # photos of a project that an export is compared on


def find_format(name: str, out: Path | None = None) -> Format:
    """Return the format of a name; one that is a folder becomes a zip where the name of ``out`` ends in .zip.

    Raises ``SettingError`` where there is no such format.
    """
    if name not in FORMATS:
        raise SettingError(ExportCode.UNKNOWN_FORMAT, name=name, choices=list(FORMATS))
    found = importlib.import_module(f"..exporters.{FORMATS[name]}", __package__).FORMAT
    assert isinstance(found, Format)
    is_zip = out is not None and out.suffix.lower() == ".zip"
    return zipped(found) if is_zip and not found.suffix else found


def export(
    folder: Path | str,
    to: str,
    out: Path | str,
    photos: Sequence[Picture] = (),
    *,
    title: str = "",
    shown: Sequence[Picture] = (),
    device: str | None = None,
    limits: Limits = LIMITS,
    opener: Opener = open_picture,
) -> Generator[Progress | Exported, None, None]:
    """Write the model in ``folder`` in another format; the last event is the ``Exported``.

    What was written is loaded again with the preprocessing found in it, and compared with the model on ``photos``,
    best those that the model was not trained on; without any, on 40 drawn pictures.

    Args:
        folder: the model.
        to: the name of the format, one of ``FORMATS``.
        out: a file, or folder, that is not there yet; a format that is a folder is a zip of it where this ends in .zip.
        photos: pictures as ``Predictor.predict`` takes them.
        title: what the model is called, the title of the exported page or app.
        shown: photos that everybody who gets the export may see, in the card of the format ``hub`` or as the pictures
            by which a page checks itself; only their pixels are written.
        device: where the model itself runs, see ``device.choose``.
        limits: of the size of a photo.
        opener: decodes photos, see ``Predictor``.

    Raises ``ExportError`` where ``out`` exists, a package is missing, or what was written answers differently from the
    model, ``SettingError`` for an unknown format, ``StorageError`` where ``out`` cannot be written.

    Example::

        *_, exported = export("model", "zip", "flowers.zip", photos=["a.jpg", "b.jpg"])
        print(exported.verification.sentence())
    """
    format = find_format(to, Path(out))
    options = Options(title=title, shown=shown, limits=limits, opener=opener)
    for event in open_model(folder):
        if isinstance(event, Progress):
            yield event
        else:
            yield from make(format, event, Path(out), photos, options=options, device=device)


def verification_photos(project: Project, name: str, most: int = _MOST) -> list[Path]:
    """Return photos of a project to verify an export of its model ``name`` with: those that its score is of.

    Of many, ``most`` evenly spaced ones in the order of their classes; none where the catalog does not know the model.
    """
    run = project.catalog.runs.find(name)
    evaluated = [] if run is None else project.catalog.runs.evaluated(run.id)
    present = {photo.sha256: project.photo_path(photo) for photo in project.photos()}
    paths = [present[one.sha256] for one in sorted(evaluated, key=lambda one: one.label) if one.sha256 in present]
    return [paths[index * len(paths) // most] for index in range(most)] if len(paths) > most else paths
