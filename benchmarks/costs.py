"""What saying which mistake is worse is worth: the expected cost on test photos, with thresholds per class and without.

    python benchmarks/costs.py SETS [--sets NAME...] [--weight 5]      (SETS/<set>/[<split>/]<class>/…)

The photos of each set are divided 70 to 30 with ten seeds, by groups of near duplicates. A quick head is fitted on the
larger part. For each class in turn missing it counts as several false alarms; the thresholds come from out-of-fold
probabilities of the larger part, and the costs are the means of a photo of the smaller part, with “not sure” at 0.5:
of the plain answer (one threshold, as training chooses it), of the likeliest class without “not sure”, and of the
answer with thresholds per class. Rows that the file of results (--out) has are not measured again.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from honesty import CONFIG, SEEDS, Photos, extract, fit_model

from classifier import device as devices
from classifier.config import Limits
from classifier.data import splits
from classifier.evaluation import costs
from classifier.files import cache_folder
from classifier.models.backbones import resolve
from classifier.models.feature_cache import FeatureCache
from classifier.models.features import FeatureExtractor
from classifier.training import linear_head

SETS = ("cats_dogs", "hymenoptera", "rice_leaf", "solar_cells", "weather", "trash")
SPLITS = ("train", "val", "test")
HEADER = ("set", "missed", "seed", "plain", "likeliest", "per_class", "missed_before", "missed_after", "unsure_after")


def load(extractor: FeatureExtractor, folder: Path) -> Photos:
    """Return the embedded photos of a set; folders named as splits hold the classes."""
    roots = [folder / name for name in SPLITS if (folder / name).is_dir()] or [folder]
    files = sorted((path.parent.name, path) for root in roots for path in root.glob("*/*") if path.is_file())
    class_names = sorted({name for name, _ in files})
    paths = [path for _, path in files]
    y_true = np.array([class_names.index(name) for name, _ in files])
    return Photos(paths, *extract(extractor, paths), y_true, np.zeros(len(paths), np.bool_), class_names)


def divide(name: str, photos: Photos, groups: np.ndarray, seed: int, weight: float) -> list[tuple[object, ...]]:
    """Return a row for each class of one division."""
    held = splits.stratified_group_folds(photos.y_true, groups, 10, 100 + seed) < 3
    train, test = photos.subset(~held), photos.subset(held)
    model = fit_model(train, groups[~held])
    folds = splits.stratified_group_folds(train.y_true, groups[~held], CONFIG.folds, 0)
    count = len(photos.class_names)
    probs = linear_head.fit_linear_head(train.features, train.y_true, count, folds).probabilities
    test_probs = model.predict_probs(test.features)
    known = model.ood_model.in_distribution(test.features, test_probs)
    rows: list[tuple[object, ...]] = []
    for index, label in enumerate(photos.class_names):
        weights = [weight if other == index else 1.0 for other in range(count)]
        chosen = costs.choose_thresholds(probs, train.y_true, weights)
        rules = ([model.report.threshold] * count, [1e-9] * count, chosen)
        found = [
            costs.outcome(test_probs, test.y_true, photos.class_names, rule, weights, 0.5, known) for rule in rules
        ]
        missed = (found[0].missed[index], found[2].missed[index], found[2].unsure)
        rows.append((name, label, seed, *(round(one.cost, 4) for one in found), *missed))
    return rows


def summarize(rows: list[list[str]]) -> None:
    """Print the mean of the divisions for each set and class, and in how many the cost is lower."""
    print(f"{'set':<14}{'missing is worse of':<22}{'plain':>7}{'likeliest':>11}{'per class':>11}{'lower in':>10}")
    for key in sorted({(row[0], row[1]) for row in rows}):
        values = np.array([row[3:] for row in rows if (row[0], row[1]) == key], np.float64)
        plain, likeliest, per_class = values[:, :3].mean(0)
        lower = f"{int((values[:, 2] < values[:, 0]).sum())} of {len(values)}"
        print(f"{key[0]:<14}{key[1]:<22}{plain:7.3f}{likeliest:11.3f}{per_class:11.3f}{lower:>10}")
    for name in sorted({row[0] for row in rows}):
        values = np.array([row[3:6] for row in rows if row[0] == name], np.float64).mean(0)
        print(f"{name:<14}{'all classes':<22}{values[0]:7.3f}{values[1]:11.3f}{values[2]:11.3f}")


def main() -> None:
    """Measure what is not in the file yet, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="SETS")
    parser.add_argument("--sets", nargs="+", default=SETS, metavar="NAME")
    parser.add_argument("--weight", type=float, default=5.0, help="of missing a class, in false alarms")
    parser.add_argument("--out", type=Path, default=Path("costs.csv"), metavar="FILE", help="rows as they are measured")
    args = parser.parse_args()
    done = list(csv.reader(args.out.open(encoding="utf-8"))) if args.out.exists() else []
    cache = FeatureCache(cache_folder("features"))
    extractor = FeatureExtractor(resolve(CONFIG.backbone), devices.choose("cpu"), cache, Limits())
    for name in args.sets:
        seeds = [seed for seed in SEEDS if not any(row[0] == name and row[2] == str(seed) for row in done)]
        photos = load(extractor, args.folder / name) if seeds else None
        groups = photos.groups if photos else np.zeros(0, np.int64)
        for seed in seeds:
            rows = divide(name, photos, groups, seed, args.weight) if photos else []
            with args.out.open("a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(rows)
    cache.close()
    print(", ".join(HEADER))
    summarize([row for row in csv.reader(args.out.open(encoding="utf-8")) if row[0] in args.sets])


if __name__ == "__main__":
    main()
