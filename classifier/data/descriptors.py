"""The descriptor of a picture, which the feature cache stores: perceptual hashes, keypoints, measures of quality."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .image_quality import MEASURE_COUNT, measure_quality
from .keypoints import KEYPOINTS_SIZE, compute_keypoints
from .perceptual_hash import HASH_SIZE, compute_hashes

Floats = NDArray[np.float32]
Describe = Callable[[Image.Image], Floats]
"""Returns the descriptor of an RGB picture: ``compute_descriptor``, or ``decoding.describe_apart``."""

CACHE_NAME = "looks 3"  # to be counted up when any of the numbers is computed differently
DESCRIPTOR_SIZE = HASH_SIZE + KEYPOINTS_SIZE + MEASURE_COUNT
_SHORT_SIDE = 256  # pixels below which a picture is not shrunk; most networks use no more


def compute_descriptor(picture: Image.Image) -> Floats:
    """Return the descriptor (DESCRIPTOR_SIZE,) of an RGB picture.

    Its first HASH_SIZE numbers are those of ``perceptual_hash.compute_hashes``, the next KEYPOINTS_SIZE those of
    ``keypoints.compute_keypoints``, the rest those of ``image_quality.measure_quality``.
    """
    return describe_gray(to_gray(picture))


def to_gray(picture: Image.Image) -> Image.Image:
    """Return the small gray picture of which the descriptor tells."""
    return picture.reduce(max(1, min(picture.size) // _SHORT_SIDE)).convert("L")


def describe_gray(gray: Image.Image) -> Floats:
    """Return the descriptor by what ``to_gray`` returns."""
    return np.concatenate([compute_hashes(gray), compute_keypoints(gray), measure_quality(gray)])
