"""Networks between a linear head and the fine-tuned network that began with it, and which of them to take.

The weights are interpolated (WiSE-FT; Wortsman et al., arXiv 2109.01903): between the two ends the accuracy on new
photos is often higher than at either, and on few photos the middle is the safer choice.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import finetune

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)  # share of the fine-tuned weights; 0 is the linear head


def interpolate(start: Mapping[str, Tensor], end: Mapping[str, Tensor], alpha: float) -> dict[str, Tensor]:
    """Return the tensors at ``alpha`` between two states of one network, exactly the ends at 0 and 1."""
    return {
        name: torch.lerp(start[name], value, alpha) if value.is_floating_point() else value
        for name, value in end.items()
    }


def choose(logits: Floats, y_true: Ints) -> int:
    """Return which of A networks will classify most new photos correctly, from their logits (A, J, C) of photos (J,).

    By the log-likelihood at the temperature that fits each, which varies less than the count from one draw of photos
    to another. The middle one where there are no photos.
    """
    if not len(y_true):
        return len(logits) // 2
    rows = np.arange(len(y_true))
    return int(np.argmax([finetune.log_probs(one, y_true)[rows, y_true].mean() for one in logits]))


def nested_choice(logits: Floats, y_true: Ints, parts: Ints) -> Floats:
    """Return logits (J, C) in which no photo has had a part in the choice of its network.

    Args:
        logits: of A networks (A, J, C).
        y_true: classes (J,).
        parts: numbers (J,); the network of the photos of each part is chosen on the other parts.
    """
    nested = np.empty_like(logits[0])
    for part in np.unique(parts):
        others, own = parts != part, parts == part
        nested[own] = logits[choose(logits[:, others], y_true[others]), own]
    return nested
