"""Perceptual hashes that find copies of a picture: resized, re-encoded, cropped, mirrored or turned by quarters.

The hash is that of pHash (Zauner, “Implementation and Benchmarking of Perceptual Image Hash Functions”, 2010): the
low frequencies of the discrete cosine transform of the gray picture shrunk to 32 by 32 pixels, here compared as
numbers by their cosine and not as bits. Own code, because imagehash needs PyWavelets and knows neither mirror images
nor quarter turns: among frequencies those are a change of signs and a transposition.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .large_arrays import allocate, blocks, scale_to_unit

Floats = NDArray[np.float32]

_SIDE = 32  # pixels of the shrunk picture
_FREQUENCIES = 8  # in each direction
_LENGTH = _FREQUENCIES**2
_MARGINS = (0.0, 0.05)  # of the side: one hash of the whole picture and one of its middle, for cropped copies
HASH_SIZE = len(_MARGINS) * _LENGTH
_SHRINKAGE = 0.03  # of the whitening, see `whiten_hashes`
_COLUMNS = 512  # compared at a time
_ROUNDING = 1.0  # length of the frequencies of an even surface, which are rounding errors; at least 11 for others

_steps = np.arange(_FREQUENCIES, dtype=np.float32)[:, None]
_COSINES = np.asarray(
    np.cos(np.pi / _SIDE * (np.arange(_SIDE, dtype=np.float32) + 0.5) * _steps), np.float32
)  # (8, 32): the first rows of DCT-II
_SIGNS = (-1.0) ** np.arange(_FREQUENCIES, dtype=np.float32)  # of the frequencies of a mirror image
# Natural images have amplitudes inversely proportional to the frequency (Field, JOSA A 4, 1987); compensated here.
_WHITENING = np.asarray(np.hypot(_steps, _steps.T), np.float32)


def compute_hashes(gray: Image.Image) -> Floats:
    """Return the hashes (HASH_SIZE,) of a gray picture (mode L): of the whole, then of its middle, each of length 1.

    Those of an even surface are 0.
    """
    return np.concatenate([_compute_hash(gray, margin) for margin in _MARGINS])


def compute_similarity(some: Floats, others: Floats) -> Floats:
    """Return the similarity (n, m) of hashes (n, HASH_SIZE) and (m, HASH_SIZE): 1 for one picture, else about 0.

    The best over mirror images, quarter turns, and either picture being the middle of the other. More columns than
    HASH_SIZE are ignored, so descriptors can be passed. Unknown hashes (NaN) are similar to nothing.
    """
    whole, middle = map(_halves, _split(some))
    best = np.full((len(some), len(others)), -1, np.float32)
    even, odd = np.empty((2, len(some), _COLUMNS), np.float32)
    for columns in blocks(len(others), _COLUMNS):  # few, so that they stay in the processor's cache
        part = best[:, columns]
        values, size = np.full(part.shape, -1, np.float32), part.shape[1]
        products = even[:, :size], odd[:, :size]
        for hashes, compared in zip(_split(others[columns]), ((whole, middle), (whole,))):
            for oriented in _orientations(hashes, (1.0,)):
                for own in compared:
                    for one, other, product in zip(own, _halves(oriented), products):
                        np.matmul(one, other.T, out=product)
                    # Mirrored from left to right, the product of the odd frequencies has the other sign.
                    np.abs(products[1], out=products[1])
                    np.maximum(values, np.add(*products, out=products[0]), out=values)
        part[:] = values
    return best


def whiten_hashes(hashes: Floats) -> Floats:
    """Return hashes (N, HASH_SIZE) without what the pictures of a set share, such as one ground; each of length 1.

    Whitening (ZCA) with the second moments of all mirror images and quarter turns, so that these remain what they
    are: a change of signs and a transposition. Shrunk towards the effective number of dimensions (the participation
    ratio), so that directions without content do not become noise. More columns than HASH_SIZE are ignored.
    """
    moments = np.zeros((_LENGTH, _LENGTH))
    for rows in blocks(len(hashes)):
        for part in _split(hashes[rows]):
            for oriented in _orientations(part):
                moments += oriented.T @ oriented
    values, vectors = np.linalg.eigh(moments)
    if values[-1] <= 0:
        return np.concatenate(_split(hashes), 1)
    shrinkage = _SHRINKAGE * (values**2).sum() / values.sum()
    whitening = (vectors / np.sqrt(values.clip(0) + shrinkage) @ vectors.T).astype(np.float32)
    whitened = allocate((len(hashes), HASH_SIZE))
    for rows in blocks(len(hashes)):
        for place, part in zip((slice(_LENGTH), slice(_LENGTH, HASH_SIZE)), _split(hashes[rows])):
            whitened[rows, place] = scale_to_unit(part @ whitening)
    return whitened


def reconstruct_pictures(hashes: Floats) -> Floats:
    """Return the gray pictures (n, 8, 8) whose whole hash (n, at least 64) this is, up to brightness and contrast."""
    whitened = np.nan_to_num(hashes[:, :_LENGTH]).reshape(-1, _FREQUENCIES, _FREQUENCIES)
    frequencies = whitened / np.where(_WHITENING > 0, _WHITENING, np.inf)
    samples = np.cos(np.pi / _FREQUENCIES * (np.arange(_FREQUENCIES) + 0.5) * _steps)  # of the cosines, in 8 places
    samples[0] /= 2
    return np.asarray(samples.T @ frequencies @ samples, np.float32)


def _compute_hash(gray: Image.Image, margin: float) -> Floats:
    width, height = gray.size
    box = (margin * width, margin * height, width - margin * width, height - margin * height)
    small = np.asarray(gray.resize((_SIDE, _SIDE), Image.Resampling.BOX, box), np.float32)
    # The whitening is 0 for the mean, so brightness does not matter.
    coefficients = (_COSINES @ small @ _COSINES.T * _WHITENING).ravel()
    length = float(np.linalg.norm(coefficients))
    return np.asarray(coefficients / length if length > _ROUNDING else np.zeros(_LENGTH), np.float32)


def _split(hashes: Floats) -> tuple[Floats, Floats]:
    """Return the hashes (n, 64) of the whole pictures and of their middles, 0 where unknown."""
    return np.nan_to_num(hashes[:, :_LENGTH]), np.nan_to_num(hashes[:, _LENGTH:HASH_SIZE])


def _halves(hashes: Floats) -> tuple[Floats, Floats]:
    """Return the even and the odd frequencies (n, 32) from left to right of hashes (n, 64)."""
    square = hashes.reshape(-1, _FREQUENCIES, _FREQUENCIES)
    even, odd = (square[..., start::2].reshape(len(hashes), _LENGTH // 2) for start in (0, 1))
    return even, odd


def _orientations(hashes: Floats, horizontal_signs: tuple[Any, ...] = (1.0, _SIGNS)) -> Iterator[Floats]:
    """Yield the hashes (m, 64) of the eight mirror images and quarter turns, or of those without some signs."""
    square = hashes.reshape(-1, _FREQUENCIES, _FREQUENCIES)
    for transposed in (square, square.transpose(0, 2, 1)):
        for vertical in (1.0, _SIGNS[:, None]):
            for horizontal in horizontal_signs:
                yield (transposed * vertical * horizontal).reshape(len(hashes), _LENGTH).astype(np.float32)
