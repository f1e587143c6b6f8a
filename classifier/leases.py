"""A GPU that is lent for seconds, as on a ZeroGPU Space: work asks for it for as long as it is estimated to take.

Elsewhere the same functions run the work where it is, all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from math import ceil
from typing import Any, TypeVar

from .device import Device, choose
from .errors import ClassifierError
from .messages import Message
from .messages.device import DeviceCode

T = TypeVar("T")
_LEASE = 60.0  # seconds that a shared GPU is asked for where nothing is known of the work
_START = 10.0  # more, for the start of the process and the network's way to the GPU
SLICE = 50.0  # seconds of work, by the estimate, for which a shared GPU is asked for at most
_MULTIPLE = 64  # items of a slice: a whole number of batches
_PHOTO = 0.004  # seconds of a GPU for a photo and the first network of the table


class LeaseError(ClassifierError):
    """Raised where a shared GPU is refused, or taken back before the work is done."""


@dataclass(frozen=True)
class _Failure:
    """An error of work in another process, which passes on results alone."""

    kind: type[ClassifierError]
    message: Message


def _run_here(_seconds: float, work: Callable[..., Iterator[Any]], *args: Any) -> Iterator[Any]:
    yield from work(*args)


def _run_leased(_seconds: float, work: Callable[..., Iterator[Any]], *args: Any) -> Iterator[Any]:
    try:
        yield from work(*args)
    except ClassifierError as error:
        yield _Failure(type(error), error.message)


def _duration(seconds: float, *_: Any) -> int:
    return ceil(seconds + _START)


_runner = _run_here


def stream(work: Callable[..., Iterator[Any]], *args: Any, seconds: float = _LEASE - _START) -> Iterator[Any]:
    """Run a generator function that uses the device; all such work goes through this function.

    On a ZeroGPU Space it runs in another process, which has a GPU for about so many ``seconds``: ``work`` must be a
    function of a module, and its arguments and results must be picklable. Raises ``LeaseError`` where the GPU is
    refused, or taken back before the end.
    """
    if not is_lent():
        yield from _run_here(seconds, work, *args)
        return
    try:
        with closing(_runner(seconds, work, *args)) as results:  # type: ignore[type-var]
            for result in results:
                if isinstance(result, _Failure):
                    raise result.kind(result.message.code, **dict(result.message.arguments))
                yield result
    except ClassifierError:
        raise
    except Exception as error:  # of the package that lends the GPU
        raise LeaseError(DeviceCode.LEASE_LOST) from error


def slices(items: Sequence[T], cost: float) -> Iterator[Sequence[T]]:
    """Yield ``items`` in parts for each of which ``stream`` may be called; all at once where no GPU is lent.

    ``cost`` is that of an item relative to a photo in the first network of the table.
    """
    size = max(_MULTIPLE, int(SLICE / _PHOTO / cost) // _MULTIPLE * _MULTIPLE) if is_lent() else max(1, len(items))
    for start in range(0, len(items), size):
        yield items[start : start + size]


def estimate(count: int, cost: float) -> float:
    """Return the seconds that a GPU takes for so many photos; ``cost`` as for ``slices``."""
    return count * cost * _PHOTO


def is_lent() -> bool:
    """Return whether the GPU is one that is lent for seconds, as on a ZeroGPU Space."""
    return _runner is not _run_here


def for_long_work(device: Device) -> Device:
    """The device for work that takes minutes in one piece: the CPU where the GPU is lent for seconds."""
    return choose("cpu") if is_lent() else device


def host_on_zero_gpu(gpu: Callable[..., Any] | None = None) -> None:
    """Let ``stream`` ask for a GPU; ``serve`` calls this on a ZeroGPU Space only.

    Args:
        gpu: the decorator ``GPU`` of Hugging Face's package ``spaces``, which is there on such Spaces.
    """
    global _runner
    if gpu is None:
        import spaces  # type: ignore[import-not-found,unused-ignore]

        gpu = spaces.GPU
    _runner = gpu(duration=_duration)(_run_leased)
