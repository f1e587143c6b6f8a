"""Photos without labels against the training photos: of their kind, or changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classifier import Finished, Predictor
from classifier.data.example import draw_example
from classifier.workflows.photo_shift import FEWEST, compare_with_training


def darkened(path: Path) -> None:
    """Replace a photo by what a dark camera with a color cast makes of it."""
    with Image.open(path) as picture:
        small = picture.convert("RGB").resize((48, 48))
    noise = np.random.default_rng(0).normal(0, 12, (48, 48, 3))
    pixels = np.asarray(small) * (0.5, 0.35, 0.15) + noise
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).resize((240, 240)).save(path)


@pytest.mark.slow
def test_changed_photos_are_told_from_the_training_photos_and_others_not(trained: Finished, tmp_path: Path) -> None:
    draw_example(tmp_path / "new", per_class=9, seed=5)
    paths = sorted((tmp_path / "new").rglob("*.jpg"))
    photos = [(path, path.parent.name) for path in paths]
    predictor = Predictor(trained.folder)
    same = compare_with_training(predictor, photos, tmp_path / "same")
    assert same is not None
    assert not same.alarm
    for path in paths:
        darkened(path)
    changed = compare_with_training(predictor, photos, tmp_path / "changed")
    assert changed is not None
    assert changed.alarm
    assert changed.told_apart > same.told_apart


def test_of_few_photos_nothing_is_said(trained: Finished, tmp_path: Path) -> None:
    photos = [(tmp_path / f"{number}.jpg", "key") for number in range(FEWEST - 1)]
    assert compare_with_training(Predictor(trained.folder), photos, tmp_path / "scratch") is None
