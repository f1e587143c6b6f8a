from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from scipy.fft import dctn

from classifier.data.images import open_picture
from classifier.data.perceptual_hash import HASH_SIZE, compute_hashes, compute_similarity, reconstruct_pictures
from tests.helpers import draw_photo, encode

PHOTO = draw_photo(1, (320, 240))


def compare(one: Image.Image, other: Image.Image) -> float:
    hashes = [compute_hashes(photo.convert("L"))[None] for photo in (one, other)]
    return float(compute_similarity(*hashes)[0, 0])


def crop(photo: Image.Image, margin: float) -> Image.Image:
    width, height = photo.size
    return photo.crop(
        (int(margin * width), int(margin * height), int((1 - margin) * width), int((1 - margin) * height))
    )


CHANGED = {
    "saved at quality 40": open_picture(encode(PHOTO, quality=40)),
    "half the size": PHOTO.resize((160, 120)),
    "a border of 5 % cut off": crop(PHOTO, 0.05),
    "darker": ImageEnhance.Brightness(PHOTO).enhance(0.6),
    "lighter": ImageEnhance.Brightness(PHOTO).enhance(1.3),
    **{transpose.name: PHOTO.transpose(transpose) for transpose in Image.Transpose},
    **{f"cropped, {transpose.name}": crop(PHOTO, 0.05).transpose(transpose) for transpose in Image.Transpose},
}


@pytest.mark.parametrize("change", CHANGED)
def test_a_changed_copy_is_similar_whichever_comes_first(change: str) -> None:
    assert compare(PHOTO, CHANGED[change]) > 0.95
    assert compare(CHANGED[change], PHOTO) > 0.95


def test_a_picture_is_exactly_similar_to_itself_in_every_orientation() -> None:
    photo = draw_photo(2, (256, 256))
    for transpose in Image.Transpose:
        assert compare(photo, photo.transpose(transpose)) == pytest.approx(1, abs=1e-3)


def test_different_pictures_are_not_similar() -> None:
    found = [compare(draw_photo(one), draw_photo(other)) for one, other in combinations(range(8), 2)]
    assert max(found) < 0.8


@pytest.mark.parametrize(("part", "margin"), [(0, 0), (1, 0.1)])
def test_the_hashes_are_the_low_corner_of_scipys_cosine_transform(part: int, margin: float) -> None:
    gray = draw_photo(3, (640, 640)).convert("L")
    side = int(640 * margin / 2)
    small = np.asarray(gray.crop((side, side, 640 - side, 640 - side)).resize((32, 32), Image.Resampling.BOX), float)
    coefficients = dctn(small)[:8, :8] * np.hypot(*np.meshgrid(np.arange(8), np.arange(8)))
    expected = coefficients.ravel() / np.linalg.norm(coefficients)
    np.testing.assert_allclose(compute_hashes(gray)[64 * part : 64 * (part + 1)], expected, atol=1e-4)


@pytest.mark.parametrize("brightness", [0, 1, 77, 200, 255])
def test_the_hashes_of_a_blank_picture_are_zero(brightness: int) -> None:
    for size in ((50, 40), (9, 9), (700, 300)):
        hashes = compute_hashes(Image.new("L", size, brightness))
        assert hashes.tolist() == [0] * HASH_SIZE
    faint = Image.new("L", (64, 64), brightness)
    faint.paste(abs(brightness - 1), (20, 20, 22, 22))
    assert np.linalg.norm(compute_hashes(faint)[:64]) == pytest.approx(1, abs=1e-5)


def test_similarity_is_a_table_of_the_first_by_the_second() -> None:
    hashes = np.stack([compute_hashes(draw_photo(seed).convert("L")) for seed in range(5)])
    table = compute_similarity(hashes[:2], hashes)
    assert table.shape == (2, 5)
    assert table[1, 4] == pytest.approx(compare(draw_photo(1), draw_photo(4)), abs=1e-4)
    with_more_columns = np.concatenate([hashes, np.ones((5, 7), np.float32)], 1)
    assert np.array_equal(compute_similarity(with_more_columns[:2], with_more_columns), table)


def test_unknown_hashes_are_similar_to_nothing() -> None:
    known, unknown = compute_hashes(PHOTO.convert("L"))[None], np.full((1, HASH_SIZE), np.nan, np.float32)
    assert compute_similarity(known, unknown)[0, 0] < 0.1
    assert compute_similarity(unknown, known)[0, 0] < 0.1


def test_a_hash_gives_a_small_picture_back_up_to_brightness_and_contrast() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (8, 8)).astype(np.uint8)
    picture = Image.fromarray(pixels).resize((256, 256), Image.Resampling.BICUBIC)
    small = np.asarray(picture.resize((8, 8), Image.Resampling.BOX), float)
    (found,) = reconstruct_pictures(compute_hashes(picture)[None])
    assert np.corrcoef(found.ravel(), small.ravel())[0, 1] > 0.98
