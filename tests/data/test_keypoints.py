from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter
from scipy.ndimage import gaussian_filter, maximum_filter

from classifier.data import keypoints
from classifier.data.keypoint_matches import count_matches
from classifier.data.keypoints import KEYPOINTS_SIZE, compute_keypoints, count_keypoints


def draw_detailed(seed: int) -> Image.Image:
    """A picture with many details at places drawn by the seed."""
    rng = np.random.default_rng(seed)
    picture = Image.fromarray(rng.integers(0, 256, (15, 20, 3)).astype(np.uint8))
    return picture.resize((320, 240), Image.Resampling.BICUBIC)


def count(one: Image.Image, other: Image.Image) -> int:
    found = compute_keypoints([picture.convert("L") for picture in (one, other)])
    return int(count_matches(found, np.array([[0, 1]]))[0])


DETAILED = draw_detailed(0)
CHANGED = {
    "mirrored": DETAILED.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "upside down": DETAILED.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    "on its side": DETAILED.transpose(Image.Transpose.ROTATE_90),
    "turned by 15 degrees": DETAILED.rotate(15, Image.Resampling.BICUBIC),
    "from nearer": DETAILED.crop((40, 40, 280, 220)),
    "sheared": DETAILED.transform(DETAILED.size, Image.Transform.AFFINE, (1, 0.2, -20, 0, 1, 0)),
    "darker": ImageEnhance.Brightness(DETAILED).enhance(0.6),
    "blurred": DETAILED.filter(ImageFilter.GaussianBlur(1.5)),
}


@pytest.mark.parametrize("change", CHANGED)
def test_keypoints_of_a_changed_copy_agree(change: str) -> None:
    assert count(DETAILED, CHANGED[change]) >= 12
    assert count(CHANGED[change], DETAILED) >= 12


def test_keypoints_of_different_pictures_do_not_agree() -> None:
    keypoints = compute_keypoints([draw_detailed(seed).convert("L") for seed in range(12)])
    pairs = np.argwhere(np.triu(np.ones((12, 12)), 1))
    assert count_matches(keypoints, pairs).max() <= 8
    assert count_keypoints(keypoints).min() > 30


def test_keypoints_survive_the_rounding_of_the_cache() -> None:
    (keypoints,) = compute_keypoints([DETAILED.convert("L")])
    rounded = keypoints.astype(np.float16).astype(np.float32)
    np.testing.assert_allclose(rounded, keypoints, rtol=1e-3)
    assert count_matches(np.stack([keypoints, rounded]), np.array([[0, 1]]))[0] >= 20


@pytest.mark.parametrize("size", [(1, 1), (9, 500), (640, 480)])
def test_an_even_surface_has_no_keypoints(size: tuple[int, int]) -> None:
    assert compute_keypoints([Image.new("L", size, 90)]).tolist() == [[0] * KEYPOINTS_SIZE]


def test_unknown_keypoints_match_nothing() -> None:
    (known,), unknown = compute_keypoints([DETAILED.convert("L")]), np.full(KEYPOINTS_SIZE, np.nan, np.float32)
    keypoints = np.stack([known, unknown, np.zeros(KEYPOINTS_SIZE, np.float32)])
    assert count_matches(keypoints, np.array([[0, 1], [1, 0], [1, 1], [2, 2], [0, 2]])).tolist() == [0] * 5
    assert count_keypoints(keypoints)[1:].tolist() == [0, 0]


def test_keypoints_of_pictures_are_the_same_together_as_alone() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 200)).astype(np.uint8))
    pictures = [draw_detailed(seed).convert("L").resize((320 - 40 * (seed % 3), 240)) for seed in range(20)]
    pictures[7:7] = [Image.new("L", (50, 50), 90), noise]
    together = compute_keypoints(pictures)
    assert np.array_equal(together, np.concatenate([compute_keypoints([picture]) for picture in pictures]))
    assert count_keypoints(together)[7:9].tolist() == [0, 64]
    assert compute_keypoints([]).shape == (0, KEYPOINTS_SIZE)


def test_the_keypoints_are_those_of_most_contrast_that_are_corners(monkeypatch: pytest.MonkeyPatch) -> None:
    gray = DETAILED.convert("L")
    few = compute_keypoints([gray])
    with monkeypatch.context() as changed:
        changed.setattr(keypoints, "COUNT", 1000)  # so that all are checked at once, and none is left out
        peaks, gradients = keypoints._find([gray])
        corners = keypoints._select_corners(peaks, gradients)
    assert len(corners.picture) > 64
    all_peaks = peaks.take(np.argsort(-peaks.contrast, kind="stable"))
    expected = all_peaks.take(np.flatnonzero(keypoints._is_corner(all_peaks, gradients)))
    assert np.array_equal(corners.contrast, expected.contrast)
    scale = 2.0 ** (-expected.level[:64] / 2)
    np.testing.assert_allclose(few.reshape(64, -1)[:, 0], expected.column[:64] / (128 * scale), rtol=1e-5)


def test_blur_and_gradients_are_those_of_scipy_and_numpy() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 37, 50)).astype(np.float32)
    smooth = gaussian_filter(pixels, (0, 1.0, 1.0), truncate=3)
    assert np.allclose(keypoints._blur(pixels, keypoints._SMOOTHED), smooth, rtol=0, atol=1e-4)  # of 255
    more = gaussian_filter(smooth, (0, 1.25, 1.25), truncate=3)
    assert np.allclose(keypoints._blur(smooth, keypoints._SMOOTHED_MORE), more, rtol=0, atol=1e-4)
    down, across = np.gradient(smooth, axis=(1, 2))
    assert np.array_equal(keypoints._differences(smooth), down)
    assert np.array_equal(keypoints._differences(smooth.transpose(0, 2, 1)).transpose(0, 2, 1), across)


def test_peaks_are_those_of_scipys_maximum_filter() -> None:
    contrast = np.random.default_rng(0).uniform(0, 9, (3, 37, 50)).astype(np.float32)
    expected = (contrast == maximum_filter(contrast, (1, 5, 5))) & (contrast > 1)
    expected[:, :4] = expected[:, -4:] = expected[:, :, :4] = expected[:, :, -4:] = False
    assert np.array_equal(np.stack(keypoints._find_peaks(contrast)), np.nonzero(expected))
