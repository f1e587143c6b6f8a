"""How random tests run: few and always the same examples, unless ``benchmarks/fuzz.py`` asks for others."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

_EXAMPLES = os.environ.get("FUZZ_EXAMPLES")  # set by benchmarks/fuzz.py, which also gives seeds of its own

# Letters that file systems, programs for zips and people bring in: marks, joiners, directions, devices, look-alikes.
ODD_LETTERS = (
    "aA1 ._-/\\:*?\"<>|&;'%$#\t\n\r\0\u0301\u0130\u0131\u00df\u200b\u200d\u202e\u2028\ufe0f\ufffd\ud83d\udc00😀日éЖ"
)
ODD_WORDS = (
    "train test val valid validation testing training set split images data cat dog CON nul .git __MACOSX Thumbs.db "
    "labels.csv train.csv readme.txt data.yaml a.jpg b.png .jpg jpg 0 1 007 unknown unlabeled masks mask original "
    "augmented 2024-01-02 person1 cat.1 dog_2 fold1 .. . ~ seg_train test_set my-test-images"
).split()


def fuzzed(examples: int, **others: Any) -> settings:
    """Return the settings of a random test: ``examples`` that never change, or as many as ``FUZZ_EXAMPLES`` says."""
    return settings(
        max_examples=int(_EXAMPLES) if _EXAMPLES else examples,
        derandomize=not _EXAMPLES,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),  # a found input is short enough, and smaller ones take minutes
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        **others,
    )


def odd_text(longest: int = 12) -> st.SearchStrategy[str]:
    """Return texts with letters that cause trouble, or any letters."""
    return st.one_of(
        st.text(st.sampled_from(ODD_LETTERS), max_size=longest),
        st.text(st.characters(), max_size=longest),
        st.sampled_from(ODD_WORDS),
    )


def json_values() -> st.SearchStrategy[object]:
    """Return any JSON value, with numbers that do not fit and texts of all letters."""
    numbers = st.one_of(st.integers(), st.floats(), st.sampled_from([2**63, -(2**200), 1e308, 0, -1, 2**31]))
    leaves = st.one_of(st.none(), st.booleans(), numbers, odd_text())
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(odd_text(6), inner, max_size=4)),
        max_leaves=8,
    )


def mutations() -> st.SearchStrategy[Callable[[bytes], bytes]]:
    """Return functions that damage a file: bytes changed, cut off, doubled, put in or taken out."""
    return st.builds(_mutation, st.integers(0, 2**32 - 1), st.integers(1, 12), st.booleans())


def _mutation(seed: int, count: int, head: bool) -> Callable[[bytes], bytes]:
    def mutate(content: bytes) -> bytes:
        rng = random.Random(seed)
        result = bytearray(content)
        for _ in range(count):
            if result:
                _change(result, rng, min(len(result), 400) if head else len(result))
        return bytes(result)

    mutate.__name__ = f"mutation_{seed}_{count}_{head}"
    return mutate


def _change(content: bytearray, rng: random.Random, room: int) -> None:
    """Change the content in one way, below ``room``."""
    place = rng.randrange(room)
    kind = rng.randrange(7)
    if kind < 3:
        content[place] = rng.choice(
            (0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256), content[place] ^ 1 << rng.randrange(8))
        )
    elif kind == 3:
        content[place : place + 4] = rng.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\1\0\0"))
    elif kind == 4:
        del content[place : place + rng.randrange(1, 40)]
    elif kind == 5:
        content[place:place] = content[place : place + rng.randrange(1, 40)]
    elif rng.random() < 0.2:
        del content[place:]


def shuffled(values: Sequence[str], seed: int) -> list[str]:
    """Return the values in another order."""
    result = list(values)
    random.Random(seed).shuffle(result)
    return result
