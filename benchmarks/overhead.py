"""What a training takes beyond the decoding of its photos and the passes of its network, as ratios in one run.

    python benchmarks/overhead.py [--sets large small] [--rounds 2] [--large 300] [--small 2000]

The photos are drawn: ``large`` ones of 12 megapixels, ``small`` ones of 300 by 300 pixels, in four classes. Each figure
is a process of its own that has imported torch and timm before its clock starts, so that these imports are on neither
side; all others, such as that of scipy, are in it. The processes of a round alternate:

- ``floor``: the network is built, and each photo is decoded once, as small as its input allows, and goes through it as
  often as the recipe needs, on all cores;
- ``train``: ``Project.over`` and ``train`` with an empty cache, up to the written model; then one photo goes to another
  class and the same again: ``again``;
- ``restarted``: one more photo, in a new process;
- ``usual``, for some of the photos: a ``DataLoader`` with timm's transform and network, full decoding and float32.

Then a model that is loaded classifies one photo after another, beside decoding it and a forward pass.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import timm
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

CLASSES = 4
SIDES = {"large": (4000, 3000), "small": (300, 300)}
NETWORK = "tf_efficientnet_lite0"
USUAL = 40  # photos of the usual pipeline, which takes too long for all


def draw(folder: Path, photos: int, size: tuple[int, int]) -> None:
    """Write photos of noise in large spots, with more of one color in each class but the last."""
    rng = np.random.default_rng(0)
    for number in range(photos):
        label = number % CLASSES
        spots = rng.integers(0, 200, (60, 80, 3))
        if label < 3:
            spots[..., label] += 55
        place = folder / f"class {label}"
        place.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(spots.astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
        picture.save(place / f"{number:05}.jpg", quality=90)


def files(folder: Path) -> list[Path]:
    """Return the photos of a folder in the order of their names."""
    return sorted(folder.rglob("*.jpg"), key=lambda path: path.name)


def relabel(folder: Path) -> None:
    """Move the first photo of the first class to the second one."""
    first = min((folder / "class 0").iterdir())
    first.rename(folder / "class 1" / first.name)


class Clock:
    """Seconds since it was made, and those of the processor."""

    def __init__(self) -> None:
        self._started = perf_counter(), process_time()

    def read(self, name: str) -> dict[str, float]:
        """Return both under a name."""
        seconds, worked = self._started
        return {name: perf_counter() - seconds, f"{name} cpu": process_time() - worked}


def run_training(folder: Path, out: Path, name: str) -> dict[str, float]:
    """Return the seconds of a quick training, from the listing of the folder to the written model."""
    clock = Clock()
    from classifier import Project, train

    with Project.over(folder) as project:
        list(train(project, out=out))
    return clock.read(name)


def measure_train(folder: Path, scratch: Path) -> dict[str, float]:
    """Return the seconds of a first training and of one after a correction, and the passes that both needed."""
    first = run_training(folder, scratch / "model", "train")
    relabel(folder)
    again = run_training(folder, scratch / "model 2", "again")
    (cache,) = Path(os.environ["XDG_CACHE_HOME"]).rglob("features.sqlite")
    # What the cache has of the middle of pictures comes from the same pass.
    count = "SELECT COUNT(*) FROM features WHERE key LIKE '[%' AND key NOT LIKE '%middle%'"
    ((rows,),) = sqlite3.connect(cache).execute(count).fetchall()
    return {**first, **again, "passes": rows / len(files(folder))}


def measure_restarted(folder: Path, scratch: Path) -> dict[str, float]:
    """Return the seconds of a training after another correction."""
    relabel(folder)
    return run_training(folder, scratch / "model 3", "restarted")


def measure_floor(folder: Path, scratch: Path) -> dict[str, float]:
    """Return the seconds of decoding all photos and one pass of each."""
    clock = Clock()
    from classifier import device as devices
    from classifier.config import LIMITS
    from classifier.models import features, networks
    from classifier.models.backbones import resolve
    from classifier.models.loader import EvalViews, run_batches
    from classifier.models.transforms import decoded_side

    device, backbone = devices.choose(), resolve(NETWORK)
    preprocessing = networks.preprocessing(backbone).with_resize_mode("squash")
    network, side = features._network(backbone, device), decoded_side(preprocessing)
    views = EvalViews((preprocessing,))
    assert len(list(run_batches(network, files(folder), views, device, device.dtype, side, LIMITS))) > 0
    return clock.read("floor")


def measure_usual(folder: Path, scratch: Path) -> dict[str, float]:
    """Return the seconds that the usual pipeline would take for all photos, by some of them."""
    from torch.utils.data import DataLoader, Dataset

    from classifier.models import networks
    from classifier.models.backbones import resolve

    network = networks.build(resolve(NETWORK)).eval()
    transform = timm.data.create_transform(**timm.data.resolve_data_config({}, model=network))
    paths = files(folder)[:USUAL]

    class Photos(Dataset[torch.Tensor]):
        def __len__(self) -> int:
            return len(paths)

        def __getitem__(self, index: int) -> torch.Tensor:
            pixels: torch.Tensor = transform(Image.open(paths[index]).convert("RGB"))
            return pixels

    started = perf_counter()
    with torch.inference_mode():
        for batch in DataLoader(Photos(), 32, num_workers=os.cpu_count() or 1):
            network(batch)
    return {"usual": (perf_counter() - started) * len(files(folder)) / len(paths)}


def measure_predict(folder: Path, scratch: Path) -> dict[str, float]:
    """Return the median seconds of one prediction, and those of decoding the photo and a forward pass."""
    from classifier import Predictor
    from classifier.config import LIMITS
    from classifier.data.images import open_picture
    from classifier.models.transforms import eval_transform, normalize

    predictor = Predictor(scratch / "model")
    preprocessing = predictor.preprocessing
    from classifier.models import checkpoint

    network = checkpoint.load(scratch / "model").inference_network().to(memory_format=torch.channels_last)

    def least(path: Path) -> None:
        picture = open_picture(path, None, LIMITS, preprocessing.pixel_ranges)
        pixels = eval_transform(preprocessing)(picture)[None]
        network(normalize(pixels, preprocessing, torch.device("cpu"), torch.float32))

    ways: dict[str, Callable[[Path], object]] = {"predict": predictor.predict, "least": least}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    with torch.inference_mode():
        for path in files(folder)[:20]:
            for name, way in ways.items():
                started = perf_counter()
                way(path)
                seconds[name].append(perf_counter() - started)
    return {name: statistics.median(times[2:]) for name, times in seconds.items()}


MEASURES = {
    "floor": measure_floor,
    "train": measure_train,
    "restarted": measure_restarted,
    "usual": measure_usual,
    "predict": measure_predict,
}


def run_child(name: str, folder: Path, scratch: Path) -> dict[str, float]:
    """Take one measure in a process of its own."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(scratch / "cache")}
    command = [sys.executable, __file__, "--child", name, str(folder), str(scratch)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return {name: float(value) for name, value in json.loads(done.stdout.splitlines()[-1]).items()}


def main() -> None:
    """Print the ratios of each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=list(SIDES), default=list(SIDES))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--large", type=int, default=300)
    parser.add_argument("--small", type=int, default=2000)
    arguments = parser.parse_args()
    for name in arguments.sets:
        with tempfile.TemporaryDirectory() as place:
            folder, rows = Path(place) / "photos", []
            draw(folder, getattr(arguments, name), SIDES[name])
            for number in range(arguments.rounds):
                scratch = Path(place) / str(number)
                scratch.mkdir()
                measures = [run_child(one, folder, scratch) for one in MEASURES]
                rows.append({key: value for one in measures for key, value in one.items()})
                print_row(name, rows[-1])
            print_row(f"{name}, median", {key: statistics.median(row[key] for row in rows) for key in rows[0]})


def print_row(name: str, row: dict[str, float]) -> None:
    """Print seconds and ratios of a round."""
    ratios = {
        "first training / floor": row["train"] / row["floor"],
        "the same in seconds of the processor": row["train cpu"] / row["floor cpu"],
        "second / first": row["again"] / row["train"],
        "second, new process / first": row["restarted"] / row["train"],
        "usual pipeline / floor": row["usual"] / row["floor"],
        "one prediction / decode and forward": row["predict"] / row["least"],
    }
    print(f"{name}: " + ", ".join(f"{key} {value:.3f}" for key, value in row.items()), flush=True)
    for key, value in ratios.items():
        print(f"  {value:7.3f}  {key}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(MEASURES[sys.argv[2]](Path(sys.argv[3]), Path(sys.argv[4]))))
    else:
        main()
