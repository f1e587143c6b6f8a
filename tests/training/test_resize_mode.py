from __future__ import annotations

import hashlib
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from classifier import device as devices
from classifier.config import RESIZE_MODES, Limits
from classifier.data.dataset import Sample
from classifier.events import Progress
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


def run(story: Generator[Progress, None, ResizeModeChoice]) -> tuple[list[Progress], ResizeModeChoice]:
    events = []
    while True:
        try:
            events.append(next(story))
        except StopIteration as end:
            return events, end.value


def test_long_pictures_that_show_their_class_at_the_ends_are_squashed(
    extractor: FeatureExtractor, tmp_path: Path
) -> None:
    samples = write(tmp_path, [(seed % 2, long_picture(seed, seed % 2)) for seed in range(24)])
    _, chosen = run(resize_mode.choose_resize_mode(extractor, samples, RESIZE_MODES, 0))
    assert chosen.resize_mode == "squash"
    assert chosen.places == list(range(24))
    assert chosen.features.shape == (24, 1280)


def test_square_photos_are_not_squashed_because_that_would_be_the_whole_again(
    extractor: FeatureExtractor, tmp_path: Path
) -> None:
    samples = write(tmp_path, [(seed % 2, draw_photo(seed, (64, 64), (60 * (seed % 2), 0, 0))) for seed in range(10)])
    events, chosen = run(resize_mode.choose_resize_mode(extractor, samples, ("squash", "whole"), 0))
    assert chosen.resize_mode == "whole"
    assert (events[-1].done, events[-1].total) == (10, 10)
    _, squashed = run(
        resize_mode.choose_resize_mode(extractor, samples, ("squash",), 0)
    )  # asked for by name it is done
    assert squashed.resize_mode == "squash"


def test_the_same_photos_give_the_same_choice_and_the_same_numbers(extractor: FeatureExtractor, tmp_path: Path) -> None:
    samples = write(tmp_path, [(seed % 2, long_picture(seed, seed % 2)) for seed in range(8)])
    _, one = run(resize_mode.choose_resize_mode(extractor, samples, RESIZE_MODES, 3))
    _, other = run(resize_mode.choose_resize_mode(extractor, samples, RESIZE_MODES, 3))
    assert (one.resize_mode, one.places) == (other.resize_mode, other.places)
    assert np.array_equal(one.features, other.features)


def test_unreadable_photos_are_named_and_the_others_keep_their_places(
    extractor: FeatureExtractor, tmp_path: Path
) -> None:
    samples = write(tmp_path, [(seed % 2, draw_photo(seed, (60, 40), (60 * (seed % 2), 0, 0))) for seed in range(8)])
    samples[2].path.write_bytes(b"")
    samples[5].path.unlink()
    _, chosen = run(resize_mode.choose_resize_mode(extractor, samples, RESIZE_MODES, 0))
    assert chosen.places == [0, 1, 3, 4, 6, 7]
    assert sorted(chosen.reasons) == [2, 5]
    assert "empty" in chosen.reasons[2]
    assert len(chosen.features) == 6


def test_photos_of_which_none_can_be_read_are_no_crash(extractor: FeatureExtractor, tmp_path: Path) -> None:
    samples = write(tmp_path, [(seed % 2, draw_photo(seed)) for seed in range(4)])
    for sample in samples:
        sample.path.unlink()
    _, chosen = run(resize_mode.choose_resize_mode(extractor, samples, RESIZE_MODES, 0))
    assert (chosen.places, sorted(chosen.reasons)) == ([], [0, 1, 2, 3])


def test_of_many_photos_only_the_first_try_every_way(extractor: FeatureExtractor, tmp_path: Path) -> None:
    """More photos than scouts: a clear loser among the ways is not computed for the rest."""
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
    assert sum(event.done == event.total for event in events) == 3  # a few, more of them, then all
    assert np.unique([sample.sha256 for sample in samples]).size == 136
