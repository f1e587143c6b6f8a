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
from ..exporters.base import Exported, Format
from ..exporters.making import make
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


def find_format(name: str) -> Format:
    """Return the format of a name; raises ``SettingError`` where there is none."""
    if name not in FORMATS:
        raise SettingError(ExportCode.UNKNOWN_FORMAT, name=name, choices=list(FORMATS))
    found = importlib.import_module(f"..exporters.{FORMATS[name]}", __package__).FORMAT
    assert isinstance(found, Format)
    return found


def choose_format(
    to: str,
    shown: Sequence[Picture] = (),
    limits: Limits = LIMITS,
    opener: Opener = open_picture,
    place: str = "",
    out: Path | None = None,
) -> Format:
    """Return the format of a name, for the Hub with the photos that its card shows and the name of the repository.

    The formats ``web`` and ``space`` are a zip where the name of ``out`` ends in .zip, else a folder.

    Raises ``SettingError`` where there is no such format, or it has no place for photos.
    """
    if to == "hub":
        from ..exporters.hub_repo import hub_format

        return hub_format(place, shown, limits, opener)
    is_zip = out is not None and out.suffix.lower() == ".zip"
    if to == "web":
        from ..exporters.web import web_format

        return web_format(is_zip, shown, limits, opener)
    if shown:
        raise SettingError(ExportCode.SHOWS_NO_PHOTOS, name=to)
    if to == "space":
        from ..exporters.gradio_space import space_format

        return space_format(is_zip)
    return find_format(to)


def export(
    folder: Path | str,
    to: str,
    out: Path | str,
    photos: Sequence[Picture] = (),
    *,
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
        out: a file, or folder, that is not there yet.
        photos: pictures as ``Predictor.predict`` takes them.
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
    format = choose_format(to, shown, limits, opener, out=Path(out))
    for event in open_model(folder):
        if isinstance(event, Progress):
            yield event
        else:
            yield from make(format, event, Path(out), photos, device=device, limits=limits, opener=opener)


def verification_photos(project: Project, name: str, most: int = _MOST) -> list[Path]:
    """Return photos of a project to verify an export of its model ``name`` with: those that its score is of.

    Of many, ``most`` evenly spaced ones in the order of their classes; none where the catalog does not know the model.
    """
    run = next((run for run in project.catalog.runs() if run.name == name), None)
    evaluated = [] if run is None else project.catalog.evaluated_assets(run.id)
    present = {photo.sha256: project.photo_path(photo) for photo in project.photos()}
    paths = [present[one.sha256] for one in sorted(evaluated, key=lambda one: one.label) if one.sha256 in present]
    return [paths[index * len(paths) // most] for index in range(most)] if len(paths) > most else paths
