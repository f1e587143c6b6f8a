"""Deep training against the plain training step of the same network on ready tensors: images per second and ratio.

    python benchmarks/deep.py [--backbone NAME] [--photos N] [--size S] [--device cuda] [--weights random]

Intended for a GPU, where the whole network is trained; runs on a CPU as well. The plain step is the same network,
precision, batch size and optimizer on one batch that is on the device already, so that the ratio is the cost of reading
the views, moving them to the device and normalizing them. Random weights give the same speed as pretrained ones.
"""

from __future__ import annotations

import argparse
import sys
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
from classifier.models.backbones import resolve
from classifier.training import finetune
from classifier.training.batches import FineTuneData, place_views
from classifier.training.loss import cross_entropy
from classifier.training.schedule import warmup_cosine
from classifier.training.train_state import FineTuneSpec, TrainState

N_CLASSES = 10
Run = tuple[TrainState, FineTuneData, FineTuneSpec]


def prepare(name: str, photos: int, size: int, batch: int, random: bool, device: Device) -> Run:
    """Return the state, data and settings of a run that trains the whole network on random pixels.

    Args:
        name: name of the backbone in timm.
        photos: number of photos, with three views each.
        size: side of the views in pixels.
        batch: photos per training step.
        random: whether the weights are random instead of pretrained.
        device: device to train on.
    """
    backbone = resolve(name)
    network = timm.create_model(name, num_classes=N_CLASSES) if random else networks.build(backbone, N_CLASSES)
    rng = np.random.default_rng(0)
    views = torch.from_numpy(rng.integers(0, 255, (photos, 3, 3, size, size), dtype=np.uint8))
    data = FineTuneData(
        views=place_views(views, device), y=rng.integers(0, N_CLASSES, photos), train_idx=np.arange(photos),
        val_idx=np.arange(0), preprocessing=Preprocessing(size=size),
    )  # fmt: skip
    spec = FineTuneSpec(epochs=10, batch=batch, learning_rate=1e-4)
    head = networks.classifier_name(backbone)
    return TrainState(network, head, surgery.stages(network), spec, device), data, spec


def measure_loop(run: Run) -> float:
    """Return images per second of one epoch of training, after a warm-up epoch."""
    state, data, spec = run
    with finetune.workers(state.device) as pool:
        for _ in range(2):
            _wait(state.device)
            started = perf_counter()
            for _ in finetune.train_one_epoch(state, data, spec, cross_entropy, warmup_cosine, pool):
                pass
            _wait(state.device)
        return len(data.train_idx) / (perf_counter() - started)


def measure_step(state: TrainState, batch: int, size: int, steps: int = 30) -> float:
    """Return images per second of the plain training step on one batch that is on the device already."""
    device, network = state.device, state.network
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-5)
    inputs = torch.randn(batch, 3, size, size, device=device.torch_device).to(memory_format=torch.channels_last)
    targets = torch.randint(0, N_CLASSES, (batch,), device=device.torch_device)
    for step in range(steps + 5):
        if step == 5:
            _wait(device)
            started = perf_counter()
        with device.autocast():
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
    """Print both speeds and their ratio."""
    parser = argparse.ArgumentParser(description="Deep training against the plain training step.")
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--photos", type=int, default=4096)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--device")
    parser.add_argument("--weights", choices=("pretrained", "random"), default="pretrained")
    args = parser.parse_args()
    device = devices.choose(args.device)
    run = prepare(args.backbone, args.photos, args.size, args.batch, args.weights == "random", device)
    loop = measure_loop(run)
    step = measure_step(run[0], args.batch, args.size)
    print(f"{device.name}, torch {torch.__version__}, {args.backbone} at {args.size} pixels, batches of {args.batch}")
    print(f"deep training {loop:8.1f} images/s\nplain step    {step:8.1f} images/s\nratio         {loop / step:8.2f}")


if __name__ == "__main__":
    main()
