"""The recipes of others, on two drawn classes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from benchmarks.peers import Recipe
from benchmarks.peers.fine_tuning import fastai, lp_ft
from benchmarks.peers.photos import Photos
from benchmarks.peers.teachable_machine import teachable_machine
from tests.helpers import draw_photo


def draw_classes(folder: Path, per_class: int, seed: int) -> Path:
    """Draw reddish and bluish photos."""
    for label, tint in (("blue", (0, 0, 160)), ("red", (160, 0, 0))):
        (folder / label).mkdir(parents=True)
        for number in range(per_class):
            draw_photo(seed + number, tint=tint).save(folder / label / f"{number}.png")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe",
    [
        partial(teachable_machine, epochs=10, size=64),
        partial(fastai, epochs=12, size=64),
        partial(lp_ft, epochs=8, size=64),
    ],
    ids=["Teachable Machine", "fastai", "LP-FT"],
)
def test_recipes_of_others_learn_two_drawn_classes(recipe: Recipe, tmp_path: Path) -> None:
    train = Photos.read(draw_classes(tmp_path / "train", 12, 0))
    test = Photos.read(draw_classes(tmp_path / "test", 6, 100), train.classes)

    y_pred = recipe(train, test)

    assert y_pred.shape == (12,)
    assert (y_pred == test.y).sum() >= 10


def test_photos_of_a_class_that_was_not_tested_keep_their_number(tmp_path: Path) -> None:
    train = Photos.read(draw_classes(tmp_path / "train", 1, 0))
    draw_photo(3).save(tmp_path / "red.png")
    (tmp_path / "test" / "red").mkdir(parents=True)
    (tmp_path / "red.png").rename(tmp_path / "test" / "red" / "0.png")

    assert Photos.read(tmp_path / "test", train.classes).y.tolist() == [train.classes.index("red")]
