from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from timm.data import create_transform

from classifier import device as devices
from classifier.config import Limits, Preprocessing
from classifier.errors import StorageError
from classifier.events import Progress
from classifier.models import networks
from classifier.models.feature_cache import FeatureCache
from classifier.models.features import FeatureExtractor, embed, extract_descriptors, extract_features
from tests.helpers import draw_photo

NAME = "tf_efficientnet_lite0"
WHOLE = networks.preprocessing(NAME).with_resize_mode("whole")
SQUASH = networks.preprocessing(NAME).with_resize_mode("squash")

Photos = list[tuple[str, Path]]


@pytest.fixture
def photos(tmp_path: Path) -> Photos:
    """Four photos by content and path."""
    found = []
    for seed in range(4):
        path = tmp_path / f"{seed}.png"
        draw_photo(seed, (90, 60)).save(path)
        found.append((hashlib.sha256(path.read_bytes()).hexdigest(), path))
    return found


@pytest.fixture
def extractor(tmp_path: Path) -> Iterator[FeatureExtractor]:
    cache = FeatureCache(tmp_path / "cache")
    yield FeatureExtractor(NAME, devices.choose("cpu"), cache, Limits())
    cache.close()


def again(extractor: FeatureExtractor, folder: Path) -> FeatureExtractor:
    """The same cache, as another program finds it on disk."""
    return FeatureExtractor(NAME, extractor.device, FeatureCache(folder / "cache"), extractor.limits)


def test_features_are_those_of_the_plain_network(extractor: FeatureExtractor, photos: Photos) -> None:
    table = np.stack(list(embed(extractor, photos, [WHOLE, SQUASH])))
    assert table.shape == (4, 2, 1280)
    network = networks.build(NAME)
    for view, preparation in enumerate((WHOLE, SQUASH)):
        transform = create_transform(**{**preparation.to_timm(), "input_size": (3, 288, 288)}, is_training=False)
        with torch.inference_mode():
            plain = network(torch.stack([transform(draw_photo(seed, (90, 60))) for seed in range(4)])).numpy()
        for ours, theirs in zip(table[:, view], plain):
            assert np.corrcoef(ours, theirs)[0, 1] > 0.995  # they were computed in a fast precision


def test_a_second_run_is_equal_to_the_last_bit_and_needs_no_files(
    extractor: FeatureExtractor, photos: Photos, tmp_path: Path
) -> None:
    first = list(embed(extractor, photos, [WHOLE]))
    for _, path in photos:
        path.unlink()
    extractor = again(extractor, tmp_path)
    for one, other in zip(first, embed(extractor, photos, [WHOLE]), strict=True):
        assert np.array_equal(one, other)


def test_only_new_photos_are_looked_at(extractor: FeatureExtractor, photos: Photos) -> None:
    list(embed(extractor, photos[:3], [WHOLE]))
    for _, path in photos[:3]:
        path.unlink()
    assert all(isinstance(outcome, np.ndarray) for outcome in embed(extractor, photos, [WHOLE]))


def test_a_photo_is_known_by_its_content_not_its_name(
    extractor: FeatureExtractor, photos: Photos, tmp_path: Path
) -> None:
    first = list(embed(extractor, photos, [WHOLE]))
    elsewhere = [(sha, tmp_path / "moved" / path.name) for sha, path in photos]
    assert all(np.array_equal(one, other) for one, other in zip(first, embed(extractor, elsewhere, [WHOLE])))


@pytest.mark.parametrize("change", ["network", "preparation"])
def test_another_network_or_preparation_is_computed_anew(
    extractor: FeatureExtractor, photos: Photos, change: str
) -> None:
    list(embed(extractor, photos[:1], [WHOLE]))
    other = FeatureExtractor("tf_efficientnet_lite1", extractor.device, extractor.cache, extractor.limits)
    asked = (other, [WHOLE]) if change == "network" else (extractor, [SQUASH])
    photos[0][1].unlink()
    (outcome,) = embed(asked[0], photos[:1], asked[1])
    assert isinstance(outcome, str)  # the file was wanted, and it is gone


def test_stopping_halfway_keeps_what_was_done(extractor: FeatureExtractor, photos: Photos, tmp_path: Path) -> None:
    story = embed(extractor, photos, [WHOLE])
    first = next(story)
    story.close()
    photos[0][1].unlink()
    extractor = again(extractor, tmp_path)
    kept = next(iter(embed(extractor, photos[:1], [WHOLE])))
    assert np.array_equal(first, kept)


def test_an_unreadable_photo_gives_its_reason_in_its_place_and_is_asked_again(
    extractor: FeatureExtractor, photos: Photos
) -> None:
    good = photos[1][1].read_bytes()
    photos[1][1].write_bytes(good[: len(good) // 2])
    photos[2][1].unlink()
    outcomes = list(embed(extractor, photos, [WHOLE]))
    assert [isinstance(outcome, str) for outcome in outcomes] == [False, True, True, False]
    assert "cut off" in outcomes[1] or "damaged" in outcomes[1]
    photos[1][1].write_bytes(good)
    assert isinstance(list(embed(extractor, photos, [WHOLE]))[1], np.ndarray)


def test_gathering_tells_how_far_it_is_and_sorts_good_from_bad(extractor: FeatureExtractor, photos: Photos) -> None:
    photos[0][1].write_bytes(b"no photo")
    events, story = [], extract_features(extractor, photos, [WHOLE], "Looking")
    while True:
        try:
            events.append(next(story))
        except StopIteration as end:
            good, table, reasons = end.value
            break
    assert events[0] == Progress("Looking", 0, 4, None)
    assert (events[-1].done, events[-1].total) == (4, 4)
    assert (good, table.shape, list(reasons)) == ([1, 2, 3], (3, 1, 1280), [0])


def test_no_photos_are_no_features(extractor: FeatureExtractor) -> None:
    assert list(embed(extractor, [], [WHOLE])) == []


# -- the cache by itself


def filled(folder: Path, photos: int = 40) -> dict[str, np.ndarray]:
    """Values a cache in ``folder`` holds, by content."""
    values = {f"{index:064}": np.full((1, 500), index, np.float32) for index in range(photos)}
    with FeatureCache(folder) as cache:
        for sha, value in values.items():
            cache.put("network", [WHOLE], sha, value)
    cache.close()
    return values


def test_what_was_put_is_found_by_network_and_preparation(tmp_path: Path) -> None:
    values = filled(tmp_path)
    cache = FeatureCache(tmp_path)
    found = cache.get("network", WHOLE, [*values, "unknown"])
    assert found.keys() == values.keys()
    assert all(np.array_equal(found[sha], value[0]) for sha, value in values.items())
    assert cache.get("other", WHOLE, list(values)) == {}
    assert cache.get("network", Preprocessing(size=32), list(values)) == {}
    assert cache.get("network", WHOLE, []) == {}
    cache.close()


@pytest.mark.parametrize("damage", ["text", "empty", "cut", "scribbled"])
def test_a_damaged_file_is_begun_anew(damage: str, tmp_path: Path) -> None:
    values = filled(tmp_path)
    path = tmp_path / "features.sqlite"
    whole = path.read_bytes()
    if damage == "text":
        path.write_text("This is no database. " * 1000)
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(whole[: len(whole) // 3])
    else:
        path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    cache = FeatureCache(tmp_path)
    cache.get("network", WHOLE, list(values))
    cache.put("network", [WHOLE], "new", np.ones((1, 3), np.float32))
    cache.flush()
    assert cache.get("network", WHOLE, ["new"])["new"].tolist() == [1, 1, 1]
    cache.close()
    cache = FeatureCache(tmp_path)
    assert list(cache.get("network", WHOLE, ["new"])) == ["new"]
    cache.close()


def test_a_folder_that_cannot_be_made_is_a_plain_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        FeatureCache(tmp_path / "file")
    (tmp_path / "features.sqlite").mkdir()
    with pytest.raises(StorageError, match="cannot be written"):
        FeatureCache(tmp_path)


def test_a_busy_cache_is_not_taken_for_a_damaged_one(tmp_path: Path) -> None:
    values = filled(tmp_path)
    other = sqlite3.connect(tmp_path / "features.sqlite", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    later = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    later.start()
    cache = FeatureCache(tmp_path)
    assert cache.get("network", WHOLE, list(values)).keys() == values.keys()
    cache.close()
    later.join()
    other.close()


def test_two_programs_fill_one_cache(tmp_path: Path) -> None:
    one, other = FeatureCache(tmp_path), FeatureCache(tmp_path)
    one.put("network", [WHOLE], "a", np.ones((1, 3), np.float32))
    other.put("network", [WHOLE], "b", np.ones((1, 3), np.float32))
    one.close()
    other.close()
    cache = FeatureCache(tmp_path)
    assert sorted(cache.get("network", WHOLE, ["a", "b"])) == ["a", "b"]
    cache.close()


def test_descriptors_are_cached_while_photos_are_embedded(extractor: FeatureExtractor, photos: Photos) -> None:
    list(embed(extractor, photos[:1], [WHOLE]))
    (sha, path) = photos[0]
    opened_again = extract_descriptors(extractor, [("another", path)])
    path.unlink()
    cached = extract_descriptors(extractor, [(sha, path), ("gone", path)])
    np.testing.assert_allclose(cached[0], opened_again[0], atol=0.05)  # decoded at another scale
    assert np.isnan(cached[1]).all()
