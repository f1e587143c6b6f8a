"""Scores that hold for new things: groups found, and what is claimed with and without them.

    python benchmarks/groups.py SETS [--rows FILE]     (SETS/<set>/<class>/… or SETS/<set>/train/<class>/…)

1. Names: ten naming schemes for the tracks of ``traffic_tracks``; how many of the true groups are found whole?
2. Groups: that set under its own names, under names of a plain counter and without names, and five sets drawn from the
   photos of ``flowers`` (bursts with the camera's time, patients, videos, augmented copies, sizes). How many true
   groups are whole, and over ten divisions by true groups (70 to 30): the accuracy claimed with the groups found,
   that on the other 30 %, and those claimed where only near duplicates are kept together and by a random split.
3. Plain sets: which groups are found in sets that have none, and how far the claimed accuracy moves.

With --rows every row is appended to FILE as JSON when it is done, and those that are there are not measured again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageEnhance, ImageOps

sys.path.insert(0, str(Path(__file__).parent.parent))

from classifier import Project, TrainConfig
from classifier import device as devices
from classifier.config import Limits
from classifier.data import splits
from classifier.data.assets import Asset
from classifier.data.grouping import Grouping, group_photos
from classifier.events import result_of
from classifier.files import cache_folder
from classifier.messages.workflows import StepCode
from classifier.models import networks
from classifier.models.asset_features import (
    extract_asset_descriptors,
    extract_asset_features,
    group_near_duplicates,
)
from classifier.models.backbones import resolve
from classifier.models.feature_cache import FeatureCache
from classifier.models.features import FeatureExtractor
from classifier.training import linear_head

CONFIG = TrainConfig()
SEEDS = range(10)
SHARE = 0.3  # of the true groups that are held out in a division
PLAIN = ("flowers", "cats_dogs", "hymenoptera", "textures")
THINGS, VIEWS = 16, 4  # of each class of a drawn set

SCHEMES: dict[str, Callable[[int, int, int], str]] = {  # of thing, photo of the thing, and photo of all
    "patient12_slice3": lambda thing, one, n: f"patient{thing}_slice{one}",
    "exp1_num_4727": lambda thing, one, n: f"exp{thing}_num_{4000 + 7 * n}",
    "video7_frame_0031": lambda thing, one, n: f"video{thing}_frame_{31 * one:04}",
    "scan (2)": lambda thing, one, n: f"scan{thing}" + (f" ({one + 1})" if one else ""),
    "x - Copy": lambda thing, one, n: f"x{thing}" + ("", " - Copy", *(f" - Copy ({k})" for k in range(2, 9)))[one],
    "x_aug3": lambda thing, one, n: f"x{thing}" + (f"_aug{one}" if one else ""),
    "x_rot90": lambda thing, one, n: f"x{thing}" + ("", "_rot90", "_rot180", "_flip", "_blur", "_crop")[one],
    "x_11_2454": lambda thing, one, n: f"x_{thing}_{2454 + 13 * n}",
    "00012_00031": lambda thing, one, n: f"{thing:05}_{31 * one:05}",
    "x_jpg.rf.HASH": lambda thing, one, n: f"x{thing}_jpg.rf.{n * 7919:032x}",
}


@dataclass
class Photos:
    """The photos of one set with features (N, D), groups (N,) by look, and the true groups (N,)."""

    assets: list[Asset]
    features: np.ndarray
    near_duplicates: np.ndarray
    truth: np.ndarray

    @property
    def y(self) -> np.ndarray:
        """Class indices (N,)."""
        return np.unique([asset.label for asset in self.assets], return_inverse=True)[1].astype(np.int64)

    def subset(self, rows: np.ndarray) -> Photos:
        """Return some of the photos."""
        assets = [self.assets[row] for row in rows]
        return Photos(assets, self.features[rows], self.near_duplicates[rows], self.truth[rows])

    def renamed(self, name: Callable[[int, int, int], str]) -> Photos:
        """Return the photos with names by a scheme; photos of one thing follow one another."""
        names = {}
        for label in {asset.label for asset in self.assets}:
            rows = [row for row, asset in enumerate(self.assets) if asset.label == label]
            things = {group: number for number, group in enumerate(dict.fromkeys(self.truth[rows].tolist()))}
            seen = dict.fromkeys(things, 0)
            for row in rows:
                group = int(self.truth[row])
                names[row] = f"{label}/{name(things[group], seen[group], row)}.jpg"
                seen[group] += 1
        assets = [replace(asset, source=names[row]) for row, asset in enumerate(self.assets)]
        return replace(self, assets=assets)

    def group(self) -> Grouping:
        """Return the groups that the product finds."""
        return group_photos(self.assets, self.features, self.near_duplicates, "auto")


def load(folder: Path, truth: Callable[[Asset], object]) -> Photos:
    """Return the training photos of a folder; ``truth`` gives the true group of each."""
    with Project.over(folder) as project, closing(FeatureCache(cache_folder("features"))) as cache:
        extractor = FeatureExtractor(resolve(CONFIG.backbone), devices.choose("cpu"), cache, Limits())
        preprocessing = networks.preprocessing(extractor.backbone).with_resize_mode("whole")
        assets = [replace(asset, layout_group=None) for asset in project.catalog.assets(split="train")]
        step = StepCode.EXTRACT_FEATURES
        assets, features = result_of(extract_asset_features(extractor, project, assets, preprocessing, step))
        descriptors = extract_asset_descriptors(extractor, project, assets)
        near_duplicates = group_near_duplicates(extractor, assets, features, descriptors)
    true = np.unique([f"{asset.label} {truth(asset)}" for asset in assets], return_inverse=True)[1]
    return Photos(assets, features, near_duplicates, true)


def whole(groups: np.ndarray, truth: np.ndarray) -> float:
    """Return the share of true groups whose photos are all in one group."""
    return float(np.mean([len(set(groups[truth == group])) == 1 for group in np.unique(truth)]))


def claim(photos: Photos, groups: np.ndarray, like: linear_head.LinearHead | None = None) -> linear_head.LinearHead:
    """Return the head that is cross-validated in folds of these groups, with the penalty of ``like`` if given."""
    y, contents = photos.y, (asset.sha256 for asset in photos.assets)
    folds = splits.stratified_group_folds(y, groups, CONFIG.folds, CONFIG.seed, contents)
    choices = (None, None) if like is None else ((like.C,), like.shrinkage)
    return linear_head.fit_linear_head(photos.features, y, int(y.max()) + 1, folds, *choices)


def accuracy(probs: np.ndarray, y: np.ndarray) -> float:
    """Return the share of correct predictions."""
    return float((probs.argmax(1) == y).mean())


def divide(truth: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of 70 % of the true groups of each class, and those of the others."""
    rng = np.random.default_rng(seed)
    held_out: list[int] = []
    for label in np.unique(y):
        names = rng.permutation(np.unique(truth[y == label]))
        held_out += names[: max(1, round(SHARE * len(names)))].tolist()
    is_test = np.isin(truth, held_out)
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def measure_groups(photos: Photos) -> dict[str, object]:
    """Return how many groups are whole, and the mean scores over ten divisions by true groups."""
    found = photos.group()
    rows = []
    for seed in SEEDS:
        train, test = divide(photos.truth, photos.y, seed)
        known, new = photos.subset(train), photos.subset(test)
        head = claim(known, known.group().groups)
        rows.append([
            accuracy(head.probabilities, known.y),
            accuracy(new.features @ head.weight.T + head.bias, new.y),
            accuracy(claim(known, known.near_duplicates, head).probabilities, known.y),
            accuracy(claim(known, np.arange(len(train)), head).probabilities, known.y),
        ])  # fmt: skip
    means = np.mean(rows, 0).round(3).tolist()
    return {
        "origin": [one.origin for one in found.proposals if one.applied], "whole": whole(found.groups, photos.truth),
        "whole_near": whole(photos.near_duplicates, photos.truth), "claimed": means[0], "truth": means[1],
        "claimed_near": means[2], "claimed_random": means[3],
    }  # fmt: skip


def measure_plain(photos: Photos) -> dict[str, object]:
    """Return what is found in a set without groups, and by how much the claimed accuracy moves."""
    found = photos.group()
    head = claim(photos, found.near_duplicates)
    before = accuracy(head.probabilities, photos.y)
    after = accuracy(claim(photos, found.groups).probabilities, photos.y)
    return {"found": [one.origin for one in found.proposals], "before": round(before, 3), "after": round(after, 3)}


# -- sets drawn from photos


def view(picture: Image.Image, rng: np.random.Generator, share: float) -> Image.Image:
    """Return a part of a picture, with that share of its sides, in other light."""
    width, height = (round(share * side) for side in picture.size)
    left, top = rng.integers(0, picture.width - width + 1), rng.integers(0, picture.height - height + 1)
    part = picture.crop((left, top, left + width, top + height))
    return ImageEnhance.Brightness(part).enhance(rng.uniform(0.7, 1.3))


def augment(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a copy that is turned, mirrored, cropped and recolored."""
    turned = picture.rotate(rng.uniform(-25, 25), Image.Resampling.BICUBIC)
    part = view(ImageOps.mirror(turned) if rng.random() < 0.5 else turned, rng, 0.8)
    return ImageEnhance.Color(part).enhance(rng.uniform(0.4, 1.6))


def pan(picture: Image.Image, one: int) -> Image.Image:
    """Return a frame of a camera that moves over a picture."""
    left, top = one * picture.width // 10, one * picture.height // 12
    return picture.crop((left, top, left + round(0.62 * picture.width), top + round(0.7 * picture.height)))


def draw(kind: str, source: Path, folder: Path) -> Path:
    """Write a set of things with several photos each, made of single photos; the true group is in the file's size."""
    for label in sorted(path for path in source.iterdir() if path.is_dir()):
        (folder / label.name).mkdir(parents=True)
        for thing, path in enumerate(sorted(label.glob("*.jpg"))[:THINGS]):
            rng = np.random.default_rng([thing, len(label.name)])
            with Image.open(path) as opened:
                picture = opened.convert("RGB")
            start = datetime(2024, 5, 1) + timedelta(minutes=7 * thing)
            for one in range(VIEWS):
                exif = Image.Exif()
                exif[ExifTags.Base.ImageDescription] = f"thing {thing}"
                code = int(rng.integers(1 << 40))
                if kind == "bursts":
                    image, name = view(picture, rng, 0.7), f"{code:x}x"
                    stamp = (start + timedelta(seconds=2 * one)).strftime("%Y:%m:%d %H:%M:%S")
                    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = stamp
                elif kind == "patients":
                    image, name = view(picture, rng, 0.6), f"patient{thing}_slice{3 * one}"
                elif kind == "videos":
                    image, name = pan(picture, one), f"video{thing}_frame_{31 * one:04}"
                elif kind == "augmented":
                    image, name = augment(picture, rng), f"{path.stem}_aug{one}" if one else path.stem
                else:
                    side = (500, 200, 120, 64)[one]
                    image, name = ImageOps.contain(view(picture, rng, 0.75), (side, side)), f"{path.stem}-{side}x{side}"
                image.save(folder / label.name / f"{name}.jpg", exif=exif, quality=90)
    return folder


def true_thing(folder: Path) -> Callable[[Asset], object]:
    """Return what reads the true group of a drawn photo."""

    def thing(asset: Asset) -> object:
        with Image.open(folder / asset.path) as image:
            return image.getexif()[ExifTags.Base.ImageDescription]

    return thing


# -- rows


def tracks(sets: Path) -> Photos:
    """Return the set of traffic signs with its true groups."""
    return load(sets / "traffic_tracks", lambda asset: asset.source.rpartition("/")[2].split("_")[0])


def name_rows(sets: Path) -> Iterator[tuple[str, Callable[[], dict[str, object]]]]:
    """Yield the name of each row of part 1, and what measures it."""
    for scheme, name in SCHEMES.items():

        def measure(name: Callable[[int, int, int], str] = name) -> dict[str, object]:
            photos = tracks(sets).renamed(name)
            return {"whole": whole(photos.group().groups, photos.truth)}

        yield f"1 {scheme}", measure


def group_rows(sets: Path, scratch: Path) -> Iterator[tuple[str, Callable[[], dict[str, object]]]]:
    """Yield the rows of part 2."""
    yield "2 traffic_tracks", lambda: measure_groups(tracks(sets))
    yield "2 traffic_tracks, counter", lambda: measure_groups(tracks(sets).renamed(lambda t, o, n: f"IMG_{n:04}"))
    yield (
        "2 traffic_tracks, no names",
        lambda: measure_groups(tracks(sets).renamed(lambda t, o, n: hashlib.sha256(str(n).encode()).hexdigest())),
    )
    for kind in ("bursts", "patients", "videos", "augmented", "sizes"):

        def measure(kind: str = kind) -> dict[str, object]:
            folder = draw(kind, sets / "flowers", scratch / kind)
            return measure_groups(load(folder, true_thing(folder)))

        yield f"2 {kind}", measure


def plain_rows(sets: Path) -> Iterator[tuple[str, Callable[[], dict[str, object]]]]:
    """Yield the rows of part 3."""
    for name in PLAIN:
        yield f"3 {name}", lambda name=name: measure_plain(load(sets / name, lambda asset: asset.sha256))


def main() -> None:
    """Measure the rows that are not in the file yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, metavar="SETS")
    parser.add_argument("--rows", type=Path, metavar="FILE", help="where rows are kept")
    args = parser.parse_args()
    done = {}
    if args.rows and args.rows.exists():
        done = dict(map(json.loads, args.rows.read_text().splitlines()))
    with tempfile.TemporaryDirectory() as scratch:
        for name, measure in (*name_rows(args.sets), *plain_rows(args.sets), *group_rows(args.sets, Path(scratch))):
            row = done.get(name) or measure()
            print(f"{name:28}", "  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
            if args.rows and name not in done:
                with args.rows.open("a") as file:
                    file.write(json.dumps([name, row]) + "\n")


if __name__ == "__main__":
    main()
