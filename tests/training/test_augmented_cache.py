from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from classifier import device as devices
from classifier.config import DOMAINS, LIMITS, Preprocessing
from classifier.data.images import open_picture
from classifier.errors import DataError, StorageError
from classifier.events import Progress, result_of
from classifier.messages.training import TrainingCode
from classifier.models import networks, surgery, transforms
from classifier.models.backbones import resolve
from classifier.training import augmented_cache
from classifier.training.augmented_cache import AugmentedViews
from tests.helpers import draw_photo

PREPROCESSING = Preprocessing(size=64).with_resize_mode("whole")
CPU = devices.choose("cpu")
RECORD = 4 * 3 * 64 * 64  # bytes of a photo's four views


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(5):
        draw_photo(number, (120, 90)).save(folder / f"{number}.jpg", quality=95)
    return sorted(folder.iterdir())


def transform(count: int = 3, domain: Any = "photo") -> AugmentedViews:
    return AugmentedViews(PREPROCESSING, domain, tuple(f"{number:064x}" for number in range(5)), count, 0)


def build(path: Path, photos: list[Path], trunk: torch.nn.Module | None = None, **settings: Any) -> torch.Tensor:
    return result_of(augmented_cache.build_augmented_cache(path, trunk, photos, transform(**settings), CPU, LIMITS))


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_first_view_is_that_of_evaluation_and_the_others_differ(
    domain: str, photos: list[Path], tmp_path: Path
) -> None:
    views = build(tmp_path / "views.bin", photos, domain=domain)
    assert views.shape == (5, 4, 3, 64, 64)
    plain = transforms.eval_transform(PREPROCESSING)(open_picture(photos[2], 128, LIMITS))
    assert torch.equal(views[2, 0], plain)
    assert all(not torch.equal(views[2, view], plain) for view in (1, 2, 3))
    assert not torch.equal(views[2, 1], views[2, 2])


def test_views_follow_from_the_content_and_the_seed_not_from_the_place(photos: list[Path], tmp_path: Path) -> None:
    views = build(tmp_path / "views.bin", photos)
    part = transform().of(range(2, 4))
    assert torch.equal(part(0, open_picture(photos[2], 128, LIMITS)), views[2])
    other = AugmentedViews(PREPROCESSING, "photo", part.names, 3, 1)
    assert not torch.equal(other(0, open_picture(photos[2], 128, LIMITS))[1], views[2, 1])


def test_an_interrupted_file_is_continued_and_ends_the_same(photos: list[Path], tmp_path: Path) -> None:
    whole = build(tmp_path / "whole.bin", photos).clone()
    part = tmp_path / "cut.bin.part"
    part.write_bytes((tmp_path / "whole.bin").read_bytes()[: 2 * RECORD] + b"x" * 1000)  # two photos and a bit
    events = list(augmented_cache.build_augmented_cache(tmp_path / "cut.bin", None, photos, transform(), CPU, LIMITS))
    assert [(event.step, event.done, event.total) for event in events] == [(TrainingCode.PREPARE_VIEWS, 5, 5)]
    assert torch.equal(build(tmp_path / "cut.bin", photos), whole)
    assert not part.exists()


def test_what_was_written_is_not_computed_again(photos: list[Path], tmp_path: Path) -> None:
    part = tmp_path / "views.bin.part"
    part.write_bytes(b"\7" * 2 * RECORD)
    views = build(tmp_path / "views.bin", photos)
    assert (views[:2] == 7).all()
    assert not (views[2] == 7).all()
    again = build(tmp_path / "views.bin", [])  # of no photos: another size
    assert len(again) == 0


def test_progress_is_told_every_eight_photos(photos: list[Path], tmp_path: Path) -> None:
    many = AugmentedViews(PREPROCESSING, "photo", tuple(f"{number:064x}" for number in range(10)), 1, 0)
    events = list(augmented_cache.build_augmented_cache(tmp_path / "v", None, photos * 2, many, CPU, LIMITS))
    assert all(isinstance(event, Progress) for event in events)
    assert [(event.done, event.total) for event in events] == [(8, 10), (10, 10)]
    assert events[-1].seconds_left == 0


def test_activations_of_a_frozen_trunk_are_cached(photos: list[Path], tmp_path: Path) -> None:
    network = networks.build(resolve("tf_efficientnet_lite0"), 2)
    stages = surgery.stages(network)[-2:]
    trunk = surgery.frozen_trunk(network, stages).to(CPU.dtype)
    layout = augmented_cache.view_layout(trunk, PREPROCESSING, 1, CPU)
    activations = build(tmp_path / "views.bin", photos, trunk, count=1)
    pixels = build(tmp_path / "pixels.bin", photos, count=1)
    with torch.inference_mode():
        inputs = transforms.normalize(pixels[:, 1], PREPROCESSING, torch.device("cpu"), CPU.dtype)
        expected = trunk(inputs).permute(0, 2, 3, 1)
    assert activations.shape == (5, *layout.shape) == (5, 2, 4, 4, 112)
    assert (tmp_path / "views.bin").stat().st_size == 5 * layout.bytes
    torch.testing.assert_close(activations[:, 1].float(), expected.float(), rtol=0.05, atol=0.1)


def test_a_photo_that_is_gone_ends_it_with_a_reason(photos: list[Path], tmp_path: Path) -> None:
    photos[3].write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"can no longer be read \(.*train again") as raised:
        build(tmp_path / "views.bin", photos)
    assert raised.value.code is TrainingCode.PHOTO_UNREADABLE


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``size`` bytes: the system refuses as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_on_a_full_disk_it_stops_with_a_code_and_can_be_continued(photos: list[Path], tmp_path: Path) -> None:
    with largest_file(3 * RECORD), pytest.raises(StorageError, match=r"disk is full.*earlier model") as raised:
        build(tmp_path / "views.bin", photos)
    assert raised.value.code is TrainingCode.DISK_FULL
    assert not (tmp_path / "views.bin").exists()
    assert build(tmp_path / "views.bin", photos).shape == (5, 4, 3, 64, 64)
