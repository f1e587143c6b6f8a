"""The heat map over a photo and the nearest training photos as HTML."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from classifier.ui.predict import evidence
from tests.helpers import NASTY


def decode(jpeg: bytes | None) -> np.ndarray:
    assert jpeg is not None
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"), np.float32)


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_a_larger_heat_is_warmer_and_darker(shade: int) -> None:
    square = np.full((96, 96, 3), shade, np.uint8)
    heat = np.array([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0], [-9.0, -1.0, 0.0]])
    shown = decode(evidence.overlay(square, heat))
    none, some, most = (shown[16, column] for column in (8, 48, 88))
    for less, more in ((none, some), (some, most)):
        assert more.mean() < less.mean() - 10  # without any colour
        assert more[0] - more[2] > less[0] - less[2] + 20  # in red and blue, which all but a few can tell apart
    against = shown[90, 6]
    assert np.ptp(against) < 12  # what spoke against it has no colour at all


def test_the_tint_is_where_the_heat_is() -> None:
    square = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    heat = np.zeros((8, 8))
    heat[1, 6] = 3.0
    shown = decode(evidence.overlay(square, heat))
    assert shown.shape == square.shape
    warmth = shown[..., 0] - shown[..., 2]
    assert np.unravel_index(warmth.reshape(8, 8, 8, 8).mean((1, 3)).argmax(), (8, 8)) == (1, 6)


@pytest.mark.parametrize("heat", [[[-1.0, 0.0]], [[5.0]], [[np.nan, -1.0]], [[np.inf, 0.0]]])
def test_a_heat_map_without_positive_part_becomes_words(heat: list[list[float]]) -> None:
    jpeg = evidence.overlay(np.zeros((32, 32, 3), np.uint8), np.array(heat))
    assert jpeg is None
    assert "No single part of the photo spoke for “&lt;b&gt;”" in evidence.render("<b>", jpeg, [])


def test_names_of_classes_do_nothing_in_an_explanation() -> None:
    shown = evidence.render(NASTY, b"jpeg", [(NASTY, b"jpeg", 1), ('"><img src=x onerror=alert(1)>', b"", 2)])
    assert "<script" not in shown
    assert "<img src" not in shown
    assert shown.count("<img") == 2
