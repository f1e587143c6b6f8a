"""Cells that hold several labels: cat|dog, “scab rust”."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

# Between labels, with the share of the parts that must stand alone in other cells.
_SEPARATORS = (
    (re.compile(r"\s*\|\s*"), 0.3),
    (re.compile(r"\s*;\s*"), 0.6),
    (re.compile(r"\s*,\s*"), 0.8),
    (re.compile(r"\s+"), 0.8),
)
_MIN_SHARE = 0.02  # of the cells that must hold several labels


def split_values(values: Sequence[str]) -> set[str]:
    """Return the values of a column that join several labels; each part stands alone in other cells."""
    counts = Counter(value for value in values if value)
    alone = {value.casefold() for value in counts}
    for separator, share_alone in _SEPARATORS:
        joined = {value: parts for value in counts if len(parts := set(separator.split(value.casefold()))) > 1}
        pieces = [part for found in joined.values() for part in found]
        known = sum(part in alone for part in pieces)
        share = sum(counts[value] for value in joined) / max(1, counts.total())
        if joined and known >= share_alone * len(pieces) and share >= _MIN_SHARE:
            return set(joined)
    return set()
