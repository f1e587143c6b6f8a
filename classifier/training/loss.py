"""Loss functions that the training loop takes as an argument."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

LossFunction = Callable[[Tensor, Tensor, int], Tensor]
"""(logits (B, C), targets (B,), size of the whole batch) -> scalar."""

LABEL_SMOOTHING = 0.1  # Szegedy et al., arXiv 1512.00567


def cross_entropy(
    logits: Tensor,
    targets: Tensor,
    batch_size: int,
    class_weights: Tensor | None = None,
    label_smoothing: float = LABEL_SMOOTHING,
) -> Tensor:
    """Compute the share of a piece of a batch in the batch's mean cross entropy: the sum over the piece / batch size.

    The values of all pieces of a batch add up to the loss of the batch.

    Args:
        logits: (B, C) of the piece.
        targets: class indices (B,) of the piece.
        batch_size: number of images in the whole batch, at least B.
        class_weights: factor (C,) for the loss of each class; equal weights by default.
        label_smoothing: probability that is spread evenly over all classes.
    """
    loss = nn.functional.cross_entropy(
        logits, targets, weight=class_weights, label_smoothing=label_smoothing, reduction="sum"
    )
    return loss / batch_size
