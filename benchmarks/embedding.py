"""How fast pictures become features, as ratios to the plain way, measured in turns in one run.

    python benchmarks/embedding.py [--rounds 3] [--size 288]

The plain way is a user's: the network as it is, float32, channels last, 32 pictures at a time, all
threads inside each operation. Each line adds one of the choices made in ``classifier.device`` and
``classifier.features``; 1.0 is the plain way.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import torch

sys.path.insert(0, str(Path(__file__).parent.parent))

from classifier import device as devices
from classifier.device import Device
from classifier.models import networks, surgery

PICTURES = 96


def timed(work: Callable[[], None]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


def in_batches(network: torch.nn.Module, pixels: torch.Tensor, size: int) -> Callable[[], None]:
    def work() -> None:
        with torch.inference_mode():
            for start in range(0, len(pixels), size):
                network(pixels[start : start + size])

    return work


def by_workers(network: torch.nn.Module, pixels: torch.Tensor, device: Device) -> Callable[[], None]:
    def one(start: int) -> None:
        with torch.inference_mode():
            network(pixels[start : start + device.batch])

    def work() -> None:
        with devices.single_threaded_workers(device) as pool:
            list(pool.map(one, range(0, len(pixels), device.batch)))

    return work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=288)
    args = parser.parse_args()
    device = devices.choose("cpu")
    pixels = torch.randn(PICTURES, 3, args.size, args.size).contiguous(memory_format=torch.channels_last)
    plain = networks.build("tf_efficientnet_lite0").to(memory_format=torch.channels_last)
    folded = surgery.fuse_batch_norm(plain).to(memory_format=torch.channels_last)
    fast = surgery.fuse_batch_norm(plain).to(device.dtype).to(memory_format=torch.channels_last)
    ways = {
        "plain": in_batches(plain, pixels, 32),
        "batch norm folded": in_batches(folded, pixels, 32),
        f"folded, {str(device.dtype).removeprefix('torch.')}": in_batches(fast, pixels.to(device.dtype), 32),
        "the same, one thread a worker, 32 pictures each": by_workers(
            fast, pixels.to(device.dtype), replace(device, batch=32)
        ),
        f"the same, {device.batch} pictures each (as used)": by_workers(fast, pixels.to(device.dtype), device),
    }
    for work in ways.values():
        work()  # warm up
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(args.rounds):
        for name, work in ways.items():
            seconds[name].append(timed(work))
    print(f"{device.workers} cores, torch {torch.__version__}, {args.size} pixels, {args.rounds} rounds")
    for name, times in seconds.items():
        ratio = statistics.median(base / own for base, own in zip(seconds["plain"], times))
        print(f"{ratio:6.2f} x  {PICTURES / statistics.median(times):7.1f} pictures/s  {name}")


if __name__ == "__main__":
    main()
