from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from classifier.data.descriptors import DESCRIPTOR_SIZE, compute_descriptor
from classifier.data.image_quality import measure_quality
from classifier.data.keypoints import KEYPOINTS_SIZE, compute_keypoints
from classifier.data.perceptual_hash import compute_hashes
from tests.helpers import draw_photo


@pytest.mark.parametrize(("size", "factor"), [((300, 400), 1), ((1100, 512), 2), ((800, 1000), 3)])
def test_a_descriptor_joins_three_parts_of_the_shrunk_gray_picture(size: tuple[int, int], factor: int) -> None:
    picture = draw_photo(1, size)
    gray = picture.reduce(factor).convert("L")
    descriptor = compute_descriptor(picture)
    assert descriptor.dtype == np.float32
    assert np.array_equal(descriptor, [*compute_hashes(gray), *compute_keypoints([gray])[0], *measure_quality(gray)])


def test_descriptors_stay_those_that_older_caches_hold() -> None:
    """Numbers of this version: a difference needs a new CACHE_NAME."""
    noise = np.random.default_rng(4).integers(0, 330, (60, 80, 3)).clip(0, 255).astype(np.uint8)
    descriptor = compute_descriptor(Image.fromarray(noise).resize((320, 240), Image.Resampling.BICUBIC))
    assert len(descriptor) == DESCRIPTOR_SIZE == 133 + KEYPOINTS_SIZE
    np.testing.assert_allclose(descriptor[[1, 9, 70, 127]], [0.0447032, -0.0135658, 0.0573872, 0.0623557], atol=1e-5)
    np.testing.assert_allclose(descriptor[128:136], [0.57031, 0.14844, 1, 5.87322, 145, 35, 1154, 1088], atol=1e-4)
    np.testing.assert_allclose(descriptor[-5:], [0.1148998, 0.3058824, 0.6196079, 0.8823529, 0.0024089], atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (2, 3), (3000, 2), (7, 5), (57, 101)])
def test_pictures_of_any_shape_have_a_descriptor(size: tuple[int, int]) -> None:
    assert np.isfinite(compute_descriptor(Image.new("RGB", size, "gray"))).all()
