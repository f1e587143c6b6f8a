"""A folder that is a model repository of the Hugging Face Hub as it stands, for timm, transformers and this program."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any

import timm
import torch
from PIL import Image

from ..config import Mode
from ..messages import Message
from ..messages.models import UnsureCode
from ..models import backbones, training_record
from ..models.model_card import PLACE, CardFacts, WidgetPhoto, render_card
from ..models.model_folder import OOD
from ..models.picture_sources import to_source
from ..models.predictor import Predictor
from .base import Answer, Format, Loaded, Model, Options, decide
from .files import copy_model

_RECORD = "export.json"
_CARD = "README.md"
_LARGEST_SIDE = 640  # pixels of a photo that the card shows
_QUALITY = 88  # of its JPEG
_NOT_IN_ADDRESSES = "#?%"  # timm reads the folder's name as an address


def _write(model: Model, out: Path, options: Options) -> tuple[Message, ...]:
    copy_model(model, out)
    report = model.checkpoint.report
    if report is not None:  # of a model that another program made the card stays as it is
        photos = _write_photos(model, out, options)
        training = training_record.read_record(model.folder)
        mode: Mode = "deep" if training.get("kept") == "deep" else "quick"
        ranges = model.checkpoint.preprocessing.pixel_ranges
        backbone = backbones.resolve(report.backbone)
        facts = CardFacts(
            report, backbone, mode, (out / OOD).exists(), ranges, training, options.place or PLACE, photos
        )
        (out / _CARD).write_text(render_card(facts), encoding="utf-8")
    return ()


def _write_photos(model: Model, out: Path, options: Options) -> tuple[WidgetPhoto, ...]:
    """Write photos anew from their pixels, so that nothing else of their files is kept; return the model's answers."""
    if not options.shown:
        return ()
    limits, opener = options.limits, options.opener
    (out / "photos").mkdir()
    predictor = Predictor(model.folder, limits=limits, opener=opener)
    found = []
    for number, photo in enumerate(options.shown, 1):
        opened = opener(to_source(photo, limits), None, limits, predictor.preprocessing.pixel_ranges)
        pixels = Image.frombytes("RGB", opened.size, opened.convert("RGB").tobytes())
        (prediction,) = predictor.predict(pixels)
        pixels.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
        file = f"photos/{number}.jpg"
        pixels.save(out / file, "JPEG", quality=_QUALITY)
        found.append(WidgetPhoto(file, tuple((one.label, one.confidence) for one in prediction.top)))
    return tuple(found)


@contextmanager
def _load(out: Path) -> Iterator[Loaded]:
    """Open the folder with timm, which does the preprocessing and the network, and with ``Predictor`` for the rest."""
    predictor = Predictor(out)
    with _named_for_timm(out) as folder, torch.inference_mode():
        network: Any = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(network))
    labels = tuple(network.pretrained_cfg["label_names"])
    thresholds = tuple(predictor.thresholds.get(label, predictor.threshold) for label in predictor.labels)

    def answer(pictures: Sequence[Image.Image]) -> list[Answer]:
        with torch.inference_mode():
            probs = [network(transform(picture)[None]).softmax(1)[0].numpy() for picture in pictures]
        known = [one.reason is not UnsureCode.OUT_OF_DISTRIBUTION for one in predictor.predict(list(pictures))]
        return [decide(labels, one, thresholds, is_known) for one, is_known in zip(probs, known, strict=True)]

    yield Loaded(labels, answer, thresholds, predictor.preprocessing.pixel_ranges)


@contextmanager
def _named_for_timm(folder: Path) -> Iterator[Path]:
    if not any(letter in str(folder) for letter in _NOT_IN_ADDRESSES):
        yield folder
        return
    with TemporaryDirectory() as scratch:
        yield copytree(folder, Path(scratch, "model"))


def _record(out: Path, verification: Mapping[str, Any]) -> None:
    (out / _RECORD).write_text(json.dumps(verification, indent=2), encoding="utf-8")


FORMAT = Format("hub", "", _write, _load, _record, shows_photos=True, most_members=0, repository="model")
