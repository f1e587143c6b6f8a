"""Speed of feature extraction, as ratios of alternating measurements in one run.

    python benchmarks/embedding.py [--rounds 3] [--size 256] [--photos 96] [--part both]

First the network alone, adding the optimizations of ``classifier.device`` and ``classifier.models.surgery`` one by one.
The baseline, 1.0, is timm's unmodified network in float32, channels last, batches of 32, with intra-operation threads.
Then photos of 12 megapixels from file to features: with the threads of ``classifier.models.loader`` (1.0), and with a
``torch.utils.data.DataLoader`` whose worker processes decode while the network runs in the main process, both with
persistent workers and including their start, which each upload to a server would need.
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
Workload = Callable[[], None]


def compare_speed(variants: Mapping[str, Workload], rounds: int, photos: int) -> None:
    """Print the median speed of each variant and its median ratio to the first.

    Args:
        variants: workloads by name; each runs once to warm up and then once per round, alternating.
        rounds: number of measurements of each variant.
        photos: number of photos that a workload processes.
    """
    for run in variants.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, run in variants.items():
            started = perf_counter()
            run()
            seconds[name].append(perf_counter() - started)
    baseline = next(iter(seconds.values()))
    for name, times in seconds.items():
        speedup = statistics.median(reference / time for reference, time in zip(baseline, times))
        print(f"{speedup:6.2f} x  {photos / statistics.median(times):7.1f} photos/s  {name}", flush=True)


def with_intra_op_threads(network: torch.nn.Module, pixels: torch.Tensor, batch: int) -> Workload:
    """Return a workload that runs the network batch by batch, all threads inside each operation."""

    def run() -> None:
        with torch.inference_mode():
            for start in range(0, len(pixels), batch):
                network(pixels[start : start + batch])

    return run


def with_worker_threads(network: torch.nn.Module, pixels: torch.Tensor, device: Device) -> Workload:
    """Return a workload that runs batches of ``device.batch`` in parallel, one thread per batch."""

    def forward(start: int) -> None:
        with torch.inference_mode():
            network(pixels[start : start + device.batch])

    def run() -> None:
        with devices.single_threaded_workers(device) as pool:
            list(pool.map(forward, range(0, len(pixels), device.batch)))

    return run


def network_variants(device: Device, size: int, photos: int) -> dict[str, Workload]:
    """Return the variants of the network alone on ``photos`` random images of ``size`` pixels a side."""
    pixels = torch.randn(photos, 3, size, size).contiguous(memory_format=torch.channels_last)
    plain = networks.build(BACKBONE).to(memory_format=torch.channels_last)
    fused = surgery.fuse_batch_norm(plain).to(memory_format=torch.channels_last)
    fast = surgery.fuse_batch_norm(plain).to(device.dtype).to(memory_format=torch.channels_last)
    low_precision = pixels.to(device.dtype)
    return {
        "plain": with_intra_op_threads(plain, pixels, 32),
        "batch norm fused": with_intra_op_threads(fused, pixels, 32),
        f"fused, {str(device.dtype).removeprefix('torch.')}": with_intra_op_threads(fast, low_precision, 32),
        "as above, one thread per worker, batches of 32": with_worker_threads(
            fast, low_precision, replace(device, batch=32)
        ),
        f"as above, batches of {device.batch} (as used)": with_worker_threads(fast, low_precision, device),
    }


def loader_variants(device: Device, folder: Path, photos: int) -> dict[str, Workload]:
    """Return the variants of loading: photo files, written to ``folder``, to features by threads and by processes."""
    rng = np.random.default_rng(0)
    samples = []
    for number in range(photos):
        noise = Image.fromarray(rng.integers(0, 255, (60, 80, 3), np.uint8))
        path = folder / f"{number}.jpg"
        noise.resize((4000, 3000), Image.Resampling.BILINEAR).save(path, quality=90)
        samples.append(Sample(str(number), path, 0, 4000, 3000))
    preprocessing = networks.preprocessing(BACKBONE)
    side = decoded_side(preprocessing)
    network = surgery.fuse_batch_norm(networks.build(BACKBONE), trusted=True)
    network = network.to(device.dtype).to(memory_format=torch.channels_last)
    dataset = PhotoDataset(samples, eval_transform(preprocessing), side)

    def threads() -> None:
        views = EvalViews((preprocessing,))
        paths = [sample.path for sample in samples]
        for output in run_batches(network, paths, views, device, device.dtype, side, LIMITS):
            assert isinstance(output, torch.Tensor)

    def new_loader(persistent: bool) -> DataLoader[tuple[torch.Tensor, int]]:
        # "spawn", because a fork of a process with threads, such as a server, can deadlock
        return DataLoader(dataset, 32, num_workers=device.workers, persistent_workers=persistent,
                          multiprocessing_context="spawn")  # type: ignore[arg-type] # fmt: skip

    def run(loader: DataLoader[tuple[torch.Tensor, int]]) -> None:
        with torch.inference_mode():
            for pixels, _ in loader:
                network(normalize(pixels, preprocessing, device.torch_device, device.dtype))

    persistent_loader = new_loader(persistent=True)
    return {
        f"threads, {device.workers} (as used)": threads,
        f"DataLoader, {device.workers} persistent worker processes": lambda: run(persistent_loader),
        f"DataLoader, {device.workers} worker processes, start included": lambda: run(new_loader(persistent=False)),
    }


def main() -> None:
    """Print the speed of the network's and of the loader's variants."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--photos", type=int, default=96)
    parser.add_argument("--part", choices=["network", "loader", "both"], default="both")
    args = parser.parse_args()
    device = devices.choose("cpu")
    print(f"{device.workers} cores, torch {torch.__version__}, {args.size} pixels, {args.rounds} rounds")
    if args.part != "loader":
        compare_speed(network_variants(device, args.size, args.photos), args.rounds, args.photos)
    if args.part != "network":
        with tempfile.TemporaryDirectory() as folder:
            compare_speed(loader_variants(device, Path(folder), args.photos), args.rounds, args.photos)


if __name__ == "__main__":
    main()
