"""The files of a model as they may leave this machine, and the model that a format can hold."""

from __future__ import annotations

from pathlib import Path
from shutil import copyfile

from ..messages import Message, message
from ..messages.exporting import LackCode
from ..models.training_record import dump, read_record, without_photos
from .base import Model

_TRAINING = "training.json"


def copy_model(model: Model, folder: Path) -> None:
    """Copy the files of a model into a new folder; ``training.json`` without the hashes of the photos.

    Not those of the model of one network that lies beside a joined one.
    """
    folder.mkdir(parents=True)
    for path in model.files():
        if path.name == _TRAINING:
            (folder / path.name).write_text(dump(without_photos(read_record(path.parent))), "utf-8")
        else:
            copyfile(path, folder / path.name)


def choose_model(model: Model, most_members: int) -> tuple[Model, tuple[Message, ...]]:
    """Return the model that a format holds, and what is lost where it holds one network only, see ``Format``."""
    if len(model.checkpoint.members) <= most_members:
        return model, ()
    single = model.load_single()
    before, after = model.checkpoint.report, single.checkpoint.report
    name, count = single.checkpoint.backbone, len(model.checkpoint.members)
    plain, with_scores = (
        (LackCode.LAST_FEATURES, LackCode.LAST_FEATURES_SCORES)
        if count == 1
        else (LackCode.ONE_NETWORK, LackCode.ONE_NETWORK_SCORES)
    )
    if before is None or after is None or before.evaluated_on != after.evaluated_on or not after.evaluated_count:
        return single, (message(plain, name=name, count=count),)
    scores = {"before": before.accuracy, "after": after.accuracy}
    return single, (message(with_scores, name=name, count=count, **scores),)
