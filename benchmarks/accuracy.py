"""Test accuracy and time beside Teachable Machine's recipe, on sets of one's own, in one run.

    python benchmarks/accuracy.py SETS      (SETS/<set>/train/<class>/… and SETS/<set>/test/<class>/…)

The recipe, from the defaults of its library: features of a frozen network from one view, in float32; a hidden layer of
100 units and an output layer; Adam at a learning rate of 0.001, 50 epochs, batches of 16. Both use the same network and
weights, so that only the method differs. Both are timed from the photo files to the predictions on the test split, one
after the other, without cached features.
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


def extract_features(paths: list[Path]) -> torch.Tensor:
    """Return features (N, D) of the unmodified network: float32, 224 pixels, batches of 32."""
    backbone = resolve("tf_efficientnet_lite0")
    network = networks.build(backbone).to(memory_format=torch.channels_last)
    preprocessing = networks.preprocessing(backbone).with_resize_mode("crop")
    preprocessing = type(preprocessing)(**{**vars(preprocessing), "size": 224})
    transform = transforms.eval_transform(preprocessing)
    side = transforms.decoded_side(preprocessing)
    rows = []
    with torch.inference_mode():
        for start in range(0, len(paths), 32):
            pixels = torch.stack([transform(open_picture(path, side)) for path in paths[start : start + 32]])
            rows.append(network(transforms.normalize(pixels, preprocessing, torch.device("cpu"), torch.float32)))
    return torch.cat(rows).clone()


def teachable_machine(folder: Path) -> float:
    """Return the test accuracy of the recipe on the set in ``folder``."""
    class_names = sorted(path.name for path in (folder / "train").iterdir())
    features, y_true = {}, {}
    for split in ("train", "test"):
        samples = [
            (path, y) for y, name in enumerate(class_names) for path in sorted((folder / split / name).iterdir())
        ]
        features[split] = extract_features([path for path, _ in samples])
        y_true[split] = torch.tensor([y for _, y in samples])
    torch.manual_seed(0)
    width = features["train"].shape[1]
    head = nn.Sequential(nn.Linear(width, 100), nn.ReLU(), nn.Linear(100, len(class_names), bias=False))
    optimizer = torch.optim.Adam(head.parameters(), 1e-3)
    for _ in range(50):
        for batch in torch.randperm(len(y_true["train"])).split(16):
            optimizer.zero_grad()
            nn.functional.cross_entropy(head(features["train"][batch]), y_true["train"][batch]).backward()
            optimizer.step()
    y_pred = head(features["test"]).argmax(1)
    return float((y_pred == y_true["test"]).float().mean())


def ours(folder: Path) -> tuple[float, str]:
    """Return the test accuracy of quick training on the set in ``folder`` and the resize mode that it chose."""
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
    """Print accuracies and times for each set and their means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, metavar="SETS")
    args = parser.parse_args()
    print(f"{devices.choose('cpu')}, torch {torch.__version__}")
    print(f"{'set':20} {'recipe':>8} {'ours':>8} {'resize':>8} {'seconds, ours / recipe':>24}")
    rows = []
    for folder in sorted(path for path in args.sets.iterdir() if (path / "train").is_dir()):
        started = perf_counter()
        recipe_accuracy = teachable_machine(folder)
        recipe_ended = perf_counter()
        accuracy, resize_mode = ours(folder)
        seconds = perf_counter() - recipe_ended, recipe_ended - started
        rows.append((recipe_accuracy, accuracy, *seconds))
        _print_row(folder.name, recipe_accuracy, accuracy, resize_mode, *seconds)
    mean = np.array(rows).mean(0)
    _print_row("mean", mean[0], mean[1], "", mean[2], mean[3])


def _print_row(
    name: str, recipe_accuracy: float, accuracy: float, resize_mode: str, seconds: float, recipe_seconds: float
) -> None:
    ratio = seconds / recipe_seconds
    times = f"{seconds:8.1f} / {recipe_seconds:.1f} = {ratio:.2f}"
    print(f"{name:20} {recipe_accuracy:8.3f} {accuracy:8.3f} {resize_mode:>8} {times}")


if __name__ == "__main__":
    main()
