"""Groups by names, times and order, on drawn features: photos of one thing are near one another, others are not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import pytest

from classifier.data.assets import Asset
from classifier.data.grouping import Grouping, group_photos

THINGS, PER_THING = 15, 4  # of each of two classes
Name = Callable[[str, int, int, int], str]  # of class, thing, photo of the thing, and photo of all

SCHEMES: dict[str, Name] = {
    "patients": lambda label, thing, one, _: f"{label}/patient{thing}_slice{one}.png",
    "experiments": lambda label, thing, one, n: f"{label}/exp{thing}_num_{4000 + 7 * n}.jpg",
    "videos": lambda label, thing, one, _: f"{label}/video{thing}_frame_{31 * one:04}.jpg",
    "downloads": lambda label, thing, one, _: f"{label}/scan{thing}{f' ({one + 1})' if one else ''}.jpg",
    "copies": lambda label, thing, one, _: f"{label}/x{thing}{['', ' - Copy', ' - Copy (2)', ' - Copy (3)'][one]}.jpg",
    "augmented": lambda label, thing, one, _: f"{label}/leaf {thing}{f'_aug{one}' if one else ''}.jpg",
    "turned": lambda label, thing, one, _: f"{label}/{thing:03}{['', '_rot90', '_rot180', '_flip'][one]}.jpg",
    "batches": lambda label, thing, one, n: f"{label}/{label}_{thing}_{2454 + 13 * n}.jpg",
    "tracks": lambda label, thing, one, _: f"{label}/{thing:05}_{5 * one:05}.png",
    "sizes": lambda label, thing, one, _: f"{label}/p{thing}{['', '-150x150', '_small', '@2x'][one]}.jpg",
    "persons in front": lambda label, thing, one, n: f"{label}/{n}_view_subject{thing}.jpg",
    "numbered copies": lambda label, thing, one, _: f"{label}/x{thing}{f' (copy {one})' if one else ''}.jpg",
    "backups": lambda label, thing, one, _: f"{label}/p{thing}{f'~{one}' if one else ''}.jpg",
    "letters": lambda label, thing, one, _: f"{label}/leaf{thing:04}{'abcd'[one]}.jpg",
    "sides": lambda label, thing, one, _: f"{label}/{thing:03}_{['left', 'right', 'front', 'top'][one]}.jpg",
    "roboflow": lambda label, thing, one, n: f"{label}/im{thing}_jpg.rf.{n * 7919:032x}.jpg",
}


def draw(name: Name, is_alike: bool = True, seed: int = 0) -> tuple[list[Asset], np.ndarray, np.ndarray]:
    """Photos in two classes, their features, and the thing that each is of."""
    rng = np.random.default_rng(seed)
    assets, features, things = [], [], []
    for label in ("cat", "dog"):
        for thing in range(THINGS):
            center = rng.standard_normal(200)
            for one in range(PER_THING):
                n = len(assets)
                source = name(label, thing, one, n)
                assets.append(Asset(n, source, f"{n}", label, "train", None, source, 1, 64, 48, ""))
                features.append((center if is_alike else 0) + 1.5 * rng.standard_normal(200))
                things.append(n // PER_THING)
    return assets, np.array(features, np.float32), np.array(things)


def group(assets: list[Asset], features: np.ndarray, chosen: str = "auto") -> Grouping:
    return group_photos(assets, features, np.arange(len(assets)), chosen)  # type: ignore[arg-type]


def whole(groups: np.ndarray, things: np.ndarray) -> float:
    """The share of things whose photos are in one group, which has no others."""
    pairs = list(zip(groups.tolist(), things.tolist()))
    return float(np.mean([len({p for p in pairs if p[0] == g or p[1] == t}) == 1 for g, t in set(pairs)]))


def together(groups: np.ndarray, things: np.ndarray) -> float:
    """The share of things whose photos are in one group, alone or with others."""
    return float(np.mean([len(set(groups[things == thing])) == 1 for thing in set(things)]))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_photos_of_one_thing_are_found_by_their_names(scheme: str) -> None:
    assets, features, things = draw(SCHEMES[scheme])
    found = group(assets, features)
    assert whole(found.groups, things) >= 0.95
    (proposal,) = found.proposals
    assert (proposal.origin, proposal.applied, proposal.count, proposal.size) == ("names", True, 30, 4)
    assert "4 photos each of 30 things" in str(found.warnings[0])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_names_alone_keep_nothing_together(scheme: str) -> None:
    assets, features, _ = draw(SCHEMES[scheme], is_alike=False)
    found = group(assets, features)
    assert not found.is_grouped
    assert all("not kept together" in str(warning) for warning in found.warnings)
    assert whole(group(assets, features, "names").groups, draw(SCHEMES[scheme])[2]) == 1


def test_a_few_photos_are_not_asked_about() -> None:
    assets, features, _ = draw(SCHEMES["videos"], is_alike=False)
    pairs = [n for n in range(24) if n % PER_THING < 2]
    few = [assets[n] for n in pairs], features[pairs]
    assert group(*few).warnings == ()
    assert len(group(*few, "names").warnings) == 1


@pytest.mark.parametrize("name", [
    lambda label, thing, one, n: f"{label}/IMG_{n * 37 % 120:04}.jpg",
    lambda label, thing, one, n: f"{label}/{label}.{n * 37 % 120}.jpg",
    lambda label, thing, one, n: f"{label}/{label} ({n * 37 % 120}).jpg",
    lambda label, thing, one, n: f"{label}/{n * 37 % 120 * 7919}_{n * 104729 % 16777216:010x}_n.jpg",
    lambda label, thing, one, n: f"{label}/IMG_20240501_{n * 37 % 24:02}{n * 7 % 60:02}{n % 60:02}.jpg",
])  # fmt: skip
def test_counters_and_names_of_classes_are_no_groups(name: Name) -> None:
    assets, features, _ = draw(name)
    assert group(assets, features).proposals == ()


def test_one_thing_in_two_classes_stays_together_where_it_looks_alike() -> None:
    assets, features, things = draw(SCHEMES["patients"])
    half = len(assets) // 2
    other = np.concatenate([features[:half], features[:half] + 0.5 * features[half:]])
    assert len(np.unique(group(assets, features).groups)) == 2 * THINGS
    assert whole(group(assets, other).groups, things % THINGS) == 1


def take(assets: list[Asset], gap: float) -> list[Asset]:
    """The photos with the camera's time: two seconds within a thing, ``gap`` seconds between things."""
    start = datetime(2024, 5, 1)
    seconds = [2.0 * n + gap * (n // PER_THING) for n in range(len(assets))]
    times = [(start + timedelta(seconds=second)).isoformat() for second in seconds]
    return [Asset(**{**vars(asset), "taken": time}) for asset, time in zip(assets, times)]


def mixed(label: str, thing: int, one: int, n: int) -> str:
    return f"{label}/{n * 7919 % 1000003:x}x.jpg"


def test_bursts_are_found_by_their_times() -> None:
    assets, features, things = draw(mixed)
    found = group(take(assets, 60), features)
    assert whole(found.groups, things) == 1
    assert [one.origin for one in found.proposals] == ["times"]


def test_photos_taken_in_a_row_are_no_bursts_where_they_are_not_alike() -> None:
    assets, features, _ = draw(mixed, is_alike=False)
    assert not group(take(assets, 60), features).is_grouped


def test_a_series_is_cut_where_the_photos_change() -> None:
    assets, features, things = draw(lambda label, thing, one, n: f"{label}/DSC_{n:04}.jpg")
    found = group(assets, features)
    assert [one.origin for one in found.proposals] == ["series"]
    assert together(found.groups, things) >= 0.95
    assert len(np.unique(found.groups)) > THINGS
    shuffled = np.random.default_rng(0).permutation(len(assets))
    assert group(assets, features[shuffled]).proposals == ()


def test_nothing_is_joined_where_nothing_was_asked_for() -> None:
    assets, features, _ = draw(SCHEMES["patients"])
    assert not group(assets, features, "none").is_grouped
    assert not group(assets, features, "folders").is_grouped
    assert group([], np.zeros((0, 8), np.float32)).proposals == ()


@pytest.mark.slow
def test_random_features_are_never_proved_to_be_groups() -> None:
    for seed in range(40):
        assets, features, _ = draw(SCHEMES["tracks"], is_alike=False, seed=seed)
        assert not group(assets, features).is_grouped


def test_a_series_of_photos_of_several_classes_is_not_divided_by_class() -> None:
    rng = np.random.default_rng(5)
    things = np.repeat(np.arange(30), 6)
    labels = [("good", "broken")[number] for number in rng.integers(0, 2, len(things))]
    features = np.float32(rng.standard_normal((30, 200))[things] + 0.8 * rng.standard_normal((len(things), 200)))
    names = [f"{label}/cell{13 * n:04}.png" for n, label in enumerate(labels)]
    assets = [Asset(n, name, f"{n}", name.split("/")[0], "train", None, name, 1, 64, 48, "")
              for n, name in enumerate(names)]  # fmt: skip
    found = group(assets, features)
    assert [one.origin for one in found.proposals] == ["series"]
    assert together(found.groups, things) >= 0.9
    assert len(np.unique(found.groups)) > 15


def test_a_look_that_much_of_two_classes_shares_is_offered_and_applied_on_demand() -> None:
    assets, features, _ = draw(lambda label, thing, one, n: f"{label}/{n * 7919 % 9973}.jpg", is_alike=False)
    photos = np.arange(len(assets))
    near = np.where((photos % 60 < 25), 0, photos)  # 25 of the 60 photos of each class
    found = group_photos(assets, features, near, "auto")
    assert len(set(found.groups.tolist())) == len(assets)
    (proposal,) = found.proposals
    assert (proposal.origin, proposal.applied, proposal.size) == ("look", False, 50)
    assert "50 photos of several classes that look alike" in str(found.warnings[0])
    assert found.offered == str(proposal.description)
    assert not found.is_grouped
    applied = group_photos(assets, features, near, "all")
    assert len(set(applied.groups[near == 0].tolist())) == 1
    assert applied.is_grouped
    one_picture = group_photos(assets, features, 0 * near, "auto")
    assert len(set(one_picture.groups.tolist())) == 1
