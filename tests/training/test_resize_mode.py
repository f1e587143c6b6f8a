"""The resize mode that separates the classes best, and the features in it."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from classifier import device as devices
from classifier.config import RESIZE_MODES, Limits
from classifier.data.dataset import Sample
from classifier.data.images import open_picture
from classifier.events import Progress
from classifier.messages.data import PhotoCode
from classifier.messages.workflows import StepCode
from classifier.models.backbones import resolve
from classifier.models.feature_cache import FeatureCache
from classifier.models.features import FeatureExtractor
from classifier.training import resize_mode
from classifier.training.resize_mode import ResizeModeChoice
from tests.helpers import draw_photo


@pytest.fixture
def extractor(tmp_path: Path) -> Generator[FeatureExtractor, None, None]:
    cache = FeatureCache(tmp_path / "features")
    yield FeatureExtractor(resolve("tf_efficientnet_lite0"), devices.choose("cpu"), cache, Limits())
    cache.close()


def write(folder: Path, pictures: list[tuple[int, Image.Image]]) -> list[Sample]:
    samples = []
    for number, (label, picture) in enumerate(pictures):
        path = folder / f"{number}.png"
        picture.save(path)
        sha = hashlib.sha256(path.read_bytes()).hexdigest()
        samples.append(Sample(sha, path, label, picture.width, picture.height))
    return samples


def long_picture(seed: int, label: int) -> Image.Image:
    """Four times as wide as high; only the two ends show the class: stripes or a disc."""
    picture = draw_photo(seed, (320, 80))
    pen = ImageDraw.Draw(picture)
    shift = int(np.random.default_rng(seed).integers(0, 8))
    for left in (shift, 272 + shift - 8):
        if label:
            pen.ellipse((left, 20, left + 40, 60), fill=(250, 240, 30))
        else:
            for x in range(left, left + 40, 8):
                pen.line((x, 8, x, 72), fill=(20, 10, 10), width=4)
    return picture


def run(choosing: Generator[Progress, None, ResizeModeChoice]) -> tuple[list[Progress], ResizeModeChoice]:
    events = []
    while True:
        try:
            events.append(next(choosing))
        except StopIteration as end:
            return events, end.value


@pytest.mark.slow
def test_long_pictures_with_their_class_at_the_ends_are_squashed(extractor: FeatureExtractor, tmp_path: Path) -> None:
    samples = write(tmp_path, [(seed % 2, long_picture(seed, seed % 2)) for seed in range(24)])
    _, chosen = run(resize_mode.choose_resize_mode(extractor, samples, RESIZE_MODES, 0))
    assert chosen.resize_mode == "squash"
    assert chosen.indices == list(range(24))
    assert chosen.features.shape == (24, 1280)


def test_photos_that_are_hardly_longer_than_wide_are_squashed_at_once(
    extractor: FeatureExtractor, tmp_path: Path
) -> None:
    samples = write(tmp_path, [(seed % 2, draw_photo(seed, (96, 64), (60 * (seed % 2), 0, 0))) for seed in range(10)])
    events, chosen = run(resize_mode.choose_resize_mode(extractor, samples, ("whole", "squash"), 0))
    assert chosen.resize_mode == "squash"
    assert {event.step for event in events} == {StepCode.EXTRACT_FEATURES}
    _, whole = run(resize_mode.choose_resize_mode(extractor, samples, ("whole",), 0))  # asked for by name it is done
    assert whole.resize_mode == "whole"


@pytest.mark.slow
def test_equal_photos_give_an_equal_choice_and_equal_features(extractor: FeatureExtractor, tmp_path: Path) -> None:
    samples = write(tmp_path, [(seed % 2, long_picture(seed, seed % 2)) for seed in range(8)])
    _, one = run(resize_mode.choose_resize_mode(extractor, samples, RESIZE_MODES, 3))
    _, other = run(resize_mode.choose_resize_mode(extractor, samples, RESIZE_MODES, 3))
    assert (one.resize_mode, one.indices) == (other.resize_mode, other.indices)
    assert np.array_equal(one.features, other.features)


def test_unreadable_photos_are_named_and_the_others_keep_their_index(
    extractor: FeatureExtractor, tmp_path: Path
) -> None:
    samples = write(tmp_path, [(seed % 2, draw_photo(seed, (60, 40), (60 * (seed % 2), 0, 0))) for seed in range(8)])
    samples[2].path.write_bytes(b"")
    samples[5].path.unlink()
    _, chosen = run(resize_mode.choose_resize_mode(extractor, samples, RESIZE_MODES, 0))
    assert chosen.indices == [0, 1, 3, 4, 6, 7]
    assert sorted(chosen.reasons) == [2, 5]
    assert chosen.reasons[2].code is PhotoCode.EMPTY_FILE
    assert len(chosen.features) == 6


def test_photos_of_which_none_can_be_read_give_reasons_only(extractor: FeatureExtractor, tmp_path: Path) -> None:
    samples = write(tmp_path, [(seed % 2, draw_photo(seed)) for seed in range(4)])
    for sample in samples:
        sample.path.unlink()
    _, chosen = run(resize_mode.choose_resize_mode(extractor, samples, RESIZE_MODES, 0))
    assert (chosen.indices, sorted(chosen.reasons)) == ([], [0, 1, 2, 3])


@pytest.mark.slow
def test_of_many_photos_only_a_sample_is_compared_in_every_mode(extractor: FeatureExtractor, tmp_path: Path) -> None:
    photos = []
    for seed in range(136):
        picture = Image.new("RGB", (64, 16), (seed, 90, 90))
        mark = (250, 250, 0) if seed % 2 else (0, 0, 250)
        ImageDraw.Draw(picture).rectangle((0, 0, 11, 15), fill=mark)
        photos.append((seed % 2, picture))
    samples = write(tmp_path, photos)
    events, chosen = run(resize_mode.choose_resize_mode(extractor, samples, ("crop", "squash"), 0))
    assert chosen.resize_mode == "squash"
    assert len(chosen.features) == 136
    finished = [(event.step, event.total) for event in events if event.done == event.total]
    assert finished == [
        (StepCode.COMPARE_RESIZE_MODES, 48), (StepCode.COMPARE_RESIZE_MODES, 128), (StepCode.EXTRACT_FEATURES, 136),
    ]  # fmt: skip


def small_subject(seed: int, label: int, place: float) -> Image.Image:
    """Shapes of all kinds and colors, and at a place along the diagonal, 0 to 1, a disc or a ring."""
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", (96, 96), tuple(rng.integers(0, 255, 3).tolist()))
    pen = ImageDraw.Draw(picture)
    for x, y, size, *color in rng.integers(0, (90, 90, 30, 255, 255, 255), (40, 6)).tolist():
        shape = pen.ellipse if size % 2 else pen.rectangle
        shape((x, y, x + size, y + size), outline=tuple(color), width=2)
    left = 60 * place
    pen.rectangle((left, left, left + 36, left + 36), fill=(235, 235, 235))
    pen.ellipse((left + 5, left + 5, left + 31, left + 31), fill=(20, 20, 20))
    if label:
        pen.ellipse((left + 13, left + 13, left + 23, left + 23), fill=(235, 235, 235))
    return picture


@pytest.mark.slow
@pytest.mark.parametrize(("place", "expected"), [(0.5, "zoom"), (0.0, "squash")])
def test_pictures_whose_subject_is_small_and_in_the_middle_are_zoomed(
    extractor: FeatureExtractor, tmp_path: Path, place: float, expected: str
) -> None:
    samples = write(tmp_path, [(seed % 2, small_subject(seed, seed % 2, place)) for seed in range(130)])
    _, chosen = run(resize_mode.choose_resize_mode(extractor, samples, RESIZE_MODES, 0))
    assert chosen.resize_mode == expected
    assert chosen.features.shape == (130, 1280)


@pytest.mark.slow
def test_the_comparison_with_the_middle_needs_no_further_pass(extractor: FeatureExtractor, tmp_path: Path) -> None:
    samples = write(tmp_path, [(seed % 2, draw_photo(seed, (64, 64), (60 * (seed % 2), 0, 0))) for seed in range(130)])
    passes = []

    def count(path: Path, *arguments: Any) -> Image.Image:
        passes.append(path)
        return open_picture(path, *arguments)

    events, chosen = run(resize_mode.choose_resize_mode(replace(extractor, opener=count), samples, RESIZE_MODES, 0))
    assert chosen.resize_mode == "squash"
    assert {(event.step, event.total) for event in events} == {(StepCode.EXTRACT_FEATURES, 130)}
    assert sorted(passes) == sorted(sample.path for sample in samples)
    _, plain = run(resize_mode.choose_resize_mode(extractor, samples, ("squash",), 0))
    assert np.array_equal(plain.features, chosen.features)


@pytest.mark.slow
def test_a_choice_holds_until_a_fifth_of_the_labels_is_different(extractor: FeatureExtractor, tmp_path: Path) -> None:
    samples = write(tmp_path, [(seed % 2, long_picture(seed, seed % 2)) for seed in range(20)])

    def steps(labels: list[int]) -> set[object]:
        relabeled = [replace(sample, label=label) for sample, label in zip(samples, labels)]
        events, _ = run(resize_mode.choose_resize_mode(extractor, relabeled, RESIZE_MODES, 0))
        return {event.step for event in events}

    labels = [sample.label for sample in samples]
    assert steps(labels) == {StepCode.COMPARE_RESIZE_MODES, StepCode.EXTRACT_FEATURES}
    assert steps([1 - labels[0], *labels[1:]]) == {StepCode.EXTRACT_FEATURES}
    assert StepCode.COMPARE_RESIZE_MODES in steps([1 - label for label in labels])
