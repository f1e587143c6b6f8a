"""What a picture looks like by itself, with no network: fingerprints that find it again, its sharpness, its light.

The fingerprint is that of pHash (Zauner, “Implementation and Benchmarking of Perceptual Image Hash
Functions”, 2010): the low frequencies of the grey picture shrunk to 32 by 32, here compared as numbers and
not as bits. Written out, because the library for it (imagehash) brings SciPy and PyWavelets for ten
lines of NumPy and knows neither mirror images nor quarter turns: among frequencies those are a change of
signs and a transposition.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]

NAME = "looks 1"  # what they are kept under; to be counted up when anything here computes otherwise
_SIDE = 32
_LOW = 8  # frequencies in each direction
_PRINT = _LOW * _LOW
_MARGINS = (0.0, 0.05)  # fingerprints of the whole and of its middle: a cropped copy is like one of the two
_ROUNDING = 0.3 / 255  # what bytes in place of numbers add to detail
_PLAIN = 0.2  # difference of light, of the whole range, up to which a picture shows a plain surface
_SHARP_AT = 256  # pixels of the short side at which sharpness is measured; the networks see little more
SHARPNESS, DARKEST, MIDDLE, BRIGHTEST, BLOWN_OUT = range(len(_MARGINS) * _PRINT, len(_MARGINS) * _PRINT + 5)
WIDTH = BLOWN_OUT + 1  # of one photo's looks

_steps = np.arange(_LOW, dtype=np.float32)[:, None]
_COSINES = np.asarray(
    np.cos(np.pi / _SIDE * (np.arange(_SIDE, dtype=np.float32) + 0.5) * _steps), np.float32
)  # (8, 32)
# Pictures of the world have amplitudes that fall with the frequency (Field, JOSA A 4, 1987); made up for here.
_WHITENING = np.asarray(np.hypot(_steps, _steps.T), np.float32)


def compute_descriptor(picture: Image.Image) -> Floats:
    """The looks (WIDTH,) of an RGB picture: two fingerprints, then what the constants above name, 0 to 1.

    Sharpness is the ratio of fine to coarse detail, so that a plain subject is not taken for a blurred
    one. The light is given by the darkest, middle and brightest twentieth, and the share of pixels that
    are as bright as can be.
    """
    grey = picture.reduce(max(1, min(picture.size) // _SHARP_AT)).convert("L")
    up_to = np.cumsum(grey.histogram()) / (grey.width * grey.height)
    darkest, middle, brightest = np.searchsorted(up_to, (0.05, 0.5, 0.95)) / 255
    measures = (_sharpness(_middle(grey)), darkest, middle, brightest, 1 - up_to[249])
    return np.concatenate([*(_fingerprint(grey, margin) for margin in _MARGINS), np.array(measures)]).astype(np.float32)


def _fingerprint(grey: Image.Image, margin: float) -> Floats:
    width, height = grey.size
    box = (margin * width, margin * height, width - margin * width, height - margin * height)
    small = np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.BOX, box), np.float32)
    waves = (_COSINES @ small @ _COSINES.T * _WHITENING).ravel()  # the mean has no weight: light does not matter
    return np.asarray(waves / max(float(np.linalg.norm(waves)), 1e-9), np.float32)


def _middle(grey: Image.Image) -> Floats:
    """The middle of the picture, 0 to 1: there is what it shows, and what is blurred around it does not matter."""
    width, height = (min(_SHARP_AT, side) for side in grey.size)
    left, top = (grey.width - width) // 2, (grey.height - height) // 2
    return np.asarray(grey.crop((left, top, left + width, top + height)), np.float32) / np.float32(255)


def _sharpness(pixels: Floats) -> float:
    """Fine detail over that of the picture a quarter the size, less what rounding to bytes adds to both."""
    fine, coarse = (max(0.0, _detail(part) - _ROUNDING) for part in (pixels, _halved(_halved(pixels))))
    if coarse <= _ROUNDING:  # no detail at all: blurred beyond all measure, or a plain wall
        return 0.0 if float(np.ptp(pixels)) > _PLAIN else 1.0
    return min(1.0, fine / coarse)


def _detail(pixels: Floats) -> float:
    """The typical difference of a pixel from its neighbours (a Laplacian; Pech-Pacheco et al., ICPR 2000)."""
    if min(pixels.shape) < 3:
        return 0.0
    middle = pixels[1:-1, 1:-1]
    around = pixels[:-2, 1:-1] + pixels[2:, 1:-1] + pixels[1:-1, :-2] + pixels[1:-1, 2:]
    return float(np.abs(middle - around / 4).mean())


def _halved(pixels: Floats) -> Floats:
    height, width = (side - side % 2 for side in pixels.shape)
    even = pixels[:height, :width]
    return np.asarray((even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4, np.float32)


def similarity(some: Floats, others: Floats) -> Floats:
    """How alike fingerprints are, (n, WIDTH) and (m, WIDTH) -> (n, m): 1 for the same picture, about 0 for any other.

    However the one is mirrored or turned by quarters, and also if it is the middle of the other. Looks
    that are not known (NaN) are like nothing.
    """
    best = np.full((len(some), len(others)), -1, np.float32)
    whole, middle = (np.nan_to_num(some[:, part * _PRINT : (part + 1) * _PRINT]) for part in range(2))
    for turned_whole in _turns(np.nan_to_num(others[:, :_PRINT])):
        np.maximum(best, whole @ turned_whole.T, out=best)
        np.maximum(best, middle @ turned_whole.T, out=best)
    for turned_middle in _turns(np.nan_to_num(others[:, _PRINT : 2 * _PRINT])):
        np.maximum(best, whole @ turned_middle.T, out=best)
    return best


def _turns(prints: Floats) -> Iterator[Floats]:
    """The fingerprints (m, 64) of the eight mirror images and quarter turns."""
    square = prints.reshape(-1, _LOW, _LOW)
    signs = (-1.0) ** np.arange(_LOW, dtype=np.float32)
    for lying in (square, square.transpose(0, 2, 1)):
        for down in (1.0, signs[:, None]):
            for across in (1.0, signs[None]):
                yield (lying * down * across).reshape(len(prints), _PRINT).astype(np.float32)
