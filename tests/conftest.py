"""Small photos, made at test time, and what else several tests share."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from classifier import Finished, Project, TrainConfig, train
from classifier.catalog import Asset, RunAsset
from classifier.example import draw_example
from classifier.metrics import ClassScore, Report

if TYPE_CHECKING:  # it imports Gradio, which most tests do without
    from classifier.ui.session import Home

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


@pytest.fixture
def make_photo() -> MakePhoto:
    """``make_photo(seed, size, tint)`` draws one picture."""
    return draw_photo


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """``make_folder({"train/cat": 3, "train/dog": 3}, name="photos")`` writes JPEGs, all different.

    Classes (the last part of the folder's name) differ in tint, so a classifier can tell them apart.
    """

    def make(counts: dict[str, int], name: str = "photos", size: tuple[int, int] = (64, 48)) -> Path:
        tints = {label: 40 * index for index, label in enumerate(sorted({key.split("/")[-1] for key in counts}))}
        for number, (folder, count) in enumerate(counts.items()):
            (tmp_path / name / folder).mkdir(parents=True, exist_ok=True)
            for index in range(count):
                tint = (tints[folder.split("/")[-1]] % 256, 0, 80 - tints[folder.split("/")[-1]] % 80)
                draw_photo(1000 * number + index, size, tint).save(tmp_path / name / folder / f"{index + 1}.jpg")
        return tmp_path / name

    return make


@pytest.fixture(scope="session")
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stands for the user's cache folder, so that the real one is never touched."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _users_cache_is_left_alone(cache_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache_home))


@pytest.fixture(scope="session")
def features(cache_home: Path) -> Path:
    """A feature cache that all tests share: a photo drawn alike in two tests is looked at once."""
    return cache_home / "photo-classifier" / "features"


@pytest.fixture(scope="session")
def example_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight drawn photos of each of four classes, none of them square; not to be changed."""
    folder = tmp_path_factory.mktemp("example") / "photos"
    draw_example(folder, per_class=8)
    return folder


def unanswered(assets: Iterable[Asset]) -> list[RunAsset]:
    """The photos of a run that asked nobody what they show."""
    return [RunAsset(asset.sha256, asset.label, asset.split) for asset in assets]


def report(**changes: Any) -> Report:
    """A good score of two classes; names and warnings in it try to be HTML."""
    values: dict[str, Any] = {
        "labels": ("cat", "<b>dog</b>"), "images": 40, "judged_on": "out_of_fold", "accuracy": 0.9,
        "accuracy_low": 0.77, "accuracy_high": 0.96, "balanced_accuracy": 0.9,
        "per_class": (ClassScore("cat", 20, 0.9, 0.9, 0.9), ClassScore("<b>dog</b>", 20, 0.9, 0.9, 0.9)),
        "confusion": ((18, 2), (2, 18)), "threshold": 0.5, "temperature": 1.0,
        "warnings": (f"Few photos of {NASTY}.",), "fit": "crop", "backbone": "x",
    }  # fmt: skip
    return Report(**{**values, **changes})


def train_on(data: Path, features: Path, out: Path, **settings: object) -> Finished:
    """Train on a folder of class folders, to the end."""
    with Project.over(data, features=features) as project:
        *_, last = train(project, TrainConfig(**settings), out)
    assert isinstance(last, Finished)
    return last


@pytest.fixture(scope="session")
def trained(example_set: Path, features: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A model of the example set; its folder is not to be changed."""
    return train_on(example_set, features, tmp_path_factory.mktemp("trained") / "model")


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


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An upload folder of Gradio's with one uploaded photo, ``uploads/<sha>/a.jpg``."""
    folder = tmp_path / "uploads"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    (folder / SHA).mkdir(parents=True)
    draw_example(tmp_path / "one", per_class=1)
    (folder / SHA / "a.jpg").write_bytes((tmp_path / "one" / "key" / "key 01.jpg").read_bytes())
    return folder


def fill(home: Home, token: str, folder: Path) -> None:
    """Give a visitor of the page the photos of a folder."""
    with home.open(token) as project:
        project.add(folder)
