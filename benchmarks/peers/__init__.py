"""Published recipes for training a classifier on one's own photos, written anew on EfficientNet-Lite0.

Each is a function of ``Photos`` to train on and ``Photos`` to answer for, which returns the predicted classes (N,).
They use nothing of ``classifier``, so that the time of a recipe is its own; the weights and their preprocessing are
those that ``classifier`` uses by default, so that only the method differs.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from .fine_tuning import fastai, lp_ft
from .photos import Photos
from .teachable_machine import teachable_machine

Recipe = Callable[[Photos, Photos], Tensor]
RECIPES: dict[str, Recipe] = {"tm": teachable_machine, "fastai": fastai, "lpft": lp_ft}
