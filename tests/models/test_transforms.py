from __future__ import annotations

import itertools
import typing

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform

from classifier.config import DOMAINS, RESIZE_MODES, Domain, Preprocessing
from classifier.models.transforms import AUGMENTATIONS, decoded_side, eval_transform, normalize, train_transform
from tests.helpers import draw_photo

SIZES = [(64, 48), (300, 97), (50, 400), (33, 33)]
CPU = torch.device("cpu")
P = Preprocessing(size=64)


@pytest.mark.parametrize("resize_mode", RESIZE_MODES)
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_the_transform_of_evaluation_is_bit_identical_to_timms(resize_mode: str, interpolation: str) -> None:
    preprocessing = Preprocessing(
        size=72, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), interpolation=interpolation
    ).with_resize_mode(resize_mode)
    theirs = create_transform(**{**preprocessing.to_timm(), "input_size": (3, 72, 72)}, is_training=False)
    for seed, size in enumerate(SIZES):
        photo = draw_photo(seed, size)
        pixels = eval_transform(preprocessing)(photo)
        assert (pixels.dtype, pixels.shape) == (torch.uint8, (3, 72, 72))
        assert torch.equal(normalize(pixels[None], preprocessing, CPU, torch.float32)[0], theirs(photo))


@pytest.mark.slow
@pytest.mark.parametrize("size", [(90, 5), (5, 91), (6, 100)])
def test_an_elongated_picture_is_cropped_before_it_is_enlarged(size: tuple[int, int]) -> None:
    preprocessing = Preprocessing(size=2048).with_resize_mode("whole")
    photo = draw_photo(0, size)
    pixels = eval_transform(preprocessing)(photo)
    theirs = create_transform(**{**preprocessing.to_timm(), "input_size": (3, 2048, 2048)}, normalize=False)(photo)
    assert pixels.shape == (3, 2048, 2048)
    assert int((pixels.int() - theirs.int()).abs().max()) <= 2  # bicubic weights at a position rounded otherwise


def test_only_squash_keeps_the_whole_picture() -> None:
    photo = draw_photo(0, (400, 100))
    photo.paste((255, 0, 0), (0, 0, 40, 100))  # red at the far left
    red = {
        resize_mode: float(eval_transform(P.with_resize_mode(resize_mode))(photo)[0].max())
        for resize_mode in RESIZE_MODES
    }
    assert red["squash"] > 250
    assert max(red["whole"], red["crop"]) < 200


def test_normalized_pixels_are_channels_last_in_the_given_dtype() -> None:
    batch = normalize(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), Preprocessing(size=8), CPU, torch.bfloat16)
    assert batch.dtype == torch.bfloat16
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert torch.all(batch == -1)  # black, with mean and std 0.5


def test_a_picture_is_decoded_at_twice_the_input_size_or_more() -> None:
    assert decoded_side(Preprocessing(size=288).with_resize_mode("whole")) == 576
    assert decoded_side(Preprocessing(size=288, crop_pct=0.875)) >= 2 * 288 / 0.875 - 2


def views(
    picture: Image.Image, domain: Domain, count: int = 40, preprocessing: Preprocessing = P
) -> list[torch.Tensor]:
    return [train_transform(picture, preprocessing, domain, np.random.default_rng(seed)) for seed in range(count)]


@pytest.mark.parametrize("domain", DOMAINS)
def test_equal_generators_give_equal_views_and_others_differ(domain: Domain) -> None:
    some, again = (views(draw_photo(size=(90, 70)), domain, 8) for _ in range(2))
    assert all((view.dtype, view.shape) == (torch.uint8, (3, 64, 64)) for view in some)
    assert all(torch.equal(one, other) for one, other in zip(some, again, strict=True))
    assert not any(torch.equal(one, other) for one, other in itertools.pairwise(some))


@pytest.mark.parametrize("domain", DOMAINS)
def test_torchs_global_generator_is_left_alone(domain: Domain) -> None:
    before = torch.random.get_rng_state()
    views(draw_photo(), domain, 3)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("domain", DOMAINS)
def test_views_are_flipped_only_where_the_policy_allows_it(domain: Domain) -> None:
    """A picture with one white corner: by flips and quarter turns it comes to stand in other corners."""
    picture = Image.new("L", (100, 100))
    picture.paste(255, (0, 0, 50, 50))
    corners = set()
    for view in views(picture.convert("RGB"), domain):
        gray = view.float().mean(0)
        halves = gray.reshape(2, 32, 2, 32).mean((1, 3))  # (2, 2)
        corners.add(int(halves.argmax()))
    expected = {"photo": {0, 1}, "medical": {0}, "aerial": {0, 1, 2, 3}, "document": {0}}
    assert corners == expected[domain]


@pytest.mark.parametrize("domain", DOMAINS)
def test_brightness_changes_no_more_than_the_policy_allows(domain: Domain) -> None:
    means = [float(view.float().mean()) / 100 for view in views(Image.new("RGB", (80, 80), (100, 100, 100)), domain)]
    largest = AUGMENTATIONS[domain].brightness
    assert 1 - largest - 0.03 <= min(means) < 1 - largest / 2
    assert 1 + largest / 2 < max(means) <= 1 + largest + 0.01


def count_edges(line: torch.Tensor) -> int:
    bright = line.float() > line.float().mean()
    return int(bright[1:].ne(bright[:-1]).sum())


@pytest.mark.slow
@pytest.mark.parametrize("domain", ["photo", "medical", "aerial"])
def test_the_crop_is_as_small_as_the_policys_scale_allows(domain: Domain) -> None:
    """A picture of 100 black and white columns: the crop shows as many as it is wide."""
    columns = np.tile(np.repeat([0, 255], 10).astype(np.uint8), (1000, 50))
    some = views(Image.fromarray(columns).convert("RGB"), domain, 30, Preprocessing(size=1000))
    counts = [max(count_edges(view[0, 500]), count_edges(view[0, :, 500])) for view in some]
    policy = AUGMENTATIONS[domain]
    smallest = 100 * policy.scale / policy.ratio**0.5
    assert smallest * 0.97 <= min(counts) <= smallest * 1.12
    assert 93 <= max(counts) <= 102


@pytest.mark.parametrize(("domain", "least", "most"), [("photo", 0, 0), ("medical", 2, 6), ("document", 1, 3)])
def test_views_are_rotated_as_far_as_the_policy_allows(domain: Domain, least: int, most: int) -> None:
    picture = Image.new("RGB", (200, 200), "black")
    picture.paste("white", (0, 100, 200, 200))  # the lower half
    steps = []
    for view in views(picture, domain, 20, Preprocessing(size=128)):
        middle = view[0, 40:88].float()
        edge = (middle > middle.max() / 2).sum(0)  # height of the white part in each column
        steps.append(int((edge[84] - edge[44]).abs()))
    assert least <= max(steps) <= most


def test_corners_left_by_a_rotation_have_the_mean_color() -> None:
    for view in views(Image.new("RGB", (80, 80), (200, 100, 50)), "medical", 10):
        assert float(view.float().std((1, 2)).max()) < 1  # one color all over


def test_every_domain_has_a_policy() -> None:
    assert set(AUGMENTATIONS) == set(typing.get_args(Domain))
