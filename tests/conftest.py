"""Fixtures; everything they use is in ``helpers``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Two processes that each use both cores slow one another down many times over. Set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from classifier import Finished
from classifier.data.example import draw_example
from tests.helpers import SHA, MakeFolder, MakePhoto, draw_photo, train_on


@pytest.fixture
def make_photo() -> MakePhoto:
    """``make_photo(seed, size, tint)`` draws one picture."""
    return draw_photo


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """``make_folder({"train/cat": 3, "train/dog": 3}, name="photos")`` writes JPEGs, all different.

    Classes (the last part of the folder's name) differ in tint, so a classifier can tell them apart.
    """

    def make(counts: dict[str, int], name: str = "photos", size: tuple[int, int] = (64, 48)) -> Path:
        tints = {label: 40 * index for index, label in enumerate(sorted({key.split("/")[-1] for key in counts}))}
        for number, (folder, count) in enumerate(counts.items()):
            (tmp_path / name / folder).mkdir(parents=True, exist_ok=True)
            for index in range(count):
                tint = (tints[folder.split("/")[-1]] % 256, 0, 80 - tints[folder.split("/")[-1]] % 80)
                draw_photo(1000 * number + index, size, tint).save(tmp_path / name / folder / f"{index + 1}.jpg")
        return tmp_path / name

    return make


@pytest.fixture(scope="session")
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stands for the user's cache folder, so that the real one is never touched."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _users_cache_is_left_alone(cache_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache_home))


@pytest.fixture(scope="session")
def features(cache_home: Path) -> Path:
    """A feature cache that all tests share: a photo drawn alike in two tests is looked at once."""
    return cache_home / "photo-classifier" / "features"


@pytest.fixture(scope="session")
def example_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight drawn photos of each of four classes, none of them square; not to be changed."""
    folder = tmp_path_factory.mktemp("example") / "photos"
    draw_example(folder, per_class=8)
    return folder


@pytest.fixture(scope="session")
def trained(example_set: Path, features: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A model of the example set; its folder is not to be changed."""
    return train_on(example_set, features, tmp_path_factory.mktemp("trained") / "model")


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An upload folder of Gradio's with one uploaded photo, ``uploads/<sha>/a.jpg``."""
    folder = tmp_path / "uploads"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    (folder / SHA).mkdir(parents=True)
    draw_example(tmp_path / "one", per_class=1)
    (folder / SHA / "a.jpg").write_bytes((tmp_path / "one" / "key" / "key 01.jpg").read_bytes())
    return folder
