"""Test accuracy and time beside Teachable Machine's recipe, on sets of one's own, in one run.

    python benchmarks/accuracy.py SETS      (SETS/<set>/train/<class>/… and SETS/<set>/test/<class>/…)

The recipe as its library states it: features of a frozen network from one view, in float32; a hidden
layer of 100 and an output layer; Adam at 0.001, 50 rounds over the photos, batches of 16. Here on the
same network and weights as ours, so that only the method differs. Both are timed from the photos'
files to the answers, in turns, each with an empty cache.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent.parent))

from classifier import Finished, Project, TrainConfig, train
from classifier import device as devices
from classifier.data.images import open_picture
from classifier.models import networks, transforms
from classifier.models.backbones import resolve


def features(paths: list[Path]) -> torch.Tensor:
    """The plain way: whole network, float32, 224 pixels, 32 pictures at a time."""
    backbone = resolve("tf_efficientnet_lite0")
    network = networks.build(backbone).to(memory_format=torch.channels_last)
    preparation = networks.preprocessing(backbone).with_resize_mode("crop")
    preparation = type(preparation)(**{**vars(preparation), "size": 224})
    read = transforms.eval_transform(preparation)
    side = transforms.decoded_side(preparation)
    rows = []
    with torch.inference_mode():
        for start in range(0, len(paths), 32):
            pixels = torch.stack([read(open_picture(path, side)) for path in paths[start : start + 32]])
            rows.append(network(transforms.normalize(pixels, preparation, torch.device("cpu"), torch.float32)))
    return torch.cat(rows).clone()


def teachable_machine(folder: Path) -> float:
    """Test accuracy of the recipe."""
    labels = sorted(path.name for path in (folder / "train").iterdir())
    parts = {}
    for part in ("train", "test"):
        found = [
            (path, index) for index, label in enumerate(labels) for path in sorted((folder / part / label).iterdir())
        ]
        parts[part] = features([path for path, _ in found]), torch.tensor([index for _, index in found])
    seen, truth = parts["train"]
    torch.manual_seed(0)
    head = nn.Sequential(nn.Linear(seen.shape[1], 100), nn.ReLU(), nn.Linear(100, len(labels), bias=False))
    optimizer = torch.optim.Adam(head.parameters(), 1e-3)
    for _ in range(50):
        for batch in torch.randperm(len(seen)).split(16):
            optimizer.zero_grad()
            nn.functional.cross_entropy(head(seen[batch]), truth[batch]).backward()
            optimizer.step()
    unseen, answers = parts["test"]
    return float((head(unseen).argmax(1) == answers).float().mean())


def ours(folder: Path) -> tuple[float, str]:
    """Test accuracy of quick training, and the fit it chose."""
    with tempfile.TemporaryDirectory() as scratch:
        cache = Path(scratch) / "features"
        with (
            Project.over(folder / "train", features=cache) as project,
            Project.over(folder / "test", features=cache) as test,
        ):
            for event in train(project, TrainConfig(), Path(scratch) / "model", test):
                if isinstance(event, Finished) and event.test is not None:
                    return event.test.accuracy, event.report.resize_mode
    raise AssertionError("training ends with a result")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, metavar="SETS")
    args = parser.parse_args()
    print(f"{devices.choose('cpu')}, torch {torch.__version__}")
    print(f"{'set':20} {'recipe':>8} {'ours':>8} {'fit':>8} {'seconds, ours / recipe':>24}")
    table = []
    for folder in sorted(path for path in args.sets.iterdir() if (path / "train").is_dir()):
        started = perf_counter()
        theirs = teachable_machine(folder)
        middle = perf_counter()
        own, fit = ours(folder)
        times = perf_counter() - middle, middle - started
        table.append((theirs, own, *times))
        _line(folder.name, theirs, own, fit, *times)
    mean = np.array(table).mean(0)
    _line("mean", mean[0], mean[1], "", mean[2], mean[3])


def _line(name: str, theirs: float, own: float, fit: str, seconds: float, their_seconds: float) -> None:
    ratio = seconds / their_seconds
    print(f"{name:20} {theirs:8.3f} {own:8.3f} {fit:>8} {seconds:8.1f} / {their_seconds:.1f} = {ratio:.2f}")


if __name__ == "__main__":
    main()
