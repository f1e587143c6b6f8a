"""Makes small files of packed pictures: MNIST's idx files and CIFAR's binary ones."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


def draw(count: int, *shape: int, seed: int = 0) -> Bytes:
    """Random pictures (N, *shape), all different."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def idx(array: Bytes) -> bytes:
    """An array of bytes as an idx file."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def cifar(pictures: Bytes, *labels: Bytes) -> bytes:
    """Pictures (N, 32, 32, 3) with labels (N,) of one kind or two as a batch of CIFAR."""
    planes = pictures.transpose(0, 3, 1, 2).reshape(len(pictures), -1)
    return np.concatenate([*(one[:, None] for one in labels), planes], 1).tobytes()


def write_mnist(folder: Path, counts: dict[str, int], packed: bool = True) -> dict[str, tuple[Bytes, Bytes]]:
    """Write pictures of two digits for each part, “train” and “t10k”; return pictures and labels of each."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for seed, (part, count) in enumerate(counts.items()):
        pictures, labels = draw(count, 28, 28, seed=seed), np.arange(count, dtype=np.uint8) % 2 + 3
        for kind, array in (("images-idx3", pictures), ("labels-idx1", labels)):
            content = idx(array)
            name = f"{part}-{kind}-ubyte{'.gz' if packed else ''}"
            (folder / name).write_bytes(gzip.compress(content, mtime=0) if packed else content)
        made[part] = pictures, labels
    return made


def write_cifar10(folder: Path, each: int, names: tuple[str, ...] = ("airplane", "automobile")) -> Bytes:
    """Write five batches to train with and one to test with, each of so many pictures; return all (N, 32, 32, 3)."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = draw(6 * each, 32, 32, 3)
    labels = np.arange(each, dtype=np.uint8) % len(names)
    for number in range(6):
        name = f"data_batch_{number + 1}.bin" if number < 5 else "test_batch.bin"
        (folder / name).write_bytes(cifar(pictures[number * each : (number + 1) * each], labels))
    (folder / "batches.meta.txt").write_text("\n".join(names) + "\n\n")
    (folder / "readme.html").write_text("<html>CIFAR-10</html>")
    return pictures
