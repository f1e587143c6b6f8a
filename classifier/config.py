"""Settings, each a frozen dataclass that checks itself; a default is written here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .errors import SettingError

Fit = Literal["crop", "whole", "squash"]
FITS: tuple[Fit, ...] = ("crop", "whole", "squash")


@dataclass(frozen=True)
class Limits:
    """How much one upload may bring. A limit stops the work before any harm is done.

    ``pixels`` is Pillow's own threshold for a suspected decompression bomb (89 megapixels).
    """

    files: int = 20_000
    bytes_unpacked: int = 4 * 2**30
    bytes_per_file: int = 128 * 2**20
    ratio: int = 200  # unpacked bytes per packed byte, over the whole archive
    pixels: int = 89_478_485
    label_letters: int = 80

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise SettingError(f"The limit “{name}” is {value}; it must be at least 1.")
