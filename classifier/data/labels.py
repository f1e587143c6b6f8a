"""Names of classes: cleaned, and in the order people expect."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from ..config import LIMITS, Limits


@lru_cache(maxsize=1024)  # thousands of photos share a few dozen class names
def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts as people do: “2” before “10”, capitals beside small letters."""
    # Digits are compared by length, then as text: int() refuses numbers of thousands of digits.
    numbered = [
        (0, len(piece.lstrip("0")), piece.lstrip("0")) if index % 2 else (1, 0, piece)
        for index, piece in enumerate(re.split("([0-9]+)", text.casefold()))
        if piece
    ]
    return (*numbered, (-1, 0, text))


def clean_label(text: str, limits: Limits = LIMITS) -> str:
    """A class name fit to be shown and stored: composed letters, single spaces, no invisible characters."""
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    visible = "".join(letter for letter in composed if not _is_invisible(letter))
    return " ".join(visible.split())[: limits.label_letters].strip()


def _is_invisible(letter: str) -> bool:
    """Controls, text-direction overrides, half characters; not the joiners of emoji and Indic words."""
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs") and letter not in "\u200c\u200d"
