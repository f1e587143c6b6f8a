from __future__ import annotations

import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from classifier import device as devices
from classifier.config import Limits
from classifier.data import duplicates
from classifier.data.perceptual_hash import WIDTH
from classifier.evaluation import label_errors
from classifier.models import networks
from classifier.models.feature_cache import FeatureCache
from classifier.models.features import FeatureExtractor, embed, extract_descriptors

NAME = "tf_efficientnet_lite0"


@pytest.fixture
def table(example_set: Path, features: Path, tmp_path: Path) -> np.ndarray:
    """Features of 32 different photos, then of two copies of the first: in another format, and saved again."""
    originals = sorted(example_set.glob("*/*.jpg"))
    copies = [tmp_path / "same.png", tmp_path / "again.jpg"]
    with Image.open(originals[0]) as first:
        for path in copies:
            first.save(path, quality=95)
    store = FeatureCache(tmp_path)
    extractor = FeatureExtractor(NAME, devices.choose("cpu"), store, Limits())
    paths = [*originals, *copies]
    rows = list(
        embed(
            extractor, [(str(path), path) for path in paths], [networks.preprocessing(NAME).with_resize_mode("whole")]
        )
    )
    store.close()
    return np.stack(rows)[:, 0]


def scenes(paths: list[Path], cache: Path) -> np.ndarray:
    """The scenes of photos, by their features and looks."""
    extractor = FeatureExtractor(NAME, devices.choose("cpu"), FeatureCache(cache), Limits())
    pairs = [(path.stem + str(path.stat().st_mtime_ns), path) for path in paths]
    rows = np.stack(list(embed(extractor, pairs, [networks.preprocessing(NAME).with_resize_mode("whole")])))[:, 0]
    groups = duplicates.near_duplicate_groups(rows, extract_descriptors(extractor, pairs))
    extractor.cache.close()
    return groups


def test_copies_and_resaves_are_one_scene_and_different_photos_are_not(table: np.ndarray) -> None:
    groups = duplicates.near_duplicate_groups(table)
    assert len(set(groups[:32])) == 32
    assert set(groups[32:]) == {groups[0]}


def test_a_photo_in_another_form_is_of_the_same_scene(example_set: Path, features: Path, tmp_path: Path) -> None:
    """Mirrored, turned, cropped and darker copies of three photos, with their looks."""
    originals = sorted(example_set.glob("*/*.jpg"))
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
    groups = scenes(paths, features)
    assert len(set(groups[:32])) == 32
    for start, place in zip((32, 36, 40), (1, 12, 30)):
        assert set(groups[start : start + 4]) == {groups[place]}


def test_a_thing_photographed_again_from_nearer_and_at_an_angle_is_one_scene(
    example_set: Path, features: Path, tmp_path: Path
) -> None:
    """Six shots of one thing of each class among the other photos: turned by up to 8°, 70 to 95 % of the view."""
    rng = np.random.default_rng(0)
    originals = sorted(example_set.glob("*/*.jpg"))
    paths = [photo for place, photo in enumerate(originals) if place % 8]
    for photo in originals[::8]:
        with Image.open(photo) as opened:
            for _ in range(6):
                zoom = rng.uniform(0.7, 0.95)
                left, top = (1 - zoom) * rng.uniform(0, 1, 2) * opened.size
                view = opened.rotate(rng.uniform(-8, 8), Image.Resampling.BICUBIC)
                view = view.crop((int(left), int(top), int(left + zoom * view.width), int(top + zoom * view.height)))
                paths.append(tmp_path / f"{len(paths)}.jpg")
                ImageEnhance.Brightness(view).enhance(rng.uniform(0.75, 1.25)).save(paths[-1])
    groups = scenes(paths, features)
    assert len(set(groups[:28])) == 28
    assert all(len(set(groups[start : start + 6])) == 1 for start in (28, 34, 40, 46))
    assert len(set(groups)) >= 31  # two drawn apples are nearly the same


def test_a_class_of_photos_that_are_all_alike_is_not_one_scene_in_a_large_set() -> None:
    rng = np.random.default_rng(0)
    features = rng.gamma(0.3, size=(1200, 200)).astype(np.float32)
    features[:60] = rng.gamma(0.3, size=200) * rng.uniform(0.5, 2, (60, 200))  # alike, but no two more than the others
    looks = np.full((1200, WIDTH), np.nan, np.float32)
    assert len(set(duplicates.near_duplicate_groups(features, looks))) == 1200
    features[70] = features[1000] * rng.uniform(0.9, 1.1, 200)
    assert (
        duplicates.near_duplicate_groups(features, looks)[70] == duplicates.near_duplicate_groups(features, looks)[1000]
    )


def test_looks_are_noted_while_photos_are_embedded(example_set: Path, tmp_path: Path) -> None:
    store = FeatureCache(tmp_path)
    extractor = FeatureExtractor(NAME, devices.choose("cpu"), store, Limits())
    copy = Path(shutil.copy(next(example_set.glob("mug/*")), tmp_path / "copy.jpg"))
    assert len(list(embed(extractor, [("mug", copy)], [networks.preprocessing(NAME).with_resize_mode("whole")]))) == 1
    again = extract_descriptors(extractor, [("another", copy)])
    copy.unlink()
    found = extract_descriptors(extractor, [("mug", copy), ("gone", copy)])
    store.close()
    np.testing.assert_allclose(found[0], again[0], atol=0.05)  # decoded at another scale
    assert np.isnan(found[1]).all()


def test_likeness_reaches_over_a_chain_and_is_the_same_in_any_order() -> None:
    angles = np.radians([0, 20, 40, 60, 180, 270])  # each of the first four is like its neighbour only
    roots = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    roots -= roots.mean(0)  # so that the directions stay what they are
    directions = roots / np.linalg.norm(roots, axis=1, keepdims=True)
    features = np.sign(roots) * roots**2  # likeness is measured on roots
    groups = duplicates.near_duplicate_groups(features)
    for one, other in combinations(range(6), 2):
        if directions[one] @ directions[other] > duplicates.SAME_SCENE:
            assert groups[one] == groups[other]
    order = np.random.default_rng(0).permutation(6)
    turned = duplicates.near_duplicate_groups(features[order])
    for one, other in combinations(range(6), 2):
        assert (turned[one] == turned[other]) == (groups[order[one]] == groups[order[other]])


def test_many_photos_are_compared_block_by_block() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(5000, 64)).astype(np.float32)
    features[4999] = features[3]
    features[2500] = features[2100]
    groups = duplicates.near_duplicate_groups(features)
    assert groups[4999] == groups[3]
    assert groups[2500] == groups[2100]
    assert len(set(groups)) == 4998


def test_features_are_left_as_they_were() -> None:
    features = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    before = features.copy()
    duplicates.near_duplicate_groups(features)
    assert np.array_equal(features, before)


def test_suspects_are_the_doubted_photos_worst_first() -> None:
    probabilities = np.array([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.05, 0.05, 0.9], [0, 1, 0]], np.float32)
    found = label_errors.find_label_issues(probabilities, np.array([0, 1, 1, 1]))
    assert [(suspect.photo, suspect.suggested) for suspect in found] == [(2, 2), (1, 0)]
    assert [suspect.score for suspect in found] == pytest.approx([0.9 / 0.95, 0.6])


def test_between_two_doubted_photos_the_one_with_a_clear_other_class_comes_first() -> None:
    probabilities = np.array([[0.2, 0.3, 0.3, 0.2], [0.24, 0.7, 0.06, 0]], np.float32)
    found = label_errors.find_label_issues(probabilities, np.array([0, 0]))
    assert [suspect.photo for suspect in found] == [1, 0]


def test_nobody_is_suspected_where_all_is_right() -> None:
    assert label_errors.find_label_issues(np.eye(3, dtype=np.float32), np.arange(3)) == []
