"""One linear head on the features of several networks side by side.

The features of each network are standardized before they are joined, so that none counts for more because its values
are larger or because it has more of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..config import ResizeMode
from ..data.dataset import TrainingSet
from ..data.large_arrays import blocks, side_by_side
from ..models.feature_cache import FeatureCache
from .cached_head import fit_cached_head
from .linear_head import SHRINKAGES, LinearHead, compute_standardization

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def fit_joined_head(
    cache: FeatureCache,
    backbones: Sequence[str],
    training_set: TrainingSet,
    features: Sequence[Floats],
    folds: Ints,
    resize_mode: ResizeMode,
    seed: int,
) -> LinearHead:
    """Fit a linear head on features side by side; its weights (C, sum of the D) apply to what the networks give.

    Args:
        cache: see ``fit_cached_head``, as for ``resize_mode`` and ``seed``.
        backbones: names of the networks (M).
        training_set: the photos (N) with their classes.
        features: pooled features of each network, (N, D) each.
        folds: number (N,) of the fold in which each photo is held out.
        resize_mode: that of the features.
        seed: that of the folds.
    """
    shifts, scales = zip(*(compute_standardization(one, SHRINKAGES[0]) for one in features))
    shift, scale = np.concatenate(shifts), np.concatenate(scales) * np.float32(len(features) ** 0.5)
    joined = side_by_side(features)
    for block in blocks(len(joined)):
        joined[block] -= shift
        joined[block] /= scale
    joined_set = replace(training_set, features=joined)
    head = fit_cached_head(cache, "+".join(backbones), joined_set, folds, resize_mode, seed)
    weight = head.weight / scale
    return replace(head, weight=weight, bias=head.bias - weight @ shift)
