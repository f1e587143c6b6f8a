"""Deep training beside the bare training step of the same network on ready tensors: pictures a second, and their ratio.

    python benchmarks/deep.py [--backbone NAME] [--photos N] [--size S] [--device cuda] [--weights random]

Meant for a GPU, where everything is thawed; on a CPU it runs as well. The bare step is the same network, precision,
batch and optimizer on one batch that lies on the device already, so that the ratio says what reading views, moving
them to the device and preparing them costs. Where the weights cannot be fetched, random ones give the same speed.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import timm
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent.parent))

from classifier import device as devices
from classifier.config import Preprocessing
from classifier.device import Device
from classifier.models import networks, surgery
from classifier.training import finetune
from classifier.training.finetune import FineTuneSpec, TrainState

CLASSES = 10


def lesson(backbone: str, photos: int, size: int, batch: int, random: bool) -> FineTuneSpec:
    """Views of random pixels, all of the network thawed."""
    network = timm.create_model(backbone, num_classes=CLASSES) if random else networks.build(backbone, CLASSES)
    rng = np.random.default_rng(0)
    views = torch.from_numpy(rng.integers(0, 255, (photos, 3, 3, size, size), dtype=np.uint8))
    labels = rng.integers(0, CLASSES, photos)
    return FineTuneSpec(
        network, networks.classifier(backbone), surgery.stages(network), views, labels, np.arange(photos),
        np.arange(batch), Preprocessing(size=size), 10, batch, 1e-4, "adamw", 0,
    )  # fmt: skip


def ours(learner: TrainState, device: Device) -> float:
    """Training pictures a second over one epoch, after one to warm up; judging aside."""
    with finetune.workers(device) as pool:
        list(learner.learn(pool))
        _wait(device)
        started = perf_counter()
        done = 0
        for event in learner.learn(pool):
            if isinstance(event, tuple) and event[0] == event[1]:
                _wait(device)
                done = len(learner.lesson.seen)
                seconds = perf_counter() - started
        return done / seconds


def bare(learner: TrainState, device: Device, batch: int, size: int, steps: int = 30) -> float:
    """The same step on a tensor that is there already, without anything round it."""
    network, optimizer = learner.network, torch.optim.AdamW(learner.network.parameters(), lr=1e-5)
    inputs = torch.randn(batch, 3, size, size, device=device.torch_device).to(memory_format=torch.channels_last)
    targets = torch.randint(0, CLASSES, (batch,), device=device.torch_device)
    kind = device.torch_device.type
    for step in range(steps + 5):
        if step == 5:
            _wait(device)
            started = perf_counter()
        with torch.autocast(kind, device.dtype, enabled=device.dtype != torch.float32):
            loss = nn.functional.cross_entropy(network(inputs).float(), targets, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    _wait(device)
    return steps * batch / (perf_counter() - started)


def _wait(device: Device) -> None:
    if device.torch_device.type == "cuda":
        torch.cuda.synchronize(device.torch_device)


def main() -> None:
    """Print both and their ratio."""
    parser = argparse.ArgumentParser(description="Deep training beside the bare training step.")
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--photos", type=int, default=4096)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--device")
    parser.add_argument("--weights", choices=("pretrained", "random"), default="pretrained")
    args = parser.parse_args()
    device = devices.choose(args.device)
    task = lesson(args.backbone, args.photos, args.size, args.batch, args.weights == "random")
    learner = TrainState(replace(task), device)
    mine = ours(learner, device)
    raw = bare(learner, device, args.batch, args.size)
    print(f"{device.name}, torch {torch.__version__}, {args.backbone} at {args.size} pixels, batches of {args.batch}")
    print(f"deep training {mine:8.1f} pictures/s\nbare step     {raw:8.1f} pictures/s\nratio         {mine / raw:8.2f}")


if __name__ == "__main__":
    main()
