"""A fine-tuning run of a few steps: a tiny network, sixteen images of one color each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from classifier import device as devices
from classifier.config import Preprocessing
from classifier.device import Device
from classifier.training import finetune
from classifier.training.batches import FineTuneData
from classifier.training.finetune import Schedule
from classifier.training.loss import LossFunction, cross_entropy
from classifier.training.schedule import warmup_cosine
from classifier.training.train_state import FineTuneSpec, TrainState

CPU = Device(torch.device("cpu"), torch.float32, 2, 8)
HEAD = "5"


def make_network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)
    )


def make_spec(**changes: Any) -> FineTuneSpec:
    return replace(FineTuneSpec(epochs=3, batch=4, learning_rate=1e-2), **changes)


def make_data(**changes: Any) -> FineTuneData:
    """Twelve images to train on and four to validate on, in three views; the classes differ in brightness."""
    rng = np.random.default_rng(0)
    y = np.arange(16) % 2
    views = torch.from_numpy(rng.integers(0, 60, (16, 4, 3, 8, 8), dtype=np.uint8))
    views += torch.from_numpy(y.astype(np.uint8) * 150)[:, None, None, None, None]
    data = FineTuneData(
        views=views, y=y, train_idx=np.arange(12), val_idx=np.arange(12, 16), preprocessing=Preprocessing(size=8)
    )
    return replace(data, **changes)


def make_state(spec: FineTuneSpec, network: nn.Module | None = None, device: Device = CPU) -> TrainState:
    return TrainState(make_network() if network is None else network, HEAD, [["0", "1"]], spec, device)


def train(
    state: TrainState,
    data: FineTuneData,
    spec: FineTuneSpec,
    epochs: int = 1,
    loss_fn: LossFunction = cross_entropy,
    schedule: Schedule = warmup_cosine,
    stop: Callable[[], bool] = lambda: False,
) -> list[Any]:
    """Train and validate for some epochs; returns the events."""
    events = []
    with finetune.workers(state.device) as pool:
        for _ in range(epochs):
            events += finetune.train_one_epoch(state, data, spec, loss_fn, schedule, pool, stop)
            finetune.validate(state, data, spec, pool)
    return events


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def copy_of(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in tensors.items()}


BEST_CPU = devices.choose("cpu")  # in the precision that training really uses here
