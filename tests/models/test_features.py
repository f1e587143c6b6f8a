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
from classifier.models.feature_cache import FeatureStore
from classifier.models.features import Embedder, embed, gather
from tests.helpers import draw_photo

NAME = "tf_efficientnet_lite0"
WHOLE = networks.preprocessing(NAME).fitted("whole")
SQUASH = networks.preprocessing(NAME).fitted("squash")

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
def tools(tmp_path: Path) -> Iterator[Embedder]:
    store = FeatureStore(tmp_path / "store")
    yield Embedder(NAME, devices.choose("cpu"), store, Limits())
    store.close()


def again(tools: Embedder, folder: Path) -> Embedder:
    """The same cache, as another program finds it on disk."""
    return Embedder(NAME, tools.device, FeatureStore(folder / "store"), tools.limits)


def test_features_are_those_of_the_plain_network(tools: Embedder, photos: Photos) -> None:
    table = np.stack(list(embed(tools, photos, [WHOLE, SQUASH])))
    assert table.shape == (4, 2, 1280)
    network = networks.build(NAME)
    for view, preparation in enumerate((WHOLE, SQUASH)):
        transform = create_transform(**{**preparation.to_timm(), "input_size": (3, 288, 288)}, is_training=False)
        with torch.inference_mode():
            plain = network(torch.stack([transform(draw_photo(seed, (90, 60))) for seed in range(4)])).numpy()
        for ours, theirs in zip(table[:, view], plain):
            assert np.corrcoef(ours, theirs)[0, 1] > 0.995  # they were computed in a fast precision


def test_a_second_run_is_equal_to_the_last_bit_and_needs_no_files(
    tools: Embedder, photos: Photos, tmp_path: Path
) -> None:
    first = list(embed(tools, photos, [WHOLE]))
    for _, path in photos:
        path.unlink()
    tools = again(tools, tmp_path)
    for one, other in zip(first, embed(tools, photos, [WHOLE]), strict=True):
        assert np.array_equal(one, other)


def test_only_new_photos_are_looked_at(tools: Embedder, photos: Photos) -> None:
    list(embed(tools, photos[:3], [WHOLE]))
    for _, path in photos[:3]:
        path.unlink()
    assert all(isinstance(outcome, np.ndarray) for outcome in embed(tools, photos, [WHOLE]))


def test_a_photo_is_known_by_its_content_not_its_name(tools: Embedder, photos: Photos, tmp_path: Path) -> None:
    first = list(embed(tools, photos, [WHOLE]))
    elsewhere = [(sha, tmp_path / "moved" / path.name) for sha, path in photos]
    assert all(np.array_equal(one, other) for one, other in zip(first, embed(tools, elsewhere, [WHOLE])))


@pytest.mark.parametrize("change", ["network", "preparation"])
def test_another_network_or_preparation_is_computed_anew(tools: Embedder, photos: Photos, change: str) -> None:
    list(embed(tools, photos[:1], [WHOLE]))
    other = Embedder("tf_efficientnet_lite1", tools.device, tools.store, tools.limits)
    asked = (other, [WHOLE]) if change == "network" else (tools, [SQUASH])
    photos[0][1].unlink()
    (outcome,) = embed(asked[0], photos[:1], asked[1])
    assert isinstance(outcome, str)  # the file was wanted, and it is gone


def test_stopping_halfway_keeps_what_was_done(tools: Embedder, photos: Photos, tmp_path: Path) -> None:
    story = embed(tools, photos, [WHOLE])
    first = next(story)
    story.close()
    photos[0][1].unlink()
    tools = again(tools, tmp_path)
    kept = next(iter(embed(tools, photos[:1], [WHOLE])))
    assert np.array_equal(first, kept)


def test_an_unreadable_photo_gives_its_reason_in_its_place_and_is_asked_again(tools: Embedder, photos: Photos) -> None:
    good = photos[1][1].read_bytes()
    photos[1][1].write_bytes(good[: len(good) // 2])
    photos[2][1].unlink()
    outcomes = list(embed(tools, photos, [WHOLE]))
    assert [isinstance(outcome, str) for outcome in outcomes] == [False, True, True, False]
    assert "cut off" in outcomes[1] or "damaged" in outcomes[1]
    photos[1][1].write_bytes(good)
    assert isinstance(list(embed(tools, photos, [WHOLE]))[1], np.ndarray)


def test_gathering_tells_how_far_it_is_and_sorts_good_from_bad(tools: Embedder, photos: Photos) -> None:
    photos[0][1].write_bytes(b"no photo")
    events, story = [], gather(tools, photos, [WHOLE], "Looking")
    while True:
        try:
            events.append(next(story))
        except StopIteration as end:
            good, table, reasons = end.value
            break
    assert events[0] == Progress("Looking", 0, 4, None)
    assert (events[-1].done, events[-1].total) == (4, 4)
    assert (good, table.shape, list(reasons)) == ([1, 2, 3], (3, 1, 1280), [0])


def test_no_photos_are_no_features(tools: Embedder) -> None:
    assert list(embed(tools, [], [WHOLE])) == []


# -- the store by itself


def filled(folder: Path, photos: int = 40) -> dict[str, np.ndarray]:
    """Values a store in ``folder`` holds, by content."""
    values = {f"{index:064}": np.full((1, 500), index, np.float32) for index in range(photos)}
    with FeatureStore(folder) as store:
        for sha, value in values.items():
            store.put("network", [WHOLE], sha, value)
    store.close()
    return values


def test_what_was_put_is_found_by_network_and_preparation(tmp_path: Path) -> None:
    values = filled(tmp_path)
    store = FeatureStore(tmp_path)
    found = store.get("network", WHOLE, [*values, "unknown"])
    assert found.keys() == values.keys()
    assert all(np.array_equal(found[sha], value[0]) for sha, value in values.items())
    assert store.get("other", WHOLE, list(values)) == {}
    assert store.get("network", Preprocessing(size=32), list(values)) == {}
    assert store.get("network", WHOLE, []) == {}
    store.close()


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
    store = FeatureStore(tmp_path)
    store.get("network", WHOLE, list(values))
    store.put("network", [WHOLE], "new", np.ones((1, 3), np.float32))
    store.flush()
    assert store.get("network", WHOLE, ["new"])["new"].tolist() == [1, 1, 1]
    store.close()
    store = FeatureStore(tmp_path)
    assert list(store.get("network", WHOLE, ["new"])) == ["new"]
    store.close()


def test_a_folder_that_cannot_be_made_is_a_plain_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        FeatureStore(tmp_path / "file")
    (tmp_path / "features.sqlite").mkdir()
    with pytest.raises(StorageError, match="cannot be written"):
        FeatureStore(tmp_path)


def test_a_busy_cache_is_not_taken_for_a_damaged_one(tmp_path: Path) -> None:
    values = filled(tmp_path)
    other = sqlite3.connect(tmp_path / "features.sqlite", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    later = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    later.start()
    store = FeatureStore(tmp_path)
    assert store.get("network", WHOLE, list(values)).keys() == values.keys()
    store.close()
    later.join()
    other.close()


def test_two_programs_fill_one_cache(tmp_path: Path) -> None:
    one, other = FeatureStore(tmp_path), FeatureStore(tmp_path)
    one.put("network", [WHOLE], "a", np.ones((1, 3), np.float32))
    other.put("network", [WHOLE], "b", np.ones((1, 3), np.float32))
    one.close()
    other.close()
    store = FeatureStore(tmp_path)
    assert sorted(store.get("network", WHOLE, ["a", "b"])) == ["a", "b"]
    store.close()
