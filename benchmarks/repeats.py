"""Whether equal seeds give equal models: the whole run twice without a limit of time, in processes of their own.

    python benchmarks/repeats.py [PHOTOS] [--max-steps N] [--seed N] [--mode MODE]

PHOTOS is a folder of class folders; without it photos are drawn. Prints for each file of the two models whether its
tensors are equal, and what each run tried; fails where the weights or what was tried differ.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.accuracy import run
from classifier.config import MODES

TRIED = ("name", "backbone", "accuracy", "kept")  # of a step; its seconds may differ


def train(photos: Path, out: Path, args: argparse.Namespace, cache: Path) -> list[dict[str, Any]]:
    """Train once into the folder ``out``; return what each step tried and gave."""
    steps = ("--max-steps", args.max_steps) if args.mode == "auto" else ("--epochs", args.max_steps)
    options = ("--mode", args.mode, "--seed", args.seed, "--minutes", 0, *steps)
    result, seconds = run("classifier", "train", photos, "--out", out, *options, "--json", cache=cache)
    print(f"accuracy {result['accuracy']:.4f} in {seconds:.1f} s", flush=True)
    return [{key: step[key] for key in TRIED} for step in result.get("steps", ())]


def checksums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of the tensors of each file below a model folder, by the file's name.

    The metadata of a safetensors file stand in any order.
    """
    files = sorted(folder.rglob("*.safetensors"))
    return {path.relative_to(folder).as_posix(): _checksum(path) for path in files}


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(load_file(path).items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def main() -> None:
    """Train twice and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="?", metavar="PHOTOS")
    parser.add_argument("--max-steps", type=int, default=4, metavar="N", help="epochs in mode deep")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--mode", choices=MODES, default=MODES[1])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        photos = args.photos or root / "photos"
        if args.photos is None:
            run("classifier", "example", photos, "--json", cache=root / "cache")
        tried = [train(photos, root / name, args, root / "cache") for name in ("first", "second")]
        first, second = (checksums(root / name) for name in ("first", "second"))
    for name in sorted(first.keys() | second.keys()):
        print("equal  " if first.get(name) == second.get(name) else "DIFFERS", name)
    print(*tried[0], sep="\n")
    if first != second or tried[0] != tried[1]:
        sys.exit("The two models differ.")


if __name__ == "__main__":
    main()
