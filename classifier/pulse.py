"""Processes that are lost without an error of the network: a machine without power, a cut cable, a stopped process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from torch.distributed import Store

BEAT = 5.0  # seconds between two signs of life of a process
PATIENCE = 40.0  # seconds without one after which it is lost


class Pulse:
    """While it is open, a sign of life of this process every few seconds; ``lost`` is called when another has none.

    The signs are counters in the store by which the processes found each other. A process that is only slow gives
    them too, so that a process may wait for others as long as their work takes.

    Args:
        store: no other thread waits for its answers.
        rank: the number of this process.
        world_size: the number of processes.
        lost: called in another thread.
        beat: seconds between two signs.
        patience: seconds without a sign.
    """

    def __init__(
        self, store: Store, rank: int, world_size: int, lost: Callable[[], None],
        beat: float = BEAT, patience: float = PATIENCE,
    ) -> None:  # fmt: skip
        self._store, self._rank, self._lost, self._beat, self._patience = store, rank, lost, beat, patience
        self._ended = threading.Event()
        self._heard = dict.fromkeys(range(world_size), monotonic())
        # Two threads: where the store does not answer, the first one waits for it.
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._give_signs, self._watch)]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _give_signs(self) -> None:
        counts: dict[int, int] = {}
        while not self._ended.wait(self._beat):
            for other in self._heard:
                try:
                    count = self._store.add(str(other), int(other == self._rank))
                except RuntimeError:  # the process of the store is gone, and nothing will be heard
                    return
                if count != counts.get(other):
                    self._heard[other], counts[other] = monotonic(), count

    def _watch(self) -> None:
        while not self._ended.wait(self._beat / 5):
            if monotonic() - min(self._heard.values()) > self._patience:
                self._lost()
                return
