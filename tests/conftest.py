"""Small photos, made at test time."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

MakePhoto = Callable[..., Image.Image]
MakeFolder = Callable[..., Path]


def draw_photo(
    seed: int = 0, size: tuple[int, int] = (64, 48), tint: tuple[int, int, int] = (0, 0, 0)
) -> Image.Image:
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
        tints = {
            label: 40 * index for index, label in enumerate(sorted({key.split("/")[-1] for key in counts}))
        }
        for number, (folder, count) in enumerate(counts.items()):
            (tmp_path / name / folder).mkdir(parents=True, exist_ok=True)
            for index in range(count):
                tint = (tints[folder.split("/")[-1]] % 256, 0, 80 - tints[folder.split("/")[-1]] % 80)
                draw_photo(1000 * number + index, size, tint).save(
                    tmp_path / name / folder / f"{index + 1}.jpg"
                )
        return tmp_path / name

    return make
