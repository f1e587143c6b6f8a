"""Cells that hold several labels: cat|dog, “scab rust”."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_SEPARATORS = (re.compile(r"\s*\|\s*"), re.compile(r"\s*;\s*"), re.compile(r"\s*,\s*"), re.compile(r"\s+"))
_KNOWN = 0.8  # share of the parts that must stand alone in other cells
_MIN_SHARE = 0.02  # of the cells that must hold several labels


def split_values(values: Sequence[str]) -> set[str]:
    """Return the values of a column that join several labels; each part stands alone in other cells."""
    counts = Counter(value for value in values if value)
    alone = {value.casefold() for value in counts}
    for separator in _SEPARATORS:
        joined = {value: parts for value in counts if len(parts := set(separator.split(value.casefold()))) > 1}
        pieces = [part for found in joined.values() for part in found]
        known = sum(part in alone for part in pieces)
        share = sum(counts[value] for value in joined) / max(1, counts.total())
        if joined and known >= _KNOWN * len(pieces) and share >= _MIN_SHARE:
            return set(joined)
    return set()
