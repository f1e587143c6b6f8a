"""Teachable Machine's recipe: a small dense network on the features of a frozen one.

Source: https://github.com/googlecreativelab/teachablemachine-community, ``libraries/image/src/teachable-mobilenet.ts``:
the features of a truncated MobileNet, computed once, from one view; a dense layer of 100 units with ReLU and one of the
classes without bias; Adam. The page's defaults: 50 epochs, batches of 16, a learning rate of 0.001. The page keeps 15 %
of each class for its score; here all photos are trained on, which is better for the recipe.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .network import WIDTH, pretrained, run
from .photos import Photos, eval_transform

HIDDEN, BATCH, LEARNING_RATE = 100, 16, 1e-3


def teachable_machine(train: Photos, test: Photos, epochs: int = 50, size: int = 224) -> Tensor:
    """Train on photos of ``size`` pixels and return the predicted classes (N,) of ``test``."""
    network = pretrained()
    features, new = (run(network, one.through(eval_transform(size)), mixed_precision=False) for one in (train, test))
    torch.manual_seed(0)
    head = nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, len(train.classes), bias=False))
    optimizer = torch.optim.Adam(head.parameters(), LEARNING_RATE)
    for _ in range(epochs):
        for rows in torch.randperm(len(train)).split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(head(features[rows]), train.y[rows]).backward()
            optimizer.step()
    return head(new).argmax(1)
