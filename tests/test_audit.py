from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classifier import audit, models
from classifier import device as devices
from classifier.config import Limits
from classifier.features import Embedder, embed
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
