from __future__ import annotations

import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classifier import audit, models
from classifier import device as devices
from classifier.config import Limits
from classifier.features import Embedder, embed, looks_of
from classifier.store import FeatureStore

NAME = "tf_efficientnet_lite0"


@pytest.fixture
def table(example_set: Path, features: Path, tmp_path: Path) -> np.ndarray:
    """Features of 32 different photos, then of two copies of the first: in another format, and saved again."""
    originals = sorted(example_set.glob("*/*.jpg"))
    copies = [tmp_path / "same.png", tmp_path / "again.jpg"]
    with Image.open(originals[0]) as first:
        for path in copies:
            first.save(path, quality=95)
    store = FeatureStore(tmp_path)
    tools = Embedder(NAME, devices.choose("cpu"), store, Limits())
    paths = [*originals, *copies]
    rows = list(embed(tools, [(str(path), path) for path in paths], [models.preprocessing(NAME).fitted("whole")]))
    store.close()
    return np.stack(rows)[:, 0]


def test_copies_and_resaves_are_one_scene_and_different_photos_are_not(table: np.ndarray) -> None:
    groups = audit.look_alikes(table)
    assert len(set(groups[:32])) == 32
    assert set(groups[32:]) == {groups[0]}


def test_a_photo_in_another_form_is_of_the_same_scene(example_set: Path, features: Path, tmp_path: Path) -> None:
    """Mirrored, turned, cropped and darker copies of three photos, with their looks."""
    originals = sorted(example_set.glob("*/*.jpg"))
    tools = Embedder(NAME, devices.choose("cpu"), FeatureStore(features), Limits())
    paths = list(originals)
    for place in (1, 12, 30):
        with Image.open(originals[place]) as photo:
            width, height = photo.size
            margins = (width // 20, height // 20, width - width // 20, height - height // 20)
            copies = [
                photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
                photo.transpose(Image.Transpose.ROTATE_90),
                photo.crop(margins),
                photo.point(lambda value: round(0.7 * value)),
            ]
            for number, copy in enumerate(copies):
                paths.append(tmp_path / f"{place} {number}.jpg")
                copy.save(paths[-1], quality=60)
    pairs = [(path.stem + str(path.stat().st_mtime_ns), path) for path in paths]
    rows = np.stack(list(embed(tools, pairs, [models.preprocessing(NAME).fitted("whole")])))[:, 0]
    groups = audit.look_alikes(rows, looks_of(tools, pairs))
    tools.store.close()
    assert len(set(groups[:32])) == 32
    for start, place in zip((32, 36, 40), (1, 12, 30)):
        assert set(groups[start : start + 4]) == {groups[place]}


def test_looks_are_noted_while_photos_are_embedded(example_set: Path, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    tools = Embedder(NAME, devices.choose("cpu"), store, Limits())
    copy = Path(shutil.copy(next(example_set.glob("mug/*")), tmp_path / "copy.jpg"))
    assert len(list(embed(tools, [("mug", copy)], [models.preprocessing(NAME).fitted("whole")]))) == 1
    again = looks_of(tools, [("another", copy)])
    copy.unlink()
    found = looks_of(tools, [("mug", copy), ("gone", copy)])
    store.close()
    np.testing.assert_allclose(found[0], again[0], atol=0.05)  # decoded at another scale
    assert np.isnan(found[1]).all()


def test_likeness_reaches_over_a_chain_and_is_the_same_in_any_order() -> None:
    angles = np.radians([0, 20, 40, 60, 180, 270])  # each of the first four is like its neighbour only
    roots = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    roots -= roots.mean(0)  # so that the directions stay what they are
    directions = roots / np.linalg.norm(roots, axis=1, keepdims=True)
    features = np.sign(roots) * roots**2  # likeness is measured on roots
    groups = audit.look_alikes(features)
    for one, other in combinations(range(6), 2):
        if directions[one] @ directions[other] > audit.SAME_SCENE:
            assert groups[one] == groups[other]
    order = np.random.default_rng(0).permutation(6)
    turned = audit.look_alikes(features[order])
    for one, other in combinations(range(6), 2):
        assert (turned[one] == turned[other]) == (groups[order[one]] == groups[order[other]])


def test_many_photos_are_compared_block_by_block() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(5000, 64)).astype(np.float32)
    features[4999] = features[3]
    features[2500] = features[2100]
    groups = audit.look_alikes(features)
    assert groups[4999] == groups[3]
    assert groups[2500] == groups[2100]
    assert len(set(groups)) == 4998


def test_features_are_left_as_they_were() -> None:
    features = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    before = features.copy()
    audit.look_alikes(features)
    assert np.array_equal(features, before)


def test_suspects_are_the_doubted_photos_worst_first() -> None:
    probabilities = np.array([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.05, 0.05, 0.9], [0, 1, 0]], np.float32)
    found = audit.suspects(probabilities, np.array([0, 1, 1, 1]))
    assert [(suspect.photo, suspect.suggested) for suspect in found] == [(2, 2), (1, 0)]
    assert [suspect.score for suspect in found] == pytest.approx([0.95, 0.6])


def test_nobody_is_suspected_where_all_is_right() -> None:
    assert audit.suspects(np.eye(3, dtype=np.float32), np.arange(3)) == []
