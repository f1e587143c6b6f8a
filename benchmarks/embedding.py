"""How fast pictures become features, as ratios measured in turns in one run.

    python benchmarks/embedding.py [--rounds 3] [--size 288] [--photos 96] [--part both]

First the network alone, with each choice of ``classifier.device`` and ``classifier.models.surgery`` added in turn; 1.0
is the network as timm makes it, float32, channels last, batches of 32, all threads inside each operation. Then photos
of 12 megapixels from file to features: by the threads of ``classifier.models.loader`` (1.0), and by a
``torch.utils.data.DataLoader`` whose worker processes decode while the network runs in the main process, both with
workers that are running already and with their start, which every upload to a server would pay.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader

sys.path.insert(0, str(Path(__file__).parent.parent))

from classifier import device as devices
from classifier.config import LIMITS
from classifier.data.dataset import PhotoDataset, Sample
from classifier.device import Device
from classifier.models import networks, surgery
from classifier.models.backbones import resolve
from classifier.models.loader import EvalViews, run_batches
from classifier.models.transforms import decoded_side, eval_transform, normalize

BACKBONE = resolve("tf_efficientnet_lite0")
Work = Callable[[], None]


def time_in_turns(ways: Mapping[str, Work], rounds: int, photos: int) -> None:
    """Run every way once to warm up and then ``rounds`` times in turn; print ratios to the first, medians."""
    for work in ways.values():
        work()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, work in ways.items():
            started = perf_counter()
            work()
            seconds[name].append(perf_counter() - started)
    base = next(iter(seconds.values()))
    for name, times in seconds.items():
        ratio = statistics.median(first / own for first, own in zip(base, times))
        print(f"{ratio:6.2f} x  {photos / statistics.median(times):7.1f} pictures/s  {name}", flush=True)


def in_batches(network: torch.nn.Module, pixels: torch.Tensor, size: int) -> Work:
    """The network on batches of ``size``, all threads inside each operation."""

    def work() -> None:
        with torch.inference_mode():
            for start in range(0, len(pixels), size):
                network(pixels[start : start + size])

    return work


def by_workers(network: torch.nn.Module, pixels: torch.Tensor, device: Device) -> Work:
    """The network on batches of ``device.batch``, each in a thread of its own."""

    def run(start: int) -> None:
        with torch.inference_mode():
            network(pixels[start : start + device.batch])

    def work() -> None:
        with devices.single_threaded_workers(device) as pool:
            list(pool.map(run, range(0, len(pixels), device.batch)))

    return work


def network_ways(device: Device, size: int, photos: int) -> dict[str, Work]:
    """The network alone on random pixels."""
    pixels = torch.randn(photos, 3, size, size).contiguous(memory_format=torch.channels_last)
    plain = networks.build(BACKBONE).to(memory_format=torch.channels_last)
    fused = surgery.fuse_batch_norm(plain).to(memory_format=torch.channels_last)
    fast = surgery.fuse_batch_norm(plain).to(device.dtype).to(memory_format=torch.channels_last)
    cast = pixels.to(device.dtype)
    return {
        "plain": in_batches(plain, pixels, 32),
        "batch norm fused": in_batches(fused, pixels, 32),
        f"fused, {str(device.dtype).removeprefix('torch.')}": in_batches(fast, cast, 32),
        "the same, one thread per worker, batches of 32": by_workers(fast, cast, replace(device, batch=32)),
        f"the same, batches of {device.batch} (as used)": by_workers(fast, cast, device),
    }


def loader_ways(device: Device, folder: Path, photos: int) -> dict[str, Work]:
    """Photo files to features, by threads and by worker processes."""
    rng = np.random.default_rng(0)
    samples = []
    for number in range(photos):
        coarse = Image.fromarray(rng.integers(0, 255, (60, 80, 3), np.uint8))
        path = folder / f"{number}.jpg"
        coarse.resize((4000, 3000), Image.Resampling.BILINEAR).save(path, quality=90)
        samples.append(Sample(str(number), path, 0, 4000, 3000))
    preprocessing = networks.preprocessing(BACKBONE)
    shortest = decoded_side(preprocessing)
    network = surgery.fuse_batch_norm(networks.build(BACKBONE), trusted=True)
    network = network.to(device.dtype).to(memory_format=torch.channels_last)
    dataset = PhotoDataset(samples, eval_transform(preprocessing), shortest)

    def threads() -> None:
        views = EvalViews((preprocessing,))
        paths = [sample.path for sample in samples]
        for output in run_batches(network, paths, views, device, device.dtype, shortest, LIMITS):
            assert isinstance(output, torch.Tensor)

    def new_loader(persistent: bool) -> DataLoader[tuple[torch.Tensor, int]]:
        # “spawn”: a server has threads, and a fork of a process with threads can hang
        return DataLoader(dataset, 32, num_workers=device.workers, persistent_workers=persistent,
                          multiprocessing_context="spawn")  # type: ignore[arg-type] # fmt: skip

    def run(loader: DataLoader[tuple[torch.Tensor, int]]) -> None:
        with torch.inference_mode():
            for pixels, _ in loader:
                network(normalize(pixels, preprocessing, device.torch_device, device.dtype))

    running = new_loader(persistent=True)
    return {
        f"threads, {device.workers} (as used)": threads,
        f"DataLoader, {device.workers} worker processes that run already": lambda: run(running),
        f"DataLoader, {device.workers} worker processes with their start": lambda: run(new_loader(persistent=False)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=288)
    parser.add_argument("--photos", type=int, default=96)
    parser.add_argument("--part", choices=["network", "loader", "both"], default="both")
    args = parser.parse_args()
    device = devices.choose("cpu")
    print(f"{device.workers} cores, torch {torch.__version__}, {args.size} pixels, {args.rounds} rounds")
    if args.part != "loader":
        time_in_turns(network_ways(device, args.size, args.photos), args.rounds, args.photos)
    if args.part != "network":
        with tempfile.TemporaryDirectory() as folder:
            time_in_turns(loader_ways(device, Path(folder), args.photos), args.rounds, args.photos)


if __name__ == "__main__":
    main()
