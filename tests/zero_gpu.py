"""A stand-in for Hugging Face's ``spaces.GPU``: what it decorates runs in another process, which may be taken away.

As there, arguments and results are pickled, results are made before they are asked for, the process ends where the
iterator is closed, an error arrives without its kind, and what is decorated runs as it is in that process.
"""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from typing import Any

from classifier import leases
from tests import processes


class Lender:
    """Lends a GPU; ``durations`` are the seconds that were asked for.

    Args:
        taken_back: for each lease in turn, after how many results it ends early; None for one that is kept.
    """

    def __init__(self, *taken_back: int | None) -> None:
        self.durations: list[int] = []
        self._taken_back = list(taken_back)

    def gpu(self, duration: Callable[..., int]) -> Callable[[Any], Any]:
        """Decorate a generator function."""

        def decorate(task: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
            def lent(*args: Any) -> Iterator[Any]:
                self.durations.append(duration(*args))
                yield from self._run(task, args)

            return lent

        return decorate

    def _run(self, task: Callable[..., Iterator[Any]], args: tuple[Any, ...]) -> Iterator[Any]:
        left = self._taken_back.pop(0) if self._taken_back else None
        here, there = Pipe()
        process = processes.start(["-m", __name__], stdout=there)
        there.close()
        try:
            here.send_bytes(pickle.dumps((task, args)))
            while left != 0:
                kind, value = pickle.loads(here.recv_bytes())
                if kind == "end":
                    return
                if kind == "error":
                    raise RuntimeError(f"ZeroGPU worker error: {value}")
                left = None if left is None else left - 1
                yield value
            raise RuntimeError("ZeroGPU worker error: GPU task aborted")
        finally:
            process.kill()
            process.wait()
            here.close()


def work(connection: Connection) -> None:
    """Do what is asked for over a connection."""
    leases.host_on_zero_gpu(lambda duration: lambda task: task)
    task, args = pickle.loads(connection.recv_bytes())
    with suppress(BrokenPipeError, ConnectionResetError):  # nobody asks any more
        try:
            for value in task(*args):
                connection.send_bytes(pickle.dumps(("value", value)))
        except Exception as error:
            traceback.print_exc()
            connection.send_bytes(pickle.dumps(("error", type(error).__name__)))
        else:
            connection.send_bytes(pickle.dumps(("end", None)))


if __name__ == "__main__":
    work(Connection(1))
