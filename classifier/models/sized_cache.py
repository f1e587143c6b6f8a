"""Values that are kept while they fit: models, of which a server has more visitors' than fit into its memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SizedCache(Generic[K, V]):
    """Computes the value of a key once, and keeps the values used last; like ``functools.lru_cache``, by size.

    Threads that want a value that is not there wait for one of them to compute it. ``misses`` counts those computed.

    Args:
        compute: gives the value of a key.
        size: gives the bytes of a value.
        most: bytes of all values that are kept.
        fewest: values that are kept whatever their size.
    """

    def __init__(self, compute: Callable[[K], V], size: Callable[[V], int], most: int, fewest: int) -> None:
        self._compute, self._size, self._most, self._fewest = compute, size, most, fewest
        self._lock = threading.RLock()
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self.misses = 0

    def __call__(self, key: K) -> V:
        """Return the value of a key."""
        with self._lock:
            if key not in self._values:
                value = self._compute(key)
                self._values[key] = value, self._size(value)
                self.misses += 1
            self._values.move_to_end(key)
            while len(self._values) > self._fewest and sum(size for _, size in self._values.values()) > self._most:
                self._values.popitem(last=False)
            return self._values[key][0]
