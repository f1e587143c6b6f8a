from __future__ import annotations

import pytest
import torch
from timm.data import create_transform

from classifier.config import RESIZE_MODES, Preprocessing
from classifier.models import transforms
from tests.helpers import draw_photo

SIZES = [(64, 48), (300, 97), (50, 400), (33, 33)]
CPU = torch.device("cpu")


@pytest.mark.parametrize("resize_mode", RESIZE_MODES)
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_pictures_are_prepared_as_timm_prepares_them_to_the_last_bit(resize_mode: str, interpolation: str) -> None:
    preparation = Preprocessing(
        size=72, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), interpolation=interpolation
    ).with_resize_mode(resize_mode)
    theirs = create_transform(**{**preparation.to_timm(), "input_size": (3, 72, 72)}, is_training=False)
    for seed, size in enumerate(SIZES):
        photo = draw_photo(seed, size)
        pixels = transforms.eval_transform(preparation)(photo)
        assert (pixels.dtype, pixels.shape) == (torch.uint8, (3, 72, 72))
        ours = transforms.normalize(pixels[None], preparation, CPU, torch.float32)[0]
        assert torch.equal(ours, theirs(photo))


def test_the_whole_picture_is_seen_only_when_it_is_squashed() -> None:
    photo = draw_photo(0, (400, 100))
    photo.paste((255, 0, 0), (0, 0, 40, 100))  # a red mark at the far left
    red = {
        resize_mode: float(
            transforms.eval_transform(Preprocessing(size=64).with_resize_mode(resize_mode))(photo)[0].max()
        )
        for resize_mode in RESIZE_MODES
    }
    assert red["squash"] > 250
    assert max(red["whole"], red["crop"]) < 200


def test_normalising_gives_the_wanted_precision_in_channels_last() -> None:
    batch = transforms.normalize(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), Preprocessing(size=8), CPU, torch.bfloat16)
    assert batch.dtype == torch.bfloat16
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert torch.all(batch == -1)  # black, with mean and spread 0.5


def test_a_picture_is_decoded_at_no_less_than_twice_the_square() -> None:
    assert transforms.decoded_side(Preprocessing(size=288).with_resize_mode("whole")) == 576
    assert transforms.decoded_side(Preprocessing(size=288, crop_pct=0.875)) >= 2 * 288 / 0.875 - 2
