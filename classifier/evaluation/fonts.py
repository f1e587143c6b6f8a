"""Fonts for drawn pictures, and which of them has the letters of a name.

Pillow brings a font that has English letters only. Fonts of the operating system are used for names that need others;
a name that no font has is left to its number, see ``pictures.draw_confusion``.
"""

from __future__ import annotations

import functools

from PIL import ImageFont
from PIL.ImageFont import FreeTypeFont

_SYSTEM_FONTS = ("DejaVuSans.ttf", "arial.ttf", "NotoSansCJK-Regular.ttc")
_UNDEFINED = "\uffff"  # is no letter, so that each font draws its sign for missing letters


def find_font(text: str, size: int) -> FreeTypeFont | None:
    """Return the first font of a size in pixels that has all letters of a text, or None."""
    return next((font for font in _fonts(size) if has_letters(font, text)), None)


def default_font(size: int) -> FreeTypeFont:
    """Return Pillow's own font in a size in pixels."""
    return _fonts(size)[0]


def has_letters(font: FreeTypeFont, text: str) -> bool:
    """Return whether a font draws each letter of a text as something other than its sign for missing letters."""
    missing = _shape(font, _UNDEFINED)
    return all(letter.isspace() or _shape(font, letter) != missing for letter in set(text))


def _shape(font: FreeTypeFont, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


@functools.lru_cache(maxsize=64)
def _fonts(size: int) -> tuple[FreeTypeFont, ...]:
    found = [ImageFont.load_default(size)]
    for name in _SYSTEM_FONTS:
        try:
            found.append(ImageFont.truetype(name, size))
        except OSError:  # this machine lacks it
            continue
    return tuple(font for font in found if isinstance(font, FreeTypeFont))
