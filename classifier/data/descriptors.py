"""The descriptor of a picture, which the feature cache stores: perceptual hashes, keypoints, measures of quality."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .image_quality import MEASURE_COUNT, measure_quality
from .keypoints import KEYPOINTS_SIZE, compute_keypoints
from .perceptual_hash import HASH_SIZE, compute_hashes

Floats = NDArray[np.float32]
Describe = Callable[[Sequence[Image.Image]], Floats]
"""Returns the descriptors of gray pictures: ``describe_grays``, or ``decoding.describe_apart``."""

CACHE_NAME = "looks 3"  # to be counted up when any of the numbers is computed differently
DESCRIPTOR_SIZE = HASH_SIZE + KEYPOINTS_SIZE + MEASURE_COUNT
_SHORT_SIDE = 256  # pixels below which a picture is not shrunk; most networks use no more


def compute_descriptor(picture: Image.Image) -> Floats:
    """Return the descriptor (DESCRIPTOR_SIZE,) of an RGB picture.

    Its first HASH_SIZE numbers are those of ``perceptual_hash.compute_hashes``, the next KEYPOINTS_SIZE those of
    ``keypoints.compute_keypoints``, the rest those of ``image_quality.measure_quality``.
    """
    return describe_grays([to_gray(picture)])[0]


def to_gray(picture: Image.Image) -> Image.Image:
    """Return the small gray picture of which the descriptor tells."""
    return picture.reduce(max(1, min(picture.size) // _SHORT_SIDE)).convert("L")


def describe_grays(grays: Sequence[Image.Image]) -> Floats:
    """Return the descriptors (N, DESCRIPTOR_SIZE) by what ``to_gray`` returns of each picture."""
    descriptors = np.empty((len(grays), DESCRIPTOR_SIZE), np.float32)
    for row, gray in zip(descriptors, grays):
        row[:HASH_SIZE], row[-MEASURE_COUNT:] = compute_hashes(gray), measure_quality(gray)
    descriptors[:, HASH_SIZE:-MEASURE_COUNT] = compute_keypoints(grays)
    return descriptors
