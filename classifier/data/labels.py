"""Class names: cleaned, and in natural order."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from ..config import LIMITS, Limits

_JOINERS = "\u200c\u200d"  # zero width; parts of emoji and of words in Indic scripts and Persian


@lru_cache(maxsize=1024)  # thousands of photos share a few dozen class names
def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key for natural order: “2” before “10”, capital letters beside small ones."""
    # Digits are compared by their number, then as text: int() refuses numbers of thousands of digits.
    numbered = [
        (0, len(piece.lstrip("0")), piece.lstrip("0")) if index % 2 else (1, 0, piece)
        for index, piece in enumerate(re.split("([0-9]+)", text.casefold()))
        if piece
    ]
    return (*numbered, (-1, 0, text))


def clean_label(text: str, limits: Limits = LIMITS) -> str:
    """Normalize a class name: composed letters (NFC), single spaces, no invisible characters, limited length.

    The result is empty if nothing visible is left.
    """
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    visible = "".join(letter for letter in composed if not _is_invisible(letter))
    return " ".join(visible.split())[: limits.label_letters].strip()


def _is_invisible(letter: str) -> bool:
    """Return whether a character is a control, a text-direction override or half a surrogate pair."""
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs") and letter not in _JOINERS
