"""Pictures to tensors: the transform of evaluation, which is timm's own, and the random one of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, cast

import numpy as np
import torch
from PIL import Image, ImageStat
from timm.data import create_transform
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from ..config import Domain, Preprocessing

_MOST_RESIZED = 32_000_000  # pixels of a resized picture before its middle is cut out: 128 MB
_MARGIN = 4  # times the short side: how much of the long side is enough for a crop of the middle


@lru_cache(maxsize=32)
def eval_transform(preprocessing: Preprocessing) -> Callable[[Image.Image], Tensor]:
    """Return the transform from an RGB picture to ``(3, size, size)``, uint8.

    It is timm's, so that every program that opens a checkpoint prepares a picture the same way, to the last bit. It
    stops before the normalization: bytes take a quarter of the transfer to the device, where ``normalize`` does the
    rest for a whole batch. Of an elongated picture that would be enlarged beyond measure the middle is cut out
    before, not after.
    """
    config: dict[str, Any] = {**preprocessing.to_timm(), "input_size": (3, *[preprocessing.size] * 2)}
    transform = create_transform(**config, is_training=False, normalize=False)
    if preprocessing.crop_mode == "center":
        transform.transforms.insert(0, partial(_cut_middle, side=round(preprocessing.size / preprocessing.crop_pct)))
    return cast(Callable[[Image.Image], Tensor], transform)


def train_transform(
    picture: Image.Image, preprocessing: Preprocessing, domain: Domain, rng: np.random.Generator
) -> Tensor:
    """Return one random view of an RGB picture, ``(3, size, size)``, uint8.

    These are the operations of torchvision's ``RandomResizedCrop``, flips, ``RandomRotation``, ``RandomPerspective``
    and ``ColorJitter``, by the policy of the domain. Those classes draw from torch's global generator and accept no
    other, so the parameters are drawn here, from ``rng``: one generator per photo gives the same views in any
    number of threads.
    """
    policy = AUGMENTATIONS[domain]
    size = preprocessing.size
    view = picture.resize((size, size), Image.Resampling.BICUBIC, _crop_box(picture, preprocessing, policy, rng))
    view = _rotate(_flip(view, policy, rng), policy, rng)
    pixels = F.pil_to_tensor(view)
    if policy.distortion_scale:
        pixels = _distort(pixels, policy.distortion_scale, list(_mean_color(view)), rng)
    for adjust in (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation):
        pixels = adjust(pixels, float(rng.uniform(1 - policy.brightness, 1 + policy.brightness)))
    return pixels


def normalize(pixels: Tensor, preprocessing: Preprocessing, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Bytes (B, 3, size, size) to the input of the network: same shape, channels last, normalized, on ``device``."""
    moved = pixels.to(device, non_blocking=True, memory_format=torch.channels_last)
    mean = torch.tensor(preprocessing.mean, device=device).view(1, 3, 1, 1)
    std = torch.tensor(preprocessing.std, device=device).view(1, 3, 1, 1)
    return moved.float().div_(255).sub_(mean).div_(std).to(dtype)


def decoded_side(preprocessing: Preprocessing) -> int:
    """Return the least short side, in pixels, at which a picture may be decoded before it is resized.

    It is twice the target: decoding a JPEG at a smaller scale is five times as fast for phone photos, and at twice
    the target its features lead to the same scores as those of the full picture.
    """
    return 2 * round(preprocessing.size / preprocessing.crop_pct)


def _cut_middle(picture: Image.Image, side: int) -> Image.Image:
    """Return the middle of a picture where it would have too many pixels once its short side is ``side``."""
    short, long = sorted(picture.size)
    if long * side**2 <= _MOST_RESIZED * short:
        return picture
    kept = min(long, _MARGIN * short + long % 2)  # the same middle, between pixels or on one
    width, height = (kept if length == long else length for length in picture.size)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


@dataclass(frozen=True)
class AugmentationPolicy:
    """How photos of one domain may be varied without a change of their class, in torchvision's terms.

    ``scale``: the smallest side of the crop relative to the side that the evaluation uses (not of its area, as in
    ``RandomResizedCrop``). ``ratio``: the largest aspect ratio of the crop. ``hflip``, ``vflip``, ``rot90``: whether
    half of the views are flipped or rotated by 90 degrees. ``degrees``: the largest rotation either way.
    ``distortion_scale``: how far a corner may move in each direction, relative to the side. ``brightness``: the
    largest relative change of brightness, and also of contrast and saturation.
    """

    scale: float = 0.84
    ratio: float = 1.15
    hflip: bool = True
    vflip: bool = False
    rot90: bool = False
    degrees: float = 0.0
    distortion_scale: float = 0.0
    brightness: float = 0.3


# What keeps a label: a mirrored cat is a cat; a mirrored X-ray has its heart on the wrong side, and a mirrored letter
# is no letter. Aerial pictures have no preferred direction.
AUGMENTATIONS: dict[Domain, AugmentationPolicy] = {
    "photo": AugmentationPolicy(),
    "medical": AugmentationPolicy(scale=0.85, ratio=1.0, hflip=False, degrees=8.0, brightness=0.1),
    "aerial": AugmentationPolicy(scale=0.75, vflip=True, rot90=True, brightness=0.2),
    "document": AugmentationPolicy(
        scale=0.9, ratio=1.1, hflip=False, degrees=2.0, distortion_scale=0.04, brightness=0.2
    ),
}


def _crop_box(
    picture: Image.Image, preprocessing: Preprocessing, policy: AugmentationPolicy, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """A random crop (left, top, right, bottom) of about the part that the evaluation uses, or smaller."""
    width, height = picture.size
    squash = preprocessing.crop_mode == "squash"
    full_width, full_height = (width, height) if squash else (min(width, height),) * 2
    scale = float(rng.uniform(policy.scale, 1))
    ratio = float(np.exp(rng.uniform(-1, 1) * np.log(policy.ratio)) ** 0.5)
    crop_width, crop_height = min(width, full_width * scale * ratio), min(height, full_height * scale / ratio)
    left, top = float(rng.uniform(0, width - crop_width)), float(rng.uniform(0, height - crop_height))
    return left, top, left + crop_width, top + crop_height


def _flip(view: Image.Image, policy: AugmentationPolicy, rng: np.random.Generator) -> Image.Image:
    for allowed, method in (
        (policy.hflip, Image.Transpose.FLIP_LEFT_RIGHT),
        (policy.vflip, Image.Transpose.FLIP_TOP_BOTTOM),
        (policy.rot90, Image.Transpose.ROTATE_90),
    ):
        if allowed and rng.random() < 0.5:
            view = view.transpose(method)
    return view


def _rotate(view: Image.Image, policy: AugmentationPolicy, rng: np.random.Generator) -> Image.Image:
    if not policy.degrees:
        return view
    angle = float(rng.uniform(-policy.degrees, policy.degrees))
    return view.rotate(angle, Image.Resampling.BILINEAR, fillcolor=_mean_color(view))


def _distort(pixels: Tensor, distortion_scale: float, fill: list[int], rng: np.random.Generator) -> Tensor:
    """A random perspective of pixels (3, size, size)."""
    size = pixels.shape[-1]
    corners = [[0, 0], [size, 0], [size, size], [0, size]]
    moved = [[int(x + rng.uniform(-1, 1) * distortion_scale * size) for x in corner] for corner in corners]
    return F.perspective(pixels, corners, moved, fill=fill)


def _mean_color(picture: Image.Image) -> tuple[int, ...]:
    """The fill of the corners that a rotation leaves empty; black ones would give the rotation away."""
    return tuple(round(value) for value in ImageStat.Stat(picture).mean)
