"""Reliability of the reports on one's own sets: reported accuracy, label issues, near duplicates, foreign photos.

    python benchmarks/honesty.py SETS      (SETS/<set>/train/<class>/… and SETS/<set>/test/<class>/…)

1. Reported accuracy: the photos of each set are split 70 to 30 with ten seeds, by groups of near duplicates. How often
   does the interval reported on the larger part contain the accuracy on the smaller one, and how large is the error?
   Then simulated bursts of six photos per object, with small and with larger camera movements: the accuracy reported
   with a grouped split and with a random split, against the accuracy on other objects.
2. Label issues: 5 % of the labels are flipped at random (ten seeds). Recall in the first tenth of the list, beside
   confident learning (Northcutt et al., JAIR 2021, normalized margin, off-diagonal entries first) on the same
   probabilities; and how much of the whole list was flipped.
3. Near duplicates: copies of photos, compressed, cropped, resized, mirrored, rotated, darker and lighter. How many
   pairs are found? The pairs found among the sets' own photos are drawn to the file named by --pairs.
4. Foreign (out-of-distribution) photos: how many photos of the other sets does each model reject, and how many of its
   own test photos does it accept?
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance

sys.path.insert(0, str(Path(__file__).parent.parent))

from classifier import TrainConfig
from classifier import device as devices
from classifier.config import Limits
from classifier.data import duplicates, splits
from classifier.data.images import open_picture
from classifier.evaluation import calibration, label_errors, metrics, ood
from classifier.evaluation.report import Report
from classifier.evaluation.scoring import build_report
from classifier.files import cache_folder
from classifier.models import networks
from classifier.models.backbones import resolve
from classifier.models.feature_cache import FeatureCache
from classifier.models.features import FeatureExtractor, embed, extract_descriptors
from classifier.training import linear_head

SEEDS = range(10)
CONFIG = TrainConfig()


@dataclass
class Photos:
    """Embedded photos of one set.

    ``features`` (N, D) and ``descriptors`` (N, E) are one row per photo, ``y_true`` (N,) indexes ``class_names``, and
    ``is_test`` (N,) is True for the photos of the test split.
    """

    paths: list[Path]
    features: np.ndarray
    descriptors: np.ndarray
    y_true: np.ndarray
    is_test: np.ndarray
    class_names: list[str]

    @property
    def groups(self) -> np.ndarray:
        """Numbers (N,), equal for near duplicates."""
        return duplicates.near_duplicate_groups(self.features, self.descriptors)

    def subset(self, mask: np.ndarray) -> Photos:
        """Return the photos where ``mask`` (N,) is True."""
        paths = [self.paths[index] for index in np.flatnonzero(mask)]
        arrays = (array[mask] for array in (self.features, self.descriptors, self.y_true, self.is_test))
        return Photos(paths, *arrays, self.class_names)


@dataclass
class Model:
    """A linear head with its out-of-distribution model and its report."""

    head: linear_head.LinearHead
    ood_model: ood.OODModel
    report: Report

    def predict_probs(self, features: np.ndarray) -> np.ndarray:
        """Return probabilities (N, C) of ``features`` (N, D)."""
        return metrics.softmax(features @ self.head.weight.T + self.head.bias)

    def accepts(self, features: np.ndarray) -> np.ndarray:
        """Return True (N,) for photos that are in distribution and predicted with confidence above the threshold."""
        probs = self.predict_probs(features)
        return (probs.max(1) >= self.report.threshold) & self.ood_model.in_distribution(features, probs)


def extract(extractor: FeatureExtractor, paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Return features (N, D) and descriptors (N, E) of the files, cached ones where present."""
    keys = [(hashlib.sha256(path.read_bytes()).hexdigest(), path) for path in paths]
    rows = list(embed(extractor, keys, [networks.preprocessing(extractor.backbone).with_resize_mode("whole")]))
    return np.stack(rows)[:, 0], extract_descriptors(extractor, keys)


def load_photos(extractor: FeatureExtractor, folder: Path) -> Photos:
    """Return the embedded photos of ``folder``/train and ``folder``/test."""
    class_names = sorted(path.name for path in (folder / "train").iterdir())
    samples = [
        (path, y, split == "test")
        for split in ("train", "test")
        for y, name in enumerate(class_names)
        for path in sorted((folder / split / name).iterdir())
    ]
    paths = [path for path, _, _ in samples]
    y_true, is_test = np.array([y for _, y, _ in samples]), np.array([test for _, _, test in samples])
    return Photos(paths, *extract(extractor, paths), y_true, is_test, class_names)


def fit_model(photos: Photos, groups: np.ndarray) -> Model:
    """Fit and evaluate a model as ``classifier.train`` does, with folds that keep ``groups`` (N,) together."""
    folds = splits.stratified_group_folds(photos.y_true, groups, CONFIG.folds, 0)
    head = linear_head.fit_linear_head(photos.features, photos.y_true, len(photos.class_names), folds)
    ood_model, ood_score = ood.fit_ood(photos.features, photos.y_true, groups, head.probabilities)
    in_distribution = ood_score <= ood_model.limit
    threshold = calibration.unsure_threshold(head.probabilities, photos.y_true, in_distribution=in_distribution)
    report = build_report(
        head.probabilities, photos.y_true, photos.class_names, images=len(groups), evaluated_on="out_of_fold",
        threshold=threshold, temperature=head.temperature, warnings=[], resize_mode="whole", backbone=CONFIG.backbone,
        groups=groups, in_distribution=in_distribution,
    )  # fmt: skip
    return Model(head, ood_model, report)


def accuracy_of(model: Model, photos: Photos) -> tuple[float, bool]:
    """Return the accuracy on ``photos`` and whether the reported interval contains it."""
    y_pred = model.predict_probs(photos.features).argmax(1)
    accuracy = float((y_pred == photos.y_true).mean())
    return accuracy, model.report.accuracy_low <= accuracy <= model.report.accuracy_high


def measure_reported_accuracy(name: str, photos: Photos) -> tuple[float, float, float]:
    """Return, as means over ``SEEDS``, interval coverage, reported less true accuracy and calibration error."""
    groups = photos.groups
    rows = []
    for seed in SEEDS:
        is_val = splits.stratified_group_folds(photos.y_true, groups, 10, 100 + seed) < 3
        model, val = fit_model(photos.subset(~is_val), groups[~is_val]), photos.subset(is_val)
        accuracy, covered = accuracy_of(model, val)
        calibration_error = calibration.calibration_error(model.predict_probs(val.features), val.y_true)
        rows.append((covered, model.report.accuracy - accuracy, calibration_error))
    coverage, bias, calibration_error = np.mean(rows, 0)
    print(
        f"  {name:16} interval coverage {coverage:4.0%}   reported less true {100 * bias:+5.1f}   "
        f"calibration error {calibration_error:.3f}"
    )
    return coverage, bias, calibration_error


@dataclass(frozen=True)
class CameraMotion:
    """How much the photos of a burst differ.

    ``min_scale`` is the smallest crop as a proportion of each side, ``degrees`` the largest rotation, and
    ``brightness`` the largest relative change.
    """

    name: str
    min_scale: float
    degrees: float
    brightness: float


MOTIONS = (CameraMotion("small motion", 0.85, 3, 0.15), CameraMotion("large motion", 0.7, 8, 0.25))
BURST_SEEDS = range(10)


def simulate_shot(photo: Image.Image, rng: np.random.Generator, motion: CameraMotion) -> Image.Image:
    """Return ``photo`` with random crop, rotation, brightness and noise, like the next photo of a hand-held burst."""
    width, height = photo.size
    scale = rng.uniform(motion.min_scale, 0.95)
    left, top = (1 - scale) * rng.uniform(0, 1, 2) * photo.size
    view = photo.rotate(rng.uniform(-motion.degrees, motion.degrees), Image.Resampling.BICUBIC)
    view = view.crop((int(left), int(top), int(left + scale * width), int(top + scale * height)))
    view = ImageEnhance.Brightness(view).enhance(rng.uniform(1 - motion.brightness, 1 + motion.brightness))
    noisy = np.asarray(view, float) + rng.normal(0, 4, (view.height, view.width, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def simulate_shots(
    extractor: FeatureExtractor,
    photos: Photos,
    indices: np.ndarray,
    folder: Path,
    rng: np.random.Generator,
    motion: CameraMotion,
) -> Photos:
    """Return one simulated shot of each of the photos at ``indices``, written to the new ``folder``."""
    folder.mkdir(parents=True)
    paths = [folder / f"{number}.jpg" for number in range(len(indices))]
    for index, path in zip(indices, paths):
        simulate_shot(open_picture(photos.paths[index], 512), rng, motion).save(path, quality=90)
    is_test = np.zeros(len(indices), bool)
    return Photos(paths, *extract(extractor, paths), photos.y_true[indices], is_test, photos.class_names)


def measure_bursts(
    extractor: FeatureExtractor, name: str, photos: Photos, scratch: Path, motion: CameraMotion, per_class: int = 8
) -> None:
    """Train on bursts of six shots of ``per_class`` objects a class; test on one shot each of 120 other objects.

    Means over ten seeds: with so few objects, a single seed is off by 5 points or more in one case of three.
    """
    rows = []
    for seed in BURST_SEEDS:
        rng = np.random.default_rng(seed)
        order, classes = rng.permutation(len(photos.y_true)), range(len(photos.class_names))
        train_idx = np.concatenate([order[photos.y_true[order] == y][:per_class] for y in classes])
        test_idx = rng.permutation(np.setdiff1d(np.arange(len(photos.y_true)), train_idx))[:120]
        folder = scratch / f"{name} {motion.name} {seed}"
        train = simulate_shots(extractor, photos, np.repeat(train_idx, 6), folder / "train", rng, motion)
        test = simulate_shots(extractor, photos, test_idx, folder / "test", rng, motion)
        grouped, random = fit_model(train, train.groups), fit_model(train, np.arange(len(train.y_true)))
        accuracy, covered = accuracy_of(grouped, test)
        report = grouped.report
        rows.append((report.group_count, report.accuracy, accuracy, random.report.accuracy, covered))
    n_groups, reported, accuracy, random_accuracy, coverage = np.mean(rows, 0)
    bias = np.subtract(*np.array(rows).T[1:3])
    print(
        f"  {name:16} {motion.name}, {per_class * len(photos.class_names)} objects, {n_groups:.0f} groups found: "
        f"grouped split reports {reported:.1%}, other objects {accuracy:.1%} (difference {100 * bias.mean():+.1f} "
        f"points, standard error {100 * bias.std() / len(bias) ** 0.5:.1f}; interval coverage {coverage:.0%}), "
        f"random split reports {random_accuracy:.1%}"
    )


def measure_label_issues(name: str, photos: Photos) -> None:
    """Print the recall of flipped labels in the first tenth of the list, ours beside confident learning's."""
    recalls, baseline_recalls, listed, found = [], [], 0, 0
    train = photos.subset(~photos.is_test)
    groups, n_classes, n_photos = train.groups, len(train.class_names), len(train.y_true)
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        flipped = rng.choice(n_photos, round(0.05 * n_photos), replace=False)
        y = train.y_true.copy()
        y[flipped] = (y[flipped] + rng.integers(1, n_classes, len(flipped))) % n_classes
        folds = splits.stratified_group_folds(y, groups, CONFIG.folds, 0)
        probs = linear_head.fit_linear_head(train.features, y, n_classes, folds).probabilities
        ranking = [issue.index for issue in label_errors.find_label_issues(probs, y)]
        recalls.append(np.isin(flipped, ranking[: n_photos // 10]).mean())
        listed, found = listed + len(ranking), found + np.isin(flipped, ranking).sum()
        baseline_recalls.append(np.isin(flipped, rank_by_confident_learning(probs, y)[: n_photos // 10]).mean())
    ours, baseline = np.mean(recalls), np.mean(baseline_recalls)
    print(
        f"  {name:16} ours {ours:.1%} (lowest {min(recalls):.0%}), confident learning {baseline:.1%}; "
        f"{found / max(listed, 1):.0%} of the whole list were flipped"
    )


def rank_by_confident_learning(probs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return all indices (N,), off-diagonal entries of the confident joint first, then by normalized margin.

    Args:
        probs: out-of-fold probabilities (N, C).
        y: given labels (N,), some of them wrong.
    """
    rows = np.arange(len(y))
    thresholds = np.array([probs[y == label, label].mean() for label in range(probs.shape[1])])
    confident = np.where(probs >= thresholds, probs, -1)
    off_diagonal = (confident.max(1) >= 0) & (confident.argmax(1) != y)
    other_probs = probs.copy()
    other_probs[rows, y] = -1
    return np.argsort(-(other_probs.max(1) - probs[rows, y] + 10 * off_diagonal), kind="stable")


def altered_copies(photo: Image.Image) -> Iterator[tuple[str, Image.Image, int]]:
    """Yield the name of each alteration, the altered photo and the JPEG quality to save it with."""
    width, height = photo.size
    yield "quality 40", photo, 40
    yield "cropped", photo.crop((width // 20, height // 20, width - width // 20, height - height // 20)), 90
    yield "half size", photo.resize((max(16, width // 2), max(16, height // 2))), 90
    yield "mirrored", photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 90
    yield "rotated", photo.transpose(Image.Transpose.ROTATE_90), 90
    yield "darker", ImageEnhance.Brightness(photo).enhance(0.7), 90
    yield "lighter", ImageEnhance.Brightness(photo).enhance(1.3), 90


def measure_near_duplicates(
    extractor: FeatureExtractor, name: str, photos: Photos, scratch: Path
) -> tuple[int, int, list[tuple[Path, Path]]]:
    """Return how many pairs of altered copies are found, how many there are, and the pairs found in the set itself."""
    rng = np.random.default_rng(1)
    indices = rng.choice(len(photos.paths), min(12, len(photos.paths)), replace=False)
    paths, source_idx = [], []
    for index in indices:
        for alteration, copy, quality in altered_copies(open_picture(photos.paths[index])):
            paths.append(scratch / f"{name} {index} {alteration}.jpg")
            copy.save(paths[-1], quality=quality)
            source_idx.append(index)
    features, descriptors = extract(extractor, paths)
    groups = duplicates.near_duplicate_groups(
        np.concatenate([photos.features, features]), np.concatenate([photos.descriptors, descriptors])
    )
    sources = np.concatenate([np.arange(len(photos.paths)), source_idx])
    pairs = [pair for index in indices for pair in pairs_within(sources == index)]
    n_found = sum(groups[first] == groups[second] for first, second in pairs)
    set_groups = photos.groups
    set_pairs = [pair for group in np.unique(set_groups) for pair in pairs_within(set_groups == group)]
    n_possible = len(set_groups) * (len(set_groups) - 1) // 2
    recall = n_found / len(pairs)
    print(f"  {name:16} {n_found} of {len(pairs)} = {recall:.1%}; in the set itself {len(set_pairs)} of {n_possible}")
    return n_found, len(pairs), [(photos.paths[first], photos.paths[second]) for first, second in set_pairs]


def pairs_within(mask: np.ndarray) -> Iterator[tuple[int, int]]:
    """Return all pairs of indices where ``mask`` (N,) is True."""
    return combinations(np.flatnonzero(mask), 2)


def draw_pairs(pairs: list[tuple[Path, Path]], file: Path) -> None:
    """Write a contact sheet of the pairs, each under the name of its set, to ``file``."""
    side, columns = 120, 5
    sheet = Image.new("RGB", (columns * (2 * side + 10), -(-len(pairs) // columns) * (side + 16)), "white")
    for number, pair in enumerate(pairs):
        left, top = number % columns * (2 * side + 10), number // columns * (side + 16)
        ImageDraw.Draw(sheet).text((left, top), pair[0].parent.parent.parent.name, fill="black")
        for column, path in enumerate(pair):
            sheet.paste(open_picture(path, side).resize((side - 4, side - 4)), (left + column * side, top + 14))
    sheet.save(file)


def measure_foreign_photos(name: str, sets: dict[str, Photos], model: Model) -> float:
    """Print how many test and foreign photos are accepted and rejected; return the calibration error on the test split.

    Args:
        name: key in ``sets`` of the set that the model was trained on.
        sets: photos of all sets; those of the others are foreign.
        model: model trained on the training split of the set.
    """
    test = sets[name].subset(sets[name].is_test)
    coverage = {other: model.accepts(photos.features).mean() for other, photos in sets.items() if other != name}
    rejected = "  ".join(f"{other[:10]} {1 - accepted:.0%}" for other, accepted in coverage.items())
    print(f"  {name:16} accepts {model.accepts(test.features).mean():.0%} of its test photos; rejects {rejected}")
    return calibration.calibration_error(model.predict_probs(test.features), test.y_true)


def run_benchmarks(extractor: FeatureExtractor, sets: dict[str, Photos], pairs_file: Path | None) -> None:
    """Print all four measurements."""
    selected = [name for name in ("flowers", "trash", "weather") if name in sets] or list(sets)
    with tempfile.TemporaryDirectory() as scratch:
        print("3. Near duplicates: pairs found")
        results = [measure_near_duplicates(extractor, name, photos, Path(scratch)) for name, photos in sets.items()]
        print(f"  all sets: {sum(row[0] for row in results) / sum(row[1] for row in results):.1%}")
        if pairs_file:
            draw_pairs([pair for row in results for pair in row[2]], pairs_file)
        print("2. Label issues: recall in the first tenth of the list")
        for name in selected:
            measure_label_issues(name, sets[name])
        print("4. Foreign photos")
        train_sets = {name: photos.subset(~photos.is_test) for name, photos in sets.items()}
        errors = [
            measure_foreign_photos(name, sets, fit_model(train, train.groups)) for name, train in train_sets.items()
        ]
        print(f"  mean calibration error on the test splits: {np.mean(errors):.3f}")
        print("1. Reported accuracy")
        means = np.mean([measure_reported_accuracy(name, photos) for name, photos in sets.items()], 0)
        print(f"  {'mean':16} interval coverage {means[0]:4.0%}   reported less true {100 * means[1]:+5.1f}")
        print("   Bursts of six photos of each object")
        for motion in MOTIONS:
            for name in selected:
                measure_bursts(extractor, name, sets[name], Path(scratch), motion)


def main() -> None:
    """Embed the photos of all sets and run the measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, metavar="SETS")
    parser.add_argument("--pairs", type=Path, metavar="FILE", help="a picture of the pairs found in the sets")
    args = parser.parse_args()
    cache = FeatureCache(cache_folder("features"))
    extractor = FeatureExtractor(resolve(CONFIG.backbone), devices.choose("cpu"), cache, Limits())
    folders = sorted(path for path in args.sets.iterdir() if (path / "train").is_dir())
    sets = {folder.name: load_photos(extractor, folder) for folder in folders}
    run_benchmarks(extractor, sets, args.pairs)
    cache.close()


if __name__ == "__main__":
    main()
