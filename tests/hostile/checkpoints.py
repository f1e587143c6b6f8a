"""Model folders to damage: one small network, its files changed in some way, and what using such a folder gives."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from classifier import Predictor
from classifier.data.group_rule import GroupRule
from classifier.data.name_groups import NameRule
from classifier.errors import ModelError
from classifier.models import checkpoint, training_photos
from classifier.models.checkpoint import read_report, set_costs, set_threshold
from classifier.models.training_photos import describe, place
from classifier.ui.predict.models import shared_models
from classifier.ui.sessions import Home
from tests.helpers import draw_photo
from tests.models.test_checkpoint import ood_model, save
from tests.models.test_joined import joined_model
from tests.models.test_training_photos import NETWORK, asset, draw


@lru_cache(maxsize=1)
def sound() -> dict[str, bytes]:
    """Return the files of a model of two classes, by name."""
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder) / "model", ood=ood_model())
        features, descriptors = draw(np.random.default_rng(0), 2)
        rows = [asset(1, taken="2024-05-01T10:00:00"), asset(2, layout_group="x", source="a1_2.jpg")]
        groups, rule = np.arange(2), GroupRule(NameRule("first", 1), burst_seconds=3.0)
        remembered = describe(rows, features, descriptors, groups, groups, NETWORK, "whole", rule)
        (Path(folder) / "model" / "training_photos.json").write_text("".join(remembered.dump()))
        return {path.name: path.read_bytes() for path in (Path(folder) / "model").iterdir()}


@lru_cache(maxsize=1)
def joined() -> dict[str, bytes]:
    """Return the files of a model of two networks, by name."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save(Path(folder) / "model", replace(joined_model(), single=None), {})
        return {path.name: path.read_bytes() for path in (Path(folder) / "model").iterdir()}


def write(folder: Path, files: Callable[[], dict[str, bytes]] = sound, **changed: bytes) -> Path:
    """Write the files of a model, some of them changed, as ``config=b"{}"``; return the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files().items():
        (folder / name).write_bytes(changed.get(name.partition(".")[0], content))
    return folder


def use(folder: Path) -> str | None:
    """Use a model folder in every way; return the sentence why it cannot be used, None where it can.

    Fails where an answer is no number.
    """
    refusal = None
    try:
        (prediction,) = Predictor(folder).predict(draw_photo())
        assert all(math.isfinite(one.confidence) and 0 <= one.confidence <= 1 for one in prediction.top)
    except ModelError as error:
        refusal = str(error)
    try:
        report = read_report(folder)
        assert report.in_words()
        assert all(math.isfinite(value) for value in (report.accuracy, report.threshold, report.temperature))
        report.coverage_at(0.5)
        set_costs(folder, {report.labels[0]: 5.0})
        set_threshold(folder, 0.5)
        if (remembered := training_photos.read(folder)) is not None:
            place(remembered, remembered)
    except ModelError as error:
        refusal = refusal or str(error)
    listed = shared_models(Home(folder.parent / "home", folder.parent))
    assert {model.name for model in listed} <= {folder.name}
    return refusal
