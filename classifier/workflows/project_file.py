"""Save a project in one file, and open it again; the file may be a stranger's."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from ..config import LIMITS, Limits
from ..data.adding import Room
from ..data.project import Project
from ..data.project_file import write_project
from ..data.project_opening import OpenedProject, read_project
from ..models import checkpoint, model_folder, training_photos
from ..models.evaluated_photos import read_evaluated


def save_project(project: Project, file: Path, photos: bool = True) -> None:
    """Write a project into one zip: photos, classes, splits, groups, changes, trainings and models.

    Near duplicates and features are computed again where it is opened.

    Args:
        project: one that ``Project.open`` opened.
        file: the zip.
        photos: False for labels, trainings and models without the pictures.

    Raises ``DataError`` where the photos are not in the project's own folder, as those of ``Project.over``;
    ``StorageError`` where the file cannot be written.

    Example::

        with Project.open(Path("my project")) as project:
            save_project(project, Path("my project.zip"))
    """
    write_project(project, file, model_folder.ALL_FILES, photos)


def open_project(
    file: Path, folder: Path, limits: Limits = LIMITS, room: Room = nullcontext, name: str | None = None
) -> OpenedProject:
    """Make the project in ``folder`` that a project file holds, with its trainings and models.

    Photos and models that are not as they were saved, or that could do harm, are left out, and the others opened.

    Args:
        file: what ``save_project`` wrote; it may be a stranger's.
        folder: new or empty; after an error it is as it was.
        limits: what the project may hold.
        room: see ``PhotoStorage.room``.
        name: what the file is called in errors.

    Raises ``DataError`` where the file is no project file, is damaged, or holds more than may be; ``StorageError``
    where ``folder`` cannot be written.

    Example::

        open_project(Path("my project.zip"), Path("my project"))
        with Project.open(Path("my project")) as project:
            print(project.classes())
    """
    return read_project(file, folder, model_folder.ALL_FILES, _check_model, limits, room, name)


def _check_model(folder: Path) -> None:
    """Raise ``ModelError`` where a model is damaged or could do harm: each of its files is read as when it is used."""
    model = checkpoint.load(folder)
    training_photos.read(folder)
    read_evaluated(folder, len(model.labels))
    if (folder / model_folder.SINGLE).is_dir():
        _check_model(folder / model_folder.SINGLE)
