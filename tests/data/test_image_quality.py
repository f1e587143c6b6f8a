from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from classifier.data import image_quality, perceptual_hash


def textured(seed: int) -> Image.Image:
    """A picture with detail at every scale, as the world has it."""
    rng = np.random.default_rng(seed)
    layers = [
        np.asarray(Image.fromarray(rng.integers(0, 255, (side, side), np.uint8)).resize((256, 256)), float)
        for side in (4, 16, 64, 256)
    ]
    return Image.fromarray(np.average(layers, 0, (4, 3, 2, 1)).astype(np.uint8)).convert("RGB")


def stretched(photo: Image.Image) -> Image.Image:
    return photo.point(lambda value: max(0, min(255, round((value - 128) * 2 + 128))))


SPOILT = {
    "blurred": lambda photo: photo.filter(ImageFilter.GaussianBlur(4)),
    "dark": lambda photo: ImageEnhance.Brightness(photo).enhance(0.15),
    "blown-out": lambda photo: ImageEnhance.Brightness(photo).enhance(8),
    "empty": lambda photo: Image.new("RGB", photo.size, (120, 120, 120)),
}


def found(photos: list[Image.Image], sizes: list[tuple[int, int]] | None = None) -> list[tuple[int, str]]:
    widths, heights = np.array(sizes or [photo.size for photo in photos]).T
    return [
        (flaw.photo, flaw.kind)
        for flaw in image_quality.find_quality_issues(
            np.stack(list(map(perceptual_hash.compute_descriptor, photos))), widths, heights
        )
    ]


@pytest.mark.parametrize("kind", SPOILT)
def test_a_spoilt_photo_is_found_and_the_good_ones_are_left_alone(kind: str) -> None:
    photos = [stretched(textured(seed)) for seed in range(8)]
    assert found(photos) == []
    photos[3] = SPOILT[kind](photos[3])
    assert found(photos) == [(3, kind)]


@pytest.mark.parametrize("kind", SPOILT)
def test_what_all_photos_have_is_no_flaw_of_one(kind: str) -> None:
    assert found([SPOILT[kind](stretched(textured(seed))) for seed in range(6)]) == []


def test_small_and_long_photos_are_found_beside_usual_ones() -> None:
    photos = [stretched(textured(seed)) for seed in range(5)]
    sizes = [(640, 480), (48, 40), (480, 640), (2000, 300), (640, 480)]
    assert found(photos, sizes) == [(1, "tiny"), (3, "odd-shaped")]
    assert found(photos, [(32, 32)] * 5) == []
    assert "32 by 32" in image_quality.of_the_whole_set(np.full(5, 32), np.full(5, 32))[0]
    assert image_quality.of_the_whole_set(np.full(5, 320), np.full(5, 320)) == []


def test_photos_whose_looks_are_unknown_are_judged_by_their_size_only() -> None:
    unknown = np.full((3, perceptual_hash.WIDTH), np.nan, np.float32)
    flaws = image_quality.find_quality_issues(unknown, np.array([600, 20, 600]), np.array([400, 20, 400]))
    assert [(flaw.photo, flaw.kind) for flaw in flaws] == [(1, "tiny")]
    assert image_quality.find_quality_issues(unknown[:0], np.zeros(0), np.zeros(0)) == []


def test_every_flaw_says_what_to_do() -> None:
    assert set(image_quality.WHAT_TO_DO) == set(image_quality.KINDS)
    assert all(image_quality.QualityIssue(0, kind).sentence for kind in image_quality.KINDS)
