from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from classifier import device as devices
from classifier.config import DOMAINS, LIMITS, Preprocessing
from classifier.data.images import open_picture
from classifier.errors import StorageError
from classifier.models import networks, surgery, transforms
from classifier.models.backbones import resolve
from classifier.training import augmented_cache
from classifier.training.augmented_cache import AugmentedViews
from tests.helpers import draw_photo

PREPARATION = Preprocessing(size=64).with_resize_mode("whole")
CPU = devices.choose("cpu")


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(5):
        draw_photo(number, (120, 90)).save(folder / f"{number}.jpg", quality=95)
    return sorted(folder.iterdir())


def varied(count: int = 3, domain: str = "photo") -> AugmentedViews:
    return AugmentedViews(PREPARATION, domain, tuple(f"{number:064x}" for number in range(5)), count, 0)  # type: ignore[arg-type]


def kept(path: Path, photos: list[Path], front: torch.nn.Module | None = None, **settings: object) -> torch.Tensor:
    story = augmented_cache.build_augmented_cache(path, front, photos, varied(**settings), CPU, LIMITS)  # type: ignore[arg-type]
    while True:
        try:
            next(story)
        except StopIteration as end:
            return end.value


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_first_view_is_the_one_of_all_later_loaders_and_the_others_vary(
    domain: str, photos: list[Path], tmp_path: Path
) -> None:
    found = kept(tmp_path / "views.bin", photos, domain=domain)
    assert found.shape == (5, 4, 3, 64, 64)
    plain = transforms.eval_transform(PREPARATION)(open_picture(photos[2], 128, LIMITS))
    assert torch.equal(found[2, 0], plain)
    assert all(not torch.equal(found[2, view], plain) for view in (1, 2, 3))
    assert not torch.equal(found[2, 1], found[2, 2])


def test_a_cut_off_file_is_gone_on_with_and_ends_the_same(photos: list[Path], tmp_path: Path) -> None:
    whole = kept(tmp_path / "whole.bin", photos).clone()
    story = augmented_cache.build_augmented_cache(tmp_path / "cut.bin", None, photos, varied(), CPU, LIMITS)
    next(story)
    story.close()
    part = tmp_path / "cut.bin.0-of-1"
    part.write_bytes((tmp_path / "whole.bin").read_bytes()[: 2 * 4 * 3 * 64 * 64 + 1000])  # two photos and a bit
    assert torch.equal(kept(tmp_path / "cut.bin", photos), whole)
    assert not part.exists()


def test_with_a_frozen_front_what_it_makes_of_the_views_is_kept(photos: list[Path], tmp_path: Path) -> None:
    network = networks.build(resolve("tf_efficientnet_lite0"), 2)
    stages = surgery.stages(network)[-2:]
    front = surgery.frozen_trunk(network, stages).to(CPU.dtype)
    found = kept(tmp_path / "views.bin", photos, front, count=1)
    pixels = kept(tmp_path / "pixels.bin", photos, count=1)
    with torch.inference_mode():
        inputs = transforms.normalize(pixels[:, 1], PREPARATION, torch.device("cpu"), CPU.dtype)
        expected = front(inputs).permute(0, 2, 3, 1)
    assert found.shape == (5, 2, 4, 4, 112)
    torch.testing.assert_close(found[:, 1].float(), expected.float(), rtol=0.05, atol=0.1)


@pytest.mark.parametrize(("domain", "allowed"), [("photo", True), ("medical", False), ("document", False)])
def test_only_what_keeps_its_meaning_in_a_mirror_is_mirrored(domain: str, allowed: bool) -> None:
    rows = np.zeros((64, 64, 3), np.uint8)
    rows[:, :32] = 255  # bright on the left
    picture = augmented_cache.Image.fromarray(rows)
    rng = np.random.default_rng(0)
    many = [transforms.train_transform(picture, PREPARATION, domain, rng).float() for _ in range(30)]  # type: ignore[arg-type]
    mirrored = [bool(view[:, :, 40:].mean() > view[:, :, :24].mean()) for view in many]
    assert any(mirrored) == allowed


def test_a_full_disk_is_a_sentence(photos: list[Path]) -> None:
    with pytest.raises(StorageError, match=r"disk is full.*model of before is untouched"):
        raise augmented_cache.full_disk(OSError(28, "No space left on device"))
