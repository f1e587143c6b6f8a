"""The model folder as one zip, as it stands, but for what tells of the training photos."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from ..messages import Message
from ..models.model_folder import SINGLE
from ..models.predictor import Predictor
from .base import Format, Loaded, Model, Options
from .files import copy_model
from .verify import answers_of
from .zipped import zipped

NAME = "model"  # the folder in the zip
_RECORD = "export.json"


def _write(model: Model, out: Path, options: Options) -> tuple[Message, ...]:
    copy_model(model, out / NAME)
    if model.is_joined:
        copy_model(model.load_single(), out / NAME / SINGLE)
    return ()


@contextmanager
def _load(out: Path) -> Iterator[Loaded]:
    """Open the folder."""
    predictor = Predictor(out / NAME)

    def answer(pictures: Sequence[Image.Image]) -> Any:
        return answers_of(predictor, pictures)

    thresholds = [predictor.thresholds.get(label, predictor.threshold) for label in predictor.labels]
    yield Loaded(predictor.labels, answer, tuple(thresholds), predictor.preprocessing.pixel_ranges)


def _record(out: Path, verification: Mapping[str, Any]) -> None:
    (out / NAME).mkdir(exist_ok=True)
    (out / NAME / _RECORD).write_text(json.dumps(verification, indent=2), "utf-8")


FORMAT = zipped(Format("zip", "", _write, _load, _record))
