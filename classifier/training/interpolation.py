"""Networks between a linear head and the fine-tuned network that began with it, and which of them to take.

The weights are interpolated (WiSE-FT; Wortsman et al., arXiv 2109.01903): between the two ends the accuracy on new
photos is often higher than at either; three quarters of the way to the second is the usual choice.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..evaluation.model_choice import expected_hits, variance_of_mean
from . import finetune

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)  # share of the fine-tuned weights; 0 is the linear head
# Right most often on the mean of 7 sets: 0.890, beside 0.838 of the linear head, 0.866, 0.884 and 0.883 of the others,
# and 0.878 of those with the highest likelihood on the 32 to 152 photos of the folds.
_USUAL = 0.75


def interpolate(start: Mapping[str, Tensor], end: Mapping[str, Tensor], alpha: float) -> dict[str, Tensor]:
    """Return the tensors at ``alpha`` between two states of one network, exactly the ends at 0 and 1."""
    return {
        name: torch.lerp(start[name], value, alpha) if value.is_floating_point() else value
        for name, value in end.items()
    }


def choose(logits: Floats, y_true: Ints, groups: Ints) -> int:
    """Return which of A networks will classify most new photos correctly, from their logits (A, J, C) of photos (J,).

    Their shares of the fine-tuned weights are even, from 0 to 1. By the expected accuracy at the temperature that fits
    each; of those within a standard error of the best (Breiman et al., Classification and Regression Trees, 1984) the
    one nearest to ``_USUAL``. In that error the photos of a group (``groups``, (J,)) count as one. The linear head, 0,
    where none is better than guessing.
    """
    usual = round(_USUAL * (len(logits) - 1))
    if not len(y_true):
        return usual
    log_probs = [finetune.log_probs(one, y_true) for one in logits]
    guessed = 1 / logits.shape[-1]
    telling = [number for number, one in enumerate(log_probs) if (one.argmax(1) == y_true).mean() > guessed]
    hits = {number: expected_hits(np.exp(log_probs[number]), y_true) for number in telling}
    best = max(hits.values(), key=lambda one: float(one.mean()), default=None)
    if best is None:
        return 0
    within = [
        number for number, one in hits.items() if (best - one).mean() <= variance_of_mean(best - one, groups) ** 0.5
    ]
    return min(within, key=lambda number: (abs(number - usual), -number))


def nested_choice(logits: Floats, y_true: Ints, groups: Ints, parts: Ints) -> Floats:
    """Return logits (J, C) in which no photo has had a part in the choice of its network.

    Args:
        logits: of A networks (A, J, C).
        y_true: classes (J,).
        groups: numbers (J,), see ``choose``.
        parts: numbers (J,); the network of the photos of each part is chosen on the other parts.
    """
    nested = np.empty_like(logits[0])
    for part in np.unique(parts):
        others, own = parts != part, parts == part
        nested[own] = logits[choose(logits[:, others], y_true[others], groups[others]), own]
    return nested
