"""Accuracy after so many answers about unlabeled photos: in the order of ``workflows.labeling`` and in random order.

    python benchmarks/labeling.py SETS [--sets NAME...] [--overlooked 0]      (SETS/<set>/[<split>/]<class>/…)

With ten seeds 30 % of the photos of each set are set apart to test, by groups of near duplicates. Of the others ten
of each class are labeled, the rest is not. A person answers; the model, a quick head, is trained again after each
round. A round in our order: each group of sure photos is accepted with one press, which is one answer; each photo taken
out of it before is one more, and is asked next; then ten questions. In random order each photo is one answer. The
numbers are the accuracies on the test photos after 20, 50 and 100 answers, and how many answers of ours give the
accuracy of 50 and of 100 random ones. ``--overlooked`` is the share of the wrong photos in a group that the person does
not notice.

Rows that the file of results (--out) has are not measured again.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from costs import load
from honesty import CONFIG, SEEDS, Photos

from classifier import device as devices
from classifier.config import Limits
from classifier.data import splits
from classifier.evaluation import metrics
from classifier.files import cache_folder
from classifier.models.backbones import resolve
from classifier.models.feature_cache import FeatureCache
from classifier.models.features import FeatureExtractor
from classifier.training import linear_head
from classifier.workflows import labeling

SETS = ("flowers", "trash", "weather")
LABELED = 10  # photos of each class
MARKS = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)  # answers after which the accuracy is measured
SHOWN = (20, 50, 100)
QUESTIONS = 10  # of a round
HEADER = ("set", "order", "overlooked", "seed", *map(str, MARKS))


class Person:
    """Labels photos of a set, and counts the answers that it takes; -1 stands for a photo without a label."""

    def __init__(self, photos: Photos, seed: int, overlooked: float) -> None:
        self.photos, self.groups, self.overlooked = photos, photos.groups, overlooked
        self.rng = np.random.default_rng(seed)
        self.is_test = splits.stratified_group_folds(photos.y_true, self.groups, 10, 100 + seed) < 3
        self.labels = np.full(len(photos.y_true), -1)
        for label in range(len(photos.class_names)):
            there = self.rng.permutation(np.flatnonzero((photos.y_true == label) & ~self.is_test))[:LABELED]
            self.labels[there] = label

    def pool(self) -> np.ndarray:
        """Return the indices of the photos without a label."""
        return np.flatnonzero((self.labels < 0) & ~self.is_test)

    def train(self) -> np.ndarray:
        """Return the probabilities (N, C) of all photos by a head trained on those with a label."""
        known = np.flatnonzero(self.labels >= 0)
        features, y = self.photos.features, self.labels[known]
        folds = splits.stratified_group_folds(y, self.groups[known], CONFIG.folds, 0)
        head = linear_head.fit_linear_head(features[known], y, len(self.photos.class_names), folds)
        return metrics.softmax(features @ head.weight.T + head.bias)

    def accuracy(self) -> float:
        """Return the accuracy on the test photos of a head trained on those with a label."""
        y_pred = self.train()[self.is_test].argmax(1)
        return float((y_pred == self.photos.y_true[self.is_test]).mean())

    def answer(self, index: int) -> None:
        """Label one photo."""
        self.labels[index] = self.photos.y_true[index]

    def accept(self, group: np.ndarray, label: int) -> list[int]:
        """Label a group but for the photos that are taken out, which are returned."""
        is_wrong = self.photos.y_true[group] != label
        out = is_wrong & (self.rng.random(len(group)) >= self.overlooked)
        self.labels[group[~out]] = label
        return list(group[out])


def answer_in_order(person: Person) -> Iterator[None]:
    """Answer as the page asks; yields after each answer."""
    while len(pool := person.pool()):
        probs = person.train()
        found = labeling.suggest(probs[pool], person.groups[pool])
        asked: list[int] = []
        for group in found.sure:
            out = person.accept(pool[list(group.photos)], group.label)
            yield from (None for _ in out)
            yield
            asked += out
        asked += list(pool[list(found.questions)])[:QUESTIONS]
        for index in asked:
            person.answer(index)
            yield


def answer_randomly(person: Person) -> Iterator[None]:
    """Answer photo after photo in random order; yields after each answer."""
    for index in person.rng.permutation(person.pool()):
        person.answer(index)
        yield


def measure(photos: Photos, order: str, seed: int, overlooked: float) -> list[float]:
    """Return the accuracy after each number of answers in ``MARKS``; where all photos have a label it stays."""
    person = Person(photos, seed, overlooked)
    answers = (answer_in_order if order == "ours" else answer_randomly)(person)
    accuracies, done = [person.accuracy()], 0
    for mark in MARKS[1:]:
        changed = False
        while done < mark and next(answers, answers) is None:
            done, changed = done + 1, True
        accuracies.append(person.accuracy() if changed else accuracies[-1])
    return accuracies


def needed(ours: np.ndarray, accuracy: float) -> float:
    """Return after how many answers a curve of mean accuracies at ``MARKS`` reaches an accuracy, interpolated."""
    best = np.maximum.accumulate(ours)
    if best[-1] < accuracy:
        return float("nan")
    return float(np.interp(accuracy, best, MARKS))


def summarize(rows: list[list[str]], names: list[str]) -> None:
    """Print the means of the seeds for each set, and those of all sets."""
    print(f"{'set':<14}{'order':<8}" + "".join(f"{mark:>8}" for mark in (0, *SHOWN)) + "   answers for 50, 100 random")
    curves: dict[str, list[np.ndarray]] = {"ours": [], "random": []}
    for name in names:
        for order, of_all in curves.items():
            values = np.array([row[4:] for row in rows if row[:2] == [name, order]], np.float64)
            of_all.append(values.mean(0))
        _print_set(name, curves["ours"][-1], curves["random"][-1])
    _print_set("mean", *(np.mean(curves[order], 0) for order in ("ours", "random")))


def _print_set(name: str, ours: np.ndarray, random: np.ndarray) -> None:
    columns = [MARKS.index(mark) for mark in (0, *SHOWN)]
    same = [f"{needed(ours, random[MARKS.index(mark)]):.0f}" for mark in (50, 100)]
    print(f"{name:<14}{'random':<8}" + "".join(f"{100 * random[column]:8.1f}" for column in columns))
    print(
        f"{'':<14}{'ours':<8}" + "".join(f"{100 * ours[column]:8.1f}" for column in columns) + f"   {', '.join(same)}"
    )


def main() -> None:
    """Measure what is not in the file yet, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="SETS")
    parser.add_argument("--sets", nargs="+", default=SETS, metavar="NAME")
    parser.add_argument("--overlooked", type=float, default=0.0, metavar="SHARE")
    parser.add_argument("--out", type=Path, default=Path("labeling.csv"), metavar="FILE", help="rows as they come")
    args = parser.parse_args()
    done = list(csv.reader(args.out.open(encoding="utf-8"))) if args.out.exists() else []
    cache = FeatureCache(cache_folder("features"))
    extractor = FeatureExtractor(resolve(CONFIG.backbone), devices.choose("cpu"), cache, Limits())
    for name in args.sets:
        photos = load(extractor, args.folder / name)
        for order in ("random", "ours"):
            for seed in SEEDS:
                key = [name, order, str(args.overlooked), str(seed)]
                if any(row[:4] == key for row in done):
                    continue
                values = measure(photos, order, seed, args.overlooked)
                with args.out.open("a", newline="", encoding="utf-8") as file:
                    csv.writer(file).writerow([*key, *(f"{value:.4f}" for value in values)])
    cache.close()
    rows = [row for row in csv.reader(args.out.open(encoding="utf-8")) if row[2] == str(args.overlooked)]
    summarize(rows, list(args.sets))


if __name__ == "__main__":
    main()
