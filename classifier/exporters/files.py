"""The files of a model as they may leave this machine."""

from __future__ import annotations

from pathlib import Path
from shutil import copyfile

from ..models.training_record import dump, read_record, without_photos
from .base import Model

_TRAINING = "training.json"


def copy_model(model: Model, folder: Path) -> None:
    """Copy the files of a model into a new folder; ``training.json`` without the hashes of the photos."""
    folder.mkdir(parents=True)
    for path in model.files():
        if path.name == _TRAINING:
            (folder / path.name).write_text(dump(without_photos(read_record(path.parent))), "utf-8")
        else:
            copyfile(path, folder / path.name)
