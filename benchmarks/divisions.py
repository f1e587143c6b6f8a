"""Sets of photos divided into a part to train on and a part to test on: as their folders say, or anew."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

SUFFIXES = {".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp"}
TEST_NAMES = ("test", "val", "valid")
SHARE = 0.3  # of the photos of each class that a new division tests on


def find_sets(root: Path) -> list[Path]:
    """Return the folders below ``root`` that hold classes, or train and test folders with classes, by name."""
    return [folder for folder in sorted(root.iterdir()) if folder.is_dir() and len(list(_classes(folder))) > 1]


def divide(folder: Path, number: int, into: Path) -> tuple[Path, Path]:
    """Return the folders to train and to test on of a set.

    Number 0 is the division that the set comes with; where it comes with none, and for every other number, 30 % of each
    class are drawn with that seed and all is copied below ``into``. The groups of ``NAME.groups.csv`` beside the set
    (file,group; the file as ``class/name``) stay whole.
    """
    train, test = folder / "train", _test_folder(folder)
    if number == 0 and test is not None:
        return train, test
    rng = np.random.default_rng(number)
    groups = _groups(folder)
    for name, files in sorted(_by_class(folder).items()):
        keys = [groups.get(f"{name}/{file.name}", str(file)) for file in files]
        held_out = _draw(keys, rng)
        for file, key in zip(files, keys):
            _copy(file, into / ("test" if key in held_out else "train") / name)
    return into / "train", into / "test"


def _draw(keys: list[str], rng: np.random.Generator) -> set[str]:
    """Return the groups that are held out: about ``SHARE`` of the photos, never all groups."""
    counts = Counter(keys)
    order = rng.permutation(sorted(counts))[:-1].tolist()
    held_out: set[str] = set()
    for key in order:
        if sum(counts[one] for one in held_out) >= round(SHARE * len(keys)):
            break
        held_out.add(key)
    return held_out


def _copy(file: Path, folder: Path) -> None:
    """Copy a file; where the set has another photo of that name in another part, under the name with its part."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / file.name
    shutil.copyfile(file, folder / f"{file.parents[1].name}-{file.name}" if target.exists() else target)


def _test_folder(folder: Path) -> Path | None:
    if not (folder / "train").is_dir():
        return None
    return next((folder / name for name in TEST_NAMES if (folder / name).is_dir()), None)


def _parts(folder: Path) -> list[Path]:
    test = _test_folder(folder)
    return [folder] if test is None else [folder / "train", test]


def _classes(folder: Path) -> Iterator[Path]:
    """Yield the folders with photos straight inside, of each part of a set."""
    for part in _parts(folder):
        for path in sorted(part.iterdir()):
            if path.is_dir() and any(_photos(path)):
                yield path


def _photos(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES)


def _by_class(folder: Path) -> dict[str, list[Path]]:
    """Return the photos of each class, of all parts."""
    found: dict[str, list[Path]] = {}
    for path in _classes(folder):
        found.setdefault(path.name, []).extend(_photos(path))
    return found


def _groups(folder: Path) -> dict[str, str]:
    """Return the known group of each ``class/name``."""
    table = folder.parent / f"{folder.name}.groups.csv"
    if not table.is_file():
        return {}
    with table.open(newline="", encoding="utf-8") as file:
        return {"/".join(Path(row["file"]).parts[-2:]): row["group"] for row in csv.DictReader(file)}
