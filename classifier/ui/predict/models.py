"""The models a visitor may use: their own, and those meant for everybody."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ...errors import ClassifierError, ModelError
from ...models.checkpoint import read_report
from .. import html
from ..sessions import Home


class Model(NamedTuple):
    """A model that may be used: the name it is asked for by, a title to read, its folder."""

    name: str
    title: str
    folder: Path


def shared_models(home: Home) -> list[Model]:
    """The models meant for everybody."""
    if not home.checkpoints.is_dir():
        return []
    folders = sorted(path.parent for path in home.checkpoints.glob("*/config.json"))
    return [_model(folder, folder.name, folder.name) for folder in folders]


def own_models(home: Home, token: str) -> list[Model]:
    """This visitor's models, newest first."""
    project = home.find(token)
    if project is None:
        return []
    with project:
        folders = project.model_folders()
    return [_model(folder, f"mine/{folder.name}", html.when(folder.name)) for folder in folders]


def _model(folder: Path, name: str, title: str) -> Model:
    try:
        report = read_report(folder)
    except ClassifierError:  # it stays in the list, and says what is wrong with it when it is used
        return Model(name, title, folder)
    return Model(name, f"{title} · {html.percent(report.accuracy)} right", folder)


def pick(models: list[Model], name: str | None) -> Model:
    """The model of that name. A name is only ever compared, never made into a path."""
    if not models:
        raise ModelError("There is no model yet; train one first, on the Train tab.")
    if not name:
        raise ModelError("No model was chosen; choose one from the list.")
    for model in models:
        if model.name == name:
            return model
    known = ", ".join(f"“{model.name}”" for model in models[:10])
    raise ModelError(f"There is no model called “{name[:80]}”. There are: {known}.")
