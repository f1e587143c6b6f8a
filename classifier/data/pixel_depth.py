"""Pictures of more than 8 bits a channel: which of their values become black and white.

A photo by itself does not tell: one of 12 bits in a file of 16 looks black where 65,535 is taken for white. So the
range is what the file states (PNG: sBIT; TIFF: BitsPerSample, SMinSampleValue and SMaxSampleValue, or the older
MinSampleValue and MaxSampleValue), or else that of the training set (``common_range``), which is saved with the model.
Only where neither is known it is guessed from the photo alone. Own code, because Pillow cuts color off at 8 bits,
clips gray at 255 and does not read sBIT.
"""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import floor, isfinite, isqrt, log2
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from ..config import PixelRange, SampleKind

Values = NDArray[Any]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_GRAY_MODES = {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
# Pillow keeps the high bytes of color of 16 bits; in the other byte order they are the low ones.
_OTHER_ORDER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
_COLOR = {f"{mode};16{order}" for mode in ("RGB", "RGBA", "RGBX") for order in _OTHER_ORDER}
_GRAY_ALPHA = "LA;16B"  # of PNG
_BITS, _PHOTOMETRIC, _PLANES = 258, 262, 284  # tags of TIFF
_RANGE_TAGS, _OLD_LARGEST = (340, 341), 281  # SMinSampleValue and SMaxSampleValue, MaxSampleValue
_FULL: PixelRange = (0, 65535)
_OUTSIDE = 0.1  # proportion of pixels outside of a stated range, from which on the statement is taken to be wrong
_SAMPLED = 250_000  # pixels that the range of a photo is measured on
_TAIL = 0.001  # proportion of the darkest and the brightest pixels, which do not count
_MARKER = 3  # distinct values at most of a burnt-in marker, or of “no data” at the dark end
_GAP = 3  # times the range of all other values that these are away from them
_VARIED = 16  # distinct values that a photo has at least
_OUTLIERS = 10  # of so many photos one may be of another kind
_OUTLIER = 7  # times the range of the others by which it exceeds them


@dataclass(frozen=True)
class Samples:
    """The values of a picture as stored.

    ``values`` are (H, W) or (H, W, 3); ``alpha`` is the opacity (H, W) in 16 bits, None where there is none;
    ``inverted`` whether small values are bright.
    """

    values: Values
    alpha: Values | None = None
    inverted: bool = False

    @property
    def kind(self) -> SampleKind:
        """Whether the values are whole numbers."""
        return "real" if self.values.dtype.kind == "f" else "integer"


def is_deep(image: Image.Image, in_file: bool) -> bool:
    """Return whether a picture has more than 8 bits a channel; reads the header only.

    Of a picture in memory Pillow has dropped the other bits of its colors, if it had any.
    """
    in_color = in_file and (_raw_mode(image) in {*_COLOR, _GRAY_ALPHA} or _has_planes(image))
    return image.mode in _GRAY_MODES or in_color


def read_samples(image: Image.Image, stream: IO[bytes] | None) -> Samples:
    """Decode a deep picture; ``stream`` is the file that it was opened from, None for a picture in memory."""
    key = image.info.get("transparency")  # the one value that stands for transparent
    mode, raw_mode = image.mode, _raw_mode(image)
    if mode in _GRAY_MODES:
        inverted = mode.startswith("I;16") and _tags(image).get(_PHOTOMETRIC) == 0  # Pillow leaves it inverted
        values = np.asarray(image)
        return Samples(values, _opaque(values != key) if isinstance(key, int) else None, inverted)
    assert stream is not None
    if raw_mode == _GRAY_ALPHA:
        both = np.ascontiguousarray(_decode(image, "RGBA", "RGBA")).view(">u2")  # (H, W, 2)
        return Samples(both[..., 0], both[..., 1])
    bands = _read_planes(image, stream) if _has_planes(image) else _read_color(image, stream)
    values, alpha = bands[..., :3], bands[..., 3] if mode == "RGBA" else None
    return Samples(values, _opaque((values != key).any(2)) if isinstance(key, tuple) else alpha)


def stated_range(image: Image.Image, stream: IO[bytes] | None, samples: Samples | None = None) -> PixelRange | None:
    """Return the range that the file of a deep picture states, None where it states none.

    With ``samples`` a statement that they contradict does not count, and sBIT is understood in both of its uses: the
    standard wants values moved up to all of 16 bits, but many programs leave them as they are.
    """
    bits = _significant_bits(stream) if image.format == "PNG" and stream is not None else 0
    if 0 < bits <= 16:
        unshifted = samples is None or _is_unshifted(samples.values, bits)
        return (0, 2.0**bits - 1) if unshifted else _FULL
    own = _tiff_range(_tags(image))
    return None if own is None or (samples is not None and _contradicts(samples.values, own)) else own


def measure_range(samples: Samples) -> PixelRange | None:
    """Return the smallest and the largest value of a photo, without markers, “no data” and single bright pixels.

    None where there is no finite visible value.
    """
    height, width = samples.values.shape[:2]
    step = max(1, isqrt(height * width // _SAMPLED))
    values = samples.values[::step, ::step]
    if samples.alpha is not None:
        values = values[samples.alpha[::step, ::step] > 0]
    distinct, counts = np.unique(values[np.isfinite(values)].astype(np.float64), return_counts=True)
    if not len(distinct):
        return None
    distinct, counts = _cut_marker(distinct, counts)
    negated, counts = _cut_marker(-distinct[::-1], counts[::-1])
    distinct, proportions = -negated[::-1], np.cumsum(counts[::-1]) / counts.sum()
    low, high = np.searchsorted(proportions, (_TAIL, 1 - _TAIL))
    return float(distinct[low]), float(distinct[min(high, len(distinct) - 1)])


def common_range(ranges: Iterable[PixelRange]) -> PixelRange | None:
    """Return the range for a set of photos of ``measure_range``; few photos of another kind do not count.

    It begins at 0 where that loses little, and ends at a usual largest value (of 8, 10, 12, 14, 16 … bits, or 1 and
    its quarters), so that it stays the same when photos are added.
    """
    measured = np.array(list(ranges), np.float64)  # (N, 2)
    if not len(measured):
        return None
    lows, highs = np.sort(measured[:, 0]), np.sort(measured[:, 1])
    few = len(measured) // _OUTLIERS
    low, high, usual_low, usual_high = lows[0], highs[-1], lows[few], highs[-1 - few]
    span = usual_high - usual_low
    return _round_outward(
        float(usual_low if usual_low - low > _OUTLIER * span else low),
        float(usual_high if high - usual_high > _OUTLIER * span else high),
    )


def to_eight_bits(samples: Samples, pixel_range: PixelRange) -> Image.Image:
    """Return the picture in 8 bits (L, LA, RGB or RGBA): ``pixel_range`` becomes 0 to 255, what exceeds it is cut."""
    low, high = pixel_range
    values = samples.values.astype(np.float64 if samples.values.dtype.itemsize > 2 else np.float32)
    np.nan_to_num(values, copy=False, nan=low, posinf=low, neginf=low)
    values -= low
    values *= 255 / (high - low)
    np.clip(values, 0, 255, out=values)
    if samples.inverted:
        np.subtract(255, values, out=values)
    values += 0.5
    picture = Image.fromarray(values.astype(np.uint8))
    if samples.alpha is not None:
        full = high if samples.alpha.max() <= high < _FULL[1] else _FULL[1]
        picture.putalpha(Image.fromarray((samples.alpha.astype(np.float32) * (255 / full) + 0.5).astype(np.uint8)))
    return picture


# -- reading


def _raw_mode(image: Image.Image) -> str:
    """Return Pillow's name of how the samples are stored, "" for a picture in memory."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0].args if tiles else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _tags(image: Image.Image) -> Mapping[int, Any]:
    """Return the tags of a TIFF, none of another picture."""
    return image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}


def _has_planes(image: Image.Image) -> bool:
    """Whether it is a TIFF with a plane of 16 bits for each color, which Pillow reads as 8 bits."""
    bits = _tags(image).get(_BITS)
    return _tags(image).get(_PLANES) == 2 and len(_raw_mode(image)) == 1 and isinstance(bits, tuple) and bits[0] == 16


def _decode(image: Image.Image, mode: str, raw_mode: str, tiles: slice = slice(None)) -> Values:
    """Return the pixels of an opened file, decoded under another mode and raw mode of Pillow."""
    image._mode = mode
    image.tile = [  # type: ignore[attr-defined]  # of every picture that was opened from a file
        tile._replace(args=raw_mode if isinstance(tile.args, str) else (raw_mode, *tile.args[1:]))
        for tile in image.tile[tiles]  # type: ignore[attr-defined]
    ]
    return np.asarray(image)


def _decode_again(
    image: Image.Image, stream: IO[bytes], mode: str, raw_mode: str, tiles: slice = slice(None)
) -> Values:
    """The same as ``_decode`` for a picture that is decoded already."""
    stream.seek(0)
    with Image.open(stream, formats=[str(image.format)]) as again:
        again.seek(image.tell())
        return _decode(again, mode, raw_mode, tiles)


def _read_color(image: Image.Image, stream: IO[bytes]) -> Values:
    """Return all 16 bits of the bands (H, W, 3 or 4)."""
    raw_mode = _raw_mode(image)
    values = np.asarray(image).astype(np.uint16) << 8
    if _tags(image).get(_PLANES) != 2:  # compressed planes can be read in one order only
        values |= _decode_again(image, stream, image.mode, raw_mode[:-1] + _OTHER_ORDER[raw_mode[-1]])
    return values


def _read_planes(image: Image.Image, stream: IO[bytes]) -> Values:
    """Return the bands (H, W, 3 or 4) of a TIFF that stores each by itself, without compression."""
    mode = "I;16B" if image.tag_v2.prefix == b"MM" else "I;16"  # type: ignore[attr-defined]
    bands = len(image.getbands())
    size = len(image.tile) // len(_tags(image)[_BITS])  # type: ignore[attr-defined]
    planes = [slice(number * size, (number + 1) * size) for number in range(bands)]
    first = _decode(image, mode, mode, planes[0])
    return np.stack([first, *(_decode_again(image, stream, mode, mode, plane) for plane in planes[1:])], 2)


def _opaque(visible: Values) -> Values:
    return np.where(visible, np.uint16(65535), np.uint16(0))


# -- ranges


def _significant_bits(stream: IO[bytes]) -> int:
    """Return the largest number of significant bits of a color that a PNG states in its chunk sBIT; 0 without one."""
    position = stream.tell()  # Pillow goes on reading from there
    try:
        stream.seek(8)
        while len(head := stream.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind == b"sBIT":
                bits = stream.read(min(length, 4))[: 1 if length < 3 else 3]  # the last of 2 and of 4 is of the opacity
                return max(bits, default=0)
            if kind == b"IDAT":
                return 0
            stream.seek(length + 4, io.SEEK_CUR)
        return 0
    finally:
        stream.seek(position)


def _is_unshifted(values: Values, bits: int) -> bool:
    """Whether values of ``bits`` bits in 16 are stored as they are, not multiplied to fill 16 bits."""
    small = values < 1 << bits
    low_bits = values & ((1 << (16 - bits)) - 1)  # all 0 in small values that were multiplied
    return bool((~small).mean() < _OUTSIDE and np.count_nonzero(low_bits[small]) > 0.01 * small.sum())


def _tiff_range(tags: Mapping[int, Any]) -> PixelRange | None:
    smallest, largest = (_extreme(tags.get(tag), pick) for tag, pick in zip(_RANGE_TAGS, (min, max)))
    if largest is not None and (smallest or 0.0) < largest:
        return smallest or 0.0, largest
    bits = _extreme(tags.get(_BITS), max) or 0.0
    old = _extreme(tags.get(_OLD_LARGEST), max) or 0.0
    # Other values are a statistic of this one picture, and that of all bits is written by default.
    if 255 <= old < 2.0**bits - 1 and log2(old + 1).is_integer():
        return 0.0, old
    return (0.0, 2.0**bits - 1) if 8 < bits < 16 else None


def _extreme(value: object, pick: Callable[[list[float]], float]) -> float | None:
    """Return the smallest or largest number of a tag; None where it holds none."""
    values = value if isinstance(value, tuple) else (value,)
    numbers = [float(one) for one in values if isinstance(one, (int, float, TiffImagePlugin.IFDRational))]
    return pick(numbers) if numbers and all(map(isfinite, numbers)) else None


def _contradicts(values: Values, stated: PixelRange) -> bool:
    return bool(((values < stated[0]) | (values > stated[1])).mean() >= _OUTSIDE)


def _cut_marker(distinct: Floats, counts: Ints) -> tuple[Floats, Ints]:
    """Return ascending values (M,) and their counts without a few single values far above all others."""
    below = np.cumsum(counts)[:-1] / counts.sum()
    is_far = np.diff(distinct) > _GAP * (distinct[:-1] - distinct[0])
    is_far &= below > _OUTSIDE
    is_far[: max(_VARIED, len(distinct) - _MARKER) - 1] = False
    end = int(is_far.argmax()) + 1 if is_far.any() else len(distinct)
    return distinct[:end], counts[:end]


def _round_outward(low: float, high: float) -> PixelRange:
    """Return a range that holds ``low`` to ``high`` and changes little with them."""
    if low < 0 or high > low > high / 2:  # most of the contrast would be lost if it began at 0
        step = 2.0 ** floor(log2(high - low or 1) - 4)
        return floor(low / step) * step, (floor(high / step) + 1) * step
    top = 1.0
    while 0 < high <= top / 4:
        top /= 4
    while high > top:
        top = 4 * top + 3 if top > 1 else 3.0
    return 0.0, top
