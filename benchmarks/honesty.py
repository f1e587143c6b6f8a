"""How far the numbers can be trusted, on sets of one's own: claims, wrong labels, repeats, strange photos.

    python benchmarks/honesty.py SETS      (SETS/<set>/train/<class>/… and SETS/<set>/test/<class>/…)

1. Claims: the photos of each set are divided anew by ten seeds, 70 to 30, scenes together. How often does the
   interval claimed on the larger part cover the share right on the smaller, and how far is the claim off?
   Then objects photographed six times in a row, by a steady hand and by one that moves about: the claim, and what a
   random division would claim.
2. Wrong labels: 5 % of the labels are turned at random (ten seeds): how many are in the first tenth of the
   list, and how many in the first tenth by confident learning (Northcutt et al., JAIR 2021, normalised margin,
   off-diagonal entries first) on the same probabilities?
3. Repeats: copies of photos, saved anew, cropped, resized, mirrored, turned, lighter and darker: how many pairs
   are found? The pairs found among the sets' own photos are drawn to the file named by --pairs.
4. Strange photos: how many photos of the other sets, and how many of its own test photos, does each model answer?
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
from classifier.data.project import default_cache
from classifier.evaluation import calibration, label_errors, metrics, ood
from classifier.evaluation.report import Report, build_report
from classifier.models import networks
from classifier.models.backbones import resolve
from classifier.models.feature_cache import FeatureCache
from classifier.models.features import FeatureExtractor, embed, extract_descriptors
from classifier.training import linear_head

SEEDS = range(10)
CONFIG = TrainConfig()


@dataclass
class Photos:
    """Features, looks, classes and scenes of some photos."""

    paths: list[Path]
    features: np.ndarray
    looks: np.ndarray
    labels: np.ndarray
    test: np.ndarray
    names: list[str]

    @property
    def scenes(self) -> np.ndarray:
        return duplicates.near_duplicate_groups(self.features, self.looks)

    def part(self, chosen: np.ndarray) -> Photos:
        paths = [self.paths[place] for place in np.flatnonzero(chosen)]
        arrays = (array[chosen] for array in (self.features, self.looks, self.labels, self.test))
        return Photos(paths, *arrays, self.names)


@dataclass
class Model:
    head: linear_head.LinearHead
    known: ood.OODModel
    report: Report

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        return metrics.softmax(features @ self.head.weight.T + self.head.bias)

    def answers(self, features: np.ndarray) -> np.ndarray:
        shares = self.probabilities(features)
        return (shares.max(1) >= self.report.threshold) & self.known.in_distribution(features, shares)


def described(extractor: FeatureExtractor, paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Features and looks, from the cache where it has them."""
    pairs = [(hashlib.sha256(path.read_bytes()).hexdigest(), path) for path in paths]
    rows = list(embed(extractor, pairs, [networks.preprocessing(extractor.backbone).with_resize_mode("whole")]))
    return np.stack(rows)[:, 0], extract_descriptors(extractor, pairs)


def read(extractor: FeatureExtractor, folder: Path) -> Photos:
    names = sorted(path.name for path in (folder / "train").iterdir())
    found = [
        (path, label, part == "test")
        for part in ("train", "test")
        for label, name in enumerate(names)
        for path in sorted((folder / part / name).iterdir())
    ]
    paths = [path for path, _, _ in found]
    labels, test = np.array([label for _, label, _ in found]), np.array([test for _, _, test in found])
    return Photos(paths, *described(extractor, paths), labels, test, names)


def learn(photos: Photos, scenes: np.ndarray, together: bool = True) -> Model:
    """As ``training.train`` does it; with ``together`` False in a random division, as others do it."""
    kept = scenes if together else np.arange(len(scenes))
    folds = splits.stratified_group_folds(photos.labels, kept, CONFIG.folds, 0)
    fitted = linear_head.fit_linear_head(photos.features, photos.labels, len(photos.names), folds)
    known, ood_score = ood.fit_ood(photos.features, photos.labels, kept, fitted.probabilities)
    near = ood_score <= known.limit
    threshold = calibration.unsure_threshold(fitted.probabilities, photos.labels, in_distribution=near)
    report = build_report(
        fitted.probabilities, photos.labels, photos.names, images=len(kept), evaluated_on="out_of_fold",
        threshold=threshold, temperature=fitted.temperature, warnings=[], resize_mode="whole", backbone=CONFIG.backbone,
        groups=kept, in_distribution=near,
    )  # fmt: skip
    return Model(fitted, known, report)


def claims(name: str, photos: Photos) -> tuple[float, float, float]:
    """Share of seeds covered, mean of claim less truth, mean calibration error on the part set apart."""
    scenes = photos.scenes
    rows = []
    for seed in SEEDS:
        apart = splits.stratified_group_folds(photos.labels, scenes, 10, 100 + seed) < 3
        model = learn(photos.part(~apart), scenes[~apart])
        shares = model.probabilities(photos.features[apart])
        true = float((shares.argmax(1) == photos.labels[apart]).mean())
        report = model.report
        covered = report.accuracy_low <= true <= report.accuracy_high
        rows.append((covered, report.accuracy - true, calibration.calibration_error(shares, photos.labels[apart])))
    covered, off, error = np.mean(rows, 0)
    print(f"  {name:16} covered {covered:4.0%}   claim less truth {100 * off:+5.1f}   calibration error {error:.3f}")
    return covered, off, error


@dataclass(frozen=True)
class Hand:
    """How far shots of one thing differ: the least share of the view, degrees of turn, and share of light."""

    name: str
    view: float
    turn: float
    light: float


HANDS = (Hand("steady", 0.85, 3, 0.15), Hand("moving", 0.7, 8, 0.25))
DRAWS = 10


def shot(photo: Image.Image, rng: np.random.Generator, hand: Hand) -> Image.Image:
    """The same thing photographed again a moment later, by hand."""
    width, height = photo.size
    zoom = rng.uniform(hand.view, 0.95)
    left, top = (1 - zoom) * rng.uniform(0, 1, 2) * photo.size
    view = photo.rotate(rng.uniform(-hand.turn, hand.turn), Image.Resampling.BICUBIC)
    view = view.crop((int(left), int(top), int(left + zoom * width), int(top + zoom * height)))
    lit = ImageEnhance.Brightness(view).enhance(rng.uniform(1 - hand.light, 1 + hand.light))
    noisy = np.asarray(lit, float) + rng.normal(0, 4, (lit.height, lit.width, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def six_in_a_row(
    extractor: FeatureExtractor, name: str, photos: Photos, scratch: Path, hand: Hand, objects: int = 8
) -> None:
    """``objects`` photos of each class, six shots of each; one shot each of 120 others.

    Ten draws: so few are the things that a single one is off by 5 points or more one time in three.
    """
    rows = []
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(photos.labels))
        chosen = np.concatenate([order[photos.labels[order] == label][:objects] for label in range(len(photos.names))])
        new = rng.permutation(np.setdiff1d(np.arange(len(photos.labels)), chosen))[:120]
        made = shots(extractor, photos, np.repeat(chosen, 6), scratch / f"{name} {hand.name} {seed}", rng, hand)
        fresh = shots(extractor, photos, new, scratch / f"{name} {hand.name} {seed} new", rng, hand)
        honest, careless = learn(made, made.scenes), learn(made, made.scenes, together=False)
        true = float((honest.probabilities(fresh.features).argmax(1) == fresh.labels).mean())
        claimed = honest.report
        covered = claimed.accuracy_low <= true <= claimed.accuracy_high
        rows.append((claimed.group_count, claimed.accuracy, true, careless.report.accuracy, covered))
    scenes, claim, true, random, covered = np.mean(rows, 0)
    off = np.subtract(*np.array(rows).T[1:3])
    print(
        f"  {name:16} {hand.name}, {objects * len(photos.names)} objects, {scenes:.0f} scenes found: claim "
        f"{claim:.1%}, new objects {true:.1%} (off by {100 * off.mean():+.1f} points, give or take "
        f"{100 * off.std() / DRAWS**0.5:.1f}; in the interval {covered:.0%}), a random division claims {random:.1%}"
    )


def shots(
    extractor: FeatureExtractor, photos: Photos, places: np.ndarray, folder: Path, rng: np.random.Generator, hand: Hand
) -> Photos:
    """One shot of each of the photos at ``places``."""
    folder.mkdir()
    paths = [folder / f"{number}.jpg" for number in range(len(places))]
    for place, path in zip(places, paths):
        shot(open_picture(photos.paths[place], 512), rng, hand).save(path, quality=90)
    return Photos(paths, *described(extractor, paths), photos.labels[places], np.zeros(len(places), bool), photos.names)


def wrong_labels(name: str, photos: Photos) -> None:
    found, theirs = [], []
    train = photos.part(~photos.test)
    scenes, kinds, count = train.scenes, len(train.names), len(train.labels)
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        turned = rng.choice(count, round(0.05 * count), replace=False)
        labels = train.labels.copy()
        labels[turned] = (labels[turned] + rng.integers(1, kinds, len(turned))) % kinds
        folds = splits.stratified_group_folds(labels, scenes, CONFIG.folds, 0)
        shares = linear_head.fit_linear_head(train.features, labels, kinds, folds).probabilities
        ours = [issue.index for issue in label_errors.find_label_issues(shares, labels)][: count // 10]
        found.append(np.isin(turned, ours).mean())
        theirs.append(np.isin(turned, confident_learning(shares, labels)[: count // 10]).mean())
    print(f"  {name:16} ours {np.mean(found):.1%} (worst {min(found):.0%}), confident learning {np.mean(theirs):.1%}")


def confident_learning(shares: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """All photos, those that count as another class first, then by normalised margin."""
    rows = np.arange(len(labels))
    typical = np.array([shares[labels == kind, kind].mean() for kind in range(shares.shape[1])])
    sure = np.where(shares >= typical, shares, -1)
    other = (sure.max(1) >= 0) & (sure.argmax(1) != labels)
    rest = shares.copy()
    rest[rows, labels] = -1
    return np.argsort(-(rest.max(1) - shares[rows, labels] + 10 * other), kind="stable")


def copies(photo: Image.Image) -> Iterator[tuple[str, Image.Image, int]]:
    width, height = photo.size
    yield "saved at 40", photo, 40
    yield "cropped", photo.crop((width // 20, height // 20, width - width // 20, height - height // 20)), 90
    yield "half size", photo.resize((max(16, width // 2), max(16, height // 2))), 90
    yield "mirrored", photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 90
    yield "turned", photo.transpose(Image.Transpose.ROTATE_90), 90
    yield "darker", ImageEnhance.Brightness(photo).enhance(0.7), 90
    yield "lighter", ImageEnhance.Brightness(photo).enhance(1.3), 90


def repeats(
    extractor: FeatureExtractor, name: str, photos: Photos, scratch: Path
) -> tuple[int, int, list[tuple[Path, Path]]]:
    """Pairs found, true pairs, and the pairs found among the set's own photos."""
    rng = np.random.default_rng(1)
    chosen = rng.choice(len(photos.paths), min(12, len(photos.paths)), replace=False)
    paths, origin = [], []
    for place in chosen:
        for change, copy, quality in copies(open_picture(photos.paths[place])):
            paths.append(scratch / f"{name} {place} {change}.jpg")
            copy.save(paths[-1], quality=quality)
            origin.append(place)
    features, looks = described(extractor, paths)
    together = duplicates.near_duplicate_groups(
        np.concatenate([photos.features, features]), np.concatenate([photos.looks, looks])
    )
    origins = np.concatenate([np.arange(len(photos.paths)), origin])
    pairs = [pair for place in chosen for pair in combinations(np.flatnonzero(origins == place), 2)]
    found = sum(together[one] == together[other] for one, other in pairs)
    scenes = photos.scenes
    own = [pair for scene in np.unique(scenes) for pair in combinations(np.flatnonzero(scenes == scene), 2)]
    every = len(scenes) * (len(scenes) - 1) // 2
    print(f"  {name:16} {found} of {len(pairs)} = {found / len(pairs):.1%}; in the set itself {len(own)} of {every}")
    return found, len(pairs), [(photos.paths[one], photos.paths[other]) for one, other in own]


def draw(pairs: list[tuple[Path, Path]], file: Path) -> None:
    side, across = 120, 5
    sheet = Image.new("RGB", (across * (2 * side + 10), -(-len(pairs) // across) * (side + 16)), "white")
    for number, pair in enumerate(pairs):
        left, top = number % across * (2 * side + 10), number // across * (side + 16)
        ImageDraw.Draw(sheet).text((left, top), pair[0].parent.parent.parent.name, fill="black")
        for place, path in enumerate(pair):
            sheet.paste(open_picture(path, side).resize((side - 4, side - 4)), (left + place * side, top + 14))
    sheet.save(file)


def strange(name: str, sets: dict[str, Photos], model: Model) -> float:
    """Gives the calibration error on the test part."""
    photos = sets[name]
    own = photos.features[photos.test]
    shares = model.probabilities(own)
    answered = {other: model.answers(rows.features).mean() for other, rows in sets.items() if other != name}
    others = "  ".join(f"{other[:10]} {1 - share:.0%}" for other, share in answered.items())
    print(f"  {name:16} answers {model.answers(own).mean():.0%} of its test photos; not sure of {others}")
    return calibration.calibration_error(shares, photos.labels[photos.test])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, metavar="SETS")
    parser.add_argument("--pairs", type=Path, metavar="FILE", help="a picture of the pairs found in the sets")
    args = parser.parse_args()
    store = FeatureCache(default_cache())
    extractor = FeatureExtractor(resolve(CONFIG.backbone), devices.choose("cpu"), store, Limits())
    folders = sorted(path for path in args.sets.iterdir() if (path / "train").is_dir())
    sets = {folder.name: read(extractor, folder) for folder in folders}
    some = [name for name in ("flowers", "trash", "weather") if name in sets] or list(sets)
    with tempfile.TemporaryDirectory() as scratch:
        print("3. Repeats: pairs found")
        results = [repeats(extractor, name, photos, Path(scratch)) for name, photos in sets.items()]
        print(f"  all sets: {sum(row[0] for row in results) / sum(row[1] for row in results):.1%}")
        if args.pairs:
            draw([pair for row in results for pair in row[2]], args.pairs)
        print("2. Wrong labels: found in the first tenth of the list")
        for name in some:
            wrong_labels(name, sets[name])
        print("4. Strange photos")
        fitted = {name: photos.part(~photos.test) for name, photos in sets.items()}
        errors = [strange(name, sets, learn(train, train.scenes)) for name, train in fitted.items()]
        print(f"  calibration error on the test parts, mean: {np.mean(errors):.3f}")
        print("1. Claims")
        means = np.mean([claims(name, photos) for name, photos in sets.items()], 0)
        print(f"  mean             covered {means[0]:.0%}   claim less truth {100 * means[1]:+.1f}")
        print("   Six shots of each object in a row")
        for hand in HANDS:
            for name in some:
                six_in_a_row(extractor, name, sets[name], Path(scratch), hand)
    store.close()


if __name__ == "__main__":
    main()
