"""The explanation of a prediction -> HTML: a heat map over the photo, and the nearest training photos."""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...messages import sentence
from ...messages.try_page import TryCode
from .. import html

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

# The photo is faded and tinted: what is under the tint stays visible, and a stronger tint is also darker, so that the
# map can be read without telling colors apart.
_SATURATION = 0.15
_BLACK_LEVEL = 100  # what black becomes
_TINT = np.array((255, 100, 0)) / 255


def overlay(pixels: Pixels, heatmap: NDArray[Any]) -> bytes | None:
    """Return the network's input (H, W, 3) as a JPEG, tinted by the positive part of a heat map (h, w).

    None where no part is positive, or where the network has only one.
    """
    strength = _strength(heatmap, pixels.shape[1], pixels.shape[0])
    if strength is None:
        return None
    gray = pixels.mean(2, keepdims=True)
    faded = gray + (pixels - gray) * _SATURATION
    light = _BLACK_LEVEL + faded * (1 - _BLACK_LEVEL / 255)
    tinted = light * (1 - strength * (1 - _TINT))
    stream = io.BytesIO()
    Image.fromarray(tinted.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=85)
    return stream.getvalue()


def _strength(heatmap: NDArray[Any], width: int, height: int) -> Floats | None:
    """Return the positive part of a heat map relative to its maximum, resized: (height, width, 1), 0 to 1."""
    positive = np.maximum(np.nan_to_num(np.asarray(heatmap, np.float32), posinf=0.0), 0)
    if heatmap.size < 2 or not positive.any():
        return None
    relative = Image.fromarray(positive / positive.max()).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(relative, np.float32).clip(0, 1)[..., None]


Nearest = tuple[str, bytes, int]  # class, JPEG and id of a training photo


def render(label: str, jpeg: bytes | None, nearest: Sequence[Nearest], unmapped: int = 0) -> str:
    """Return the explanation of a class: the ``overlay``, and the nearest training photos.

    ``unmapped`` is the number of networks that cannot tell parts of a photo apart.
    """
    left_out = html.quiet(html.text(TryCode.NO_MAP, count=unmapped)) if unmapped else ""
    figure = (
        f'<figure class="pc-heat">{html.enlargeable(jpeg, sentence(TryCode.HEAT_PICTURE, label=label))}'
        f"<figcaption>{html.text(TryCode.HEAT, label=label)}</figcaption></figure>"
        if jpeg
        else html.quiet(html.text(TryCode.NO_HEAT, label=label))
        if not unmapped
        else ""
    )
    return f"{figure}{left_out}{_nearest(nearest)}"


def _nearest(photos: Sequence[Nearest]) -> str:
    if not photos:
        return ""
    rows = "".join(
        f"<li>{html.enlargeable(jpeg, sentence(TryCode.NEAREST_PHOTO, label=label), id) if jpeg else ''}"
        f"<span>{escape(label)}</span></li>"
        for label, jpeg, id in photos
    )
    return f'<div>{html.quiet(html.text(TryCode.NEAREST))}<ul class="pc-nearest">{rows}</ul></div>'
