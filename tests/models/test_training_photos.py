from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier.data.assets import Asset
from classifier.data.group_rule import GroupRule
from classifier.data.name_groups import NameRule
from classifier.errors import ModelError
from classifier.models import training_photos
from classifier.models.training_photos import KnownPhotos, describe, place

NETWORK = "tf_efficientnet_lite0"
RULE = {"part": "first", "n": 1, "is_across": True, "burst_seconds": 3.0}


def asset(number: int, **changes: Any) -> Asset:
    row = Asset(number, f"photos/{number}.jpg", f"{number:064x}", "a", "train", None, f"{number}.jpg", 9, 9, 9, "")
    return replace(row, **changes)


def draw(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, 1280) of unrelated photos, and descriptors (N, 128) likewise."""
    hashes = rng.normal(size=(count, 2, 64))
    unit = hashes / np.linalg.norm(hashes, axis=2, keepdims=True)
    return rng.exponential(size=(count, 1280)).astype(np.float32), unit.reshape(count, 128).astype(np.float32)


def known(assets: list[Asset], features: np.ndarray, descriptors: np.ndarray) -> KnownPhotos:
    zeros, own = np.zeros(len(assets), np.int64), np.arange(len(assets))
    return describe(assets, features, descriptors, zeros, own, NETWORK, "whole")


def to_json(photos: KnownPhotos) -> dict[str, Any]:
    return json.loads("".join(photos.dump()))


def test_a_photo_like_a_training_photo_is_found_among_others() -> None:
    rng = np.random.default_rng(0)
    features, descriptors = draw(rng, 60)
    training = known([asset(number) for number in range(40)], features[:40], descriptors[:40])
    changed = features.copy()
    changed[40:50] = changed[:10] * rng.uniform(0.8, 1.2, (10, 1280))
    descriptors[40:50] = descriptors[:10]
    photos = known([asset(100 + number) for number in range(20)], changed[40:], descriptors[40:])
    placed = place(photos, training)
    assert placed.near_training.tolist() == [True] * 10 + [False] * 10
    assert (placed.groups[:10] == placed.training_groups[:10]).all()
    assert len(np.unique(placed.groups)) == 20


def test_contents_and_groups_of_one_name_join_where_pictures_cannot_be_compared() -> None:
    features, descriptors = draw(np.random.default_rng(1), 6)
    rows = [asset(1), asset(2, layout_group="patient 7"), asset(3, own_group="mine")]
    training = known(rows, features[:3], descriptors[:3])
    others = [replace(rows[0], id=9), asset(5, layout_group="patient 7"), asset(6, layout_group="x", own_group="mine")]
    photos = replace(known(others, features[3:], descriptors[3:]), network="another")
    assert place(photos, training).near_training.tolist() == [True] * 3
    assert place(replace(photos, own_groups=("other",) * 3), training).near_training.tolist() == [False] * 3


def test_names_and_times_of_training_photos_reach_the_others() -> None:
    features, descriptors = draw(np.random.default_rng(4), 8)
    rows = [asset(n, source=f"patient{n % 2}_slice{n}.png", taken=f"2024-05-01T10:00:{n:02}") for n in range(4)]
    rule = GroupRule(NameRule("first", 2), burst_seconds=3.0)
    groups = np.arange(4)
    training = describe(rows, features[:4], descriptors[:4], groups * 0, groups, NETWORK, "whole", rule)
    others = [
        asset(5, source="patient1_slice8.png"), asset(6, source="patient3_slice1.png"),
        asset(7, source="x.png", taken="2024-05-01T10:00:05"), asset(8, source="y.png", taken="2024-05-01T10:00:09"),
    ]  # fmt: skip
    photos = describe(others, features[4:], descriptors[4:], groups * 0, groups, NETWORK, "whole", training=training)
    for known in (training, training_photos._from_json(to_json(training))):
        assert place(photos, known).near_training.tolist() == [True, False, True, False]
    other = describe(rows[:3], features[:3], descriptors[:3], groups[:3], groups[:3], NETWORK, "whole", rule)
    assert not {*other.keys} & {*training.keys}


def test_what_is_remembered_holds_no_name_and_survives_its_file(tmp_path: Path) -> None:
    features, descriptors = draw(np.random.default_rng(2), 3)
    descriptors[0] = np.nan
    photos = known([asset(1), asset(2, layout_group="Anna"), asset(3, own_group="Ben")], features, descriptors)
    text = json.dumps(to_json(photos))
    assert not any(name in text for name in ("Anna", "Ben", ".jpg", "photos/"))
    (tmp_path / "training_photos.json").write_text(text)
    found = training_photos.read(tmp_path)
    assert found is not None
    assert to_json(found) == to_json(photos)
    assert training_photos.read(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", 2), ("network", 3), ("sha256", ["x" * 64]), ("sha256", "ab"), ("hashes", "###"), ("hashes", ""),
        ("features", 7), ("classes", [-1, 0, 0]), ("classes", [True, 0, 0]), ("groups", [0]), ("groups", [10**9] * 3),
        ("layout_groups", ["Anna", None, None]), ("own_groups", None), ("more", 1),
        ("keys", ["patient 1", None, None]), ("keys", [None]), ("times", [0.5, None, None]), ("times", [10**12] * 3),
        ("times", [True, None, None]), ("times", "now"), ("rule", None), ("rule", {}), ("rule", {**RULE, "more": 1}),
        ("rule", {**RULE, "part": "last"}), ("rule", {**RULE, "part": ["first"]}), ("rule", {**RULE, "n": 0}),
        ("rule", {**RULE, "n": 99}), ("rule", {**RULE, "n": True}), ("rule", {**RULE, "part": "original"}),
        ("rule", {**RULE, "is_across": 1}), ("rule", {**RULE, "burst_seconds": 1e300}),
        ("rule", {**RULE, "burst_seconds": float("nan")}), ("rule", {**RULE, "burst_seconds": "3"}),
    ],
)  # fmt: skip
def test_a_forged_file_is_refused(name: str, value: object, tmp_path: Path) -> None:
    features, descriptors = draw(np.random.default_rng(3), 3)
    rows, rule, groups = [asset(1), asset(2), asset(3)], GroupRule(NameRule("first", 1), True, 3.0), np.arange(3)
    photos = describe(rows, features, descriptors, groups, groups, NETWORK, "whole", rule)
    assert to_json(photos)["rule"] == RULE
    (tmp_path / "training_photos.json").write_text(json.dumps({**to_json(photos), name: value}))
    with pytest.raises(ModelError, match=r"training_photos\.json"):
        training_photos.read(tmp_path)
