"""Ranges of the score, and the two-sample test, on one's own sets.

    python benchmarks/ranges.py SETS [--rows FILE] [--parts intervals simulated alarms power]

SETS/<set>/<class>/… or SETS/<set>/<split>/<class>/…; SETS/<set>.groups.csv (file,group) where groups are known.

1. intervals: 30 % of the photos of each set are held out with ten seeds, known groups whole. How often does the
   interval reported on the others contain the accuracy on them, and how wide is it beside that of independent photos?
2. simulated: photos in groups of known sizes and correlation. How often does the interval contain the accuracy on a
   third as many photos of new groups, and how wide is it?
3. alarms: random divisions of each set, groups whole. How often does the two-sample test raise an alarm?
4. power: 30 % of the photos are changed (camera noise, color cast, fewer pixels, compression, darker), all of them and
   20 of them. How often are they told apart from the others, and how often is there an alarm?

Each row is appended to FILE when it is measured, and a later run with the same FILE goes on from there.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.rows import Row, Rows
from classifier import TrainConfig
from classifier import device as devices
from classifier.config import Limits
from classifier.data.duplicates import near_duplicate_groups
from classifier.data.images import open_picture
from classifier.data.splits import stratified_group_folds
from classifier.evaluation.intervals import accuracy_interval
from classifier.evaluation.shift import Shift, two_sample_test
from classifier.files import cache_folder
from classifier.models import networks
from classifier.models.backbones import resolve
from classifier.models.feature_cache import FeatureCache
from classifier.models.features import FeatureExtractor, embed, extract_descriptors
from classifier.training.linear_head import fit_linear_head

PARTS = ("intervals", "simulated", "alarms", "power")
SUFFIXES = {".jpg", ".jpeg", ".png", ".gif", ".bmp"}
SEEDS, DIVISIONS, REPEATS, FEW = range(10), 200, 300, 20


@dataclass
class Photos:
    """Embedded photos of a set: features (N, D), descriptors (N, E), classes (N,), known groups (N,) or None."""

    paths: list[Path]
    features: np.ndarray
    descriptors: np.ndarray
    y: np.ndarray
    known_groups: np.ndarray | None

    def found_groups(self, mask: np.ndarray | None = None) -> np.ndarray:
        """Return the groups of near duplicates that are found among the photos, or those where ``mask`` is True."""
        mask = np.ones(len(self.y), bool) if mask is None else mask
        return near_duplicate_groups(self.features[mask], self.descriptors[mask])


def extract(extractor: FeatureExtractor, paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Return features (N, D) and descriptors (N, E) of files."""
    keys = [(hashlib.sha256(path.read_bytes()).hexdigest(), path) for path in paths]
    rows = list(embed(extractor, keys, [networks.preprocessing(extractor.backbone).with_resize_mode("whole")]))
    return np.stack(rows)[:, 0].astype(np.float32), extract_descriptors(extractor, keys)


def load_photos(extractor: FeatureExtractor, folder: Path) -> Photos:
    """Return the embedded photos of a set; its classes are the names of the folders that they are in."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and is_readable(path))
    table, known = folder.parent / f"{folder.name}.groups.csv", None
    if table.is_file():
        with table.open(newline="") as file:
            names = {row["file"]: row["group"] for row in csv.DictReader(file)}
        known = np.unique([names[path.relative_to(folder).as_posix()] for path in paths], return_inverse=True)[1]
    y = np.unique([path.parent.name for path in paths], return_inverse=True)[1]
    return Photos(paths, *extract(extractor, paths), y, known)


def is_readable(path: Path) -> bool:
    """Return whether a file can be decoded."""
    try:
        open_picture(path, 64)
    except Exception:  # whatever it is, the photo is left out of the measurement
        return False
    return True


def measure_interval(photos: Photos, seed: int, knows_groups: bool) -> Row:
    """Return claim, truth and interval of one division; ``knows_groups``: known groups are given to the training."""
    whole = photos.found_groups() if photos.known_groups is None else photos.known_groups
    held_out = stratified_group_folds(photos.y, whole, 10, 100 + seed) < 3
    train = ~held_out
    groups = whole[train] if knows_groups else photos.found_groups(train)
    folds = stratified_group_folds(photos.y[train], groups, TrainConfig().folds, 0)
    head = fit_linear_head(photos.features[train], photos.y[train], int(photos.y.max()) + 1, folds)
    correct = head.probabilities.argmax(1) == photos.y[train]
    truth = ((photos.features[held_out] @ head.weight.T + head.bias).argmax(1) == photos.y[held_out]).mean()
    low, high = accuracy_interval(correct, groups)
    alone_low, alone_high = accuracy_interval(correct)
    return {
        "claim": float(correct.mean()), "truth": float(truth), "covered": bool(low <= truth <= high),
        "width": high - low, "independent": alone_high - alone_low,
    }  # fmt: skip


def print_intervals(rows: Rows, name: str, photos: Photos) -> None:
    """Print coverage and width of the interval on one set."""
    for knows_groups in (False,) if photos.known_groups is None else (False, True):
        kind = "groups given" if knows_groups else "groups found"
        found = [
            rows.get(f"intervals {name} {kind} {seed}", lambda: measure_interval(photos, seed, knows_groups))  # noqa: B023
            for seed in SEEDS
        ]
        mean = {key: np.mean([row[key] for row in found]) for key in ("claim", "truth", "width", "independent")}
        covered = sum(row["covered"] for row in found)
        print(
            f"  {name:16} {kind}: claim {mean['claim']:.3f}, truth {mean['truth']:.3f}, covered {covered} of "
            f"{len(found)}, width {100 * mean['width']:.0f} points, {mean['width'] / mean['independent']:.2f} times "
            "that of independent photos",
            flush=True,
        )


def draw_sizes(kind: str, total: int, rng: np.random.Generator) -> np.ndarray:
    """Return sizes of groups that hold about ``total`` photos."""
    if kind == "six each":
        return np.full(total // 6, 6)
    if kind == "some pairs":
        return np.where(rng.random(total) < 0.2, 2, 1)[: int(total / 1.2)]
    if kind == "one of a third":
        return np.concatenate([[int(0.35 * total)], np.where(rng.random(total // 2) < 0.3, 2, 1)])
    sizes = [1]
    while sum(sizes) < total:
        sizes.append(int(min(rng.geometric(0.2) if kind == "geometric" else 1 + rng.pareto(1.1), 0.35 * total)))
    return np.array(sizes)


def draw_correct(sizes: np.ndarray, accuracy: float, correlation: float, rng: np.random.Generator) -> np.ndarray:
    """Return which photos (N,) of groups are right, with the given intraclass correlation."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    of_group = rng.random(len(sizes)) < accuracy
    follows = rng.random(len(group)) < correlation**0.5
    return np.where(follows, of_group[group], rng.random(len(group)) < accuracy)


def measure_simulated(kind: str, accuracy: float, correlation: float) -> Row:
    """Return coverage and width of the interval on 150 photos for the accuracy on 50 of new groups."""
    covered, widths = [], []
    for seed in range(REPEATS):
        rng = np.random.default_rng(seed)
        sizes, new_sizes = draw_sizes(kind, 150, rng), rng.permutation(draw_sizes(kind, 150, rng))
        new_sizes = new_sizes[: np.searchsorted(np.cumsum(new_sizes), 50) + 1]
        correct = draw_correct(sizes, accuracy, correlation, rng)
        truth = draw_correct(new_sizes, accuracy, correlation, rng).mean()
        low, high = accuracy_interval(correct, np.repeat(np.arange(len(sizes)), sizes))
        covered.append(low - 1e-9 <= truth <= high + 1e-9)
        widths.append(high - low)
    return {"coverage": float(np.mean(covered)), "width": float(np.mean(widths))}


def print_simulated(rows: Rows) -> None:
    """Print coverage and width of the interval by sizes of groups, accuracy and correlation."""
    for kind in ("six each", "some pairs", "geometric", "one of a third", "heavy tail"):
        for accuracy in (0.65, 0.9):
            cells = []
            for correlation in (0.0, 0.3, 0.7, 1.0):
                key = f"simulated {kind} {accuracy} {correlation}"
                row = rows.get(key, lambda: measure_simulated(kind, accuracy, correlation))  # noqa: B023
                cells.append(f"{row['coverage']:.0%} / {100 * row['width']:.0f}")
            print(f"  {kind:16} accuracy {accuracy}: " + "   ".join(cells), flush=True)


def compare_division(photos: Photos, is_other: np.ndarray, groups: np.ndarray) -> Shift | None:
    """Return the two-sample test of the photos where ``is_other`` (N,) is False against those where it is True."""
    sides = [(photos.features[side], photos.y[side], groups[side]) for side in (~is_other, is_other)]
    return two_sample_test(*sides[0], *sides[1], seed=0)


def measure_alarms(photos: Photos) -> Row:
    """Return the share of alarms over random divisions of 70 to 30 that keep groups whole."""
    groups = photos.found_groups() if photos.known_groups is None else photos.known_groups
    names, found = np.unique(groups), []
    for seed in range(DIVISIONS):
        others = np.random.default_rng(seed).permutation(names)[: round(0.3 * len(names))]
        shift = compare_division(photos, np.isin(groups, others), groups)
        found.append((shift.told_apart, shift.alarm) if shift else (0.5, False))
    told_apart, alarms = np.mean(found, 0)
    return {"told_apart": float(told_apart), "alarms": float(alarms)}


def changed(photo: Image.Image, change: str, rng: np.random.Generator) -> Image.Image:
    """Return a photo as another camera would have taken it."""
    kind, _, amount = change.partition(" ")
    pixels = np.asarray(photo, float)
    if kind == "noise":
        pixels = pixels + rng.normal(0, float(amount), pixels.shape)
    elif kind == "cast":
        pixels = pixels * {"weak": (1.08, 1, 0.9), "strong": (1.25, 1, 0.7)}[amount]
    elif kind == "darker":
        pixels = pixels * float(amount)
    elif kind == "pixels":
        scale = float(amount) / min(photo.size)
        return photo.resize([max(8, int(side * scale)) for side in photo.size], Image.Resampling.BILINEAR)
    elif kind == "quality":
        file = io.BytesIO()
        photo.save(file, "JPEG", quality=int(amount))
        return Image.open(file).convert("RGB")
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


CHANGES = ("none", "noise 15", "noise 30", "cast weak", "cast strong", "pixels 64", "pixels 112", "quality 20",
           "darker 0.6")  # fmt: skip


def measure_power(extractor: FeatureExtractor, photos: Photos, change: str) -> Row:
    """Return the test of 30 % changed photos, and the means over ten choices of 20 of them."""
    rng = np.random.default_rng(1)
    groups = photos.found_groups()
    indices = np.sort(rng.permutation(len(photos.y))[: int(0.3 * len(photos.y))])
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{index}.png" for index in indices]
        for index, path in zip(indices, paths):
            changed(open_picture(photos.paths[index], 512), change, rng).save(path)
        other = extract(extractor, paths)[0]
    rest = np.setdiff1d(np.arange(len(photos.y)), indices)
    first = photos.features[rest], photos.y[rest], groups[rest]

    def test(chosen: np.ndarray) -> tuple[float, float, float]:
        rows = indices[chosen]
        shift = two_sample_test(*first, other[chosen], photos.y[rows], groups[rows], 0)
        return (0.5, 0.0, 0.0) if shift is None else (shift.told_apart, shift.low, float(shift.alarm))

    few = [test(np.random.default_rng(seed).permutation(len(indices))[:FEW]) for seed in SEEDS]
    return {"all": test(np.arange(len(indices))), "few": np.mean(few, 0).tolist()}


def print_power(rows: Rows, extractor: FeatureExtractor, name: str, photos: Photos) -> None:
    """Print how well changed photos are told apart."""
    for change in CHANGES:
        row = rows.get(f"power {name} {change}", lambda: measure_power(extractor, photos, change))  # noqa: B023
        (told, low, alarm), (few_told, _, few_alarms) = row["all"], row["few"]
        print(
            f"  {name:16} {change:12} told apart {told:.2f} (at least {low:.2f}), {'alarm' if alarm else 'none '}   "
            f"{FEW} photos: {few_told:.2f}, alarms {few_alarms:.0%}",
            flush=True,
        )


def each_set(extractor: FeatureExtractor, folder: Path, only: list[str] | None) -> Iterator[tuple[str, Photos]]:
    """Yield the sets of at least 100 photos that are in class folders."""
    for path in sorted(path for path in folder.iterdir() if path.is_dir() and path.name in (only or (path.name,))):
        photos = load_photos(extractor, path)
        if len(photos.y) >= 100:
            yield path.name, photos


def main() -> None:
    """Measure the chosen parts and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, metavar="SETS")
    parser.add_argument("--rows", type=Path, default=Path("ranges.jsonl"), metavar="FILE")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--only", nargs="+", metavar="SET", help="of the sets only these")
    args = parser.parse_args()
    rows, cache = Rows(args.rows), FeatureCache(cache_folder("features"))
    extractor = FeatureExtractor(resolve(TrainConfig().backbone), devices.choose("cpu"), cache, Limits())
    if "simulated" in args.parts:
        print("Simulated groups: coverage / width in points, at correlations 0, 0.3, 0.7 and 1")
        print_simulated(rows)
    for name, photos in each_set(extractor, args.sets, args.only) if set(args.parts) - {"simulated"} else ():
        if "intervals" in args.parts:
            print_intervals(rows, name, photos)
        if "alarms" in args.parts:
            row = rows.get(f"alarms {name}", lambda: measure_alarms(photos))  # noqa: B023
            print(f"  {name:16} {DIVISIONS} divisions: told apart {row['told_apart']:.2f}, alarms {row['alarms']:.1%}")
        if "power" in args.parts:
            print_power(rows, extractor, name, photos)
    cache.close()


if __name__ == "__main__":
    main()
