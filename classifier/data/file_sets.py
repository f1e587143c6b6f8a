"""Files by the folder, zip or shards that they came in, with their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .archives import Sample
from .labels import folder_names, natural_key
from .samples import shard_split


@dataclass(frozen=True)
class File:
    """A file: ``name`` as the person knows it, ``key`` the normalized name within its ``FileSet``.

    ``archive`` is the name of the zip that it came in, None where it came in none. ``sample`` is what a tar, a Parquet
    file or a file of packed pictures says of it; None where it is read from names and tables.
    """

    name: str
    key: str
    path: Path
    archive: str | None = None
    sample: Sample | None = None


@dataclass(frozen=True)
class FileSet:
    """The files of one folder or zip; ``name`` is its own, empty where there is none.

    ``has_folder``: the keys begin with the name already.
    """

    name: str
    files: tuple[File, ...]
    has_folder: bool = False

    @property
    def samples(self) -> bool:
        """Whether its files are samples, of which their set says what they show."""
        return bool(self.files) and self.files[0].sample is not None

    def joint_key(self, file: File) -> str:
        """Return the name of a file among those of several sets: the set's own name counts as one folder."""
        return file.key if self.has_folder or not self.name else f"{self.name}/{file.key}"


def distinct(names: Iterable[str]) -> list[str]:
    """Number the second and later of equal names: “photos”, “photos (2)”."""
    counts: Counter[str] = Counter()
    result = []
    for name in names:
        counts[name] += 1
        result.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return result


def join_samples(sets: Sequence[FileSet]) -> list[FileSet]:
    """Join the shards of samples, each of which holds some photos of any class, in the order of class folders.

    Where the names of shards are those of several splits, these are those of their photos.
    """
    shards = [one for one in sets if one.samples]
    if not shards:
        return list(sets)
    by_name = [shard_split(one.name) for one in shards]
    splits = by_name if len(set(by_name)) > 1 else [None] * len(shards)
    name = shards[0].name if len(shards) == 1 else next(filter(None, set(by_name) - set(splits)), "")
    stated = [
        (file, file.sample._replace(split=file.sample.split or split))
        for one, split in zip(shards, splits)
        for file in one.files
        if file.sample is not None
    ]
    files = _in_class_folders(stated)
    files.sort(key=lambda file: [natural_key(part) for part in file.key.split("/")])
    keys = distinct(file.key for file in files)
    joined = FileSet(name, tuple(replace(file, key=key) for file, key in zip(files, keys)))
    return [*(one for one in sets if not one.samples), joined]


def _in_class_folders(stated: Sequence[tuple[File, Sample]]) -> list[File]:
    """Return the files with their samples, named as if they lay in folders of splits and classes."""
    folders = folder_names({sample.label for _, sample in stated})
    has_splits = any(sample.split for _, sample in stated)
    files = []
    for file, sample in stated:
        folder = f"{sample.split or 'train'}/{folders[sample.label]}" if has_splits else folders[sample.label]
        files.append(replace(file, name=f"{folder}/{file.name}", key=f"{folder}/{file.key}", sample=sample))
    return files
