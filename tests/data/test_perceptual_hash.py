from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter
from scipy.fft import dctn

from classifier.data import perceptual_hash
from classifier.data.images import open_picture
from tests.helpers import draw_photo, encode

PHOTO = draw_photo(1, (320, 240))


def compare(one: Image.Image, other: Image.Image) -> float:
    return float(
        perceptual_hash.similarity(
            perceptual_hash.compute_descriptor(one)[None], perceptual_hash.compute_descriptor(other)[None]
        )[0, 0]
    )


def cropped(photo: Image.Image, share: float) -> Image.Image:
    width, height = photo.size
    return photo.crop((int(share * width), int(share * height), int((1 - share) * width), int((1 - share) * height)))


CHANGED = {
    "saved at quality 40": open_picture(encode(PHOTO, quality=40)),
    "half the size": PHOTO.resize((160, 120)),
    "a border of 5 % cut off": cropped(PHOTO, 0.05),
    "darker": ImageEnhance.Brightness(PHOTO).enhance(0.6),
    "lighter": ImageEnhance.Brightness(PHOTO).enhance(1.3),
    **{turn.name: PHOTO.transpose(turn) for turn in Image.Transpose},
}


@pytest.mark.parametrize("change", CHANGED)
def test_a_changed_copy_is_the_same_picture_whichever_of_the_two_comes_first(change: str) -> None:
    assert compare(PHOTO, CHANGED[change]) > 0.95
    assert compare(CHANGED[change], PHOTO) > 0.95


def test_different_pictures_are_not_alike() -> None:
    found = [compare(draw_photo(one), draw_photo(other)) for one, other in combinations(range(8), 2)]
    assert max(found) < 0.8


def test_the_fingerprint_is_the_low_corner_of_scipys_cosine_transform() -> None:
    photo = draw_photo(3, (64, 64))
    small = np.asarray(photo.convert("L").resize((32, 32), Image.Resampling.BOX), float)
    waves = dctn(small)[:8, :8] * np.hypot(*np.meshgrid(np.arange(8), np.arange(8)))
    np.testing.assert_allclose(
        perceptual_hash.compute_descriptor(photo)[:64], waves.ravel() / np.linalg.norm(waves), atol=1e-4
    )


def test_looks_that_are_not_known_are_like_nothing() -> None:
    known, unknown = (
        perceptual_hash.compute_descriptor(PHOTO)[None],
        np.full((1, perceptual_hash.WIDTH), np.nan, np.float32),
    )
    assert perceptual_hash.similarity(known, unknown)[0, 0] < 0.1
    assert perceptual_hash.similarity(unknown, known)[0, 0] < 0.1


def test_the_more_a_picture_is_blurred_the_less_sharp_it_is() -> None:
    rng = np.random.default_rng(0)
    sharp = Image.fromarray(rng.integers(0, 255, (64, 64, 3), np.uint8)).resize((256, 256), Image.Resampling.NEAREST)
    found = [
        perceptual_hash.compute_descriptor(sharp.filter(ImageFilter.GaussianBlur(radius)))[perceptual_hash.SHARPNESS]
        for radius in (0, 1.5, 3, 6)
    ]
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.1 < found[0]


def test_light_is_measured_from_black_to_white() -> None:
    assert perceptual_hash.compute_descriptor(Image.new("RGB", (40, 40), "black"))[perceptual_hash.BRIGHTEST] == 0
    white = perceptual_hash.compute_descriptor(Image.new("RGB", (40, 40), "white"))
    assert (white[perceptual_hash.DARKEST], white[perceptual_hash.BLOWN_OUT]) == (1, 1)


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (2, 3), (3000, 2)])
def test_pictures_of_any_shape_have_looks(size: tuple[int, int]) -> None:
    assert np.isfinite(perceptual_hash.compute_descriptor(Image.new("RGB", size, "grey"))).all()
