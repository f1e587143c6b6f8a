"""The model folder as one zip, as it stands, but for what tells of the training photos."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from ..messages import Message
from ..models.predictor import Predictor
from ..models.training_record import dump, read_record, without_photos
from .base import Format, Loaded, Model
from .verify import answers_of

NAME = "model"  # the folder in the zip
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold: equal models give equal files
_TRAINING = "training.json"
_RECORD = "export.json"


def add_files(archive: zipfile.ZipFile, model: Model, folder: str) -> None:
    """Write the files of a model into a folder of a zip; ``training.json`` without the list of photos."""
    for path in model.files():
        if path.name == _TRAINING:
            write_text(archive, f"{folder}/{path.name}", training_text(path))
            continue
        with path.open("rb") as source, archive.open(_entry(f"{folder}/{path.name}"), "w", force_zip64=True) as target:
            while block := source.read(2**20):
                target.write(block)


def training_text(path: Path) -> str:
    """Return ``training.json`` as it may leave this machine: without hashes of the photos."""
    return dump(without_photos(read_record(path.parent)))


def write_text(archive: zipfile.ZipFile, name: str, text: str) -> None:
    """Write a text file into a zip, with a fixed date."""
    archive.writestr(_entry(name), text)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED if not name.endswith(".safetensors") else zipfile.ZIP_STORED
    entry.external_attr = 0o644 << 16
    return entry


def _write(model: Model, out: Path) -> tuple[Message, ...]:
    with zipfile.ZipFile(out, "w") as archive:
        add_files(archive, model, NAME)
    return ()


@contextmanager
def _load(out: Path) -> Iterator[Loaded]:
    """Unzip the file and open the folder in it."""
    with TemporaryDirectory(prefix="export-") as scratch:
        with zipfile.ZipFile(out) as archive:
            archive.extractall(scratch)
        predictor = Predictor(Path(scratch, NAME))

        def answer(pictures: Sequence[Image.Image]) -> Any:
            return answers_of(predictor, pictures)

        thresholds = [predictor.thresholds.get(label, predictor.threshold) for label in predictor.labels]
        yield Loaded(predictor.labels, answer, tuple(thresholds), predictor.preprocessing.pixel_ranges)


def _record(out: Path, verification: Mapping[str, Any]) -> None:
    with zipfile.ZipFile(out, "a") as archive:
        write_text(archive, f"{NAME}/{_RECORD}", json.dumps(verification, indent=2))


FORMAT = Format("zip", ".zip", _write, _load, _record)
