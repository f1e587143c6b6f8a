"""Transparent pictures to RGB: the ground that they are placed on."""

from __future__ import annotations

import numpy as np
from PIL import Image

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow's conversion to gray
# Formats in which many programs store any fourth band, such as near infrared, as if it were transparency.
_BAND_FORMATS = ("TIFF", "JPEG2000")


def choose_background(image: Image.Image, format: str) -> str | None:
    """Return “white” or “black”, whichever differs more from what is visible; None where nothing is transparent.

    Args:
        image: a decoded picture of 8 bits a channel, at full size, so that the choice does not depend on the size that
            it is used at.
        format: Pillow's name of the format of its file.
    """
    if not image.has_transparency_data:
        return None
    transparent = image.convert("RGBA")
    alpha = np.array(transparent.getchannel("A").histogram())
    if alpha[255] == alpha.sum() or (format in _BAND_FORMATS and _is_band(alpha)):
        return None
    premultiplied = np.array(transparent.convert("RGBa").histogram()).reshape(4, 256) @ np.arange(256)
    brightness = _LUMA @ premultiplied[:3] / max(premultiplied[3] / 255, 1)  # mean, each pixel by its opacity
    return "black" if brightness > 127 else "white"


def convert_to_rgb(image: Image.Image, background: str | None) -> Image.Image:
    """Convert any mode of a decoder to RGB; always a new image that does not depend on its file.

    ``background`` is that of ``choose_background``.
    """
    if background is None:
        return image.convert("RGB")
    transparent = image.convert("RGBA")
    opaque = Image.new("RGB", image.size, background)
    opaque.paste(transparent, mask=transparent)
    return opaque


def _is_band(alpha: np.ndarray) -> bool:
    """Whether a histogram (256,) is that of a band of a picture; transparency is mostly 0 or 255, and not always 0."""
    return bool(2 * (alpha[0] + alpha[255]) < alpha.sum() or alpha[0] == alpha.sum())
