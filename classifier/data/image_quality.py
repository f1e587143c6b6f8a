"""Photos to fix: blurred, dark, blown-out, empty, tiny and odd-shaped ones, beside the others of their set.

A flaw is what is far from usual in the set: hands before a white wall are all bright, satellite tiles all small.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from . import perceptual_hash as seen

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Kind = Literal["blurred", "dark", "blown-out", "empty", "tiny", "odd-shaped"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Each limit stands between what 2,700 photos of eight sets have and what the same photos have once they are
# spoilt: blurred with a radius of a hundredth of the side, four times darker, lighter until white.
_BLURRED = 0.12  # sharpness
_DARK = 0.22  # of the brightest twentieth; white is 1
_LIGHT = 0.8  # of the darkest twentieth
_BLOWN_OUT = 0.75  # share of pixels as bright as can be
_EMPTY = 0.06  # between the darkest and the brightest twentieth
_TINY = 64  # pixels of the short side
_LONG = 3.0  # times as long as wide
_USUAL = 2.5  # times as far from the middle of the range as the typical photo of the set

WHAT_TO_DO: dict[Kind, str] = {
    "blurred": "it is blurred: take it again, or remove it if new photos will be sharp",
    "dark": "it is very dark: take it again with more light, or remove it",
    "blown-out": "it is so bright that little is left to see: take it again with less light, or remove it",
    "empty": "it shows next to nothing, one even surface: look whether it is the right photo, or remove it",
    "tiny": "it is very small: use the original photo if there is a larger one",
    "odd-shaped": "it is very long and thin, and is shrunk or cut to fit a square: cut out the part that matters",
}


@dataclass(frozen=True)
class QualityIssue:
    """What is wrong with a photo, by its place; ``sentence`` says what to do about it."""

    photo: int
    kind: Kind

    @property
    def sentence(self) -> str:
        return WHAT_TO_DO[self.kind]


def find_quality_issues(looks: Floats, widths: Ints, heights: Ints) -> list[QualityIssue]:
    """The photos that stand out as poor, by their looks (N, looks.WIDTH) and sizes in pixels (N,), in order."""
    if not len(looks):
        return []
    with np.errstate(invalid="ignore"):  # photos whose looks are not known are not judged by them
        found = dict(_found(looks, np.minimum(widths, heights), np.maximum(widths, heights)))
    return [QualityIssue(place, kind) for place in range(len(looks)) for kind in KINDS if found[kind][place]]


def _found(looks: Floats, short: Ints, long: Ints) -> Iterator[tuple[Kind, Flags]]:
    sharp, darkest, brightest, blown = (
        looks[:, name] for name in (seen.SHARPNESS, seen.DARKEST, seen.BRIGHTEST, seen.BLOWN_OUT)
    )
    contrast, shape = brightest - darkest, long / np.maximum(short, 1)
    empty = (contrast < _EMPTY) & (_usual(contrast) > _USUAL * _EMPTY) & (darkest < _LIGHT)
    dark = (brightest < _DARK) & (brightest * _USUAL < _usual(brightest))
    white = (darkest > _LIGHT) & (_usual(darkest) < _LIGHT / 2)
    white |= (blown > _BLOWN_OUT) & (blown > _usual(blown) * _USUAL)
    yield "dark", dark
    yield "blown-out", white & ~dark
    yield "empty", empty & ~dark & ~white
    yield "blurred", (sharp < _BLURRED) & (sharp * _USUAL < _usual(sharp)) & ~empty & ~dark & ~white
    yield "tiny", (short < _TINY) & (short * _USUAL < _usual(short))
    yield "odd-shaped", (shape > _LONG) & (shape > _usual(shape) * _USUAL / 2)


def _usual(values: NDArray[np.floating] | Ints) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else 0.0


def of_the_whole_set(widths: Ints, heights: Ints) -> Sequence[str]:
    """What holds for most photos and so is no flaw of any single one."""
    short = np.minimum(widths, heights)
    if len(short) and float(np.median(short)) < _TINY:
        return [
            f"Most photos are very small ({int(np.median(widths))} by {int(np.median(heights))} pixels): "
            "larger ones are told apart better."
        ]
    return []
