from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from classifier.config import LIMITS, PixelRanges
from classifier.data.assets import Asset
from classifier.data.dataset import (
    PhotoDataset,
    Sample,
    TrainingSet,
    class_names,
    duplicate_groups,
    encode_labels,
    run_assets,
)
from classifier.data.run_history import RunAsset
from classifier.errors import PhotoError
from classifier.messages.data import PhotoCode
from tests.helpers import draw_photo
from tests.picture_files import png16


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """Five photos, each of one gray, of the classes 2, 0, 1, 0, 2."""
    found = []
    for number, label in enumerate((2, 0, 1, 0, 2)):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (8, 6), (number * 10,) * 3).save(path)
        found.append(Sample(str(number), path, label, 8, 6))
    return found


def to_tensor(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def test_a_plain_data_loader_gives_batches_in_order(samples: list[Sample]) -> None:
    batches = list(DataLoader(PhotoDataset(samples, to_tensor), batch_size=2))
    assert [tuple(pictures.shape) for pictures, _ in batches] == [(2, 3, 6, 8), (2, 3, 6, 8), (1, 3, 6, 8)]
    assert torch.cat([pictures[:, 0, 0, 0] for pictures, _ in batches]).tolist() == [0, 10, 20, 30, 40]
    assert torch.cat([labels for _, labels in batches]).tolist() == [2, 0, 1, 0, 2]


def test_a_data_loader_shuffles_pictures_with_their_classes(samples: list[Sample]) -> None:
    loader = DataLoader(PhotoDataset(samples, to_tensor), shuffle=True, generator=torch.Generator().manual_seed(1))
    found = {int(picture[0, 0, 0, 0]): int(label) for picture, label in loader}
    assert found == {0: 2, 10: 0, 20: 1, 30: 0, 40: 2}


def test_deep_photos_are_decoded_by_the_ranges_given(tmp_path: Path) -> None:
    (tmp_path / "deep.png").write_bytes(png16(np.full((6, 8), 300, np.uint16)))
    sample = Sample("deep", tmp_path / "deep.png", 0, 8, 6)
    picture, _ = PhotoDataset([sample], to_tensor, pixel_ranges=PixelRanges(integer=(0, 1000)))[0]
    assert (picture == 77).all()


def test_a_dataset_has_the_length_of_its_samples(samples: list[Sample]) -> None:
    assert len(PhotoDataset(samples, to_tensor)) == 5
    assert len(PhotoDataset([], to_tensor)) == 0


def test_the_transform_gets_an_upright_rgb_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6  # turned by a quarter
    draw_photo(1, (60, 40)).convert("L").save(tmp_path / "turned.jpg", exif=exif)
    dataset = PhotoDataset(
        [Sample("a", tmp_path / "turned.jpg", 3, 60, 40)], lambda picture: (picture.mode, picture.size)
    )
    assert dataset[0] == (("RGB", (40, 60)), 3)


def test_a_picture_may_be_decoded_smaller_but_not_too_small(tmp_path: Path) -> None:
    draw_photo(1, (1200, 800)).save(tmp_path / "large.jpg")
    sample = Sample("a", tmp_path / "large.jpg", 0, 1200, 800)
    size: Callable[[Image.Image], tuple[int, int]] = lambda picture: picture.size  # noqa: E731
    assert PhotoDataset([sample], size)[0][0] == (1200, 800)
    width, height = PhotoDataset([sample], size, shortest=100)[0][0]
    assert 100 <= height < 800
    assert width == height * 1.5


def test_an_unreadable_photo_raises_a_photo_error(tmp_path: Path, samples: list[Sample]) -> None:
    (tmp_path / "1.png").write_bytes(b"")
    dataset = PhotoDataset(samples, to_tensor)
    with pytest.raises(PhotoError) as error:
        dataset[1]
    assert error.value.code == PhotoCode.EMPTY_FILE
    assert dataset[2][1] == 1
    with pytest.raises(PhotoError):
        list(DataLoader(dataset))


def test_a_photo_beyond_the_limits_raises_a_photo_error(samples: list[Sample]) -> None:
    with pytest.raises(PhotoError):
        PhotoDataset(samples, to_tensor, limits=replace(LIMITS, pixels=10))[0]


def asset(sha: str, label: str, split: str = "train") -> Asset:
    return Asset(0, sha, sha, label, split, None, sha, 1, 1, 1, "")


ASSETS = [asset("a", "10"), asset("b", "9"), asset("c", "10"), asset("d", "b", "test")]


def test_class_names_are_in_natural_order() -> None:
    assert class_names(ASSETS) == ("9", "10", "b")


def test_labels_are_encoded_as_their_position_among_the_names() -> None:
    y = encode_labels(ASSETS, ("9", "10", "b"))
    assert (y.tolist(), y.dtype) == ([1, 0, 1, 2], np.int64)
    assert encode_labels([], ()).shape == (0,)


def test_groups_of_one_photo_are_no_duplicates() -> None:
    assert duplicate_groups(ASSETS, np.array([4, 0, 4, 3])) == ((ASSETS[0], ASSETS[2]),)
    assert duplicate_groups(ASSETS, np.array([0, 1, 2, 3])) == ()


def test_run_assets_hold_the_prediction_for_each_photo() -> None:
    probs = np.array([[0.25, 0.5, 0.25], [0.75, 0.125, 0.125], [0.5, 0.25, 0.25], [0, 0, 1]], np.float32)
    rows = run_assets(ASSETS, probs, ("9", "10", "b"))
    assert rows == [
        RunAsset("a", "10", "train", "10", 0.5, 0.5), RunAsset("b", "9", "train", "9", 0.75, 0.25),
        RunAsset("c", "10", "train", "9", 0.5, 0.75), RunAsset("d", "b", "test", "b", 1.0, 0.0),
    ]  # fmt: skip
    assert {row.split for row in run_assets(ASSETS, probs, ("9", "10", "b"), "held_out")} == {"held_out"}


def test_the_fingerprint_of_a_training_set_is_of_its_photos_and_labels(samples: list[Sample]) -> None:
    def fingerprint(assets: list[Asset]) -> str:
        y = np.zeros(len(assets), np.int64)
        training_set = TrainingSet(
            tuple(assets), tuple(samples[:4]), ("9", "10", "b"), y, y, np.zeros((4, 1), np.float32)
        )
        assert len(training_set) == len(assets)
        return training_set.fingerprint()

    assert fingerprint(ASSETS) == fingerprint(ASSETS[::-1])
    assert fingerprint(ASSETS) != fingerprint([replace(ASSETS[0], label="9"), *ASSETS[1:]])
    assert fingerprint(ASSETS) != fingerprint([replace(ASSETS[0], sha256="x"), *ASSETS[1:]])


def test_the_digest_of_a_training_set_is_of_its_photos_and_groups_in_order(samples: list[Sample]) -> None:
    def digest(assets: list[Asset], *groups: int) -> str:
        y, features = np.zeros(len(assets), np.int64), np.zeros((4, 1), np.float32)
        return TrainingSet(tuple(assets), tuple(samples[:4]), ("9", "10", "b"), y, np.array(groups), features).digest()

    known = digest(ASSETS, 0, 0, 1, 2)
    assert known == digest(ASSETS, 7, 7, 3, 0)  # numbered differently
    assert known != digest(ASSETS, 0, 1, 1, 2)
    assert known != digest([ASSETS[1], ASSETS[0], *ASSETS[2:]], 0, 0, 1, 2)
    assert known != digest([replace(ASSETS[0], label="9"), *ASSETS[1:]], 0, 0, 1, 2)
