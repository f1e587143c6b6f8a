"""What spoke for an answer, to be looked at: a heat map over the photo, and the training photos most like it. Pure."""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .. import html

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

# A pale photo with little colour left is tinted like glass: what is under the tint can still be seen, and the more
# it is tinted the darker it gets, too, so that nobody has to tell colours apart to read it.
_COLOUR_LEFT = 0.15
_PALE = 100  # what black becomes
_WARM = np.array((255, 100, 0)) / 255


def overlay(square: Pixels, heat: NDArray[Any]) -> bytes | None:
    """What the network saw (H, W, 3), as a JPEG with the parts warm that spoke for a class by ``heat`` (h, w).

    None where no part did, or where the network does not tell parts apart.
    """
    strength = _strength(heat, square.shape[1], square.shape[0])
    if strength is None:
        return None
    grey = square.mean(2, keepdims=True)
    faded = grey + (square - grey) * _COLOUR_LEFT
    pale = _PALE + faded * (1 - _PALE / 255)
    mixed = pale * (1 - strength * (1 - _WARM))
    stream = io.BytesIO()
    Image.fromarray(mixed.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=85)
    return stream.getvalue()


def _strength(heat: NDArray[Any], width: int, height: int) -> Floats | None:
    """How much each pixel spoke for the class, beside the one that did most: (height, width, 1), 0 to 1."""
    speaking = np.maximum(np.nan_to_num(np.asarray(heat, np.float32), posinf=0.0), 0)
    if heat.size < 2 or not speaking.any():
        return None
    shares = Image.fromarray(speaking / speaking.max()).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(shares, np.float32).clip(0, 1)[..., None]


def shown(label: str, jpeg: bytes | None, like: Sequence[tuple[str, bytes]]) -> str:
    """The evidence for a class as HTML: the ``overlay``, and the photos like it as (class, JPEG)."""
    caption = f"What spoke for “{escape(label)}”: the warmer, the more"
    figure = (
        f'<figure class="pc-heat">{html.picture(jpeg, f"Where it looked for {label}")}'
        f"<figcaption>{caption}</figcaption></figure>"
        if jpeg
        else f'<p class="pc-quiet">No single part of the photo spoke for “{escape(label)}”.</p>'
    )
    return f"{figure}{_alike(like)}"


def _alike(photos: Sequence[tuple[str, bytes]]) -> str:
    if not photos:
        return ""
    rows = "".join(
        f"<li>{html.picture(jpeg, f'One of your photos of {label}') if jpeg else ''}<span>{escape(label)}</span></li>"
        for label, jpeg in photos
    )
    return f'<div><p class="pc-quiet">Most like these of your photos</p><ul class="pc-alike">{rows}</ul></div>'
