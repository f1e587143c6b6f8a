"""The models a visitor may use: their own, and those offered to everybody."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ...data.decoding import open_apart
from ...data.project import Project
from ...errors import ClassifierError, ModelError
from ...messages import sentence
from ...messages.try_page import TryCode
from ...models.predictor import Passes, Predictor
from .. import html
from ..foreground import FIRST_STEPS
from ..reports import find_report
from ..sessions import Home

_MAX_LISTED = 10  # models named in a message


_PASSES: Passes = Passes(FIRST_STEPS.wait)  # of all visitors


class Model(NamedTuple):
    """A model that may be used: the name it is requested by, a title to read with its score, its folder.

    ``called`` is what a person called it, empty where nobody did.
    """

    name: str
    title: str
    folder: Path
    called: str = ""


def shared_models(home: Home) -> list[Model]:
    """Return the models offered to everybody, also those in timm's form that another program saved."""
    return [_model(folder, name, name)._replace(called=name) for name, folder in _shared_folders(home).items()]


def _shared_folders(home: Home) -> dict[str, Path]:
    if not home.checkpoints.is_dir():
        return {}
    # A folder whose name begins with a dot is not written to its end.
    folders = sorted(path.parent for path in home.checkpoints.glob("[!.]*/config.json"))
    return {folder.name: folder for folder in folders}


def own_models(home: Home, token: str) -> list[Model]:
    """Return this visitor's models, newest first."""
    project = home.find(token)
    if project is None:
        return []
    with project:
        folders, titles = _own_folders(project), project.titles()
    return [
        _model(folder, name, called or html.run_time(folder.name))._replace(called=called)
        for name, folder in folders.items()
        for called in [titles.get(folder.name, "")]
    ]


def _own_folders(project: Project) -> dict[str, Path]:
    return {f"mine/{folder.name}": folder for folder in project.model_folders()}


def model_folder(home: Home, token: str, name: object) -> Path:
    """Return the folder of a model by its name, without reading the reports of all; raises ``ModelError``."""
    folders = _shared_folders(home)
    project = home.find(token)
    if project is not None:
        with project:
            folders |= _own_folders(project)
    if isinstance(name, str) and name in folders:
        return folders[name]
    return select_model([*own_models(home, token), *shared_models(home)], name).folder


def open_model(folder: Path) -> Predictor:
    """Return a model for photos of strangers, which are answered together with those that wait for the same model."""
    return Predictor(folder, opener=open_apart, passes=_PASSES)


def _model(folder: Path, name: str, title: str) -> Model:
    try:
        report = find_report(folder)
    except ClassifierError:  # it stays in the list, and the message comes when it is used
        report = None
    if report is None or not report.evaluated_count:
        return Model(name, title, folder)
    return Model(name, sentence(TryCode.MODEL_SCORE, name=title, accuracy=report.accuracy), folder)


def select_model(models: list[Model], name: object) -> Model:
    """Return the model of that name. A name is only compared, never made into a path. Raises ``ModelError``."""
    if not models:
        raise ModelError(TryCode.NO_MODEL)
    if not name:
        raise ModelError(TryCode.NO_MODEL_CHOSEN)
    for model in models:
        if model.name == name:
            return model
    raise ModelError(TryCode.UNKNOWN_MODEL, name=str(name)[:80], known=[model.name for model in models[:_MAX_LISTED]])
