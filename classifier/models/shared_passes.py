"""Pictures of several callers in one pass of a network: what comes while a pass runs waits for the next one, together.

On a server each picture would otherwise wait for all those before it, one pass each.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Generic, TypeVar

S = TypeVar("S")
T = TypeVar("T")
MOST = 16  # pictures of one pass: the next one begins soon
_LONGEST_REST = 0.5  # seconds


@dataclass(eq=False)
class _Request(Generic[S, T]):
    """What one caller asks for, how many of its sources were taken for a pass, and the outputs so far."""

    key: Hashable
    sources: Sequence[S]
    compute: Callable[[list[S]], Iterable[T]]
    taken: int = 0
    outputs: list[T] = field(default_factory=list)
    error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        return self.error is not None or len(self.outputs) == len(self.sources)


class SharedPasses(Generic[S, T]):
    """Computes the outputs of sources for many threads, in one pass at a time.

    ``rest`` is called between two passes with the seconds that the first one took: while it waits, others have the
    device, and more sources come for the second one.

    Example::

        passes = SharedPasses()
        outputs = passes.run("model", sources, lambda together: run_network(together))
    """

    def __init__(self, rest: Callable[[float], object] = lambda seconds: None) -> None:
        self._rest = rest
        self._changed = threading.Condition()
        self._waiting: list[_Request[S, T]] = []
        self._is_running = False
        self._ended = self._seconds = 0.0  # of the last pass

    def run(self, key: Hashable, sources: Sequence[S], compute: Callable[[list[S]], Iterable[T]]) -> list[T]:
        """Return the outputs of ``sources`` in order, computed together with those of other callers.

        Args:
            key: what is equal for sources that may be computed together, such as the model.
            sources: those of this caller.
            compute: gives an output for each of the sources it gets, those of other callers with this key among them.
                What it raises is raised for all callers whose sources it got.
        """
        request = _Request(key, sources, compute)
        with self._changed:
            if sources:
                self._waiting.append(request)
            while not request.is_done:
                if self._is_running:
                    self._changed.wait()
                else:
                    self._run_pass()
        if request.error is not None:
            raise request.error
        return request.outputs

    def _run_pass(self) -> None:
        """Compute what waits longest and what may be with it; called with the lock, which is free meanwhile."""
        self._is_running = True
        if (seconds := min(_LONGEST_REST, self._ended + self._seconds - monotonic())) > 0:
            with self._unlocked():
                self._rest(seconds)
        group, started = self._take(), monotonic()
        outputs: list[T] = []
        error: BaseException | None = None
        try:
            with self._unlocked():
                outputs = list(group[0][0].compute([source for _, source in group]))
            if len(outputs) != len(group):
                raise RuntimeError("another number of outputs than of sources")
        except BaseException as raised:  # the callers raise it
            error = raised
        self._ended = monotonic()
        self._seconds = self._ended - started
        self._is_running = False
        for place, (request, _) in enumerate(group):
            if error is None:
                request.outputs.append(outputs[place])
            else:
                request.error = error
        self._waiting = [one for one in self._waiting if one.error is None]
        self._changed.notify_all()

    @contextmanager
    def _unlocked(self) -> Iterator[None]:
        self._changed.release()
        try:
            yield
        finally:
            self._changed.acquire()

    def _take(self) -> list[tuple[_Request[S, T], S]]:
        """Take sources for a pass, one of each caller in turn; callers that have more wait behind all others."""
        key = self._waiting[0].key
        group: list[tuple[_Request[S, T], S]] = []
        same = [one for one in self._waiting if one.key == key]
        while same and len(group) < MOST:
            request = same.pop(0)
            group.append((request, request.sources[request.taken]))
            request.taken += 1
            if request.taken < len(request.sources):
                same.append(request)
        served = {id(request) for request, _ in group}
        others = [one for one in self._waiting if id(one) not in served]
        more = [one for one in self._waiting if id(one) in served and one.taken < len(one.sources)]
        self._waiting = [*others, *more]
        return group
