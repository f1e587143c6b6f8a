"""Seconds and peak memory over the number of photos and of classes, and the exponents of both.

    python benchmarks/scale.py [--photos 1000 5000 20000] [--classes 2 20 200] [--fixed 5000] [--parts check train …]
                               [--out FOLDER]

Each row is a process of its own: a part of the program for a number of photos and classes. Photos are small drawn
ones, no two alike. Their features and descriptors are drawn, too, and put into the feature cache beforehand, since the
network takes the same time for each photo and would hide what grows faster. ``embed`` measures it, on at most 512
photos. ``check``, ``train`` and ``list`` are the program's commands and its reading of the folder; ``duplicates`` and
``head`` are what may grow fastest in them; ``tab`` is the opening of the Photos tab with as many rows in its catalog,
which came in one upload, without the browser.

Where other programs use the machine, the seconds of the processor tell more than those of the clock; the exponents are
of the former: the slope of the last two sizes on logarithmic scales. That of memory is of what is above the smallest
size, without files: arrays of a row for each photo are mapped files where they are large, which the system writes back
where memory is short. With ``--out`` rows are kept in ``rows.jsonl`` there, and a later run measures only what is
missing.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing, redirect_stdout, suppress
from functools import partial
from pathlib import Path
from threading import Event, Thread
from time import perf_counter, process_time

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

SIDE = 64  # pixels
EMBEDDED = 512  # photos of which the network is measured
NETWORK = "tf_efficientnet_lite0"
WIDTH = 1280  # of its features


def draw(folder: Path, photos: int, classes: int) -> None:
    """Write photos in class folders: one of 64 drawn pictures each, moved, with noise."""
    from PIL import Image

    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (64, 5, 5, 3), dtype=np.uint8)
    drawn = [
        np.asarray(Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.int16) for one in coarse
    ]
    for number in range(photos):
        place = folder / f"class {number % classes:04}"
        if number < classes:
            place.mkdir(parents=True)
        moved = np.roll(drawn[number % 64], tuple(rng.integers(0, SIDE, 2)), (0, 1))
        noisy = (moved + rng.integers(-20, 20, moved.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(place / f"{number:07}.jpg", quality=80)


def draw_features(photos: int, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features (N, 1280) like a network's, classes (N,), and descriptors (N, W) without keypoints.

    One photo in fifty is nearly a copy of the one before it in its class.
    """
    from classifier.data.descriptors import DESCRIPTOR_SIZE
    from classifier.data.image_quality import MEASURE_COUNT
    from classifier.data.perceptual_hash import HASH_SIZE

    rng = np.random.default_rng(0)
    y = np.arange(photos) % classes
    centers = rng.gamma(0.3, size=(classes, WIDTH)).astype(np.float32)
    features = np.empty((photos, WIDTH), np.float32)
    descriptors = np.zeros((photos, DESCRIPTOR_SIZE), np.float32)
    for row in range(photos):
        features[row] = 0.35 * centers[y[row]] + rng.standard_gamma(0.3, WIDTH).astype(np.float32)
        descriptors[row, :HASH_SIZE] = rng.standard_normal(HASH_SIZE)
        if row >= classes and row // classes % 50 == 49:
            features[row] = features[row - classes] * rng.uniform(0.9, 1.1, WIDTH).astype(np.float32)
            descriptors[row] = descriptors[row - classes]
    descriptors[:, :HASH_SIZE] /= np.linalg.norm(descriptors[:, :HASH_SIZE], axis=1, keepdims=True) / np.sqrt(2)
    descriptors[:, -MEASURE_COUNT:] = rng.uniform(0.3, 0.6, (photos, MEASURE_COUNT))
    return features, y, descriptors


def fill_cache(folder: Path, photos: int, classes: int) -> None:
    """Put drawn features and descriptors of the photos in a folder into the user's feature cache."""
    from classifier.data.descriptors import CACHE_NAME
    from classifier.data.intake import scan, sha256
    from classifier.files import cache_folder
    from classifier.models import networks
    from classifier.models.backbones import resolve
    from classifier.models.feature_cache import FeatureCache

    features, _, descriptors = draw_features(photos, classes)
    preprocessing = networks.preprocessing(resolve(NETWORK)).with_resize_mode("squash")
    with closing(FeatureCache(cache_folder("features"))) as cache:
        for _, path in scan(folder):
            number, sha = int(path.stem), sha256(path)
            cache.put(NETWORK, [preprocessing], sha, features[number][None])
            cache.put_descriptor(CACHE_NAME, sha, descriptors[number])


def run_command(*words: str) -> None:
    """Run a command of the command line; what it prints is dropped."""
    from classifier.cli.main import main

    with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing):
        assert main(list(words)) == 0


def run_embed(folder: Path, photos: int) -> None:
    """Compute the features of some photos with an empty cache."""
    from classifier import device
    from classifier.config import LIMITS
    from classifier.data.intake import scan, sha256
    from classifier.models import networks
    from classifier.models.backbones import resolve
    from classifier.models.feature_cache import FeatureCache
    from classifier.models.features import FeatureExtractor, embed

    backbone = resolve(NETWORK)
    files = [(sha256(path), path) for _, path in list(scan(folder))[: min(photos, EMBEDDED)]]
    with tempfile.TemporaryDirectory() as scratch, closing(FeatureCache(Path(scratch))) as cache:
        extractor = FeatureExtractor(backbone, device.choose(), cache, LIMITS)
        assert len(list(embed(extractor, files, [networks.preprocessing(backbone)]))) == len(files)


def run_list(folder: Path) -> None:
    """Read a folder into a catalog, as every command does first."""
    from classifier import Project

    with Project.over(folder) as project:
        assert project.classes()


def run_duplicates(photos: int, classes: int) -> Callable[[], object]:
    """Return the search for near duplicates."""
    from classifier.data.duplicates import near_duplicate_groups

    features, _, descriptors = draw_features(photos, classes)
    return lambda: near_duplicate_groups(features, descriptors)


def run_head(photos: int, classes: int) -> Callable[[], object]:
    """Return the fit of a linear head, with its folds."""
    from classifier.data.splits import stratified_group_folds
    from classifier.training.linear_head import fit_linear_head

    features, y, _ = draw_features(photos, classes)
    folds = stratified_group_folds(y, np.arange(photos), 5, 0)
    return lambda: fit_linear_head(features, y, classes, folds)


def run_tab(photos: int, classes: int, scratch: Path) -> Callable[[], object]:
    """Return the drawing of the Photos tab for a visitor with so many photos, which came in one upload."""
    from classifier.config import LIMITS
    from classifier.data import incoming
    from classifier.data.assets import Asset
    from classifier.data.sources import list_upload
    from classifier.ui.photos import view
    from classifier.ui.sessions import Home, ensure_token

    home, token = Home(scratch / "home", scratch / "models"), ensure_token(None)
    draw(scratch / "drawn", 1, 1)
    picture = next((scratch / "drawn").rglob("*.jpg")).read_bytes()
    with home.open(token) as project:
        rows = []
        for number in range(photos):
            sha = f"{number:064x}"
            path = f"photos/{sha[:2]}/{sha}.jpg"
            if number // classes < view.PAGE:  # those that may be on view
                (project.folder / path).parent.mkdir(parents=True, exist_ok=True)
                (project.folder / path).write_bytes(picture)
            label = f"class {number % classes:04}"
            rows.append(Asset(0, path, sha, label, "train", None, f"{label}/{number}.jpg", 1, SIDE, SIDE, ""))
        project.catalog.add(rows)
        folder = project.folder / "incoming" / "0"
        listing = list_upload([(row.source, folder / "files" / row.sha256) for row in rows], folder, LIMITS)
        incoming.write(incoming.Upload(folder, listing, {}, "folders:1", tuple(project.catalog.sources_after(0))))
    return lambda: view.show(home, token)


def prepare(part: str, photos: int, classes: int, scratch: Path) -> Callable[[], object]:
    """Return what a part does; what it needs is drawn before."""
    if part == "tab":
        return run_tab(photos, classes, scratch)
    if part in ("duplicates", "head"):
        return (run_duplicates if part == "duplicates" else run_head)(photos, classes)
    folder = str(scratch / "photos")
    parts: dict[str, Callable[[], object]] = {
        "check": partial(run_command, "check", folder, "--json"),
        "train": partial(run_command, "train", folder, "--out", str(scratch / "model"), "--json"),
        "list": partial(run_list, Path(folder)),
        "embed": partial(run_embed, Path(folder), photos),
    }
    return parts[part]


class OwnMemory(Thread):
    """The most memory of this process that is no file, such as a mapped array or a program: looked at by a thread."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._most, self._ended = 0.0, Event()
        self.start()

    def run(self) -> None:
        """Look every 20 milliseconds, until ``stop``."""
        while not self._ended.wait(0.02):
            self._most = max(self._most, _own_megabytes())

    def stop(self) -> float:
        """Return the megabytes; NaN where the system is not Linux."""
        self._ended.set()
        self.join()
        return self._most or math.nan


def _own_megabytes() -> float:
    with suppress(OSError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))
    return 0.0


def measure(part: str, photos: int, classes: int, scratch: Path) -> dict[str, float]:
    """Run a part in this process; return its seconds, those of the processor, and the peaks of memory in megabytes."""
    work = prepare(part, photos, classes, scratch)
    started, worked, own = perf_counter(), process_time(), OwnMemory()
    work()
    times = {"seconds": perf_counter() - started, "cpu": process_time() - worked}
    return {**times, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "own": own.stop()}


PARTS = ("list", "embed", "check", "train", "duplicates", "head", "tab")
WITH_PHOTOS = {"list", "embed", "check", "train"}


def rows_of(parts: list[str], photos: int, classes: int, known: dict[str, dict[str, float]], out: Path | None) -> None:
    """Measure the parts that are not known yet, each in a process of its own, and print the rows."""
    missing = [part for part in parts if f"{part} {photos} {classes}" not in known]
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "XDG_CACHE_HOME": str(Path(scratch) / "cache")}
        script = [sys.executable, __file__]
        if WITH_PHOTOS & set(missing):
            draw(Path(scratch) / "photos", photos, classes)
            subprocess.run([*script, "--fill", str(photos), str(classes), scratch], env=environment, check=True)
        for part in parts:
            key = f"{part} {photos} {classes}"
            if key not in known:
                command = [*script, "--measure", part, str(photos), str(classes), scratch]
                done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
                known[key] = json.loads(done.stdout.splitlines()[-1])
                if out is not None:
                    with (out / "rows.jsonl").open("a") as file:
                        file.write(json.dumps([key, known[key]]) + "\n")
            row = known[key]
            figures = f"{row['seconds']:9.2f} s{row['cpu']:9.2f} s of the processor{row['megabytes']:8.0f} MB"
            figures += f", {row.get('own', math.nan):.0f} MB without files"
            print(f"{part:11}{photos:8}{classes:6}{figures}", flush=True)


def print_exponents(parts: list[str], sizes: list[tuple[int, int]], known: dict[str, dict[str, float]]) -> None:
    """Print for each part the exponents of seconds and of megabytes above the smallest size, by the last two sizes."""
    for part in parts:
        rows = [known[f"{part} {photos} {classes}"] for photos, classes in sizes]
        before, last = sizes[-2:]
        step = math.log(max(last[0] / before[0], last[1] / before[1]))
        seconds = math.log(rows[-1]["cpu"] / rows[-2]["cpu"]) / step
        most = [row.get("own", row["megabytes"]) for row in rows]
        megabytes = [max(1.0, one - most[0]) for one in most]
        grown = f"{math.log(megabytes[-1] / megabytes[-2]) / step:6.2f}" if len(rows) > 2 else "     –"
        print(f"{part:11} exponent of seconds {seconds:6.2f}, of memory {grown}", flush=True)


def main() -> None:
    """Print the curves over photos and over classes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=int, nargs="+", default=[1000, 5000, 20_000])
    parser.add_argument("--classes", type=int, nargs="+", default=[2, 20, 200])
    parser.add_argument("--fixed", type=int, default=5000, help="photos of the curve over classes")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    known: dict[str, dict[str, float]] = {}
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        kept = arguments.out / "rows.jsonl"
        known = dict(map(json.loads, kept.read_text().splitlines())) if kept.exists() else {}
    for sizes in ([(photos, 20) for photos in arguments.photos], [(arguments.fixed, n) for n in arguments.classes]):
        for photos, classes in sizes:
            rows_of(arguments.parts, photos, classes, known, arguments.out)
        if len(sizes) > 1:
            print_exponents(arguments.parts, sizes, known)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))))
    elif sys.argv[1:2] == ["--fill"]:
        fill_cache(Path(sys.argv[4]) / "photos", int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
