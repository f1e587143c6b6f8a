"""The linear head of a training set, with hyperparameters cached between trainings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import distributed
from ..config import ResizeMode, TrainConfig
from ..data import splits
from ..data.dataset import TrainingSet
from ..models.feature_cache import FeatureCache
from . import linear_head
from .linear_head import LinearHead

Ints = NDArray[np.int64]

_FEW = 1000  # photos below which the folds of a head cost little


def head_folds(y: Ints, groups: Ints, config: TrainConfig, contents: Iterable[str]) -> Ints:
    """Return the number (N,) of the fold in which each photo is held out from the linear head.

    Where photos are few there are twice ``config.folds``: a head learns from each one more, so that heads of 80 % of
    them are right less often than the final one, and the score would claim too little.

    Args:
        y: class index of each photo (N,).
        groups: group number of each photo (N,); groups are never divided.
        config: number and seed of the folds.
        contents: SHA-256 of each photo (N).
    """
    count = 2 * config.folds if len(y) < _FEW else config.folds
    return splits.stratified_group_folds(y, groups, count, config.seed, contents)


def fit_cached_head(
    cache: FeatureCache,
    backbone: str,
    training_set: TrainingSet,
    folds: Ints,
    resize_mode: ResizeMode,
    seed: int,
    small: int = linear_head.SMALL,
) -> LinearHead:
    """Fit the linear head; after a few changes of photos or labels, reuse the shrinkage chosen before.

    In a set of at least ``small`` photos the penalty is reused too, because trying all of them takes seconds there.
    Deterministic: equal photos and labels give a bit-identical head, with or without cached choices.

    Args:
        cache: where the choice is kept; it counts until a fifth of the photos is different (``get_choice``).
        backbone: name of the network of the features.
        training_set: features (N, D) and classes (N,).
        folds: number (N,) of the fold in which each photo is held out.
        resize_mode: that of the features.
        seed: that of the folds.
        small: number of photos below which all penalties are tried again.
    """
    key = json.dumps(["head", backbone, resize_mode, seed])
    contents = [asset.sha256 for asset in training_set.assets]
    fingerprint = training_set.fingerprint()
    # The names of the entries are those of the first version: caches of older versions hold them.
    cached = distributed.decide(lambda: cache.get_choice(key, contents))
    before: dict[str, Any] = json.loads(cached) if cached else {"state": fingerprint, "kept": False}
    reuse = before["state"] != fingerprint or before["kept"]
    head = linear_head.fit_linear_head(
        training_set.features,
        training_set.y,
        len(training_set.labels),
        folds,
        (before["strength"],) if reuse and len(training_set) >= small else None,
        before["shrinkage"] if reuse else None,
    )
    if distributed.is_main_process() and (cached is None or before["state"] != fingerprint):
        choice = {"state": fingerprint, "kept": reuse, "shrinkage": head.shrinkage, "strength": head.C}
        cache.put_choice(key, contents, json.dumps(choice))
    return head
