"""Splits that stand in the file names of photos in one place: train_001.jpg, test_001.jpg."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .photos import stem_of
from .split_names import split_of

_COVERED = 0.95  # share of the names that must have a word of a split
_WORD = re.compile(r"[^\W\d_]+")


def splits_of_names(names: Sequence[str]) -> dict[str, str]:
    """Return the split of each photo if nearly all names begin, or end, with the word of a split, train among them."""
    allowed = (1 - _COVERED) * len(names)
    for place in (0, -1):
        found: dict[str, str] = {}
        missing = 0
        for name in names:
            words = _WORD.findall(stem_of(name.rpartition("/")[2]))
            split = split_of(words[place]) if words else None
            if split:
                found[name] = split
            else:
                missing += 1
                if missing > allowed:
                    break
        if missing <= allowed and {"train"} < set(found.values()):
            return found
    return {}
