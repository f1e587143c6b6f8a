"""What several tests share: small photos, made at test time, and small data."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from classifier import Finished, Project, TrainConfig, train
from classifier.data.assets import Asset
from classifier.data.run_history import RunAsset
from classifier.evaluation.metrics import ClassScore
from classifier.evaluation.report import Report
from classifier.messages import message
from classifier.messages.evaluation import WarningCode

if TYPE_CHECKING:  # it imports Gradio, which most tests do without
    from classifier.ui.sessions import Home

MakePhoto = Callable[..., Image.Image]
MakeFolder = Callable[..., Path]

NASTY = "<script>alert(1)</script>"
SHA = "a" * 64


def draw_photo(seed: int = 0, size: tuple[int, int] = (64, 48), tint: tuple[int, int, int] = (0, 0, 0)) -> Image.Image:
    """A smooth picture with no symmetry, (width, height) = ``size``; equal seeds give equal pixels."""
    coarse = np.random.default_rng(seed).integers(0, 160, (5, 7, 3), dtype=np.uint8)  # (H, W, 3)
    picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    return Image.fromarray((np.asarray(picture).astype(np.int64) + tint).clip(0, 255).astype(np.uint8))


def encode(image: Image.Image, format: str = "JPEG", **options: object) -> bytes:
    """The bytes of a picture file."""
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def unanswered(assets: Iterable[Asset]) -> list[RunAsset]:
    """The photos of a run that asked nobody what they show."""
    return [RunAsset(asset.sha256, asset.label, asset.split) for asset in assets]


def report(**changes: Any) -> Report:
    """A good score of two classes; names and warnings in it try to be HTML."""
    labels = changes.get("labels", ("cat", "<b>dog</b>"))
    values: dict[str, Any] = {
        "labels": labels, "images": 40, "evaluated_on": "out_of_fold", "accuracy": 0.9,
        "accuracy_low": 0.77, "accuracy_high": 0.96, "balanced_accuracy": 0.9,
        "per_class": tuple(ClassScore(label, 20, 0.9, 0.9, 0.9) for label in labels),
        "confusion": ((18, 2), (2, 18)), "threshold": 0.5, "temperature": 1.0,
        "warnings": (message(WarningCode.TEXT, text=f"Few photos of {NASTY}."),),
        "resize_mode": "crop", "backbone": "x",
    }  # fmt: skip
    return Report(**{**values, **changes})


def train_on(data: Path, features: Path, out: Path, **settings: object) -> Finished:
    """Train on a folder of class folders, to the end."""
    with Project.over(data, features=features) as project:
        *_, last = train(project, TrainConfig(**settings), out)
    assert isinstance(last, Finished)
    return last


def draw_digits(folder: Path, digits: str, per_class: int, seed: int = 0) -> Path:
    """Digits of 28 pixels, turned, moved and noisy, one folder each."""
    rng = np.random.default_rng([seed, len(digits), per_class])
    font = ImageFont.load_default(22)
    for digit in digits:
        (folder / digit).mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            picture = Image.new("L", (28, 28), int(rng.integers(0, 60)))
            place = tuple(float(value) for value in rng.uniform((5, -2), (10, 3)))
            ImageDraw.Draw(picture).text(place, digit, fill=int(rng.integers(170, 255)), font=font)
            turned = picture.rotate(float(rng.uniform(-12, 12)), Image.Resampling.BILINEAR, fillcolor=30)
            noisy = np.asarray(turned) + rng.normal(0, 12, (28, 28))
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / digit / f"{seed}-{number}.png")
    return folder


def fill(home: Home, token: str, folder: Path) -> None:
    """Give a visitor of the page the photos of a folder."""
    with home.open(token) as project:
        project.add(folder)
