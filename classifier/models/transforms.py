"""Pictures -> tensors. Evaluation is deterministic, and is timm's own, so that every loader agrees with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageStat
from timm.data import create_transform
from torch import Tensor
from torchvision.transforms import v2

from ..config import Domain, Preprocessing


@lru_cache(maxsize=32)
def eval_transform(preprocessing: Preprocessing) -> Callable[[Image.Image], Tensor]:
    """A function from an RGB picture to bytes ``(3, size, size)``, uint8.

    Bytes, because they are a quarter of the size on their way to the device, where ``normalize``
    does the rest for the whole batch.
    """
    config: dict[str, Any] = {**preprocessing.to_timm(), "input_size": (3, *[preprocessing.size] * 2)}
    transform: Callable[[Image.Image], Tensor] = create_transform(**config, is_training=False, normalize=False)
    return transform


def normalize(pixels: Tensor, preprocessing: Preprocessing, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Bytes (B, 3, size, size) -> what the network reads: same shape, channels last, on ``device``."""
    moved = pixels.to(device, non_blocking=True, memory_format=torch.channels_last)
    mean = torch.tensor(preprocessing.mean, device=device).view(1, 3, 1, 1)
    std = torch.tensor(preprocessing.std, device=device).view(1, 3, 1, 1)
    return moved.float().div_(255).sub_(mean).div_(std).to(dtype)


def decoded_side(preprocessing: Preprocessing) -> int:
    """How long the short side of a picture must at least be, in pixels, before it is shrunk to the square.

    Twice the target: a JPEG decoded at a smaller scale is five times quicker for phone photos, and
    at twice the target it gives features that no score can tell from those of the full picture.
    """
    return 2 * round(preprocessing.size / preprocessing.crop_pct)


@dataclass(frozen=True)
class AugmentationPolicy:
    """How photos of one kind may be varied in training without a change of what they show.

    ``zoom`` is the smallest share of the side of the square that a view keeps, ``stretch`` the largest
    ratio of its sides; ``turn`` is in degrees, ``tilt`` the share of the side by which a corner may move;
    ``light`` is the largest change of brightness, contrast and colour, as a share.
    """

    zoom: float = 0.84
    stretch: float = 1.15
    mirror: bool = True
    upside_down: bool = False
    quarter_turns: bool = False
    turn: float = 0.0
    tilt: float = 0.0
    light: float = 0.3


# What keeps a label: a cat in a mirror is a cat, an X-ray in a mirror is another patient, a letter is no letter.
AUGMENTATIONS: dict[Domain, AugmentationPolicy] = {
    "photo": AugmentationPolicy(),
    "medical": AugmentationPolicy(zoom=0.85, stretch=1.0, mirror=False, turn=8.0, light=0.1),
    "aerial": AugmentationPolicy(zoom=0.75, upside_down=True, quarter_turns=True, light=0.2),
    "document": AugmentationPolicy(zoom=0.9, stretch=1.1, mirror=False, turn=2.0, tilt=0.04, light=0.2),
}


def train_transform(
    picture: Image.Image, preprocessing: Preprocessing, domain: Domain, rng: np.random.Generator
) -> Tensor:
    """One random view of an RGB picture for training, as bytes ``(3, size, size)``, uint8.

    Random crop, mirror, turn and light are those of torchvision's ``transforms.v2``; the numbers come from
    ``rng``, not from torch's global state, so that threads side by side give the same views every time.
    """
    rule = AUGMENTATIONS[domain]
    size = preprocessing.size
    view = picture.resize((size, size), Image.Resampling.BICUBIC, _window(picture, preprocessing, rule, rng))
    if rule.mirror and rng.random() < 0.5:
        view = view.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if rule.upside_down and rng.random() < 0.5:
        view = view.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    if rule.quarter_turns and rng.random() < 0.5:
        view = view.transpose(Image.Transpose.ROTATE_90)
    if rule.turn:
        angle = float(rng.uniform(-rule.turn, rule.turn))
        view = view.rotate(angle, Image.Resampling.BILINEAR, fillcolor=_mean_colour(view))
    pixels = v2.functional.pil_to_tensor(view)
    if rule.tilt:
        corners = [[0, 0], [size, 0], [size, size], [0, size]]
        moved = [[int(x + rng.uniform(-1, 1) * rule.tilt * size) for x in corner] for corner in corners]
        pixels = v2.functional.perspective(pixels, corners, moved, fill=list(_mean_colour(view)))
    for change in (v2.functional.adjust_brightness, v2.functional.adjust_contrast, v2.functional.adjust_saturation):
        pixels = change(pixels, float(rng.uniform(1 - rule.light, 1 + rule.light)))
    return pixels


def _mean_colour(picture: Image.Image) -> tuple[int, ...]:
    """What fills the corners that a turn leaves empty; black ones would be something to learn."""
    return tuple(round(value) for value in ImageStat.Stat(picture).mean)


def _window(
    picture: Image.Image, preprocessing: Preprocessing, rule: AugmentationPolicy, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """The part of the picture that a view shows: about what the evaluation shows, smaller, and moved."""
    width, height = picture.size
    squash = preprocessing.crop_mode == "squash"
    across, down = (width, height) if squash else (min(width, height),) * 2
    side = float(rng.uniform(rule.zoom, 1))
    stretch = float(np.exp(rng.uniform(-1, 1) * np.log(rule.stretch)) ** 0.5)
    wide, high = min(width, across * side * stretch), min(height, down * side / stretch)
    left, top = float(rng.uniform(0, width - wide)), float(rng.uniform(0, height - high))
    return left, top, left + wide, top + high
