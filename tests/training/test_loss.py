from __future__ import annotations

import torch
from torch.nn import functional as F

from classifier.training.loss import cross_entropy

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = torch.randn(6, 3, generator=GENERATOR)
TARGETS = torch.tensor([0, 1, 2, 2, 1, 0])


def test_the_loss_of_a_whole_batch_is_torchs_mean_with_smoothing() -> None:
    expected = F.cross_entropy(LOGITS, TARGETS, label_smoothing=0.1)
    torch.testing.assert_close(cross_entropy(LOGITS, TARGETS, 6), expected)
    plain = F.cross_entropy(LOGITS, TARGETS)
    torch.testing.assert_close(cross_entropy(LOGITS, TARGETS, 6, label_smoothing=0), plain)


def test_the_losses_of_the_pieces_of_a_batch_add_up_to_that_of_the_batch() -> None:
    pieces = [cross_entropy(LOGITS[rows], TARGETS[rows], 6) for rows in (slice(0, 4), slice(4, 6))]
    torch.testing.assert_close(pieces[0] + pieces[1], cross_entropy(LOGITS, TARGETS, 6))


def test_class_weights_scale_the_loss_of_their_class() -> None:
    only_last = cross_entropy(LOGITS, TARGETS, 6, class_weights=torch.tensor([0.0, 0.0, 2.0]), label_smoothing=0)
    expected = 2 * F.cross_entropy(LOGITS[2:4], TARGETS[2:4], reduction="sum") / 6
    torch.testing.assert_close(only_last, expected)
