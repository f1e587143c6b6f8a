from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
import torch
from timm.data import create_transform

from classifier import device as devices
from classifier.config import Limits
from classifier.data.descriptors import DESCRIPTOR_SIZE, compute_descriptor
from classifier.data.images import open_picture
from classifier.events import Progress, result_of
from classifier.messages import Message
from classifier.messages.data import PhotoCode
from classifier.messages.workflows import StepCode
from classifier.models import networks
from classifier.models.backbones import resolve
from classifier.models.feature_cache import FeatureCache
from classifier.models.features import FeatureExtractor, embed, extract_descriptors, extract_features
from tests.helpers import draw_photo

BACKBONE = resolve("tf_efficientnet_lite0")
WHOLE = networks.preprocessing(BACKBONE).with_resize_mode("whole")
SQUASH = networks.preprocessing(BACKBONE).with_resize_mode("squash")

Photos = list[tuple[str, Path]]


@pytest.fixture
def photos(tmp_path: Path) -> Photos:
    """Four photos: SHA-256 of the content, file."""
    found = []
    for seed in range(4):
        path = tmp_path / f"{seed}.png"
        draw_photo(seed, (90, 60)).save(path)
        found.append((hashlib.sha256(path.read_bytes()).hexdigest(), path))
    return found


@pytest.fixture
def extractor(tmp_path: Path) -> Iterator[FeatureExtractor]:
    with closing(FeatureCache(tmp_path / "cache")) as cache:
        yield FeatureExtractor(BACKBONE, devices.choose("cpu"), cache, Limits())


@pytest.fixture
def second(extractor: FeatureExtractor, tmp_path: Path) -> Iterator[FeatureExtractor]:
    """The same cache, as another program finds it on disk."""
    with closing(FeatureCache(tmp_path / "cache")) as cache:
        yield replace(extractor, cache=cache)


def delete(photos: Photos) -> None:
    for _, path in photos:
        path.unlink()


@pytest.mark.slow
def test_features_are_those_of_the_plain_network(extractor: FeatureExtractor, photos: Photos) -> None:
    features = np.stack(list(embed(extractor, photos, [WHOLE, SQUASH])))
    assert (features.shape, features.dtype) == ((4, 2, 1280), np.float32)
    network = networks.build(BACKBONE)
    for view, preprocessing in enumerate((WHOLE, SQUASH)):
        transform = create_transform(**{**preprocessing.to_timm(), "input_size": (3, 256, 256)}, is_training=False)
        with torch.inference_mode():
            plain = network(torch.stack([transform(draw_photo(seed, (90, 60))) for seed in range(4)])).numpy()
        for ours, theirs in zip(features[:, view], plain):
            assert np.corrcoef(ours, theirs)[0, 1] > 0.995  # computed in a lower precision


def test_cached_features_are_bit_identical_and_need_no_files(
    extractor: FeatureExtractor, second: FeatureExtractor, photos: Photos
) -> None:
    first = list(embed(extractor, photos, [WHOLE]))
    delete(photos)
    for one, other in zip(first, embed(second, photos, [WHOLE]), strict=True):
        assert np.array_equal(one, other)


def test_only_photos_without_features_are_opened(extractor: FeatureExtractor, photos: Photos) -> None:
    list(embed(extractor, photos[:3], [WHOLE]))
    delete(photos[:3])
    assert all(isinstance(output, np.ndarray) for output in embed(extractor, photos, [WHOLE]))


def test_only_missing_views_are_computed_and_order_is_kept(
    extractor: FeatureExtractor, second: FeatureExtractor, photos: Photos, tmp_path: Path
) -> None:
    squashed = [output[0] for output in embed(extractor, photos[1:], [SQUASH])]
    both = np.stack(list(embed(extractor, photos, [WHOLE, SQUASH])))
    assert np.array_equal(both[1:, 1], squashed)
    delete(photos)
    assert np.array_equal(np.stack(list(embed(second, photos, [SQUASH, WHOLE]))), both[:, ::-1])
    with closing(FeatureCache(tmp_path / "empty")) as cache:
        for number, (_, path) in enumerate(photos):
            draw_photo(number, (90, 60)).save(path)
        alone = np.stack(list(embed(replace(extractor, cache=cache), photos, [WHOLE])))
    assert np.allclose(both[:, 0], alone[:, 0], atol=0.05 * np.abs(alone).max())
    assert not np.allclose(both[:, 0], both[:, 1], atol=0.05 * np.abs(alone).max())


def test_a_photo_is_identified_by_its_content(extractor: FeatureExtractor, photos: Photos, tmp_path: Path) -> None:
    first = list(embed(extractor, photos, [WHOLE]))
    moved = [(sha, tmp_path / "moved" / path.name) for sha, path in photos[::-1]]
    assert all(np.array_equal(one, other) for one, other in zip(first[::-1], embed(extractor, moved, [WHOLE])))


@pytest.mark.parametrize("change", ["network", "preprocessing"])
def test_another_network_or_preprocessing_is_computed_anew(
    extractor: FeatureExtractor, photos: Photos, change: str
) -> None:
    list(embed(extractor, photos[:1], [WHOLE]))
    other = replace(extractor, backbone=resolve("tf_efficientnet_lite1"))
    arguments = (other, [WHOLE]) if change == "network" else (extractor, [SQUASH])
    delete(photos[:1])
    (output,) = embed(arguments[0], photos[:1], arguments[1])
    assert isinstance(output, Message)  # the file was needed
    assert output.code is PhotoCode.CANNOT_OPEN


def test_closing_the_iterator_keeps_what_was_computed(
    extractor: FeatureExtractor, second: FeatureExtractor, photos: Photos
) -> None:
    outputs = embed(extractor, photos, [WHOLE])
    first = next(outputs)
    outputs.close()  # type: ignore[attr-defined]
    delete(photos[:1])
    assert np.array_equal(first, next(embed(second, photos[:1], [WHOLE])))


def test_an_unreadable_photo_gives_its_message_and_is_tried_again(extractor: FeatureExtractor, photos: Photos) -> None:
    good = photos[1][1].read_bytes()
    photos[1][1].write_bytes(good[: len(good) // 2])
    photos[2][1].unlink()
    outputs = list(embed(extractor, photos, [WHOLE]))
    assert [isinstance(output, Message) for output in outputs] == [False, True, True, False]
    assert outputs[1].code in (PhotoCode.CUT_OFF, PhotoCode.DAMAGED)
    assert outputs[2].code is PhotoCode.CANNOT_OPEN
    photos[1][1].write_bytes(good)
    again = list(embed(extractor, photos, [WHOLE]))
    assert [isinstance(output, Message) for output in again] == [False, False, True, False]
    assert np.array_equal(again[3], outputs[3])


def test_extraction_yields_progress_and_separates_unreadable_photos(
    extractor: FeatureExtractor, photos: Photos
) -> None:
    photos[0][1].write_bytes(b"no photo")
    events = list(extract_features(extractor, photos, [WHOLE], StepCode.EXTRACT_FEATURES))
    assert events[0] == Progress(StepCode.EXTRACT_FEATURES, 0, 4, None)
    assert [(event.done, event.total) for event in events] == [(0, 4), (4, 4)]
    assert events[-1].seconds_left == 0
    readable, features, reasons = result_of(extract_features(extractor, photos, [WHOLE], StepCode.EXTRACT_FEATURES))
    assert (readable, features.shape) == ([1, 2, 3], (3, 1, 1280))
    assert np.array_equal(features, np.stack(list(embed(extractor, photos[1:], [WHOLE]))))
    assert list(reasons) == [0]
    assert isinstance(reasons[0], Message)


def test_progress_comes_every_eight_photos_with_an_estimate(extractor: FeatureExtractor, photos: Photos) -> None:
    many, started, done = [photos[0]] * 19, perf_counter(), []
    for event in extract_features(extractor, many, [WHOLE], StepCode.EXTRACT_FEATURES):
        elapsed = perf_counter() - started
        done.append(event.done)
        if event.done:
            assert event.seconds_left is not None
            assert 0 <= event.seconds_left <= elapsed * (19 - event.done) / event.done
            assert (event.seconds_left > 0) is (event.done < 19)
    assert done == [0, 8, 16, 19]


def test_no_photos_have_no_features(extractor: FeatureExtractor) -> None:
    assert list(embed(extractor, [], [WHOLE])) == []
    readable, features, reasons = result_of(extract_features(extractor, [], [WHOLE, SQUASH], StepCode.EXTRACT_FEATURES))
    assert (readable, features.shape, reasons) == ([], (0, 2, 0), {})
    assert extract_descriptors(extractor, []).shape == (0, DESCRIPTOR_SIZE)


def test_descriptors_are_computed_and_cached_with_the_features(
    extractor: FeatureExtractor, second: FeatureExtractor, photos: Photos
) -> None:
    list(embed(extractor, photos[:2], [WHOLE]))
    delete(photos[:2])
    photos[3][1].write_bytes(b"no photo")
    descriptors = extract_descriptors(extractor, photos)
    assert (descriptors.shape, descriptors.dtype) == ((4, DESCRIPTOR_SIZE), np.float32)
    assert np.isnan(descriptors).all(1).tolist() == [False, False, False, True]
    expected = compute_descriptor(open_picture(photos[2][1])).astype(np.float16)
    assert np.array_equal(descriptors[2], expected.astype(np.float32))
    delete(photos[2:])
    assert np.array_equal(extract_descriptors(second, photos), descriptors, equal_nan=True)
