"""Pictures -> tensors. Evaluation is deterministic, and is timm's own, so that every loader agrees with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from PIL import Image
from timm.data import create_transform
from torch import Tensor

from .config import Preprocessing


@lru_cache(maxsize=32)
def evaluation(preprocessing: Preprocessing) -> Callable[[Image.Image], Tensor]:
    """A function from an RGB picture to bytes ``(3, size, size)``, uint8.

    Bytes, because they are a quarter of the size on their way to the device, where ``normalise``
    does the rest for the whole batch.
    """
    config: dict[str, Any] = {**preprocessing.to_timm(), "input_size": (3, *[preprocessing.size] * 2)}
    transform: Callable[[Image.Image], Tensor] = create_transform(**config, is_training=False, normalize=False)
    return transform


def normalise(pixels: Tensor, preprocessing: Preprocessing, device: torch.device, dtype: torch.dtype) -> Tensor:
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
