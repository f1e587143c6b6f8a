"""What is done with hostile files: uploads are taken in, models used, projects opened; each returns what is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from classifier import Predictor, Project
from classifier.config import Limits
from classifier.data.adding import IntakeResult
from classifier.errors import ClassifierError
from classifier.ui.photos import tab
from classifier.ui.sessions import Home, thumbnail_bytes
from classifier.workflows.check import check
from tests.helpers import draw_photo, encode

from . import checkpoints
from .attacks import write_upload

LIMITS = Limits(files=20_000)
TOKEN = "t" * 43  # of the visitor whose project is attacked


def take_in(folder: Path) -> str:
    """Give an upload to a project, and show the project."""
    asked = json.loads((folder / "upload.json").read_text())
    paths = sorted((folder / "input").iterdir())
    with Project.open(folder / "project", LIMITS) as project:
        try:
            said = describe(project.uploads.receive(list(zip(asked["names"], paths)), asked["label"]))
        except ClassifierError as error:
            said = str(error)
        _show(project)
        assert not list(project.folder.glob("unpacking-*"))
    return said


def predict(folder: Path) -> str:
    """Predict each file of an upload."""
    predictor = Predictor(checkpoints.write(folder / "model"))
    outcomes = list(predictor.predict_each(sorted((folder / "input").iterdir())))
    return "; ".join(str(one) if isinstance(one, ClassifierError) else one.top[0].label for one in outcomes)


def use_model(folder: Path) -> str:
    """Use a model in every way."""
    return checkpoints.use(folder / "model") or "used"


def open_project(folder: Path) -> str:
    """Open the project, show it, edit it, add a photo and take all back."""
    said = []
    home = Home(folder / "project", folder / "shared")
    try:
        str(tab.show(home, TOKEN)).encode()
    except ClassifierError as error:
        said.append(str(error))
    try:
        with home.open(TOKEN) as project:
            for act in (
                lambda: _show(project),
                lambda: project.uploads.take("folders"),
                project.undo,
                lambda: _add(project, folder),
                lambda: _edit(project),
                lambda: list(check(project)),
            ):
                try:
                    act()
                except ClassifierError as error:
                    said.append(str(error))
    except ClassifierError as error:
        said.append(str(error))
    return " / ".join(dict.fromkeys(said)) or "opened"


def describe(result: IntakeResult) -> str:
    """Return how many photos were taken, and why others were not."""
    reasons = list(dict.fromkeys(str(left.message) for left in result.left_out))
    return " ".join([f"{result.added} photos in {len(result.labels)} classes.", *reasons[:3]])


def _show(project: Project) -> None:
    """Draw all that the page shows of a project."""
    for photo in project.photos():
        thumbnail_bytes(project, photo)
    str([str(left.message) for left in project.left_out()]).encode()
    project.similar_classes(), project.conflicts(), project.model_folders(), project.catalog.runs.newest()
    incoming = project.uploads.last()
    if incoming is not None and incoming.layout.readings:
        incoming.layout.readings[0].in_words()


def _add(project: Project, folder: Path) -> None:
    path = folder / "input.jpg"
    if not path.exists():
        path.write_bytes(encode(draw_photo(7)))
    try:
        project.uploads.receive([("new.jpg", path)], "new")
    finally:
        path.unlink()


def _edit(project: Project) -> None:
    ids = [photo.id for photo in project.photos()]
    project.move(ids[:1], "moved")
    project.remove(ids[-1:])
    project.undo()
    project.undo()


def warm_up(folder: Path) -> None:
    """Load what an ordinary upload and prediction need, so that it does not count as memory of an attack."""
    write_upload(folder, [("cat/1.jpg", encode(draw_photo())), ("dog/1.jpg", encode(draw_photo(1)))])
    take_in(folder)
    predict(folder)
    assert use_model(folder) == "used"
    open_project(folder)


ACTS: dict[str, Callable[[Path], str]] = {
    "upload": take_in,
    "predict": predict,
    "model": use_model,
    "project": open_project,
}
