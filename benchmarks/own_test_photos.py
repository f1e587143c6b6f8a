"""How many test photos that look like training photos are found, and what is claimed of them.

    python benchmarks/own_test_photos.py ROWS.csv SET...

A SET is a folder of class folders. Of each a random sample is trained on with random labels; the test photos are the
next frame of each training photo, each of them saved again, and photos of the rest. A row is written when its set is
done, and sets that have rows are skipped. ``found`` is the share of frames and copies that are told to look like
training photos, ``by hash`` and ``by features`` where only one of the two is known; ``wrong`` the share of the rest.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from classifier import Predictor, Project, Report, TrainConfig, evaluate, train
from classifier.models import training_photos
from classifier.models.training_photos import KnownPhotos, place
from classifier.workflows import evaluate as evaluation

PHOTOS = 120  # trained on, and as many of the rest
FIELDS = (
    "set", "kind", "test photos", "found", "by hash", "by features", "accuracy of all", "others", "right", "low",
    "high",
)  # fmt: skip


def next_frame(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return the view a moment later: moved by 3 %, turned by 1°, a little darker, with noise of the camera."""
    width, height = photo.size
    x, y = rng.uniform(0, 0.06, 2)
    box = (round(x * width), round(y * height), round((x + 0.94) * width), round((y + 0.94) * height))
    moved = photo.rotate(rng.uniform(-1, 1), Image.Resampling.BILINEAR).crop(box).resize(photo.size)
    pixels = np.asarray(moved, np.float32) * rng.uniform(0.94, 1.06) + rng.normal(0, 3, (height, width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def save_again(photo: Image.Image, _: np.random.Generator) -> Image.Image:
    """Return the photo at three quarters of its size."""
    return photo.resize((max(1, photo.width * 3 // 4), max(1, photo.height * 3 // 4)))


KINDS = {"next frame": next_frame, "saved again": save_again}


def measure(photos: Path, folder: Path) -> list[dict[str, object]]:
    """Return the rows of one set."""
    rng = np.random.default_rng(0)
    paths = [path for path in sorted(photos.rglob("*")) if path.suffix.lower() in (".jpg", ".jpeg", ".png")]
    paths = [paths[index] for index in rng.permutation(len(paths))[: 2 * PHOTOS]]
    half = len(paths) // 2
    labels = rng.integers(0, 2, half)
    for index, (path, label) in enumerate(zip(paths, labels)):
        for kind, change in {"train": None, **KINDS}.items():
            place_ = folder / kind / "ab"[label]
            place_.mkdir(parents=True, exist_ok=True)
            with Image.open(path) as photo:
                picture = photo.convert("RGB")
            changed = picture if change is None else change(picture, rng)
            changed.save(place_ / f"{rng.integers(10**9):09d}-{index}.jpg", quality=70 if change else 95)
    for index, path in enumerate(paths[half:]):
        place_ = folder / "rest" / "ab"[index % 2]
        place_.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as photo:
            photo.convert("RGB").save(place_ / f"{rng.integers(10**9):09d}.jpg", quality=95)
    with Project.over(folder / "train", features=folder / "features", groups="none") as project:
        list(train(project, TrainConfig(resize_modes=("whole",)), folder / "model"))
    predictor = Predictor(folder / "model")
    return [row_of(photos.name, predictor, folder, kind) for kind in (*KINDS, "rest")]


def row_of(name: str, predictor: Predictor, folder: Path, kind: str) -> dict[str, object]:
    """Return the row of one kind of test photos."""
    with Project.over(folder / kind, features=folder / "features", groups="none") as test:
        report: Report = evaluate(predictor, test)
        assets = evaluation._assets_of_known_classes(test, report)
        training = training_photos.read(folder / "model")
        known = evaluation._describe_photos(predictor, test, assets, training)
    assert known is not None
    assert training is not None
    return {
        "set": name, "kind": kind, "test photos": len(known),
        "found": f"{report.near_training / len(known):.3f}",
        "by hash": f"{near(without(known, 'features'), without(training, 'features')):.3f}",
        "by features": f"{near(without(known, 'hashes'), without(training, 'hashes')):.3f}",
        "accuracy of all": f"{report.accuracy_all:.3f}", "others": report.evaluated_count,
        "right": report.correct_count, "low": f"{report.accuracy_low:.2f}", "high": f"{report.accuracy_high:.2f}",
    }  # fmt: skip


def without(photos: KnownPhotos, sign: str) -> KnownPhotos:
    """Return the photos with random values in place of one sign."""
    values = getattr(photos, sign)
    rng = np.random.default_rng([int(sha256[:12], 16) for sha256 in photos.sha256])
    noise = rng.normal(0, 127 / np.sqrt(64), values.shape).clip(-127, 127).astype(np.int8)
    return replace(photos, **{sign: noise})


def near(photos: KnownPhotos, training: KnownPhotos) -> float:
    """Return the share of photos that look like training photos."""
    return float(place(photos, training).near_training.mean())


def main() -> None:
    """Measure the sets that have no rows yet."""
    table, *sets = map(Path, sys.argv[1:])
    done = {row["set"] for row in csv.DictReader(table.open())} if table.exists() else set()
    for photos in sets:
        if photos.name in done:
            continue
        with tempfile.TemporaryDirectory() as folder:
            rows = measure(photos, Path(folder))
        is_new = not table.exists()
        with table.open("a", newline="") as file:
            writer = csv.DictWriter(file, FIELDS)
            if is_new:
                writer.writeheader()
            writer.writerows(rows)
        for row in rows:
            print(*row.values(), sep="\t", flush=True)


if __name__ == "__main__":
    main()
