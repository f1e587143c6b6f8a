"""Values are kept while they fit, those used last."""

from __future__ import annotations

import pytest

from classifier.models.sized_cache import SizedCache


def test_what_was_used_last_is_kept_while_it_fits() -> None:
    cache = SizedCache(lambda key: key * 10, lambda value: value, most=60, fewest=1)
    assert [cache(key) for key in (1, 2, 3, 1)] == [10, 20, 30, 10]
    assert cache.misses == 3
    cache(2)
    cache(4)  # with it 1 and 3, which were used before, no longer fit
    assert cache.misses == 4
    cache(2)
    assert cache.misses == 4
    cache(3)
    assert cache.misses == 5
    assert cache(100) == 1000  # one value is kept whatever its size
    cache(100)
    assert cache.misses == 6


def test_an_error_is_raised_again_and_nothing_is_kept() -> None:
    cache = SizedCache(lambda key: 1 // key, lambda value: value, most=1, fewest=1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            cache(0)
    assert cache.misses == 0
